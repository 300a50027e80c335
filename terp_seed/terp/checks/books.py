"""The invariants of the ledger, the bank account and the expenses."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared, differs, not_the_sum


def _posted(table: str, kind: str, amount: str, unless: str) -> str:
    """Rows that are not posted by one debit and one credit, or are and should not be."""
    return (
        f"SELECT t.id FROM {{{table}}} t LEFT JOIN (SELECT {{referenceId}}, COUNT(*) AS number,"
        " SUM(debit) AS debit, SUM(credit) AS credit FROM {ledgerEntries}"
        f" WHERE {{referenceType}} = '{kind}' AND deleted_at IS NULL GROUP BY {{referenceId}}) e"
        f" ON {{e.referenceId}} = t.id WHERE ({unless}) = (e.number IS NOT NULL)"
        f" OR e.number <> 2 OR {differs('e.debit', amount)} OR {differs('e.credit', amount)}"
    )


BOOKS = declared(
    ledgerEntries={
        "a posting is a debit and a credit of the same amount": (
            "SELECT e.id FROM {ledgerEntries} e LEFT JOIN {ledgerEntries} o ON {o.entryNumber} ="
            " CASE WHEN {e.entryNumber} LIKE '%-DR' THEN REPLACE({e.entryNumber}, '-DR', '-CR')"
            " ELSE REPLACE({e.entryNumber}, '-CR', '-DR') END"
            " WHERE {e.entryNumber} LIKE 'SEED-%' AND (o.id IS NULL"
            f" OR {differs('e.debit', 'o.credit')} OR {differs('e.credit', 'o.debit')}"
            " OR (e.debit > 0) = (e.credit > 0) OR {o.accountId} = {e.accountId}"
            " OR {o.entryDate} <> {e.entryDate})"
        ),
        "an entry is of its month, and older than its closing": (
            "SELECT e.id FROM {ledgerEntries} e JOIN {fiscalPeriods} p ON p.id ="
            " {e.fiscalPeriodId} WHERE {e.entryDate} < {p.startDate}"
            " OR {e.entryDate} > {p.endDate} OR {e.postedAt} > {p.closedAt}"
        ),
    },
    fiscalPeriods={
        "debits equal credits in every month": (
            "SELECT {fiscalPeriodId} AS id FROM {ledgerEntries} WHERE deleted_at IS NULL"
            f" GROUP BY {{fiscalPeriodId}} HAVING {differs('SUM(debit)', 'SUM(credit)')}"
        ),
        "what left of the business's own goods is a cost of its month": (
            "SELECT p.id FROM {fiscalPeriods} p LEFT JOIN (SELECT {fiscalPeriodId}, SUM(debit)"
            " AS total FROM {ledgerEntries} WHERE {referenceType} = 'COGS'"
            " GROUP BY {fiscalPeriodId}) e ON {e.fiscalPeriodId} = p.id"
            " LEFT JOIN (SELECT (SELECT MAX({q.startDate}) FROM {fiscalPeriods} q"
            " WHERE {q.startDate} <= {s.saleDate}) AS start, SUM(s.quantity * {s.cogsAtSale})"
            " AS total FROM sales s JOIN batches b ON b.id = {s.batchId}"
            " WHERE b.ownership_type = 'OFFICE_OWNED' AND s.deleted_at IS NULL GROUP BY 1) g"
            " ON g.start = {p.startDate}"
            f" WHERE {differs('COALESCE(e.total, 0)', 'COALESCE(g.total, 0)')}"
        ),
    },
    invoices={
        "an invoice is posted unless it is a draft or void": _posted(
            "invoices", "INVOICE", "t.totalAmount", "t.status IN ('DRAFT', 'VOID')"
        ),
    },
    payments={
        "a payment is posted": _posted("payments", "PAYMENT", "t.amount", "1 = 0"),
        "a payment went through the bank": (
            "SELECT p.id FROM payments p LEFT JOIN {bankTransactions} b ON {b.paymentId} = p.id"
            f" WHERE b.id IS NULL OR {differs('b.amount', 'p.amount')}"
            " OR {b.transactionDate} <> {p.paymentDate}"
            " OR ({b.transactionType} = 'DEPOSIT') <> ({p.paymentType} = 'RECEIVED')"
        ),
    },
    bills={
        "a bill is posted unless it is a draft or void": _posted(
            "bills", "BILL", "t.totalAmount", "t.status IN ('DRAFT', 'VOID')"
        ),
    },
    credits={
        "a credit is posted unless it is void": _posted(
            "credits", "CREDIT", "t.creditAmount", "{t.creditStatus} = 'VOID'"
        ),
    },
    expenses={
        "an expense is posted, and comes to its amount and its tax": (
            _posted("expenses", "EXPENSE", "t.totalAmount", "1 = 0")
            + f" OR {differs('t.totalAmount', '({t.amount} + {t.taxAmount})')}"
        ),
    },
    bankAccounts={
        "a bank account holds what went in less what went out": not_the_sum(
            "bankAccounts.currentBalance",
            "CASE WHEN {transactionType} = 'DEPOSIT' THEN amount ELSE -amount END",
            "{bankTransactions} WHERE deleted_at IS NULL",
            "bankAccountId",
        ),
    },
)
