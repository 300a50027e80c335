"""The invariants of orders in the house and of what clients may owe."""

from __future__ import annotations

from terp_seed.terp.checks.rules import CENT, declared, differs

_PACKED = "('PACKED', 'SHIPPED', 'DELIVERED', 'RETURNED', 'RESTOCKED', 'RETURNED_TO_VENDOR')"

HOUSE = declared(
    orders={
        "every line of a packed order is in a bag, and no other": (
            "SELECT o.id FROM orders o LEFT JOIN (SELECT order_id, COUNT(*) AS number"
            " FROM order_line_items GROUP BY order_id) l ON l.order_id = o.id"
            " LEFT JOIN (SELECT b.order_id, COUNT(*) AS number FROM order_item_bags i"
            " JOIN order_bags b ON b.id = i.bag_id WHERE i.deleted_at IS NULL"
            " GROUP BY b.order_id) p ON p.order_id = o.id WHERE COALESCE(p.number, 0)"
            f" <> CASE WHEN {{o.fulfillmentStatus}} IN {_PACKED} THEN l.number ELSE 0 END"
        ),
    },
    order_item_bags={
        "a line is in a bag of its order": (
            "SELECT i.id FROM order_item_bags i JOIN order_bags b ON b.id = i.bag_id"
            " JOIN order_line_items l ON l.id = i.order_item_id WHERE l.order_id <> b.order_id"
        ),
    },
    order_bags={
        "a bag is never empty": (
            "SELECT b.id FROM order_bags b LEFT JOIN order_item_bags i ON i.bag_id = b.id"
            " WHERE i.id IS NULL"
        ),
    },
    order_audit_log={
        "a sale was made final, a draft or a quote was not": (
            "SELECT a.id FROM order_audit_log a JOIN orders o ON o.id = a.order_id"
            " WHERE (a.action = 'FINALIZE') <> (NOT o.is_draft AND {o.orderType} = 'SALE')"
            " AND a.action IN ('FINALIZE', 'CREATE_DRAFT')"
        ),
    },
    client_credit_limits={
        "a credit limit and what of it is used are the client's": (
            "SELECT l.id FROM client_credit_limits l JOIN clients c ON c.id = l.client_id"
            f" WHERE c.is_buyer IS NOT TRUE OR {differs('l.credit_limit', 'c.credit_limit')}"
            f" OR {differs('l.current_exposure', 'c.total_owed')}"
        ),
    },
    client_ledger_adjustments={
        "corrections of a client's ledger come to nothing": (
            "SELECT a.id FROM client_ledger_adjustments a JOIN (SELECT client_id,"
            " SUM(CASE transaction_type WHEN 'CREDIT' THEN -amount ELSE amount END) AS total"
            " FROM client_ledger_adjustments GROUP BY client_id) s ON s.client_id = a.client_id"
            f" WHERE ABS(s.total) > {CENT}"
        ),
    },
)
