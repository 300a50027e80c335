"""Seeder ``books``: months, the ledger, the bank account, and what running the house costs.

Each posting is two entries, numbered and described as TERP's own: a debit and a credit.  Accounts
and categories of expenses are looked up by number and by name, since TERP makes them itself when
it starts; payments by number, since customers' and suppliers' lie in one table.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import add
from typing import NamedTuple

from terp_seed.rows.columns import code, constant
from terp_seed.rows.model import Column, Span, Value, ref
from terp_seed.rows.pools import invented
from terp_seed.terp.checks.books import BOOKS as INVARIANTS
from terp_seed.terp.seeders.catalogue import ACCOUNTING
from terp_seed.terp.simulation.clock import DAY, HOUR, MINUTE, TODAY
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
    each,
    hundredths,
    moment,
    once,
    plain,
    register,
    row_of,
    table,
    text,
)

_CASH, _RECEIVABLE, _STOCK = "1000", "1100", "1200"
_PAYABLE, _CAPITAL = "2000", "3000"
_REVENUE, _RETURNS = "4000", "4100"
_GOODS, _HOUSE = "5000", "5100"
_ACCOUNTS = {
    number: ref("accounts", accountNumber=number)
    for number in (_CASH, _RECEIVABLE, _STOCK, _PAYABLE, _CAPITAL, _REVENUE, _RETURNS, _GOODS,
                   _HOUSE)
}  # fmt: skip
_PAID_IN = "Paid in by the owner"
_ENTRIES = {"accountId": "accounts", "fiscalPeriodId": "fiscalPeriods"}
# TERP's categories, what was bought, and how it was paid.
_SPENT = (
    ("Rent/Lease", "Rent", "CHECK"), ("Insurance", "Insurance", "BANK_TRANSFER"),
    ("Electricity", "Electricity", "BANK_TRANSFER"),
    ("Internet/Phone", "Internet and telephones", "BANK_TRANSFER"),
    ("Office Supplies", "Labels, tape and paper", "DEBIT_CARD"),
    ("Salaries", "Wages, first half of the month", "BANK_TRANSFER"),
    ("Maintenance/Repairs", "Service of the cold store", "CHECK"),
    ("Salaries", "Wages, second half of the month", "BANK_TRANSFER"),
)  # fmt: skip
(_ACCOUNT,) = invented(("Operating account (seed)",))
_CATEGORIES = [ref("expenseCategories", categoryName=category) for category, *_ in _SPENT]


def _accountant() -> Column:
    return row_of("users", each(lambda _: ACCOUNTING))


def _monthly(sim: Simulation, month: int) -> str:
    return f"{sim.clock.date(sim.books.months[month]):%B %Y}"


@table("fiscalPeriods", rows=lambda sim: len(sim.books.months))
def periods(sim: Simulation) -> Columns:
    """The months; all but the last two are closed, those of earlier years locked."""
    clock, books = sim.clock, sim.books
    closed = once(each(books.closed))
    closed_at = each(lambda day: day and day * DAY + 17 * HOUR, closed)
    year = [clock.date(day).year for day in books.months]
    state = each(lambda year, closed: (bool(closed) + (year < clock.as_of.year and closed > 0)),
                 year, closed)  # fmt: skip
    opened = each(lambda day: day * DAY + 8 * HOUR, books.months)
    return {
        "periodName": text(each(lambda month: _monthly(sim, month)), 20),
        "startDate": day(clock, books.months),
        "endDate": day(clock, each(books.end)),
        "fiscalYear": plain(year),
        "status": choice(state, ("OPEN", "CLOSED", "LOCKED")),
        "closedAt": moment(clock, closed_at, nullable=True),
        "closedBy": row_of(
            "users", each(lambda day: ACCOUNTING if day else None, closed), nullable=True
        ),
        "createdAt": moment(clock, opened),
        "updatedAt": moment(clock, each(max, opened, closed_at)),
    }


# -- the ledger


def _twice(source: Source) -> Make:
    """Each value in two rows: those of the debit and of the credit."""
    make = each(lambda value: value, source)

    def doubled(span: Span) -> list[Value]:
        first = span.start // 2
        values = make(Span(span.key, first, (span.stop + 1) // 2))
        return [values[row // 2 - first] for row in span.rows()]

    return doubled


def _side(debit: bool) -> Make:
    return each(lambda row: (row % 2 == 0) == debit)


class _Posting(NamedTuple):
    """What is posted: the rows of ``number``, which ``names`` refers to.

    ``accounts`` are those of the debit and of the credit.
    """

    prefix: str
    said: Callable[[int], str]
    number: Source
    when: Source
    cents: Source
    accounts: tuple[Source | str, str]
    kind: str
    names: Column | None = None


def _document(kind: str, prefix: str) -> Callable[[int], str]:
    """What is posted, as TERP puts it."""
    return lambda n: f"{kind} - SEED-{prefix}-{n + 1:06d}"


def _entries(sim: Simulation, posting: _Posting) -> Columns:
    """The two entries of each posting."""
    prefix, said, number, when, cents, accounts, kind, names = posting
    clock, debit = sim.clock, accounts[0]
    row, posted, amount = once(_twice(number)), once(_twice(when)), once(_twice(cents))
    account = each(lambda _: debit) if isinstance(debit, str) else _twice(debit)
    at_night = moment(clock, each(lambda day: day * DAY + 21 * HOUR + 30 * MINUTE, posted))
    return {
        "entryNumber": text(
            each(
                lambda row, n: f"SEED-{prefix}-{n + 1:06d}-{'CR' if row % 2 else 'DR'}", ROWS, row
            ),
            24,
        ),
        "entryDate": day(clock, posted),
        "accountId": plain(
            each(lambda row, debit: _ACCOUNTS[accounts[1] if row % 2 else debit], ROWS, account)
        ),
        "debit": hundredths(each(lambda debit, cents: cents * debit, _side(True), amount)),
        "credit": hundredths(each(lambda credit, cents: cents * credit, _side(False), amount)),
        "description": text(each(said, row), 60),
        "referenceType": constant(kind),
        **({"referenceId": names} if names else {}),
        "fiscalPeriodId": row_of("fiscalPeriods", each(sim.books.month, posted)),
        "isPosted": constant(True),
        "postedAt": at_night,
        "postedBy": _accountant(),
        "createdBy": _accountant(),
        "createdAt": at_night,
    }


def _payment(prefix: str) -> Column:
    """The payments of one seeder, by number, in two rows each."""
    return plain(
        each(lambda n: ref("payments", paymentNumber=f"SEED-{prefix}-{n + 1:06d}"), _twice(ROWS))
    )


@table("ledgerEntries", rows=lambda sim: 2, key=("entryNumber",), references=_ENTRIES)
def capital(sim: Simulation) -> Columns:
    """What the owner paid in."""
    return _entries(
        sim,
        _Posting(
            "CAP",
            lambda _: _PAID_IN,
            number=ROWS,
            when=[sim.books.opening],
            cents=[sim.books.capital],
            accounts=(_CASH, _CAPITAL),
            kind="CAPITAL",
        ),
    )


@table("ledgerEntries", rows=lambda sim: 2 * len(sim.books.posted_invoices), key=("entryNumber",))
def invoiced(sim: Simulation) -> Columns:
    """What clients owe for each invoice that is sent and not void."""
    invoices, posted = sim.invoices, sim.books.posted_invoices
    return _entries(
        sim,
        _Posting(
            "INV",
            _document("Invoice", "INV"),
            number=posted,
            when=at(invoices.day, posted),
            cents=at(invoices.total, posted),
            accounts=(_RECEIVABLE, _REVENUE),
            kind="INVOICE",
            names=row_of("invoices", _twice(posted)),
        ),
    )


@table("ledgerEntries", rows=lambda sim: 2 * len(sim.invoices.payments.day), key=("entryNumber",))
def received(sim: Simulation) -> Columns:
    """What clients paid."""
    payments = sim.invoices.payments
    return _entries(
        sim,
        _Posting(
            "PAY",
            _document("Payment", "PAY"),
            number=ROWS,
            when=payments.day,
            cents=payments.cents,
            accounts=(_CASH, _RECEIVABLE),
            kind="PAYMENT",
            names=_payment("PAY"),
        ),
    )


@table("ledgerEntries", rows=lambda sim: 2 * len(sim.books.posted_credits), key=("entryNumber",))
def credited(sim: Simulation) -> Columns:
    """What clients were granted."""
    granted, posted = sim.credits, sim.books.posted_credits
    return _entries(
        sim,
        _Posting(
            "ADJ",
            _document("Credit", "CR"),
            number=posted,
            when=at(granted.day, posted),
            cents=at(granted.cents, posted),
            accounts=(_RETURNS, _RECEIVABLE),
            kind="CREDIT",
            names=row_of("credits", _twice(posted)),
        ),
    )


def _bought(batch: int) -> str:
    """What the business owns is stock; goods on consignment are billed as they sell."""
    return _STOCK if owned_terms(batch) else _GOODS


@table("ledgerEntries", rows=lambda sim: 2 * len(sim.books.posted_bills), key=("entryNumber",))
def billed(sim: Simulation) -> Columns:
    """What is owed to suppliers for each bill that is in order."""
    bills, posted = sim.payables.bills, sim.books.posted_bills
    return _entries(
        sim,
        _Posting(
            "BILL",
            _document("Bill", "BILL"),
            number=posted,
            when=at(bills.day, posted),
            cents=at(bills.cents, posted),
            accounts=(each(_bought, at(bills.batch, posted)), _PAYABLE),
            kind="BILL",
            names=row_of("bills", _twice(posted)),
        ),
    )


@table("ledgerEntries", rows=lambda sim: 2 * len(sim.payables.payments.day), key=("entryNumber",))
def sent(sim: Simulation) -> Columns:
    """What suppliers were paid."""
    payments = sim.payables.payments
    return _entries(
        sim,
        _Posting(
            "OUT",
            _document("Payment", "OUT"),
            number=ROWS,
            when=payments.day,
            cents=payments.cents,
            accounts=(_PAYABLE, _CASH),
            kind="PAYMENT",
            names=_payment("OUT"),
        ),
    )


@table("ledgerEntries", rows=lambda sim: 2 * len(sim.books.expenses.day), key=("entryNumber",))
def spent(sim: Simulation) -> Columns:
    """What running the house cost."""
    expenses = sim.books.expenses
    return _entries(
        sim,
        _Posting(
            "EXP",
            _document("Expense", "EXP"),
            number=ROWS,
            when=expenses.day,
            cents=expenses.cents,
            accounts=(_HOUSE, _CASH),
            kind="EXPENSE",
            names=row_of("expenses", _twice(ROWS)),
        ),
    )


def _month_end(sim: Simulation, month: int) -> int:
    return min(TODAY, sim.books.end(month))


@table("ledgerEntries", rows=lambda sim: 2 * len(sim.books.used), key=("entryNumber",))
def used(sim: Simulation) -> Columns:
    """What the goods of the business's own had cost that left in each month."""
    months = [month for month, _ in sim.books.used]
    return _entries(
        sim,
        _Posting(
            "COGS",
            lambda month: f"Cost of own goods sold, {_monthly(sim, month)}",
            number=months,
            when=[_month_end(sim, month) for month in months],
            cents=[cents for _, cents in sim.books.used],
            accounts=(_GOODS, _STOCK),
            kind="COGS",
        ),
    )


# -- the bank and the expenses


def _balance(sim: Simulation) -> int:
    books = sim.books
    came = books.capital + sum(sim.invoices.payments.cents)
    return came - sum(sim.payables.payments.cents) - sum(books.expenses.cents)


@table("bankAccounts", rows=lambda sim: 1, references={"ledgerAccountId": "accounts"})
def bank_accounts(sim: Simulation) -> Columns:
    """One account, which all payments go through."""
    opened, last = sim.clock.moments([sim.books.opening * DAY + 9 * HOUR, TODAY * DAY + 6 * HOUR])
    return {
        "accountName": constant(_ACCOUNT),
        "accountNumber": constant("SEED-000111222"),
        "bankName": constant("Seed Savings and Loan"),
        "accountType": constant("CHECKING"),
        "currentBalance": hundredths([_balance(sim)]),
        "ledgerAccountId": constant(_ACCOUNTS[_CASH]),
        "createdAt": constant(opened),
        "updatedAt": constant(last),
    }


class _Moved(NamedTuple):
    """The days and cents of movements; ``reconciled`` is the day of the match, or 0."""

    when: Source
    cents: Source
    reconciled: Source


def _movements(sim: Simulation, type_: str, moved: _Moved, said: Source) -> Columns:
    """Movements of the bank account."""
    clock, (when, cents, reconciled) = sim.clock, moved
    return {
        "bankAccountId": row_of("bankAccounts", each(lambda _: 0)),
        "transactionDate": day(clock, when),
        "transactionType": constant(type_),
        "amount": hundredths(cents),
        "description": text(said, 60),
        "isReconciled": plain(each(bool, reconciled)),
        "reconciledAt": moment(
            clock, each(lambda day: day and day * DAY + 11 * HOUR, reconciled), nullable=True
        ),
        "createdAt": moment(clock, each(lambda day: day * DAY + 23 * HOUR, when)),
    }


_BANK = {"bankAccountId": "bankAccounts", "paymentId": "payments"}


@table("bankTransactions", rows=lambda sim: 1, references=_BANK)
def paid_in(sim: Simulation) -> Columns:
    """What the owner paid in."""
    opening = sim.books.opening
    said = [_PAID_IN]
    return _movements(sim, "DEPOSIT", _Moved([opening], [sim.books.capital], [opening + 3]), said)


@table("bankTransactions", rows=lambda sim: len(sim.invoices.payments.day))
def deposits(sim: Simulation) -> Columns:
    """The payments of clients."""
    payments = sim.invoices.payments
    said = each(lambda row: f"Payment SEED-PAY-{row + 1:06d}")
    columns = _movements(
        sim, "DEPOSIT", _Moved(payments.day, payments.cents, payments.reconciled), said
    )
    number = each(lambda row: ref("payments", paymentNumber=f"SEED-PAY-{row + 1:06d}"))
    return {**columns, "paymentId": plain(number)}


@table("bankTransactions", rows=lambda sim: len(sim.payables.payments.day))
def withdrawals(sim: Simulation) -> Columns:
    """The payments to suppliers."""
    payments = sim.payables.payments
    said = each(lambda row: f"Payment SEED-OUT-{row + 1:06d}")
    columns = _movements(
        sim, "WITHDRAWAL", _Moved(payments.day, payments.cents, payments.reconciled), said
    )
    number = each(lambda row: ref("payments", paymentNumber=f"SEED-OUT-{row + 1:06d}"))
    return {**columns, "paymentId": plain(number)}


@table("bankTransactions", rows=lambda sim: len(sim.books.expenses.day))
def costs(sim: Simulation) -> Columns:
    """What was paid for the house."""
    expenses = sim.books.expenses
    matched = each(lambda day: day + 4 if day + 4 < TODAY else 0, expenses.day)
    said = each(lambda row: f"Expense SEED-EXP-{row + 1:06d}")
    return _movements(sim, "WITHDRAWAL", _Moved(expenses.day, expenses.cents, matched), said)


@table(
    "expenses",
    rows=lambda sim: len(sim.books.expenses.day),
    key=("expenseNumber",),
    references={"categoryId": "expenseCategories", "bankAccountId": "bankAccounts"},
)
def expenses(sim: Simulation) -> Columns:
    """Rent, wages and the rest of each month."""
    clock, expenses = sim.clock, sim.books.expenses
    made = moment(clock, each(lambda day: day * DAY + 16 * HOUR, expenses.day))
    month = each(lambda month: _monthly(sim, month), expenses.month)
    said = each(lambda kind: _SPENT[kind][1] + ", ", expenses.kind)
    return {
        "expenseNumber": code("SEED-EXP-"),
        "expenseDate": day(clock, expenses.day),
        "categoryId": plain(each(_CATEGORIES.__getitem__, expenses.kind)),
        "amount": hundredths(expenses.cents),
        "taxAmount": constant(0, scale=2),
        "totalAmount": hundredths(expenses.cents),
        "paymentMethod": choice(expenses.kind, [method for *_, method in _SPENT]),
        "bankAccountId": row_of("bankAccounts", each(lambda _: 0)),
        "description": text(each(add, said, month), 60),
        "createdBy": _accountant(),
        "createdAt": made,
        "updatedAt": made,
    }


register(
    "books",
    periods,
    bank_accounts,
    expenses,
    capital,
    invoiced,
    received,
    credited,
    billed,
    sent,
    spent,
    used,
    paid_in,
    deposits,
    withdrawals,
    costs,
    after=("users", "invoices", "bills", "payments", "credits", "sales"),
    checks=INVARIANTS,
)
