"""Seeder ``orders``: quotes, drafts and sales, and all that follows from them.

Goods that come back do so here: orders that were returned, restocked or sent on to the vendor,
with their movements and void invoices.  What TERP writes down about it is in `returns`.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import add, sub

from terp_seed.rows.columns import code, constant, pick
from terp_seed.terp.checks.derived import CLIENTS, STATUS
from terp_seed.terp.checks.invariants import ORDERS as INVARIANTS
from terp_seed.terp.seeders.invoices import (
    client_transactions,
    invoice_lines,
    invoice_payments,
    invoices,
    payments,
)
from terp_seed.terp.seeders.order_lines import allocations, items_column, order_lines
from terp_seed.terp.simulation.clock import TODAY
from terp_seed.terp.simulation.fulfilment import STAGE_OF_KIND, STAGES
from terp_seed.terp.simulation.invoices import Status
from terp_seed.terp.simulation.pricing import TERMS, margin_percent
from terp_seed.terp.simulation.schedule import Kind
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    Columns,
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
    table,
    text,
)

# By kind, in the order of `schedule`.
_QUOTES = ("UNSENT", None, "SENT", "VIEWED", "REJECTED", "EXPIRED", "CONVERTED") + (None,) * 9
_PACKING = ("PENDING",) * 9 + ("PICKING", "PACKED") + ("READY",) * 5
_SALES = ("PENDING", "PARTIAL", "PAID", "OVERDUE", "CANCELLED")
_SALE_OF_INVOICE: dict[int, str] = {
    **{status: status.name for status in (Status.PARTIAL, Status.PAID, Status.OVERDUE)},
    Status.VOID: "CANCELLED",
}
_NOTES = (
    "Call the dock before delivery", "Deliver before noon", "Split over two vans",
    "Labels on both sides", "Substitute within the same grade if short",
)  # fmt: skip
_QUOTE_DAYS = 30


def _is_quote(kind: int) -> bool:
    return kind == Kind.DRAFT_QUOTE or Kind.SENT <= kind <= Kind.CONVERTED


def _sale_status(sim: Simulation) -> Callable[[int, int], str | None]:
    statuses = sim.invoices.status

    def sale_status(kind: int, invoice: int) -> str | None:
        if kind == Kind.CANCELLED:
            return "CANCELLED"
        if kind < Kind.CONFIRMED:
            return None
        return "PENDING" if invoice < 0 else _SALE_OF_INVOICE.get(statuses[invoice], "PENDING")

    return sale_status


def _valid_until(kind: int, day: int) -> int:
    if not _is_quote(kind):
        return 0
    if kind in (Kind.SENT, Kind.VIEWED):
        return max(day + _QUOTE_DAYS, TODAY + 3)
    return day + _QUOTE_DAYS


@table(
    "orders",
    rows=lambda sim: sim.sizes.orders,
    key=("order_number",),
    references={"invoice_id": "invoices"},
)
def orders(sim: Simulation) -> Columns:
    """Quotes, drafts and sales."""
    clock, orders, schedule = sim.clock, sim.orders, sim.schedule
    fulfilment, invoices = sim.fulfilment, sim.invoices
    kind, created = orders.kind, schedule.created
    converted = once(each(fulfilment.converted_at))
    confirmed, packed = once(each(fulfilment.confirmed)), once(each(fulfilment.packed))
    stages = (created, converted, packed, orders.shipped, orders.delivered, orders.returned)
    total = hundredths(orders.total)
    return {
        "order_number": code("SEED-ORD-"),
        "orderType": choice(each(_is_quote, kind), ("SALE", "QUOTE")),
        "is_draft": plain(each(lambda kind: kind <= Kind.DRAFT_SALE, kind)),
        "client_id": row_of("clients", orders.client),
        "items": items_column(sim),
        "subtotal": total,
        "tax": constant(0, scale=2),
        "discount": constant(0, scale=2),
        "shipping": constant(0, scale=2),
        "total": total,
        "total_cogs": hundredths(orders.cost),
        "total_margin": hundredths(each(sub, orders.total, orders.cost)),
        "avg_margin_percent": hundredths(each(margin_percent, orders.total, orders.cost)),
        "quoteStatus": choice(kind, _QUOTES),
        "fulfillmentStatus": choice(kind, STAGE_OF_KIND),
        "pickPackStatus": choice(kind, _PACKING),
        "saleStatus": text(
            each(_sale_status(sim), kind, invoices.invoice_of), 9, choices=_SALES, nullable=True
        ),
        "valid_until": day(clock, each(_valid_until, kind, schedule.day), nullable=True),
        "due_date": day(clock, each(invoices.due_of_order), nullable=True),
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
        "converted_from_order_id": row_of("orders", each(fulfilment.converted_from), nullable=True),
        "notes": pick([None, *_NOTES], [45, 1, 1, 1, 1, 1]),
        "created_by": seed_user(),
        "created_at": moment(clock, created),
        "updated_at": moment(clock, each(max, *stages)),
    }


@table("order_status_history", rows=lambda sim: len(sim.fulfilment))
def status_history(sim: Simulation) -> Columns:
    """One row for each stage that an order reached."""
    return {
        "order_id": row_of("orders", sim.fulfilment.order),
        "fulfillmentStatus": choice(sim.fulfilment.stage, STAGES),
        "changed_by": seed_user(),
        "changed_at": moment(
            sim.clock, each(sim.fulfilment.reached, sim.fulfilment.order, sim.fulfilment.stage)
        ),
    }


@table("inventoryMovements", rows=lambda sim: len(sim.orders.movements.order))
def movements(sim: Simulation) -> Columns:
    """What left by orders and what came back, by time."""
    movements = sim.orders.movements
    shelved = at(sim.intake.shelved, movements.batch)
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
            sim.clock, each(sim.fulfilment.moved_at, movements.order, movements.type)
        ),
    }


register(
    "orders",
    orders,
    order_lines,
    allocations,
    status_history,
    movements,
    invoices,
    invoice_lines,
    payments,
    invoice_payments,
    client_transactions,
    after=("clients", "batches", "batchLocations"),
    derives=(*STATUS, *CLIENTS),
    checks=INVARIANTS,
)
