"""The order book: every order simulated once, in the order they were placed.

The book decides who orders what, how much and at what price, which batches
it is taken from and when it leaves.  Batches are later taken in with as much
as the book needs of them, so nothing is ever oversold.
"""

from __future__ import annotations

from array import array
from heapq import heappop, heappush

from terp_seed.terp.simulation.arrays import Groups, Spool, Words
from terp_seed.terp.simulation.buyers import Buyers
from terp_seed.terp.simulation.clock import DAY, TODAY
from terp_seed.terp.simulation.market import Market
from terp_seed.terp.simulation.parties import WHALE
from terp_seed.terp.simulation.schedule import (
    CONFIRMED,
    CONVERTED,
    DELIVERED,
    RETURNED,
    SHIPPED,
    TO_VENDOR,
    Schedule,
)
from terp_seed.terp.simulation.stock import Stock
from terp_seed.terp.simulation.terms import (
    DEFAULT,
    MANUAL,
    PROFILE,
    TERMS,
    line_count,
    margin,
    price,
    quantity,
)

__all__ = ["DECISION", "RETURN", "SALE", "TRANSFER", "Book"]

SALE, RETURN, TRANSFER = range(3)
DECISION = 4 * 3600
"""Seconds until it is decided what becomes of goods that came back."""

_CONSIGNMENT, _PARTIAL = TERMS.index("CONSIGNMENT"), TERMS.index("PARTIAL")
_TERMS_OF_DAYS = {0: 0, 7: 1, 15: 2, 30: 3}
_LEAST = (5000, 1000)  # a sold out batch was at least 50 units or 10 pounds
_SPILL = 256  # orders after which the arrays are looked at
_STEP = (100, 25)  # whole units, quarter pounds


def _array(code: str) -> array[int]:
    return array(code)


class Book:
    """All orders of a run, in compact arrays; `write` fills them."""

    def __init__(self, stock: Stock, schedule: Schedule, buyers: Buyers, words: Words) -> None:
        self.stock = stock
        self.schedule = schedule
        self.buyers = buyers
        self.words = words
        # One entry for each order.
        self.client: array[int] = _array("I")
        self.kind: array[int] = _array("B")
        self.terms: array[int] = _array("B")
        self.total: array[int] = _array("I")  # cents
        self.cost: array[int] = _array("I")  # cents
        self.shipped: array[int] = _array("I")  # seconds, 0 for not yet
        self.delivered: array[int] = _array("I")
        self.returned: array[int] = _array("I")
        self.line_starts: array[int] = _array("I")
        self.pick_starts: array[int] = _array("I")
        # One entry for each line, then for each allocation.
        self.line_batch: Spool = Spool("I")
        self.line_quantity: Spool = Spool("H")
        self.line_price: Spool = Spool("H")  # dollars
        self.line_origin: Spool = Spool("B")  # of the margin
        self.pick_line: Spool = Spool("I")
        self.pick_batch: Spool = Spool("I")
        self.pick_quantity: Spool = Spool("H")
        # One entry for each movement, in the order of time.
        self.move_order: Spool = Spool("I")
        self.move_batch: Spool = Spool("I")
        self.move_change: Spool = Spool("i")
        self.move_drawn: Spool = Spool("i")  # what had left the batch before
        self.move_type: Spool = Spool("B")

    def write(self) -> Book:
        """Simulate all orders."""
        self.market: Market = Market(self.stock, self.words)
        self.demand: array[int] = array("I", [0]) * self.stock.sizes.batches
        self._drawn = array("i", [0]) * self.stock.sizes.batches
        self._coming_back: list[tuple[int, int, int]] = []
        self._last_shipped = 0
        streams = ("count", "quantity", "margin", "origin", "way")
        self._next = {name: self.words.endless(name) for name in streams}
        self._next |= {"mood": self.words.deck("mood", 100), "terms": self.words.deck("terms", 20)}
        self.kind.extend(self.schedule.kind)
        spools = [each for each in vars(self).values() if isinstance(each, Spool)]
        for order in range(self.schedule.orders):
            self._order(order)
            if not order % _SPILL:
                for spool in spools:
                    spool.spill()
        self._bring_back(TODAY * DAY + DAY)
        self.line_starts.append(len(self.line_batch))
        self.pick_starts.append(len(self.pick_line))
        if self.market.clearing:
            raise AssertionError("a batch that is sold out was never cleared")
        return self

    @property
    def lines(self) -> Groups:
        """Order lines by order."""
        return Groups(self.line_starts)

    @property
    def picks(self) -> Groups:
        """Allocations by order."""
        return Groups(self.pick_starts)

    def _order(self, order: int) -> None:
        day, kind = self.schedule.day[order], self.kind[order]
        self.market.advance(day)
        self.line_starts.append(len(self.line_batch))
        self.pick_starts.append(len(self.pick_line))
        converted = order > 0 and self.kind[order - 1] == CONVERTED
        who = self.client[order - 1] if converted else self.buyers.next(order, day, kind)
        self.client.append(who)
        self._settle_terms(order, who)
        mood = self._next["mood"]()
        self._mood = -1 if mood < 3 else 1 if mood < 6 else 0
        self._total = self._cost = 0
        if converted:
            self._repeat(order)
        else:
            self._fill(order)
        self.total.append(self._total)
        self.cost.append(self._cost)
        self.buyers.spent(order, who, kind, self.total[order])
        self._ship(order)

    def _settle_terms(self, order: int, who: int) -> None:
        card = self._next["terms"]()
        recent = SHIPPED <= self.kind[order] <= DELIVERED and TODAY - self.schedule.day[order] < 29
        if order < 2 * len(TERMS):  # one of each even among a few orders
            terms = order // 2
        elif card < 10 or (recent and self.schedule.orders < 200):
            terms = _CONSIGNMENT
        elif card == 10:
            terms = _PARTIAL
        else:
            terms = _TERMS_OF_DAYS[self.buyers.parties.terms[who]]
        self.terms.append(terms)

    # -- lines

    def _fill(self, order: int) -> None:
        market, kind = self.market, self.kind[order]
        whale = self.buyers.kind(self.client[order]) == WHALE
        number = line_count(self._next["count"](), 0 if whale else 1)
        if CONFIRMED <= kind < SHIPPED:
            number = 3 + number % 3
        chosen: list[int] = []
        if SHIPPED <= kind <= DELIVERED:
            while market.clearing and len(chosen) < number and market.clearing[0] not in chosen:
                chosen.append(market.clearing.popleft())
        cleared = len(chosen)
        market.choose(chosen, number)
        if kind >= RETURNED:  # nothing comes back to a batch that is sold out
            chosen = [slot for slot in chosen if market.is_last(slot)] or [self._safe()]
        for at, slot in enumerate(chosen):
            amount = self._amount(slot)
            if at < cleared:
                self._clear(order, slot, amount)
            else:
                self._line(order, slot, market.batch[slot], amount)
                self._pick(order, market.batch[slot], amount)

    def _safe(self) -> int:
        """A slot that was live from the first day on."""
        return self.stock.core

    def _amount(self, slot: int) -> int:
        product = self.stock.slots[slot]
        return quantity(self._next["quantity"](), self.stock.goods.is_flower(product))

    def _clear(self, order: int, slot: int, amount: int) -> None:
        """Sell what is left of a batch, and the rest of the line from the next."""
        flower = self.stock.goods.is_flower(self.stock.slots[slot])
        step, least = _STEP[flower], _LEAST[flower]
        old = self.market.hand_over(slot)
        rest = max(step, amount // 2 // step * step, least - self.demand[old])
        more = max(step, (amount - rest) // step * step)
        self._line(order, slot, old, rest + more)
        self._pick(order, old, rest)
        self._pick(order, self.market.batch[slot], more)

    def _line(self, order: int, slot: int, batch: int, amount: int) -> None:
        product = self.stock.slots[slot]
        tenths = margin(self._next["margin"](), self._mood)
        origin = PROFILE
        if not 150 <= tenths <= 350:
            origin = MANUAL
        elif not self._next["origin"]() & 15:
            origin, tenths = DEFAULT, self.stock.goods.default_margin(product)
        dollars = price(self.stock.goods.costs[product], tenths)
        self._write_line(batch, amount, dollars, origin)

    def _write_line(self, batch: int, amount: int, dollars: int, origin: int) -> None:
        self.line_batch.append(batch)
        self.line_quantity.append(amount)
        self.line_price.append(dollars)
        self.line_origin.append(origin)
        self._total += amount * dollars
        self._cost += amount * self.stock.goods.costs[self.stock.product[batch]]

    def _repeat(self, order: int) -> None:
        """Order what the quote before offered, from what is on sale now."""
        slots = {batch: slot for slot, batch in self._slots_of(order - 1)}
        for line in range(self.line_starts[order - 1], self.line_starts[order]):
            batch = self.market.batch[slots[self.line_batch[line]]]
            amount = self.line_quantity[line]
            self._write_line(batch, amount, self.line_price[line], self.line_origin[line])
            self._pick(order, batch, amount)

    def _slots_of(self, order: int) -> list[tuple[int, int]]:
        arrivals = self.stock.arrivals
        batches = self.line_batch.part(self.line_starts[order], self.line_starts[order + 1])
        return [(arrivals[batch].slot, batch) for batch in batches]

    def _pick(self, order: int, batch: int, amount: int) -> None:
        """Allocate stock to the line written last, if the order takes any."""
        if self.kind[order] < CONFIRMED:
            return
        self.pick_line.append(len(self.line_batch) - 1)
        self.pick_batch.append(batch)
        self.pick_quantity.append(amount)
        self.demand[batch] += amount

    # -- shipments

    def _ship(self, order: int) -> None:
        shipped = delivered = returned = 0
        if self.kind[order] >= SHIPPED:
            way = self._next["way"]()
            shipped = self._departure(self.schedule.day[order], way)
            delivered = shipped + (1 + (way >> 2) % 3) * DAY + (way >> 8) % 7200
            if self.kind[order] == SHIPPED or delivered > TODAY * DAY + 17 * 3600:
                self.kind[order], delivered = SHIPPED, 0
            if self.kind[order] >= RETURNED:
                returned = delivered + (3 + (way >> 4) % 7) * DAY
                heappush(self._coming_back, (returned, order, RETURN))
            if self.kind[order] == TO_VENDOR:
                heappush(self._coming_back, (returned + DECISION, order, TRANSFER))
            self._bring_back(shipped)
            self._move(order, self.pick_starts[order], len(self.pick_line), SALE)
        self.shipped.append(shipped)
        self.delivered.append(delivered)
        self.returned.append(returned)

    def _departure(self, day: int, way: int) -> int:
        """The second an order leaves: first come, first served."""
        day += 2 - bool(way & 3)
        if self.schedule.clock.weekday(day) == 6:  # nothing leaves on a Sunday
            day += 1
        day = min(day, TODAY)
        planned = day * DAY + 9 * 3600 + (way >> 12) % (6 * 3600)
        self._last_shipped = max(planned, self._last_shipped + 1)
        return self._last_shipped

    def _bring_back(self, until: int) -> None:
        """Book the goods that came back before the next shipment leaves."""
        while self._coming_back and self._coming_back[0][0] <= until:
            _, order, what = heappop(self._coming_back)
            self._move(order, self.pick_starts[order], self._picks_end(order), what)

    def _picks_end(self, order: int) -> int:
        later = order + 1 < len(self.pick_starts)
        return self.pick_starts[order + 1] if later else len(self.pick_line)

    def _move(self, order: int, start: int, stop: int, what: int) -> None:
        amounts = self.pick_quantity.part(start, stop)
        for batch, amount in zip(self.pick_batch.part(start, stop), amounts, strict=True):
            change = amount if what == RETURN else -amount
            self.move_order.append(order)
            self.move_batch.append(batch)
            self.move_change.append(change)
            self.move_drawn.append(self._drawn[batch])
            self.move_type.append(what)
            self._drawn[batch] -= change
