"""The invariants of returns and credits.

AP-001, AP-003 and AR-005 are those of TERP's truth model, under the columns' names of today.
"""

from __future__ import annotations

from terp_seed.terp.checks.rules import CENT, declared, differs, not_the_sum

_BACK = "('RETURNED', 'RESTOCKED', 'RETURNED_TO_VENDOR')"

RETURNS = declared(
    orders={
        "an order that came back has one return that says so": (
            "SELECT o.id FROM orders o LEFT JOIN (SELECT order_id, COUNT(*) AS number"
            " FROM returns WHERE status IN ('RECEIVED', 'PROCESSED') GROUP BY order_id) r"
            f" ON r.order_id = o.id WHERE ({{o.fulfillmentStatus}} IN {_BACK})"
            " <> (COALESCE(r.number, 0) = 1)"
        ),
        "what went back to suppliers of an order is what moved on": (
            "SELECT o.id FROM orders o LEFT JOIN (SELECT r.order_id, SUM(i.quantity) AS units"
            " FROM vendor_returns r JOIN vendor_return_items i ON i.vendor_return_id = r.id"
            " GROUP BY r.order_id) v ON v.order_id = o.id"
            " LEFT JOIN (SELECT {referenceId}, -SUM({quantityChange}) AS units"
            " FROM {inventoryMovements} WHERE {referenceType} = 'ORDER'"
            " AND {inventoryMovementType} = 'TRANSFER' GROUP BY {referenceId}) m"
            " ON {m.referenceId} = o.id"
            f" WHERE {differs('COALESCE(v.units, 0)', 'COALESCE(m.units, 0)')}"
        ),
    },
    returns={
        "a return is asked for after its order was shipped": (
            "SELECT r.id FROM returns r JOIN orders o ON o.id = r.order_id"
            " WHERE o.shipped_at IS NULL OR r.processed_at < o.shipped_at"
        ),
    },
    vendor_returns={
        "AP-001 the value of a return to a supplier is that of its goods": not_the_sum(
            "vendor_returns.total_value",
            "quantity * unit_cost",
            "vendor_return_items",
            "vendor_return_id",
        ),
        "AP-003 no more is credited for a return than its value": (
            f"credit_received > total_value + {CENT} OR credit_received < 0"
            " OR (status = 'CREDIT_RECEIVED' AND credit_received IS NULL)"
        ),
    },
    vendor_return_items={
        "goods go back to the supplier of their lot": (
            "SELECT i.id FROM vendor_return_items i"
            " JOIN vendor_returns r ON r.id = i.vendor_return_id"
            " JOIN batches b ON b.id = i.batch_id JOIN lots l ON l.id = {b.lotId}"
            " WHERE l.supplier_client_id <> r.vendor_id"
        ),
    },
    credits={
        "AR-005 what is left of a credit is its amount less what was used": (
            "{amountUsed} < 0 OR {amountRemaining} < 0"
            f" OR {differs('amountRemaining', '({creditAmount} - {amountUsed})')}"
        ),
        "what was used of a credit is the sum of its applications": not_the_sum(
            "credits.amountUsed", "amountApplied", "{creditApplications}", "creditId"
        ),
        "a credit is FULLY_USED when nothing is left, PARTIALLY_USED when something is": (
            f"({{creditStatus}} = 'FULLY_USED') <> ({{amountRemaining}} < {CENT})"
            f" OR ({{creditStatus}} = 'PARTIALLY_USED')"
            f" <> ({{amountUsed}} > {CENT} AND {{amountRemaining}} > {CENT})"
        ),
        "a credit is its invoice's client's": (
            "SELECT c.id FROM credits c JOIN transactions t ON t.id = {c.transactionId}"
            " WHERE {t.clientId} <> {c.clientId}"
        ),
    },
    creditApplications={
        "a credit is used for a debt of its client, after it was granted": (
            "SELECT a.id FROM {creditApplications} a JOIN credits c ON c.id = {a.creditId}"
            " JOIN transactions t ON t.id = {a.invoiceId} WHERE {t.clientId} <> {c.clientId}"
            " OR {a.amountApplied} <= 0 OR {a.appliedDate} < {c.createdAt}"
        ),
    },
    transactions={
        "a transaction of an invoice has its amount and client": (
            "SELECT t.id FROM transactions t"
            " JOIN invoices i ON {i.invoiceNumber} = {t.transactionNumber}"
            f" WHERE {{t.clientId}} <> {{i.customerId}} OR {differs('t.amount', 'i.totalAmount')}"
        ),
    },
)
