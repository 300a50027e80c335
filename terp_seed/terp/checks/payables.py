"""The invariants of what suppliers are owed, have billed and were paid.

AP-002 is that of TERP's truth model, said for each payable as TERP's own service computes it:
what shipped of a consigned batch, unless it was cancelled, at its cost.
"""

from __future__ import annotations

from terp_seed.terp.checks.rules import CENT, declared, differs, not_the_sum
from terp_seed.terp.checks.sales import SOLD

PAYABLES = declared(
    vendor_payables={
        "AP-002 what is owed for consigned goods is what was sold of them": (
            f"SELECT p.id FROM vendor_payables p LEFT JOIN ({SOLD}) s ON s.batch_id = p.batch_id"
            " WHERE p.deleted_at IS NULL AND p.status <> 'VOID'"
            f" AND ({differs('p.units_sold', 'COALESCE(s.units, 0)')}"
            f" OR {differs('p.total_amount', 'COALESCE(s.cost, 0)')})"
        ),
        "a payable is for goods on consignment, and names their lot and supplier": (
            "SELECT p.id FROM vendor_payables p JOIN batches b ON b.id = p.batch_id"
            " JOIN lots l ON l.id = {b.lotId} WHERE b.ownership_type <> 'CONSIGNED'"
            " OR p.lot_id <> l.id OR p.vendor_client_id <> l.supplier_client_id"
        ),
        "what is due on a payable is the total less what is paid": (
            "amount_paid < 0 OR amount_due < 0"
            f" OR {differs('amount_due', '(total_amount - amount_paid)')}"
        ),
        "what a payable was paid is what its batch's supplier was paid": not_the_sum(
            "vendor_payables.amount_paid",
            "amount",
            "{paymentHistory} WHERE deleted_at IS NULL",
            "batchId",
            of="batch_id",
        ),
        "a payable is PENDING while there is stock, then DUE, unless something is paid": (
            "SELECT p.id FROM vendor_payables p JOIN batches b ON b.id = p.batch_id"
            " WHERE (p.inventory_zero_at IS NOT NULL) <> ({b.batchStatus} = 'SOLD_OUT')"
            " OR (p.due_date IS NULL) <> (p.inventory_zero_at IS NULL)"
            " OR p.status <> CASE WHEN {b.batchStatus} = 'CLOSED' THEN 'VOID'"
            f" WHEN p.amount_due < {CENT} AND p.inventory_zero_at IS NOT NULL THEN 'PAID'"
            f" WHEN p.amount_paid > {CENT} THEN 'PARTIAL'"
            " WHEN p.inventory_zero_at IS NOT NULL THEN 'DUE' ELSE 'PENDING' END"
        ),
    },
    batches={
        "a batch on consignment has one payable": (
            "SELECT b.id FROM batches b LEFT JOIN (SELECT batch_id, COUNT(*) AS number"
            " FROM vendor_payables WHERE deleted_at IS NULL GROUP BY batch_id) p"
            " ON p.batch_id = b.id"
            " WHERE b.ownership_type = 'CONSIGNED' AND COALESCE(p.number, 0) <> 1"
        ),
        "goods that the business owns were billed": (
            "SELECT b.id FROM batches b LEFT JOIN (SELECT {lotId}, {productId} FROM {billLineItems}"
            " GROUP BY {lotId}, {productId}) l"
            " ON {l.lotId} = {b.lotId} AND {l.productId} = {b.productId}"
            " WHERE b.ownership_type = 'OFFICE_OWNED' AND {l.lotId} IS NULL"
        ),
    },
    bills={
        "what is due on a bill is the total less what is paid, on a void one nothing": differs(
            "amountDue",
            "CASE WHEN status = 'VOID' THEN 0 ELSE {totalAmount} - {amountPaid} END",
        ),
        "what is paid of a bill is the sum of the payments": not_the_sum(
            "bills.amountPaid", "amount", "payments WHERE deleted_at IS NULL", "billId"
        ),
        "a bill's lines add up to it": not_the_sum(
            "bills.totalAmount", "lineTotal", "billLineItems", "billId"
        ),
        "a bill is PAID when nothing is due, PARTIAL in between, else unpaid": (
            f"status <> 'VOID' AND ((status = 'PAID') <> (ABS({{amountDue}}) < {CENT})"
            f" OR (status = 'PARTIAL') <> ({{amountPaid}} > {CENT} AND {{amountDue}} > {CENT}))"
        ),
        "a bill for a lot is its supplier's, and comes no earlier": (
            "SELECT b.id FROM bills b LEFT JOIN lots l ON l.id = {b.referenceId}"
            " WHERE {b.referenceType} = 'LOT' AND (l.id IS NULL"
            " OR l.supplier_client_id <> {b.vendorId} OR {b.createdAt} < l.date"
            " OR {b.dueDate} < {b.billDate})"
        ),
    },
    payments={
        "a payment for a bill is sent to its supplier, and comes no earlier": (
            "SELECT p.id FROM payments p JOIN bills b ON b.id = {p.billId}"
            " WHERE {p.paymentType} <> 'SENT' OR {p.vendorId} IS NULL"
            " OR {p.vendorId} <> {b.vendorId} OR {p.paymentDate} < {b.billDate}"
        ),
    },
    clients={
        "what a supplier was paid for bills is in its history": (
            "SELECT c.id FROM clients c LEFT JOIN (SELECT {vendorId}, SUM(amount) AS total"
            " FROM payments WHERE {billId} IS NOT NULL AND deleted_at IS NULL"
            " GROUP BY {vendorId}) p ON {p.vendorId} = c.id"
            " LEFT JOIN (SELECT {vendorId}, SUM(amount) AS total FROM {paymentHistory}"
            " WHERE deleted_at IS NULL GROUP BY {vendorId}) h ON {h.vendorId} = c.id"
            f" WHERE {differs('COALESCE(p.total, 0)', 'COALESCE(h.total, 0)')}"
        ),
    },
)
