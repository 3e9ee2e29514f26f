"""Shape of every table and section of the network files, and the way from text to SI values.

Pydantic stands only here, at the border. A field is named after its SI unit;
every other unit of the same quantity in `rexdynnet.units` is accepted too
(`length_km` for `length_m`, `temperature_degC` for `temperature_K`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from rexdynnet.errors import Finding
from rexdynnet.network.entries import Entry, nearest
from rexdynnet.network.spec import Line, PlantControl, PlantKind, SubstationControl
from rexdynnet.units import PURE, UNITS, Unit, split_unit

_COORDINATES = ("x_m", "y_m", "elevation_m")
_SMALLEST, _LARGEST = 1e-12, 1e15
_DIFFERENCES = ("difference_K", "band_K")


class Lines(Enum):
    """Which lines a row of nodes.csv or pipes.csv makes."""

    BOTH = "both"
    SUPPLY = "supply"
    RETURN = "return"

    @property
    def line(self) -> Line | None:
        """The single line, None for both."""
        return None if self is Lines.BOTH else Line(self.value)


class Arrangement(Enum):
    """How the two pipes of a trench lie."""

    SINGLE = "single"
    TWIN = "twin"


def _member(kind: type[Enum], value: Any) -> Any:
    if isinstance(value, str):
        word = value.strip().lower().replace(" ", "_")
        for member in kind:
            if member.name.lower() == word:
                return member
        names = [member.name.lower() for member in kind]
        raise ValueError(f"'{value}' is unknown|{nearest(value, names)}")
    return value


def _instant(value: Any) -> Any:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip())
        except ValueError:
            raise ValueError(
                f"'{value}' is not a date with time|write it like 2026-01-15T06:00:00Z"
            ) from None
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(
                "the time has no time zone|write it with one, such as 2026-01-15T06:00:00Z"
            )
        return value.astimezone(UTC)
    raise ValueError(f"{value} is not a date with time|write it like 2026-01-15T06:00:00Z")


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, BeforeValidator(_text), Field(min_length=1)]
Instant = Annotated[datetime, BeforeValidator(_instant)]
LinesField = Annotated[Lines, BeforeValidator(lambda value: _member(Lines, value))]
ArrangementField = Annotated[Arrangement, BeforeValidator(lambda v: _member(Arrangement, v))]
SubstationControlField = Annotated[
    SubstationControl, BeforeValidator(lambda value: _member(SubstationControl, value))
]
KindField = Annotated[PlantKind, BeforeValidator(lambda value: _member(PlantKind, value))]
ControlField = Annotated[PlantControl, BeforeValidator(lambda value: _member(PlantControl, value))]


class Record(BaseModel):
    """Common rules: nothing unknown, nothing infinite, nothing that changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class NodeRow(Record):
    """One row of nodes.csv: a place with both lines, or a node of one line."""

    node: Name
    x_m: float = 0.0
    y_m: float = 0.0
    elevation_m: float = 0.0
    volume_m3: Positive = 0.02
    line: LinesField = Lines.BOTH
    place: str = ""


class PipeTypeRecord(Record):
    """What a pipe type may state, and every row of pipes.csv too."""

    inner_diameter_m: Positive | None = None
    heat_loss_W_per_mK: NotNegative | None = None
    coupling_W_per_mK: NotNegative | None = None
    insulation_thickness_m: NotNegative | None = None
    insulation_conductivity_W_per_mK: Positive | None = None
    casing_thickness_m: NotNegative | None = None
    casing_conductivity_W_per_mK: Positive | None = None
    burial_depth_m: Positive | None = None
    spacing_m: Positive | None = None
    outer_heat_transfer_W_per_m2K: Positive | None = None
    arrangement: ArrangementField | None = None
    casing_diameter_m: Positive | None = None
    wall_thickness_m: Positive | None = None
    wall_density_kg_per_m3: Positive | None = None
    wall_specific_heat_J_per_kgK: Positive | None = None
    wall_conductivity_W_per_mK: Positive | None = None
    roughness_m: NotNegative | None = None
    minor_loss: NotNegative | None = None
    maximum_flow_kg_per_s: Positive | None = None


class PipeRow(PipeTypeRecord):
    """One row of pipes.csv: a trench with both lines, or a pipe of one line."""

    name: Name | None = None
    from_node: Name
    to_node: Name
    length_m: Positive
    pipe_type: Name | None = None
    line: LinesField = Lines.BOTH
    trench: str = ""
    partner: Name | None = None


class SubstationRow(Record):
    """One row of substations.csv."""

    name: Name | None = None
    node: Name | None = None
    supply_node: Name | None = None
    return_node: Name | None = None
    design_heat_W: Positive
    control: SubstationControlField = SubstationControl.HEAT
    valve_kv_kg_per_s: Positive | None = None
    valve_kv_m3_per_s: Positive | None = None
    return_temperature_K: float | None = None
    cooling_difference_K: Positive | None = None
    exchanger_ua_W_per_K: Positive | None = None
    secondary_supply_temperature_K: float | None = None
    secondary_return_temperature_K: float | None = None
    minimum_differential_pressure_Pa: NotNegative = 0.5e5
    minimum_supply_temperature_K: float = 333.15
    priority: Annotated[int, Field(ge=0)] = 1
    building_capacity_J_per_K: Positive | None = None
    building_loss_W_per_K: Positive | None = None
    building_setpoint_temperature_K: float | None = None
    building_band_K: Positive | None = None
    building_solar_area_m2: NotNegative | None = None


class ProvenanceRecord(Record):
    """Section `[provenance]`."""

    title: str = ""
    source: str = ""
    licence: str = ""
    note: str = ""


class FluidRecord(Record):
    """Section `[fluid]`."""

    density_kg_per_m3: Positive = 983.2
    specific_heat_J_per_kgK: Positive = 4185.0
    viscosity_Pa_s: Positive | None = None
    conductivity_W_per_mK: Positive | None = None
    reference_temperature_K: float = 333.15


class GroundRecord(Record):
    """Section `[ground]`."""

    temperature_K: float = 283.15
    conductivity_W_per_mK: Positive | None = None


class HeatingCurveRecord(Record):
    """Section `[heating_curve]`: supply temperature over outdoor temperature."""

    outdoor_K: tuple[float, ...] = ()
    supply_K: tuple[float, ...] = ()


class EndsRecord(Record):
    """A component between the two lines: `node`, or both nodes by name."""

    name: Name
    node: Name | None = None
    supply_node: Name | None = None
    return_node: Name | None = None


class PlantRecord(EndsRecord):
    """Section `[[plants]]`; fields as in `rexdynnet.network.spec.Plant`."""

    kind: KindField
    control: ControlField
    capacity_W: Positive
    minimum_load_W: NotNegative | None = None
    ramp_W_per_s: Positive | None = None
    start_cost_EUR: NotNegative | None = None
    efficiency: Share | None = None
    electric_efficiency: Annotated[float, Field(ge=0, lt=1)] | None = None
    source_temperature_K: float | None = None
    collector_area_m2: NotNegative | None = None
    optical_efficiency: Share | None = None
    collector_loss_W_per_m2K: NotNegative | None = None
    fuel_price_EUR_per_MWh: float | None = None
    co2_kg_per_MWh_fuel: NotNegative | None = None
    supply_temperature_K: float | None = None
    maximum_supply_temperature_K: float | None = None
    differential_pressure_Pa: Positive | None = None
    worst_point: bool | None = None
    maximum_differential_pressure_Pa: Positive | None = None
    pump_efficiency: Share | None = None


class TankRecord(EndsRecord):
    """Section `[[tanks]]`."""

    volume_m3: Positive
    height_m: Positive
    layers: Annotated[int, Field(ge=2, le=1000)] | None = None
    loss_W_per_m2K: NotNegative | None = None
    maximum_flow_kg_per_s: Positive | None = None


class DumpRecord(EndsRecord):
    """Section `[[dumps]]`."""

    capacity_W: Positive
    return_temperature_K: float | None = None


class BypassRecord(EndsRecord):
    """Section `[[bypasses]]`."""

    kv_kg_per_s: Positive
    setpoint_K: float | None = None
    band_K: Positive | None = None


class PumpRecord(Record):
    """Section `[[pumps]]`."""

    name: Name
    from_node: Name
    to_node: Name
    shut_off_Pa: Positive
    curvature_Pa_per_kg2s2: NotNegative
    efficiency: Share | None = None


class ValveRecord(Record):
    """Section `[[valves]]`."""

    name: Name
    from_node: Name
    to_node: Name
    kv_kg_per_s: Positive
    check: bool | None = None


class HoldingRecord(Record):
    """Section `[[pressure_holding]]`; the pressure is absolute."""

    node: Name
    pressure_Pa: Positive = 3.0e5
    makeup_temperature_K: float = 283.15


class OutageRecord(Record):
    """Section `[[outages]]`."""

    component: Name
    start: Instant
    end: Instant
    reason: str = ""


class LimitRecord(Record):
    """Section `[[limits]]`; `quantity` carries the unit of `lower` and `upper`."""

    component: Name
    quantity: Name
    start: Instant
    end: Instant
    lower: float | None = None
    upper: float | None = None


Kind = TypeVar("Kind", bound=Record)


@cache
def accepted(kind: type[Record]) -> Mapping[str, tuple[str, Unit | None]]:
    """Every spelling a record accepts, with its SI field and the unit to convert from.

    Parameters
    ----------
    kind : type of Record

    Returns
    -------
    mapping
        Spelling to (field, unit); unit None where nothing is converted.
    """
    names: dict[str, tuple[str, Unit | None]] = {}
    for field in kind.model_fields:
        stem, own = split_unit(field)
        if own is not PURE and not field.endswith(_DIFFERENCES):
            for unit in UNITS.values():
                if unit.si == own.si and unit.suffix != own.suffix:
                    names[f"{stem}_{unit.suffix}"] = (field, unit)
        names[field] = (field, None)
    return names


def to_si(kind: type[Record], entry: Entry, findings: list[Finding]) -> Entry:
    """Rename and convert the values of an entry to the SI fields of a record.

    Parameters
    ----------
    kind : type of Record
    entry : Entry
    findings : list of Finding
        Gets unknown fields (with what they may have meant) and doubled ones.

    Returns
    -------
    Entry
        `rows` then points from the SI field to its line.
    """
    names = accepted(kind)
    values: dict[str, Any] = {}
    rows = dict(entry.rows)
    for spelling, value in entry.values.items():
        if spelling not in names:
            hint = nearest(spelling, _canonical(names, spelling))
            findings.append(
                entry.header_finding(f"{spelling} is not a known field", hint, spelling)
            )
            continue
        field, unit = names[spelling]
        if field in values:
            findings.append(
                entry.finding(f"{field} is given twice", f"remove {spelling}", spelling)
            )
            continue
        values[field] = value if unit is None else _converted(value, unit)
        if spelling in rows:
            rows[field] = rows[spelling]
    columns = tuple(names[column][0] for column in entry.columns if column in names)
    return Entry(values, entry.file, entry.row, rows, columns, entry.header_row)


def _canonical(names: Iterable[str], spelling: str) -> list[str]:
    ending = spelling.rsplit("_", 1)[-1]
    same = [name for name in names if name.endswith("_" + ending)]
    return same if same and nearest(spelling, same).startswith("did") else list(names)


def _converted(value: Any, unit: Unit) -> Any:
    if isinstance(value, list):
        return [_converted(item, unit) for item in cast(list[Any], value)]
    if isinstance(value, bool):
        return value
    try:
        return unit.to_si(float(value))
    except (TypeError, ValueError, OverflowError):
        return value


def parse(kind: type[Kind], entry: Entry, findings: list[Finding]) -> Kind | None:
    """Turn an entry with SI fields into a record.

    Parameters
    ----------
    kind : type of Record
    entry : Entry
        As `to_si` returns it.
    findings : list of Finding
        Gets one finding per field that is missing or wrong.

    Returns
    -------
    Record or None
    """
    try:
        record = kind.model_validate(dict(entry.values))
    except ValidationError as error:
        for problem in error.errors():
            field = str(problem["loc"][0]) if problem["loc"] else None
            findings.append(_finding(entry, field, problem))
        return None
    wild = [
        entry.finding(f"{field} is {value:g}", "give a number of a usual size", field)
        for field in kind.model_fields
        if isinstance(value := getattr(record, field), float) and _is_wild(field, value)
    ]
    findings += wild
    return None if wild else record


def _is_wild(field: str, value: float) -> bool:
    tiny = field not in _COORDINATES and 0 < abs(value) < _SMALLEST
    return tiny or abs(value) > _LARGEST


def _finding(entry: Entry, field: str | None, problem: Any) -> Finding:
    kind, value = problem["type"], problem["input"]
    context = problem.get("ctx", {})
    label = entry.values.get("name") or entry.values.get("node") or entry.values.get("component")
    component = label if isinstance(label, str) else None
    if kind == "missing" and field is not None:
        if entry.header_row is not None and field not in entry.columns:
            return entry.header_finding(f"the column {field} is missing", f"add {field}", field)
        return entry.finding(f"{field} is missing", f"add {field}", field, component)
    if kind == "value_error":
        what, _, remedy = str(context.get("error", problem["msg"])).partition("|")
        return entry.finding(what, remedy or "correct it", field, component)
    limits = {"greater_than": "gt", "greater_than_equal": "ge", "less_than": "lt"}
    words = {"gt": "above", "ge": "at least", "lt": "below", "le": "at most"}
    for name, key in {**limits, "less_than_equal": "le"}.items():
        if kind == name:
            remedy = f"give a value {words[key]} {context[key]}"
            return entry.finding(f"{field} is {value}", remedy, field, component)
    if kind == "finite_number":
        return entry.finding(f"{field} is {value}", "give a finite number", field, component)
    if kind.startswith(("float", "int", "bool")):
        remedy = {"b": "give true or false", "i": "give a whole number"}.get(
            kind[0], "give a number, with a decimal point"
        )
        return entry.finding(f"{field} is {value!r}", remedy, field, component)
    if kind == "string_too_short":
        return entry.finding(f"{field} is blank", "give a name", field, component)
    if kind.startswith(("string", "tuple")):
        remedy = "write a text in quotes" if kind.startswith("string") else "write a list"
        return entry.finding(f"{field} is {value!r}", remedy, field, component)
    return entry.finding(f"{field} is {value!r}: {problem['msg']}", "correct it", field, component)
