"""Seeder ``orders``: quotes, drafts and sales, and all that follows from them.

Of TERP's returns the goods' way back is seeded: orders that were returned, restocked or sent on
to the vendor, with their movements and void invoices.  Left out are the tables ``returns``,
``credits`` and ``bills``: they belong to a person's decisions, and the last has a reference
that TERP itself reads in two ways.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import add, sub

from terp_seed.rows.columns import code, constant, pick
from terp_seed.rows.model import Column
from terp_seed.terp.checks.derived import CLIENTS, STATUS
from terp_seed.terp.checks.invariants import ORDERS as INVARIANTS
from terp_seed.terp.seeders.invoices import (
    CLIENT_TRANSACTIONS,
    INVOICE_LINES,
    INVOICE_PAYMENTS,
    INVOICES,
    PAYMENTS,
)
from terp_seed.terp.seeders.order_lines import ALLOCATIONS, ORDER_LINES, items_column
from terp_seed.terp.simulation.clock import TODAY
from terp_seed.terp.simulation.fulfilment import STAGES
from terp_seed.terp.simulation.invoices import Status
from terp_seed.terp.simulation.orders import DECISION, RETURN, TRANSFER
from terp_seed.terp.simulation.pricing import TERM_DAYS, TERMS, margin_percent
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Table,
    at,
    choice,
    day,
    each,
    hundredths,
    moment,
    once,
    plain,
    register,
    row_of,
    seed_user,
    text,
)

# By kind, in the order of `schedule`.
_QUOTES = ("UNSENT", None, "SENT", "VIEWED", "REJECTED", "EXPIRED", "CONVERTED") + (None,) * 9
_STAGES = ("DRAFT",) * 7 + (
    "CANCELLED", "CONFIRMED", "READY_FOR_PACKING", "PACKED", "SHIPPED", "DELIVERED",
    "RETURNED", "RESTOCKED", "RETURNED_TO_VENDOR",
)  # fmt: skip
_PACKING = ("PENDING",) * 9 + ("PICKING", "PACKED") + ("READY",) * 5
_SALES = ("PENDING", "PARTIAL", "PAID", "OVERDUE", "CANCELLED")
_SALE_OF_INVOICE: dict[int, str] = {
    Status.PARTIAL: "PARTIAL",
    Status.PAID: "PAID",
    Status.OVERDUE: "OVERDUE",
    Status.VOID: "CANCELLED",
}
_NOTES = (
    "Call the dock before delivery", "Deliver before noon", "Split over two vans",
    "Labels on both sides", "Substitute within the same grade if short",
)  # fmt: skip
_QUOTE_DAYS = 30


def _is_quote(kind: int) -> bool:
    return kind == Kind.DRAFT_QUOTE or Kind.SENT <= kind <= Kind.CONVERTED


def _sale_status(simulation: Simulation) -> Callable[[int, int], str | None]:
    statuses = simulation.invoices.status

    def sale_status(kind: int, invoice: int) -> str | None:
        if kind == Kind.CANCELLED:
            return "CANCELLED"
        if kind < Kind.CONFIRMED:
            return None
        return "PENDING" if invoice < 0 else _SALE_OF_INVOICE.get(statuses[invoice], "PENDING")

    return sale_status


def _due(simulation: Simulation) -> Callable[[int], int]:
    """The day on which an order, or its invoice, is due; 0 for one that never will be."""
    orders, invoices = simulation.orders, simulation.invoices

    def due(order: int) -> int:
        invoice = invoices.invoice_of[order]
        if invoice >= 0:
            return invoices.due[invoice]
        if orders.kind[order] < Kind.CANCELLED:
            return 0
        return simulation.schedule.day[order] + TERM_DAYS[orders.terms[order]]

    return due


def _valid_until(kind: int, day: int) -> int:
    if not _is_quote(kind):
        return 0
    if kind in (Kind.SENT, Kind.VIEWED):
        return max(day + _QUOTE_DAYS, TODAY + 3)
    return day + _QUOTE_DAYS


def _converted_at(simulation: Simulation) -> Callable[[int, int], int]:
    """When a quote was converted: with the order after it."""
    created = simulation.schedule.created
    return lambda order, kind: created[order + 1] if kind == Kind.CONVERTED else 0


def _converted_from(simulation: Simulation) -> Callable[[int], int | None]:
    """The quote that an order was converted from: the one before it."""
    kinds = simulation.orders.kind
    return lambda order: order - 1 if order and kinds[order - 1] == Kind.CONVERTED else None


def _order_columns(simulation: Simulation) -> dict[str, Column]:
    clock, orders, schedule = simulation.clock, simulation.orders, simulation.schedule
    fulfilment, invoices = simulation.fulfilment, simulation.invoices
    kind, created = orders.kind, schedule.created
    converted = once(each(_converted_at(simulation), ROWS, kind))
    confirmed, packed = once(each(fulfilment.confirmed)), once(each(fulfilment.packed))
    stages = (created, converted, packed, orders.shipped, orders.delivered, orders.returned)
    total = hundredths(orders.total)
    return {
        "order_number": code("SEED-ORD-"),
        "orderType": choice(each(_is_quote, kind), ("SALE", "QUOTE")),
        "is_draft": plain(each(lambda kind: kind <= Kind.DRAFT_SALE, kind)),
        "client_id": row_of("clients", orders.client),
        "items": items_column(simulation),
        "subtotal": total,
        "tax": constant(0, scale=2),
        "discount": constant(0, scale=2),
        "shipping": constant(0, scale=2),
        "total": total,
        "total_cogs": hundredths(orders.cost),
        "total_margin": hundredths(each(sub, orders.total, orders.cost)),
        "avg_margin_percent": hundredths(each(margin_percent, orders.total, orders.cost)),
        "quoteStatus": choice(kind, _QUOTES),
        "fulfillmentStatus": choice(kind, _STAGES),
        "pickPackStatus": choice(kind, _PACKING),
        "saleStatus": text(
            each(_sale_status(simulation), kind, invoices.invoice_of),
            9,
            choices=_SALES,
            nullable=True,
        ),
        "valid_until": day(clock, each(_valid_until, kind, schedule.day), nullable=True),
        "due_date": day(clock, each(_due(simulation)), nullable=True),
        "confirmed_at": moment(clock, confirmed, nullable=True),
        "packed_at": moment(clock, packed, nullable=True),
        "packed_by": seed_user(each(lambda kind: kind >= Kind.PACKED, kind)),
        "shipped_at": moment(clock, orders.shipped, nullable=True),
        "shipped_by": seed_user(each(lambda kind: kind >= Kind.SHIPPED, kind)),
        "converted_at": moment(clock, converted, nullable=True),
        "paymentTerms": choice(orders.terms, TERMS),
        "cash_payment": hundredths(invoices.deposit),
        "invoice_id": row_of(
            "invoices",
            each(lambda invoice: None if invoice < 0 else invoice, invoices.invoice_of),
            nullable=True,
        ),
        "converted_from_order_id": row_of(
            "orders", each(_converted_from(simulation)), nullable=True
        ),
        "notes": pick([None, *_NOTES], [45, 1, 1, 1, 1, 1]),
        "created_by": seed_user(),
        "created_at": moment(clock, created),
        "updated_at": moment(clock, each(max, *stages)),
    }


ORDERS = Table(
    "orders",
    rows=lambda sim: sim.sizes.orders,
    key=("order_number",),
    references={"invoice_id": "invoices"},
    columns=_order_columns,
)

#: One row for each stage that an order reached.
STATUS_HISTORY = Table(
    "order_status_history",
    rows=lambda sim: len(sim.fulfilment),
    columns=lambda sim: {
        "order_id": row_of("orders", sim.fulfilment.order),
        "fulfillmentStatus": choice(sim.fulfilment.stage, STAGES),
        "changed_by": seed_user(),
        "changed_at": moment(
            sim.clock, each(sim.fulfilment.reached, sim.fulfilment.order, sim.fulfilment.stage)
        ),
    },
)


def _moved_at(simulation: Simulation) -> Callable[[int, int], int]:
    orders = simulation.orders

    def moved_at(order: int, type_: int) -> int:
        if type_ < RETURN:
            return orders.shipped[order]
        return orders.returned[order] + (DECISION if type_ == TRANSFER else 0)

    return moved_at


def _movement_columns(simulation: Simulation) -> dict[str, Column]:
    movements = simulation.orders.movements
    shelved = at(simulation.intake.shelved, movements.batch)
    before = once(each(sub, shelved, movements.sold_before))
    return {
        "batchId": row_of("batches", movements.batch),
        "inventoryMovementType": choice(movements.type, ("SALE", "RETURN", "TRANSFER")),
        "quantityChange": hundredths(movements.change),
        "quantityBefore": hundredths(before),
        "quantityAfter": hundredths(each(add, before, movements.change)),
        "referenceType": constant("ORDER"),
        "referenceId": row_of("orders", movements.order),
        "notes": choice(movements.type, (None, "Came back unopened", "Sent on to the vendor")),
        "performedBy": seed_user(),
        "createdAt": moment(
            simulation.clock, each(_moved_at(simulation), movements.order, movements.type)
        ),
    }


#: What left by orders and what came back, by time.
MOVEMENTS = Table(
    "inventoryMovements",
    rows=lambda sim: len(sim.orders.movements.order),
    columns=_movement_columns,
)

register(
    "orders",
    ORDERS,
    ORDER_LINES,
    ALLOCATIONS,
    STATUS_HISTORY,
    MOVEMENTS,
    INVOICES,
    INVOICE_LINES,
    PAYMENTS,
    INVOICE_PAYMENTS,
    CLIENT_TRANSACTIONS,
    after=("clients", "batches", "batchLocations"),
    derives=(*STATUS, *CLIENTS),
    checks=INVARIANTS,
)
