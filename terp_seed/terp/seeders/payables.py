"""Seeder ``payables``: what suppliers are owed, what they have billed and what they were paid.

``bills.vendorId`` and ``paymentHistory.vendorId`` name clients: TERP's accounting screens, its
portal and its leaderboard look suppliers up there.
"""

from __future__ import annotations

from functools import partial
from operator import mul, sub

from terp_seed.rows.columns import code, constant
from terp_seed.rows.model import Value
from terp_seed.terp.checks.payables import PAYABLES as INVARIANTS
from terp_seed.terp.simulation.clients import SUPPLIER
from terp_seed.terp.simulation.clock import DAY, HOUR, MINUTE, TODAY
from terp_seed.terp.simulation.payables import GRACE, BillStatus, PayableStatus
from terp_seed.terp.simulation.pricing import owned_terms
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

_METHODS = ("CHECK", "ACH", "WIRE", "CASH")
_PREFIXES = ("CHK", "ACH", "WIR", None)
_RETURNED = "Void: the goods failed their test"


def _supplier(sim: Simulation, batch: Source) -> Make:
    """The client who delivered each batch."""
    lot = at(sim.batches.lot, batch)
    return each(partial(sim.clients.row, SUPPLIER), at(sim.batches.lot_supplier, lot))


def _noticed(emptied: int) -> int:
    """When accounting was told: after the days of grace, if they are over."""
    return emptied + GRACE if emptied and emptied + GRACE < TODAY * DAY else 0


def _paid_up(status: int, settled: int) -> int:
    return settled if status == PayableStatus.PAID else 0


def _changed_at(opened: int, emptied: int, settled: int) -> int:
    return max(opened, emptied, settled and settled * DAY + 15 * HOUR)


@table("vendor_payables", rows=lambda sim: len(sim.payables.batch), key=("payable_number",))
def vendor_payables(sim: Simulation) -> Columns:
    """One for each consigned batch, from the day it comes in."""
    clock, batches, payables = sim.clock, sim.batches, sim.payables
    batch = payables.batch
    status = once(each(payables.status, batch))
    emptied, settled = once(at(payables.emptied, batch)), once(at(payables.settled, batch))
    sold, cost = once(at(payables.sold, batch)), once(each(payables.cost, batch))
    total, paid = once(each(mul, sold, cost)), once(at(payables.paid, batch))
    opened = once(each(lambda batch: batches.received_at(batch) + 40 * MINUTE, batch))
    changed = each(_changed_at, opened, emptied, settled)
    return {
        "vendor_client_id": row_of("clients", _supplier(sim, batch)),
        "batch_id": row_of("batches", batch),
        "lot_id": row_of("lots", at(batches.lot, batch)),
        "payable_number": code("SEED-VP-"),
        "units_sold": hundredths(sold),
        "cogs_per_unit": dollars(cost),
        "total_amount": hundredths(total),
        "amount_paid": hundredths(paid),
        "amount_due": hundredths(each(sub, total, paid)),
        "status": choice(status, names(PayableStatus)),
        "due_date": day(
            clock, each(lambda second: second and (second + GRACE) // DAY, emptied), nullable=True
        ),
        "paid_date": day(clock, each(_paid_up, status, settled), nullable=True),
        "inventory_zero_at": moment(clock, emptied, nullable=True),
        "notification_sent_at": moment(clock, each(_noticed, emptied), nullable=True),
        "notes": choice(each(PayableStatus.VOID.__eq__, status), (None, _RETURNED)),
        "created_by": seed_user(),
        "created_at": moment(clock, opened),
        "updated_at": moment(clock, changed),
    }


def _billed_at(day: int) -> int:
    return day * DAY + 18 * HOUR


def _still_due(total: int, paid: int, status: int) -> int:
    """Nothing on a void bill: TERP's list of late bills does not ask for the status."""
    return 0 if status == BillStatus.VOID else total - paid


def _terms(batch: int) -> str:
    return owned_terms(batch) or "CONSIGNMENT"


@table(
    "bills",
    rows=lambda sim: len(sim.payables.bills.batch),
    key=("billNumber",),
    references={"vendorId": "clients", "createdBy": "users"},
)
def bills(sim: Simulation) -> Columns:
    """What suppliers have billed: own goods as they come in, consigned ones as they sell."""
    clock, bills = sim.clock, sim.payables.bills
    total, billed = hundredths(bills.cents), each(_billed_at, bills.day)
    return {
        "billNumber": code("SEED-BILL-"),
        "vendorId": row_of("clients", _supplier(sim, bills.batch)),
        "billDate": day(clock, bills.day),
        "dueDate": day(clock, bills.due),
        "subtotal": total,
        "taxAmount": constant(0, scale=2),
        "discountAmount": constant(0, scale=2),
        "totalAmount": total,
        "amountPaid": hundredths(bills.paid),
        "amountDue": hundredths(each(_still_due, bills.cents, bills.paid, bills.status)),
        "status": choice(bills.status, names(BillStatus)),
        "paymentTerms": text(each(_terms, bills.batch), 11),
        "notes": choice(each(BillStatus.VOID.__eq__, bills.status), (None, _RETURNED)),
        "referenceType": constant("LOT"),
        "referenceId": row_of("lots", at(sim.batches.lot, bills.batch)),
        "createdBy": seed_user(),
        "createdAt": moment(clock, billed),
        "updatedAt": moment(
            clock,
            each(lambda billed, paid: max(billed, paid * DAY + 19 * HOUR), billed, bills.settled),
        ),
    }


@table(
    "billLineItems",
    rows=lambda sim: len(sim.payables.bills.batch),
    references={"billId": "bills", "productId": "products", "lotId": "lots"},
)
def bill_lines(sim: Simulation) -> Columns:
    """One for each bill: suppliers bill batch by batch."""
    payables, bills = sim.payables, sim.payables.bills
    product = once(at(sim.batches.product, bills.batch))
    return {
        "billId": row_of("bills", ROWS),
        "productId": row_of("products", product),
        "lotId": row_of("lots", at(sim.batches.lot, bills.batch)),
        "description": text(at(sim.products.name, product), 60),
        "quantity": hundredths(bills.quantity),
        "unitPrice": dollars(each(payables.cost, bills.batch)),
        "lineTotal": hundredths(bills.cents),
        "createdAt": moment(sim.clock, each(_billed_at, bills.day)),
    }


def _reference_number(row: int, method: int) -> Value:
    """An invented cheque or transfer number; cash has none."""
    prefix = _PREFIXES[method]
    return f"SEED-OUT-{prefix}-{row + 1:06d}" if prefix else None


def _sent_at(row: int, day: int) -> int:
    """In the evening, so that a payment follows even a bill of the same day."""
    return day * DAY + 18 * HOUR + 30 * MINUTE + row * 2_654_435_761 % 1800


def _sent(sim: Simulation) -> Make:
    return each(_sent_at, ROWS, sim.payables.payments.day)


@table(
    "payments",
    rows=lambda sim: len(sim.payables.payments.day),
    key=("paymentNumber",),
    references={"billId": "bills"},
)
def sent_payments(sim: Simulation) -> Columns:
    """Payments to suppliers, each for one bill."""
    clock, bills, payments = sim.clock, sim.payables.bills, sim.payables.payments
    sent = moment(clock, _sent(sim))
    matched = each(lambda day: day and day * DAY + 11 * HOUR, payments.reconciled)
    return {
        "paymentNumber": code("SEED-OUT-"),
        "paymentType": constant("SENT"),
        "paymentDate": day(clock, payments.day),
        "amount": hundredths(payments.cents),
        "paymentMethod": choice(payments.method, _METHODS),
        "referenceNumber": text(each(_reference_number, ROWS, payments.method), 20, nullable=True),
        "vendorId": row_of("clients", _supplier(sim, at(bills.batch, payments.bill))),
        "billId": row_of("bills", payments.bill),
        "isReconciled": plain(each(bool, payments.reconciled)),
        "reconciledAt": moment(clock, matched, nullable=True),
        "createdBy": seed_user(),
        "createdAt": sent,
        "updatedAt": sent,
    }


@table(
    "paymentHistory",
    rows=lambda sim: len(sim.payables.payments.day),
    references={"batchId": "batches", "vendorId": "clients", "recordedBy": "users"},
)
def payment_history(sim: Simulation) -> Columns:
    """The same payments by batch."""
    payments = sim.payables.payments
    batch = once(at(sim.payables.bills.batch, payments.bill))
    sent = moment(sim.clock, _sent(sim))
    return {
        "batchId": row_of("batches", batch),
        "vendorId": row_of("clients", _supplier(sim, batch)),
        "amount": hundredths(payments.cents),
        "paymentDate": sent,
        "paymentMethod": choice(payments.method, _METHODS),
        "notes": text(each(lambda bill: f"SEED-BILL-{bill + 1:06d}", payments.bill), 24),
        "recordedBy": seed_user(),
        "createdAt": sent,
    }


register(
    "payables",
    vendor_payables,
    bills,
    bill_lines,
    sent_payments,
    payment_history,
    after=("clients", "lots", "batches", "orders"),
    checks=INVARIANTS,
)
