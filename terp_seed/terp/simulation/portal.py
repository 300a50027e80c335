"""Who uses the portal: every second of the largest clients, in tiers by what they spent.

Each of them put together a list of goods: of what is on sale, or one that became their last
order, line by line.
"""

from __future__ import annotations

from array import array
from enum import IntEnum
from typing import NamedTuple

from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.clients import WHALE, class_of, ordinal_of
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.invoices import Invoices, Status
from terp_seed.terp.simulation.matching import Matching
from terp_seed.terp.simulation.schedule import Kind

TIERS = (0, 100_000, 500_000, 2_000_000)
"""What a client of each tier has spent in a year at least, in dollars."""

_ITEMS = 3
_MARKUP = (4, 3)  # of the cost, when nobody has agreed on a price


class ListStatus(IntEnum):
    """TERP's states of a list of interests."""

    NEW, REVIEWED, CONVERTED = range(3)


class Interests(NamedTuple):
    """One list: what became of it, and the order that did."""

    client: int
    status: ListStatus
    order: int | None
    second: int


class Item(NamedTuple):
    """One batch of a list, at so many dollars and so many hundredths."""

    batch: int
    price: int
    quantity: int


class Portal:
    """The portal's clients, their standing and their lists."""

    def __init__(self, invoices: Invoices, matching: Matching) -> None:
        self.invoices = invoices
        self.orders = invoices.orders
        self.matching = matching
        clients = self.orders.buyers.clients
        self.clients = [
            n for n in range(clients.count) if class_of(n) == WHALE and ordinal_of(n) % 2 == 0
        ]
        place = {client: n for n, client in enumerate(self.clients)}
        count = len(self.clients)
        # One entry for each of them; amounts in cents.
        self.spent = array("Q", [0]) * count
        self.spent_this_year = array("Q", [0]) * count
        self.bought_this_year = array("I", [0]) * count
        self._settled = array("I", [0]) * count
        self._in_time = array("I", [0]) * count
        self._add_up(place)
        self._last = {self.orders.client[n]: n for n in range(self.orders.schedule.orders)
                      if self.orders.kind[n] >= Kind.CONFIRMED
                      and self.orders.client[n] in place}  # fmt: skip
        self.lists = [self._list(row, client) for row, client in enumerate(self.clients)]
        self.items = [self._items(row, one) for row, one in enumerate(self.lists)]
        self.groups = Groups.from_counts(map(len, self.items))

    def _add_up(self, place: dict[int, int]) -> None:
        invoices = self.invoices
        clock = invoices.clock
        year = clock.as_of.year
        for invoice in invoices.valid:
            row = place.get(invoices.client[invoice])
            if row is None:
                continue
            self.spent[row] += invoices.total[invoice]
            if clock.date(invoices.day[invoice]).year == year:
                self.spent_this_year[row] += invoices.total[invoice]
                self.bought_this_year[row] += 1
            if invoices.status[invoice] == Status.PAID:
                self._settled[row] += 1
                self._in_time[row] += invoices.settled[invoice] <= invoices.due[invoice]

    def in_time(self, row: int) -> int:
        """The share of paid invoices that were paid in time, in hundredths of a percent."""
        settled = self._settled[row]
        return self._in_time[row] * 10_000 // settled if settled else 10_000

    def tier(self, row: int) -> int:
        """The highest tier whose threshold a client's spending of the year reaches."""
        return sum(self.spent_this_year[row] >= least * 100 for least in TIERS) - 1

    def progress(self, row: int) -> int:
        """How far the next tier is, in hundredths of a percent."""
        tier = self.tier(row)
        if tier + 1 == len(TIERS):
            return 10_000
        low, high = TIERS[tier] * 100, TIERS[tier + 1] * 100
        return (self.spent_this_year[row] - low) * 10_000 // (high - low)

    def _list(self, row: int, client: int) -> Interests:
        order = self._last.get(client)
        status = ListStatus(row % 3)
        if status == ListStatus.CONVERTED and order is not None:
            second = self.orders.schedule.created[order] - 20 * HOUR
            return Interests(client, status, order, second)
        if status == ListStatus.CONVERTED:
            status = ListStatus.REVIEWED
        return Interests(client, status, None, (TODAY - 1 - row % 6) * DAY + 18 * HOUR)

    def _items(self, row: int, one: Interests) -> list[Item]:
        orders, batches = self.orders, self.orders.batches
        if one.order is None:
            live = self.matching.live
            chosen = {live[(row * 5 + place * 3) % len(live)]: None for place in range(_ITEMS)}
            more, less = _MARKUP
            return [
                Item(batch, batches.products.cost[batches.product[batch]] * more // less, 500)
                for batch in chosen
            ]
        start, stop = orders.lines.starts[one.order], orders.lines.starts[one.order + 1]
        parts = (orders.lines.batch, orders.lines.price, orders.lines.quantity)
        return [
            Item(*line) for line in zip(*(part.part(start, stop) for part in parts), strict=True)
        ]

    def total(self, row: int) -> int:
        """What a list comes to, in cents."""
        return sum(item.price * item.quantity for item in self.items[row])

    def alert(self, row: int) -> Item:
        """A batch on sale of which a client wants to know when it costs less, and how much."""
        live = self.matching.live
        batch = live[(row * 11 + 1) % len(live)]
        batches = self.orders.batches
        return Item(batch, batches.products.cost[batches.product[batch]] * 11 // 10, 0)
