"""What the Python peers share: the URL, the number of rows, the table, and the days."""

from __future__ import annotations

import random
import sys
from datetime import datetime, timedelta

import sqlalchemy as sa

random.seed(1)
URL, ROWS = sys.argv[1], int(sys.argv[2])
KINDS = ("DISPENSARY", "RETAIL", "DELIVERY", "DISTRIBUTOR", "OTHER")

metadata = sa.MetaData()
clients = sa.Table(
    "clients",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("teri_code", sa.String(50)),
    sa.Column("name", sa.String(255)),
    sa.Column("email", sa.String(320)),
    sa.Column("phone", sa.String(50)),
    sa.Column("address", sa.Text),
    sa.Column("businessType", sa.String(20)),
    sa.Column("is_buyer", sa.Boolean),
    sa.Column("is_seller", sa.Boolean),
    sa.Column("payment_terms", sa.Integer),
    sa.Column("credit_limit", sa.Numeric(15, 2)),
    sa.Column("created_at", sa.DateTime),
    sa.Column("updated_at", sa.DateTime),
    sa.Column("preferredContact", sa.String(10)),
    *(sa.Column(name, sa.Boolean) for name in ("is_brand", "is_referee", "is_contractor")),
    sa.Column("tags", sa.JSON),
    sa.Column("credit_limit_updated_at", sa.DateTime),
    sa.Column("creditLimitSource", sa.String(10)),
    sa.Column("credit_limit_override_reason", sa.Text),
    sa.Column("vip_portal_enabled", sa.Boolean),
    sa.Column("vip_portal_last_login", sa.DateTime),
    sa.Column("wishlist", sa.Text),
    sa.Column("referred_by_client_id", sa.Integer),
    *(sa.Column(name, sa.Numeric(15, 2)) for name in ("total_spent", "total_profit", "total_owed")),
    sa.Column("avg_profit_margin", sa.Numeric(5, 2)),
    sa.Column("oldest_debt_days", sa.Integer),
)

TAGS = (["regular"], ["regular", "net terms"], ["whale", "priority"], ["supplier"])
WISHES = (None, "New strains first", "Larger outdoor lots at a discount")


def day(number: int) -> datetime:
    """A moment of the last few years."""
    return datetime(2023, 1, 1) + timedelta(minutes=number * 17 % 1_500_000)


def rest(number: int) -> dict[str, object]:
    """The columns for which a script would hardly ask a library."""
    return {
        "is_buyer": True,
        "is_seller": number % 7 == 0,
        "is_brand": number % 21 == 0,
        "is_referee": number % 6 == 0,
        "is_contractor": number % 25 == 4,
        "created_at": day(number),
        "updated_at": day(number),
        "preferredContact": random.choice(("EMAIL", "PHONE", "TEXT", "ANY")),
        "payment_terms": random.choice((0, 7, 15, 30)),
        "tags": random.choice(TAGS),
        "credit_limit": random.randrange(20_000, 150_000),
        "credit_limit_updated_at": day(number + 90),
        "creditLimitSource": "MANUAL" if number % 20 == 0 else "CALCULATED",
        "credit_limit_override_reason": "Raised after a year" if number % 20 == 0 else None,
        "vip_portal_enabled": number % 13 == 0,
        "vip_portal_last_login": day(number + 300) if number % 13 == 0 else None,
        "wishlist": random.choice(WISHES),
        "referred_by_client_id": None,
        "total_spent": 0,
        "total_profit": 0,
        "avg_profit_margin": 0,
        "total_owed": 0,
        "oldest_debt_days": 0,
    }
