"""The invariants of what was sold."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared, differs

SOLD = (
    "SELECT a.batch_id, SUM(a.quantity_allocated) AS units,"
    " SUM(a.quantity_allocated * a.unit_cost) AS cost FROM order_line_item_allocations a"
    " JOIN order_line_items l ON l.id = a.order_line_item_id JOIN orders o ON o.id = l.order_id"
    " WHERE {o.orderType} = 'SALE' AND NOT o.is_draft AND o.shipped_at IS NOT NULL"
    " AND ({o.saleStatus} IS NULL OR {o.saleStatus} <> 'CANCELLED') GROUP BY a.batch_id"
)
"""What shipped of each batch by orders that were not cancelled, and what it had cost."""

SALES = declared(
    batches={
        "what was sold of a batch is what shipped of it": (
            f"SELECT b.id FROM batches b LEFT JOIN ({SOLD}) o ON o.batch_id = b.id"
            " LEFT JOIN (SELECT {batchId}, SUM(quantity) AS units,"
            " SUM(quantity * {cogsAtSale}) AS cost FROM sales WHERE deleted_at IS NULL"
            " GROUP BY {batchId}) s ON {s.batchId} = b.id"
            f" WHERE {differs('COALESCE(s.units, 0)', 'COALESCE(o.units, 0)')}"
            f" OR {differs('COALESCE(s.cost, 0)', 'COALESCE(o.cost, 0)')}"
        ),
    },
    clients={
        "what was sold to a client is what it was invoiced": (
            "SELECT c.id FROM clients c LEFT JOIN (SELECT {customerId},"
            " SUM(quantity * {salePrice}) AS total FROM sales WHERE deleted_at IS NULL"
            " GROUP BY {customerId}) s ON {s.customerId} = c.id"
            " LEFT JOIN (SELECT {customerId}, SUM({totalAmount}) AS total FROM invoices"
            " WHERE status <> 'VOID' GROUP BY {customerId}) i ON {i.customerId} = c.id"
            f" WHERE {differs('COALESCE(s.total, 0)', 'COALESCE(i.total, 0)')}"
        ),
    },
    sales={
        "a sale is of its batch's product, and comes after the batch": (
            "SELECT s.id FROM sales s JOIN batches b ON b.id = {s.batchId}"
            " WHERE {s.productId} <> {b.productId} OR {s.saleDate} < {b.createdAt}"
        ),
    },
)
