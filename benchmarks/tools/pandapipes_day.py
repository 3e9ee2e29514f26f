"""A day of pandapipes' Schutterwald heat network by the minute: their stepping against ours."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.interchange.pandapipes import from_pandapipes
from rexdynnet.network.graph import Network
from rexdynnet.simulation.plant import DenseOutput, Inputs, Plant
from rexdynnet.simulation.plugflow import PlugFlowPlant

Floats = NDArray[np.float64]

STEP_s = 60.0
STEPS = 1440
COOLING_K = 20.0
GROUND_K = 283.15
DENSITY, SPECIFIC_HEAT, VISCOSITY = 983.2, 4185.0, 4.0e-4


@dataclass(frozen=True)
class SchutterwaldDay:
    """The case: flows of the consumers and the pump's outlet temperature by the minute.

    Parameters
    ----------
    net : pandapipesNet
    network : Network
    flows : (STEPS, n_consumers) array
        kg/s.
    supply_K : (STEPS,) array
    """

    net: Any
    network: Network
    flows: Floats
    supply_K: Floats


def schutterwald_net() -> Any:
    """pandapipes' network with constant properties and consumers that cool by a constant."""
    import pandapipes as pp
    from pandapipes.networks import schutterwald_heat

    logging.getLogger("pandapipes").setLevel(logging.ERROR)
    net = schutterwald_heat()
    net["fluid"] = pp.create_constant_fluid(
        "water", "liquid", density=DENSITY, viscosity=VISCOSITY, heat_capacity=SPECIFIC_HEAT
    )
    net.pipe["text_k"] = GROUND_K
    net.heat_consumer["qext_w"] = np.nan
    net.heat_consumer["deltat_k"] = COOLING_K
    return net


def schutterwald_day(seed: int = 1) -> SchutterwaldDay:
    """Draw a day: a daily wave, minute noise and a weather-compensated supply."""
    net = schutterwald_net()
    rng = np.random.default_rng(seed)
    wave = np.sin(2 * np.pi * np.arange(STEPS) / STEPS)
    count = len(net.heat_consumer)
    flows = 0.35 * (0.8 + 0.2 * wave[:, None]) * rng.uniform(0.7, 1.3, (STEPS, count))
    return SchutterwaldDay(net, from_pandapipes(net, "schutterwald"), flows, 343.15 - 5.0 * wave)


def step_pandapipes(case: SchutterwaldDay, *, transient: bool) -> Callable[[], None]:
    """A job that solves the next step each time it is called, from the last one's solution.

    Parameters
    ----------
    transient : bool
        pandapipes' implicit-Euler pipes instead of quasi-steady ones.
    """
    import pandapipes as pp

    step = 0

    def solve() -> None:
        nonlocal step
        case.net.heat_consumer["controlled_mdot_kg_per_s"] = case.flows[step % STEPS]
        case.net.circ_pump_pressure["t_flow_k"] = case.supply_K[step % STEPS]
        extra = {"transient": True, "dt": STEP_s, "simulation_time_step": step}
        pp.pipeflow(case.net, mode="sequential", **(extra if transient else {}))
        step += 1

    return solve


def schutterwald_inputs(case: SchutterwaldDay, plant: Plant) -> list[Inputs]:
    """Inputs of our plant by step."""
    u = np.array([signal.default for signal in plant.controls], dtype=float)
    d = np.array([signal.default for signal in plant.disturbances], dtype=float)
    hot = [i for i, s in enumerate(plant.controls) if s.quantity == "supply_temperature"]
    place = {s.component: i for i, s in enumerate(plant.disturbances) if "flow" in s.quantity}
    drawn = [place[substation.name] for substation in case.network.substations]
    rows: list[Inputs] = []
    for flows, supply in zip(case.flows, case.supply_K, strict=True):
        u, d = u.copy(), d.copy()
        u[hot] = supply
        d[drawn] = flows
        rows.append(Inputs(u, d))
    return rows


def run_schutterwald(plant: PlugFlowPlant, rows: list[Inputs]) -> DenseOutput:
    """Our plant over the day, inputs jumping every minute."""
    pieces = [(row, row, (step + 1) * STEP_s) for step, row in enumerate(rows)]
    return plant.advance_over(plant.init(rows[0]), pieces)[1]
