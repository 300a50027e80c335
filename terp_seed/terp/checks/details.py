"""The invariants of disputes, sales prices and pictures of products."""

from __future__ import annotations

from terp_seed.terp.checks.rules import CENT, declared, differs

DETAILS = declared(
    invoice_disputes={
        "a dispute is about an invoice of its client, and comes later": (
            "SELECT d.id FROM invoice_disputes d JOIN invoices i ON i.id = d.invoice_id"
            " WHERE d.client_id <> {i.customerId} OR d.created_at < {i.createdAt}"
            f" OR d.disputed_amount > {{i.totalAmount}} + {CENT} OR i.status = 'VOID'"
        ),
        "a dispute that is settled says when, and what for": (
            "(dispute_status IN ('RESOLVED', 'REJECTED')) <> (resolved_at IS NOT NULL)"
            " OR (dispute_status = 'RESOLVED') <> (adjustment_amount IS NOT NULL)"
            " OR (resolved_at IS NULL) <> (resolution_notes IS NULL) OR resolved_at < created_at"
            f" OR adjustment_amount > disputed_amount + {CENT}"
        ),
        "what a dispute was settled with is a credit of the client": (
            "SELECT d.id FROM invoice_disputes d WHERE d.dispute_status = 'RESOLVED'"
            " AND NOT EXISTS (SELECT 1 FROM credits c WHERE {c.clientId} = d.client_id"
            f" AND NOT {differs('c.creditAmount', 'd.adjustment_amount')}"
            " AND {c.creditStatus} <> 'VOID')"
        ),
    },
    price_history={
        "what a batch was sold for is a line of the client's order": (
            "SELECT h.id FROM price_history h LEFT JOIN orders o ON o.id = h.order_id"
            " AND o.client_id = h.client_id WHERE h.transaction_type = 'SALE' AND (o.id IS NULL"
            f" OR {differs('h.total_price', '(h.quantity * h.unit_price)')}"
            " OR NOT EXISTS (SELECT 1 FROM order_line_items l WHERE l.order_id = h.order_id"
            " AND l.batch_id = h.batch_id AND l.unit_price = h.unit_price"
            " AND l.quantity = h.quantity))"
        ),
    },
    batches={
        "a batch lies at a place that there is": (
            "SELECT {p.batchId} AS id FROM {batchLocations} p WHERE p.rack IS NOT NULL"
            " AND p.shelf IS NOT NULL AND p.bin IS NOT NULL AND NOT EXISTS"
            " (SELECT 1 FROM locations l WHERE l.site = p.site AND l.zone = p.zone"
            " AND l.rack = p.rack AND l.shelf = p.shelf AND l.bin = p.bin)"
        ),
        "the product of a batch that was photographed has a picture": (
            "SELECT b.id FROM batches b WHERE {b.isPhotographyComplete} AND NOT EXISTS"
            " (SELECT 1 FROM {productMedia} m WHERE {m.productId} = {b.productId})"
        ),
    },
)
