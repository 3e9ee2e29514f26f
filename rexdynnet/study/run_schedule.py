"""What is committed in a run: its schedule, the units that count, and what became of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.schedule import read_schedule
from rexdynnet.errors import Finding, InputError
from rexdynnet.study.market_settings import MarketSettings
from rexdynnet.study.run_preview import Forecaster, schedule_from_forecast
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.study.scenario import SimulationScenario
from rexdynnet.timeline import Realisation, Schedule
from rexdynnet.units import format_duration

Floats = NDArray[np.float64]


def committed_schedule(
    scenario: SimulationScenario, settings: RunSettings, forecaster: Forecaster
) -> Schedule | None:
    """Schedule of a run, from its file or from forecasts; None where nothing is committed ahead."""
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


def check_units(schedule: Schedule, scenario: SimulationScenario) -> None:
    """Refuse a schedule of which no unit lies within the run."""
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


def check_market_times(scenario: SimulationScenario, step_s: float, market: MarketSettings) -> None:
    """Refuse units that the run or its control steps do not fill."""
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


def realised(
    scenario: SimulationScenario, schedule: Schedule, demanded: Floats, delivered: Floats
) -> Realisation:
    """What was reserved, demanded and delivered in each whole unit of a run."""
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
