"""Versioned data for Alembic: the names that whoever writes a seeder needs.

Each is loaded when it is first asked for, so that ``import terp_seed`` costs nothing and
``alembic -n seed current`` stays quick.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from terp_seed.database.autogenerate import include_name
    from terp_seed.masking import custom
    from terp_seed.rows.columns import code, computed, constant, faker_pool, pick, reference, whole
    from terp_seed.rows.model import Json, Span, TableRows, measured, ref
    from terp_seed.rows.pools import invented
    from terp_seed.rows.seeders import Check, Derived, SeedContext, refers, scenarios, seeder

__all__ = [
    "Check",
    "Derived",
    "Json",
    "SeedContext",
    "Span",
    "TableRows",
    "code",
    "computed",
    "constant",
    "custom",
    "faker_pool",
    "include_name",
    "invented",
    "measured",
    "pick",
    "ref",
    "reference",
    "refers",
    "scenarios",
    "seeder",
    "whole",
]

_HOMES = {
    "database.autogenerate": ("include_name",),
    "masking": ("custom",),
    "rows.columns": ("code", "computed", "constant", "faker_pool", "pick", "reference", "whole"),
    "rows.model": ("Json", "Span", "TableRows", "measured", "ref"),
    "rows.pools": ("invented",),
    "rows.seeders": ("Check", "Derived", "SeedContext", "refers", "scenarios", "seeder"),
}


def __getattr__(name: str) -> object:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
