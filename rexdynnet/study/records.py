"""Shape of a scenario file's sections; pydantic stands only here."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from rexdynnet.errors import InputError
from rexdynnet.network.entries import nearest
from rexdynnet.network.fields import Name, NotNegative, Positive, Record, Share
from rexdynnet.simulation.plant import Method
from rexdynnet.simulation.profile import BuildingKind
from rexdynnet.timeline import parse_utc
from rexdynnet.units import parse_duration


def _duration(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is not a duration|write for example 15min, 36h or 7d")
    try:
        return parse_duration(value)
    except InputError as error:
        first = error.findings[0]
        raise ValueError(f"{first.what}|{first.remedy}") from None


def _instant(value: Any) -> datetime:
    try:
        instant = parse_utc(value)
    except (InputError, AttributeError):
        raise ValueError(
            f"{value!r} is not a date and time|write it like 2026-01-15T06:00:00Z"
        ) from None
    if instant.year not in _YEARS:
        raise ValueError(
            f"the year {instant.year} is far off|give one from {_YEARS[0]} to {_YEARS[-1]}"
        )
    return instant


def _method(value: Any) -> Any:
    names = {method.name.lower(): method for method in Method}
    if isinstance(value, str) and value.lower() not in names:
        raise ValueError(f"the method {value!r} is unknown|use one of {', '.join(names)}")
    return names[value.lower()] if isinstance(value, str) else value


def _building(value: Any) -> Any:
    names = {kind.name.lower(): kind for kind in BuildingKind}
    names |= {kind.value.lower(): kind for kind in BuildingKind}
    if isinstance(value, str) and value.lower() not in names:
        raise ValueError(f"the building {value!r} is unknown|{nearest(value.lower(), names)}")
    return names[value.lower()] if isinstance(value, str) else value


_YEARS = range(1900, 2201)
_LONGEST_S = 20 * 365 * 86400.0
DurationField = Annotated[float, BeforeValidator(_duration)]
InstantField = Annotated[datetime, BeforeValidator(_instant)]
MethodField = Annotated[Method, BeforeValidator(_method)]
BuildingField = Annotated[BuildingKind, BeforeValidator(_building)]
Construction = Annotated[int, Field(ge=1, le=11)]


class HeadRecord(Record):
    """Keys above the first section."""

    name: Name | None = None
    description: str = ""
    network: Name
    seed: Annotated[int, Field(ge=0)] = 1
    series: tuple[str, ...] = ()


class TimeRecord(Record):
    """Section `[time]`."""

    start_utc: InstantField
    duration: Annotated[DurationField, Field(le=_LONGEST_S)]
    output_step: DurationField = 600.0


class SimulationRecord(Record):
    """Section `[simulation]`."""

    method: MethodField = Method.PLUGFLOW
    fmu: Name | None = None


class WeatherRecord(Record):
    """Section `[weather]`: a test reference year of the DWD, or a file (EPW, TMY3)."""

    region: Annotated[int, Field(ge=1, le=15)] | None = None
    file: Name | None = None
    ground_depth_m: NotNegative = 1.0
    ground_diffusivity_m2_per_s: Positive = 6e-7


class LoadRecord(Record):
    """Each `[demand.substations.NAME]`, which overrides, and `[demand]`."""

    building: BuildingField | None = None
    construction: Construction | None = None
    windy: bool | None = None
    full_load_hours: Positive | None = None
    annual_heat_J: Positive | None = None


class DemandRecord(LoadRecord):
    """Section `[demand]`."""

    fitted: Name | None = None


class DiversityRecord(Record):
    """Section `[demand.diversity]`."""

    shift_s: NotNegative = 2700.0
    day_spread: NotNegative = 0.05
    hot_water_spread: NotNegative = 0.5


class PresenceRecord(Record):
    """Section `[demand.presence]`."""

    away_share: Annotated[float, Field(ge=0.0, lt=1.0)]
    away: DurationField = 48 * 3600.0
    remaining_share: Annotated[float, Field(gt=0.0, le=1.0)] = 0.5


class OperationRecord(Record):
    """Section `[operation]`."""

    outdoor_averaging: DurationField = 6 * 3600.0


class PlantOperationRecord(Record):
    """Section `[operation.plants.NAME]`."""

    supply_temperature_K: Positive | None = None
    supply_difference_K: float = 0.0
    differential_pressure_Pa: Positive | None = None
    heat_share: Share | None = None


class ScheduleRecord(Record):
    """Section `[[operation.schedules]]`; `signal` ends with the unit of `values`."""

    signal: Name
    hours: tuple[float, ...]
    values: tuple[float, ...]
