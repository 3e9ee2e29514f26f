"""What a heating network consists of: immutable records in SI units.

Nodes carry one line (supply or return). A place in a file has both, named
`place_supply` and `place_return`; a trench makes one pipe on each line, named
`trench_supply` and `trench_return`. A pipe's flow is positive from `from_node`
to `to_node`. Substations and dumps flow from `supply_node` to `return_node`,
plants from `return_node` to `supply_node`; a tank's flow is positive when it
charges (hot water enters its top from `supply_node`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from math import inf, pi
from typing import TypeAlias


class Line(Enum):
    """Which of the two lines a node or pipe belongs to."""

    SUPPLY = "supply"
    RETURN = "return"


@dataclass(frozen=True)
class Fluid:
    """Water of one network.

    Density and specific heat are constants (the pipes hold a constant mass:
    thermal expansion goes to the pressure-holding vessel and carries no energy).
    Viscosity and conductivity follow the temperature unless they are given.

    Parameters
    ----------
    density_kg_per_m3, specific_heat_J_per_kgK : float
    viscosity_Pa_s, conductivity_W_per_mK : float or None
        None: the correlation of `rexdynnet.physics.water` at the local temperature.
    reference_temperature_K : float
        Where density and specific heat were taken; documentation only.
    """

    density_kg_per_m3: float = 983.2
    specific_heat_J_per_kgK: float = 4185.0
    viscosity_Pa_s: float | None = None
    conductivity_W_per_mK: float | None = None
    reference_temperature_K: float = 333.15


@dataclass(frozen=True)
class Ground:
    """Undisturbed ground (or air) around the pipes.

    Parameters
    ----------
    temperature_K : float
        Used where the forcing has no `ground.temperature`.
    conductivity_W_per_mK : float or None
        None: the ground's temperature acts at the casing (no soil resistance).
    """

    temperature_K: float = 283.15
    conductivity_W_per_mK: float | None = None


@dataclass(frozen=True)
class Node:
    """A point on one line where water mixes ideally in a small volume."""

    name: str
    line: Line
    x_m: float = 0.0
    y_m: float = 0.0
    elevation_m: float = 0.0
    volume_m3: float = 0.001
    place: str = ""


@dataclass(frozen=True)
class PipeWall:
    """Steel (or other) wall that holds heat; coupled to the water by a film."""

    thickness_m: float
    density_kg_per_m3: float = 7850.0
    specific_heat_J_per_kgK: float = 500.0
    conductivity_W_per_mK: float = 50.0


@dataclass(frozen=True)
class Pipe:
    """One pipe of one line.

    Parameters
    ----------
    loss_W_per_mK : float
        From the wall's middle (from the water where there is no wall) to the
        ground or air: insulation, casing, soil; per metre of pipe.
    coupling_W_per_mK : float
        To the wall of `partner` (twin pipe or a shared trench); needs a wall.
    partner : str or None
        The other pipe of the trench.
    minor_loss : float
        Sum of the loss coefficients (zeta) of bends and fittings.
    maximum_flow_kg_per_s : float
        Design limit, reported and honoured by controllers; not enforced by the plant.
    """

    name: str
    line: Line
    from_node: str
    to_node: str
    length_m: float
    inner_diameter_m: float
    loss_W_per_mK: float
    wall: PipeWall | None = None
    roughness_m: float = 1e-4
    minor_loss: float = 0.0
    coupling_W_per_mK: float = 0.0
    partner: str | None = None
    trench: str = ""
    maximum_flow_kg_per_s: float = inf

    @property
    def area_m2(self) -> float:
        """Inner cross-section."""
        return pi * self.inner_diameter_m**2 / 4

    @property
    def volume_m3(self) -> float:
        """Water volume."""
        return self.area_m2 * self.length_m

    @property
    def wall_heat_capacity_J_per_mK(self) -> float:
        """Heat capacity of the wall per metre; 0 without a wall."""
        if self.wall is None:
            return 0.0
        ring = pi * self.wall.thickness_m * (self.inner_diameter_m + self.wall.thickness_m)
        return ring * self.wall.density_kg_per_m3 * self.wall.specific_heat_J_per_kgK


@dataclass(frozen=True)
class FixedReturn:
    """The substation returns water at a constant temperature."""

    temperature_K: float


@dataclass(frozen=True)
class FixedCooling:
    """The substation cools the water by a constant difference."""

    difference_K: float


@dataclass(frozen=True)
class Exchanger:
    """Counter-flow heat exchanger whose primary valve holds the secondary supply temperature.

    The secondary stream's heat capacity rate is heat / (secondary supply − return).
    """

    ua_W_per_K: float
    secondary_supply_K: float = 333.15
    secondary_return_K: float = 308.15


@dataclass(frozen=True)
class Building:
    """One-node RC building with a radiator behind a FixedReturn or Exchanger substation.

    The room thermostat is a proportional controller around `setpoint_K`:
    heat demanded = design_heat_W * clip((setpoint + band/2 - room) / band, 0, 1).
    """

    capacity_J_per_K: float
    loss_W_per_K: float
    setpoint_K: float = 294.15
    band_K: float = 2.0
    solar_area_m2: float = 0.0


ReturnLaw: TypeAlias = FixedReturn | FixedCooling | Exchanger


class SubstationControl(Enum):
    """What decides a substation's flow."""

    HEAT = "the valve draws the flow that the demanded heat needs"
    FLOW = "the valve draws a prescribed mass flow"
    VALVE = "the valve stands at a prescribed opening; pressure decides the flow"


@dataclass(frozen=True)
class Substation:
    """A consumer's (or prosumer's) connection.

    Parameters
    ----------
    valve_kv_kg_per_s : float
        Flow through the fully open valve (with the exchanger) at 1 bar, in kg/s.
    design_heat_W : float
        Connected capacity.
    minimum_differential_pressure_Pa, minimum_supply_temperature_K : float
        What the contract promises at the connection.
    building : Building or None
        With a building the heat demand comes from its thermostat, not from a series.
    """

    name: str
    supply_node: str
    return_node: str
    design_heat_W: float
    valve_kv_kg_per_s: float
    control: SubstationControl = SubstationControl.HEAT
    return_law: ReturnLaw = field(default_factory=lambda: FixedReturn(313.15))
    minimum_differential_pressure_Pa: float = 0.5e5
    minimum_supply_temperature_K: float = 333.15
    priority: int = 1
    building: Building | None = None


class PlantKind(Enum):
    """How a plant turns its input into heat."""

    BOILER = "boiler"
    HEAT_PUMP = "heat_pump"
    CHP = "chp"
    WASTE_HEAT = "waste_heat"
    SOLAR = "solar"


class PlantControl(Enum):
    """What a plant holds while it runs."""

    PRESSURE = "holds a differential pressure and the supply temperature; balances its island"
    HEAT = "feeds in a prescribed heat at the supply temperature; its pump gives the flow"


@dataclass(frozen=True)
class PumpCurve:
    """Head of a pump: Δp = s² shut_off − curvature·m|m| with relative speed s."""

    shut_off_Pa: float
    curvature_Pa_per_kg2s2: float
    efficiency: float = 0.6


@dataclass(frozen=True)
class Plant:
    """A heat source between a return and a supply node.

    Parameters
    ----------
    efficiency : float
        Heat per fuel (boiler, CHP thermal); heat pump: fraction of the Carnot COP.
    electric_efficiency : float
        CHP: electricity per fuel; 0 otherwise.
    source_temperature_K : float or None
        Heat pump: the cold side; None: outdoor air.
    collector_area_m2, optical_efficiency, collector_loss_W_per_m2K : float
        Solar thermal field.
    worst_point : bool
        PRESSURE control: hold the smallest substation Δp margin at the set-point 0
        (`differential_pressure` then is the lower bound at the plant itself).
    maximum_differential_pressure_Pa : float
        What the plant's pump can do.
    """

    name: str
    supply_node: str
    return_node: str
    kind: PlantKind
    control: PlantControl
    capacity_W: float
    minimum_load_W: float = 0.0
    ramp_W_per_s: float = inf
    start_cost_EUR: float = 0.0
    efficiency: float = 0.95
    electric_efficiency: float = 0.0
    source_temperature_K: float | None = None
    collector_area_m2: float = 0.0
    optical_efficiency: float = 0.75
    collector_loss_W_per_m2K: float = 3.5
    fuel_price_EUR_per_MWh: float = 60.0
    co2_kg_per_MWh_fuel: float = 201.0
    supply_temperature_K: float = 353.15
    maximum_supply_temperature_K: float = 383.15
    differential_pressure_Pa: float = 1.0e5
    worst_point: bool = False
    maximum_differential_pressure_Pa: float = 6.0e5
    pump_efficiency: float = 0.6


@dataclass(frozen=True)
class Tank:
    """Stratified hot-water store, hydraulically between supply (top) and return (bottom)."""

    name: str
    supply_node: str
    return_node: str
    volume_m3: float
    height_m: float
    layers: int = 10
    loss_W_per_m2K: float = 0.3
    maximum_flow_kg_per_s: float = inf


@dataclass(frozen=True)
class Dump:
    """Heat dump (cooler) that discard opens; cools to `return_temperature_K`."""

    name: str
    supply_node: str
    return_node: str
    capacity_W: float
    return_temperature_K: float = 313.15


@dataclass(frozen=True)
class Pump:
    """Booster pump in a line, flowing from `from_node` to `to_node`; no back flow."""

    name: str
    from_node: str
    to_node: str
    curve: PumpCurve


@dataclass(frozen=True)
class Valve:
    """Control or check valve in a line; flow at 1 bar fully open is `kv_kg_per_s`."""

    name: str
    from_node: str
    to_node: str
    kv_kg_per_s: float
    check: bool = False


@dataclass(frozen=True)
class Bypass:
    """Thermostatic bypass from supply to return that keeps a branch warm.

    Opening: sigmoid of (setpoint − supply temperature) over `band_K`, times the valve's flow.
    """

    name: str
    supply_node: str
    return_node: str
    kv_kg_per_s: float
    setpoint_K: float = 333.15
    band_K: float = 5.0


@dataclass(frozen=True)
class PressureHolding:
    """The one point of an island whose absolute pressure is held (and fed with make-up water)."""

    node: str
    pressure_Pa: float = 3.0e5
    makeup_temperature_K: float = 283.15


@dataclass(frozen=True)
class Outage:
    """A component that is planned to be out of service."""

    component: str
    start: datetime
    end: datetime
    reason: str = ""


class Limited(Enum):
    """What a dated limit bounds."""

    HEAT_W = "heat_W"
    SUPPLY_TEMPERATURE_K = "supply_temperature_K"
    DIFFERENTIAL_PRESSURE_PA = "differential_pressure_Pa"
    MASS_FLOW_KG_PER_S = "mass_flow_kg_per_s"


@dataclass(frozen=True)
class DatedLimit:
    """A bound on one quantity of a component between two instants."""

    component: str
    quantity: Limited
    start: datetime
    end: datetime
    lower: float = -inf
    upper: float = inf


@dataclass(frozen=True)
class HeatingCurve:
    """Weather-compensated supply temperature: piecewise linear in the outdoor temperature.

    Parameters
    ----------
    points : tuple of (outdoor K, supply K)
        Increasing outdoor temperature; constant beyond both ends.
    """

    points: tuple[tuple[float, float], ...] = ((258.15, 363.15), (288.15, 343.15))


@dataclass(frozen=True)
class Provenance:
    """Where a network comes from and under which licence."""

    title: str = ""
    source: str = ""
    licence: str = ""
    note: str = ""
