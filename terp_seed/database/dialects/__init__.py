"""The engines: each is a subclass of `Dialect` in a module of its own, and a line here.

A package of its own registers one by an entry point of the group
``terp_seed.engines``, whose name is SQLAlchemy's name of the engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, cast

from terp_seed.database.dialects.base import Dialect
from terp_seed.database.dialects.catalogue import STATEMENT_CHARACTERS
from terp_seed.database.dialects.model import (
    Canonical,
    Copy,
    Kind,
    Piece,
    Problem,
    Reference,
    Staged,
    Written,
    join_table,
    split_table,
)
from terp_seed.database.dialects.mysql import MySQL
from terp_seed.database.dialects.postgresql import PostgreSQL
from terp_seed.database.dialects.sessions import Lock
from terp_seed.database.dialects.sqlite import SQLite
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

__all__ = [
    "ENGINES",
    "STATEMENT_CHARACTERS",
    "Canonical",
    "Copy",
    "Dialect",
    "Kind",
    "Lock",
    "MySQL",
    "Piece",
    "PostgreSQL",
    "Problem",
    "Reference",
    "SQLite",
    "Staged",
    "Written",
    "dialect_named",
    "dialect_of",
    "join_table",
    "problem_of",
    "split_table",
]

ENGINES: tuple[type[Dialect], ...] = (MySQL, PostgreSQL, SQLite)
"""The engines of this package."""

_GROUP = "terp_seed.engines"


def dialect_named(name: str) -> Dialect:
    """The engine for a SQLAlchemy dialect name; `UsageError` if there is none."""
    for engine in ENGINES:
        if name in engine.names:
            return engine()
    for found in entry_points(group=_GROUP, name=name):
        return cast("type[Dialect]", found.load())()
    known = ", ".join(sorted(name for engine in ENGINES for name in engine.names))
    raise UsageError(f"{name}: no such engine here; terp_seed seeds {known}")


def dialect_of(connection: Connection) -> Dialect:
    """The engine of a connection; `UsageError` if there is none."""
    return dialect_named(connection.dialect.name)


def problem_of(error: BaseException) -> Problem:
    """What a driver's error means, in the words of the engine that the driver belongs to."""
    module = type(error).__module__.partition(".")[0]
    others = (found.load() for found in entry_points(group=_GROUP))
    for engine in (*ENGINES, *cast("Iterable[type[Dialect]]", others)):
        if engine.driver == module:
            return engine().translate(error)
    kind = type(error).__name__
    return Problem(Kind.REFUSED, f"the database refused the statement ({kind})")
