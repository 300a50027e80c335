"""Invoices, payments and what clients' accounts show of them."""

from __future__ import annotations

from collections.abc import Callable
from operator import mul, sub

from terp_seed.rows.columns import code, constant
from terp_seed.rows.model import Span, Value
from terp_seed.terp.simulation.arrays import Groups
from terp_seed.terp.simulation.clock import DAY, HOUR
from terp_seed.terp.simulation.invoices import Status
from terp_seed.terp.simulation.pricing import TERMS
from terp_seed.terp.simulation.simulation import Simulation
from terp_seed.terp.table import (
    ROWS,
    Columns,
    Make,
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
    row_of,
    seed_user,
    table,
    text,
)

_METHODS = ("CHECK", "ACH", "WIRE", "CASH", "CREDIT_CARD")
_PREFIXES = ("CHK", "ACH", "WIR", None, "CRD")


def _sent_at(shipped: int) -> int:
    """An invoice goes out an hour after its goods."""
    return shipped + HOUR


def _changed_at(sent: int, settled: int) -> int:
    """An invoice last changed by a payment, if there is one."""
    return max(sent, settled * DAY + 19 * HOUR) if settled else sent


@table("invoices", rows=lambda sim: len(sim.invoices.order), key=("invoiceNumber",))
def invoices(sim: Simulation) -> Columns:
    """One for each order that has left."""
    clock, orders, invoices = sim.clock, sim.orders, sim.invoices
    sent = once(each(_sent_at, at(orders.shipped, invoices.order)))
    total = hundredths(invoices.total)
    return {
        "invoiceNumber": code("SEED-INV-"),
        "customerId": row_of("clients", invoices.client),
        "invoiceDate": day(clock, invoices.day),
        "dueDate": day(clock, invoices.due),
        "subtotal": total,
        "taxAmount": constant(0, scale=2),
        "discountAmount": constant(0, scale=2),
        "totalAmount": total,
        "amountPaid": hundredths(invoices.paid),
        "amountDue": hundredths(each(sub, invoices.total, invoices.paid)),
        "status": choice(invoices.status, names(Status)),
        "paymentTerms": choice(at(orders.terms, invoices.order), TERMS),
        "referenceType": constant("ORDER"),
        "referenceId": row_of("orders", invoices.order),
        "createdBy": seed_user(),
        "createdAt": moment(clock, sent),
        "updatedAt": moment(clock, each(_changed_at, sent, invoices.settled)),
    }


def _invoice_lines(sim: Simulation) -> Groups:
    """The lines of each invoice: those of its order."""
    starts = sim.orders.lines.starts
    orders = sim.invoices.order
    return Groups.from_counts(starts[order + 1] - starts[order] for order in orders)


@table("invoiceLineItems", rows=lambda sim: len(_invoice_lines(sim)))
def invoice_lines(sim: Simulation) -> Columns:
    """The lines of each invoice's order."""
    orders, lines, products = sim.orders, sim.orders.lines, sim.products
    groups = _invoice_lines(sim)
    order = once(at(sim.invoices.order, groups.parents))
    line = once(each(lambda order, place: lines.starts[order] + place, order, groups.positions))
    batch = once(at(lines.batch, line))
    product = once(at(sim.batches.product, batch))
    price, quantity = once(at(lines.price, line)), once(at(lines.quantity, line))
    return {
        "invoiceId": row_of("invoices", groups.parents),
        "productId": row_of("products", product),
        "batchId": row_of("batches", batch),
        "description": text(at(products.name, product), 60),
        "quantity": hundredths(quantity),
        "unitPrice": dollars(price),
        "lineTotal": hundredths(each(mul, price, quantity)),
        "createdAt": moment(sim.clock, each(_sent_at, at(orders.shipped, order))),
    }


def _reference_number(row: int, method: int) -> str | None:
    """An invented cheque or transfer number; cash has none."""
    prefix = _PREFIXES[method]
    return f"SEED-{prefix}-{row + 1:06d}" if prefix else None


def _received_at(row: int, day: int) -> int:
    """Late in the day, so that a payment follows even an invoice of the same day."""
    return day * DAY + 17 * HOUR + row * 2_654_435_761 % 5400


@table("payments", rows=lambda sim: len(sim.invoices.payments.day), key=("paymentNumber",))
def payments(sim: Simulation) -> Columns:
    """The payments of invoices that are paid or partly paid."""
    clock, invoices = sim.clock, sim.invoices
    payments = invoices.payments
    received = moment(clock, each(_received_at, ROWS, payments.day))
    return {
        "paymentNumber": code("SEED-PAY-"),
        "paymentType": constant("RECEIVED"),
        "paymentDate": day(clock, payments.day),
        "amount": hundredths(payments.cents),
        "paymentMethod": choice(payments.method, _METHODS),
        "referenceNumber": text(each(_reference_number, ROWS, payments.method), 20, nullable=True),
        "customerId": row_of("clients", at(invoices.client, payments.invoice)),
        "invoiceId": row_of("invoices", payments.invoice),
        "isReconciled": plain(each(bool, payments.reconciled)),
        "reconciledAt": moment(
            clock,
            each(lambda day: day and day * DAY + 11 * HOUR, payments.reconciled),
            nullable=True,
        ),
        "createdBy": seed_user(),
        "createdAt": received,
        "updatedAt": received,
    }


@table("invoice_payments", rows=lambda sim: len(sim.invoices.payments.day))
def invoice_payments(sim: Simulation) -> Columns:
    """Each payment is for one invoice."""
    return {
        "payment_id": row_of("payments", ROWS),
        "invoice_id": row_of("invoices", sim.invoices.payments.invoice),
        "allocated_amount": hundredths(sim.invoices.payments.cents),
        "allocated_at": moment(
            sim.clock, each(lambda day: day * DAY + 19 * HOUR, sim.invoices.payments.day)
        ),
        "allocated_by": seed_user(),
    }


@table(
    "client_transactions", rows=lambda sim: len(sim.invoices.valid) + len(sim.invoices.payments.day)
)
def client_transactions(sim: Simulation) -> Columns:
    """Valid invoices, then payments."""
    clock, invoices, valid = sim.clock, sim.invoices, sim.invoices.valid
    payments, client = invoices.payments, invoices.client

    def both(of_invoice: Callable[[int], Value], of_payment: Callable[[int], Value]) -> Make:
        """The values of the valid invoices, then those of all payments."""

        def make(span: Span) -> list[Value]:
            rows = range(max(0, span.start - len(valid)), max(0, span.stop - len(valid)))
            first = [of_invoice(invoice) for invoice in valid[span.start : span.stop]]
            return first + [of_payment(payment) for payment in rows]

        return make

    def status(invoice: int) -> str:
        name = Status(invoices.status[invoice]).name
        return name if name in ("PAID", "PARTIAL", "OVERDUE") else "PENDING"

    days = once(both(invoices.day.__getitem__, payments.day.__getitem__))
    posted = moment(clock, each(lambda day: day * DAY + 20 * HOUR, days))
    return {
        "client_id": row_of("clients", at(client, both(int, payments.invoice.__getitem__))),
        "transaction_type": text(both(lambda _: "INVOICE", lambda _: "PAYMENT"), 7),
        "transaction_number": text(
            both(lambda n: f"SEED-INV-{n + 1:06d}", lambda n: f"SEED-PAY-{n + 1:06d}"), 20
        ),
        "transaction_date": day(clock, days),
        "amount": hundredths(both(invoices.total.__getitem__, payments.cents.__getitem__)),
        "payment_status": text(both(status, lambda _: "PAID"), 7),
        "payment_date": day(
            clock, both(invoices.settled.__getitem__, payments.day.__getitem__), nullable=True
        ),
        "payment_amount": hundredths(both(invoices.paid.__getitem__, payments.cents.__getitem__)),
        "created_at": posted,
        "updated_at": posted,
    }
