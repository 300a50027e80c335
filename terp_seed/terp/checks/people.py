"""The invariants of people and their rights."""

from __future__ import annotations

from terp_seed.terp.checks.rules import declared

RIGHTS = declared(
    user_roles={
        "a role is given to a person who is there": (
            "SELECT r.id FROM user_roles r LEFT JOIN users u ON {u.openId} = r.user_id"
            " WHERE u.id IS NULL"
        ),
    },
    roles={
        "a seeded role is given to a person": (
            "SELECT r.id FROM roles r LEFT JOIN user_roles u ON u.role_id = r.id"
            " WHERE r.name LIKE 'Seed %' AND u.id IS NULL"
        ),
    },
)
