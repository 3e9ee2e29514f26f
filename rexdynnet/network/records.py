"""Shape of every table and section of the network files; pydantic stands only at this border."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from rexdynnet.network.fields import (
    ArrangementField,
    ControlField,
    Instant,
    KindField,
    Lines,
    LinesField,
    Name,
    NotNegative,
    Positive,
    Record,
    Share,
    SubstationControlField,
)
from rexdynnet.network.spec import SubstationControl


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
