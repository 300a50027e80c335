"""The invariants of orders, and of the stock and the money that they move."""

from __future__ import annotations

from terp_seed.rows.seeders import Check
from terp_seed.terp.checks.rules import CENT, INVENTORY, STATUS, differs, orphans, twice

__all__ = ["ORDERS"]

_LINE_SUMS = (
    "SELECT order_id, SUM(quantity * unit_price) AS billed, SUM(line_total) AS listed"
    " FROM order_line_items GROUP BY order_id"
)
_ALLOCATED = (
    "SELECT order_line_item_id, SUM(quantity_allocated) AS allocated"
    " FROM order_line_item_allocations GROUP BY order_line_item_id"
)
_PAID = "SELECT {invoiceId}, SUM(amount) AS paid, MIN({paymentDate}) AS first FROM payments" + (
    " WHERE {invoiceId} IS NOT NULL AND deleted_at IS NULL GROUP BY {invoiceId}"
)
_TAKES_STOCK = "NOT o.is_draft AND {o.orderType} = 'SALE' AND {o.fulfillmentStatus} <> 'CANCELLED'"
_GONE = "('SHIPPED', 'DELIVERED', 'RETURNED', 'RESTOCKED', 'RETURNED_TO_VENDOR')"
_WAITING = "('CONFIRMED', 'READY_FOR_PACKING', 'PACKED')"

_LINES = (
    Check(
        "ORD-001 an order's total is the sum of quantity times price",
        "orders",
        f"SELECT o.id FROM orders o JOIN ({_LINE_SUMS}) l ON l.order_id = o.id"
        f" WHERE {differs('o.total', 'l.billed')} OR {differs('o.total', 'l.listed')}"
        f" OR {differs('o.subtotal', 'o.total')}",
    ),
    Check(
        "an order has lines",
        "orders",
        "SELECT o.id FROM orders o WHERE NOT EXISTS"
        " (SELECT 1 FROM order_line_items l WHERE l.order_id = o.id)",
    ),
    orphans("order_line_items", "order_id", "orders"),
    orphans("order_line_items", "batch_id", "batches"),
    orphans("order_line_item_allocations", "order_line_item_id", "order_line_items"),
    orphans("order_line_item_allocations", "batch_id", "batches"),
    Check(
        "quantities and prices are above zero",
        "order_line_items",
        "SELECT id FROM order_line_items"
        " WHERE quantity <= 0 OR (unit_price <= 0 AND NOT is_sample)",
    ),
    Check(
        "an order's cost and margin are those of its lines",
        "orders",
        "SELECT o.id FROM orders o JOIN (SELECT order_id, SUM(quantity * cogs_per_unit) AS cost"
        " FROM order_line_items GROUP BY order_id) l ON l.order_id = o.id"
        f" WHERE {differs('o.total_cogs', 'l.cost')}"
        f" OR {differs('o.total_margin', '(o.total - o.total_cogs)')}",
    ),
)

_STOCK = (
    Check(
        "a sale's lines are allocated in full, those of drafts and quotes not at all",
        "order_line_items",
        "SELECT l.id FROM order_line_items l JOIN orders o ON o.id = l.order_id"
        f" LEFT JOIN ({_ALLOCATED}) a ON a.order_line_item_id = l.id"
        f" WHERE ABS(COALESCE(a.allocated, 0) - CASE WHEN {_TAKES_STOCK} THEN l.quantity"
        f" ELSE 0 END) > {CENT}",
    ),
    Check(
        "stock is allocated from batches that are or were live, of the line's product",
        "order_line_item_allocations",
        "SELECT a.id FROM order_line_item_allocations a JOIN batches b ON b.id = a.batch_id"
        " JOIN order_line_items l ON l.id = a.order_line_item_id"
        " JOIN batches c ON c.id = l.batch_id"
        " WHERE {b.batchStatus} NOT IN ('LIVE', 'SOLD_OUT') OR {b.productId} <> {c.productId}",
    ),
    Check(
        "first in, first out: an older batch of a product was done when a newer one began",
        "batches",
        "SELECT w.id FROM (SELECT b.id, s.opened, MAX(s.ended) OVER older AS ended,"
        " MAX(CASE WHEN {b.batchStatus} = 'LIVE' THEN 1 ELSE 0 END) OVER older AS live"
        " FROM batches b JOIN (SELECT a.batch_id, MIN(l.order_id) AS opened,"
        " MAX(l.order_id) AS ended FROM order_line_item_allocations a"
        " JOIN order_line_items l ON l.id = a.order_line_item_id GROUP BY a.batch_id) s"
        " ON s.batch_id = b.id WINDOW older AS (PARTITION BY {b.productId}"
        " ORDER BY {b.createdAt}, b.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) w"
        " WHERE w.ended > w.opened OR w.live = 1",
    ),
    Check(
        "reservedQty is what open sales have allocated",
        "batches",
        "SELECT b.id FROM batches b LEFT JOIN (SELECT a.batch_id,"
        " SUM(a.quantity_allocated) AS waiting FROM order_line_item_allocations a"
        " JOIN order_line_items l ON l.id = a.order_line_item_id"
        f" JOIN orders o ON o.id = l.order_id WHERE {{o.fulfillmentStatus}} IN {_WAITING}"
        " AND NOT o.is_draft GROUP BY a.batch_id) r ON r.batch_id = b.id"
        f" WHERE {differs('{b.reservedQty}', 'COALESCE(r.waiting, 0)')}",
    ),
    Check(
        "what was shipped has left by SALE movements, nothing else has",
        "orders",
        "SELECT o.id FROM orders o LEFT JOIN (SELECT {referenceId}, -SUM({quantityChange}) AS gone"
        " FROM {inventoryMovements} WHERE {inventoryMovementType} = 'SALE'"
        " AND {referenceType} = 'ORDER' GROUP BY {referenceId}) m ON {m.referenceId} = o.id"
        " LEFT JOIN (SELECT order_id, SUM(quantity) AS ordered FROM order_line_items"
        " GROUP BY order_id) l ON l.order_id = o.id"
        f" WHERE ABS(COALESCE(m.gone, 0) - CASE WHEN {{o.fulfillmentStatus}} IN {_GONE}"
        f" THEN l.ordered ELSE 0 END) > {CENT}",
    ),
    Check(
        "a movement that refers to an order has one",
        "inventoryMovements",
        "SELECT m.id FROM {inventoryMovements} m LEFT JOIN orders o ON o.id = {m.referenceId}"
        " WHERE {m.referenceType} = 'ORDER' AND o.id IS NULL",
    ),
)

_MONEY = (
    Check(
        "AR-001 what is due is the total less what is paid",
        "invoices",
        f"SELECT id FROM invoices WHERE {differs('{amountDue}', '({totalAmount} - {amountPaid})')}",
    ),
    Check(
        "AR-002 what is paid is the sum of the payments",
        "invoices",
        f"SELECT i.id FROM invoices i LEFT JOIN ({_PAID}) p ON {{p.invoiceId}} = i.id"
        f" WHERE {differs('{i.amountPaid}', 'COALESCE(p.paid, 0)')}",
    ),
    Check(
        "PAY-001 payments are above zero", "payments", "SELECT id FROM payments WHERE amount <= 0"
    ),
    Check(
        "an invoice is PAID when nothing is due, PARTIAL in between, else unpaid",
        "invoices",
        f"SELECT id FROM invoices WHERE (status = 'PAID') <> (ABS({{amountDue}}) < {CENT})"
        f" OR (status = 'PARTIAL') <> ({{amountPaid}} > {CENT} AND {{amountDue}} > {CENT})",
    ),
    Check(
        "an invoice is its order's: client, total and back",
        "invoices",
        "SELECT i.id FROM invoices i LEFT JOIN orders o ON o.id = {i.referenceId}"
        " WHERE {i.referenceType} = 'ORDER' AND (o.id IS NULL OR o.invoice_id <> i.id"
        f" OR o.client_id <> {{i.customerId}} OR {differs('o.total', '{i.totalAmount}')})",
    ),
    orphans("orders", "invoice_id", "invoices", may_be_null=True),
    twice("orders", "invoice_id", "no two orders share an invoice"),
    Check(
        "what has left is invoiced, nothing else is",
        "orders",
        f"SELECT id FROM orders WHERE ({{fulfillmentStatus}} IN {_GONE})"
        " <> (invoice_id IS NOT NULL)",
    ),
    Check(
        "an invoice's lines add up to it",
        "invoices",
        "SELECT i.id FROM invoices i LEFT JOIN (SELECT {invoiceId}, SUM({lineTotal}) AS billed"
        " FROM {invoiceLineItems} GROUP BY {invoiceId}) l ON {l.invoiceId} = i.id"
        f" WHERE {differs('{i.totalAmount}', 'COALESCE(l.billed, 0)')}",
    ),
    Check(
        "a payment is its invoice's client's, and applied in full",
        "payments",
        "SELECT p.id FROM payments p JOIN invoices i ON i.id = {p.invoiceId}"
        " LEFT JOIN (SELECT payment_id, SUM(allocated_amount) AS applied FROM invoice_payments"
        " GROUP BY payment_id) a ON a.payment_id = p.id"
        " WHERE {p.customerId} <> {i.customerId}"
        f" OR {differs('p.amount', 'COALESCE(a.applied, 0)')}",
    ),
    Check(
        "a sale's status is its invoice's",
        "orders",
        "SELECT o.id FROM orders o JOIN invoices i ON i.id = o.invoice_id"
        " WHERE {o.saleStatus} <> CASE i.status WHEN 'VOID' THEN 'CANCELLED'"
        " WHEN 'PAID' THEN 'PAID' WHEN 'PARTIAL' THEN 'PARTIAL' WHEN 'OVERDUE' THEN 'OVERDUE'"
        " ELSE 'PENDING' END",
    ),
)

_PARTIES = (
    Check(
        "orders come from buyers",
        "orders",
        "SELECT o.id FROM orders o JOIN clients c ON c.id = o.client_id"
        " WHERE c.is_buyer IS NOT TRUE",
    ),
    Check(
        "total_owed is what is due on invoices that are neither paid nor void",
        "clients",
        "SELECT c.id FROM clients c LEFT JOIN (SELECT {customerId}, SUM({amountDue}) AS due"
        " FROM invoices WHERE status NOT IN ('PAID', 'VOID') GROUP BY {customerId}) i"
        f" ON {{i.customerId}} = c.id WHERE {differs('c.total_owed', 'COALESCE(i.due, 0)')}",
    ),
    Check(
        "a client's account shows its invoices and payments",
        "clients",
        "SELECT c.id FROM clients c LEFT JOIN (SELECT client_id,"
        " SUM(CASE WHEN transaction_type = 'INVOICE' THEN amount ELSE -amount END) AS due"
        " FROM client_transactions GROUP BY client_id) t ON t.client_id = c.id"
        f" WHERE {differs('c.total_owed', 'COALESCE(t.due, 0)')}",
    ),
)

_STATES = (
    Check(
        "drafts are drafts: no sale status, no stage, no invoice",
        "orders",
        "SELECT id FROM orders WHERE is_draft AND ({saleStatus} IS NOT NULL"
        " OR {fulfillmentStatus} <> 'DRAFT' OR invoice_id IS NOT NULL"
        " OR COALESCE({quoteStatus}, 'UNSENT') <> 'UNSENT')",
    ),
    Check(
        "quotes have a quote status and sales have none",
        "orders",
        "SELECT id FROM orders WHERE ({orderType} = 'QUOTE') <> ({quoteStatus} IS NOT NULL)",
    ),
    Check(
        "a converted quote has one sale to the same client, made later",
        "orders",
        "SELECT q.id FROM orders q LEFT JOIN (SELECT converted_from_order_id AS quote,"
        " COUNT(*) AS number, MIN(client_id) AS client, MIN(created_at) AS made"
        " FROM orders WHERE converted_from_order_id IS NOT NULL AND {orderType} = 'SALE'"
        " GROUP BY converted_from_order_id) s ON s.quote = q.id"
        " WHERE {q.quoteStatus} = 'CONVERTED' AND (COALESCE(s.number, 0) <> 1"
        " OR s.client <> q.client_id OR s.made < q.created_at)",
    ),
    Check(
        "the last stage in an order's history is the one it is at",
        "orders",
        "SELECT o.id FROM orders o LEFT JOIN (SELECT order_id, MAX(id) AS latest"
        " FROM order_status_history GROUP BY order_id) m ON m.order_id = o.id"
        " LEFT JOIN order_status_history h ON h.id = m.latest"
        " WHERE ({o.orderType} = 'SALE' AND h.id IS NULL)"
        " OR {h.fulfillmentStatus} <> {o.fulfillmentStatus}",
    ),
)

_TIME = (
    Check(
        "an order comes after its client and its batches, and is shipped after that",
        "orders",
        "SELECT o.id FROM orders o JOIN clients c ON c.id = o.client_id"
        " LEFT JOIN (SELECT l.order_id, MAX({b.createdAt}) AS stocked FROM order_line_items l"
        " JOIN batches b ON b.id = l.batch_id GROUP BY l.order_id) s ON s.order_id = o.id"
        " WHERE o.created_at < c.created_at OR o.created_at < s.stocked"
        " OR o.confirmed_at < o.created_at OR o.packed_at < o.confirmed_at"
        " OR o.shipped_at < o.packed_at",
    ),
    Check(
        "an invoice comes with its shipment or later, and is due no earlier",
        "invoices",
        "SELECT i.id FROM invoices i JOIN orders o ON o.invoice_id = i.id"
        " WHERE o.shipped_at IS NULL OR {i.createdAt} < o.shipped_at"
        " OR {i.dueDate} < {i.invoiceDate}",
    ),
    Check(
        "a payment comes after its invoice",
        "payments",
        "SELECT p.id FROM payments p JOIN invoices i ON i.id = {p.invoiceId}"
        " WHERE {p.paymentDate} < {i.invoiceDate}",
    ),
    Check(
        "an order's history goes forward in time",
        "order_status_history",
        "SELECT id FROM (SELECT id, changed_at,"
        " LAG(changed_at) OVER (PARTITION BY order_id ORDER BY id) AS earlier"
        " FROM order_status_history) h WHERE changed_at < earlier",
    ),
)


# The checks of stock once more, now that batches are sold from.
ORDERS = (*STATUS, *INVENTORY, *_LINES, *_STOCK, *_MONEY, *_PARTIES, *_STATES, *_TIME)
