"""What clients sent back, or asked to, and what of it went on to suppliers.

Orders that came back have a return of all their goods.  Clients of some delivered orders asked
to return the first line: that is open, agreed on, refused or withdrawn, and moved nothing yet.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import cycle

from terp_seed.terp.simulation.arrays import Groups, RandomWords
from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.orders import DECISION, Orders
from terp_seed.terp.simulation.recall import FOUND, Recall
from terp_seed.terp.simulation.schedule import Kind


class ReturnStatus(IntEnum):
    """TERP's statuses of a return."""

    PENDING, APPROVED, REJECTED, RECEIVED, PROCESSED, CANCELLED = range(6)


class VendorReturnStatus(IntEnum):
    """TERP's statuses of a return to a supplier."""

    PENDING_VENDOR_CREDIT, CREDIT_RECEIVED, DISPUTED, CLOSED = range(4)


_ASKED = 150  # one delivered order in so many
_REFUSED = (ReturnStatus.REJECTED, ReturnStatus.CANCELLED)
# The newest deliveries show one each.
_NEWEST = (ReturnStatus.PENDING, ReturnStatus.APPROVED, *_REFUSED)
_RECALLED = (ReturnStatus.APPROVED, ReturnStatus.PENDING)  # what of a recall has not come yet
_SENT_ON = (
    VendorReturnStatus.CREDIT_RECEIVED, VendorReturnStatus.CLOSED,
    VendorReturnStatus.DISPUTED, VendorReturnStatus.PENDING_VENDOR_CREDIT,
)  # fmt: skip
_CREDIT_DAYS = 12  # until a supplier's credit comes


@dataclass(frozen=True)
class Asked:
    """One entry for each return."""

    order: array[int] = field(default_factory=lambda: array("I"))
    status: array[int] = field(default_factory=lambda: array("B"))
    second: array[int] = field(default_factory=lambda: array("I"))
    """When it was last worked on."""
    word: array[int] = field(default_factory=lambda: array("I"))


@dataclass(frozen=True)
class SentOn:
    """One entry for each supplier to whom goods of an order went back."""

    order: array[int] = field(default_factory=lambda: array("I"))
    supplier: array[int] = field(default_factory=lambda: array("I"))
    second: array[int] = field(default_factory=lambda: array("I"))
    status: array[int] = field(default_factory=lambda: array("B"))
    value: array[int] = field(default_factory=lambda: array("Q"))  # cents
    credit: array[int] = field(default_factory=lambda: array("Q"))


class Returns:
    """All returns of a run."""

    def __init__(self, orders: Orders, words: RandomWords, recall: Recall | None = None) -> None:
        self.orders = orders
        self._recall = recall or Recall()
        self._recalled = frozenset(self._recall.orders)
        self.asked = Asked()
        self.sent_on = SentOn()
        # One entry for each batch that went back to its supplier with an order.
        self.batch: array[int] = array("I")
        self.quantity: array[int] = array("I")
        found = [*self._asked()]
        for (order, status, second), word in zip(
            found, words.first("returns", len(found)), strict=True
        ):
            self.asked.order.append(order)
            self.asked.status.append(status)
            self.asked.second.append(second)
            self.asked.word.append(word)
        counts = [*self._send_on(cycle(_SENT_ON))]
        self.groups = Groups.from_counts(counts)

    def goods(self, row: int) -> Iterator[tuple[int, int]]:
        """The batches and quantities of a return."""
        order, allocations = self.asked.order[row], self.orders.allocations
        start, stop = allocations.starts[order], allocations.starts[order + 1]
        if self.orders.kind[order] < Kind.RETURNED and not self.recalled(row):
            stop = start + 1
        goods = zip(
            allocations.batch.part(start, stop), allocations.quantity.part(start, stop), strict=True
        )
        if not self.recalled(row):
            return goods
        return (part for part in goods if part[0] in self._recall.batches)

    def recalled(self, row: int) -> bool:
        """Whether a return is of goods that were recalled."""
        return self.asked.order[row] in self._recalled

    def _asked(self) -> Iterator[tuple[int, int, int]]:
        orders = self.orders
        delivered = [n for n, kind in enumerate(orders.kind) if kind == Kind.DELIVERED]
        newest = dict(zip(reversed(delivered), _NEWEST, strict=False))
        refused = cycle(_REFUSED)
        asked = newest | {n: next(refused) for n in delivered[::-_ASKED] if n not in newest}
        for order, kind in enumerate(orders.kind):
            if kind == Kind.RETURNED:
                yield order, ReturnStatus.RECEIVED, orders.returned[order]
            elif kind > Kind.RETURNED:
                yield order, ReturnStatus.PROCESSED, orders.returned[order] + DECISION
            elif order in self._recalled and kind == Kind.DELIVERED:
                yield order, _RECALLED[order % len(_RECALLED)], FOUND + HOUR
            elif order in asked:
                second = min(orders.delivered[order] + DAY, TODAY * DAY + 18 * HOUR)
                yield order, asked[order], second

    def _send_on(self, statuses: Iterator[VendorReturnStatus]) -> Iterator[int]:
        """Send goods on to who delivered them; yields how many batches went to each."""
        orders, batches, sent = self.orders, self.orders.batches, self.sent_on
        for order in (n for n, kind in enumerate(orders.kind) if kind == Kind.TO_VENDOR):
            goods: dict[int, list[tuple[int, int]]] = {}
            start, stop = orders.allocations.starts[order], orders.allocations.starts[order + 1]
            parts = (orders.allocations.batch, orders.allocations.quantity)
            for batch, quantity in zip(*(part.part(start, stop) for part in parts), strict=True):
                supplier = batches.lot_supplier[batches.lot[batch]]
                goods.setdefault(supplier, []).append((batch, quantity))
            for supplier, part in goods.items():
                costs = batches.products.cost
                value = sum(costs[batches.product[batch]] * quantity for batch, quantity in part)
                second, status = orders.returned[order] + DECISION, next(statuses)
                late = second + _CREDIT_DAYS * DAY > TODAY * DAY
                credited = status in (VendorReturnStatus.CREDIT_RECEIVED, VendorReturnStatus.CLOSED)
                if late and credited:
                    status, credited = VendorReturnStatus.PENDING_VENDOR_CREDIT, False
                sent.order.append(order)
                sent.supplier.append(supplier)
                sent.second.append(second)
                sent.status.append(status)
                sent.value.append(value)
                # A closed one was settled for less.
                less = 9 if status == VendorReturnStatus.CLOSED else 10
                sent.credit.append(credited and value * less // 10)
                self.batch.extend(batch for batch, _ in part)
                self.quantity.extend(quantity for _, quantity in part)
                yield len(part)

    def credited_at(self, row: int) -> int:
        """When a supplier's credit came, or 0."""
        if not self.sent_on.credit[row]:
            return 0
        return self.sent_on.second[row] + _CREDIT_DAYS * DAY
