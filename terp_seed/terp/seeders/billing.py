"""Invoices, payments and what clients' accounts show of them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from terp_seed.rows.columns import code, computed, constant
from terp_seed.rows.draw import Span
from terp_seed.rows.model import Bounds, Column, TableRows
from terp_seed.rows.seeders import SeedContext
from terp_seed.terp.seeders.cells import hundredths, moments, seed_user, stored, stored_text
from terp_seed.terp.simulation.arrays import Groups, gathered
from terp_seed.terp.simulation.clock import DAY, TODAY
from terp_seed.terp.simulation.money import INVOICE_STATUSES, OVERDUE, PAID, PARTIAL
from terp_seed.terp.simulation.terms import TERMS
from terp_seed.terp.simulation.world import World

__all__ = ["invoice_tables"]

_HOUR = 3600
_METHODS = ("CHECK", "ACH", "WIRE", "CASH", "CREDIT_CARD")
_PREFIXES = ("CHK", "ACH", "WIR", None, "CRD")
_ACCOUNT_STATUS = {PAID: "PAID", PARTIAL: "PARTIAL", OVERDUE: "OVERDUE"}


def invoice_tables(context: SeedContext, world: World) -> list[TableRows]:
    """All tables of money, invoices first."""
    return [
        _invoices(context, world),
        _invoice_lines(context, world),
        _payments(context, world),
        _applied(context, world),
        _accounts(context, world),
    ]


def _clients(world: World, invoices: Sequence[int]) -> list[int]:
    book, orders = world.book, world.ledgers.order
    return [book.client[orders[invoice]] for invoice in invoices]


def _dated(world: World, days: Sequence[int]) -> Column:
    return Column(lambda span: world.clock.dates(days[span.start : span.stop]))


def _invoices(context: SeedContext, world: World) -> TableRows:
    book, ledgers = world.book, world.ledgers
    orders = ledgers.order
    return context.table(
        "invoices",
        rows=len(orders),
        key=("invoiceNumber",),
        columns={
            "invoiceNumber": code("SEED-INV-"),
            "customerId": Column(lambda span: _clients(world, span.rows()), ref="clients"),
            "invoiceDate": _dated(world, ledgers.day),
            "dueDate": _dated(world, ledgers.due),
            **_amounts(world),
            "status": stored_text(ledgers.status, INVOICE_STATUSES),
            "paymentTerms": computed(
                lambda span: [TERMS[book.terms[o]] for o in orders[span.start : span.stop]],
                length=11,
                choices=TERMS,
                ascii_only=True,
            ),
            "referenceType": constant("ORDER"),
            "referenceId": stored(orders, ref="orders"),
            "createdBy": seed_user(),
            **_sent(world),
        },
    )


def _amounts(world: World) -> dict[str, Column]:
    book, ledgers = world.book, world.ledgers

    def totals(span: Span) -> list[int]:
        return [book.total[order] for order in ledgers.order[span.start : span.stop]]

    def due(span: Span) -> list[int]:
        paid = ledgers.paid[span.start : span.stop]
        return [total - part for total, part in zip(totals(span), paid, strict=True)]

    total = hundredths(totals)
    return {
        "subtotal": total,
        "taxAmount": constant(0, scale=2),
        "discountAmount": constant(0, scale=2),
        "totalAmount": total,
        "amountPaid": stored(ledgers.paid, scale=2),
        "amountDue": hundredths(due),
    }


def _sent(world: World) -> dict[str, Column]:
    """When invoices went out, and when they last changed: by a payment, if any."""
    book, ledgers = world.book, world.ledgers

    def sent(span: Span) -> list[int]:
        return [book.shipped[order] + _HOUR for order in ledgers.order[span.start : span.stop]]

    def touched(span: Span) -> list[int]:
        settled = ledgers.settled[span.start : span.stop]
        return [
            max(first, last * DAY + 19 * _HOUR) if last else first
            for first, last in zip(sent(span), settled, strict=True)
        ]

    return {
        "createdAt": moments(world.clock, sent),
        "updatedAt": moments(world.clock, touched),
    }


def _invoice_lines(context: SeedContext, world: World) -> TableRows:
    book, ledgers, product = world.book, world.ledgers, world.stock.product
    starts, names = book.line_starts, world.goods.names
    groups = Groups.of(starts[order + 1] - starts[order] for order in ledgers.order)

    def lines(span: Span) -> list[int]:
        """The order line behind each invoice line."""
        invoices = groups.parents(span.start, span.stop)
        return [
            starts[ledgers.order[invoice]] + row - groups.starts[invoice]
            for row, invoice in zip(span.rows(), invoices, strict=True)
        ]

    def batches(span: Span) -> list[int]:
        return gathered(book.line_batch, lines(span))

    def totals(span: Span) -> list[int]:
        rows = lines(span)
        prices, amounts = gathered(book.line_price, rows), gathered(book.line_quantity, rows)
        return [price * amount for price, amount in zip(prices, amounts, strict=True)]

    def sent(span: Span) -> list[int]:
        invoices = groups.parents(span.start, span.stop)
        return [book.shipped[ledgers.order[invoice]] + _HOUR for invoice in invoices]

    return context.table(
        "invoiceLineItems",
        rows=len(groups),
        columns={
            "invoiceId": Column(lambda span: groups.parents(span.start, span.stop), ref="invoices"),
            "productId": Column(lambda span: [product[b] for b in batches(span)], ref="products"),
            "batchId": Column(batches, ref="batches"),
            "description": computed(
                lambda span: [names[product[b]] for b in batches(span)], length=60, ascii_only=True
            ),
            "quantity": hundredths(lambda span: gathered(book.line_quantity, lines(span))),
            "unitPrice": hundredths(
                lambda span: [price * 100 for price in gathered(book.line_price, lines(span))]
            ),
            "lineTotal": hundredths(totals),
            "createdAt": moments(world.clock, sent),
        },
    )


def _payments(context: SeedContext, world: World) -> TableRows:
    ledgers = world.ledgers
    return context.table(
        "payments",
        rows=len(ledgers.payment_day),
        key=("paymentNumber",),
        columns={
            "paymentNumber": code("SEED-PAY-"),
            "paymentType": constant("RECEIVED"),
            "paymentDate": _dated(world, ledgers.payment_day),
            "amount": stored(ledgers.payment_cents, scale=2),
            "paymentMethod": stored_text(ledgers.payment_method, _METHODS),
            "referenceNumber": _reference(world),
            "customerId": Column(
                lambda span: _clients(world, ledgers.payment_invoice[span.start : span.stop]),
                ref="clients",
            ),
            "invoiceId": stored(ledgers.payment_invoice, ref="invoices"),
            **_reconciled(world),
            "createdBy": seed_user(),
            **_received(world),
        },
    )


def _reference(world: World) -> Column:
    """A cheque or transfer number of our own; cash has none."""
    methods = world.ledgers.payment_method

    def reference(row: int) -> str | None:
        prefix = _PREFIXES[methods[row]]
        return f"SEED-{prefix}-{row + 1:06d}" if prefix else None

    return computed(
        lambda span: [reference(row) for row in span.rows()],
        length=20,
        nullable=True,
        ascii_only=True,
    )


def _received(world: World) -> dict[str, Column]:
    days = world.ledgers.payment_day

    def received(span: Span) -> list[int]:
        # Late in the day, so that a payment follows even an invoice of the same day.
        return [days[row] * DAY + 17 * _HOUR + row * 2_654_435_761 % 5400 for row in span.rows()]

    moment = moments(world.clock, received)
    return {"createdAt": moment, "updatedAt": moment}


def _reconciled(world: World) -> dict[str, Column]:
    """Seven payments in ten are matched with the bank, two days later."""
    ledgers = world.ledgers
    luck = array("B", [w % 100 for w in ledgers.words.all("reconciled", len(ledgers.payment_day))])

    def matched(row: int) -> bool:
        return luck[row] < 71 and _banked(ledgers.payment_day[row], world) < TODAY

    return {
        "isReconciled": Column(lambda span: [matched(row) for row in span.rows()]),
        "reconciledAt": moments(
            world.clock,
            lambda span: [
                _banked(ledgers.payment_day[row], world) * DAY + 11 * _HOUR if matched(row) else 0
                for row in span.rows()
            ],
        ),
    }


def _banked(day: int, world: World) -> int:
    """Two days later; over a weekend, on the Monday."""
    later = day + 2
    return later + (0, 0, 0, 0, 0, 2, 1)[world.clock.weekday(later)]


def _applied(context: SeedContext, world: World) -> TableRows:
    """``invoice_payments``: each payment is for one invoice."""
    ledgers = world.ledgers
    return context.table(
        "invoice_payments",
        rows=len(ledgers.payment_day),
        columns={
            "payment_id": Column(lambda span: list(span.rows()), ref="payments"),
            "invoice_id": stored(ledgers.payment_invoice, ref="invoices"),
            "allocated_amount": stored(ledgers.payment_cents, scale=2),
            "allocated_at": moments(
                world.clock,
                lambda span: [
                    day * DAY + 19 * _HOUR for day in ledgers.payment_day[span.start : span.stop]
                ],
            ),
            "allocated_by": seed_user(),
        },
    )


def _accounts(context: SeedContext, world: World) -> TableRows:
    """``client_transactions``: standing invoices, then payments."""
    ledgers, standing = world.ledgers, world.ledgers.standing
    pay_day, pay_cents = ledgers.payment_day, ledgers.payment_cents
    each = partial(_either, standing)

    def status(invoice: int) -> str:
        return _ACCOUNT_STATUS.get(ledgers.status[invoice], "PENDING")

    posted = moments(world.clock, each(_evening(ledgers.day), _evening(pay_day)))
    return context.table(
        "client_transactions",
        rows=len(standing) + len(pay_day),
        columns={
            "client_id": Column(
                lambda span: _clients(world, each(int, ledgers.payment_invoice.__getitem__)(span)),
                ref="clients",
            ),
            "transaction_type": _text(each(lambda _: "INVOICE", lambda _: "PAYMENT"), 7),
            "transaction_number": _text(
                each(lambda n: f"SEED-INV-{n + 1:06d}", lambda n: f"SEED-PAY-{n + 1:06d}"), 20
            ),
            "transaction_date": _day(world, each(ledgers.day.__getitem__, pay_day.__getitem__)),
            "amount": hundredths(each(ledgers.total, pay_cents.__getitem__)),
            "payment_status": _text(each(status, lambda _: "PAID"), 7),
            "payment_date": _day(world, each(ledgers.settled.__getitem__, pay_day.__getitem__)),
            "payment_amount": hundredths(each(ledgers.paid.__getitem__, pay_cents.__getitem__)),
            "created_at": posted,
            "updated_at": posted,
        },
    )


def _either(
    standing: Sequence[int], of_invoice: Callable[[int], Any], of_payment: Callable[[int], Any]
) -> Callable[[Span], list[Any]]:
    """Values of standing invoices, then those of payments."""
    invoices = len(standing)

    def make(span: Span) -> list[Any]:
        first = [of_invoice(n) for n in standing[span.start : span.stop]]
        payments = range(max(0, span.start - invoices), max(0, span.stop - invoices))
        return first + [of_payment(row) for row in payments]

    return make


def _day(world: World, make: Callable[[Span], list[int]]) -> Column:
    """Dates of day numbers, where 0 stands for none."""
    return Column(
        lambda span: [world.clock.on(day) if day else None for day in make(span)],
        Bounds(nullable=True),
    )


def _evening(days: Sequence[int]) -> Callable[[int], int]:
    return lambda row: days[row] * DAY + 20 * _HOUR


def _text(make: Callable[[Span], Sequence[Any]], length: int) -> Column:
    return computed(make, length=length, ascii_only=True)
