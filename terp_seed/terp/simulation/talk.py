"""What people have to do, say and hear: each about an order, invoice, batch or client by its row.

However large a set is, there are some dozens of tasks and remarks: about what is newest.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from enum import IntEnum
from itertools import islice
from typing import NamedTuple

from terp_seed.terp.simulation.calendar import Calendar, Occasion
from terp_seed.terp.simulation.clients import WHALE, class_of
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.fulfilment import Fulfilment
from terp_seed.terp.simulation.invoices import Invoices, Status
from terp_seed.terp.simulation.recall import FOUND, Recall
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.sizes import BatchStatus


class List(IntEnum):
    """The lists of tasks: one for each kind of work."""

    PACKING, COLLECTING, CALLING, DECIDING = range(4)


class Subject(IntEnum):
    """What a task or a notice is about."""

    ORDER, INVOICE, BATCH = range(3)


class Matter(NamedTuple):
    """A task, or something that people are told of."""

    list: List
    subject: Subject
    row: int
    state: int
    """How far it is: 0 not begun, 1 begun, 2 done."""
    urgent: bool
    second: int
    """Since when it is known."""


_MOST = 40
_EVERY = 2  # of the newest orders, one in so many is remarked on


class Talk:
    """Tasks, remarks and notices of a run."""

    def __init__(
        self, fulfilment: Fulfilment, invoices: Invoices, calendar: Calendar, recall: Recall
    ) -> None:
        self.recall = recall
        self.orders = orders = fulfilment.orders
        self.invoices = invoices
        self.fulfilment = fulfilment
        self.clients = orders.buyers.clients
        self.tasks = [
            *self._newest(self._packing()),
            *self._newest(self._collecting()),
            *self._newest(self._calling()),
            *self._newest(self._deciding()),
        ]
        newest = (n for n in self._backwards() if orders.kind[n] >= Kind.CANCELLED)
        #: The orders that somebody remarked on.
        remarked = {*islice(newest, 0, _MOST * _EVERY, _EVERY), *recall.orders}
        self.remarked = array("I", sorted(remarked))
        #: When each visit took place, and to whom.
        self.visits = [
            (about, day)
            for row, (occasion, about, day) in enumerate(
                zip(calendar.events.occasion, calendar.events.about, calendar.events.day,
                    strict=True)
            )
            if occasion == Occasion.VISIT and day < TODAY and row % 11 != 5
        ]  # fmt: skip
        last = array("i", [-1]) * self.clients.count
        for order, client in enumerate(orders.client):
            last[client] = order
        #: The last order of each client who placed one, in the order of clients.
        self.last_orders = array("I", [order for order in last if order >= 0])
        #: The clients to whom goods went that are recalled.
        self.warned = sorted({orders.client[order] for order in recall.orders})
        self.whales = [n for n in range(self.clients.count) if class_of(n) == WHALE]

    def _newest(self, matters: Iterable[Matter]) -> list[Matter]:
        return list(islice(matters, _MOST))

    def _backwards(self) -> range:
        return range(self.orders.schedule.orders - 1, -1, -1)

    def _packing(self) -> Iterator[Matter]:
        for order in self._backwards():
            kind = self.orders.kind[order]
            if Kind.CONFIRMED <= kind <= Kind.PACKED:
                since = self.fulfilment.confirmed(order)
                yield Matter(List.PACKING, Subject.ORDER, order, kind - Kind.CONFIRMED, True, since)

    def _collecting(self) -> Iterator[Matter]:
        for invoice in range(len(self.invoices.order) - 1, -1, -1):
            if self.invoices.status[invoice] == Status.OVERDUE:
                due = self.invoices.due[invoice]
                second = (due + 1) * DAY + 9 * HOUR
                begun = TODAY - due > 60
                yield Matter(List.COLLECTING, Subject.INVOICE, invoice, begun, begun, second)

    def _calling(self) -> Iterator[Matter]:
        for order in self._backwards():
            kind = self.orders.kind[order]
            if kind in (Kind.SENT, Kind.VIEWED):
                since = self.orders.schedule.created[order] + 2 * HOUR
                viewed = kind == Kind.VIEWED
                yield Matter(List.CALLING, Subject.ORDER, order, viewed, False, since)

    def _deciding(self) -> Iterator[Matter]:
        batches = self.orders.batches
        for batch in range(batches.sizes.batches - 1, -1, -1):
            status = batches.status[batch]
            if status in (BatchStatus.ON_HOLD, BatchStatus.QUARANTINED, BatchStatus.CLOSED):
                done = 2 * (status == BatchStatus.CLOSED)
                urgent = status == BatchStatus.QUARANTINED
                second = batches.received_at(batch) + 4 * HOUR
                if batch in self.recall.batches:
                    second = FOUND + HOUR
                yield Matter(List.DECIDING, Subject.BATCH, batch, done, urgent, second)
