"""Seeder ``purchasing``: orders to suppliers, and how their goods were taken in.

A session of intake is one lot's; a purchase order that has come names its session.  The receipt
is what the grower and the warehouse signed.
"""

from __future__ import annotations

from functools import partial
from operator import mul

from terp_seed.rows.columns import code, constant
from terp_seed.terp.checks.purchasing import PURCHASING as INVARIANTS
from terp_seed.terp.simulation.clients import SUPPLIER
from terp_seed.terp.simulation.clock import DAY, HOUR
from terp_seed.terp.simulation.pricing import TERM_DAYS, TERMS
from terp_seed.terp.simulation.products import is_ranged
from terp_seed.terp.simulation.purchasing import PurchaseStatus
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    Make,
    Source,
    at,
    choice,
    day,
    dollars,
    each,
    hundredths,
    moment,
    names,
    once,
    plain,
    register,
    row_of,
    seed_user,
    table,
    text,
)

_NOT_DUE = ("COD", "CONSIGNMENT")
_SHORT = "Came short of what was ordered"


def _supplier(sim: Simulation, number: Source) -> Make:
    return each(partial(sim.clients.row, SUPPLIER), number)


def _due(terms: str, day: int) -> int:
    """When a lot is to be paid, or 0: consigned goods when they sell, cash at once."""
    return 0 if terms in _NOT_DUE else day + TERM_DAYS[TERMS.index(terms)]


def _begun(day: int) -> int:
    return day * DAY + 8 * HOUR


def _done(day: int, open_: int) -> int:
    """When a lot was taken in, or 0 while a batch of it is not."""
    return 0 if open_ else day * DAY + 17 * HOUR


@table("intake_sessions", rows=lambda sim: sim.purchasing.lots, key=("session_number",))
def sessions(sim: Simulation) -> Columns:
    """One for each lot."""
    clock, batches, purchasing = sim.clock, sim.batches, sim.purchasing
    terms = once(each(purchasing.terms))
    done = once(each(_done, batches.lot_day, purchasing.open))
    return {
        "session_number": code("SEED-INT-"),
        "vendor_id": row_of("clients", _supplier(sim, batches.lot_supplier)),
        "status": choice(purchasing.open, ("COMPLETED", "IN_PROGRESS")),
        "receive_date": day(clock, batches.lot_day),
        "received_by": seed_user(),
        "paymentTerms": text(terms, 11, choices=TERMS),
        "payment_due_date": day(clock, each(_due, terms, batches.lot_day), nullable=True),
        "total_amount": hundredths(each(purchasing.received_total)),
        "amount_paid": hundredths(each(purchasing.paid_at_once)),
        "receipt_generated": plain(each(lambda open_: not open_, purchasing.open)),
        "receipt_generated_at": moment(clock, done, nullable=True),
        "created_at": moment(clock, each(_begun, batches.lot_day)),
        "updated_at": moment(clock, each(max, done, each(_begun, batches.lot_day))),
        "completed_at": moment(clock, done, nullable=True),
    }


@table("intake_session_batches", rows=lambda sim: sim.sizes.batches, key=("batch_id",))
def session_batches(sim: Simulation) -> Columns:
    """Each batch, as it was taken in."""
    cost = once(at(sim.products.cost, sim.batches.product))
    quantity = sim.intake.taken_in
    came = moment(sim.clock, each(sim.batches.received_at))
    return {
        "intake_session_id": row_of("intake_sessions", sim.batches.lot),
        "batch_id": row_of("batches", ROWS),
        "received_qty": hundredths(quantity),
        "unit_cost": dollars(cost),
        "total_cost": hundredths(each(mul, quantity, cost)),
        "created_at": came,
        "updated_at": came,
    }


def _sent(status: int, day: int) -> int:
    return day * DAY + 11 * HOUR if status != PurchaseStatus.DRAFT else 0


def _confirmed(status: int, day: int) -> int:
    agreed = PurchaseStatus.CONFIRMED <= status <= PurchaseStatus.RECEIVED
    return day * DAY + 15 * HOUR if agreed else 0


@table("purchaseOrders", rows=lambda sim: len(sim.purchasing), key=("poNumber",))
def purchase_orders(sim: Simulation) -> Columns:
    """One for each lot, and some whose goods have not come."""
    clock, purchasing = sim.clock, sim.purchasing
    status, ordered = once(each(purchasing.status)), once(each(purchasing.ordered))
    number = once(each(purchasing.supplier))
    terms, arrived = once(each(purchasing.terms)), once(each(purchasing.arrived))
    total = hundredths(purchasing.totals)
    due = each(lambda terms, day: day and _due(terms, day), terms, arrived)
    session = each(lambda order: order if order < purchasing.lots else None)
    placed = each(lambda day: day * DAY + 10 * HOUR, ordered)
    return {
        "poNumber": code("SEED-PO-"),
        "supplier_client_id": row_of("clients", _supplier(sim, number)),
        "vendorId": row_of("vendors", number),
        "intakeSessionId": row_of("intake_sessions", session, nullable=True),
        "purchaseOrderStatus": choice(status, names(PurchaseStatus)),
        "orderDate": day(clock, ordered),
        "expectedDeliveryDate": day(clock, each(purchasing.expected)),
        "actualDeliveryDate": day(clock, arrived, nullable=True),
        "subtotal": total,
        "tax": constant(0, scale=2),
        "shipping": constant(0, scale=2),
        "total": total,
        "paymentTerms": text(terms, 11),
        "paymentDueDate": day(clock, due, nullable=True),
        "createdBy": seed_user(),
        "createdAt": moment(clock, placed),
        "updatedAt": moment(
            clock,
            each(lambda day, came: max(day * DAY + 15 * HOUR, _begun(came)), ordered, arrived),
        ),
        "sentAt": moment(clock, each(_sent, status, ordered), nullable=True),
        "confirmedAt": moment(clock, each(_confirmed, status, ordered), nullable=True),
    }


@table("purchaseOrderItems", rows=lambda sim: len(sim.purchasing.lines))
def purchase_order_items(sim: Simulation) -> Columns:
    """What was ordered: each batch of a lot, or what is still to come."""
    purchasing, products = sim.purchasing, sim.products
    order = once(purchasing.lines.parents)
    product = once(each(purchasing.product, ROWS, order))
    wanted, cost = once(each(purchasing.wanted, ROWS, product)), once(at(products.cost, product))
    placed = moment(
        sim.clock, each(lambda order: purchasing.ordered(order) * DAY + 10 * HOUR, order)
    )
    return {
        "purchaseOrderId": row_of("purchaseOrders", order),
        "productId": row_of("products", product),
        "quantityOrdered": hundredths(wanted),
        "quantityReceived": hundredths(each(purchasing.received)),
        "cogsMode": choice(each(is_ranged, product), ("FIXED", "RANGE")),
        "unitCost": dollars(cost),
        "unitCostMin": dollars(at(products.least, product), nullable=True),
        "unitCostMax": dollars(at(products.greatest, product), nullable=True),
        "totalCost": hundredths(each(mul, wanted, cost)),
        "supplier_client_id": row_of("clients", _supplier(sim, each(purchasing.supplier, order))),
        "createdAt": placed,
        "updatedAt": placed,
    }


@table("intake_receipts", rows=lambda sim: sim.purchasing.lots, key=("receipt_number",))
def receipts(sim: Simulation) -> Columns:
    """One for each lot: signed by both sides, unless it is not taken in yet."""
    clock, batches, open_ = sim.clock, sim.batches, sim.purchasing.open
    begun = moment(clock, each(_begun, batches.lot_day))
    done = once(each(_done, batches.lot_day, open_))
    signer = seed_user(each(lambda second: second > 0, done))
    return {
        "receipt_number": code("SEED-REC-"),
        "supplier_id": row_of("clients", _supplier(sim, batches.lot_supplier)),
        "status": choice(open_, ("FINALIZED", "FARMER_VERIFIED")),
        "farmer_verified_at": begun,
        "farmer_verified_by": seed_user(),
        "stacker_verified_at": moment(clock, done, nullable=True),
        "stacker_verified_by": signer,
        "finalized_at": moment(clock, done, nullable=True),
        "finalized_by": signer,
        "created_by": seed_user(),
        "created_at": begun,
        "updated_at": moment(clock, each(max, done, each(_begun, batches.lot_day))),
    }


def _verified(open_: int, short: bool) -> int:
    return 0 if open_ else 2 if short else 1


@table("intake_receipt_items", rows=lambda sim: sim.sizes.batches)
def receipt_items(sim: Simulation) -> Columns:
    """Each batch: what was expected, and what was found."""
    batches, products, purchasing = sim.batches, sim.products, sim.purchasing
    open_ = once(at(purchasing.open, batches.lot))
    short = once(each(purchasing.short))
    found = each(lambda open_, units: None if open_ else units, open_, sim.intake.taken_in)
    return {
        "receipt_id": row_of("intake_receipts", batches.lot),
        "product_id": row_of("products", batches.product),
        "product_name": text(at(products.name, batches.product), 60),
        "expected_quantity": hundredths(each(purchasing.wanted, ROWS, batches.product)),
        "actual_quantity": hundredths(found, nullable=True),
        "unit": text(at(products.unit, batches.product), 3),
        "expected_price": dollars(at(products.cost, batches.product)),
        "verification_status": choice(
            each(_verified, open_, short), ("PENDING", "VERIFIED", "DISCREPANCY")
        ),
        "discrepancy_notes": choice(
            each(lambda open_, short: short and not open_, open_, short), (None, _SHORT)
        ),
        "created_at": moment(sim.clock, each(batches.received_at)),
    }


register(
    "purchasing",
    sessions,
    session_batches,
    purchase_orders,
    purchase_order_items,
    receipts,
    receipt_items,
    after=("clients", "vendors", "batches", "inventoryMovements"),
    checks=INVARIANTS,
)
