"""When orders are placed and what becomes of them.

Business grows over the window, with quiet weekends, good and bad weeks and
the seasons of the trade.  Old orders are settled, the last ones are still on
their way; near both ends a few orders have a fixed kind, so that even the
smallest database holds one of each.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from itertools import accumulate, chain, cycle, groupby, repeat

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY, Clock


class Kind(IntEnum):
    """What becomes of an order.

    From CONFIRMED on stock is allocated, from SHIPPED on it has left, from RETURNED on it has
    come back.
    """

    DRAFT_QUOTE, DRAFT_SALE, SENT, VIEWED, REJECTED, EXPIRED, CONVERTED = range(7)
    CANCELLED, CONFIRMED, READY, PACKED, SHIPPED, DELIVERED = range(7, 13)
    RETURNED, RESTOCKED, TO_VENDOR = range(13, 16)


_QUOTE = Kind.SENT  # until it is known what became of it
# Of 200 settled orders.  Drafts are 10 to 15 percent of orders (TERP's data-completeness
# requirements), returns half a percent (its generators).
_MIX = {
    Kind.DRAFT_QUOTE: 14, Kind.DRAFT_SALE: 10, _QUOTE: 22, Kind.CANCELLED: 4, Kind.RETURNED: 1,
    Kind.DELIVERED: 149,
}  # fmt: skip
_CARDS = tuple(kind for kind, number in _MIX.items() for _ in range(number))
_RETURNS = (Kind.RETURNED, Kind.RESTOCKED, Kind.TO_VENDOR)

_FIRST = dict.fromkeys((0, 1, 2, 4, 5), Kind.DELIVERED) | {
    3: Kind.CONVERTED, 6: Kind.EXPIRED, 8: Kind.REJECTED, 10: Kind.RETURNED,
    12: Kind.RESTOCKED, 14: Kind.TO_VENDOR, 16: Kind.CANCELLED,
}  # fmt: skip
_LAST = dict.fromkeys(range(1, 17), Kind.DELIVERED) | {
    5: Kind.DRAFT_QUOTE, 6: _QUOTE, 8: Kind.DRAFT_SALE, 9: _QUOTE,
}  # fmt: skip
_SHOWCASE = 40  # orders that it takes to show all of these

_WEEKDAYS = (10, 11, 11, 10, 9, 3, 1)
_MONTHS = (85, 90, 100, 112, 102, 98, 96, 98, 102, 110, 112, 95)


def opening_day(orders: int) -> int:
    """The day of the first order: 22 months ago, as in TERP's generators.

    A few orders would be lost in so long a time, so they get a shorter one.
    """
    return TODAY - min(660, max(170, 3 * orders))


@dataclass(frozen=True)
class Schedule:
    """The dates and kinds of all orders, in the order of their numbers."""

    orders: int
    live: int  # products on sale at the end
    clock: Clock
    words: RandomWords

    @property
    def opening(self) -> int:
        return opening_day(self.orders)

    @property
    def today(self) -> int:
        """Orders placed on the as-of day: "Sales Today" shows three to five."""
        return min(4, self.orders)

    @property
    def open(self) -> int:
        """Sales that are not shipped yet: they reserve stock in 10 to 20 % of live batches."""
        return max(self.today, min(self.live // 30, self.orders // 5))

    @cached_property
    def day(self) -> array[int]:
        steps = list(accumulate(self._weights()))
        before = self.orders - self.today
        total = steps[-1]
        days = (
            self.opening + bisect_right(steps, (2 * order + 1) * total // (2 * before))
            for order in range(before)
        )
        return array("H", chain(days, repeat(TODAY, self.today)))

    def _weights(self) -> list[int]:
        """How much business each day from the opening to yesterday sees."""
        length = TODAY - self.opening
        weeks = self.words.first("week", length // 7 + 1)
        weights = []
        for day, date in enumerate(map(self.clock.date, range(self.opening, TODAY))):
            growth = 70 + 60 * day // length
            luck = 80 + (weeks[day // 7] * 41 >> 32)
            weights.append(growth * luck * _WEEKDAYS[date.weekday()] * _MONTHS[date.month - 1])
        return weights

    @cached_property
    def created(self) -> array[int]:
        """The second of each order, ascending, in opening hours."""
        seconds = array("I")
        words = self.words.endless("created")
        for day, orders in groupby(self.day):
            number = len(list(orders))
            hours, start = (3 if day == TODAY else 10) * HOUR, day * DAY + 8 * HOUR
            for place in range(number):
                seconds.append(start + (place * hours + (words() * hours >> 32)) // number)
        return seconds

    @cached_property
    def kind(self) -> array[int]:
        """The kind of each order; a delivery may turn out to be on its way still."""
        card = self.words.deck("kind", len(_CARDS))
        turn = cycle(_RETURNS)
        drawn = (_CARDS[card()] for _ in range(self.orders))
        kinds = array("B", (next(turn) if kind == Kind.RETURNED else kind for kind in drawn))
        self._show(kinds)
        fates = self.words.first("fate", self.orders)
        sales = quotes = 0
        for order in reversed(range(self.orders)):
            age = TODAY - self.day[order]
            if kinds[order] == _QUOTE:
                kinds[order] = self._quote(quotes, age, fates[order], kinds, order)
                quotes += 1
            elif kinds[order] >= Kind.DELIVERED or (
                kinds[order] == Kind.CANCELLED and sales < self.open
            ):
                kinds[order] = self._sale(sales, age, kinds[order])
                sales += 1
        return kinds

    def _show(self, kinds: array[int]) -> None:
        if self.orders >= _SHOWCASE:
            for order, kind in _FIRST.items():
                kinds[order] = kind
        for place, kind in _LAST.items():
            if place <= self.orders:
                kinds[-place] = kind

    def _quote(self, rank: int, age: int, fate: int, kinds: array[int], order: int) -> int:
        if rank < 2 or age < 25:
            return (Kind.SENT, Kind.VIEWED)[rank % 2]
        if kinds[order + 1] == Kind.DELIVERED and fate & 1:
            return Kind.CONVERTED
        return (Kind.REJECTED, Kind.EXPIRED, Kind.EXPIRED)[(fate >> 1) % 3]

    def _sale(self, rank: int, age: int, kind: int) -> int:
        if rank < self.open:
            return (Kind.CONFIRMED, Kind.READY, Kind.PACKED)[rank * 3 // self.open]
        if rank < self.open + 2:
            return Kind.SHIPPED
        return kind if age > 20 else Kind.DELIVERED  # too recent to have come back
