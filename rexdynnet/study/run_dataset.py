"""The result of a closed-loop run: what `simulate` writes, and what was decided and reserved."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Decision, Observation
from rexdynnet.signals import Signal
from rexdynnet.simulation.dataset import build_dataset, run_attributes
from rexdynnet.simulation.simulate import Collector
from rexdynnet.study.provenance import stamp
from rexdynnet.study.run_kpis import Kpis
from rexdynnet.study.run_settings import RunSettings
from rexdynnet.timeline import Realisation, seconds_since

if TYPE_CHECKING:
    import xarray as xr

    from rexdynnet.study.scenario import SimulationScenario

Floats = NDArray[np.float64]

# Keys of a decision's `info` that are stored, with their second dimension and unit.
STORED = {
    "reference_controls": ("control_reference", "control", ""),
    "active": ("control_active", "control", "1"),
    "reference_heat_W": ("reference_heat", "substation", "W"),
    "price_EUR_per_MWh": ("heat_price", "substation", "EUR/MWh"),
    "slack": ("control_slack", "", "1"),
}


@dataclass
class Trace:
    """Gathers decisions step by step.

    Parameters
    ----------
    signals : tuple of Signal
        The controls.
    """

    signals: tuple[Signal, ...]
    times_s: list[float] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    lower: list[Floats] = field(default_factory=list)
    upper: list[Floats] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)

    def add(
        self,
        time_s: float,
        decision: Decision,
        bounds: tuple[Floats, Floats],
        observation: Observation,
    ) -> None:
        """Keep one decision; the controller's own state is not kept."""
        self.times_s.append(float(time_s))
        self.decisions.append(
            Decision(
                decision.controls,
                None,
                decision.outcome,
                decision.rung,
                decision.cause,
                decision.iterations,
                {key: np.array(value) for key, value in decision.info.items()},
            )
        )
        self.lower.append(bounds[0])
        self.upper.append(bounds[1])
        self.observations.append(observation)

    @property
    def controls(self) -> Floats:
        """Inputs applied, shape (steps, n_u)."""
        return np.array([decision.controls for decision in self.decisions])

    @property
    def rungs(self) -> NDArray[np.int64]:
        """Number of each decision's rung."""
        return np.array([decision.rung.number for decision in self.decisions], dtype=np.int64)

    @property
    def iterations(self) -> NDArray[np.int64]:
        """Solver iterations of each decision."""
        return np.array([decision.iterations for decision in self.decisions], dtype=np.int64)

    def commands(self, quantity: str) -> dict[str, Floats]:
        """Inputs of one quantity, by component."""
        values = self.controls
        return {
            signal.component: values[:, index]
            for index, signal in enumerate(self.signals)
            if signal.quantity == quantity
        }

    def stored(self, key: str) -> Floats | None:
        """One key of `info` over the steps, NaN where a decision lacks it; None if all do."""
        found = [decision.info[key] for decision in self.decisions if key in decision.info]
        if not found:
            return None
        shape = found[0].shape
        blank = np.full(shape, np.nan)
        rows = [decision.info.get(key, blank) for decision in self.decisions]
        return np.array([row if row.shape == shape else blank for row in rows], dtype=np.float64)

    def mismatch(self) -> tuple[tuple[str, ...], Floats] | None:
        """Root mean square of measured minus predicted, by name of observation."""
        names = self.observations[0].names
        pairs = zip(self.decisions, self.observations[1:], strict=False)
        misses = [
            after.values - predicted
            for decision, after in pairs
            if (predicted := decision.info.get("predicted")) is not None
            and predicted.shape == after.values.shape
        ]
        if not misses:
            return None
        square = np.array(misses) ** 2
        seen = np.isfinite(square)
        sums = np.where(seen, square, 0.0).sum(axis=0)
        return names, np.sqrt(sums / np.maximum(seen.sum(axis=0), 1))


def loop_dataset(
    scenario: SimulationScenario,
    settings: RunSettings,
    collector: Collector,
    trace: Trace,
    realisation: Realisation | None,
    kpis: Kpis,
) -> xr.Dataset:
    """Label everything that a run gave.

    Parameters
    ----------
    scenario : SimulationScenario
    settings : RunSettings
    collector : Collector
    trace : Trace
    realisation : Realisation or None
    kpis : Kpis

    Returns
    -------
    xarray.Dataset
        The variables of `simulate`; by `control_time` (start of each step) the inputs,
        their bounds and reference, rung, outcome, cause and iterations; by `unit` the
        energies reserved, demanded and delivered.
    """
    method = scenario.method.name.lower() if scenario.fmu is None else "fmu"
    attributes = run_attributes(
        scenario.network, method, scenario.start_utc, scenario.output_step_s
    )
    attributes |= {
        "controller": settings.control.kind.name.lower(),
        "control_step_s": settings.control.step_s,
        "kpis": json.dumps({**kpis.numbers(), "rungs": dict(kpis.rungs)}),
    }
    data = build_dataset(scenario.network, collector.times_s, collector.rows, attributes)
    data = stamp(data, scenario)
    data = data.assign(_decided(trace))
    data = data.assign_coords(
        control_time=("control_time", np.array(trace.times_s), {"units": "s"}),
        control=("control", [signal.name for signal in trace.signals]),
        control_unit=("control", [signal.unit for signal in trace.signals]),
    )
    found = trace.mismatch()
    if found is not None:
        data = data.assign(model_mismatch=("observed", found[1]))
        data = data.assign_coords(observed=("observed", list(found[0])))
    return data if realisation is None else _with_units(data, scenario, realisation)


def _decided(trace: Trace) -> dict[str, Any]:
    step, each = "control_time", ("control_time", "control")
    text = {"long_name": "see rexdynnet.control.base"}
    variables: dict[str, Any] = {
        "control_input": (each, trace.controls),
        "control_lower": (each, np.array(trace.lower)),
        "control_upper": (each, np.array(trace.upper)),
        "control_rung": (step, trace.rungs, text | {"units": "1"}),
        "control_outcome": (step, np.array([d.outcome.number for d in trace.decisions]), text),
        "control_rung_name": (step, [d.rung.name.lower() for d in trace.decisions]),
        "control_outcome_name": (step, [d.outcome.name.lower() for d in trace.decisions]),
        "control_cause": (step, [d.cause for d in trace.decisions]),
        "control_iterations": (step, trace.iterations, {"units": "1"}),
    }
    for key, (name, second, unit) in STORED.items():
        values = trace.stored(key)
        if values is not None:
            dims = (step, second) if second else (step,)
            values = values if second else values.reshape(len(values), -1).max(axis=1)
            variables[name] = (dims, values, {"units": unit} if unit else {})
    return variables


def _with_units(
    data: xr.Dataset, scenario: SimulationScenario, realisation: Realisation
) -> xr.Dataset:
    starts = [seconds_since(scenario.start_utc, unit.start) for unit in realisation.units]
    dims = ("unit", "substation")
    joule = {"units": "J"}
    return data.assign(
        unit_reserved_energy=(dims, realisation.reserved_J, joule),
        unit_demanded_energy=(dims, realisation.demanded_J, joule),
        unit_delivered_energy=(dims, realisation.delivered_J, joule),
    ).assign_coords(
        unit=("unit", np.array(starts), {"units": "s", "long_name": "start of the time unit"}),
        unit_length_s=realisation.units[0].length_s,
    )
