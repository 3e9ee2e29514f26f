"""What a decision of the predictive controller tells about itself, by the plant's own names."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from rexdynnet.control.base import Observation, Preview
from rexdynnet.control.prices import AdjointSweep, priced, stage_prices
from rexdynnet.control.reduced import ReducedView
from rexdynnet.control.stage import StageModel
from rexdynnet.control.trajectory import Trajectory
from rexdynnet.network.inputs import disturbances

Floats: TypeAlias = NDArray[np.float64]
_LITTLE_W = 1e-3
_AT_BOUND = 1e-4


def planned_heat(view: ReducedView, stage: StageModel, row: Floats, preview: Preview) -> Floats:
    """Heat planned for each substation: its equivalent's, shared as the forecast is.

    Parameters
    ----------
    view : ReducedView
    stage : StageModel
    row : ndarray, shape (n_y,)
        Outputs of the stage.
    preview : Preview
        In terms of the original network.

    Returns
    -------
    ndarray, shape (number of original substations,)
        W.
    """
    expected = {signal.name: i for i, signal in enumerate(disturbances(view.original))}
    weights: dict[str, float] = {}
    total: dict[str, float] = {}
    for unit in view.original.substations:
        column = expected.get(f"{unit.name}.heat_demand")
        weight = unit.design_heat_W if column is None else float(preview.disturbances[0, column])
        weights[unit.name] = max(weight, 0.0) + _LITTLE_W
        stand = view.members[unit.name]
        total[stand] = total.get(stand, 0.0) + weights[unit.name]
    heats = {
        stand: float(row[stage.index(stage.output_signals, f"{stand}.heat")]) for stand in total
    }
    shares = ((view.members[name], weight) for name, weight in weights.items())
    return np.array([heats[stand] * weight / total[stand] for stand, weight in shares])


def heat_prices(
    view: ReducedView, trajectory: Trajectory, place: int, adjoint: AdjointSweep
) -> Floats:
    """What one more unit of heat costs at each substation in one step of a trajectory.

    Parameters
    ----------
    view : ReducedView
    trajectory : Trajectory
    place : int
        The step.
    adjoint : AdjointSweep
        Of the trajectory's stage model.

    Returns
    -------
    ndarray, shape (number of original substations,)
        EUR/MWh; NaN where the trajectory is not certified or nothing is priced.
    """
    units = view.original.substations
    if not trajectory.certified:
        return np.full(len(units), np.nan)
    found = stage_prices(trajectory, view.network, adjoint).total[place]
    by_name = dict(zip(priced(view.network), found.tolist(), strict=True))
    return np.array([by_name.get(view.members[unit.name], np.nan) for unit in units])


def predicted(
    view: ReducedView, stage: StageModel, gives: Floats, observation: Observation
) -> Floats:
    """What the model expects each sensor to show; NaN where it does not say.

    Parameters
    ----------
    view : ReducedView
    stage : StageModel
    gives : ndarray, shape (n_y,)
        Outputs of the first stage.
    observation : Observation

    Returns
    -------
    ndarray, shape (n,)
        In the observation's order; temperatures of a member are its equivalent's.
    """
    own = {signal.name: i for i, signal in enumerate(stage.output_signals)}
    found: list[float] = []
    for name in observation.names:
        component, _, quantity = name.partition(".")
        stand = view.members.get(component, component)
        says = stand == component or quantity.endswith("temperature")
        place = own.get(f"{stand}.{quantity}") if says else None
        found.append(np.nan if place is None else float(gives[place]))
    return np.array(found)


def active_bounds(controls: Floats, lower: Floats, upper: Floats) -> Floats:
    """1 where a control is at its upper bound, -1 at its lower one, else 0.

    Parameters
    ----------
    controls, lower, upper : ndarray, shape (n_u,)

    Returns
    -------
    ndarray, shape (n_u,)

    Examples
    --------
    >>> active_bounds(np.array([0.0, 0.5, 1.0]), np.zeros(3), np.ones(3))
    array([-1.,  0.,  1.])
    """
    span = np.maximum(np.where(np.isfinite(upper - lower), upper - lower, 1.0), 1e-9)
    active = np.where(controls >= upper - _AT_BOUND * span, 1.0, 0.0)
    active[controls <= lower + _AT_BOUND * span] = -1.0
    return active
