"""The invariants of needs, supply and matches."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared

MATCHING = declared(
    client_needs={
        "buyers have needs, and an active one has not lapsed": (
            "SELECT n.id FROM client_needs n JOIN clients c ON c.id = n.client_id"
            " WHERE c.is_buyer IS NOT TRUE OR n.expires_at < n.created_at"
            " OR n.quantity_min > n.quantity_max"
        ),
    },
    client_wants={
        "a want is MATCHED when its product is on sale": (
            "SELECT w.id FROM client_wants w LEFT JOIN (SELECT DISTINCT {b.productId} AS product"
            " FROM batches b WHERE {b.batchStatus} = 'LIVE') l ON l.product = w.product_id"
            " WHERE (w.client_want_status = 'MATCHED') <> (l.product IS NOT NULL)"
            " OR (w.match_count > 0) <> (w.client_want_status = 'MATCHED')"
        ),
    },
    match_records={
        "a match is for the client who has the need, or had the order": (
            "SELECT m.id FROM match_records m LEFT JOIN client_needs n ON n.id = m.client_need_id"
            " LEFT JOIN orders o ON o.id = m.historical_order_id"
            " WHERE COALESCE(n.client_id, o.client_id, 0) <> m.client_id"
        ),
        "what matches is on sale, and the product that is looked for": (
            "SELECT m.id FROM match_records m JOIN batches b ON b.id = m.inventory_batch_id"
            " JOIN products p ON p.id = {b.productId}"
            " LEFT JOIN client_needs n ON n.id = m.client_need_id"
            " WHERE {b.batchStatus} <> 'LIVE' OR n.product_name <> {p.nameCanonical}"
        ),
        "an offer that matches is available, and what is looked for": (
            "SELECT m.id FROM match_records m JOIN vendor_supply s ON s.id = m.vendor_supply_id"
            " JOIN client_needs n ON n.id = m.client_need_id"
            " WHERE s.status <> 'AVAILABLE' OR n.product_name <> s.product_name"
        ),
    },
)
