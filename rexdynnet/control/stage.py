"""One step of a control model: next state, outputs, inequalities and cost as CasADi functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import TypeAlias

import casadi as ca
import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Signal

Floats: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """One inequality lower <= g <= upper of every stage.

    Parameters
    ----------
    component, quantity, unit : str
        Their join `component.quantity` is the row's name.
    lower, upper : float
        Equal: an equation. Infinite: no bound on that side. What moves at run time (an
        availability, a dated limit) is part of g, which then reads `value - limit <= 0`.
    nominal : float
        Typical magnitude of a violation that matters, for scaling.
    penalty : float or None
        EUR per unit of violation and hour (exact penalty); None: the row is hard.
    shared : str or None
        Soft rows of one unit and penalty with the same `component.quantity` here share a
        slack: the worst of them is what counts. None: each counts on its own.
    """

    component: str
    quantity: str
    unit: str
    lower: float = -inf
    upper: float = inf
    nominal: float = 1.0
    penalty: float | None = None
    shared: str | None = None

    def __post_init__(self) -> None:
        if not self.nominal > 0 or self.lower > self.upper:
            raise ValueError(f"row {self.name} needs a positive nominal and lower <= upper")
        if self.penalty is not None and not self.penalty >= 0:
            raise InputError(
                Finding(
                    f"the penalty of {self.name} is {self.penalty}",
                    "give a weight that is not negative, or None for a hard limit",
                )
            )

    @property
    def name(self) -> str:
        """`component.quantity`."""
        return f"{self.component}.{self.quantity}"


@dataclass(frozen=True)
class StageModel:
    """A discrete-time control model x+ = advance(x, u, p) with what a step gives and costs.

    All functions share the arguments (x, u, p) in SI units, and are made of SX, so that
    they can be called on symbols, mapped over stages and written as C.

    Parameters
    ----------
    name : str
    states, controls, parameters : tuple of Signal
        Of x, u and p; `nominal` scales them, `lower` and `upper` bound states and controls.
        p holds all that changes at run time: the stage's disturbances, prices and weights.
    output_signals : tuple of Signal
        Of y. Heats and powers are means over the step, temperatures and pressures the
        values at its end.
    rows : tuple of Row
        Of g.
    cost_terms : tuple of str
        Names of the cost terms, each in EUR per step; their sum is what a stage costs.
    step_s : float
    evaluate : casadi.Function
        (x, u, p) -> (x_next, y, g, cost): everything at once, the cheapest way to have all.
    terminal : casadi.Function
        (x, p) -> EUR: the value of what is stored at the end, as a cost (so usually
        negative), with p of the last stage.
    delay_s : float
        Longest transport delay at the design flow; horizons should be longer.
    """

    name: str
    states: tuple[Signal, ...]
    controls: tuple[Signal, ...]
    parameters: tuple[Signal, ...]
    output_signals: tuple[Signal, ...]
    rows: tuple[Row, ...]
    cost_terms: tuple[str, ...]
    step_s: float
    evaluate: ca.Function
    terminal: ca.Function
    delay_s: float = 0.0

    def __post_init__(self) -> None:
        sizes = [self.evaluate.numel_in(i) for i in range(3)]
        sizes += [self.evaluate.numel_out(i) for i in range(4)]
        named = [self.states, self.controls, self.parameters]
        named += [self.states, self.output_signals, self.rows, self.cost_terms]
        if sizes != [len(names) for names in named]:
            raise ValueError(f"{self.name}: functions of sizes {sizes} for {list(map(len, named))}")

    @cached_property
    def advance(self) -> ca.Function:
        """(x, u, p) -> x_next."""
        return self._part("advance", 0, "x_next")

    @cached_property
    def outputs(self) -> ca.Function:
        """(x, u, p) -> y."""
        return self._part("outputs", 1, "y")

    @cached_property
    def inequality(self) -> ca.Function:
        """(x, u, p) -> g, to lie between the rows' bounds."""
        return self._part("inequality", 2, "g")

    @cached_property
    def cost(self) -> ca.Function:
        """(x, u, p) -> cost terms in EUR."""
        return self._part("cost", 3, "cost")

    @cached_property
    def sizes(self) -> tuple[int, int, int]:
        """Numbers of states, controls and parameters."""
        return len(self.states), len(self.controls), len(self.parameters)

    @cached_property
    def parameter_defaults(self) -> Floats:
        """Values of p where nothing else is known; NaN where it must be given."""
        return np.array(
            [np.nan if s.default is None else s.default for s in self.parameters], dtype=float
        )

    def index(self, kind: tuple[Signal, ...] | tuple[Row, ...], name: str) -> int:
        """Where a named signal or row stands.

        Raises
        ------
        InputError
            There is none of that name; the finding lists a few that there are.
        """
        for number, signal in enumerate(kind):
            if signal.name == name:
                return number
        some = ", ".join(signal.name for signal in kind[:8])
        raise InputError(Finding(f"{self.name} has no '{name}'", f"use one of: {some}, ..."))

    def fill_parameters(
        self, stages: int, values: Mapping[str, float | Floats] | None = None
    ) -> Floats:
        """Lay out p of every stage from named values.

        Parameters
        ----------
        stages : int
        values : mapping of signal name to float or ndarray, shape (stages,)

        Returns
        -------
        ndarray, shape (stages, n_p)
            Defaults where nothing is given.

        Raises
        ------
        InputError
            An unknown name, a wrong length, NaN, or a parameter without default left out.
        """
        filled = np.tile(self.parameter_defaults, (stages, 1))
        findings: list[Finding] = []
        places = {signal.name: number for number, signal in enumerate(self.parameters)}
        for name, value in (values or {}).items():
            if name not in places:
                near = [known for known in places if known.split(".")[0] == name.split(".")[0]]
                some = ", ".join(near or list(places)[:8])
                findings.append(Finding(f"{self.name} has no parameter '{name}'", f"use {some}"))
                continue
            row = np.asarray(value, dtype=float)
            if row.ndim > 1 or (row.ndim == 1 and row.size != stages):
                findings.append(
                    Finding(f"{name} has shape {row.shape}", f"give one or {stages} values")
                )
                continue
            filled[:, places[name]] = row
        missing = [
            s.name for s in self.parameters if not np.all(np.isfinite(filled[:, places[s.name]]))
        ]
        if missing and not findings:
            findings.append(
                Finding(f"no finite value for {', '.join(missing)}", "give each for every stage")
            )
        if findings:
            raise InputError(*findings)
        return filled

    def _part(self, name: str, number: int, output: str) -> ca.Function:
        arguments = [
            ca.SX.sym(label, self.evaluate.size1_in(i)) for i, label in enumerate(("x", "u", "p"))
        ]
        result = self.evaluate(*arguments)[number]
        return ca.Function(name, arguments, [result], ["x", "u", "p"], [output])
