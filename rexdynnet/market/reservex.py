"""The exchange: orders in, checked, matched, posted, recorded; book, trades and curve out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from rexdynnet.errors import Finding, InputError
from rexdynnet.market.contracts import Flow, Order, Reference, Side
from rexdynnet.market.desk import FIRST_ACCOUNT, Desk, Notice, OpenOrder, Trade
from rexdynnet.market.holdings import Holdings, Opened
from rexdynnet.market.journal import Journal, Kind
from rexdynnet.market.ledger import Account, Cause, Ledger, LedgerError
from rexdynnet.market.maker import ReservationMaker
from rexdynnet.market.mechanism import Ask, Quote, new_tuple
from rexdynnet.market.pricing import first_unit
from rexdynnet.market.promise import Promise, promise_rows
from rexdynnet.market.records import (
    CANCEL_BODY,
    CLOCK_BODY,
    NO_LIMIT,
    ORDER_LENGTH,
    Posting,
    check_postings,
    pack_curves,
    pack_order,
    pack_postings,
    pack_rows,
    unpack_curves,
    unpack_order,
    unpack_postings,
    unpack_rows,
)
from rexdynnet.market.refusals import Reason, Refusal
from rexdynnet.market.setup import Market
from rexdynnet.market.standing import StandingStatements
from rexdynnet.market.validate import LARGEST, LARGEST_NUMBER, first_fault, plain
from rexdynnet.timeline import DeliveryEnvelope, PriceSurface, Schedule

# names of this module, because they are looked up for every order
BUY, EJECTION, ORDER_KIND = Side.BUY, Flow.EJECTION, int(Kind.ORDER)
TORN = (
    "an error broke off the booking of an order; nothing since the last commit was acknowledged: "
    "open its journal again"
)


class Reply(NamedTuple):
    """What became of an order or a cancellation.

    Parameters
    ----------
    participant : str
    number : int
    lots : int
        Traded at once.
    amount_uEUR : int
        Paid for them; negative is received.
    resting : int
        Lots that wait in the book.
    refusal : Refusal or None
        Why nothing happened.
    """

    participant: str
    number: int
    lots: int = 0
    amount_uEUR: int = 0
    resting: int = 0
    refusal: Refusal | None = None


class Reservex:
    """A running market.

    Replies are handed out by `commit`, once what they tell would survive a crash.

    Parameters
    ----------
    market : Market
    journal : Path or None
        File to record in; what it already holds is taken up first, so that opening the
        journal of an exchange that crashed continues it. None records nothing.

    Raises
    ------
    InputError
        The journal belongs to another market or is damaged before its last group.

    Examples
    --------
    >>> from rexdynnet.market import examples
    >>> exchange = examples.exchange()
    >>> order = Order("flat_1", 1, Flow.EJECTION, Side.BUY, "a", 4, 2000)
    >>> exchange.place(order).amount_uEUR
    120000
    >>> str(exchange.place(order).refusal)
    'order 1 of flat_1; it was taken before; give every new order a larger number'
    """

    def __init__(self, market: Market, journal: Path | None = None) -> None:
        self.market = market
        self.rules = market.rules
        self.mechanism = market.make_mechanism()
        self.holdings = Holdings(market)
        self.ledger = Ledger([each.name for each in market.participants])
        self.now_s = 0.0
        self.event = 0
        self._names = [each.name for each in market.participants]
        self._who = {name: at for at, name in enumerate(self._names)}
        self._where = {name: at for at, name in enumerate(market.nodes)}
        self._last = [0] * len(self._names)
        self._first = self.rules.first_open(0.0)
        self._beyond = self.rules.beyond(0.0)
        self._maker = self.mechanism if isinstance(self.mechanism, ReservationMaker) else None
        self._desk = Desk(self._names, self.holdings, self.ledger)
        self._replies: list[Reply] = []
        self._settled = StandingStatements()
        self._torn = False
        self._nodes, self._people = len(market.nodes), len(self._names)
        self._lot_Wh, self._tick_uEUR = self.rules.lot_Wh, self.rules.tick_uEUR
        self._margin_uEUR = self.rules.margin_uEUR
        self._most_Wh = LARGEST * self.rules.lot_Wh
        self._journal: Journal | None = None
        if self._maker is not None:
            self._maker.reprice(market.pricing.curves(self.rules, market.nodes, None))
        if journal is not None:
            record = Journal(journal, market.identity)
            for kind, body in record.past():
                self._replay(kind, body)
            self._replies.clear()
            self._journal = record

    # orders

    def submit(self, order: Order) -> None:
        """Take or refuse an order; the reply comes with the next `commit`."""
        self._replies.append(self._decide(order))

    def cancel(self, order: Reference) -> None:
        """Take an order out of the book; the reply comes with the next `commit`."""
        owner = self._who.get(order.participant, -1)
        number = self._desk.numbers.get((owner, order.number))
        if number is None:
            refusal = Refusal(Reason.UNKNOWN_ORDER, f"order {order.number} does not wait")
            self._replies.append(Reply(*order, refusal=refusal))
            return
        self.event += 1
        self.mechanism.cancel(number)
        self._desk.withdraw(number)
        if self._journal is not None:
            self._journal.append(Kind.CANCEL, CANCEL_BODY.pack(owner, order.number))
        self._replies.append(Reply(*order))

    def commit(self) -> list[Reply]:
        """Make everything so far durable, then hand out the replies that waited for it.

        Raises
        ------
        LedgerError
            An error broke off the booking of an order; nothing since the last commit holds.
        InputError
            The journal cannot be written; nothing since the last commit holds.
        """
        if self._torn:
            raise LedgerError(TORN)
        if self._journal is not None:
            try:
                self._journal.commit()
            except BaseException:
                self._torn = True
                raise
        replies, self._replies = self._replies, []
        return replies

    def place(self, order: Order) -> Reply:
        """Submit one order and commit; slower than committing many together."""
        self.submit(order)
        return self.commit()[-1]

    def close(self) -> None:
        """Commit and close the journal; after an error amid an order only close it."""
        if self._journal is not None:
            if self._torn:
                self._journal.abandon()
                raise LedgerError(TORN)
            self.commit()
            self._journal.abandon()

    def _decide(self, order: Order) -> Reply:
        who, number, flow, side, where, unit, energy_Wh, limit = order
        owner = self._who.get(who) if who.__class__ is str else None
        node = self._where.get(where) if where.__class__ is str else None
        if (
            owner is None
            or node is None
            or energy_Wh.__class__ is not int
            or unit.__class__ is not int
            or number.__class__ is not int
            or flow.__class__ is not Flow
            or side.__class__ is not Side
            or not self._last[owner] < number < LARGEST_NUMBER
            or not self._first <= unit < self._beyond
            or not 0 < energy_Wh < self._most_Wh
            or energy_Wh % self._lot_Wh
            or (
                limit is not None
                and (
                    limit.__class__ is not int
                    or limit % self._tick_uEUR
                    or not -LARGEST < limit < LARGEST
                )
            )
        ):
            return self._explain(order)
        holdings, maker, desk = self.holdings, self._maker, self._desk
        lots = energy_Wh // self._lot_Wh
        # plain numbers, which Python computes with faster than with an enum's
        sign = 1 if side is BUY else -1
        way = 0 if flow is EJECTION else 1
        closing = (sign > 0) is not (way == 0)
        cell = unit * self._nodes + node
        key = (cell * self._people + owner) * 2 + way
        if closing:
            free = holdings.lots.get(key, 0) - holdings.closing.get(key, 0)
            if lots > free:
                detail = f"{lots} lots given back, {free} held and not on offer"
                return Reply(who, number, refusal=Refusal(Reason.BEYOND_POSITION, detail))
        event = self.event + 1
        ask = None
        if maker is not None:
            worst = maker.price(sign, node, unit, lots, limit)
        else:
            ask = new_tuple(Ask, (event, owner, sign, node, unit, lots, limit))
            # what `worst` says of every limit order, without asking
            worst = sign * limit * lots if limit is not None else self.mechanism.worst(ask)
        if isinstance(worst, Refusal):
            return Reply(who, number, refusal=worst)
        need = worst if worst > 0 else 0
        if way and not closing:
            need += self._margin_uEUR * lots
        if need:
            balance = self.ledger.balance[FIRST_ACCOUNT + owner]
            credit = holdings.line[owner] + balance - holdings.held[owner]
            if need > credit:
                detail = f"{need} µEUR needed, {credit} free"
                return Reply(who, number, refusal=Refusal(Reason.BEYOND_CREDIT, detail))
        promise = desk.promise
        left = None
        if promise is not None:
            if maker is not None:
                left = promise.after(unit, node, sign * lots)
            else:
                left = promise.held(unit, node, sign, lots)
        if promise is None or left is None:
            detail = f"no delivery envelope covers unit {unit}"
            return Reply(who, number, refusal=Refusal(Reason.NOT_CERTIFIED, detail))
        if left is not promise.left and promise.overdrawn(left):
            binding = promise.refusal(left)
            if binding is not None:
                return Reply(who, number, refusal=Refusal(Reason.BEYOND_DEPTH, binding))
        try:
            promise.left = left
            self._last[owner] = number
            self.event = event
            done, paid, resting = lots, worst, 0
            if maker is not None:
                maker.move(unit, sign * lots)
                desk.sell(event, key, owner, way, sign, node, unit, lots, worst)
            elif ask is not None:
                hold = max(0, sign * limit) if limit is not None else 0
                if way and not closing:
                    hold += self._margin_uEUR
                taken = OpenOrder(owner, number, way, sign, node, unit, lots, key, hold, closing)
                outcome = self.mechanism.take(ask)
                done, paid, resting = desk.matched(event, taken, outcome, limit is not None)
            if self._journal is not None:
                bound = NO_LIMIT if limit is None else limit
                frame = pack_order(
                    ORDER_KIND, ORDER_LENGTH, owner, number, way, sign, node, unit, lots, bound,
                    done, paid,
                )  # fmt: skip
                self._journal.append_frame(frame)
        except BaseException:
            self._torn = True
            raise
        return new_tuple(Reply, (who, number, done, paid, resting, None))

    def _explain(self, order: Order) -> Reply:
        """Say which of the first checks an order fails; integers of NumPy are taken over."""
        who, number = order.participant, order.number
        whole = plain(order)
        if whole is None:
            detail = f"a name of {order} is no text, or a number is not whole"
            return Reply(who, number, refusal=Refusal(Reason.OUT_OF_RANGE, detail))
        refusal = first_fault(whole, self.rules, self.now_s, self._who, self._where, self._last)
        return self._decide(whole) if refusal is None else Reply(who, number, refusal=refusal)

    # time, prices, envelope

    def advance(self, now_s: float) -> range:
        """Let time pass, close the gates it passes, and say which units closed.

        Parameters
        ----------
        now_s : float
            Seconds since the market's start; never less than before.

        Returns
        -------
        range
            Units whose gate closed.
        """
        if not self.now_s <= now_s < LARGEST:
            raise InputError(
                Finding(f"time went from {self.now_s} s to {now_s} s", "let it only go forward")
            )
        self.event += 1
        self.now_s = now_s
        closed = range(self._first, self.rules.first_open(now_s))
        self._first, self._beyond = self.rules.first_open(now_s), self.rules.beyond(now_s)
        for unit in closed:
            for fill in self.mechanism.close(unit).fills:
                self._desk.trade(self.event, fill)
        for number in [n for n, each in self._desk.open.items() if each.unit < self._first]:
            self._desk.withdraw(number, "its gate closed")
        if self._journal is not None:
            self._journal.append(Kind.CLOCK, CLOCK_BODY.pack(now_s))
        return closed

    def publish_prices(self, surface: PriceSurface) -> None:
        """Let the maker quote from what heat costs now."""
        curves = self.market.pricing.curves(self.rules, self.market.nodes, surface)
        if self._maker is not None:
            if self.market.pricing.recentres:
                curves = self._maker.recentred(curves)
            self._maker.reprice(curves)
            self.event += 1
            if self._journal is not None:
                self._journal.append(Kind.PRICES, pack_curves(curves))

    def publish_envelope(self, envelope: DeliveryEnvelope) -> None:
        """Promise within a new envelope from now on.

        What was sold counts against it. Orders that wait and no longer fit leave the book,
        the latest first to go; `notices` names them.
        """
        first = first_unit(self.rules, envelope.units[0].start, envelope.units[0].length_s)
        rows, limit = promise_rows(envelope, self.market.nodes, self.rules.lot_J)
        self._renew(Promise(envelope.names, first, rows, limit))
        if self._journal is not None:
            body = pack_rows(envelope.names, first, rows, limit)
            self._journal.append(Kind.ENVELOPE, body)

    def _renew(self, promise: Promise) -> None:
        self.event += 1
        for number in self._desk.renew(promise):
            self.mechanism.cancel(number)

    # money and settlement

    def pay(self, participant: str, amount_uEUR: int) -> None:
        """Book money paid in (negative: drawn out)."""
        account = self.ledger.account(participant)
        self.post(-1, [(Cause.PAYMENT, Account.BANK, account, amount_uEUR)])

    def post(self, unit: int, postings: Sequence[Posting], *, final: bool = False) -> None:
        """Book transfers; `final` frees the credit that the unit's promises had held."""
        if final:
            self._settled.refuse_if_settled(unit)
        body = pack_postings(unit, final, check_postings(postings, len(self.ledger.names)))
        self._book(unit, postings, body)
        if final:
            self._settled.stand(unit, postings)
            self.holdings.release(unit)

    def correct(self, unit: int, before: Sequence[Posting], after: Sequence[Posting]) -> None:
        """Undo the statement of a settled unit that stands, and book another in its place.

        Parameters
        ----------
        unit : int
        before, after : sequence of Posting

        Raises
        ------
        InputError
            `before` does not stand: it was never posted, or it has been undone.
        """
        undone = self._settled.undo(unit, before)
        body = pack_postings(
            unit, False, check_postings(after, len(self.ledger.names)), undone=before
        )
        self._book(unit, [*undone, *after], body)
        self._settled.stand(unit, after)

    def _book(self, unit: int, postings: Sequence[Posting], body: bytes) -> None:
        self.event += 1
        try:
            for cause, debit, credit, amount_uEUR in postings:
                self.ledger.transfer(self.event, unit, cause, debit, credit, amount_uEUR)
            if self._journal is not None:
                self._journal.append(Kind.POSTINGS, body)
        except BaseException:
            self._torn = True
            raise

    def is_settled(self, unit: int) -> bool:
        """Whether a unit's settlement was posted."""
        return unit in self._settled

    # what is published

    def quote(self, node: str, unit: int) -> Quote:
        """Book of one node and unit, or what the maker quotes within what it can promise."""
        at = self._where[node]
        promise = self._desk.promise
        if promise is None:
            return Quote((), ())
        return self.mechanism.quote(at, unit, promise.depth(unit, at))

    def forward_curve(self, node: str) -> list[tuple[int, Quote]]:
        """Quotes of every open unit."""
        return [(unit, self.quote(node, unit)) for unit in range(self._first, self._beyond)]

    @property
    def notices(self) -> Sequence[Notice]:
        """Orders that left the book without their senders asking, oldest first."""
        return self._desk.notices

    def trades(self) -> Iterator[Trade]:
        """Everything that changed hands, oldest first."""
        return map(Trade._make, self._desk.trades)

    def position(self, participant: str, node: str, unit: int) -> dict[Flow, int]:
        """Lots that a participant holds."""
        who, where = self._who[participant], self._where[node]
        return {flow: self.holdings.position(unit, where, who, flow) for flow in Flow}

    def opened_at(self, participant: str, node: str, unit: int, flow: Flow) -> Opened:
        """What a participant's position was opened at."""
        return self.holdings.opened_at(unit, self._where[node], self._who[participant], flow)

    def holders(self, unit: int) -> Iterator[tuple[str, str]]:
        """Participant and node of every position in a unit."""
        for node in self.market.nodes:
            for name in self._names:
                if any(self.position(name, node, unit).values()):
                    yield name, node

    def schedule(self, first: int, count: int) -> Schedule:
        """Energy sold net per node, in joules."""
        nodes, sold = len(self.market.nodes), self.holdings.sold
        cells = range(first * nodes, (first + count) * nodes)
        lots = np.array([sold.get(cell, 0) for cell in cells], dtype=np.float64)
        energy_J = lots.reshape(count, nodes) * self.rules.lot_J
        return Schedule(self.market.nodes, tuple(self.rules.time_units(first, count)), energy_J)

    # recovery

    def _replay(self, kind: int, body: bytes) -> None:
        """Do again what the journal says was done."""
        if kind == Kind.ORDER:
            self._replay_order(body)
        elif kind == Kind.CANCEL:
            owner, number = CANCEL_BODY.unpack(body)
            self.cancel(Reference(self._names[owner], number))
        elif kind == Kind.CLOCK:
            self.advance(*CLOCK_BODY.unpack(body))
        elif kind == Kind.PRICES and self._maker is not None:
            self._maker.reprice(unpack_curves(body))
            self.event += 1
        elif kind == Kind.ENVELOPE:
            self._renew(Promise(*unpack_rows(body)))
        elif kind == Kind.POSTINGS:
            unit, final, postings, undone = unpack_postings(body)
            if undone is None:
                self.post(unit, postings, final=final)
            else:
                self.correct(unit, undone, postings)
        else:
            raise LedgerError(f"the journal holds a frame of unknown kind {kind}; update rexdynnet")

    def _replay_order(self, body: bytes) -> None:
        order, *traded = unpack_order(body, self.market)
        reply = self._decide(order)
        if reply.refusal is not None or [reply.lots, reply.amount_uEUR] != traded:
            raise LedgerError(
                f"order {order.number} of {order.participant} traded {traded[0]} lots for "
                f"{traded[1]} µEUR and its journal now leads to {reply}; recover with the version "
                "that wrote it"
            )
