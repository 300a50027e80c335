"""The way of an order: confirmed, packed, shipped, perhaps come back."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from terp_seed.rows.columns import constant
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Column, TableRows
from terp_seed.rows.seeders import SeedContext
from terp_seed.terp.seeders.cells import (
    hundredths,
    moments,
    numbered,
    part,
    seed_user,
    stored,
    stored_text,
    texts_of,
)
from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.book import DECISION, RETURN, TRANSFER
from terp_seed.terp.simulation.schedule import CANCELLED, PACKED
from terp_seed.terp.simulation.world import World

__all__ = ["confirmed_at", "history_table", "movement_table", "packed_at"]

_MINUTE, _HOUR = 60, 3600
_STAGES = (
    "DRAFT", "CONFIRMED", "READY_FOR_PACKING", "PACKED", "SHIPPED", "DELIVERED",
    "RETURNED", "RESTOCKED", "RETURNED_TO_VENDOR", "CANCELLED",
)  # fmt: skip
_WAY = (1, 2, 3, 4, 5)
# The stages that an order of each kind has gone through.
_HISTORIES: tuple[tuple[int, ...], ...] = (
    (0,), (0,), (), (), (), (), (), (1, 9),
    _WAY[:1], _WAY[:2], _WAY[:3], _WAY[:4], _WAY, (*_WAY, 6), (*_WAY, 6, 7), (*_WAY, 6, 8),
)  # fmt: skip
_MOVES = ("SALE", "RETURN", "TRANSFER")
_MOVE_NOTES = (None, "Came back unopened", "Sent on to the vendor")


def confirmed_at(world: World, orders: Iterable[int]) -> list[int]:
    """When orders were confirmed, within the hour; 0 if they were not."""
    kinds, created = world.book.kind, world.schedule.created
    return [created[o] + (10 + o % 30) * _MINUTE if kinds[o] >= CANCELLED else 0 for o in orders]


def packed_at(world: World, orders: Iterable[int]) -> list[int]:
    """When orders were packed: an hour before they left, unless they are here still."""
    kinds, shipped, created = world.book.kind, world.book.shipped, world.schedule.created
    return [
        0
        if kinds[o] < PACKED
        else shipped[o] - _HOUR
        if shipped[o]
        else created[o] + (75 + o % 30) * _MINUTE
        for o in orders
    ]


@lru_cache(maxsize=1)
def _steps(world: World) -> Groups:
    return Groups.of(len(_HISTORIES[kind]) for kind in world.book.kind)


def _step(world: World, order: int, stage: int) -> int:
    """The second at which an order reached a stage."""
    book = world.book
    start = world.schedule.created[order]
    if stage == 0:
        return start
    if stage < 4:
        confirmed = confirmed_at(world, (order,))[0]
        return (confirmed, confirmed + 20 * _MINUTE, packed_at(world, (order,))[0])[stage - 1]
    if stage == 9:
        return confirmed_at(world, (order,))[0] + 5 * _HOUR
    if stage > 6:
        return book.returned[order] + DECISION
    return (book.shipped, book.delivered, book.returned)[stage - 4][order]


def history_table(context: SeedContext, world: World) -> TableRows:
    """``order_status_history``: one row for each stage that an order reached."""
    groups, kinds = _steps(world), world.book.kind

    def reached(span: Span) -> list[tuple[int, int]]:
        return [
            (order, _HISTORIES[kinds[order]][row - groups.starts[order]])
            for row, order in zip(span.rows(), groups.parents(span.start, span.stop), strict=True)
        ]

    return context.table(
        "order_status_history",
        rows=len(groups),
        columns={
            "order_id": Column(lambda span: groups.parents(span.start, span.stop), ref="orders"),
            "fulfillmentStatus": texts_of(
                lambda span: [stage for _, stage in reached(span)], _STAGES
            ),
            "changed_by": seed_user(),
            "changed_at": moments(
                world.clock, lambda span: [_step(world, o, stage) for o, stage in reached(span)]
            ),
        },
    )


def movement_table(context: SeedContext, world: World) -> TableRows:
    """``inventoryMovements``: what left by orders and what came back, by time."""
    book, shelved = world.book, world.supply.shelved

    def before(span: Span) -> list[int]:
        batches, drawn = part(book.move_batch, span), part(book.move_drawn, span)
        return [shelved[batch] - gone for batch, gone in zip(batches, drawn, strict=True)]

    def after(span: Span) -> list[int]:
        changes = part(book.move_change, span)
        return [b + change for b, change in zip(before(span), changes, strict=True)]

    def times(span: Span) -> list[int]:
        types = part(book.move_type, span)
        return [
            book.shipped[order] if type_ < RETURN else
            book.returned[order] + (DECISION if type_ == TRANSFER else 0)
            for order, type_ in zip(part(book.move_order, span), types, strict=True)
        ]  # fmt: skip

    return context.table(
        "inventoryMovements",
        rows=len(book.move_order),
        columns={
            "batchId": stored(book.move_batch, ref="batches"),
            "inventoryMovementType": stored_text(book.move_type, _MOVES),
            "quantityChange": stored(book.move_change, scale=2),
            "quantityBefore": hundredths(before),
            "quantityAfter": hundredths(after),
            "referenceType": constant("ORDER"),
            "referenceId": numbered(lambda span: part(book.move_order, span), "orders"),
            "notes": stored_text(book.move_type, _MOVE_NOTES),
            "performedBy": seed_user(),
            "createdAt": moments(world.clock, times),
        },
    )
