"""Random days with faults, and what must hold in each whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.settings import ControllerKind
from rexdynnet.errors import RexdynnetError
from rexdynnet.network.graph import Network
from rexdynnet.network.inputs import controls, disturbances
from rexdynnet.network.spec import PlantControl
from rexdynnet.safety.settings import MonitorSettings
from rexdynnet.study.loop import Run, run
from rexdynnet.study.run_settings import Fault, FaultKind
from rexdynnet.study.run_world import make_world
from rexdynnet.study.scenario import SimulationScenario

Floats = NDArray[np.float64]

DAY_S = 86400.0
BOOK_TOLERANCE = 1e-6
HARD_LIMITS = (
    MonitorSettings(
        "supply below 95 degC but for 60 s",
        "always eventually [60 s] SUBSTATION.supply_temperature <= 95 degC",
    ),
    MonitorSettings(
        "pressure below 10 bar but for 60 s", "always eventually [60 s] NODE.pressure <= 10 bar"
    ),
    MonitorSettings(
        "pressure above 1 bar but for 60 s", "always eventually [60 s] NODE.pressure >= 1 bar"
    ),
)
_KINDS = ("trip", "valve", "sensor", "demand", "injection", "hot", "pump")
_MOST_DAYS = 120


@dataclass(frozen=True)
class Verdict:
    """What a run with faults showed.

    Parameters
    ----------
    name : str
    failures : tuple of str
        Empty where all holds.
    figures : mapping of str to float
    """

    name: str
    failures: tuple[str, ...]
    figures: Mapping[str, float]

    @property
    def passed(self) -> bool:
        """Whether all holds."""
        return not self.failures


def random_case(
    base: SimulationScenario, number: int, *, kind: ControllerKind = ControllerKind.BASELINE
) -> SimulationScenario:
    """One random day with one to four faults.

    Parameters
    ----------
    base : SimulationScenario
        A closed-loop scenario; its dates are taken from November to February.
    number : int
        The same number gives the same day.
    kind : ControllerKind

    Returns
    -------
    SimulationScenario
    """
    if base.closed_loop is None:
        raise ValueError("the base is no closed-loop scenario")
    draw = np.random.default_rng([20270101, number])
    network = base.network
    present = [each for each in _KINDS if _can(network, each)]
    count = int(draw.integers(1, 5))
    faults: list[Fault] = []
    for each in draw.choice(present, size=count, replace=count > len(present)):
        faults += _fault(network, str(each), draw)
    safety = replace(base.closed_loop.safety, monitors=HARD_LIMITS)
    settings = replace(
        base.closed_loop,
        control=replace(base.closed_loop.control, kind=kind),
        faults=tuple(faults),
        safety=safety,
    )
    autumn = base.start_utc.replace(month=11, day=1)
    start = autumn + timedelta(days=int(draw.integers(0, _MOST_DAYS)))
    return replace(
        base,
        name=f"{network.name}_{number}",
        start_utc=start,
        duration_s=DAY_S,
        output_step_s=600.0,
        seed=number,
        faults=tuple(faults),
        closed_loop=settings,
    )


def examine(case: SimulationScenario) -> Verdict:
    """Run a case and check what must hold.

    Parameters
    ----------
    case : SimulationScenario

    Returns
    -------
    Verdict
        Failures name exceptions, values that are no numbers, unbooked energy and hard limits
        exceeded for longer than allowed, these only where a witness keeps them.
    """
    begin = perf_counter()
    try:
        done = run(case)
    except RexdynnetError as error:
        return Verdict(case.name, (f"raised: {error}",), {"seconds": perf_counter() - begin})
    failures: list[str] = []
    for name, values in done.data.data_vars.items():
        if (
            values.dtype.kind == "f"
            and "time" in values.dims
            and not str(name).startswith("monitor_")
            and not bool(np.isfinite(values.values).all())
        ):
            failures.append(f"{name} has values that are no numbers")
    figures = {"seconds": perf_counter() - begin, **unbooked(case, done)}
    failures += [
        f"{name} is {figures[name]:.3g} of the energy"
        for name in ("demand_unbooked", "dump_unbooked", "balance_unbooked")
        if not figures[name] <= BOOK_TOLERANCE
    ]
    if done.supervision is not None:
        figures |= {f"{word}_h": hours for word, hours in done.supervision.hours().items()}
        figures["events"] = float(len(done.supervision.fired))
        figures["curtailed_kWh"] = float(done.supervision.curtailed_J.sum()) / 3.6e6
        broken = [s for s in done.supervision.scores if s.robustness < 0.0]
        if done.supervision.watched.notes:
            failures.append(done.supervision.watched.notes[0])
        if broken:
            helpless = witness(case)
            figures["exempt"] = float(sum(score.name in helpless for score in broken))
            failures += [
                f"{score.name}: {score.robustness:+.3g} {score.unit} at {score.worst}"
                for score in broken
                if score.name not in helpless
            ]
    return Verdict(case.name, tuple(failures), figures)


def unbooked(case: SimulationScenario, done: Run) -> dict[str, float]:
    """Energies that the books do not explain, as shares.

    Parameters
    ----------
    case : SimulationScenario
    done : Run

    Returns
    -------
    dict of str to float
        `demand_unbooked`: demands of the forcing (integrated on their own) against delivered,
        curtailed and otherwise unserved heat, per substation, over all demand;
        `dump_unbooked`: dumped per time unit against the plant's own account;
        `balance_unbooked`: the plant's energy balance with delivered heat taken from the
        trajectories.
    """
    data, settings = done.data, case.closed_loop
    if settings is None:
        raise ValueError("the case is no closed-loop scenario")
    world = make_world(case, settings)
    names = [f"{s.name}.heat_demand" for s in case.network.substations]
    columns = [world.disturbance_names.index(name) for name in names]
    asked = np.zeros(len(columns))
    for span in world.spans(world.first, 0.0, case.duration_s):
        ends = span.start.disturbances[columns] + span.end.disturbances[columns]
        asked += 0.5 * ends * (span.end_s - span.start_s)
    steps = np.diff(data["time"].values)[:, None]

    def total(name: str) -> Floats:
        return np.asarray((data[name].values[1:] * steps).sum(axis=0))

    delivered = total("substation_heat")
    curtailed = data["substation_curtailed_energy"].values[-1]
    otherwise = total("substation_unserved_heat") - curtailed
    scale = max(float(asked.sum()), 1.0)
    plants = float(data["energy_plants"][-1])
    dumped = float(data["energy_dumped"][-1])
    booked = float(data["unit_dumped_energy"].sum()) if "unit_dumped_energy" in data else 0.0
    found = {
        "demand_unbooked": float(np.abs(asked - delivered - curtailed - otherwise).sum()) / scale,
        "negative_unserved": float(np.maximum(-otherwise, 0.0).sum()) / scale,
        "dump_unbooked": abs(dumped - booked) / max(plants, scale),
    }
    rest = plants + float(data["energy_makeup"][-1]) - float(delivered.sum()) - booked
    rest -= float(data["energy_lost"][-1]) + float(data["energy_stored"][-1])
    found["balance_unbooked"] = abs(rest) / max(plants, scale)
    units = float(data["unit_curtailed_energy"].sum())
    found["demand_unbooked"] += abs(units - float(np.sum(curtailed))) / scale
    return found


def witness(case: SimulationScenario) -> frozenset[str]:
    """Hard limits that nothing admissible would have kept.

    Parameters
    ----------
    case : SimulationScenario

    Returns
    -------
    frozenset of str
        Rules that are broken even where, from the instant of the first fault on, every demand is
        curtailed, every cooler open and every plant tripped.
    """
    if case.closed_loop is None:
        raise ValueError("the case is no closed-loop scenario")
    first = min(fault.start_s for fault in case.closed_loop.faults)
    network, end = case.network, case.duration_s
    known = {signal.name for signal in (*controls(network), *disturbances(network))}
    wanted = {f"{plant.name}.availability": 0.0 for plant in network.plants}
    wanted |= {f"{each.name}.heat_demand": 0.0 for each in network.substations}
    wanted |= {f"{tank.name}.mass_flow": 0.0 for tank in network.tanks}
    extra = tuple(Fault(name, first, end, value) for name, value in wanted.items() if name in known)
    faults = (*case.closed_loop.faults, *extra)
    safety = replace(case.closed_loop.safety, monitors=HARD_LIMITS)
    settings = replace(case.closed_loop, faults=faults, safety=safety)
    try:
        done = run(replace(case, faults=faults, closed_loop=settings))
    except RexdynnetError:
        return frozenset()
    scores = done.supervision.scores if done.supervision is not None else ()
    return frozenset(score.name for score in scores if score.robustness < 0.0)


def _can(network: Network, kind: str) -> bool:
    feeders = any(plant.control is PlantControl.HEAT for plant in network.plants)
    return {
        "pump": bool(network.pumps),
        "injection": feeders,
        "valve": _stickable(network) != [],
    }.get(kind, True)


def _stickable(network: Network) -> list[tuple[str, float, float]]:
    names = [(f"{t.name}.mass_flow", -1.0, 1.0) for t in network.tanks]
    names += [(f"{d.name}.heat", 0.0, d.capacity_W) for d in network.dumps]
    names += [(f"{p.name}.speed", 0.0, 1.2) for p in network.pumps]
    names += [
        (f"{p.name}.differential_pressure", 0.0, p.maximum_differential_pressure_Pa)
        for p in network.balancing_plants
    ]
    return names


def _fault(network: Network, kind: str, draw: np.random.Generator) -> list[Fault]:
    begin = float(draw.uniform(0.5, 16.0)) * 3600.0
    end = begin + float(draw.uniform(0.2, 7.0)) * 3600.0
    if kind == "trip":
        plant = network.plants[int(draw.integers(len(network.plants)))]
        return [Fault(f"{plant.name}.availability", begin, end, 0.0)]
    if kind == "pump":
        pump = network.pumps[int(draw.integers(len(network.pumps)))]
        return [Fault(f"{pump.name}.availability", begin, end, 0.0)]
    if kind == "valve":
        known = _stickable(network)
        name, low, high = known[int(draw.integers(len(known)))]
        return [Fault(name, begin, end, float(draw.uniform(low, high)))]
    if kind == "sensor":
        weather = ["outdoor.temperature", "ground.temperature"]
        plants = [f"{plant.name}.supply_temperature" for plant in network.plants]
        lost = draw.choice([*weather, *plants], size=2, replace=False)
        return [Fault(str(name), begin, end, kind=FaultKind.SENSOR) for name in lost]
    if kind == "hot":
        plant = network.plants[int(draw.integers(len(network.plants)))]
        value = 273.15 + float(draw.uniform(40.0, 110.0))
        return [Fault(f"{plant.name}.supply_temperature", begin, end, value)]
    if kind == "injection":
        feeders = [plant for plant in network.plants if plant.control is PlantControl.HEAT]
        plant = feeders[int(draw.integers(len(feeders)))]
        return [
            Fault(
                f"{plant.name}.heat", begin, end, float(draw.uniform(0.3, 1.0)) * plant.capacity_W
            )
        ]
    capacity = sum(plant.capacity_W for plant in network.plants)
    level = float(draw.uniform(0.3, 1.5)) * capacity
    design = np.array([s.design_heat_W for s in network.substations])
    shares = design * draw.uniform(0.5, 1.5, len(design))
    shares /= shares.sum()
    return [
        Fault(f"{each.name}.heat_demand", begin, end, float(level * share))
        for each, share in zip(network.substations, shares, strict=True)
    ]
