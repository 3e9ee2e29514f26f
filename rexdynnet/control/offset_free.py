"""Offset-free estimation: which disturbances to add, and whether they can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.augmented import AugmentedModel, Disturbance, Entry
from rexdynnet.control.stage import StageModel
from rexdynnet.errors import Finding, InputError
from rexdynnet.signals import Signal

Floats: TypeAlias = NDArray[np.float64]

_AT_BOUND = 1e-6
_RANK = 1e-9


def free_inputs(
    controls: Sequence[Signal], applied: Floats, lower: Floats, upper: Floats
) -> tuple[str, ...]:
    """Controls that can still move both ways.

    Parameters
    ----------
    controls : sequence of Signal
    applied, lower, upper : ndarray, shape (n_u,)

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> heat = Signal("boiler", "heat", "W", nominal=1e5)
    >>> free_inputs([heat], np.array([1e5]), np.array([0.0]), np.array([1e5]))
    ()
    """
    slack = _AT_BOUND * np.array([signal.nominal for signal in controls])
    free = (applied > lower + slack) & (applied < upper - slack)
    return tuple(signal.name for signal, moves in zip(controls, free, strict=True) if moves)


def tracked_outputs(wanted: Sequence[str], free: Sequence[str]) -> tuple[str, ...]:
    """Outputs that can be held without offset: as many as there are free inputs.

    Parameters
    ----------
    wanted : sequence of str
        Names of outputs, most important first.
    free : sequence of str
        Names of unsaturated inputs, of `free_inputs`.

    Returns
    -------
    tuple of str
    """
    return tuple(wanted[: len(free)])


def output_disturbances(
    model: StageModel, outputs: Sequence[str], *, drift: float, start: float
) -> tuple[Disturbance, ...]:
    """One integral disturbance for each output.

    Parameters
    ----------
    model : StageModel
    outputs : sequence of str
    drift, start : float
        Standard deviations gained in an hour and at the start, as shares of the output's
        nominal value.

    Returns
    -------
    tuple of Disturbance
        On the parameter `<output>_offset` where the model has one, so that its own cost and
        limits feel it; else on the output itself.
    """
    parameters = {signal.name for signal in model.parameters}
    signals = {signal.name: signal for signal in model.output_signals}
    made: list[Disturbance] = []
    for name in outputs:
        signal = signals[model.output_signals[model.index(model.output_signals, name)].name]
        inside = f"{name}_offset" in parameters
        made.append(
            Disturbance(
                Entry.PARAMETER if inside else Entry.OUTPUT,
                f"{name}_offset" if inside else name,
                drift * signal.nominal,
                start * signal.nominal,
            )
        )
    return tuple(made)


def check_detectable(
    model: AugmentedModel, state: Floats, controls: Floats, parameters: Floats
) -> None:
    """Refuse disturbances that the measurements cannot tell apart at an operating point.

    Parameters
    ----------
    model : AugmentedModel
    state : ndarray, shape (n,)
        Augmented.
    controls, parameters : ndarray, shape (n_u,) and (n_p,)

    Raises
    ------
    InputError
        Naming the disturbances.

    Notes
    -----
    Rank of [A − I; C] of the augmented model, G. Pannocchia and J. B. Rawlings, AIChE
    Journal 49 (2003) 426: with it, and as many disturbances as measurements, an
    observer's predicted outputs have no steady error.
    """
    at = model.linearise(state, controls, parameters)
    scale = np.array([signal.nominal for signal in model.model.states])
    scale = np.concatenate([scale, np.ones(model.size - len(scale))])
    scale[model.disturbance_slice] = [max(d.start, d.drift, 1e-12) for d in model.disturbances]
    rows = np.vstack([at.state_by_state - np.eye(model.size), at.output_by_state]) * scale
    _, value, vector = np.linalg.svd(rows)
    unseen = vector[value < _RANK * value[0]]
    if not len(unseen):
        return
    share = np.abs(unseen[:, model.disturbance_slice]).max(axis=0)
    names = [d.name for d, part in zip(model.disturbances, share, strict=True) if part > 1e-3]
    raise InputError(
        Finding(
            f"the measurements cannot tell apart the disturbances of "
            f"{', '.join(names) or 'integrating states'}",
            "measure another output, or drop one of them",
        )
    )
