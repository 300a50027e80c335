"""What the Python peers share: the URL, the number of rows, the table, and the days."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta

import sqlalchemy as sa

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
)


def day(number: int) -> datetime:
    """A moment of the last few years."""
    return datetime(2023, 1, 1) + timedelta(minutes=number * 17 % 1_500_000)
