"""What a closed-loop run needs beyond a simulation: controller, forecasts, prices, faults."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from rexdynnet.control.settings import ControlSettings
from rexdynnet.errors import Finding, InputError
from rexdynnet.safety.settings import SafetySettings
from rexdynnet.study.forecast_error import ForecastErrors
from rexdynnet.study.market_settings import MarketSettings

_HOUR_S = 3600.0


class ForecastKind(Enum):
    """What a controller knows of the demands to come."""

    PERFECT = "the demands that will come"
    ISSUED = "forecasts reissued every hour, as wrong as measured ones"


@dataclass(frozen=True)
class ForecastSettings:
    """How demands and weather are forecast.

    Parameters
    ----------
    kind : ForecastKind
    errors : ForecastErrors or None
        Needed for ISSUED.
    scale : float
        Errors are so many times as large.
    """

    kind: ForecastKind = ForecastKind.PERFECT
    errors: ForecastErrors | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class ScheduleSettings:
    """Where committed energies come from.

    Parameters
    ----------
    file : Path or None
        A CSV file; None makes the schedule from the forecasts issued at each unit's gate.
    unit_s : float
        Length of every unit, made or in the file.
    gate_s : float
        A unit's energies are known so long before it starts.
    """

    file: Path | None = None
    unit_s: float = _HOUR_S
    gate_s: float = 6 * _HOUR_S


@dataclass(frozen=True)
class PriceSettings:
    """Prices of a run.

    Parameters
    ----------
    electricity_EUR_per_MWh : tuple of float
        One per entry of `hours`; repeats every day.
    hours : tuple of float
        Hour of the day (UTC) from which each price holds, the first is 0.
    for_heat_pumps : bool
        Heat pumps pay this price instead of their own.
    value_of_lost_load_EUR_per_MWh : float
    stored_heat_EUR_per_MWh : float or None
        Value of heat left in pipes and tanks; None: the cost of the first balancing
        plant's heat.
    """

    electricity_EUR_per_MWh: tuple[float, ...] = (180.0,)
    hours: tuple[float, ...] = (0.0,)
    for_heat_pumps: bool = False
    value_of_lost_load_EUR_per_MWh: float = 3000.0
    stored_heat_EUR_per_MWh: float | None = None


@dataclass(frozen=True)
class SensorSettings:
    """Quality of the declared sensors.

    Parameters
    ----------
    temperature_noise_K, pressure_noise_Pa : float
        Standard deviations.
    flow_noise_share : float
        Standard deviation of flows as a share of the component's design flow.
    lag_s : float
        Of temperature sensors.
    dropout : float
        Probability that a sample is missing.
    """

    temperature_noise_K: float = 0.1
    pressure_noise_Pa: float = 200.0
    flow_noise_share: float = 0.005
    lag_s: float = 20.0
    dropout: float = 0.0


@dataclass(frozen=True)
class MonitorSettings:
    """How a fault monitor watches the run.

    Parameters
    ----------
    commissioning_s : float
        Healthy operation from which it learns, from the start of the run.
    step_s, sample_s : float
        Readings of every `sample_s` are averaged over `step_s`.
    pressure_at_substations : bool
        Differential pressure is measured there too, not only at the plant.
    return_thermometers : bool
        Stand wherever pipes of the return line meet.
    false_alarms_per_month, confidence, patience_s : float
        See `rexdynnet.control.faults.Rule`.
    """

    commissioning_s: float = 7 * 24 * _HOUR_S
    step_s: float = 900.0
    sample_s: float = 60.0
    pressure_at_substations: bool = True
    return_thermometers: bool = False
    false_alarms_per_month: float = 0.1
    confidence: float = 0.99
    patience_s: float = 12 * _HOUR_S

    def __post_init__(self) -> None:
        share = self.step_s / self.sample_s
        if not (share >= 1 and abs(share - round(share)) < 1e-9):
            raise InputError(
                Finding(
                    f"the monitor's step of {self.step_s:g} s is no multiple of its sample of "
                    f"{self.sample_s:g} s",
                    'give for example step = "15min" and sample = "1min"',
                    field="monitor.step",
                )
            )

    @property
    def samples(self) -> int:
        """Readings in a step."""
        return round(self.step_s / self.sample_s)


class FaultKind(Enum):
    """What fails."""

    SIGNAL = "a disturbance, a run-time parameter or a stuck control takes another value"
    SENSOR = "a sensor is silent"


@dataclass(frozen=True)
class Fault:
    """Something that goes wrong without notice.

    Parameters
    ----------
    name : str
        A disturbance (`boiler.availability`), a run-time parameter (`pipe.leak`), a control
        that is stuck (`solar.heat`) or a sensor (`boiler.supply_temperature`).
    start_s, end_s : float
        Since the start of the run.
    value : float
        What the signal is meanwhile; a sensor needs none.
    kind : FaultKind
    """

    name: str
    start_s: float
    end_s: float
    value: float = 0.0
    kind: FaultKind = FaultKind.SIGNAL


@dataclass(frozen=True)
class RunSettings:
    """Everything about a closed-loop run that a simulation does not have.

    Parameters
    ----------
    control : ControlSettings
    forecast : ForecastSettings
    schedule : ScheduleSettings or None
        None: nothing is committed.
    prices : PriceSettings
    sensors : SensorSettings
    faults : tuple of Fault
    monitor : MonitorSettings or None
        None: nobody watches for faults.
    safety : SafetySettings
    market : MarketSettings or None
        None: nobody trades. Else the market makes the schedule, which grows during the run.
    """

    control: ControlSettings = field(default_factory=ControlSettings)
    forecast: ForecastSettings = field(default_factory=ForecastSettings)
    schedule: ScheduleSettings | None = None
    prices: PriceSettings = field(default_factory=PriceSettings)
    sensors: SensorSettings = field(default_factory=SensorSettings)
    faults: tuple[Fault, ...] = ()
    monitor: MonitorSettings | None = None
    safety: SafetySettings = field(default_factory=SafetySettings)
    market: MarketSettings | None = None
