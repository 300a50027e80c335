"""Who asked for the samples that were set aside.

Each batch of which samples were set aside had one client who wanted them: the first who later
ordered from it, if that was one who was there by then.  The newest wait to be handed out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import cycle

from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.intake import Intake
from terp_seed.terp.simulation.orders import Orders


class SampleStatus(IntEnum):
    """TERP's statuses of a sample request."""

    PENDING, FULFILLED, CANCELLED, RETURN_REQUESTED, RETURN_APPROVED, RETURNED = range(6)
    VENDOR_RETURN_REQUESTED, SHIPPED_TO_VENDOR, VENDOR_CONFIRMED = range(6, 9)


class Location(IntEnum):
    """Where TERP says that a sample is."""

    WAREHOUSE, WITH_CLIENT, WITH_SALES_REP, RETURNED, LOST = range(5)


_WAITING = 1  # in so many percent of requests, and at least one
_FATES = (
    SampleStatus.FULFILLED, SampleStatus.RETURNED, SampleStatus.FULFILLED,
    SampleStatus.CANCELLED, SampleStatus.FULFILLED, SampleStatus.RETURN_REQUESTED,
    SampleStatus.FULFILLED, SampleStatus.VENDOR_CONFIRMED, SampleStatus.FULFILLED,
    SampleStatus.RETURN_APPROVED, SampleStatus.FULFILLED, SampleStatus.SHIPPED_TO_VENDOR,
    SampleStatus.FULFILLED, SampleStatus.VENDOR_RETURN_REQUESTED, SampleStatus.FULFILLED,
)  # fmt: skip
_BACK = (
    SampleStatus.RETURNED, SampleStatus.VENDOR_RETURN_REQUESTED, SampleStatus.SHIPPED_TO_VENDOR,
    SampleStatus.VENDOR_CONFIRMED,
)  # fmt: skip
_CHUNK = 1 << 14


@dataclass(frozen=True)
class SampleRequest:
    """One request for samples of a batch."""

    batch: int
    client: int
    quantity: int  # hundredths
    asked: int  # seconds
    status: SampleStatus
    order: int | None
    """The order that the client placed after it."""

    @property
    def handed_out(self) -> int:
        """When the client got the samples, or 0."""
        out = self.status not in (SampleStatus.PENDING, SampleStatus.CANCELLED)
        return self.asked + DAY if out else 0

    def later(self, days: int) -> int:
        """A time after the client got the samples, not after the last day."""
        return min(self.handed_out + days * DAY, TODAY * DAY + 17 * HOUR)

    @property
    def moves(self) -> list[tuple[int, Location, Location]]:
        """When the samples went from where to where."""
        if not self.handed_out:
            return []
        moves = [(self.handed_out, Location.WAREHOUSE, Location.WITH_CLIENT)]
        if self.status in _BACK:
            moves.append((self.later(3), Location.WITH_CLIENT, Location.RETURNED))
        return moves

    @property
    def location(self) -> Location:
        return self.moves[-1][2] if self.moves else Location.WAREHOUSE


class Samples:
    """All requests of a run, in the order of batches."""

    def __init__(
        self, intake: Intake, orders: Orders, recalled: frozenset[int] = frozenset()
    ) -> None:
        self.intake = intake
        self.orders = orders
        sampled = [n for n, quantity in enumerate(intake.sampled) if quantity]
        first = self._first_orders(set(sampled))
        self._recalled = recalled
        waiting = sampled[-max(1, len(sampled) * _WAITING // 100) :]
        fates = cycle(_FATES)
        self.requests = [
            self._request(batch, first.get(batch), SampleStatus.PENDING)
            if batch in waiting
            else self._request(batch, first.get(batch), next(fates))
            for batch in sampled
        ]
        self.moves = [(row, *move) for row, one in enumerate(self.requests) for move in one.moves]
        self.months = sorted(self._used().items())

    def _first_orders(self, sampled: set[int]) -> dict[int, int]:
        """The first order that was served from each sampled batch."""
        found: dict[int, int] = {}
        allocations = self.orders.allocations
        for start in range(0, len(allocations.batch), _CHUNK):
            for place, batch in enumerate(allocations.batch.part(start, start + _CHUNK)):
                if batch in sampled and batch not in found:
                    found[batch] = start + place
        starts = allocations.starts
        return {batch: bisect_right(starts, row) - 1 for batch, row in found.items()}

    def _request(self, batch: int, order: int | None, status: SampleStatus) -> SampleRequest:
        asked = self.intake.batches.received_at(batch) + 6 * HOUR
        if batch in self._recalled:  # whoever has some is asked for it
            status = SampleStatus.RETURN_REQUESTED
        client, joined = 0, self.orders.buyers.clients.joined
        bought = None
        if order is not None and joined[self.orders.client[order]] * DAY + DAY < asked:
            client = self.orders.client[order]
            if self.orders.schedule.created[order] > asked + DAY:
                bought = order
        if status != SampleStatus.FULFILLED:
            bought = None
        return SampleRequest(batch, client, self.intake.sampled[batch], asked, status, bought)

    def _used(self) -> dict[tuple[int, int], int]:
        """What each client got in each month: by the month's number and the client."""
        used: dict[tuple[int, int], int] = {}
        for one in self._handed_out():
            day = self.orders.schedule.clock.date(one.handed_out // DAY)
            key = (day.year * 12 + day.month - 1, one.client)
            used[key] = used.get(key, 0) + one.quantity
        return used

    def _handed_out(self) -> Iterator[SampleRequest]:
        return (one for one in self.requests if one.handed_out)
