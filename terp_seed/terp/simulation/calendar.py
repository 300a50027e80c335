"""The calendar: intake, photographs, visits and deliveries, past and to come.

A year of stock counts comes back every week.  Everything that is planned happens on working days.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from enum import IntEnum

from terp_seed.terp.simulation.clients import SUPPLIER, class_of
from terp_seed.terp.simulation.clock import DAY, TODAY
from terp_seed.terp.simulation.orders import Orders
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.sizes import BatchStatus


class Occasion(IntEnum):
    """What an event is about."""

    INTAKE, PHOTOGRAPHS, VISIT, DELIVERY, COUNT, ROUND = range(6)


_WEEKS = (12, 8)  # of a weekly event: before and after today
_SHOWN = 45  # days of deliveries
_WHEN = {Kind.CONFIRMED: 4, Kind.READY: 3, Kind.PACKED: 2, Kind.SHIPPED: 1}  # days from now


@dataclass(frozen=True)
class Events:
    """One entry for each event."""

    occasion: array[int] = field(default_factory=lambda: array("B"))
    about: array[int] = field(default_factory=lambda: array("I"))
    """The row of its lot, client or order."""
    day: array[int] = field(default_factory=lambda: array("H"))


class Calendar:
    """All events of a run; those that come back every week are the last."""

    def __init__(self, orders: Orders) -> None:
        self.orders = orders
        self.batches = orders.batches
        self.clock = orders.schedule.clock
        self.events = Events()
        self._receive()
        self._visit()
        self._deliver()
        #: The first of the weekly ones, and all their dates: event, day, week.
        self.weekly = len(self.events.day)
        this_week = TODAY - self.clock.weekday(TODAY)
        for occasion, weekday in ((Occasion.COUNT, 0), (Occasion.ROUND, 4)):
            self._add(occasion, 0, this_week + weekday - 7 * _WEEKS[0])
        self.dates = [
            (event, self.events.day[event] + 7 * week, week)
            for event in range(self.weekly, len(self.events.day))
            for week in range(sum(_WEEKS))
        ]

    def _add(self, occasion: Occasion, about: int, day: int) -> None:
        self.events.occasion.append(occasion)
        self.events.about.append(about)
        self.events.day.append(day)

    def _receive(self) -> None:
        """Each lot is taken in; its batches are photographed the day after, or soon."""
        awaited = bytearray(b"\1") * len(self.batches.lot_day)
        for lot, status in zip(self.batches.lot, self.batches.status, strict=True):
            awaited[lot] &= status == BatchStatus.AWAITING_INTAKE
        for lot, day in enumerate(self.batches.lot_day):
            self._add(Occasion.INTAKE, lot, day)
            later = TODAY + 2 + lot % 5 if awaited[lot] else day + 1
            self._add(Occasion.PHOTOGRAPHS, lot, self.clock.working_day(later))

    def _visit(self) -> None:
        """Each buyer was visited within the last weeks; one in three is next."""
        clients = self.orders.buyers.clients
        for client, joined in enumerate(clients.joined):
            if class_of(client) == SUPPLIER:
                continue
            day = self.clock.working_day(TODAY - 3 - client * 11 % 80)
            self._add(Occasion.VISIT, client, max(joined, day))
            if client % 3 == 0:
                self._add(Occasion.VISIT, client, self.clock.working_day(TODAY + 4 + client % 21))

    def _deliver(self) -> None:
        for order, kind in enumerate(self.orders.kind):
            day = TODAY + _WHEN.get(Kind(kind), 0)
            if kind >= Kind.DELIVERED:
                day = self.orders.delivered[order] // DAY
            elif kind < Kind.CONFIRMED:
                continue
            if day >= TODAY - _SHOWN:
                self._add(Occasion.DELIVERY, order, day)
