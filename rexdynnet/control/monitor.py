"""Fault monitoring: what the innovations of an observer say about leaks, fouling and insulation.

Every fault is a parameter of the observer's model. Its sensitivity, carried through the
filter, says how it would show in the innovations; a generalised likelihood-ratio test
over sliding windows finds whether it does, and the posterior over all faults names the
component, or the group of components that these sensors cannot tell apart.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import ceil
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.augmented import Numeric
from rexdynnet.control.faults import (
    Alarm,
    Candidate,
    Evidence,
    Hypothesis,
    Rule,
    marginal,
    posterior,
)
from rexdynnet.control.observer import Estimate, KalmanFilter
from rexdynnet.errors import Finding, InputError

Floats: TypeAlias = NDArray[np.float64]

_HOUR_s = 3600.0
_LEAST_CANDIDATES = 10
_BUDGET_STEPS = 400
_REFITS = 2


class Row(NamedTuple):
    """What a step is given.

    Parameters
    ----------
    controls, parameters : ndarray, shape (n_u,) and (n_p,)
    measured : ndarray, shape (m,)
        NaN where missing.
    input_scale : ndarray, shape (k,), or None
        Factors on the standard deviations of the noisy inputs, where a reading is stale.
    """

    controls: Floats
    parameters: Floats
    measured: Floats
    input_scale: Floats | None = None


@dataclass(frozen=True)
class Block:
    """What came in between two tests.

    Parameters
    ----------
    start : Estimate
        The filter's at its start.
    rows : tuple of Row
        Of each step, to look at it again with a fault in the model.
    evidence : Evidence
    """

    start: Estimate
    rows: tuple[Row, ...]
    evidence: Evidence


@dataclass(frozen=True)
class Watch:
    """State of a monitor. Frozen; `step` makes the next one.

    Parameters
    ----------
    estimate : Estimate
        Of the filter.
    sensitivity : ndarray, shape (n, q)
        How the filter's prediction errs per unit of each parameter.
    block : Block
        Since the last test.
    blocks : tuple of Block
        Of the longest window, oldest first.
    total : Evidence
        Since the start.
    detected_s : float or None
        When the present alarm began.
    alarms : tuple of Alarm
    deviations : ndarray, shape (hypotheses,)
        Largest test of each hypothesis over the windows at the last test, beyond the least
        size worth an alarm.
    """

    estimate: Estimate
    sensitivity: Floats
    block: Block
    blocks: tuple[Block, ...]
    total: Evidence
    detected_s: float | None = None
    alarms: tuple[Alarm, ...] = ()
    deviations: Floats = field(default_factory=lambda: np.zeros(0))


@dataclass(frozen=True)
class Monitor:
    """Generalised likelihood-ratio test on innovations (Willsky and Jones 1976).

    Parameters
    ----------
    filter : KalmanFilter
        Without integral disturbances that would swallow the faults.
    hypotheses : tuple of Hypothesis
    uncertain : mapping of parameter name to float
        Standard deviation of the healthy network's parameters about `nominal`: as built,
        not as drawn; also of those that are no fault, such as `ground.temperature`.
    offsets : mapping of output name to float
        Standard deviation of constant sensor errors.
    rule : Rule
    nominal : mapping of parameter name to float
        Shift of parameters found by `commission`.
    offset : mapping of output name to float
        Sensor offsets found by `commission`.
    prior : ndarray, shape (q, q), or None
        Covariance of all parameters about `nominal`; None: from `uncertain` and `offsets`.

    Notes
    -----
    A. S. Willsky and H. L. Jones, IEEE Trans. Automatic Control 21 (1976) 108. Parameters of
    the healthy network are not known exactly; with prior covariance C and the sums s, J of a
    window, s − J(C⁻¹ + J)⁻¹s has covariance J − J(C⁻¹ + J)⁻¹J and is what is tested.
    """

    filter: KalmanFilter
    hypotheses: tuple[Hypothesis, ...]
    uncertain: Mapping[str, float] = field(default_factory=dict[str, float])
    offsets: Mapping[str, float] = field(default_factory=dict[str, float])
    rule: Rule = field(default_factory=Rule)
    nominal: Mapping[str, float] = field(default_factory=dict[str, float])
    offset: Mapping[str, float] = field(default_factory=dict[str, float])
    prior: Floats | None = None

    def __post_init__(self) -> None:
        known = {signal.name for signal in self.filter.model.model.parameters}
        findings = [
            Finding(
                f"the model has no parameter {name}",
                "use a model with faults as parameters, for example `metered_stage`",
                component=name,
            )
            for name in self.names
            if name not in known
        ]
        if self.filter.model.disturbances:
            findings.append(
                Finding(
                    "the observer has integral disturbances, which would swallow every fault",
                    "monitor with a filter of its own without them",
                )
            )
        if not self.hypotheses:
            findings.append(Finding("no fault to look for", "give at least one hypothesis"))
        if findings:
            raise InputError(*findings)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """All parameters with a signature: hypotheses first."""
        faults = [hypothesis.parameter for hypothesis in self.hypotheses]
        return (*faults, *(name for name in self.uncertain if name not in faults))

    @property
    def threshold(self) -> float:
        """Standard deviations beyond which a test counts."""
        return self.rule.threshold(len(self.hypotheses))

    def init(self, estimate: Estimate) -> Watch:
        """Start to watch.

        Parameters
        ----------
        estimate : Estimate
            Of `filter.init`, or its present one.

        Returns
        -------
        Watch
        """
        block = Block(estimate, (), self._nothing)
        empty = np.zeros(len(self.hypotheses))
        return Watch(estimate, self._insensitive, block, (), self._nothing, deviations=empty)

    def step(self, watch: Watch, row: Row) -> Watch:
        """Take in the measurements at the end of a step; test at the end of each block.

        Before `commission` evidence is gathered but nothing tested.

        Parameters
        ----------
        watch : Watch
        row : Row
            As metered; the monitor adds what commissioning found.

        Returns
        -------
        Watch
        """
        row = row._replace(
            parameters=row.parameters + self._nominal_shift,
            measured=row.measured - self._offset_shift,
        )
        moved, sensitivity, new = self._follow(watch.estimate, watch.sensitivity, row)
        block = watch.block
        watch = replace(
            watch,
            estimate=moved,
            sensitivity=sensitivity,
            block=Block(block.start, (*block.rows, row), block.evidence + new),
            total=watch.total + new,
        )
        if moved.time_s - block.start.time_s < self.rule.block_h * _HOUR_s - 1e-6:
            return watch
        if self.prior is None:
            return replace(watch, block=Block(moved, (), self._nothing))
        return self._test(watch)

    def _follow(
        self, before: Estimate, sensitivity: Floats, row: Row
    ) -> tuple[Estimate, Floats, Evidence]:
        """One step of the filter, of the signatures and of the evidence."""
        moved = self.filter.step(
            before, row.controls, row.parameters, row.measured, input_scale=row.input_scale
        )
        innovation = moved.innovation
        if innovation is None:
            return moved, sensitivity, self._nothing
        own_state, own_output = self._derivative(before.mean, row.controls, row.parameters)
        count, known = len(self.filter.model.measured), len(self.names)
        output_by = np.zeros((count, sensitivity.shape[1]))
        output_by[:, :known] = own_output
        for column, place in enumerate(self._biased):
            output_by[place, known + column] = 1.0
        linear = innovation.linear
        signature = (linear.output_by_state @ sensitivity + output_by)[innovation.used]
        onward = linear.state_by_state @ sensitivity - innovation.gain @ signature
        onward[:, :known] += own_state
        white = np.linalg.cholesky(innovation.covariance)
        both = np.linalg.solve(white, np.column_stack([signature, innovation.value]))
        rows, e = both[:, :-1], both[:, -1]
        deviance = float(e @ e + 2.0 * np.log(np.diag(white)).sum())
        return moved, onward, Evidence(rows.T @ e, rows.T @ rows, deviance)

    def commission(self, watch: Watch) -> Monitor:
        """Learn the healthy network from a stretch without faults.

        Parameters
        ----------
        watch : Watch
            After that stretch; a week is enough.

        Returns
        -------
        Monitor
            With the most likely parameters and what is still uncertain about them.
        """
        prior = self._prior
        shift, left = posterior(watch.total, prior)
        count = len(self.names)
        found = {name: float(shift[i]) for i, name in enumerate(self.names) if prior[i, i] > 0}
        biased = {
            self.filter.model.measured[place]: float(shift[count + i])
            for i, place in enumerate(self._biased)
        }
        return replace(
            self,
            nominal={name: self.nominal.get(name, 0.0) + value for name, value in found.items()},
            offset={name: self.offset.get(name, 0.0) + value for name, value in biased.items()},
            prior=left + np.diag(self._drift),
        )

    def _test(self, watch: Watch) -> Watch:
        rule, time_s = self.rule, watch.estimate.time_s
        keep = ceil(max(rule.windows_h) / rule.block_h)
        blocks = (*watch.blocks, watch.block)[-keep:]
        watch = replace(watch, blocks=blocks, block=Block(watch.estimate, (), self._nothing))
        best = np.full(len(self.hypotheses), -np.inf)
        chosen: _Test | None = None
        for window in rule.windows_h:
            length = ceil(window / rule.block_h)
            if length > len(blocks):
                continue
            test = self._window(blocks[-length:])
            best = np.maximum(best, test.excess)
            if chosen is None or np.max(test.excess) > np.max(chosen.excess):
                chosen = test
        watch = replace(watch, deviations=best)
        if chosen is None or np.max(best) < self.threshold:
            return replace(watch, detected_s=None)
        detected = watch.detected_s if watch.detected_s is not None else time_s
        watch = replace(watch, detected_s=detected)
        named = bool(watch.alarms) and watch.alarms[-1].detected_s == detected
        waited_h = (time_s - detected) / _HOUR_s
        if named or not _is_due(waited_h, rule):
            return watch
        candidates = self._name(chosen)
        if len(candidates) > 1 and waited_h < rule.patience_h:
            return watch
        window_s = time_s - chosen.blocks[0].start.time_s
        alarm = Alarm(detected, time_s, candidates, float(np.max(best)), window_s)
        return replace(watch, alarms=(*watch.alarms, alarm))

    def _window(self, blocks: tuple[Block, ...]) -> _Test:
        total = sum((block.evidence for block in blocks), start=self._nothing)
        score, own = marginal(total, self._factor, len(self.hypotheses))
        # without information there is nothing to test
        seen = own > 1e-12 * float(np.max(own, initial=0.0))
        safe = np.where(seen, own, 1.0)
        least = np.array([self.rule.least.get(h.fault, 0.0) for h in self.hypotheses])
        return _Test(
            blocks,
            np.where(seen, score / np.sqrt(safe) - least * np.sqrt(safe), 0.0),
            np.where(seen, score / np.sqrt(safe), 0.0),
            np.where(seen, score / safe, 0.0),
        )

    def _name(self, test: _Test) -> tuple[Candidate, ...]:
        """Put each likely fault into the model, look again, and compare likelihoods."""
        # the fault began within the first block: the blocks after it hold nothing else
        blocks = test.blocks[1:] if len(test.blocks) > 1 else test.blocks
        # a large fault is not linear, so that the linear test may rank its place low
        steps = sum(len(block.rows) for block in blocks)
        most = max(_LEAST_CANDIDATES, _BUDGET_STEPS // max(steps, 1))
        order = [int(i) for i in np.argsort(-test.deviations) if test.deviations[i] > 0]
        likely = [i for i in order[:most] if test.deviations[i] > 0.5 * test.deviations[order[0]]]
        fitted = {i: self._refit(blocks, i, float(test.sizes[i])) for i in likely}
        # beyond the budget the linear test stands in, so that nobody is left out unheard
        anchor = fitted[order[0]][1] + test.deviations[order[0]] ** 2
        for i in order:
            linear = float(test.sizes[i]), float(anchor - test.deviations[i] ** 2)
            fitted.setdefault(i, linear)
        deviance = np.array([fitted[i][1] for i in order])
        weight = np.exp(-0.5 * (deviance - deviance.min()))
        weight /= weight.sum()
        out: list[Candidate] = []
        held = 0.0
        for k in np.argsort(-weight):
            share = float(weight[k])
            out.append(Candidate(self.hypotheses[order[k]], share, fitted[order[k]][0]))
            held += share
            if held >= self.rule.confidence:
                break
        return tuple(out)

    def _refit(self, blocks: tuple[Block, ...], i: int, size: float) -> tuple[float, float]:
        """Size of a fault and twice the negative log-likelihood with it in the model."""
        signals = {signal.name: signal for signal in self.filter.model.model.parameters}
        signal = signals[self.names[i]]
        place = list(signals).index(self.names[i])
        most = 0.95 * signal.upper
        size, deviance = min(size, most), np.inf
        for _ in range(_REFITS):
            total, estimate, sensitivity = self._nothing, blocks[0].start, self._insensitive
            for row in (row for block in blocks for row in block.rows):
                faulty = row.parameters.copy()
                faulty[place] += size
                estimate, sensitivity, new = self._follow(
                    estimate, sensitivity, row._replace(parameters=faulty)
                )
                total = total + new
            score, information = marginal(total, self._factor, i + 1)
            shift, _ = posterior(total, self._prior)
            own = max(float(information[i]), 1e-30)
            deviance = total.deviance - float(total.score @ shift) - float(score[i]) ** 2 / own
            size = min(max(size + float(score[i]) / own, 0.0), most)
        return size, deviance

    @cached_property
    def _nothing(self) -> Evidence:
        q = len(self.names) + len(self._biased)
        return Evidence(np.zeros(q), np.zeros((q, q)))

    @cached_property
    def _insensitive(self) -> Floats:
        return np.zeros((self.filter.model.size, len(self._nothing.score)))

    @cached_property
    def _derivative(self) -> Numeric:
        return self.filter.model.derivative(self.names)

    @cached_property
    def _biased(self) -> tuple[int, ...]:
        measured = self.filter.model.measured
        return tuple(i for i, name in enumerate(measured) if self.offsets.get(name, 0.0) > 0)

    @cached_property
    def _prior(self) -> Floats:
        if self.prior is not None:
            return self.prior
        measured = self.filter.model.measured
        spread = [self.uncertain.get(name, 0.0) for name in self.names]
        spread += [self.offsets[measured[i]] for i in self._biased]
        return np.diag(np.square(spread))

    @cached_property
    def _factor(self) -> Floats:
        value, vector = np.linalg.eigh(self._prior)
        large = value > 1e-12 * float(np.max(value, initial=1e-300))
        return vector[:, large] * np.sqrt(value[large])

    @cached_property
    def _drift(self) -> Floats:
        # what is no fault may wander after commissioning; a hundredth of it for pipes
        known = {hypothesis.parameter for hypothesis in self.hypotheses}
        drift = [
            self.uncertain.get(name, 0.0) * (0.01 if name in known else 0.3) for name in self.names
        ]
        return np.square([*drift, *(0.0 for _ in self._biased)])

    @cached_property
    def _nominal_shift(self) -> Floats:
        signals = self.filter.model.model.parameters
        return np.array([self.nominal.get(signal.name, 0.0) for signal in signals])

    @cached_property
    def _offset_shift(self) -> Floats:
        return np.array([self.offset.get(name, 0.0) for name in self.filter.model.measured])


@dataclass(frozen=True)
class _Test:
    """Test of every hypothesis over one window.

    Parameters
    ----------
    blocks : tuple of Block
    excess, deviations : ndarray, shape (hypotheses,)
        Standard deviations beyond the least size worth an alarm, and beyond none.
    sizes : ndarray, shape (hypotheses,)
    """

    blocks: tuple[Block, ...]
    excess: Floats
    deviations: Floats
    sizes: Floats


def _is_due(waited_h: float, rule: Rule) -> bool:
    """Name at detection, after 1, 2, 4, ... blocks, and when patience ends."""
    blocks = round(waited_h / rule.block_h)
    return blocks & (blocks - 1) == 0 or waited_h >= rule.patience_h
