"""The invariants that seeded rows keep, each as SQL that finds what breaks it.

The first are TERP's own executable ones (``scripts/qa/invariant-checks.ts``,
with their names), the others its documented ones (``TRUTH_MODEL.md``), those
of its state machines, and the order of time.  Sums come from grouped
sub-selects, so that each check reads a table a few times at most; amounts are
compared with a tolerance of less than half a cent.
"""

from __future__ import annotations

from terp_seed.rows.seeders import Check

_CENT = "0.004"  # more than floating point adds up to, less than half a cent


def _orphans(table: str, column: str, target: str, *, may_be_null: bool = False) -> Check:
    """Rows whose reference, which has no constraint, leads nowhere."""
    null = f" AND r.{column} IS NOT NULL" if may_be_null else ""
    return Check(
        f"{table}.{column} leads to a row of {target}",
        table,
        f"SELECT r.id FROM {table} r LEFT JOIN {target} t ON t.id = r.{column}"
        f" WHERE t.id IS NULL{null}",
    )


def _differs(one: str, other: str) -> str:
    """A condition: two amounts are not the same."""
    return f"ABS({one} - {other}) > {_CENT}"


def _twice(table: str, columns: str, what: str) -> Check:
    """Rows that share what only one may have."""
    keys = columns.split(", ")
    match = " AND ".join(f"d.{key} = r.{key}" for key in keys)
    return Check(
        what,
        table,
        f"SELECT r.id FROM {table} r JOIN (SELECT {columns} FROM {table}"
        f" GROUP BY {columns} HAVING COUNT(*) > 1) d ON {match}",
    )


CATALOGUE = (
    _orphans("products", "brandId", "brands"),
    _orphans("products", "strainId", "strains", may_be_null=True),
    _twice("products", "nameCanonical", "no two products have one name"),
)

CLIENTS = (
    Check(
        "CLI-001 a client with a supplier profile is a seller",
        "supplier_profiles",
        "SELECT p.id FROM supplier_profiles p JOIN clients c ON c.id = p.client_id"
        " WHERE COALESCE(c.is_seller, 0) = 0",
    ),
    Check(
        "a seller has a supplier profile",
        "clients",
        "SELECT c.id FROM clients c LEFT JOIN supplier_profiles p ON p.client_id = c.id"
        " WHERE c.is_seller = 1 AND p.id IS NULL",
    ),
    _orphans("supplier_profiles", "legacy_vendor_id", "vendors", may_be_null=True),
    _orphans("clients", "referred_by_client_id", "clients", may_be_null=True),
    Check(
        "a client joined after the one who sent it",
        "clients",
        "SELECT c.id FROM clients c JOIN clients r ON r.id = c.referred_by_client_id"
        " WHERE c.created_at < r.created_at",
    ),
    Check(
        "credit is for buyers, and a limit set by hand has a reason",
        "clients",
        "SELECT id FROM clients WHERE credit_limit < 0 OR (is_buyer = 0 AND credit_limit > 0)"
        " OR (creditLimitSource = 'MANUAL') <> (credit_limit_override_reason IS NOT NULL)",
    ),
)

_ORIGINS = (
    _orphans("batches", "productId", "products"),
    _orphans("batches", "lotId", "lots"),
    _orphans("lots", "vendorId", "vendors"),
    Check(
        "lots come from sellers who were clients by then",
        "lots",
        "SELECT l.id FROM lots l JOIN clients c ON c.id = l.supplier_client_id"
        " WHERE COALESCE(c.is_seller, 0) = 0 OR l.date < c.created_at",
    ),
    Check(
        "a lot's vendor is its supplier's",
        "lots",
        "SELECT l.id FROM lots l JOIN supplier_profiles p ON p.client_id = l.supplier_client_id"
        " WHERE p.legacy_vendor_id <> l.vendorId",
    ),
    Check(
        "a batch came in with its lot or after it",
        "batches",
        "SELECT b.id FROM batches b JOIN lots l ON l.id = b.lotId WHERE b.createdAt < l.date",
    ),
    Check(
        "FIXED cost has a cost, RANGE has a least and a greatest",
        "batches",
        "SELECT id FROM batches WHERE (cogsMode = 'FIXED' AND COALESCE(unitCogs, 0) <= 0)"
        " OR (cogsMode = 'RANGE' AND (unitCogsMin IS NULL OR unitCogsMax IS NULL"
        " OR unitCogsMin >= unitCogsMax))",
    ),
)

_STATUS = (
    Check(
        "no product name is on two live batches",
        "batches",
        "SELECT b.id FROM batches b JOIN products p ON p.id = b.productId"
        " JOIN (SELECT q.nameCanonical FROM batches d JOIN products q ON q.id = d.productId"
        " WHERE d.batchStatus = 'LIVE' AND d.deleted_at IS NULL"
        " GROUP BY q.nameCanonical HAVING COUNT(*) > 1) twice"
        " ON twice.nameCanonical = p.nameCanonical"
        " WHERE b.batchStatus = 'LIVE' AND b.deleted_at IS NULL",
    ),
    Check(
        "INV-001 no quantity of a batch is below zero",
        "batches",
        "SELECT id FROM batches WHERE onHandQty < 0 OR sampleQty < 0 OR reservedQty < 0"
        " OR quarantineQty < 0 OR holdQty < 0 OR defectiveQty < 0",
    ),
    Check(
        "INV-002 no more is reserved than is on hand",
        "batches",
        f"SELECT id FROM batches WHERE reservedQty > onHandQty + {_CENT}",
    ),
    Check(
        "reserved, quarantined and held is part of what is on hand",
        "batches",
        f"SELECT id FROM batches WHERE reservedQty + quarantineQty + holdQty > onHandQty + {_CENT}",
    ),
)

BATCHES = (*_ORIGINS, *_STATUS)

_MOVED = "SELECT batchId, SUM(quantityChange) AS moved FROM inventoryMovements GROUP BY batchId"
_PREVIOUS = (
    "SELECT id, quantityBefore, createdAt,"
    " LAG(quantityAfter) OVER (PARTITION BY batchId ORDER BY id) AS leftOver,"
    " LAG(createdAt) OVER (PARTITION BY batchId ORDER BY id) AS earlier"
    " FROM inventoryMovements"
)


def _bucket(name: str, type_: str, and_: str = "") -> Check:
    return Check(
        f"{name} is what movements of type {type_} took",
        "batches",
        "SELECT b.id FROM batches b LEFT JOIN (SELECT batchId, -SUM(quantityChange) AS taken"
        f" FROM inventoryMovements WHERE inventoryMovementType = '{type_}'{and_}"
        " GROUP BY batchId) m ON m.batchId = b.id"
        f" WHERE {_differs(f'b.{name}', 'COALESCE(m.taken, 0)')}",
    )


INVENTORY = (
    Check(
        "onHandQty is the sum of the movements",
        "batches",
        f"SELECT b.id FROM batches b LEFT JOIN ({_MOVED}) m ON m.batchId = b.id"
        f" WHERE {_differs('b.onHandQty', 'COALESCE(m.moved, 0)')}",
    ),
    _bucket("sampleQty", "SAMPLE"),
    _bucket("defectiveQty", "ADJUSTMENT", " AND adjustmentReason = 'DAMAGED'"),
    Check(
        "quarantined and held batches are so as a whole, others not at all",
        "batches",
        "SELECT id FROM batches"
        " WHERE ABS(quarantineQty"
        f" - CASE WHEN batchStatus = 'QUARANTINED' THEN onHandQty ELSE 0 END) > {_CENT}"
        " OR ABS(holdQty"
        f" - CASE WHEN batchStatus = 'ON_HOLD' THEN onHandQty ELSE 0 END) > {_CENT}",
    ),
    Check(
        "what lies at a batch's places is what is on hand",
        "batchLocations",
        "SELECT p.id FROM batchLocations p JOIN batches b ON b.id = p.batchId"
        " JOIN (SELECT batchId, SUM(qty) AS lying FROM batchLocations GROUP BY batchId) s"
        f" ON s.batchId = p.batchId WHERE {_differs('s.lying', 'b.onHandQty')}",
    ),
    _orphans("batchLocations", "batchId", "batches"),
    Check(
        "a batch is taken in once",
        "batches",
        "SELECT b.id FROM batches b LEFT JOIN (SELECT batchId, COUNT(*) AS number"
        " FROM inventoryMovements WHERE inventoryMovementType = 'INTAKE' GROUP BY batchId) m"
        " ON m.batchId = b.id WHERE COALESCE(m.number, 0) <> 1",
    ),
    Check(
        "a movement adds up, and leaves no less than nothing",
        "inventoryMovements",
        "SELECT id FROM inventoryMovements WHERE quantityAfter < 0 OR quantityBefore < 0"
        f" OR ABS(quantityBefore + quantityChange - quantityAfter) > {_CENT}",
    ),
    Check(
        "a movement begins where the one before it ended",
        "inventoryMovements",
        f"SELECT id FROM ({_PREVIOUS}) m"
        f" WHERE ABS(quantityBefore - COALESCE(leftOver, 0)) > {_CENT}"
        " OR createdAt < earlier",
    ),
    Check(
        "nothing moves before its batch came in",
        "inventoryMovements",
        "SELECT m.id FROM inventoryMovements m JOIN batches b ON b.id = m.batchId"
        " WHERE m.createdAt < b.createdAt",
    ),
    Check(
        "live batches have stock, sold out and closed ones have none",
        "batches",
        "SELECT id FROM batches WHERE (batchStatus = 'LIVE' AND onHandQty <= 0)"
        " OR (batchStatus IN ('SOLD_OUT', 'CLOSED') AND onHandQty <> 0)",
    ),
)

_LINE_SUMS = (
    "SELECT order_id, SUM(quantity * unit_price) AS billed, SUM(line_total) AS listed"
    " FROM order_line_items GROUP BY order_id"
)
_ALLOCATED = (
    "SELECT order_line_item_id, SUM(quantity_allocated) AS allocated"
    " FROM order_line_item_allocations GROUP BY order_line_item_id"
)
_PAID = "SELECT invoiceId, SUM(amount) AS paid, MIN(paymentDate) AS first FROM payments" + (
    " WHERE invoiceId IS NOT NULL AND deleted_at IS NULL GROUP BY invoiceId"
)
_TAKES_STOCK = "o.is_draft = 0 AND o.orderType = 'SALE' AND o.fulfillmentStatus <> 'CANCELLED'"
_GONE = "('SHIPPED', 'DELIVERED', 'RETURNED', 'RESTOCKED', 'RETURNED_TO_VENDOR')"
_WAITING = "('CONFIRMED', 'READY_FOR_PACKING', 'PACKED')"

_LINES = (
    Check(
        "ORD-001 an order's total is the sum of quantity times price",
        "orders",
        f"SELECT o.id FROM orders o JOIN ({_LINE_SUMS}) l ON l.order_id = o.id"
        f" WHERE {_differs('o.total', 'l.billed')} OR {_differs('o.total', 'l.listed')}"
        f" OR {_differs('o.subtotal', 'o.total')}",
    ),
    Check(
        "an order has lines",
        "orders",
        "SELECT o.id FROM orders o WHERE NOT EXISTS"
        " (SELECT 1 FROM order_line_items l WHERE l.order_id = o.id)",
    ),
    _orphans("order_line_items", "order_id", "orders"),
    _orphans("order_line_items", "batch_id", "batches"),
    _orphans("order_line_item_allocations", "order_line_item_id", "order_line_items"),
    _orphans("order_line_item_allocations", "batch_id", "batches"),
    Check(
        "quantities and prices are above zero",
        "order_line_items",
        "SELECT id FROM order_line_items"
        " WHERE quantity <= 0 OR (unit_price <= 0 AND is_sample = 0)",
    ),
    Check(
        "an order's cost and margin are those of its lines",
        "orders",
        "SELECT o.id FROM orders o JOIN (SELECT order_id, SUM(quantity * cogs_per_unit) AS cost"
        " FROM order_line_items GROUP BY order_id) l ON l.order_id = o.id"
        f" WHERE {_differs('o.total_cogs', 'l.cost')}"
        f" OR {_differs('o.total_margin', '(o.total - o.total_cogs)')}",
    ),
)

_ALLOCATION = (
    Check(
        "a sale's lines are allocated in full, those of drafts and quotes not at all",
        "order_line_items",
        "SELECT l.id FROM order_line_items l JOIN orders o ON o.id = l.order_id"
        f" LEFT JOIN ({_ALLOCATED}) a ON a.order_line_item_id = l.id"
        f" WHERE ABS(COALESCE(a.allocated, 0) - CASE WHEN {_TAKES_STOCK} THEN l.quantity"
        f" ELSE 0 END) > {_CENT}",
    ),
    Check(
        "stock is allocated from batches that are or were live, of the line's product",
        "order_line_item_allocations",
        "SELECT a.id FROM order_line_item_allocations a JOIN batches b ON b.id = a.batch_id"
        " JOIN order_line_items l ON l.id = a.order_line_item_id"
        " JOIN batches c ON c.id = l.batch_id"
        " WHERE b.batchStatus NOT IN ('LIVE', 'SOLD_OUT') OR b.productId <> c.productId",
    ),
    Check(
        "first in, first out: an older batch of a product was done when a newer one began",
        "batches",
        "SELECT w.id FROM (SELECT b.id, s.opened, MAX(s.ended) OVER older AS ended,"
        " MAX(CASE WHEN b.batchStatus = 'LIVE' THEN 1 ELSE 0 END) OVER older AS live"
        " FROM batches b JOIN (SELECT a.batch_id, MIN(l.order_id) AS opened,"
        " MAX(l.order_id) AS ended FROM order_line_item_allocations a"
        " JOIN order_line_items l ON l.id = a.order_line_item_id GROUP BY a.batch_id) s"
        " ON s.batch_id = b.id WINDOW older AS (PARTITION BY b.productId"
        " ORDER BY b.createdAt, b.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) w"
        " WHERE w.ended > w.opened OR w.live = 1",
    ),
    Check(
        "reservedQty is what open sales have allocated",
        "batches",
        "SELECT b.id FROM batches b LEFT JOIN (SELECT a.batch_id,"
        " SUM(a.quantity_allocated) AS waiting FROM order_line_item_allocations a"
        " JOIN order_line_items l ON l.id = a.order_line_item_id"
        f" JOIN orders o ON o.id = l.order_id WHERE o.fulfillmentStatus IN {_WAITING}"
        " AND o.is_draft = 0 GROUP BY a.batch_id) r ON r.batch_id = b.id"
        f" WHERE {_differs('b.reservedQty', 'COALESCE(r.waiting, 0)')}",
    ),
    Check(
        "what was shipped has left by SALE movements, nothing else has",
        "orders",
        "SELECT o.id FROM orders o LEFT JOIN (SELECT referenceId, -SUM(quantityChange) AS gone"
        " FROM inventoryMovements WHERE inventoryMovementType = 'SALE'"
        " AND referenceType = 'ORDER' GROUP BY referenceId) m ON m.referenceId = o.id"
        " LEFT JOIN (SELECT order_id, SUM(quantity) AS ordered FROM order_line_items"
        " GROUP BY order_id) l ON l.order_id = o.id"
        f" WHERE ABS(COALESCE(m.gone, 0) - CASE WHEN o.fulfillmentStatus IN {_GONE}"
        f" THEN l.ordered ELSE 0 END) > {_CENT}",
    ),
    Check(
        "a movement that refers to an order has one",
        "inventoryMovements",
        "SELECT m.id FROM inventoryMovements m LEFT JOIN orders o ON o.id = m.referenceId"
        " WHERE m.referenceType = 'ORDER' AND o.id IS NULL",
    ),
)

_MONEY = (
    Check(
        "AR-001 what is due is the total less what is paid",
        "invoices",
        f"SELECT id FROM invoices WHERE {_differs('amountDue', '(totalAmount - amountPaid)')}",
    ),
    Check(
        "AR-002 what is paid is the sum of the payments",
        "invoices",
        f"SELECT i.id FROM invoices i LEFT JOIN ({_PAID}) p ON p.invoiceId = i.id"
        f" WHERE {_differs('i.amountPaid', 'COALESCE(p.paid, 0)')}",
    ),
    Check(
        "PAY-001 payments are above zero", "payments", "SELECT id FROM payments WHERE amount <= 0"
    ),
    Check(
        "an invoice is PAID when nothing is due, PARTIAL in between, else unpaid",
        "invoices",
        f"SELECT id FROM invoices WHERE (status = 'PAID') <> (ABS(amountDue) < {_CENT})"
        f" OR (status = 'PARTIAL') <> (amountPaid > {_CENT} AND amountDue > {_CENT})",
    ),
    Check(
        "an invoice is its order's: client, total and back",
        "invoices",
        "SELECT i.id FROM invoices i LEFT JOIN orders o ON o.id = i.referenceId"
        " WHERE i.referenceType = 'ORDER' AND (o.id IS NULL OR o.invoice_id <> i.id"
        f" OR o.client_id <> i.customerId OR {_differs('o.total', 'i.totalAmount')})",
    ),
    _orphans("orders", "invoice_id", "invoices", may_be_null=True),
    _twice("orders", "invoice_id", "no two orders share an invoice"),
    Check(
        "what has left is invoiced, nothing else is",
        "orders",
        f"SELECT id FROM orders WHERE (fulfillmentStatus IN {_GONE}) <> (invoice_id IS NOT NULL)",
    ),
    Check(
        "an invoice's lines add up to it",
        "invoices",
        "SELECT i.id FROM invoices i LEFT JOIN (SELECT invoiceId, SUM(lineTotal) AS billed"
        " FROM invoiceLineItems GROUP BY invoiceId) l ON l.invoiceId = i.id"
        f" WHERE {_differs('i.totalAmount', 'COALESCE(l.billed, 0)')}",
    ),
    Check(
        "a payment is its invoice's client's, and applied in full",
        "payments",
        "SELECT p.id FROM payments p JOIN invoices i ON i.id = p.invoiceId"
        " LEFT JOIN (SELECT payment_id, SUM(allocated_amount) AS applied FROM invoice_payments"
        " GROUP BY payment_id) a ON a.payment_id = p.id"
        f" WHERE p.customerId <> i.customerId OR {_differs('p.amount', 'COALESCE(a.applied, 0)')}",
    ),
    Check(
        "a sale's status is its invoice's",
        "orders",
        "SELECT o.id FROM orders o JOIN invoices i ON i.id = o.invoice_id"
        " WHERE o.saleStatus <> CASE i.status WHEN 'VOID' THEN 'CANCELLED'"
        " WHEN 'PAID' THEN 'PAID' WHEN 'PARTIAL' THEN 'PARTIAL' WHEN 'OVERDUE' THEN 'OVERDUE'"
        " ELSE 'PENDING' END",
    ),
)

_PARTIES = (
    Check(
        "orders come from buyers",
        "orders",
        "SELECT o.id FROM orders o JOIN clients c ON c.id = o.client_id"
        " WHERE COALESCE(c.is_buyer, 0) = 0",
    ),
    Check(
        "total_owed is what is due on invoices that are neither paid nor void",
        "clients",
        "SELECT c.id FROM clients c LEFT JOIN (SELECT customerId, SUM(amountDue) AS due"
        " FROM invoices WHERE status NOT IN ('PAID', 'VOID') GROUP BY customerId) i"
        f" ON i.customerId = c.id WHERE {_differs('c.total_owed', 'COALESCE(i.due, 0)')}",
    ),
    Check(
        "a client's account shows its invoices and payments",
        "clients",
        "SELECT c.id FROM clients c LEFT JOIN (SELECT client_id,"
        " SUM(CASE WHEN transaction_type = 'INVOICE' THEN amount ELSE -amount END) AS due"
        " FROM client_transactions GROUP BY client_id) t ON t.client_id = c.id"
        f" WHERE {_differs('c.total_owed', 'COALESCE(t.due, 0)')}",
    ),
)

_STATES = (
    Check(
        "drafts are drafts: no sale status, no stage, no invoice",
        "orders",
        "SELECT id FROM orders WHERE is_draft = 1 AND (saleStatus IS NOT NULL"
        " OR fulfillmentStatus <> 'DRAFT' OR invoice_id IS NOT NULL"
        " OR COALESCE(quoteStatus, 'UNSENT') <> 'UNSENT')",
    ),
    Check(
        "quotes have a quote status and sales have none",
        "orders",
        "SELECT id FROM orders WHERE (orderType = 'QUOTE') <> (quoteStatus IS NOT NULL)",
    ),
    Check(
        "a converted quote has one sale to the same client, made later",
        "orders",
        "SELECT q.id FROM orders q LEFT JOIN (SELECT converted_from_order_id AS quote,"
        " COUNT(*) AS number, MIN(client_id) AS client, MIN(created_at) AS made"
        " FROM orders WHERE converted_from_order_id IS NOT NULL AND orderType = 'SALE'"
        " GROUP BY converted_from_order_id) s ON s.quote = q.id"
        " WHERE q.quoteStatus = 'CONVERTED' AND (COALESCE(s.number, 0) <> 1"
        " OR s.client <> q.client_id OR s.made < q.created_at)",
    ),
    Check(
        "the last stage in an order's history is the one it is at",
        "orders",
        "SELECT o.id FROM orders o LEFT JOIN (SELECT order_id, MAX(id) AS latest"
        " FROM order_status_history GROUP BY order_id) m ON m.order_id = o.id"
        " LEFT JOIN order_status_history h ON h.id = m.latest"
        " WHERE (o.orderType = 'SALE' AND h.id IS NULL)"
        " OR h.fulfillmentStatus <> o.fulfillmentStatus",
    ),
)

_TIME = (
    Check(
        "an order comes after its client and its batches, and is shipped after that",
        "orders",
        "SELECT o.id FROM orders o JOIN clients c ON c.id = o.client_id"
        " LEFT JOIN (SELECT l.order_id, MAX(b.createdAt) AS stocked FROM order_line_items l"
        " JOIN batches b ON b.id = l.batch_id GROUP BY l.order_id) s ON s.order_id = o.id"
        " WHERE o.created_at < c.created_at OR o.created_at < s.stocked"
        " OR o.confirmed_at < o.created_at OR o.packed_at < o.confirmed_at"
        " OR o.shipped_at < o.packed_at",
    ),
    Check(
        "an invoice comes with its shipment or later, and is due no earlier",
        "invoices",
        "SELECT i.id FROM invoices i JOIN orders o ON o.invoice_id = i.id"
        " WHERE o.shipped_at IS NULL OR i.createdAt < o.shipped_at OR i.dueDate < i.invoiceDate",
    ),
    Check(
        "a payment comes after its invoice",
        "payments",
        "SELECT p.id FROM payments p JOIN invoices i ON i.id = p.invoiceId"
        " WHERE p.paymentDate < i.invoiceDate",
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
ORDERS = (*_STATUS, *INVENTORY, *_LINES, *_ALLOCATION, *_MONEY, *_PARTIES, *_STATES, *_TIME)
