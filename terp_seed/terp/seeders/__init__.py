"""The TERP seeders, in the order of their revisions: ``catalogue`` to ``workflow``.

Importing this package registers them; ``seeders = terp_seed.terp.seeders`` in alembic.ini does.
`terp_seed.terp.table` explains how a table is described.
"""

from __future__ import annotations

from terp_seed.terp.seeders import (
    batches,
    catalogue,
    clients,
    inventory,
    orders,
    payables,
    purchasing,
    returns,
    sales,
    samples,
    workflow,
)

__all__ = [
    "batches",
    "catalogue",
    "clients",
    "inventory",
    "orders",
    "payables",
    "purchasing",
    "returns",
    "sales",
    "samples",
    "workflow",
]
