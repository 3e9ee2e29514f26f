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
from rexdynnet.control.collectors import opened
from rexdynnet.control.faults import Alarm
from rexdynnet.control.kinds import make_controller
from rexdynnet.control.ladder import Ladder
from rexdynnet.errors import Finding, InputError
from rexdynnet.simulation.plant import DenseOutput, Inputs, PlantState
from rexdynnet.simulation.sensors import SensorState
from rexdynnet.simulation.simulate import Collector, output_times
from rexdynnet.study.building_tables import with_flats
from rexdynnet.study.checkpoint import Fixed, Keep, Keeper
from rexdynnet.study.market_costs import Counted
from rexdynnet.study.market_producers import check_participants
from rexdynnet.study.market_session import MarketSession, open_session
from rexdynnet.study.market_tables import with_market
from rexdynnet.study.run_checks import check_faults, warnings_of
from rexdynnet.study.run_dataset import Trace, loop_dataset
from rexdynnet.study.run_kpis import Kpis, kpis_of
from rexdynnet.study.run_meters import Tally, count, metered_in_unit, new_tally
from rexdynnet.study.run_preview import (
    Forecaster,
    PreviewMaker,
    electricity_means,
    fuel_prices,
)
from rexdynnet.study.run_safety import Supervision, make_supervision
from rexdynnet.study.run_schedule import (
    check_market_times,
    check_units,
    committed_schedule,
    realised,
)
from rexdynnet.study.run_sensors import WEATHER, Instruments, make_instruments
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.study.run_watch import FaultWatch, make_watch, watch_warnings
from rexdynnet.study.run_world import World, make_forecaster, make_world
from rexdynnet.study.scenario import SimulationScenario
from rexdynnet.timeline import Schedule
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
    keep: Keep | None = None,
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
        Called with (seconds done, seconds in all) at the start and after every control step;
        a run that is taken up starts where it was broken off.
    warn : callable, optional
        Called with each of the run's warnings before its first step.
    keep : Keep, optional
        Folder for checkpoints and the exchange's journal; a run of the same scenario that was
        broken off goes on from it, to the same result.

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
    return _looped(ready, progress, warn, keep)


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
    forecaster = make_forecaster(scenario, settings.forecast, world.truth)
    schedule = committed_schedule(scenario, settings, forecaster)
    if schedule is not None:
        check_units(schedule, scenario)
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
        check_market_times(scenario, control.step_s, settings.market)
        check_participants(settings.market, network, scenario.source)
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


@dataclass
class _Moving:
    """All that moves in a run; with what is built anew, it is the whole of it."""

    done: int
    state: PlantState
    output: DenseOutput
    read: SensorState
    tally: Tally
    collector: Collector
    trace: Trace
    applied: Floats
    schedule: Schedule | None
    market: MarketSession | None
    safety: Supervision | None
    watch: FaultWatch | None
    memory: object = None
    warnings: tuple[Finding, ...] = ()


def _begun(ready: _Ready, steps: Floats, market: MarketSession | None) -> _Moving:
    scenario, schedule = ready.scenario, ready.previews.schedule
    edges = steps if schedule is None else schedule.edges_s(scenario.start_utc)
    if market is not None:
        edges = market.edges_s
    begun = _begin(ready)
    return _Moving(
        0,
        begun.state,
        begun.output,
        ready.instruments.init(begun.output),
        new_tally(scenario.network, edges),
        Collector(output_times(scenario.duration_s, scenario.output_step_s)),
        Trace(ready.ladder.bounds.signals),
        begun.controls,
        schedule,
        market,
        ready.supervision,
        ready.watch,
        warnings=begun.warnings,
    )


def _step(ready: _Ready, now: _Moving, begin: float, end: float) -> None:
    """Move on by one control step."""
    scenario, settings, world = ready.scenario, ready.settings, ready.world
    previews, market, ladder = ready.previews, now.market, ready.ladder
    silent = world.silent_at(begin)
    metered: dict[str, float] = {}
    if now.schedule is not None or market is not None:
        metered = metered_in_unit(scenario.network, now.tally, begin)
    observation, now.read = ready.instruments.observe(now.read, now.output, silent, metered)
    previews = replace(previews, schedule=now.schedule)
    if market is not None:
        counted = _counted(market, now.tally, now.output)
        previews = market.at(observation, now.applied, previews, now.tally, counted)
        now.schedule = previews.schedule
        if market.shifts_W:
            world = replace(world, shifts_W=market.shifts_W)
        if now.safety is not None:
            now.safety.schedule = now.schedule
    preview = previews.at(begin, world.faults_of(world.disturbance_names, begin))
    if now.memory is None:
        now.memory = ladder.init(observation, preview)
    decision = ladder.step(observation, preview, now.applied, now.memory)
    now.memory, now.applied = decision.state, decision.controls
    acting = opened(ladder.bounds, decision.controls, preview)
    decision = replace(decision, controls=acting)
    now.trace.add(begin, decision, ladder.bounds.at(begin), observation)
    if now.safety is None:
        now.state, now.output = world.advance(now.state, acting, end)
    else:
        now.state, now.output, relieved = now.safety.advance(
            world, now.state, acting, end, decision.rung
        )
        # a controller remembers what it planned, unless the maintainer held that back
        now.applied = np.where(relieved == acting, now.applied, relieved)
    span = np.array([begin, end])
    power_price = electricity_means(settings.prices, scenario.start_utc, span)
    fuels = fuel_prices(scenario.network, settings.prices, power_price)
    now.tally = count(now.tally, scenario.network, now.output, fuels, power_price)
    now.collector.take(now.output)
    if now.watch is not None:
        now.watch.take(now.output, silent)
    now.done += 1


def _looped(
    ready: _Ready,
    progress: Callable[[float, float], None] | None,
    warn: Callable[[Finding], None] | None,
    keep: Keep | None,
) -> Run:
    scenario = ready.scenario
    steps = output_times(scenario.duration_s, ready.settings.control.step_s)
    kept = None if keep is None else Keeper(keep, (scenario, type(ready.ladder.inner).__qualname__))
    market = _market(ready, None if kept is None else kept.journal)
    # before the first step: what is made lazily from then on is stored with what moves
    fixed = Fixed(_fixed(ready, market))
    try:
        now = None if kept is None else kept.load(fixed)
        if not isinstance(now, _Moving):
            now = _begun(ready, steps, market)
        if warn is not None:
            for finding in now.warnings:
                warn(finding)
        if progress is not None:
            progress(float(steps[now.done]), scenario.duration_s)
        for begin, end in tuple(pairwise(steps))[now.done :]:
            _step(ready, now, float(begin), float(end))
            if kept is not None and kept.due:
                if market is not None:
                    market.exchange.commit()
                kept.save(now, fixed)
            if progress is not None:
                progress(float(end), scenario.duration_s)
        return _ended(ready, now)
    finally:
        if market is not None:
            market.exchange.close()


def _ended(ready: _Ready, now: _Moving) -> Run:
    scenario, settings, tally = ready.scenario, ready.settings, now.tally
    schedule, market, safety = now.schedule, now.market, now.safety
    if market is not None:
        market.finish(tally, _counted(market, tally, now.output))
        schedule = market.whole_schedule()
    realisation = (
        None
        if schedule is None
        else realised(scenario, schedule, tally.demanded_J, tally.delivered_J)
    )
    rows, trace = now.collector.rows, now.trace
    energies = {name: float(row[-1]) for name, row in rows.items() if name.startswith("energy_")}
    kpis = kpis_of(
        scenario.network,
        settings.prices,
        tally,
        energies,
        trace.commands("heat"),
        trace.rungs,
        trace.iterations,
        realisation,
        float(np.mean(rows["outdoor_temperature"])),
    )
    data = loop_dataset(scenario, settings, now.collector, trace, realisation, kpis)
    alarms: tuple[Alarm, ...] = ()
    if now.watch is not None:
        data, alarms = now.watch.assign(data), now.watch.alarms
        data = data.assign_attrs(monitor="\n".join(now.watch.lines()))
    if safety is not None:
        safety.finish()
        data = safety.label(data)
    if market is not None:
        data = with_flats(with_market(data, market), market)
    told = "\n".join(str(finding) for finding in now.warnings)
    return Run(data.assign_attrs(warnings=told), kpis, now.warnings, alarms, safety, market)


def _fixed(ready: _Ready, market: MarketSession | None) -> dict[str, object]:
    """What a new start builds again; what moves must not be reached from it."""
    found: dict[str, object] = {
        "scenario": ready.scenario,
        "settings": ready.settings,
        "world": ready.world,
        "forecaster": ready.forecaster,
        "instruments": ready.instruments,
        "ladder": ready.ladder,
        "previews": ready.previews,
    }
    if ready.supervision is not None:
        found["maintainer"] = ready.supervision.maintainer
    if ready.watch is not None:
        found |= {"monitor": ready.watch.monitor, "meters": ready.watch.sensors}
    if market is not None:
        found |= {"exchange": market.exchange, "planner": market.planner, "people": market.people}
        found["producers"] = market.producers
    return found


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


def _counted(market: MarketSession, tally: Tally, output: DenseOutput) -> Counted:
    spent = sum(tally.integrals.get(name, 0.0) for name in ("fuel_EUR", "electricity_EUR"))
    spent -= market.producers.spent_EUR(tally)
    records = output.records
    return Counted(spent, float(records["energy_lost"][-1]), float(records["energy_dumped"][-1]))


def _first_row(output: DenseOutput) -> DenseOutput:
    return DenseOutput(output.times_s[:1], {k: v[:1] for k, v in output.records.items()})
