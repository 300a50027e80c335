"""Every order, simulated once, in the sequence in which they were placed.

Here it is decided who orders what, how much and at what price, which batches it is taken from
and when it leaves.  Batches are later taken in with as much as the orders need of them, so
nothing is ever oversold.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush

from terp_seed.terp.simulation.arrays import Groups, RandomWords, Spool
from terp_seed.terp.simulation.batches import Batches
from terp_seed.terp.simulation.buyers import Buyers
from terp_seed.terp.simulation.clients import WHALE, class_of
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.pricing import (
    DEFAULT,
    MANUAL,
    PROFILE,
    TERMS,
    line_count,
    margin,
    price,
    quantity,
)
from terp_seed.terp.simulation.products import DEFAULT_MARGINS, is_flower
from terp_seed.terp.simulation.schedule import Kind, Schedule
from terp_seed.terp.simulation.shelf import Shelf

SALE, RETURN, TRANSFER = range(3)
DECISION = 4 * HOUR
"""Seconds until it is decided what becomes of goods that came back."""

_CONSIGNMENT, _PARTIAL = TERMS.index("CONSIGNMENT"), TERMS.index("PARTIAL")
_TERMS_OF_DAYS = {0: 0, 7: 1, 15: 2, 30: 3}
_LEAST = (5000, 1000)  # a sold out batch was at least 50 units or 10 pounds
_SPILL = 256  # orders after which old entries are written to files
_STEP = (100, 25)  # whole units, quarter pounds


@dataclass(frozen=True)
class _Lines:
    """One entry for each order line."""

    batch: Spool
    quantity: Spool
    price: Spool  # dollars
    margin_source: Spool
    starts: array[int]

    @property
    def order(self) -> Callable[..., list[int]]:
        return Groups(self.starts).parents


@dataclass(frozen=True)
class _Allocations:
    """One entry for each batch that serves a line."""

    line: Spool
    batch: Spool
    quantity: Spool
    starts: array[int]

    @property
    def order(self) -> Callable[..., list[int]]:
        return Groups(self.starts).parents


@dataclass(frozen=True)
class _Movements:
    """One entry for each movement of stock by an order, ascending by time."""

    order: Spool
    batch: Spool
    change: Spool
    sold_before: Spool  # what had left the batch until then
    type: Spool


class Orders:
    """All orders of a run, in compact arrays."""

    def __init__(
        self, batches: Batches, schedule: Schedule, buyers: Buyers, words: RandomWords
    ) -> None:
        self.batches = batches
        self.schedule = schedule
        self.buyers = buyers
        self.words = words
        # One entry for each order.
        self.client: array[int] = array("I")
        self.kind: array[int] = array("B", schedule.kind)
        self.terms: array[int] = array("B")
        self.total: array[int] = array("I")  # cents
        self.cost: array[int] = array("I")  # cents
        self.shipped: array[int] = array("I")  # seconds, 0 for not yet
        self.delivered: array[int] = array("I")
        self.returned: array[int] = array("I")
        self.lines = _Lines(Spool("I"), Spool("H"), Spool("H"), Spool("B"), array("I"))
        self.allocations = _Allocations(Spool("I"), Spool("I"), Spool("H"), array("I"))
        self.movements = _Movements(Spool("I"), Spool("I"), Spool("i"), Spool("i"), Spool("B"))
        self.demand: array[int] = array("I", [0]) * batches.sizes.batches
        self._sold = array("i", [0]) * batches.sizes.batches
        self._shelf = Shelf(batches, words)
        self._coming_back: list[tuple[int, int, int]] = []
        self._last_shipped = 0
        streams = ("count", "quantity", "margin", "origin", "way")
        self._next = {name: words.endless(name) for name in streams}
        self._next |= {"mood": words.deck("mood", 100), "terms": words.deck("terms", 20)}
        self._simulate()

    def _simulate(self) -> None:
        parts = (self.lines, self.allocations, self.movements)
        spools = [value for part in parts for value in vars(part).values()]
        for order in range(self.schedule.orders):
            self._place(order)
            if not order % _SPILL:
                for spool in spools:
                    if isinstance(spool, Spool):
                        spool.spill()
        self._bring_back(TODAY * DAY + DAY)
        self._begin_order()
        if self._shelf.clearing:
            raise AssertionError("a batch that is sold out was never cleared")

    def _begin_order(self) -> None:
        self.lines.starts.append(len(self.lines.batch))
        self.allocations.starts.append(len(self.allocations.line))

    def _place(self, order: int) -> None:
        day, kind = self.schedule.day[order], self.kind[order]
        self._shelf.advance(day)
        self._begin_order()
        converted = order > 0 and self.kind[order - 1] == Kind.CONVERTED
        client = self.client[order - 1] if converted else self.buyers.next(order, day, kind)
        self.client.append(client)
        self._settle_terms(order, client)
        mood = self._next["mood"]()
        self._mood = -1 if mood < 3 else 1 if mood < 6 else 0
        self._total = self._cost = 0
        if converted:
            self._repeat(order)
        else:
            self._fill(order)
        self.total.append(self._total)
        self.cost.append(self._cost)
        self.buyers.spent(client, kind, self._total)
        self._ship(order)

    def _settle_terms(self, order: int, client: int) -> None:
        card = self._next["terms"]()
        shipped = Kind.SHIPPED <= self.kind[order] <= Kind.DELIVERED
        recent = shipped and TODAY - self.schedule.day[order] < 29
        if order < 2 * len(TERMS):  # one of each even among a few orders
            terms = order // 2
        elif card < 10 or (recent and self.schedule.orders < 200):
            terms = _CONSIGNMENT
        elif card == 10:
            terms = _PARTIAL
        else:
            terms = _TERMS_OF_DAYS[self.buyers.clients.terms[client]]
        self.terms.append(terms)

    # -- lines

    def _fill(self, order: int) -> None:
        shelf, kind = self._shelf, self.kind[order]
        whale = class_of(self.client[order]) == WHALE
        number = line_count(self._next["count"](), 0 if whale else 1)
        if Kind.CONFIRMED <= kind < Kind.SHIPPED:
            number = 3 + number % 3
        slots: list[int] = []
        if Kind.SHIPPED <= kind <= Kind.DELIVERED:
            while shelf.clearing and len(slots) < number and shelf.clearing[0] not in slots:
                slots.append(shelf.clearing.popleft())
        cleared = len(slots)
        shelf.choose(slots, number)
        if kind >= Kind.RETURNED:  # nothing comes back to a batch that is sold out
            slots = [slot for slot in slots if shelf.is_last(slot)] or [self.batches.core]
        for place, slot in enumerate(slots):
            amount = quantity(self._next["quantity"](), is_flower(self.batches.slots[slot]))
            if place < cleared:
                self._clear(order, slot, amount)
            else:
                self._add_line(slot, shelf.batch[slot], amount)
                self._allocate(order, shelf.batch[slot], amount)

    def _clear(self, order: int, slot: int, amount: int) -> None:
        """Sell what is left of a batch, and the rest of the line from the next."""
        flower = is_flower(self.batches.slots[slot])
        step, least = _STEP[flower], _LEAST[flower]
        old = self._shelf.hand_over(slot)
        rest = max(step, amount // 2 // step * step, least - self.demand[old])
        more = max(step, (amount - rest) // step * step)
        self._add_line(slot, old, rest + more)
        self._allocate(order, old, rest)
        self._allocate(order, self._shelf.batch[slot], more)

    def _add_line(self, slot: int, batch: int, amount: int) -> None:
        """Add a line at a price that earns a drawn margin."""
        products, product = self.batches.products, self.batches.slots[slot]
        tenths = margin(self._next["margin"](), self._mood)
        source = PROFILE
        if not 150 <= tenths <= 350:
            source = MANUAL
        elif not self._next["origin"]() & 15:
            source, tenths = DEFAULT, DEFAULT_MARGINS[products.category[product]]
        self._append_line(batch, amount, price(products.cost[product], tenths), source)

    def _append_line(self, batch: int, amount: int, dollars: int, source: int) -> None:
        lines, batches = self.lines, self.batches
        lines.batch.append(batch)
        lines.quantity.append(amount)
        lines.price.append(dollars)
        lines.margin_source.append(source)
        self._total += amount * dollars
        self._cost += amount * batches.products.cost[batches.product[batch]]

    def _repeat(self, order: int) -> None:
        """Order what the quote before offered, from what is on sale now."""
        lines, arrivals = self.lines, self.batches.arrivals
        start, stop = lines.starts[order - 1], lines.starts[order]
        parts = (lines.batch, lines.quantity, lines.price, lines.margin_source)
        for old, *line in zip(*(part.part(start, stop) for part in parts), strict=True):
            batch = self._shelf.batch[arrivals[old].slot]
            self._append_line(batch, *line)
            self._allocate(order, batch, line[0])

    def _allocate(self, order: int, batch: int, amount: int) -> None:
        """Allocate stock to the last line, if the order takes any."""
        if self.kind[order] < Kind.CONFIRMED:
            return
        allocations = self.allocations
        allocations.line.append(len(self.lines.batch) - 1)
        allocations.batch.append(batch)
        allocations.quantity.append(amount)
        self.demand[batch] += amount

    # -- shipments

    def _ship(self, order: int) -> None:
        shipped = delivered = returned = 0
        if self.kind[order] >= Kind.SHIPPED:
            way = self._next["way"]()
            shipped = self._departure(self.schedule.day[order], way)
            delivered = shipped + (1 + (way >> 2) % 3) * DAY + (way >> 8) % 7200
            if self.kind[order] == Kind.SHIPPED or delivered > TODAY * DAY + 17 * HOUR:
                self.kind[order], delivered = Kind.SHIPPED, 0
            if self.kind[order] >= Kind.RETURNED:
                returned = delivered + (3 + (way >> 4) % 7) * DAY
                heappush(self._coming_back, (returned, order, RETURN))
            if self.kind[order] == Kind.TO_VENDOR:
                heappush(self._coming_back, (returned + DECISION, order, TRANSFER))
            self._bring_back(shipped)
            self._move(order, SALE)
        self.shipped.append(shipped)
        self.delivered.append(delivered)
        self.returned.append(returned)

    def _departure(self, day: int, way: int) -> int:
        """The second an order leaves: first come, first served."""
        day += 2 - bool(way & 3)
        if self.schedule.clock.weekday(day) == 6:  # nothing leaves on a Sunday
            day += 1
        day = min(day, TODAY)
        planned = day * DAY + 9 * HOUR + (way >> 12) % (6 * HOUR)
        self._last_shipped = max(planned, self._last_shipped + 1)
        return self._last_shipped

    def _bring_back(self, until: int) -> None:
        """Move the goods that came back before the next shipment leaves."""
        while self._coming_back and self._coming_back[0][0] <= until:
            _, order, type_ = heappop(self._coming_back)
            self._move(order, type_)

    def _move(self, order: int, type_: int) -> None:
        allocations, movements = self.allocations, self.movements
        start, latest = allocations.starts[order], order + 1 == len(allocations.starts)
        stop = len(allocations.line) if latest else allocations.starts[order + 1]
        amounts = allocations.quantity.part(start, stop)
        for batch, amount in zip(allocations.batch.part(start, stop), amounts, strict=True):
            change = amount if type_ == RETURN else -amount
            movements.order.append(order)
            movements.batch.append(batch)
            movements.change.append(change)
            movements.sold_before.append(self._sold[batch])
            movements.type.append(type_)
            self._sold[batch] -= change
