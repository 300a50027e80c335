"""The TERP seeders: ``catalogue``, ``clients``, ``batches``, ``inventory``, ``orders``.

They tell one story, the last two years of a wholesale business, which is
simulated once for each root seed, as-of day and set of row counts.
Importing the package registers them.
"""

from __future__ import annotations

from terp_seed.terp import catalogue, clients, inventory, lots, orders, references

__all__ = ["catalogue", "clients", "inventory", "lots", "orders", "references"]
