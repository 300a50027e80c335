"""The engines: each is a subclass of `Dialect` in a module here, and an entry of `ENGINES`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from terp_seed.database.dialects.base import Dialect
from terp_seed.database.dialects.catalogue import STATEMENT_CHARACTERS
from terp_seed.database.dialects.kept import KEPT_PREFIX
from terp_seed.database.dialects.model import (
    Canonical,
    Copy,
    KeptTable,
    Kind,
    Loaded,
    Piece,
    Problem,
    Reference,
    Staged,
    TransactionLimit,
    Trigger,
    Written,
    join_table,
    split_table,
)
from terp_seed.database.dialects.mysql import MySQL
from terp_seed.database.dialects.postgresql import PostgreSQL
from terp_seed.database.dialects.sessions import EXACT, Lock
from terp_seed.database.dialects.sqlite import SQLite
from terp_seed.database.dialects.values import equal_to
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = [
    "ENGINES",
    "EXACT",
    "KEPT_PREFIX",
    "STATEMENT_CHARACTERS",
    "Canonical",
    "Copy",
    "Dialect",
    "KeptTable",
    "Kind",
    "Loaded",
    "Lock",
    "MySQL",
    "Piece",
    "PostgreSQL",
    "Problem",
    "Reference",
    "SQLite",
    "Staged",
    "TransactionLimit",
    "Trigger",
    "Written",
    "dialect_named",
    "dialect_of",
    "equal_to",
    "join_table",
    "problem_of",
    "split_table",
]

ENGINES: tuple[type[Dialect], ...] = (MySQL, PostgreSQL, SQLite)
"""The engines of this package."""


def dialect_named(name: str) -> Dialect:
    """The engine for a SQLAlchemy dialect name; `UsageError` if there is none."""
    for engine in ENGINES:
        if name in engine.names:
            return engine()
    known = sorted(name for engine in ENGINES for name in engine.names)
    near = next((other for other in known if other.startswith(name) or name.startswith(other)), "")
    advice = f"write {near}://" if near else f"terp_seed seeds {', '.join(known)}"
    raise UsageError(f"{name}: no such engine here; {advice}")


def dialect_of(connection: Connection) -> Dialect:
    """The engine of a connection; `UsageError` if there is none."""
    return dialect_named(connection.dialect.name)


def problem_of(error: BaseException, key: str | None = None) -> Problem:
    """What a driver's error means, in the words of the engine that the driver belongs to.

    ``key`` is the reserved integer key of the rows being written, if they have one.
    """
    module = type(error).__module__.partition(".")[0]
    for engine in ENGINES:
        if engine.driver == module:
            return engine().translate(error, key)
    kind = type(error).__name__
    return Problem(Kind.REFUSED, f"the database refused the statement ({kind})")
