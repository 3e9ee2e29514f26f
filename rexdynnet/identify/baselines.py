"""What a network must beat: persistence, and linear autoregression without any physics."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rexdynnet.errors import Finding, InputError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Autoregression:
    """Ridge regression of the next temperatures on past temperatures and inputs.

    Parameters
    ----------
    lags : int
        Rows of the past that are used.
    weight : (lags·(zones + inputs), zones)
        Of standardised regressors.
    offset : (zones,)
    centre, spread : (lags·(zones + inputs),)
    """

    lags: int
    weight: Array
    offset: Array
    centre: Array
    spread: Array

    def predict(self, temperature: Array, inputs: Array, origin: int, horizon: int) -> Array:
        """Temperatures of the rows after `origin`, open loop, (horizon, zones)."""
        past = list(temperature[origin - self.lags + 1 : origin + 1])
        for row in range(origin, origin + horizon):
            used = inputs[row - self.lags + 1 : row + 1].ravel()
            regressor = np.concatenate([np.array(past[-self.lags :]).ravel(), used])
            change = ((regressor - self.centre) / self.spread) @ self.weight + self.offset
            past.append(past[-1] + change)
        return np.array(past[self.lags :])


def fit_autoregression(
    temperature: Array,
    inputs: Array,
    train: NDArray[np.bool_],
    *,
    lags: int = 3,
    ridge: float = 3.0,
    coupled: bool = True,
) -> Autoregression:
    """Fit a linear autoregression.

    Parameters
    ----------
    temperature : (t, zones)
    inputs : (t, k)
        Outdoor temperature, heats, radiation; of each row to the next.
    train : (t,) bool
        Rows that may be used; a row is predicted only where it and its past may be.
    lags : int
    ridge : float
        Penalty on standardised weights.
    coupled : bool
        Every zone sees all zones and heats; False: its own and the weather.

    Returns
    -------
    Autoregression

    Raises
    ------
    InputError
        Too few rows are left.
    """
    zones = temperature.shape[1]
    rows = [
        row
        for row in range(lags - 1, len(temperature) - 1)
        if train[row - lags + 1 : row + 2].all()
        and np.isfinite(temperature[row - lags + 1 : row + 2]).all()
    ]
    if len(rows) < 2 * lags:
        raise InputError(
            Finding(f"{len(rows)} rows without gaps", "give more rows to the autoregression")
        )
    regressors = np.array(
        [
            np.concatenate(
                [
                    temperature[row - lags + 1 : row + 1].ravel(),
                    inputs[row - lags + 1 : row + 1].ravel(),
                ]
            )
            for row in rows
        ]
    )
    change = np.array([temperature[row + 1] - temperature[row] for row in rows])
    centre, spread = regressors.mean(axis=0), regressors.std(axis=0) + 1e-9
    standard, offset = (regressors - centre) / spread, change.mean(axis=0)
    weight = np.zeros((regressors.shape[1], zones))
    for zone in range(zones):
        used = np.ones(len(centre), bool) if coupled else _own(zone, zones, inputs.shape[1], lags)
        part = standard[:, used]
        gram = part.T @ part + ridge * np.eye(part.shape[1])
        weight[used, zone] = np.linalg.solve(gram, part.T @ (change[:, zone] - offset[zone]))
    return Autoregression(lags, weight, offset, centre, spread)


def _own(zone: int, zones: int, inputs: int, lags: int) -> NDArray[np.bool_]:
    air = np.zeros(zones, bool)
    air[zone] = True
    acting = np.ones(inputs, bool)
    acting[1 : 1 + zones] = False
    acting[1 + zone] = True
    return np.concatenate([np.tile(air, lags), np.tile(acting, lags)])


def persistence(temperature: Array, origin: int, horizon: int) -> Array:
    """The last temperature stays, (horizon, zones)."""
    return np.tile(temperature[origin], (horizon, 1))
