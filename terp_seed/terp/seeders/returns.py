"""Seeder ``returns``: what clients sent back, what went on to suppliers, and credits.

A return of an order that was returned as a whole has no credit: its invoice is void, and TERP
grants none for a void invoice.  Credits are those for small defects.  As in TERP's own code, one
that is used leaves the invoice as it is; ``transactions`` holds the invoices that credits name,
since these refer to that older table.
"""

from __future__ import annotations

from functools import partial
from operator import sub

from terp_seed.rows.columns import constant
from terp_seed.rows.model import Column, Span, Value
from terp_seed.terp.checks.returns import RETURNS as INVARIANTS
from terp_seed.terp.simulation.clients import SUPPLIER
from terp_seed.terp.simulation.clock import DAY, HOUR
from terp_seed.terp.simulation.credits import CreditStatus
from terp_seed.terp.simulation.invoices import Status
from terp_seed.terp.simulation.returns import ReturnStatus, VendorReturnStatus
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    at,
    choice,
    dollars,
    each,
    hundredths,
    moment,
    names,
    once,
    register,
    row_of,
    seed_user,
    table,
    text,
)

_REASONS = (
    "DEFECTIVE",
    "WRONG_ITEM",
    "NOT_AS_DESCRIBED",
    "CUSTOMER_CHANGED_MIND",
    "OTHER",
    "DEFECTIVE",
)
_SAID = (
    "Seeds in two bags", "Labelled as another strain", "Drier than agreed",
    "Ordered twice by mistake", "Bags torn on the way", "Recalled with its lot",
)  # fmt: skip
_RECALLED = len(_SAID) - 1
_CREDITED = ("PRICE_ADJUSTMENT", "GOODWILL", "BILLING_ERROR")
_GRANTED = ("Lower grade than billed", "Late delivery", "Weight corrected after delivery")
_STATES: dict[int, str] = {
    Status.PAID: "PAID", Status.PARTIAL: "PARTIAL", Status.OVERDUE: "OVERDUE",
}  # fmt: skip


def _said(sim: Simulation, row: int) -> int:
    """What was said about a return: its place in both lists."""
    return _RECALLED if sim.returns.recalled(row) else sim.returns.asked.word[row] % _RECALLED


def _items(sim: Simulation) -> Column:
    """The goods of each return, as TERP's screens read them."""

    def make(span: Span) -> list[Value]:
        return [
            [
                {"batchId": batch, "quantity": f"{amount // 100}.{amount % 100:02d}",
                 "reason": _SAID[_said(sim, row)], "expectedCondition": "SELLABLE"}
                for batch, amount in sim.returns.goods(row)
            ]
            for row in span.rows()
        ]  # fmt: skip

    return Column(make, json_refs={"batchId": "batches"})


@table("returns", rows=lambda sim: len(sim.returns.asked.order))
def returns(sim: Simulation) -> Columns:
    """One for each order that came back, and for some whose clients asked."""
    asked = sim.returns.asked
    said = once(each(partial(_said, sim)))
    return {
        "order_id": row_of("orders", asked.order),
        "items": _items(sim),
        "returnReason": choice(said, _REASONS),
        "status": choice(asked.status, names(ReturnStatus)),
        "notes": choice(said, _SAID),
        "processed_by": seed_user(),
        "processed_at": moment(sim.clock, asked.second),
    }


@table("vendor_returns", rows=lambda sim: len(sim.returns.sent_on.order))
def vendor_returns(sim: Simulation) -> Columns:
    """One for each supplier whose goods of a returned order went back to it."""
    clock, returns, sent = sim.clock, sim.returns, sim.returns.sent_on
    supplier = each(partial(sim.clients.row, SUPPLIER), sent.supplier)
    credit = each(lambda cents: cents or None, sent.credit)
    return {
        "order_id": row_of("orders", sent.order),
        "vendor_id": row_of("clients", supplier),
        "status": choice(sent.status, names(VendorReturnStatus)),
        "return_reason": constant("Sent on as it came back"),
        "total_value": hundredths(sent.value),
        "credit_received": hundredths(credit, nullable=True),
        "credit_received_at": moment(clock, each(returns.credited_at), nullable=True),
        "created_at": moment(clock, sent.second),
        "created_by": seed_user(),
    }


@table("vendor_return_items", rows=lambda sim: len(sim.returns.batch))
def vendor_return_items(sim: Simulation) -> Columns:
    """The batches of which goods went back."""
    returns = sim.returns
    product = at(sim.batches.product, returns.batch)
    return {
        "vendor_return_id": row_of("vendor_returns", returns.groups.parents),
        "batch_id": row_of("batches", returns.batch),
        "quantity": hundredths(returns.quantity),
        "unit_cost": dollars(at(sim.products.cost, product)),
    }


@table("transactions", rows=lambda sim: len(sim.credits.invoiced), key=("transactionNumber",))
def transactions(sim: Simulation) -> Columns:
    """The invoices that credits are for or were used for."""
    clock, invoices, invoiced = sim.clock, sim.invoices, sim.credits.invoiced
    state = each(lambda invoice: _STATES.get(invoices.status[invoice], "PENDING"), invoiced)
    made = moment(clock, each(lambda day: day * DAY + 20 * HOUR, at(invoices.day, invoiced)))
    return {
        "transactionNumber": text(
            each(lambda invoice: f"SEED-INV-{invoice + 1:06d}", invoiced), 20
        ),
        "transactionType": constant("INVOICE"),
        "clientId": row_of("clients", at(invoices.client, invoiced)),
        "transactionDate": made,
        "amount": hundredths(at(invoices.total, invoiced)),
        "transactionStatus": text(state, 7),
        "createdBy": seed_user(),
        "createdAt": made,
        "updatedAt": made,
    }


def _granted_at(day: int) -> int:
    return day * DAY + 21 * HOUR


@table("credits", rows=lambda sim: len(sim.credits.cents), key=("creditNumber",))
def granted_credits(sim: Simulation) -> Columns:
    """Five percent of the invoice of one order in twenty."""
    clock, granted = sim.clock, sim.credits
    kind = once(each(lambda row: row % 3))
    left = each(sub, granted.cents, granted.used)
    since = moment(clock, each(_granted_at, granted.day))
    lapses = moment(clock, each(lambda day: _granted_at(day + 365), granted.day))
    return {
        "creditNumber": text(each(lambda row: f"SEED-CR-{row + 1:06d}"), 20),
        "clientId": row_of("clients", at(sim.invoices.client, granted.invoice)),
        "transactionId": row_of(
            "transactions", each(granted.transaction.__getitem__, granted.invoice)
        ),
        "creditAmount": hundredths(granted.cents),
        "amountUsed": hundredths(granted.used),
        "amountRemaining": hundredths(left),
        "creditReason": choice(kind, _CREDITED),
        "expirationDate": lapses,
        "creditStatus": choice(granted.status, names(CreditStatus)),
        "notes": choice(kind, _GRANTED),
        "createdBy": seed_user(),
        "createdAt": since,
        "updatedAt": since,
    }


@table("creditApplications", rows=lambda sim: len(sim.credits.applied.credit))
def credit_applications(sim: Simulation) -> Columns:
    """What was used of credits, each for one invoice."""
    clock, applied = sim.clock, sim.credits.applied
    day = moment(clock, each(lambda day: _granted_at(day) + HOUR, applied.day))
    transaction = each(sim.credits.transaction.__getitem__, applied.invoice)
    return {
        "creditId": row_of("credits", applied.credit),
        "invoiceId": row_of("transactions", transaction),
        "amountApplied": hundredths(applied.cents),
        "appliedDate": day,
        "appliedBy": seed_user(),
        "idempotencyKey": text(each(lambda row: f"SEED-CRA-{row + 1:06d}", ROWS), 20),
        "createdAt": day,
    }


register(
    "returns",
    returns,
    vendor_returns,
    vendor_return_items,
    transactions,
    granted_credits,
    credit_applications,
    after=("clients", "batches", "orders", "invoices"),
    checks=INVARIANTS,
)
