"""A prosumer that stores heat in its own rooms: what it can shift, and when it pays to.

The rooms are plain numbers: how a heat drawn beyond the need moves them away from
the temperature that they would have had, unit after unit. Whoever knows a thermal
network makes these numbers from it; the market knows none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linprog  # pyright: ignore

from rexdynnet.errors import Finding, InputError, SolverError
from rexdynnet.market.policies import Memory, View, Wish, towards

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeatStore:
    """Rooms as a store: x⁺ = A·x + b·s, with s the heat of a unit beyond the need.

    Parameters
    ----------
    transition : (n, n)
        A over one unit: deviations of node temperatures from those without a shift, K.
    gain_K_per_Wh : (n,)
        b.
    room : int
        Row of the node whose temperature people feel.
    band_K : float
        It may deviate this much to either side at the end of each unit.
    most_Wh : float
        Largest heat that can be drawn in a unit.

    Raises
    ------
    InputError
        Shapes that do not fit, a model that grows, no band.

    Examples
    --------
    A room of 2 kWh/K that loses a tenth of a deviation in each unit, within 1 K:

    >>> store = HeatStore(np.array([[0.9]]), np.array([5e-4]), 0, 1.0, 5e3)
    >>> charge, discharge = store.shiftable_Wh(np.full(4, 1000.0))
    >>> round(charge), round(discharge)
    (2600, -2490)
    """

    transition: Floats
    gain_K_per_Wh: Floats
    room: int
    band_K: float
    most_Wh: float

    def __post_init__(self) -> None:
        n = len(self.gain_K_per_Wh)
        numbers = (*np.ravel(self.transition), *self.gain_K_per_Wh, self.band_K, self.most_Wh)
        findings: list[Finding] = []
        if np.shape(self.transition) != (n, n) or not 0 <= self.room < n:
            findings.append(
                Finding(f"{np.shape(self.transition)} and {n} do not fit", "give (n, n) and (n,)")
            )
        elif not np.isfinite(numbers).all() or self.band_K <= 0 or self.most_Wh <= 0:
            findings.append(Finding("no band or no heat", "give positive, finite numbers"))
        elif np.abs(np.linalg.eigvals(self.transition)).max() > 1.0 + 1e-9:
            findings.append(Finding("a deviation grows by itself", "check the thermal network"))
        if findings:
            raise InputError(*findings)

    def response(self, units: int) -> tuple[Floats, Floats]:
        """The room over some units: of a Wh shifted in each, and of the present deviation.

        Parameters
        ----------
        units : int

        Returns
        -------
        shifted : (units, units)
            K per Wh; row: end of a unit, column: where the heat was drawn.
        kept : (units, n)
            K per K of each node now.
        """
        power = np.eye(len(self.transition))
        kept: list[Floats] = []
        pulse: list[float] = []
        for _ in range(units):
            pulse.append(float(power[self.room] @ self.gain_K_per_Wh))
            power = power @ self.transition
            kept.append(power[self.room])
        lag = np.subtract.outer(np.arange(units), np.arange(units))
        shifted = np.where(lag >= 0, np.array([*pulse, 0.0])[np.maximum(lag, -1)], 0.0)
        return shifted, np.array(kept).reshape(units, len(self.transition))

    def best_shift_Wh(self, cost: Floats, mean_Wh: Floats, deviation_K: Floats) -> Floats:
        """Shift that costs least and leaves the rooms within the band.

        Parameters
        ----------
        cost : (m,)
            Of a Wh in each unit, in any currency.
        mean_Wh : (m,)
            Need without a shift.
        deviation_K : (n,)
            Of the nodes now.

        Returns
        -------
        (m,)
            Wh; what is drawn, need plus shift, is between 0 and `most_Wh`.

        Notes
        -----
        A linear programme. What is left in the rooms at the end is worth the mean cost less what
        would leak in the meantime, so that a horizon does not end with cold rooms.
        """
        units = len(mean_Wh)
        if not units:
            return np.zeros(0)
        shifted, kept = self.response(units)
        now = kept @ deviation_K
        # a deviation that is there already may fade, it need not vanish at once
        band = np.maximum(self.band_K, np.abs(now))
        limits = [
            (min(0.0, -need), max(0.0, self.most_Wh - need)) for need in np.maximum(mean_Wh, 0.0)
        ]
        left = shifted[-1] / max(shifted[-1, -1], 1e-12) * float(np.mean(cost))
        price = cost - left
        return _cheapest(price, shifted, -band - now, band - now, limits)

    def shiftable_Wh(
        self, mean_Wh: Floats, deviation_K: Floats | None = None
    ) -> tuple[float, float]:
        """How much can be drawn beyond the need, and how much less, over some units.

        Parameters
        ----------
        mean_Wh : (m,)
            Need without a shift.
        deviation_K : (n,) or None
            Of the nodes now; None: none.

        Returns
        -------
        charge, discharge : float
            Largest and smallest sum of shifts that keep the room within the band.
        """
        units = len(mean_Wh)
        now = np.zeros(len(self.gain_K_per_Wh)) if deviation_K is None else deviation_K
        shifted, kept = self.response(units)
        held = kept @ now
        band = np.maximum(self.band_K, np.abs(held))
        limits = [(min(0.0, -need), max(0.0, self.most_Wh - need)) for need in mean_Wh]
        ends = [
            float(_cheapest(cost, shifted, -band - held, band - held, limits).sum())
            for cost in (-np.ones(units), np.ones(units))
        ]
        return ends[0], ends[1]


def room_store(
    capacity_J_per_K: float, loss_W_per_K: float, unit_s: float, band_K: float, most_W: float
) -> HeatStore:
    """Rooms as one node: a capacity that loses heat in proportion to its deviation.

    Parameters
    ----------
    capacity_J_per_K, loss_W_per_K : float
    unit_s : float
        Length of a unit of the market.
    band_K : float
    most_W : float
        Of the substation.

    Returns
    -------
    HeatStore
        The exact solution of C dx/dt = s − H x over a unit of constant s.

    Examples
    --------
    >>> store = room_store(3.6e6, 0.0, 3600.0, 1.0, 5e3)
    >>> float(store.gain_K_per_Wh[0]), float(store.transition[0, 0])
    (0.001, 1.0)
    """
    decay = loss_W_per_K * unit_s / capacity_J_per_K
    keeps = float(np.exp(-decay))
    gain = -float(np.expm1(-decay)) / decay if decay > 0 else 1.0
    per_Wh = np.array([3600.0 / capacity_J_per_K * gain])
    return HeatStore(np.array([[keeps]]), per_Wh, 0, band_K, most_W * unit_s / 3600.0)


def _cheapest(
    cost: Floats, shifted: Floats, least: Floats, most: Floats, limits: list[tuple[float, float]]
) -> Floats:
    """Shift of least cost within limits, whose effect on the room stays between two bounds."""
    found: Any = linprog(
        cost,
        A_ub=np.vstack([shifted, -shifted]),
        b_ub=np.concatenate([most, -least]),
        bounds=limits,
        method="highs",
    )
    if found.status != 0:
        # no shift at all is always allowed, so this is the solver's own failure
        raise SolverError(f"no shift was found ({found.message})", "check the numbers of the store")
    return np.asarray(found.x, dtype=np.float64)


@dataclass(frozen=True)
class Flexible:
    """Buy heat where it is cheap and let the rooms keep it until it is dear.

    Memory: how many units were drawn, the shifts agreed for units not drawn yet, the
    deviation of every node at the next unit to be drawn.

    Parameters
    ----------
    store : HeatStore
    deadband_lots : int

    Notes
    -----
    Units are drawn one after the other from unit 0 on.
    """

    store: HeatStore
    deadband_lots: int = 0

    def begin(self) -> Memory:
        """No shift agreed, no deviation."""
        return (0.0, *np.zeros(len(self.store.gain_K_per_Wh)))

    def trade(self, view: View, memory: Memory) -> tuple[list[Wish], Memory]:
        """Go to the cheapest need that the rooms allow, at the prices that are published."""
        drawn, x, agreed = self._read(memory)
        waiting = max(0, view.first - drawn)
        closed = (agreed + [0.0] * waiting)[:waiting]
        ahead = x
        for shift in closed:
            ahead = self._after(ahead, shift)
        quotes = [view.quote(unit).middle_uEUR for unit in view.units]
        known = [middle for middle in quotes if middle is not None]
        if not known:
            return towards(view, view.mean_Wh, self.deadband_lots), memory
        usual = float(np.mean(known))
        cost = np.array([usual if middle is None else middle for middle in quotes], dtype=float)
        shift = self.store.best_shift_Wh(cost, view.mean_Wh, ahead)
        kept = (float(drawn), *x, *closed, *(float(one) for one in shift))
        return towards(view, view.mean_Wh + shift, self.deadband_lots), kept

    def draw(self, own_Wh: float, reserved_Wh: int, memory: Memory) -> tuple[float, Memory]:
        """Draw what is reserved as far as the rooms stay within the band."""
        drawn, x, agreed = self._read(memory)
        store = self.store
        settled = float((store.transition @ x)[store.room])
        gain = float(store.gain_K_per_Wh[store.room])
        band = max(store.band_K, abs(settled))
        least, most = (-band - settled) / gain, (band - settled) / gain
        shift = min(max(float(reserved_Wh) - own_Wh, least), most)
        demanded = min(max(own_Wh + shift, min(own_Wh, 0.0)), max(own_Wh, store.most_Wh))
        after = self._after(x, demanded - own_Wh)
        return demanded, (float(drawn + 1), *after, *agreed[1:])

    def _after(self, x: Floats, shift_Wh: float) -> Floats:
        return self.store.transition @ x + self.store.gain_K_per_Wh * shift_Wh

    def _read(self, memory: Memory) -> tuple[int, Floats, list[float]]:
        n = len(self.store.gain_K_per_Wh)
        return int(memory[0]), np.array(memory[1 : 1 + n]), list(memory[1 + n :])
