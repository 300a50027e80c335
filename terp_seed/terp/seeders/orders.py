"""Seeder ``orders``: quotes, drafts and sales, and all that follows from them.

Of TERP's returns the goods' way back is seeded: orders that were returned,
restocked or sent on to the vendor, with their movements and void invoices.
Left out are the tables ``returns``, ``credits`` and ``bills``: they belong to
a person's decisions, and the last has a reference that TERP itself reads in
two ways.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from terp_seed.rows.columns import code, computed, constant, pick
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Bounds, Column, TableRows
from terp_seed.rows.seeders import SeedContext, seeder
from terp_seed.terp.checks.derived import CLIENTS, STATUS
from terp_seed.terp.checks.order_rules import ORDERS
from terp_seed.terp.seeders.billing import invoice_tables
from terp_seed.terp.seeders.cells import moments, numbered, seed_user, stored, stored_text
from terp_seed.terp.seeders.fulfilment import (
    confirmed_at,
    history_table,
    movement_table,
    packed_at,
)
from terp_seed.terp.seeders.lines import allocation_table, items_column, line_table
from terp_seed.terp.simulation.clock import TODAY
from terp_seed.terp.simulation.money import OVERDUE, PAID, PARTIAL, VOID
from terp_seed.terp.simulation.schedule import (
    CANCELLED,
    CONFIRMED,
    CONVERTED,
    DRAFT_QUOTE,
    DRAFT_SALE,
    PACKED,
    SENT,
    SHIPPED,
    VIEWED,
)
from terp_seed.terp.simulation.terms import TERM_DAYS, TERMS
from terp_seed.terp.simulation.world import World, world_of

__all__ = ["orders"]

# By kind, in the order of `schedule`.
_QUOTES = ("UNSENT", None, "SENT", "VIEWED", "REJECTED", "EXPIRED", "CONVERTED") + (None,) * 9
_STAGES = ("DRAFT",) * 7 + (
    "CANCELLED", "CONFIRMED", "READY_FOR_PACKING", "PACKED", "SHIPPED", "DELIVERED",
    "RETURNED", "RESTOCKED", "RETURNED_TO_VENDOR",
)  # fmt: skip
_PACKING = ("PENDING",) * 9 + ("PICKING", "PACKED") + ("READY",) * 5
_SALES = ("PENDING", "PARTIAL", "PAID", "OVERDUE", "CANCELLED")
_SALE_OF_INVOICE = {PARTIAL: "PARTIAL", PAID: "PAID", OVERDUE: "OVERDUE", VOID: "CANCELLED"}
_NOTES = (
    "Call the dock before delivery", "Deliver before noon", "Split over two vans",
    "Labels on both sides", "Substitute within the same grade if short",
)  # fmt: skip
_QUOTE_DAYS = 30


@seeder("orders", derives=(*STATUS, *CLIENTS), checks=ORDERS)
def orders(context: SeedContext) -> list[TableRows]:
    """Describe the order book."""
    for table in ("clients", "batches", "batchLocations"):
        context.seeded(table)
    world = world_of(context)
    return [
        _orders(context, world),
        line_table(context, world),
        allocation_table(context, world),
        history_table(context, world),
        movement_table(context, world),
        *invoice_tables(context, world),
    ]


def _orders(context: SeedContext, world: World) -> TableRows:
    book, schedule = world.book, world.schedule
    created = moments(world.clock, lambda span: schedule.created[span.start : span.stop])
    return context.table(
        "orders",
        rows=world.sizes.orders,
        key=("order_number",),
        columns={
            "order_number": code("SEED-ORD-"),
            "orderType": _by_kind(world, lambda kind: "QUOTE" if _is_quote(kind) else "SALE"),
            "is_draft": _flags(world, lambda kind: kind <= DRAFT_SALE),
            "client_id": stored(book.client, ref="clients"),
            "items": items_column(world),
            **_totals(world),
            **_states(world),
            **_dates(world),
            "paymentTerms": stored_text(book.terms, TERMS),
            "cash_payment": stored(world.ledgers.deposit, scale=2),
            "invoice_id": _or_none(world.ledgers.invoice_of, "invoices"),
            "converted_from_order_id": _converted(world),
            "notes": pick([None, *_NOTES], [45, 1, 1, 1, 1, 1]),
            "created_by": seed_user(),
            "created_at": created,
            "updated_at": moments(world.clock, lambda span: _touched(world, span)),
        },
    )


def _is_quote(kind: int) -> bool:
    return kind == DRAFT_QUOTE or SENT <= kind <= CONVERTED


def _totals(world: World) -> dict[str, Column]:
    book = world.book
    total, cost = book.total, book.cost

    def earned(span: Span) -> list[int]:
        return [total[order] - cost[order] for order in span.rows()]

    def percent(span: Span) -> list[int]:
        return [((total[o] - cost[o]) * 20_000 + total[o]) // (2 * total[o]) for o in span.rows()]

    return {
        "subtotal": stored(total, scale=2),
        "tax": constant(0, scale=2),
        "discount": constant(0, scale=2),
        "shipping": constant(0, scale=2),
        "total": stored(total, scale=2),
        "total_cogs": stored(cost, scale=2),
        "total_margin": Column(earned, scale=2),
        "avg_margin_percent": Column(percent, scale=2),
    }


def _states(world: World) -> dict[str, Column]:
    kinds, ledgers = world.book.kind, world.ledgers

    def sale(order: int) -> str | None:
        kind = kinds[order]
        if kind == CANCELLED:
            return "CANCELLED"
        if kind < CONFIRMED:
            return None
        invoice = ledgers.invoice_of[order]
        return (
            "PENDING" if invoice < 0 else _SALE_OF_INVOICE.get(ledgers.status[invoice], "PENDING")
        )

    return {
        "quoteStatus": stored_text(kinds, _QUOTES),
        "fulfillmentStatus": stored_text(kinds, _STAGES),
        "pickPackStatus": stored_text(kinds, _PACKING),
        "saleStatus": computed(
            lambda span: [sale(order) for order in span.rows()],
            length=9,
            choices=_SALES,
            nullable=True,
            ascii_only=True,
        ),
    }


def _dates(world: World) -> dict[str, Column]:
    clock, book, schedule, ledgers = world.clock, world.book, world.schedule, world.ledgers

    def due(order: int) -> int:
        invoice = ledgers.invoice_of[order]
        if invoice >= 0:
            return ledgers.due[invoice]
        if book.kind[order] < CANCELLED:
            return 0
        return schedule.day[order] + TERM_DAYS[book.terms[order]]

    def valid(order: int) -> int:
        kind, day = book.kind[order], schedule.day[order]
        if not _is_quote(kind):
            return 0
        return max(day + _QUOTE_DAYS, TODAY + 3) if kind in (SENT, VIEWED) else day + _QUOTE_DAYS

    def converted(span: Span) -> list[int]:
        return [
            schedule.created[order + 1] if book.kind[order] == CONVERTED else 0
            for order in span.rows()
        ]

    def days(make: Callable[[int], int]) -> Column:
        def dates(span: Span) -> list[object]:
            numbers = [make(order) for order in span.rows()]
            return [clock.on(day) if day else None for day in numbers]

        return Column(dates, Bounds(nullable=True))

    return {
        "valid_until": days(valid),
        "due_date": days(due),
        "confirmed_at": moments(clock, lambda span: confirmed_at(world, span.rows())),
        "packed_at": moments(clock, lambda span: packed_at(world, span.rows())),
        "packed_by": _by_someone(world, lambda kind: kind >= PACKED),
        "shipped_at": moments(clock, lambda span: book.shipped[span.start : span.stop]),
        "shipped_by": _by_someone(world, lambda kind: kind >= SHIPPED),
        "converted_at": moments(clock, converted),
    }


def _touched(world: World, span: Span) -> list[int]:
    """When an order last changed: at its latest stage."""
    book = world.book
    packed = packed_at(world, span.rows())
    return [
        max(
            world.schedule.created[o + (book.kind[o] == CONVERTED)],
            at,
            book.shipped[o],
            book.delivered[o],
            book.returned[o],
        )
        for o, at in zip(span.rows(), packed, strict=True)
    ]


def _by_kind(world: World, text: Callable[[int], str]) -> Column:
    return stored_text(world.book.kind, [text(kind) for kind in range(16)])


def _flags(world: World, holds: Callable[[int], bool]) -> Column:
    kinds = world.book.kind
    return Column(lambda span: [holds(kind) for kind in kinds[span.start : span.stop]])


def _by_someone(world: World, holds: Callable[[int], bool]) -> Column:
    kinds = world.book.kind
    return numbered(
        lambda span: [0 if holds(kind) else None for kind in kinds[span.start : span.stop]],
        "users",
    )


def _converted(world: World) -> Column:
    """The quote that an order was converted from: the one before it."""
    kinds = world.book.kind
    return numbered(
        lambda span: [
            order - 1 if order and kinds[order - 1] == CONVERTED else None for order in span.rows()
        ],
        "orders",
    )


def _or_none(values: Sequence[int], table: str) -> Column:
    """References of which -1 stands for none."""
    return numbered(
        lambda span: [None if at < 0 else at for at in values[span.start : span.stop]], table
    )
