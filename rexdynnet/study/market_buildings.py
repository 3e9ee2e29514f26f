"""Buildings in a run's market: what their flats expect, order, draw and pay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from rexdynnet.market.building import Building
from rexdynnet.market.building_book import BuildingBook, Settled, open_book
from rexdynnet.market.contracts import J_PER_Wh, Order
from rexdynnet.market.policies import Inelastic
from rexdynnet.market.reservex import Reservex
from rexdynnet.market.settle import Statement, Terms
from rexdynnet.study.market_settings import MarketSettings, closing_units
from rexdynnet.study.presence import hours_of
from rexdynnet.study.run_preview import Forecaster

Floats = NDArray[np.float64]
_NEED_STEPS_PER_Wh = 1e6


@dataclass
class Buildings:
    """All buildings whose flats trade; begin with `open_buildings`.

    Parameters
    ----------
    settings : MarketSettings
    forecaster : Forecaster
    columns : mapping of substation to int
        Of each heat demand among the forecaster's signals.
    books : tuple of BuildingBook
    shifts_Wh : dict of str to dict of int to dict of str to float
        By substation, unit of the run and flat: drawn beyond the need.
    """

    settings: MarketSettings
    forecaster: Forecaster
    columns: Mapping[str, int]
    books: tuple[BuildingBook, ...]
    shifts_Wh: dict[str, dict[int, dict[str, float]]] = field(
        default_factory=dict[str, dict[int, dict[str, float]]]
    )

    def orders(self, exchange: Reservex, now_s: float, lead: int) -> list[Order]:
        """Let flats trade among themselves; what the buildings order of the area.

        Parameters
        ----------
        exchange : Reservex
        now_s : float
            Of the run.
        lead : int
            Number of the market's unit that begins with the run.
        """
        first = exchange.rules.first_open(exchange.now_s) - lead
        own = np.arange(self.settings.window + 1) + first
        edges_s = self.settings.unit_s * own.astype(np.float64)
        found: list[Order] = []
        for book in self.books:
            mean, spread = self._expected_Wh(book.building, now_s, edges_s)
            closing = closing_units(exchange, now_s, lead)
            found += book.orders(exchange, mean, spread, self.settings.terms, closing)
        return found

    def draws(self, exchange: Reservex, unit: int, lead: int) -> tuple[dict[str, float], float]:
        """What flats that can store heat draw beyond their need in a unit that begins.

        Parameters
        ----------
        exchange : Reservex
        unit : int
            Of the run.
        lead : int

        Returns
        -------
        dict of substation to float
            W, constant over the unit.
        float
            Heat that is drawn at another time than it is needed, J, over all flats.
        """
        found: dict[str, float] = {}
        moved_J = 0.0
        for book in self.books:
            shifts = self._shifts_Wh(book, exchange.rules.lot_Wh, unit, lead)
            if not shifts:
                continue
            place = book.building.participant
            self.shifts_Wh.setdefault(place, {})[unit] = shifts
            found[place] = sum(shifts.values()) * J_PER_Wh / self.settings.unit_s
            moved_J += sum(map(abs, shifts.values())) * J_PER_Wh
        return found, moved_J

    def follow(
        self,
        exchange: Reservex,
        statements: Sequence[Statement],
        marginals: Sequence[Mapping[str, int]],
        lead: int,
        terms: Terms,
    ) -> None:
        """Pass on to the flats what the area's exchange has booked since.

        Parameters
        ----------
        exchange : Reservex
        statements : sequence of Statement
            Of the settled units, as they stand.
        marginals : sequence of mapping of place to int
            Per lot, by unit of the run.
        lead : int
        terms : Terms
            By which units were settled.
        """
        for book in self.books:
            place = book.building.participant
            lines = {
                statement.unit: line
                for statement in statements
                for line in statement.lines
                if line.participant == place
            }

            def settled(unit: int, book: BuildingBook = book, place: str = place) -> Settled:
                marginal = marginals[unit - lead][place]
                return Settled(self._needs(book.building, unit - lead), marginal, terms.cascade)

            book.follow(exchange, lines, settled)

    def _expected_Wh(
        self, building: Building, now_s: float, edges_s: Floats
    ) -> tuple[dict[str, Floats], dict[str, Floats]]:
        """Forecast of every flat's energies and its standard deviation, by unit."""
        place, forecaster = building.participant, self.forecaster
        count, unit_h = len(edges_s) - 1, self.settings.unit_s / 3600.0
        hours = max(1, round(unit_h))
        fine = np.linspace(edges_s[0], edges_s[-1], count * hours + 1)
        column = self.columns[place]
        usual = forecaster.usual[column]
        own = self._drawn_W(building, fine)
        common = forecaster.common_error(now_s, fine)
        spread = forecaster.spread(now_s, edges_s)[:, column] * unit_h
        means: dict[str, Floats] = {}
        spreads: dict[str, Floats] = {}
        for at, flat in enumerate(building.flats):
            error, _ = forecaster.own_error(f"{place}/{flat.name}", now_s, fine)
            missed = flat.share * usual * (common + error)
            mean = np.maximum(own[:, at] - missed, 0.0).reshape(count, hours).mean(axis=1)
            means[flat.name], spreads[flat.name] = mean * unit_h, flat.share * spread
        return means, spreads

    def _drawn_W(self, building: Building, edges_s: Floats) -> Floats:
        """Mean of what every flat needs over intervals of an hour or less, shape (n, flats)."""
        whole = self.forecaster.means(edges_s)[:, self.columns[building.participant]]
        shares, presence = building.shares, self.forecaster.presence
        parts = np.broadcast_to(np.array(list(shares.values())), (len(whole), len(shares)))
        if presence is not None:
            hours = hours_of(0.5 * (edges_s[1:] + edges_s[:-1]))
            seed = self.forecaster.seed
            parts = presence.parts(seed, building.participant, shares, hours)
        return whole[:, None] * parts / parts.sum(axis=1, keepdims=True)

    def _needs_Wh(self, building: Building, unit: int) -> Floats:
        edges_s = self.settings.unit_s * np.array([unit, unit + 1.0])
        return self._drawn_W(building, edges_s)[0] * self.settings.unit_s / J_PER_Wh

    def _needs(self, building: Building, unit: int) -> dict[str, int]:
        """What the allocators of a building's flats counted in a unit of the run."""
        drawn = dict(zip(building.shares, self._needs_Wh(building, unit), strict=True))
        shifts = self.shifts_Wh.get(building.participant, {}).get(unit, {})
        return {
            name: max(round(_NEED_STEPS_PER_Wh * (own + shifts.get(name, 0.0))), 0)
            for name, own in drawn.items()
        }

    def _shifts_Wh(self, book: BuildingBook, lot_Wh: int, unit: int, lead: int) -> dict[str, float]:
        held = book.held_in(unit + lead)
        needs = self._needs_Wh(book.building, unit)
        found: dict[str, float] = {}
        for flat, own_Wh in zip(book.building.flats, map(float, needs), strict=True):
            if isinstance(flat.policy, Inelastic):
                continue
            memory = book.memories[flat.name]
            for _ in range(lead if unit == 0 else 0):
                _, memory = flat.policy.draw(0.0, 0, memory)
            drawn_Wh, memory = flat.policy.draw(own_Wh, held[flat.name] * lot_Wh, memory)
            book.memories[flat.name] = memory
            found[flat.name] = drawn_Wh - own_Wh
        return found


def open_buildings(
    settings: MarketSettings, forecaster: Forecaster, columns: Mapping[str, int]
) -> Buildings:
    """Begin the books of every building of a run.

    Parameters
    ----------
    settings : MarketSettings
    forecaster : Forecaster
        Of the prosumers.
    columns : mapping of substation to int
        Of each heat demand among the forecaster's signals.

    Returns
    -------
    Buildings
    """
    books = tuple(open_book(building) for building in settings.buildings)
    return Buildings(settings, forecaster, columns, books)
