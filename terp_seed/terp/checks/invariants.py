"""The invariants that seeded rows keep, each as SQL that finds what breaks it.

Those with a number are TERP's own executable ones (``scripts/qa/invariant-checks.ts``), the
others its documented ones (``TRUTH_MODEL.md``), those of its state machines, and the order of
time.  Sums come from grouped sub-selects, so that each check reads a table a few times at most;
amounts are compared with a tolerance of less than half a cent.  That references lead somewhere
is checked for every table that declares some.  Those of suppliers' bills are in `payables`.
"""

from __future__ import annotations

from terp_seed.terp.checks.rules import CENT, declared, differs, not_the_sum, shared

CATALOGUE = declared(
    users={
        "a seeded person has no password": (
            "({openId} LIKE 'seed-%' OR {openId} = 'terp-seed') AND {loginMethod} IS NOT NULL"
        ),
    },
    products={"no two products have one name": shared("products", "nameCanonical")},
)

CLIENTS = declared(
    supplier_profiles={
        "CLI-001 a client with a supplier profile is a seller": (
            "SELECT p.id FROM supplier_profiles p JOIN clients c ON c.id = p.client_id"
            " WHERE c.is_seller IS NOT TRUE"
        ),
    },
    clients={
        "a seller has a supplier profile": (
            "SELECT c.id FROM clients c LEFT JOIN supplier_profiles p ON p.client_id = c.id"
            " WHERE c.is_seller AND p.id IS NULL"
        ),
        "a client joined after the one who sent it": (
            "SELECT c.id FROM clients c JOIN clients r ON r.id = c.referred_by_client_id"
            " WHERE c.created_at < r.created_at"
        ),
        "credit is for buyers, and a limit set by hand has a reason": (
            "credit_limit < 0 OR (NOT is_buyer AND credit_limit > 0)"
            " OR ({creditLimitSource} = 'MANUAL') <> (credit_limit_override_reason IS NOT NULL)"
        ),
    },
)

_ORIGINS = declared(
    lots={
        "lots come from sellers who were clients by then": (
            "SELECT l.id FROM lots l JOIN clients c ON c.id = l.supplier_client_id"
            " WHERE c.is_seller IS NOT TRUE OR l.date < c.created_at"
        ),
        "a lot's vendor is its supplier's": (
            "SELECT l.id FROM lots l JOIN supplier_profiles p ON p.client_id = l.supplier_client_id"
            " WHERE p.legacy_vendor_id <> {l.vendorId}"
        ),
    },
    batches={
        "a batch came in with its lot or after it": (
            "SELECT b.id FROM batches b JOIN lots l ON l.id = {b.lotId}"
            " WHERE {b.createdAt} < l.date"
        ),
        "FIXED cost has a cost, RANGE has a least and a greatest": (
            "({cogsMode} = 'FIXED' AND COALESCE({unitCogs}, 0) <= 0)"
            " OR ({cogsMode} = 'RANGE' AND ({unitCogsMin} IS NULL OR {unitCogsMax} IS NULL"
            " OR {unitCogsMin} >= {unitCogsMax}))"
        ),
    },
)

_STATUS = declared(
    batches={
        "no product name is on two live batches": (
            "SELECT b.id FROM batches b JOIN products p ON p.id = {b.productId}"
            " JOIN (SELECT {q.nameCanonical} FROM batches d JOIN products q ON q.id = {d.productId}"
            " WHERE {d.batchStatus} = 'LIVE' AND d.deleted_at IS NULL"
            " GROUP BY {q.nameCanonical} HAVING COUNT(*) > 1) twice"
            " ON {twice.nameCanonical} = {p.nameCanonical}"
            " WHERE {b.batchStatus} = 'LIVE' AND b.deleted_at IS NULL"
        ),
        "INV-001 no quantity of a batch is below zero": (
            "{onHandQty} < 0 OR {sampleQty} < 0 OR {reservedQty} < 0"
            " OR {quarantineQty} < 0 OR {holdQty} < 0 OR {defectiveQty} < 0"
        ),
        "INV-002 no more is reserved than is on hand": f"{{reservedQty}} > {{onHandQty}} + {CENT}",
        "reserved, quarantined and held is part of what is on hand": (
            f"{{reservedQty}} + {{quarantineQty}} + {{holdQty}} > {{onHandQty}} + {CENT}"
        ),
    },
)

BATCHES = (*_ORIGINS, *_STATUS)

_OF_TYPE = "{{inventoryMovements}} WHERE {{inventoryMovementType}} = '{}'"

INVENTORY = declared(
    batches={
        "onHandQty is the sum of the movements": not_the_sum(
            "batches.onHandQty", "quantityChange", "inventoryMovements", "batchId"
        ),
        "sampleQty is what movements of type SAMPLE took": not_the_sum(
            "batches.sampleQty", "-{quantityChange}", _OF_TYPE.format("SAMPLE"), "batchId"
        ),
        "defectiveQty is what movements of type ADJUSTMENT took": not_the_sum(
            "batches.defectiveQty",
            "-{quantityChange}",
            _OF_TYPE.format("ADJUSTMENT") + " AND {adjustmentReason} = 'DAMAGED'",
            "batchId",
        ),
        "quarantined and held batches are so as a whole, others not at all": (
            "ABS({quarantineQty}"
            f" - CASE WHEN {{batchStatus}} = 'QUARANTINED' THEN {{onHandQty}} ELSE 0 END) > {CENT}"
            " OR ABS({holdQty}"
            f" - CASE WHEN {{batchStatus}} = 'ON_HOLD' THEN {{onHandQty}} ELSE 0 END) > {CENT}"
        ),
        "a batch is taken in once": (
            "SELECT b.id FROM batches b LEFT JOIN (SELECT {batchId}, COUNT(*) AS number"
            " FROM {inventoryMovements} WHERE {inventoryMovementType} = 'INTAKE'"
            " GROUP BY {batchId}) m"
            " ON {m.batchId} = b.id WHERE COALESCE(m.number, 0) <> 1"
        ),
        "live batches have stock, sold out and closed ones have none": (
            "({batchStatus} = 'LIVE' AND {onHandQty} <= 0)"
            " OR ({batchStatus} IN ('SOLD_OUT', 'CLOSED') AND {onHandQty} <> 0)"
        ),
    },
    batchLocations={
        "what lies at a batch's places is what is on hand": (
            "SELECT p.id FROM {batchLocations} p JOIN batches b ON b.id = {p.batchId}"
            " JOIN (SELECT {batchId}, SUM(qty) AS lying FROM {batchLocations} GROUP BY {batchId}) s"
            f" ON {{s.batchId}} = {{p.batchId}} WHERE {differs('s.lying', 'b.onHandQty')}"
        ),
    },
    inventoryMovements={
        "a movement adds up, and leaves no less than nothing": (
            "{quantityAfter} < 0 OR {quantityBefore} < 0"
            f" OR ABS({{quantityBefore}} + {{quantityChange}} - {{quantityAfter}}) > {CENT}"
        ),
        "a movement begins where the one before it ended": (
            "SELECT id FROM (SELECT id, {quantityBefore}, {createdAt},"
            " LAG({quantityAfter}) OVER (PARTITION BY {batchId} ORDER BY id) AS {leftOver},"
            " LAG({createdAt}) OVER (PARTITION BY {batchId} ORDER BY id) AS earlier"
            " FROM {inventoryMovements}) m"
            f" WHERE ABS({{quantityBefore}} - COALESCE({{leftOver}}, 0)) > {CENT}"
            " OR {createdAt} < earlier"
        ),
        "nothing moves before its batch came in": (
            "SELECT m.id FROM {inventoryMovements} m JOIN batches b ON b.id = {m.batchId}"
            " WHERE {m.createdAt} < {b.createdAt}"
        ),
    },
)

_TAKES_STOCK = "NOT o.is_draft AND {o.orderType} = 'SALE' AND {o.fulfillmentStatus} <> 'CANCELLED'"
_GONE = "('SHIPPED', 'DELIVERED', 'RETURNED', 'RESTOCKED', 'RETURNED_TO_VENDOR')"
_WAITING = "('CONFIRMED', 'READY_FOR_PACKING', 'PACKED')"

_SALES = declared(
    orders={
        "ORD-001 an order's total is the sum of quantity times price": (
            "SELECT o.id FROM orders o JOIN (SELECT order_id, SUM(line_total) AS listed,"
            " SUM(quantity * unit_price) AS billed FROM order_line_items GROUP BY order_id) l"
            " ON l.order_id = o.id"
            f" WHERE {differs('o.total', 'l.billed')} OR {differs('o.total', 'l.listed')}"
            f" OR {differs('o.subtotal', 'o.total')}"
        ),
        "an order has lines": (
            "SELECT o.id FROM orders o WHERE NOT EXISTS"
            " (SELECT 1 FROM order_line_items l WHERE l.order_id = o.id)"
        ),
        "an order's cost and margin are those of its lines": (
            "SELECT o.id FROM orders o JOIN (SELECT order_id, SUM(quantity * cogs_per_unit) AS cost"
            " FROM order_line_items GROUP BY order_id) l ON l.order_id = o.id"
            f" WHERE {differs('o.total_cogs', 'l.cost')}"
            f" OR {differs('o.total_margin', '(o.total - o.total_cogs)')}"
        ),
        "what was shipped has left by SALE movements, nothing else has": (
            "SELECT o.id FROM orders o"
            " LEFT JOIN (SELECT {referenceId}, -SUM({quantityChange}) AS gone"
            " FROM {inventoryMovements} WHERE {inventoryMovementType} = 'SALE'"
            " AND {referenceType} = 'ORDER' GROUP BY {referenceId}) m ON {m.referenceId} = o.id"
            " LEFT JOIN (SELECT order_id, SUM(quantity) AS ordered FROM order_line_items"
            " GROUP BY order_id) l ON l.order_id = o.id"
            f" WHERE ABS(COALESCE(m.gone, 0) - CASE WHEN {{o.fulfillmentStatus}} IN {_GONE}"
            f" THEN l.ordered ELSE 0 END) > {CENT}"
        ),
        "no two orders share an invoice": shared("orders", "invoice_id"),
        "what has left is invoiced, nothing else is": (
            f"({{fulfillmentStatus}} IN {_GONE}) <> (invoice_id IS NOT NULL)"
        ),
        "a sale's status is its invoice's": (
            "SELECT o.id FROM orders o JOIN invoices i ON i.id = o.invoice_id"
            " WHERE {o.saleStatus} <> CASE i.status WHEN 'VOID' THEN 'CANCELLED'"
            " WHEN 'PAID' THEN 'PAID' WHEN 'PARTIAL' THEN 'PARTIAL' WHEN 'OVERDUE' THEN 'OVERDUE'"
            " ELSE 'PENDING' END"
        ),
        "orders come from buyers": (
            "SELECT o.id FROM orders o JOIN clients c ON c.id = o.client_id"
            " WHERE c.is_buyer IS NOT TRUE"
        ),
        "drafts are drafts: no sale status, no stage, no invoice": (
            "is_draft AND ({saleStatus} IS NOT NULL"
            " OR {fulfillmentStatus} <> 'DRAFT' OR invoice_id IS NOT NULL"
            " OR COALESCE({quoteStatus}, 'UNSENT') <> 'UNSENT')"
        ),
        "quotes have a quote status and sales have none": (
            "({orderType} = 'QUOTE') <> ({quoteStatus} IS NOT NULL)"
        ),
        "a converted quote has one sale to the same client, made later": (
            "SELECT q.id FROM orders q LEFT JOIN (SELECT converted_from_order_id AS quote,"
            " COUNT(*) AS number, MIN(client_id) AS client, MIN(created_at) AS made"
            " FROM orders WHERE converted_from_order_id IS NOT NULL AND {orderType} = 'SALE'"
            " GROUP BY converted_from_order_id) s ON s.quote = q.id"
            " WHERE {q.quoteStatus} = 'CONVERTED' AND (COALESCE(s.number, 0) <> 1"
            " OR s.client <> q.client_id OR s.made < q.created_at)"
        ),
        "the last stage in an order's history is the one it is at": (
            "SELECT o.id FROM orders o LEFT JOIN (SELECT order_id, MAX(id) AS latest"
            " FROM order_status_history GROUP BY order_id) m ON m.order_id = o.id"
            " LEFT JOIN order_status_history h ON h.id = m.latest"
            " WHERE ({o.orderType} = 'SALE' AND h.id IS NULL)"
            " OR {h.fulfillmentStatus} <> {o.fulfillmentStatus}"
        ),
        "an order comes after its client and its batches, and is shipped after that": (
            "SELECT o.id FROM orders o JOIN clients c ON c.id = o.client_id"
            " LEFT JOIN (SELECT l.order_id, MAX({b.createdAt}) AS stocked FROM order_line_items l"
            " JOIN batches b ON b.id = l.batch_id GROUP BY l.order_id) s ON s.order_id = o.id"
            " WHERE o.created_at < c.created_at OR o.created_at < s.stocked"
            " OR o.confirmed_at < o.created_at OR o.packed_at < o.confirmed_at"
            " OR o.shipped_at < o.packed_at"
        ),
    },
    order_line_items={
        "quantities and prices are above zero": (
            "quantity <= 0 OR (unit_price <= 0 AND NOT is_sample)"
        ),
        "a sale's lines are allocated in full, those of drafts and quotes not at all": (
            "SELECT l.id FROM order_line_items l JOIN orders o ON o.id = l.order_id"
            " LEFT JOIN (SELECT order_line_item_id, SUM(quantity_allocated) AS allocated"
            " FROM order_line_item_allocations GROUP BY order_line_item_id) a"
            " ON a.order_line_item_id = l.id"
            f" WHERE ABS(COALESCE(a.allocated, 0) - CASE WHEN {_TAKES_STOCK} THEN l.quantity"
            f" ELSE 0 END) > {CENT}"
        ),
    },
    order_line_item_allocations={
        "stock is allocated from batches that are or were live, of the line's product": (
            "SELECT a.id FROM order_line_item_allocations a JOIN batches b ON b.id = a.batch_id"
            " JOIN order_line_items l ON l.id = a.order_line_item_id"
            " JOIN batches c ON c.id = l.batch_id"
            # A batch that is recalled is quarantined after it was sold from.
            " WHERE {b.batchStatus} NOT IN ('LIVE', 'SOLD_OUT', 'QUARANTINED')"
            " OR {b.productId} <> {c.productId}"
        ),
    },
    batches={
        "first in, first out: an older batch of a product was done when a newer one began": (
            "SELECT w.id FROM (SELECT b.id, s.opened, MAX(s.ended) OVER older AS ended,"
            " MAX(CASE WHEN {b.batchStatus} = 'LIVE' THEN 1 ELSE 0 END) OVER older AS live"
            " FROM batches b JOIN (SELECT a.batch_id, MIN(l.order_id) AS opened,"
            " MAX(l.order_id) AS ended FROM order_line_item_allocations a"
            " JOIN order_line_items l ON l.id = a.order_line_item_id GROUP BY a.batch_id) s"
            " ON s.batch_id = b.id WINDOW older AS (PARTITION BY {b.productId}"
            " ORDER BY {b.createdAt}, b.id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) w"
            " WHERE w.ended > w.opened OR w.live = 1"
        ),
        "reservedQty is what open sales have allocated": not_the_sum(
            "batches.reservedQty",
            "quantity_allocated",
            "order_line_item_allocations a"
            " JOIN order_line_items l ON l.id = a.order_line_item_id"
            " JOIN orders o ON o.id = l.order_id"
            f" WHERE {{o.fulfillmentStatus}} IN {_WAITING} AND NOT o.is_draft",
            "a.batch_id",
        ),
    },
    inventoryMovements={
        "a movement that refers to an order has one": (
            "SELECT m.id FROM {inventoryMovements} m LEFT JOIN orders o ON o.id = {m.referenceId}"
            " WHERE {m.referenceType} = 'ORDER' AND o.id IS NULL"
        ),
    },
    invoices={
        "AR-001 what is due is the total less what is paid": (
            f"{differs('amountDue', '({totalAmount} - {amountPaid})')}"
        ),
        "AR-002 what is paid is the sum of the payments": not_the_sum(
            "invoices.amountPaid", "amount", "payments WHERE deleted_at IS NULL", "invoiceId"
        ),
        "an invoice is PAID when nothing is due, PARTIAL in between, else unpaid": (
            f"(status = 'PAID') <> (ABS({{amountDue}}) < {CENT})"
            f" OR (status = 'PARTIAL') <> ({{amountPaid}} > {CENT} AND {{amountDue}} > {CENT})"
        ),
        "an invoice is its order's: client, total and back": (
            "SELECT i.id FROM invoices i LEFT JOIN orders o ON o.id = {i.referenceId}"
            " WHERE {i.referenceType} = 'ORDER' AND (o.id IS NULL OR o.invoice_id <> i.id"
            f" OR o.client_id <> {{i.customerId}} OR {differs('o.total', 'i.totalAmount')})"
        ),
        "an invoice's lines add up to it": not_the_sum(
            "invoices.totalAmount", "lineTotal", "invoiceLineItems", "invoiceId"
        ),
        "an invoice comes with its shipment or later, and is due no earlier": (
            "SELECT i.id FROM invoices i JOIN orders o ON o.invoice_id = i.id"
            " WHERE o.shipped_at IS NULL OR {i.createdAt} < o.shipped_at"
            " OR {i.dueDate} < {i.invoiceDate}"
        ),
    },
    payments={
        "PAY-001 payments are above zero": "amount <= 0",
        "a payment is its invoice's client's, and applied in full": (
            "SELECT p.id FROM payments p JOIN invoices i ON i.id = {p.invoiceId}"
            " LEFT JOIN (SELECT payment_id, SUM(allocated_amount) AS applied FROM invoice_payments"
            " GROUP BY payment_id) a ON a.payment_id = p.id"
            " WHERE {p.customerId} <> {i.customerId}"
            f" OR {differs('p.amount', 'COALESCE(a.applied, 0)')}"
        ),
        "a payment comes after its invoice": (
            "SELECT p.id FROM payments p JOIN invoices i ON i.id = {p.invoiceId}"
            " WHERE {p.paymentDate} < {i.invoiceDate}"
        ),
    },
    clients={
        "total_owed is what is due on invoices that are neither paid nor void": not_the_sum(
            "clients.total_owed",
            "amountDue",
            "invoices WHERE status NOT IN ('PAID', 'VOID')",
            "customerId",
        ),
        "a client's account shows its invoices and payments": not_the_sum(
            "clients.total_owed",
            "CASE WHEN transaction_type = 'INVOICE' THEN amount ELSE -amount END",
            "client_transactions",
            "client_id",
        ),
    },
    order_status_history={
        "an order's history goes forward in time": (
            "SELECT id FROM (SELECT id, changed_at,"
            " LAG(changed_at) OVER (PARTITION BY order_id ORDER BY id) AS earlier"
            " FROM order_status_history) h WHERE changed_at < earlier"
        ),
    },
)


# The checks of stock once more, now that batches are sold from.
ORDERS = (*_STATUS, *INVENTORY, *_SALES)
