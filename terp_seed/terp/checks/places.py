"""The invariants of places, prices and pictures."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared, differs, not_the_sum

PLACES = declared(
    batch_zone_assignments={
        "a batch's zone is where it lies, with what is on hand": (
            "SELECT a.id FROM batch_zone_assignments a JOIN batches b ON b.id = a.batch_id"
            " JOIN storage_zones z ON z.id = a.zone_id JOIN sites s ON s.id = z.site_id"
            " JOIN {batchLocations} p ON {p.batchId} = a.batch_id"
            f" WHERE {differs('a.quantity', 'b.onHandQty')}"
            " OR p.site <> s.name OR p.zone <> z.name"
        ),
    },
    storage_zones={
        "a zone holds what its batches come to": not_the_sum(
            "storage_zones.current_capacity", "quantity", "batch_zone_assignments", "zone_id"
        ),
    },
    price_history={
        "what a batch was bought for is its receipt": (
            "SELECT h.id FROM price_history h JOIN batches b ON b.id = h.batch_id"
            " JOIN lots l ON l.id = {b.lotId} WHERE h.transaction_type = 'PURCHASE'"
            f" AND ({differs('h.total_price', '(h.quantity * h.unit_price)')}"
            " OR h.product_id <> {b.productId} OR h.supplier_id <> l.supplier_client_id)"
        ),
    },
    batches={
        "a batch that was photographed has a picture": (
            "SELECT b.id FROM batches b WHERE {b.isPhotographyComplete} AND NOT EXISTS"
            " (SELECT 1 FROM product_images i WHERE i.batch_id = b.id"
            " AND i.product_id = {b.productId})"
        ),
    },
    clients={
        "a supplier is tagged as one, a buyer is not": (
            "SELECT t.id FROM (SELECT {g.clientId} AS id, MAX(CASE WHEN {n.standardizedName} ="
            " 'seed-supplier' THEN 1 ELSE 0 END) AS supplier FROM {clientTags} g"
            " JOIN tags n ON n.id = {g.tagId} WHERE {n.standardizedName} LIKE 'seed-%'"
            " GROUP BY {g.clientId}) t JOIN clients c ON c.id = t.id"
            " WHERE (t.supplier = 1) <> c.is_seller"
        ),
    },
)
