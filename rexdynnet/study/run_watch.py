"""The fault monitor of a closed loop: fed by the plant's meters, it decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.faults import Alarm, Fault, Rule
from rexdynnet.control.monitor import Monitor, Watch
from rexdynnet.control.monitoring import (
    Meters,
    first_parameters,
    make_monitor,
    meters_of,
    read_meters,
    with_makeup,
)
from rexdynnet.errors import Finding, InputError
from rexdynnet.network.graph import Network
from rexdynnet.simulation.plant import DenseOutput
from rexdynnet.simulation.sensors import SensorSet, SensorState, make_sensors
from rexdynnet.study.run_settings import Fault as Planted
from rexdynnet.study.run_settings import MonitorSettings, SensorSettings
from rexdynnet.units import format_duration

if TYPE_CHECKING:
    import xarray as xr

Floats = NDArray[np.float64]
_GUESS_K, _SPREAD_K = 330.0, 20.0
_UNITS = {
    Fault.LEAK: "kg/s at 1 bar",
    Fault.FOULING: "of the exchanger's conductance lost",
    Fault.WET_INSULATION: "added to the loss factor",
}


@dataclass
class FaultWatch:
    """A monitor, its meters and what they have said so far.

    Parameters
    ----------
    network : Network
    settings : MonitorSettings
    sensors : SensorSet
    monitor : Monitor
        Commissioned at `settings.commissioning_s`.
    watch : Watch
    held : ndarray, shape (n_p,)
        Parameters of the monitor's model as last metered.
    """

    network: Network
    settings: MonitorSettings
    sensors: SensorSet
    monitor: Monitor
    watch: Watch
    held: Floats
    commissioned: bool = False
    _memory: SensorState | None = None
    _waiting: list[Floats] = field(default_factory=list[Floats])
    _times: list[float] = field(default_factory=list[float])
    _innovations: list[Floats] = field(default_factory=list[Floats])
    _tests: list[Floats] = field(default_factory=list[Floats])

    def take(self, output: DenseOutput, silent: Mapping[str, float]) -> None:
        """Read the meters over a stretch of the plant's output.

        Parameters
        ----------
        output : DenseOutput
        silent : mapping of sensor name to 0..1
            Meters that have failed.
        """
        records = with_makeup(self.network, output.records)
        begin, end = float(output.times_s[0]), float(output.times_s[-1])
        if self._memory is None:
            self._memory = self.sensors.init(begin, records)
        sample = self.settings.sample_s
        counts = np.arange(np.floor(begin / sample + 1e-6), np.floor(end / sample + 1e-6)) + 1
        reading, self._memory = self.sensors.read(
            self._memory,
            output.times_s,
            records,
            np.minimum(counts * sample, end),
            availability=silent,
        )
        self._waiting += list(np.where(reading.available, reading.values, np.nan))
        while len(self._waiting) >= self.settings.samples:
            rows = np.array(self._waiting[: self.settings.samples])
            del self._waiting[: self.settings.samples]
            self._step(rows)

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """Raised since commissioning."""
        return self.watch.alarms if self.commissioned else ()

    def assign(self, data: xr.Dataset) -> xr.Dataset:
        """Add innovations, tests and alarms to a run's result.

        Parameters
        ----------
        data : xarray.Dataset

        Returns
        -------
        xarray.Dataset
            `monitor_innovation` in its own standard deviations, `monitor_test` by kind of
            fault (NaN while learning, and for kinds that the network cannot have) with the
            attribute `threshold`, and by `alarm` (absent where there is
            none) when and what.
        """
        step, one = "monitor_time", {"units": "1"}
        tests = one | {
            "long_name": "largest test of each kind beyond the least size",
            "threshold": self.monitor.threshold,
        }
        data = data.assign(
            monitor_innovation=(
                (step, "monitor_meter"),
                np.array(self._innovations).reshape(len(self._times), -1),
                one | {"long_name": "innovation over its standard deviation"},
            ),
            monitor_test=((step, "fault_kind"), np.array(self._tests).reshape(-1, 3), tests),
        ).assign_coords(
            monitor_time=(step, np.array(self._times), {"units": "s"}),
            monitor_meter=("monitor_meter", list(self.monitor.filter.model.measured)),
            fault_kind=("fault_kind", [fault.name.lower() for fault in Fault]),
            monitor_commissioned_s=self.settings.commissioning_s,
        )
        return data.assign(_alarm_table(self.alarms)) if self.alarms else data

    def lines(self) -> list[str]:
        """What a person wants to read."""
        if not self.alarms:
            return [f"fault monitor: no alarm ({len(self.monitor.hypotheses)} faults watched for)"]
        return [f"fault monitor: {tell(alarm)}" for alarm in self.alarms]

    def _step(self, rows: Floats) -> None:
        there = np.isfinite(rows)
        count = there.sum(axis=0)
        total = np.where(there, rows, 0.0).sum(axis=0)
        means = np.where(count > 0, total / np.maximum(count, 1), np.nan)
        names = [sensor.name for sensor in self.sensors.sensors]
        row = read_meters(self.monitor.filter.model, names, means, self.held)
        self.held = row.parameters
        self.watch = self.monitor.step(self.watch, row)
        time_s = self.watch.estimate.time_s
        self._times.append(time_s)
        self._innovations.append(self._standardised())
        self._tests.append(self._strongest())
        if not self.commissioned and time_s >= self.settings.commissioning_s - 1e-6:
            self.monitor = self.monitor.commission(self.watch)
            self.watch = self.monitor.init(self.watch.estimate)
            self.commissioned = True

    def _standardised(self) -> Floats:
        values = np.full(len(self.monitor.filter.model.measured), np.nan)
        found = self.watch.estimate.innovation
        if found is not None:
            values[found.used] = found.value / np.sqrt(np.diag(found.covariance))
        return values

    def _strongest(self) -> Floats:
        tested = self.watch.deviations
        if not self.commissioned or not np.isfinite(tested).all() or not tested.size:
            return np.full(len(Fault), np.nan)
        kinds = [hypothesis.fault for hypothesis in self.monitor.hypotheses]
        return np.array(
            [
                max(
                    (d for d, kind in zip(tested, kinds, strict=True) if kind is fault),
                    default=np.nan,
                )
                for fault in Fault
            ],
            dtype=np.float64,
        )


def make_watch(
    network: Network,
    settings: MonitorSettings,
    quality: SensorSettings,
    seed: int,
    source: Path | None = None,
) -> FaultWatch:
    """Make the monitor of a run.

    Parameters
    ----------
    network : Network
    settings : MonitorSettings
    quality : SensorSettings
        Of the meters.
    seed : int
        Of their noise.
    source : Path or None
        The scenario's file.

    Returns
    -------
    FaultWatch

    Raises
    ------
    InputError
        The network is no tree with one plant.
    """
    defaults = Meters()
    meters = Meters(
        temperature_K=quality.temperature_noise_K,
        temperature_lag_s=quality.lag_s,
        flow_share=quality.flow_noise_share,
        heat_share=quality.flow_noise_share,
        makeup_kg_per_s=defaults.makeup_kg_per_s,
        pressure_Pa=quality.pressure_noise_Pa,
        dropout=quality.dropout,
        at_substations=settings.pressure_at_substations,
        return_junctions=settings.return_thermometers,
    )
    sensors = meters_of(network, meters)
    rule = Rule(
        false_alarms_per_month=settings.false_alarms_per_month,
        confidence=settings.confidence,
        patience_h=settings.patience_s / 3600.0,
    )
    try:
        monitor = make_monitor(
            network, sensors, step_s=settings.step_s, samples=settings.samples, rule=rule
        )
    except InputError as error:
        raise InputError(
            *(
                replace(
                    finding,
                    what=f"the fault monitor cannot watch this network: {finding.what}",
                    remedy=f"{finding.remedy}, or remove the section [monitor]",
                    file=source,
                    field="monitor",
                )
                for finding in error.findings
            )
        ) from None
    model = monitor.filter.model
    guess = monitor.filter.init(np.full(len(model.model.states), _GUESS_K), _SPREAD_K)
    return FaultWatch(
        network,
        settings,
        make_sensors(network, sensors, seed=seed),
        monitor,
        monitor.init(guess),
        first_parameters(model, network),
    )


def watch_warnings(
    settings: MonitorSettings, faults: tuple[Planted, ...], duration_s: float
) -> tuple[Finding, ...]:
    """What keeps a monitor from finding anything.

    Parameters
    ----------
    settings : MonitorSettings
    faults : tuple of Fault
        Of the run.
    duration_s : float

    Returns
    -------
    tuple of Finding
    """
    learns = format_duration(settings.commissioning_s)
    place: dict[str, Any] = {"field": "monitor.commissioning"}
    found: list[Finding] = []
    if duration_s <= settings.commissioning_s:
        remedy = "give a longer run or a shorter commissioning"
        what = f"the run ends while the fault monitor still learns, which takes {learns}"
        found.append(Finding(what, remedy, **place))
    quantities = {fault.quantity for fault in Fault}
    for fault in faults:
        early = fault.start_s < settings.commissioning_s
        if early and fault.name.rpartition(".")[2] in quantities:
            what = f"{fault.name} changes while the fault monitor learns what is healthy ({learns})"
            found.append(Finding(what, "let the fault begin later", component=fault.name, **place))
    return tuple(found)


def tell(alarm: Alarm) -> str:
    """One line about an alarm.

    Parameters
    ----------
    alarm : Alarm

    Returns
    -------
    str
    """
    best = alarm.candidates[0]
    fault = best.hypothesis.fault
    others = len(alarm.candidates) - 1
    rest = f" or one of {others} more that meters cannot tell apart" if others else ""
    return (
        f"{fault.name.lower().replace('_', ' ')} at {best.hypothesis.component}{rest} "
        f"(confidence {best.probability:.2f}, size {best.size:.2g} {_UNITS[fault]}), seen at "
        f"{alarm.detected_s / 3600:.4g} h, named at {alarm.named_s / 3600:.4g} h of the run"
    )


def _alarm_table(alarms: tuple[Alarm, ...]) -> dict[str, Any]:
    best = [alarm.candidates[0] for alarm in alarms]
    listed = [
        ", ".join(f"{c.hypothesis.parameter} {c.probability:.3f}" for c in alarm.candidates)
        for alarm in alarms
    ]
    by, second = "alarm", {"units": "s"}
    return {
        "alarm_detected": (by, np.array([alarm.detected_s for alarm in alarms]), second),
        "alarm_named": (by, np.array([alarm.named_s for alarm in alarms]), second),
        "alarm_kind": (by, [one.hypothesis.fault.name.lower() for one in best]),
        "alarm_component": (by, [one.hypothesis.component for one in best]),
        "alarm_confidence": (by, np.array([one.probability for one in best]), {"units": "1"}),
        "alarm_size": (by, np.array([one.size for one in best])),
        "alarm_candidates": (by, listed),
        "alarm_remedy": (by, [one.hypothesis.fault.value for one in best]),
    }
