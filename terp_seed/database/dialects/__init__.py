"""The engines: one small module each; importing a module registers its engine."""

from terp_seed.database.dialects.base import Canonical, Dialect, Lock, Reference
from terp_seed.database.dialects.mysql import MySQL
from terp_seed.database.dialects.sqlite import SQLite
from terp_seed.errors import UsageError

__all__ = ["Canonical", "Dialect", "Lock", "MySQL", "Reference", "SQLite", "dialect_named"]


def dialect_named(name: str) -> Dialect:
    """The engine for a SQLAlchemy dialect name; `UsageError` if there is none."""
    try:
        return Dialect.by_name[name]()
    except KeyError:
        known = ", ".join(sorted(Dialect.by_name))
        raise UsageError(f"{name}: no such engine here; terp_seed seeds {known}") from None
