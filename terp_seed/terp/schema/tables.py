"""All tables of the sandbox, in one `metadata`.

They are TERP's physical tables: names, types, NOT NULL, defaults, unique keys,
indexes and foreign keys are those of the real database, and where TERP has a
reference without a constraint there is none here either.

Left out, since the tables they point at are not part of the sandbox (the
columns are there)::

    batches.photo_session_event_id  ->  calendar_events
    orders.intake_event_id          ->  calendar_events
    payments.bankAccountId          ->  bankAccounts
    payments.billId                 ->  bills

The CHECKs of ``batches`` are those of TERP's migration 0060; a TERP built by
``drizzle-kit push`` lacks them.

Revision ``0001_terp`` creates what these modules say, so they are frozen with
it: a later change of TERP's schema is a later revision, written in operations.
"""

from __future__ import annotations

from terp_seed.terp.schema import catalogue, money, orders, parties, stock
from terp_seed.terp.schema.shape import metadata

__all__ = ["catalogue", "metadata", "money", "orders", "parties", "stock"]
