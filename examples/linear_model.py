"""The symbolic model of a network: steady state, index check and a linear model for control."""

import numpy as np

import rexdynnet as rdn
from rexdynnet.dae import Point, defaults, index1_check, linearise, steady_state

dae = rdn.build_dae(rdn.read_network("models/networks/one_pipe_bench"))
print(dae)

u = defaults(dae.u)
d = defaults(dae.d, {"consumer.mass_flow_demand": 1.0})
p = defaults(dae.p)
x, z = steady_state(dae, u, d, p)
point = Point(x, z, u, d, p)
print(index1_check(dae, point))

linear = linearise(dae, point)
slowest_s = -1 / np.linalg.eigvals(linear.A).real.max()
print(f"{len(linear.x_names)} states; slowest time constant {slowest_s:.0f} s")
