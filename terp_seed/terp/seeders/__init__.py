"""The TERP seeders, in the order of their revisions: ``catalogue`` to ``details``.

Importing this package registers them; ``seeders = terp_seed.terp.seeders`` in alembic.ini does.
`terp_seed.terp.table` explains how a table is described.
"""

from __future__ import annotations

from terp_seed.terp.seeders import (
    batches,
    books,
    calendar,
    catalogue,
    clients,
    details,
    house,
    inventory,
    matching,
    orders,
    payables,
    people,
    places,
    portal,
    purchasing,
    returns,
    sales,
    samples,
    talk,
    workflow,
)

__all__ = [
    "batches",
    "books",
    "calendar",
    "catalogue",
    "clients",
    "details",
    "house",
    "inventory",
    "matching",
    "orders",
    "payables",
    "people",
    "places",
    "portal",
    "purchasing",
    "returns",
    "sales",
    "samples",
    "talk",
    "workflow",
]
