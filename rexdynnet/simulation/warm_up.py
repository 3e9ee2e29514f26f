"""Compile the kernels once, so that the first run of a user does not wait for it.

`python -m rexdynnet.simulation.warm_up` is part of the set-up of a checkout.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from rexdynnet.network.random import random_tree
from rexdynnet.simulation.plant import Inputs
from rexdynnet.simulation.plugflow import PlugFlowPlant


def warm_up() -> float:
    """Run a tiny network, which compiles and stores every kernel that is not stored yet.

    Returns
    -------
    float
        Seconds that it took.
    """
    begin = time.perf_counter()
    plant = PlugFlowPlant(random_tree(2, seed=1))
    held = Inputs(
        np.array(
            [
                signal.nominal if signal.default is None else signal.default
                for signal in plant.controls
            ]
        ),
        np.array(
            [
                signal.nominal if signal.default is None else signal.default
                for signal in plant.disturbances
            ]
        ),
    )
    state = plant.init(held)
    plant.advance(state, held, held, 60.0)
    return time.perf_counter() - begin


if __name__ == "__main__":
    sys.stderr.write("compiling the simulation kernels (once, a minute or two) ...\n")
    sys.stderr.write(f"kernels ready after {warm_up():.0f} s\n")
