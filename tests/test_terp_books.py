"""The ledger and what it is made of."""

from __future__ import annotations

import pytest
from terp_harness import seeded


@pytest.fixture(scope="module")
def medium():
    with seeded("medium") as database:
        yield database


def balance(database, account):
    """What an account holds, in cents, debits less credits."""
    return round(
        100
        * database.one(
            "SELECT SUM(debit - credit) FROM ledgerEntries e"
            " JOIN accounts a ON a.id = e.accountId"
            f" WHERE a.accountNumber = '{account}'"
        )
    )


def cents(database, sql):
    return round(100 * database.one(sql))


def test_what_clients_owe_is_in_the_books(medium):
    due = cents(medium, "SELECT SUM(amountDue) FROM invoices WHERE status NOT IN ('DRAFT', 'VOID')")
    granted = cents(medium, "SELECT SUM(creditAmount) FROM credits WHERE creditStatus <> 'VOID'")
    assert balance(medium, "1100") == due - granted


def test_what_suppliers_are_owed_is_in_the_books(medium):
    due = cents(medium, "SELECT SUM(amountDue) FROM bills WHERE status NOT IN ('DRAFT', 'VOID')")
    assert balance(medium, "2000") == -due


def test_the_bank_has_what_the_books_have(medium):
    assert balance(medium, "1000") == cents(medium, "SELECT currentBalance FROM bankAccounts")


def test_the_business_is_never_out_of_money(medium):
    lowest = medium.one(
        "SELECT MIN(held) FROM (SELECT SUM(CASE WHEN transactionType = 'DEPOSIT' THEN amount"
        " ELSE -amount END) OVER (ORDER BY transactionDate) AS held FROM bankTransactions)"
    )
    assert lowest >= 0


def test_months_follow_each_other(medium):
    gaps = medium.all(
        "SELECT a.id FROM fiscalPeriods a JOIN fiscalPeriods b ON b.id = a.id + 1"
        " WHERE date(a.endDate, '+1 day') <> b.startDate"
    )
    assert gaps == []
    assert medium.counted("SELECT status, COUNT(*) FROM fiscalPeriods GROUP BY 1")["OPEN"] == 2


def test_rent_is_paid_once_a_month(medium):
    rents = medium.counted(
        "SELECT description, COUNT(*) FROM expenses WHERE description LIKE 'Rent%' GROUP BY 1"
    )
    assert set(rents.values()) == {1}
    assert len(rents) > 20
