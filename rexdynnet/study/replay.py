"""Replay: observer and controller in shadow mode over recorded operation."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Observation
from rexdynnet.control.baseline import make_baseline
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.kinds import make_controller
from rexdynnet.control.ladder import Ladder
from rexdynnet.errors import Finding, InputError
from rexdynnet.simulation.dataset import KINDS, MEANS
from rexdynnet.simulation.plant import DenseOutput, Inputs
from rexdynnet.simulation.series import format_forcing
from rexdynnet.simulation.simulate import Collector, output_times
from rexdynnet.study.loop import Run, run
from rexdynnet.study.record import Record
from rexdynnet.study.run_dataset import Trace
from rexdynnet.study.run_kpis import Kpis, kpis_of
from rexdynnet.study.run_meters import count, metered_in_unit, new_tally
from rexdynnet.study.run_preview import PreviewMaker, electricity_means, fuel_prices
from rexdynnet.study.run_schedule import committed_schedule
from rexdynnet.study.run_sensors import flat_records
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.study.run_world import make_forecaster, make_world
from rexdynnet.study.scenario import SimulationScenario

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
CASES = ("recorded", "modelled", "instead")
SETTLE_S = 21600.0
"""How long the model's pipes may take to forget their unknown first temperatures."""


@dataclass(frozen=True)
class Follows:
    """How well the model follows one reading.

    Parameters
    ----------
    unit : str
    bias, rms : float
        Mean and root mean square of model minus record, in `unit`.
    spread : float
        Standard deviation of the record, for comparison.
    """

    unit: str
    bias: float
    rms: float
    spread: float


@dataclass(frozen=True)
class Replay:
    """What a replay gives.

    Parameters
    ----------
    data : xarray.Dataset
        By `time` and `reading`: `recorded` and `modelled`; by `case` and `time` the
        `total_heat` of all plants (NaN where it is not known); by `control_time` and `control`:
        `commanded` (recorded) and `shadow` (what the controller would have commanded, given the
        record's readings).
    recorded : Kpis
        Of the recorded operation, by the model under the recorded commands.
    follows : mapping of reading to Follows
        Over the time after `SETTLE_S`, where the record is longer than twice that.
    instead : Run or None
        The controller in closed loop against the model under the record's disturbances.
    """

    data: xr.Dataset
    recorded: Kpis
    follows: Mapping[str, Follows]
    instead: Run | None


def replay(
    record: Record,
    scenario: SimulationScenario,
    *,
    closed_loop: bool = True,
    progress: Callable[[float, float], None] | None = None,
) -> Replay:
    """Let a scenario's controller look on at recorded operation.

    Parameters
    ----------
    record : Record
    scenario : SimulationScenario
        With `[control]`; its span gives way to the record's, its weather and demand where the
        record has them. A section `[market]` is left out.
    closed_loop : bool
        Also run the controller against the model, to say what it would have cost.
    progress : callable, optional
        Called with (seconds done, seconds in all).

    Returns
    -------
    Replay

    Raises
    ------
    InputError
        No `[control]`, a record shorter than two control steps, or one that lacks a required
        input.
    SolverError
        The plant model found no solution under the recorded commands.
    """
    settings = scenario.closed_loop
    if settings is None:
        raise InputError(
            Finding(
                "the scenario has no controller",
                'add a section [control] with kind = "baseline"',
                file=scenario.source,
                field="control",
            )
        )
    scenario = _of_record(scenario, replace(settings, market=None), record)
    with tempfile.TemporaryDirectory() as folder:
        acting = Path(folder) / "acting.csv"
        acting.write_text(format_forcing(record.acting), encoding="utf-8")
        scenario = replace(scenario, series=(*scenario.series, acting))
        half = 2.0 if closed_loop else 1.0

        def told(done_s: float, total_s: float) -> None:
            if progress is not None:
                progress(done_s, half * total_s)

        def told_later(done_s: float, total_s: float) -> None:
            if progress is not None:
                progress(total_s + done_s, half * total_s)

        looked_on = _look_on(scenario, record, told)
        instead = run(scenario, progress=told_later) if closed_loop else None
    return looked_on if instead is None else _with_loop(looked_on, instead)


def _with_loop(looked_on: Replay, instead: Run) -> Replay:
    heat = looked_on.data["total_heat"].copy()
    heat.loc[{"case": "instead"}] = instead.data["plant_heat"].sum("plant").to_numpy()
    return replace(looked_on, data=looked_on.data.assign(total_heat=heat), instead=instead)


def _of_record(
    scenario: SimulationScenario, settings: RunSettings, record: Record
) -> SimulationScenario:
    step_s = settings.control.step_s
    start = record.acting.start_utc or scenario.start_utc
    settings = replace(settings, control=replace(settings.control, start_utc=start))
    steps = int(record.duration_s / step_s + 1e-9)
    if steps < 2:
        raise InputError(
            Finding(
                f"the record covers {steps} control steps",
                "give a longer record or a shorter control.step",
            )
        )
    demand = scenario.demand
    return replace(
        scenario,
        start_utc=start,
        duration_s=steps * step_s,
        demand=None if demand is None else replace(demand, presence=None),
        closed_loop=settings,
    )


def _look_on(
    scenario: SimulationScenario, record: Record, progress: Callable[[float, float], None]
) -> Replay:
    settings = scenario.closed_loop
    if settings is None:
        raise InputError(Finding("the scenario has no controller", "add a section [control]"))
    network, control, start = scenario.network, settings.control, scenario.start_utc
    world = make_world(scenario, settings)
    forecaster = make_forecaster(scenario, settings.forecast, world.truth)
    schedule = committed_schedule(scenario, settings, forecaster)
    bounds = ControlBounds(network, start)
    ladder = Ladder(make_controller(network, control), make_baseline(network, control), bounds)
    gate_s = settings.schedule.gate_s if settings.schedule else 0.0
    previews = PreviewMaker(
        forecaster, settings.prices, start, control.step_s, control.horizon_s, schedule, gate_s
    )
    steps = output_times(scenario.duration_s, control.step_s)
    commanded = _commanded(record, world.first, world.control_names, steps[:-1])
    state = world.plant.init(
        Inputs(commanded[0], world.disturbances_at(0.0)), world.parameters_at(0.0)
    )
    collector = Collector(output_times(scenario.duration_s, scenario.output_step_s))
    edges = steps if schedule is None else schedule.edges_s(start)
    tally, trace = new_tally(network, edges), Trace(bounds.signals)
    memory: object = None
    applied = commanded[0]
    for index, (begin, end) in enumerate(pairwise(steps.tolist())):
        readings = record.measured
        # what a unit has had so far is counted on the model: it takes what the record demands
        metered = {} if schedule is None else metered_in_unit(network, tally, begin)
        names = (*readings.names, *record.acting.names, *metered)
        values = [readings.at(begin), record.acting.at(begin), np.array([*metered.values()])]
        observation = Observation(begin, names, np.concatenate(values))
        preview = previews.at(begin, {})
        if memory is None:
            memory = ladder.init(observation, preview)
        decision = ladder.step(observation, preview, applied, memory)
        memory, applied = decision.state, commanded[index]
        trace.add(begin, decision, bounds.at(begin), observation)
        state, output = world.advance(state, applied, end)
        power = electricity_means(settings.prices, start, np.array([begin, end]))
        tally = count(tally, network, output, fuel_prices(network, settings.prices, power), power)
        collector.take(output)
        progress(end, scenario.duration_s)
    rows = collector.rows
    heats = {
        signal.component: commanded[:, place]
        for place, signal in enumerate(bounds.signals)
        if signal.quantity == "heat"
    }
    kpis = kpis_of(
        network,
        settings.prices,
        tally,
        {name: float(row[-1]) for name, row in rows.items() if name.startswith("energy_")},
        heats,
        trace.rungs,
        trace.iterations,
        None,
        float(np.mean(rows["outdoor_temperature"])),
    )
    modelled, recorded = _side_by_side(scenario, record, collector)
    follows = _scores(record, collector.times_s, modelled, recorded)
    data = _dataset(
        scenario,
        record,
        collector.times_s,
        modelled,
        recorded,
        trace,
        commanded,
        rows["plant_heat"].sum(axis=1),
    )
    return Replay(data, kpis, follows, None)


def _commanded(record: Record, first: Floats, names: tuple[str, ...], times_s: Floats) -> Floats:
    """Recorded commands at the control steps, in the plant's order; others stay as they begin."""
    rows = np.tile(first, (len(times_s), 1))
    found = record.commands.at(times_s)
    for place, name in enumerate(record.commands.names):
        rows[:, names.index(name)] = found[:, place]
    return rows


def _side_by_side(
    scenario: SimulationScenario, record: Record, collector: Collector
) -> tuple[Floats, Floats]:
    network, times = scenario.network, collector.times_s
    whole = record.measured.at(times)
    modelled = np.full_like(whole, np.nan)
    recorded = whole.copy()
    flat = flat_records(DenseOutput(times, collector.rows))
    for place, signal in enumerate(record.measured.signals):
        kind = next(
            kind
            for kind in KINDS
            if kind in {"plant", "substation", "tank"}
            and any(each.name == signal.component for each in getattr(network, f"{kind}s"))
        )
        each = [item.name for item in getattr(network, f"{kind}s")].index(signal.component)
        variable = f"{kind}_{signal.quantity}"
        modelled[:, place] = flat[variable][:, each]
        if variable in MEANS:
            # results keep means where an interval ends, records where it begins
            recorded[1:, place] = _held_means(record, place, times)
            recorded[0, place] = modelled[0, place] = np.nan
    return modelled, recorded


def _held_means(record: Record, place: int, times_s: Floats) -> Floats:
    at = record.measured.time_s
    values = record.measured.values[:, place]
    running = np.concatenate([[0.0], np.cumsum(values[:-1] * np.diff(at))])
    return np.diff(np.interp(times_s, at, running)) / np.diff(times_s)


def _scores(
    record: Record, times_s: Floats, modelled: Floats, recorded: Floats
) -> dict[str, Follows]:
    begin = SETTLE_S if times_s[-1] > 2 * SETTLE_S else 0.0
    found: dict[str, Follows] = {}
    for place, signal in enumerate(record.measured.signals):
        miss = (modelled - recorded)[times_s >= begin, place]
        sound = np.isfinite(miss)
        miss, seen = miss[sound], recorded[times_s >= begin, place][sound]
        found[signal.name] = Follows(
            signal.unit, float(miss.mean()), float(np.sqrt((miss**2).mean())), float(seen.std())
        )
    return found


def _dataset(
    scenario: SimulationScenario,
    record: Record,
    times_s: Floats,
    modelled: Floats,
    recorded: Floats,
    trace: Trace,
    commanded: Floats,
    plants_W: Floats,
) -> xr.Dataset:
    import xarray as xr

    each = ("control_time", "control")
    plants = [f"{plant.name}.heat" for plant in scenario.network.plants]
    places = [place for place, name in enumerate(record.measured.names) if name in plants]
    heat = np.full((len(CASES), len(times_s)), np.nan)
    if len(places) == len(plants):
        heat[0] = recorded[:, places].sum(axis=1)
    heat[1] = plants_W
    return xr.Dataset(
        {
            "recorded": (("time", "reading"), recorded),
            "modelled": (("time", "reading"), modelled),
            "total_heat": (("case", "time"), heat, {"units": "W"}),
            "commanded": (each, commanded),
            "shadow": (each, trace.controls),
            "shadow_rung": ("control_time", trace.rungs),
            "shadow_outcome": (
                "control_time",
                np.array([decision.outcome.number for decision in trace.decisions]),
            ),
            "shadow_cause": ("control_time", [decision.cause for decision in trace.decisions]),
        },
        {
            "time": ("time", times_s, {"units": "s"}),
            "control_time": ("control_time", np.array(trace.times_s), {"units": "s"}),
            "case": list(CASES),
            "reading": [signal.name for signal in record.measured.signals],
            "reading_unit": ("reading", [signal.unit for signal in record.measured.signals]),
            "control": [signal.name for signal in trace.signals],
            "control_unit": ("control", [signal.unit for signal in trace.signals]),
        },
        {
            "start_utc": scenario.start_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "network": scenario.network.name,
            "scenario": scenario.name,
        },
    )
