"""The stages that each order has gone through: confirmed, packed, shipped, perhaps returned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from terp_seed.rows.model import Span
from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.clock import HOUR, MINUTE
from terp_seed.terp.simulation.orders import DECISION, SALE, TRANSFER, Orders
from terp_seed.terp.simulation.schedule import Kind

STAGES = (
    "DRAFT", "CONFIRMED", "READY_FOR_PACKING", "PACKED", "SHIPPED", "DELIVERED",
    "RETURNED", "RESTOCKED", "RETURNED_TO_VENDOR", "CANCELLED",
)  # fmt: skip

_WAY = (1, 2, 3, 4, 5)
# The stages that an order of each kind has gone through.
_HISTORIES: tuple[tuple[int, ...], ...] = (
    (0,), (0,), (), (), (), (), (), (1, 9),
    _WAY[:1], _WAY[:2], _WAY[:3], _WAY[:4], _WAY, (*_WAY, 6), (*_WAY, 6, 7), (*_WAY, 6, 8),
)  # fmt: skip

#: The stage that an order of each kind is at; quotes are drafts to TERP.
STAGE_OF_KIND = tuple(STAGES[history[-1] if history else 0] for history in _HISTORIES)


@dataclass(frozen=True)
class Fulfilment:
    """When each order reached its stages, in seconds; 0 for never."""

    orders: Orders

    def confirmed(self, order: int) -> int:
        """When an order was confirmed: within the hour."""
        if self.orders.kind[order] < Kind.CANCELLED:
            return 0
        return self.orders.schedule.created[order] + (10 + order % 30) * MINUTE

    def packed(self, order: int) -> int:
        """When an order was packed: an hour before it left, unless it has not left yet."""
        if self.orders.kind[order] < Kind.PACKED:
            return 0
        shipped = self.orders.shipped[order]
        if shipped:
            return shipped - HOUR
        return self.orders.schedule.created[order] + (75 + order % 30) * MINUTE

    def converted_at(self, order: int) -> int:
        """When a quote was converted: with the order after it."""
        if self.orders.kind[order] != Kind.CONVERTED:
            return 0
        return self.orders.schedule.created[order + 1]

    def converted_from(self, order: int) -> int | None:
        """The quote that an order was converted from: the one before it."""
        converted = order and self.orders.kind[order - 1] == Kind.CONVERTED
        return order - 1 if converted else None

    def moved_at(self, order: int, type_: int) -> int:
        """When the goods of an order left, came back or went on to the vendor."""
        if type_ == SALE:
            return self.orders.shipped[order]
        return self.orders.returned[order] + (DECISION if type_ == TRANSFER else 0)

    @cached_property
    def _groups(self) -> Groups:
        return Groups.from_counts(len(_HISTORIES[kind]) for kind in self.orders.kind)

    def __len__(self) -> int:
        """How many stages all orders have reached together."""
        return len(self._groups)

    @property
    def order(self) -> Callable[[Span], list[int]]:
        return self._groups.parents

    def stage(self, span: Span) -> list[int]:
        """The place in `STAGES` of each stage that was reached."""
        kinds = self.orders.kind
        steps = zip(self.order(span), self._groups.positions(span), strict=True)
        return [_HISTORIES[kinds[order]][position] for order, position in steps]

    def reached(self, order: int, stage: int) -> int:
        """When an order reached a stage that it has gone through."""
        orders = self.orders
        if stage == 0:
            return orders.schedule.created[order]
        if stage < 3:
            return self.confirmed(order) + (stage - 1) * 20 * MINUTE
        if stage == 3:
            return self.packed(order)
        if stage == 9:
            return self.confirmed(order) + 5 * HOUR
        if stage > 6:
            return orders.returned[order] + DECISION
        return (orders.shipped, orders.delivered, orders.returned)[stage - 4][order]
