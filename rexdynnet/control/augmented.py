"""A stage model as an observer sees it: with disturbances, lags of sensors and derivatives.

The functions are built once. A step of the augmented model reads

    X+ = f(X, u, p) + w,    Y = h(X, u, p) + v,    X = (x, d, z)

with the model's states x, integral disturbances d (each steps at random and else stays)
and the lagged values z behind slow sensors. Y is measured at the end of the step, as
`StageModel.output_signals` are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from math import exp
from typing import Any, TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.stage import StageModel
from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Signal
from rexdynnet.simulation.sensors import Sensor

Floats: TypeAlias = NDArray[np.float64]

_NEGLIGIBLE = 1e-3
_HOUR_s = 3600.0


class Entry(Enum):
    """Where an integral disturbance enters a stage model."""

    STATE = "adds to a state at each step"
    CONTROL = "adds to a control"
    PARAMETER = "adds to a parameter: a disturbance, a price, a fault"
    OUTPUT = "adds to an output; a bias that the model does not feel"


@dataclass(frozen=True)
class Disturbance:
    """An unknown constant that the observer finds, so that nothing stays offset.

    Parameters
    ----------
    entry : Entry
    name : str
        `component.quantity` of the state, control, parameter or output.
    drift : float
        Standard deviation gained in an hour, in the unit of what it adds to.
    start : float
        Standard deviation at the start.
    """

    entry: Entry
    name: str
    drift: float
    start: float

    def __post_init__(self) -> None:
        if not (self.drift >= 0 and self.start >= 0):
            raise InputError(
                Finding(
                    f"the disturbance of {self.name} has drift {self.drift}, start {self.start}",
                    "give standard deviations that are not negative",
                )
            )


@dataclass(frozen=True)
class Noise:
    """Standard deviations that an observer assumes beyond those of the sensors.

    Parameters
    ----------
    states : mapping of state name to float
        Gained in an hour.
    inputs : mapping of control or parameter name to float
        Errors, new at each step, of inputs that are metered or forecast.
    outputs : mapping of output name to float
        Added to the sensor's own: what the model leaves out.
    other_states : float
        Of the states not named, as a share of their nominal value.
    """

    states: Mapping[str, float] = field(default_factory=dict[str, float])
    inputs: Mapping[str, float] = field(default_factory=dict[str, float])
    outputs: Mapping[str, float] = field(default_factory=dict[str, float])
    other_states: float = 1e-3


@dataclass(frozen=True)
class Step:
    """One evaluation of an augmented model with its derivatives.

    Parameters
    ----------
    state : ndarray, shape (n,)
        X+.
    output : ndarray, shape (m,)
        Y.
    state_by_state, output_by_state : ndarray, shape (n, n) and (m, n)
    state_by_input, output_by_input : ndarray, shape (n, k) and (m, k)
        By the noisy inputs.
    """

    state: Floats
    output: Floats
    state_by_state: Floats
    output_by_state: Floats
    state_by_input: Floats
    output_by_input: Floats


class Numeric:
    """Expressions as a function from arrays to dense arrays, without CasADi's matrices between.

    Parameters
    ----------
    name : str
    arguments, results : sequence of casadi.SX
    """

    def __init__(self, name: str, arguments: Sequence[ca.SX], results: Sequence[ca.SX]) -> None:
        dense = [ca.densify(result) for result in results]
        self._function = ca.Function(name, list(arguments), dense)
        self._shapes = [result.shape for result in dense]
        buffer: tuple[Any, Callable[[], None]] = self._function.buffer()
        self._buffer, self._run = buffer

    def __call__(self, *arguments: Floats) -> list[Floats]:
        """Evaluate; one new array per result."""
        # kept until the call is done: the buffer holds bare pointers
        given = [np.ascontiguousarray(argument, dtype=np.float64) for argument in arguments]
        flat = [np.empty(rows * columns) for rows, columns in self._shapes]
        for i, array in enumerate(given):
            self._buffer.set_arg(i, array.data)
        for i, array in enumerate(flat):
            self._buffer.set_res(i, array.data)
        self._run()
        return [
            array.reshape(shape, order="F") for array, shape in zip(flat, self._shapes, strict=True)
        ]


@dataclass(frozen=True)
class AugmentedModel:
    """A stage model with disturbances and sensors; see the module's text.

    Parameters
    ----------
    model : StageModel
    measured : tuple of str
        Names of the measured outputs, the order of Y.
    deviation : tuple of float
        Standard deviation of each measurement.
    lag_s : tuple of float
        Of each measurement.
    disturbances : tuple of Disturbance
    noise : Noise
    samples : int
        How many samples a measurement is usually the mean of.
    """

    model: StageModel
    measured: tuple[str, ...]
    deviation: tuple[float, ...]
    lag_s: tuple[float, ...]
    disturbances: tuple[Disturbance, ...] = ()
    noise: Noise = field(default_factory=Noise)
    samples: int = 1

    def __post_init__(self) -> None:
        findings = [
            Finding(
                f"the measurement of {name} has standard deviation {value}",
                "give it noise, a resolution or a model error above 0",
                component=name,
            )
            for name, value in zip(self.measured, self.deviation, strict=True)
            if not value > 0
        ]
        if len(self.disturbances) > len(self.measured):
            findings.append(
                Finding(
                    f"{len(self.disturbances)} integral disturbances for "
                    f"{len(self.measured)} measurements cannot be told apart",
                    "take at most as many disturbances as measurements",
                )
            )
        for name in self.noise.states:
            findings += self._unknown(name, self.model.states)
        for name in self.noise.inputs:
            findings += self._unknown(name, (*self.model.controls, *self.model.parameters))
        for name in (*self.noise.outputs, *self.measured):
            findings += self._unknown(name, self.model.output_signals)
        for disturbance in self.disturbances:
            findings += self._unknown(disturbance.name, self._signals(disturbance.entry))
        if findings:
            raise InputError(*findings)

    @property
    def size(self) -> int:
        """Number of augmented states."""
        return len(self.model.states) + len(self.disturbances) + len(self._lagged)

    @property
    def disturbance_slice(self) -> slice:
        """Where the disturbances stand in X."""
        first = len(self.model.states)
        return slice(first, first + len(self.disturbances))

    @cached_property
    def process_covariance(self) -> Floats:
        """Covariance of w in a step, shape (n, n), without the noisy inputs' part."""
        model, hours = self.model, self.model.step_s / _HOUR_s
        rates = [
            self.noise.states.get(signal.name, self.noise.other_states * signal.nominal)
            for signal in model.states
        ]
        rates += [disturbance.drift for disturbance in self.disturbances]
        rates += [0.0] * len(self._lagged)
        return np.diag(np.square(rates) * hours)

    @cached_property
    def input_covariance(self) -> Floats:
        """Covariance of the noisy inputs, shape (k, k)."""
        return np.diag(np.square([self.noise.inputs[name] for name in self.noisy_inputs]))

    @cached_property
    def noisy_inputs(self) -> tuple[str, ...]:
        """Names of the inputs with noise, controls first."""
        model = self.model
        names = [signal.name for signal in (*model.controls, *model.parameters)]
        return tuple(name for name in names if name in self.noise.inputs)

    def start(self, states: Floats, deviation: Floats | float) -> tuple[Floats, Floats]:
        """Mean and covariance from those of the model's states.

        Parameters
        ----------
        states : ndarray, shape (n_x,)
        deviation : ndarray, shape (n_x,), or float

        Returns
        -------
        mean, covariance : ndarray, shape (n,) and (n, n)
        """
        free = len(self.disturbances)
        mean = np.concatenate([states, np.zeros(free + len(self._lagged))])
        width = np.broadcast_to(np.asarray(deviation, dtype=float), np.shape(states))
        own = [disturbance.start for disturbance in self.disturbances]
        lag = [100.0 * self.deviation[i] for i in self._lagged]
        return mean, np.diag(np.square(np.concatenate([width, own, lag])))

    def linearise(self, state: Floats, controls: Floats, parameters: Floats) -> Step:
        """Evaluate a step and its derivatives.

        Parameters
        ----------
        state : ndarray, shape (n,)
        controls, parameters : ndarray, shape (n_u,) and (n_p,)

        Returns
        -------
        Step
        """
        parts = self._linearised(state, controls, parameters)
        return Step(parts[0][:, 0], parts[1][:, 0], *parts[2:])

    def evaluate(
        self, state: Floats, controls: Floats, parameters: Floats
    ) -> tuple[Floats, Floats]:
        """X+ and Y without derivatives."""
        following, output = self._evaluated(state, controls, parameters)
        return following[:, 0], output[:, 0]

    def shifted(self, controls: Floats, parameters: Floats, shift: Floats) -> tuple[Floats, Floats]:
        """Controls and parameters with errors of the noisy ones added."""
        both = np.concatenate([controls, parameters])
        both[list(self._noisy_places)] += shift
        return both[: len(controls)], both[len(controls) :]

    def derivative(self, names: Sequence[str]) -> Numeric:
        """(X, u, p) -> (dX+/dθ, dY/dθ) by the named parameters θ of the model.

        Parameters
        ----------
        names : sequence of str

        Returns
        -------
        Numeric

        Raises
        ------
        InputError
            One is no parameter of the model.
        """
        state, controls, parameters, following, output = self.symbols
        places = [self.model.index(self.model.parameters, name) for name in names]
        by = [ca.jacobian(value, parameters)[:, places] for value in (following, output)]
        return Numeric("derivative", [state, controls, parameters], by)

    @cached_property
    def symbols(self) -> tuple[ca.SX, ca.SX, ca.SX, ca.SX, ca.SX]:
        """X, u, p, X+ and Y as expressions."""
        model = self.model
        x, u, p = (ca.SX.sym(label, size) for label, size in zip("xup", model.sizes, strict=True))
        d = ca.SX.sym("d", len(self.disturbances))
        z = ca.SX.sym("z", len(self._lagged))
        added = {entry: ca.SX.zeros(len(self._signals(entry))) for entry in Entry}
        for number, disturbance in enumerate(self.disturbances):
            signals = self._signals(disturbance.entry)
            place = model.index(signals, disturbance.name)
            added[disturbance.entry][place] += d[number]
        following, output, _, _ = model.evaluate(
            x, u + added[Entry.CONTROL], p + added[Entry.PARAMETER]
        )
        following += added[Entry.STATE]
        output += added[Entry.OUTPUT]
        places = [model.index(model.output_signals, name) for name in self.measured]
        shown = [output[place] for place in places]
        for number, i in enumerate(self._lagged):
            keep = exp(-model.step_s / self.lag_s[i])
            shown[i] = keep * z[number] + (1.0 - keep) * shown[i]
        lagged = [shown[i] for i in self._lagged]
        return (
            ca.vertcat(x, d, z),
            u,
            p,
            ca.vertcat(following, d, *lagged),
            ca.vertcat(*shown),
        )

    @cached_property
    def _lagged(self) -> tuple[int, ...]:
        step = self.model.step_s
        return tuple(
            i for i, lag in enumerate(self.lag_s) if lag > 0 and exp(-step / lag) > _NEGLIGIBLE
        )

    @cached_property
    def _noisy_places(self) -> tuple[int, ...]:
        names = [s.name for s in (*self.model.controls, *self.model.parameters)]
        return tuple(names.index(name) for name in self.noisy_inputs)

    @cached_property
    def _evaluated(self) -> Numeric:
        state, controls, parameters, following, output = self.symbols
        return Numeric("evaluate", [state, controls, parameters], [following, output])

    @cached_property
    def _linearised(self) -> Numeric:
        state, controls, parameters, following, output = self.symbols
        inputs = ca.vertcat(controls, parameters)
        noisy = list(self._noisy_places)
        by_input = [
            ca.jacobian(value, inputs)[:, noisy] if noisy else ca.SX.zeros(value.numel(), 0)
            for value in (following, output)
        ]
        by_state = [ca.jacobian(value, state) for value in (following, output)]
        return Numeric(
            "linearise",
            [state, controls, parameters],
            [following, output, *by_state, *by_input],
        )

    def _signals(self, entry: Entry) -> tuple[Signal, ...]:
        model = self.model
        return {
            Entry.STATE: model.states,
            Entry.CONTROL: model.controls,
            Entry.PARAMETER: model.parameters,
            Entry.OUTPUT: model.output_signals,
        }[entry]

    def _unknown(self, name: str, signals: Sequence[object]) -> list[Finding]:
        known = [getattr(signal, "name", "") for signal in signals]
        if name in known:
            return []
        return [
            Finding(
                f"{self.model.name} has no '{name}'",
                f"use one of: {', '.join(known[:8])}{', ...' if len(known) > 8 else ''}",
                component=name,
            )
        ]


def observe_with(
    model: StageModel,
    sensors: Iterable[Sensor],
    *,
    disturbances: Iterable[Disturbance] = (),
    noise: Noise | None = None,
    samples: int = 1,
) -> AugmentedModel:
    """Set a stage model up for observation by declared sensors.

    Parameters
    ----------
    model : StageModel
    sensors : iterable of Sensor
        Those whose `variable` and `component` are an output of the model are used, for
        example `substation_supply_temperature` of `substation_3` for the output
        `substation_3.supply_temperature`; the others are no outputs and stay aside.
    disturbances : iterable of Disturbance
    noise : Noise or None
    samples : int
        How many samples are averaged into one measurement.

    Returns
    -------
    AugmentedModel

    Raises
    ------
    InputError
        No sensor is an output, or two read the same one.
    """
    noise = noise or Noise()
    outputs = [signal.name for signal in model.output_signals]
    used = {output_name(sensor): sensor for sensor in sensors if output_name(sensor) in outputs}
    if not used:
        raise InputError(
            Finding(
                f"no sensor reads an output of {model.name}",
                f"declare sensors of {', '.join(outputs[:8])}, ...",
            )
        )
    names = tuple(name for name in outputs if name in used)
    deviation = [
        float(
            np.hypot(
                np.hypot(used[name].noise, used[name].resolution / np.sqrt(12.0))
                / np.sqrt(samples),
                noise.outputs.get(name, 0.0),
            )
        )
        for name in names
    ]
    return AugmentedModel(
        model,
        names,
        tuple(deviation),
        tuple(used[name].lag_s for name in names),
        tuple(disturbances),
        noise,
        samples,
    )


def output_name(sensor: Sensor) -> str:
    """`component.quantity` of what a sensor reads.

    Examples
    --------
    >>> output_name(Sensor("t7", "substation_supply_temperature", "substation_7"))
    'substation_7.supply_temperature'
    """
    return f"{sensor.component}.{sensor.variable.partition('_')[2]}"
