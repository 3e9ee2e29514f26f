"""The closed loop: a controller against the plug-flow plant, through declared sensors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import AbstractController
from rexdynnet.control.baseline import make_baseline
from rexdynnet.control.bounds import ControlBounds
from rexdynnet.control.faults import Alarm
from rexdynnet.control.kinds import make_controller
from rexdynnet.control.ladder import Ladder
from rexdynnet.control.schedule import read_schedule
from rexdynnet.errors import Finding, InputError
from rexdynnet.simulation.plant import DenseOutput, Inputs, PlantState
from rexdynnet.simulation.simulate import Collector, output_times
from rexdynnet.study.market_session import Counted, MarketSession, open_session
from rexdynnet.study.market_settings import MarketSettings
from rexdynnet.study.run_checks import check_faults, warnings_of
from rexdynnet.study.run_dataset import Trace, loop_dataset
from rexdynnet.study.run_kpis import Kpis, kpis_of
from rexdynnet.study.run_meters import Tally, count, new_tally
from rexdynnet.study.run_preview import (
    Forecaster,
    PreviewMaker,
    electricity_means,
    fuel_prices,
    schedule_from_forecast,
)
from rexdynnet.study.run_safety import Supervision, make_supervision
from rexdynnet.study.run_sensors import WEATHER, Instruments, make_instruments
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.study.run_watch import FaultWatch, make_watch, watch_warnings
from rexdynnet.study.run_world import World, make_world
from rexdynnet.study.scenario import SimulationScenario, fitted_loads
from rexdynnet.timeline import Realisation, Schedule
from rexdynnet.units import format_duration

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
_GLANCE_S = 1.0
_HOUR_S = 3600.0


@dataclass(frozen=True)
class Run:
    """What a closed-loop run gives.

    Parameters
    ----------
    data : xarray.Dataset
        Everything that `simulate` writes, and the controller's decisions, schedule and
        energies per time unit.
    kpis : Kpis
    warnings : tuple of Finding
        What was allowed and still is unwise.
    alarms : tuple of Alarm
        Of the fault monitor, where the scenario has a section `[monitor]`.
    supervision : Supervision or None
        What the safety maintainer did; None where it was switched off.
    market : MarketSession or None
        What was traded and settled; None where the scenario has no section `[market]`.
    """

    data: xr.Dataset
    kpis: Kpis
    warnings: tuple[Finding, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    supervision: Supervision | None = None
    market: MarketSession | None = None


def run(
    scenario: SimulationScenario,
    *,
    controller: AbstractController | None = None,
    progress: Callable[[float, float], None] | None = None,
    warn: Callable[[Finding], None] | None = None,
    journal: Path | None = None,
) -> Run:
    """Run a scenario in closed loop.

    Parameters
    ----------
    scenario : SimulationScenario
        With a `[control]` section, or `controller` given.
    controller : AbstractController or None
        Used instead of the one that the scenario asks for. It too is wrapped in the
        failure ladder.
    progress : callable, optional
        Called with (seconds done, seconds in all) after every control step.
    warn : callable, optional
        Called with each of the run's warnings before its first step.
    journal : Path, optional
        New file in which the market's exchange records what it takes.

    Returns
    -------
    Run

    Raises
    ------
    InputError
        The scenario cannot be run: everything is checked before the first step.
    SolverError
        The plant itself found no solution; a controller's failure never raises.
    """
    ready = _prepared(scenario, controller)
    return _looped(ready, progress, warn, journal)


def check_run(scenario: SimulationScenario) -> str:
    """Check all that can be checked before a closed-loop run, and say what was understood.

    Parameters
    ----------
    scenario : SimulationScenario

    Returns
    -------
    str
        One line, and one for each warning.

    Raises
    ------
    InputError
        As `run`.
    """
    ready = _prepared(scenario, None)
    warnings = _begin(ready).warnings
    control, schedule = ready.settings.control, ready.previews.schedule
    committed = (
        "nothing committed"
        if schedule is None
        else f"{len(schedule.participants)} participants committed over {len(schedule.units)} units"
    )
    line = (
        f"closed loop by {control.kind.name.lower()}: a decision every "
        f"{format_duration(control.step_s)}, {len(ready.instruments.names)} sensors, {committed}, "
        f"{len(ready.settings.faults)} faults to come"
    )
    return "\n".join([line, *(f"warning: {finding}" for finding in warnings)])


@dataclass(frozen=True)
class _Ready:
    """A run about to begin."""

    scenario: SimulationScenario
    settings: RunSettings
    world: World
    forecaster: Forecaster
    instruments: Instruments
    ladder: Ladder
    previews: PreviewMaker
    watch: FaultWatch | None
    supervision: Supervision | None


def _prepared(scenario: SimulationScenario, controller: AbstractController | None) -> _Ready:
    settings = scenario.closed_loop
    if settings is None:
        if controller is None:
            raise InputError(
                Finding(
                    "the scenario has no controller",
                    'add a section [control] with kind = "baseline", or simulate it instead',
                    file=scenario.source,
                    field="control",
                )
            )
        settings = RunSettings()
    control = replace(settings.control, start_utc=scenario.start_utc)
    settings = replace(settings, control=control)
    network = scenario.network
    world = make_world(scenario, settings)
    fitted = fitted_loads(scenario)
    presence = None if scenario.demand is None else scenario.demand.presence
    forecaster = Forecaster(
        network, world.truth, settings.forecast, scenario.seed, fitted, presence
    )
    schedule = _schedule(scenario, settings, forecaster)
    if schedule is not None:
        _check_units(schedule, scenario)
    instruments = make_instruments(network, settings.sensors, scenario.seed)
    check_faults(world, (*instruments.names, *WEATHER), scenario.source)
    inner = make_controller(network, control) if controller is None else controller
    ladder = Ladder(
        inner, make_baseline(network, control), ControlBounds(network, control.start_utc)
    )
    gate = settings.schedule.gate_s if settings.schedule else 0.0
    previews = PreviewMaker(
        forecaster,
        settings.prices,
        scenario.start_utc,
        control.step_s,
        control.horizon_s,
        schedule,
        gate,
    )
    watch = None
    if settings.monitor is not None:
        quality, source = settings.sensors, scenario.source
        watch = make_watch(network, settings.monitor, quality, scenario.seed, source)
    unit_s = _HOUR_S
    if settings.market is not None:
        unit_s = settings.market.unit_s
        gate = settings.market.gate_s
        previews = replace(previews, gate_s=gate, forecaster=forecaster.of_operator, committed=True)
        _check_market(scenario, control.step_s, settings.market)
    elif schedule is not None:
        unit_s = schedule.unit_s
    supervision = make_supervision(
        network, world, settings, schedule, scenario.start_utc, scenario.duration_s, unit_s
    )
    return _Ready(
        scenario, settings, world, forecaster, instruments, ladder, previews, watch, supervision
    )


@dataclass(frozen=True)
class _Start:
    """The plant as it is found, and what its sensors show."""

    state: PlantState
    output: DenseOutput
    controls: Floats
    warnings: tuple[Finding, ...]


def _begin(ready: _Ready) -> _Start:
    world, step_s = ready.world, ready.settings.control.step_s
    first = ready.ladder.bounds.clipped(world.first, 0.0)
    state = world.plant.init(Inputs(first, world.disturbances_at(0.0)), world.parameters_at(0.0))
    # The plant records only while it moves: a glance ahead shows what the sensors see now.
    _, output = world.advance(state, first, min(_GLANCE_S, step_s, ready.scenario.duration_s))
    output = _first_row(output)
    flows = output.records["pipe_mass_flow"][0]
    found = warnings_of(ready.scenario.network, ready.settings, flows, ready.previews.schedule)
    if ready.watch is not None:
        duration_s = ready.scenario.duration_s
        found += watch_warnings(ready.watch.settings, ready.settings.faults, duration_s)
    return _Start(state, output, first, found)


def _looped(
    ready: _Ready,
    progress: Callable[[float, float], None] | None,
    warn: Callable[[Finding], None] | None,
    journal: Path | None,
) -> Run:
    scenario, settings, world = ready.scenario, ready.settings, ready.world
    instruments, ladder, previews = ready.instruments, ready.ladder, ready.previews
    safety = ready.supervision
    network, control = scenario.network, settings.control
    schedule = previews.schedule
    steps = output_times(scenario.duration_s, control.step_s)
    collector = Collector(output_times(scenario.duration_s, scenario.output_step_s))
    market = _market(ready, journal)
    edges = steps if schedule is None else schedule.edges_s(scenario.start_utc)
    if market is not None:
        edges = market.edges_s
    tally = new_tally(network, edges)
    begun = _begin(ready)
    state, output, warnings = begun.state, begun.output, begun.warnings
    if warn is not None:
        for finding in warnings:
            warn(finding)
    read = instruments.init(output)
    trace = Trace(ladder.bounds.signals)
    applied, memory = begun.controls, None
    for begin, end in pairwise(steps):
        silent = world.silent_at(begin)
        metered: dict[str, float] = {}
        if schedule is not None or market is not None:
            metered = _metered(scenario, tally.energy_in_unit(begin))
        observation, read = instruments.observe(read, output, silent, metered)
        if market is not None:
            counted = _counted(tally, output)
            previews = market.at(observation, applied, previews, tally, counted)
            schedule = previews.schedule
            if safety is not None:
                safety.schedule = schedule
        preview = previews.at(begin, world.faults_of(world.disturbance_names, begin))
        if memory is None:
            memory = ladder.init(observation, preview)
        decision = ladder.step(observation, preview, applied, memory)
        memory, applied = decision.state, decision.controls
        trace.add(begin, decision, ladder.bounds.at(begin), observation)
        if safety is None:
            state, output = world.advance(state, applied, float(end))
        else:
            state, output, applied = safety.advance(
                world, state, applied, float(end), decision.rung
            )
        span = np.array([begin, end])
        power_price = electricity_means(settings.prices, scenario.start_utc, span)
        fuels = fuel_prices(network, settings.prices, power_price)
        tally = count(tally, network, output, fuels, power_price)
        collector.take(output)
        if ready.watch is not None:
            ready.watch.take(output, silent)
        if progress is not None:
            progress(float(end), scenario.duration_s)
    if market is not None:
        market.finish(tally, _counted(tally, output))
        schedule = market.whole_schedule()
    realisation = (
        None
        if schedule is None
        else _realised(scenario, schedule, tally.demanded_J, tally.delivered_J)
    )
    energies = {
        name: float(rows[-1]) for name, rows in collector.rows.items() if name.startswith("energy_")
    }
    kpis = kpis_of(
        network,
        settings.prices,
        tally,
        energies,
        trace.commands("heat"),
        trace.rungs,
        trace.iterations,
        realisation,
        float(np.mean(collector.rows["outdoor_temperature"])),
    )
    data = loop_dataset(scenario, settings, collector, trace, realisation, kpis)
    alarms: tuple[Alarm, ...] = ()
    if ready.watch is not None:
        data, alarms = ready.watch.assign(data), ready.watch.alarms
        data = data.assign_attrs(monitor="\n".join(ready.watch.lines()))
    if safety is not None:
        safety.finish()
        data = safety.label(data)
    told = "\n".join(str(finding) for finding in warnings)
    return Run(data.assign_attrs(warnings=told), kpis, warnings, alarms, safety, market)


def _market(ready: _Ready, journal: Path | None) -> MarketSession | None:
    settings, scenario = ready.settings, ready.scenario
    if settings.market is None:
        return None
    forecaster, network = ready.forecaster, scenario.network
    start, duration = scenario.start_utc, scenario.duration_s
    return open_session(
        network,
        settings,
        settings.market,
        forecaster,
        start,
        duration,
        scenario.seed,
        journal,
    )


def _counted(tally: Tally, output: DenseOutput) -> Counted:
    spent = sum(tally.integrals.get(name, 0.0) for name in ("fuel_EUR", "electricity_EUR"))
    records = output.records
    return Counted(spent, float(records["energy_lost"][-1]), float(records["energy_dumped"][-1]))


def _schedule(
    scenario: SimulationScenario, settings: RunSettings, forecaster: Forecaster
) -> Schedule | None:
    wanted = settings.schedule
    if wanted is None:
        return None
    if wanted.file is None:
        return schedule_from_forecast(
            forecaster, scenario.start_utc, scenario.duration_s, wanted.unit_s, wanted.gate_s
        )
    schedule = read_schedule(wanted.file, scenario.network, unit_s=wanted.unit_s)
    edges = schedule.edges_s(scenario.start_utc)
    if edges[0] > 1e-6 or edges[-1] < scenario.duration_s - 1e-6:
        raise InputError(
            Finding(
                f"the schedule covers {edges[0] / 3600:g} to {edges[-1] / 3600:g} h of the run, "
                f"which takes {scenario.duration_s / 3600:g} h",
                "add the missing time units (0 where nothing is reserved) or shorten the run",
                file=wanted.file,
                field="unit_start_utc",
            )
        )
    return schedule


def _check_units(schedule: Schedule, scenario: SimulationScenario) -> None:
    if not _whole_units(schedule, scenario).any():
        raise InputError(
            Finding(
                f"no time unit of {format_duration(schedule.unit_s)} lies within the run of "
                f"{format_duration(scenario.duration_s)}",
                "give a longer duration or shorter units",
                file=scenario.source,
                field="schedule.unit",
            )
        )


def _check_market(scenario: SimulationScenario, step_s: float, market: MarketSettings) -> None:
    for name, value in (("duration", scenario.duration_s), ("market.unit", market.unit_s)):
        each = market.unit_s if name == "duration" else step_s
        if abs(value / each - round(value / each)) > 1e-9:
            what = "time units" if name == "duration" else "control steps"
            raise InputError(
                Finding(
                    f"{format_duration(value)} is no whole number of {what}",
                    f"give a multiple of {format_duration(each)}",
                    file=scenario.source,
                    field=name,
                )
            )


def _metered(scenario: SimulationScenario, energies: Floats | None) -> dict[str, float]:
    names = [f"{s.name}.energy_in_unit" for s in scenario.network.substations]
    values = np.full(len(names), np.nan) if energies is None else energies
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _realised(
    scenario: SimulationScenario, schedule: Schedule, demanded: Floats, delivered: Floats
) -> Realisation:
    names = [substation.name for substation in scenario.network.substations]
    reserved = np.zeros_like(demanded)
    for column, name in enumerate(schedule.participants):
        if name in names:
            reserved[:, names.index(name)] = schedule.energy_J[:, column]
    inside = _whole_units(schedule, scenario)
    units = tuple(unit for unit, use in zip(schedule.units, inside, strict=True) if use)
    return Realisation(tuple(names), units, reserved[inside], demanded[inside], delivered[inside])


def _whole_units(schedule: Schedule, scenario: SimulationScenario) -> NDArray[np.bool_]:
    """Units that lie within the run: of others only a part would be metered."""
    edges = schedule.edges_s(scenario.start_utc)
    return (edges[:-1] > -1e-6) & (edges[1:] < scenario.duration_s + 1e-6)


def _first_row(output: DenseOutput) -> DenseOutput:
    return DenseOutput(output.times_s[:1], {k: v[:1] for k, v in output.records.items()})
