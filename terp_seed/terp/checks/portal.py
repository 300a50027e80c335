"""The invariants of the clients' portal."""

from __future__ import annotations

from terp_seed.terp.checks.rules import CENT, declared, differs

PORTAL = declared(
    clients={
        "a client has a login and a configuration if it may enter the portal": (
            "SELECT c.id FROM clients c LEFT JOIN vip_portal_auth a ON a.client_id = c.id"
            " LEFT JOIN vip_portal_configurations p ON p.client_id = c.id"
            " WHERE c.vip_portal_enabled <> (a.id IS NOT NULL)"
            " OR (a.id IS NULL) <> (p.id IS NULL)"
        ),
    },
    vip_portal_auth={
        "a seeded login has no password, and the last one is the client's": (
            "SELECT a.id FROM vip_portal_auth a JOIN clients c ON c.id = a.client_id"
            " WHERE a.password_hash IS NOT NULL OR a.last_login_at <> c.vip_portal_last_login"
        ),
    },
    client_vip_status={
        "what a client has spent is what it was invoiced": (
            "SELECT s.id FROM client_vip_status s JOIN clients c ON c.id = s.client_id"
            f" WHERE {differs('s.lifetime_spend', 'c.total_spent')}"
            f" OR s.ytd_spend > s.lifetime_spend + {CENT}"
        ),
        "a client's tier is the highest that it reaches": (
            "SELECT s.id FROM client_vip_status s JOIN vip_tiers t ON t.id = s.current_tier_id"
            " LEFT JOIN vip_tiers n ON n.level = t.level + 1 AND n.name LIKE 'seed-%'"
            " WHERE NOT s.manual_tier_override AND t.name LIKE 'seed-%'"
            " AND (s.ytd_spend < t.min_spend_ytd OR s.ytd_spend >= n.min_spend_ytd)"
        ),
    },
    client_interest_lists={
        "a list comes to what its items come to": (
            "SELECT l.id FROM client_interest_lists l LEFT JOIN (SELECT interest_list_id,"
            " COUNT(*) AS number, SUM(price_at_interest * quantity_at_interest) AS total"
            " FROM client_interest_list_items GROUP BY interest_list_id) i"
            " ON i.interest_list_id = l.id WHERE l.total_items <> COALESCE(i.number, 0)"
            f" OR {differs('l.total_value', 'COALESCE(i.total, 0)')}"
        ),
        "a list that became an order is that order": (
            "SELECT l.id FROM client_interest_lists l"
            " LEFT JOIN orders o ON o.id = l.converted_to_order_id"
            " WHERE (l.status = 'CONVERTED') <> (o.id IS NOT NULL)"
            f" OR o.client_id <> l.client_id OR {differs('o.total', 'l.total_value')}"
        ),
    },
)
