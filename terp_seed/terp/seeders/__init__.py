"""The TERP seeders: ``catalogue``, ``clients``, ``batches``, ``inventory``, ``orders``.

Importing this package registers them; ``seeders = terp_seed.terp.seeders`` in alembic.ini does.
"""

from __future__ import annotations

from terp_seed.terp.seeders import catalogue, clients, inventory, lots, orders, references

__all__ = ["catalogue", "clients", "inventory", "lots", "orders", "references"]
