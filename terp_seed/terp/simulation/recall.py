"""A bad lot: which one it is, what of it is still here, and whom the rest went to.

Clients are told in the morning of the as-of day.  Batches of the lot that are on sale are
quarantined; one of which open orders have reserved something stays until it is decided what
becomes of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from terp_seed.terp.simulation.clock import DAY, HOUR, TODAY
from terp_seed.terp.simulation.orders import Orders
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.sizes import BatchStatus

_CHUNK = 1 << 14

FOUND = TODAY * DAY + 8 * HOUR
"""When the lot turned out to be bad."""


@dataclass(frozen=True)
class Recall:
    """What is recalled; empty where nothing is."""

    lots: frozenset[int] = frozenset()
    batches: frozenset[int] = frozenset()
    """All batches of the lot."""
    orders: tuple[int, ...] = ()
    """The orders by which goods of it left and did not come back, ascending."""

    @property
    def any(self) -> bool:
        return bool(self.lots)


def recall_worst_lot(orders: Orders) -> Recall:
    """Recall the lot that most orders were served from, and quarantine what is left of it."""
    batches = orders.batches
    reached, reserved = _count(orders)
    if not reached:
        return Recall()
    live = {batches.lot[n] for n, s in enumerate(batches.status) if s == BatchStatus.LIVE}
    held = {batches.lot[batch] for batch in reserved}
    # One of which some is left and nothing is promised shows the most.
    bad = max(reached, key=lambda lot: (lot in live and lot not in held, reached[lot], -lot))
    goods = frozenset(n for n, lot in enumerate(batches.lot) if lot == bad)
    for batch in goods - reserved:
        if batches.status[batch] == BatchStatus.LIVE:
            batches.status[batch] = BatchStatus.QUARANTINED
    return Recall(frozenset({bad}), goods, tuple(_served(orders, goods)))


def _count(orders: Orders) -> tuple[Counter[int], set[int]]:
    """How many times goods of each lot left, and the batches of which some is reserved."""
    reached: Counter[int] = Counter()
    reserved: set[int] = set()
    for order, batch in _allocated(orders):
        kind = orders.kind[order]
        if Kind.SHIPPED <= kind <= Kind.DELIVERED:
            reached[orders.batches.lot[batch]] += 1
        elif kind < Kind.SHIPPED:
            reserved.add(batch)
    return reached, reserved


def _served(orders: Orders, goods: frozenset[int]) -> list[int]:
    found = {order for order, batch in _allocated(orders) if batch in goods}
    return sorted(n for n in found if Kind.SHIPPED <= orders.kind[n] <= Kind.DELIVERED)


def _allocated(orders: Orders) -> Iterator[tuple[int, int]]:
    """The order and the batch of each allocation."""
    starts, batch = orders.allocations.starts, orders.allocations.batch
    order = 0
    for start in range(0, len(batch), _CHUNK):
        for row, one in enumerate(batch.part(start, start + _CHUNK), start):
            while starts[order + 1] <= row:
                order += 1
            yield order, one
