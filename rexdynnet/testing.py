"""Check that a controller of your own keeps the contract of `AbstractController`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import AbstractController, Decision, Observation, Preview
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import disturbances

Floats = NDArray[np.float64]
_SLACK = 1e-6


@dataclass(frozen=True)
class _Trial:
    """One situation that a controller must survive."""

    name: str
    observation: Observation
    preview: Preview
    applied: Floats


def check_controller(
    controller: AbstractController, network: Network, *, step_s: float = 900.0, steps: int = 96
) -> None:
    """Check that a controller keeps its contract on a network.

    Parameters
    ----------
    controller : AbstractController
    network : Network
    step_s : float
        Between decisions.
    steps : int
        Intervals of the preview.

    Raises
    ------
    InputError
        One finding for each promise that is broken: inputs finite, of the right shape and
        within bounds, in fair weather, without measurements, with an impossible forecast
        and after somebody overrode the last input; the same decision for the same
        arguments; no argument changed; nothing raised.

    Examples
    --------
    >>> from rexdynnet import read_network
    >>> from rexdynnet.control.baseline import make_baseline
    >>> from rexdynnet.control.settings import ControlSettings
    >>> network = read_network("models/networks/destest16_two_plants")
    >>> check_controller(make_baseline(network, ControlSettings()), network)
    """
    bounds = ControlBounds(network)
    findings: list[Finding] = []
    if not isinstance(controller, AbstractController):
        raise InputError(
            Finding(
                f"{type(controller).__name__} has no init and step",
                "write both as rexdynnet.control.base.AbstractController states them",
            )
        )
    trials = _trials(network, bounds, step_s, steps)
    state = _guarded("init", lambda: controller.init(trials[0].observation, trials[0].preview))
    if isinstance(state, Finding):
        raise InputError(state)
    memory: object = state
    for trial in trials:
        memory = _one(controller, trial, memory, bounds, findings)
    if findings:
        raise InputError(*findings)


def example_preview(network: Network, *, step_s: float = 900.0, steps: int = 96) -> Preview:
    """A calm winter day on which every substation takes half of its capacity.

    Parameters
    ----------
    network : Network
    step_s : float
    steps : int

    Returns
    -------
    Preview
    """
    row: list[float] = []
    designs = {substation.name: substation for substation in network.substations}
    cp = network.fluid.specific_heat_J_per_kgK
    for signal in disturbances(network):
        if signal.quantity == "heat_demand":
            row.append(0.5 * designs[signal.component].design_heat_W)
        elif signal.quantity == "mass_flow_demand":
            row.append(0.5 * designs[signal.component].design_heat_W / (cp * 30.0))
        elif signal.name == "outdoor.temperature":
            row.append(273.15)
        else:
            row.append(signal.default if signal.default is not None else signal.lower)
    edges = step_s * np.arange(steps + 1, dtype=np.float64)
    prices = {plant.name: np.full(steps, plant.fuel_price_EUR_per_MWh) for plant in network.plants}
    return Preview(edges, np.tile(np.array(row), (steps, 1)), np.full(steps, 180.0), prices)


def example_observation(network: Network, time_s: float = 0.0) -> Observation:
    """What the sensors of a network may show on such a day.

    Parameters
    ----------
    network : Network
    time_s : float

    Returns
    -------
    Observation
    """
    values: dict[str, float] = {"outdoor.temperature": 273.15, "ground.temperature": 281.15}
    cp = network.fluid.specific_heat_J_per_kgK
    for plant in network.plants:
        values |= _station(plant.name, plant.supply_temperature_K, 0.5 * plant.capacity_W, cp)
    for substation in network.substations:
        warm = substation.minimum_supply_temperature_K + 5.0
        values |= _station(substation.name, warm, 0.5 * substation.design_heat_W, cp)
    for tank in network.tanks:
        values[f"{tank.name}.mass_flow"] = 0.0
        for layer in range(tank.layers):
            hot = layer < tank.layers // 2
            values[f"{tank.name}.temperature_{layer}"] = 338.15 if hot else 315.15
    return Observation(time_s, tuple(values), np.array(list(values.values())))


def _station(name: str, supply_K: float, heat_W: float, cp: float) -> dict[str, float]:
    return {
        f"{name}.supply_temperature": supply_K,
        f"{name}.return_temperature": 313.15,
        f"{name}.mass_flow": heat_W / (cp * max(supply_K - 313.15, 1.0)),
        f"{name}.heat": heat_W,
        f"{name}.differential_pressure": 0.6e5,
    }


def _trials(
    network: Network, bounds: ControlBounds, step_s: float, steps: int
) -> tuple[_Trial, ...]:
    seen, ahead = example_observation(network), example_preview(network, step_s=step_s, steps=steps)
    usual = bounds.clipped(bounds.defaults, 0.0)
    lower, upper = bounds.at(0.0)

    def later(count: int) -> tuple[Observation, Preview]:
        moved = replace(ahead, time_s=ahead.time_s + count * step_s)
        return replace(seen, time_s=count * step_s), moved

    blind = replace(later(1)[0], values=np.full(len(seen.names), np.nan))
    heavy = ahead.disturbances.copy()
    for column, signal in enumerate(disturbances(network)):
        if signal.quantity in ("heat_demand", "mass_flow_demand"):
            heavy[:, column] *= 20.0
    unknown = np.full_like(ahead.disturbances, np.nan)
    extreme = np.where(np.isfinite(upper), upper, np.where(np.isfinite(lower), lower, 0.0))
    return (
        _Trial("a calm winter day", seen, ahead, usual),
        _Trial("no measurement at all", blind, later(1)[1], usual),
        _Trial(
            "demand far above capacity",
            later(2)[0],
            replace(later(2)[1], disturbances=heavy),
            usual,
        ),
        _Trial("an input that was overridden", *later(3), extreme),
        _Trial("a forecast of NaN", later(4)[0], replace(later(4)[1], disturbances=unknown), usual),
        _Trial("the day after all that", *later(5), usual),
    )


def _one(
    controller: AbstractController,
    trial: _Trial,
    state: object,
    bounds: ControlBounds,
    findings: list[Finding],
) -> object:
    before = copy.deepcopy((trial.observation.values, trial.preview.disturbances, trial.applied))

    def decide() -> Decision:
        return controller.step(trial.observation, trial.preview, trial.applied, state)

    first = _guarded(trial.name, decide)
    again = _guarded(trial.name, decide)
    if isinstance(first, Finding):
        findings.append(first)
        return state
    if not isinstance(first, Decision):
        findings.append(
            Finding(f"{trial.name}: step gives a {type(first).__name__}", "return a Decision")
        )
        return state
    after = (trial.observation.values, trial.preview.disturbances, trial.applied)
    if not all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, after, strict=True)):
        findings.append(Finding(f"{trial.name}: an argument was changed", "copy before you write"))
    values = np.asarray(first.controls, dtype=np.float64)
    findings += _input_findings(trial, values, bounds)
    if isinstance(again, Decision) and not np.array_equal(values, again.controls, equal_nan=True):
        findings.append(
            Finding(
                f"{trial.name}: the same arguments give two decisions",
                "keep all memory in the state, and key random numbers by the time",
            )
        )
    return first.state


def _input_findings(trial: _Trial, values: Floats, bounds: ControlBounds) -> list[Finding]:
    if values.shape != (len(bounds.signals),):
        what = f"{trial.name}: controls have shape {values.shape}"
        return [Finding(what, f"give {len(bounds.signals)} numbers in the order of plant.controls")]
    lower, upper = bounds.at(trial.observation.time_s)
    findings: list[Finding] = []
    for index, signal in enumerate(bounds.signals):
        slack = _SLACK * signal.nominal
        if not lower[index] - slack <= values[index] <= upper[index] + slack:
            findings.append(
                Finding(
                    f"{trial.name}: {signal.name} is {values[index]:g}",
                    f"keep it finite, from {lower[index]:g} to {upper[index]:g}",
                    component=signal.component,
                )
            )
    return findings


def _guarded(name: str, call: Callable[[], object]) -> object:
    try:
        return call()
    except Exception as error:
        return Finding(
            f"{name}: {type(error).__name__}: {error}",
            "catch it and say so by the decision's outcome; a loop must not stop",
        )
