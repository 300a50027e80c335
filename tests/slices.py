"""Slices in this process: of a database with an owner's rows, into targets of any engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from copies import Copy
from sqlalchemy.engine import make_url

from terp_seed.database.environment_stamp import stamp
from terp_seed.settings.options import Settings
from terp_seed.slice.request import DeclaredReference, Root, SliceRequest
from terp_seed.slice.run import SliceReport, slice_into
from terp_seed.slice.targets.database import DatabaseTarget
from terp_seed.slice.targets.script import ScriptTarget

__all__ = ["Target", "into", "refers", "request", "script", "tables_of"]


def tables_of(copy: Copy, url: str, tables: dict[str, str], stamped: str | None = "dev") -> Target:
    """An empty database with these tables, of any engine."""
    db = sa.create_engine(url, poolclass=sa.NullPool)
    with db.begin() as connection:
        for name, columns in tables.items():
            connection.exec_driver_sql(f"CREATE TABLE {name} ({columns})")
        if stamped:
            stamp(connection, stamped, origin="test")
    return Target(copy, url)


class Target:
    """A database that a slice goes into."""

    def __init__(self, copy: Copy, url: str) -> None:
        self.settings = Settings("seed", make_url(url), copy.home)
        self.db = sa.create_engine(url, poolclass=sa.NullPool)

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        with self.db.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def ids(self, table: str, column: str = "id") -> list[Any]:
        return [value for (value,) in self.all(f"SELECT {column} FROM {table} ORDER BY {column}")]


def request(table: str, *, depth: int = 1, **more: Any) -> SliceRequest:
    """A slice of one root; what a root does not know is the request's."""
    root = {name: more.pop(name) for name in ("where", "limit", "sample", "since") if name in more}
    return SliceRequest(roots=(Root(table, **root),), depth=depth, **more)


def refers(column: str, target: str) -> DeclaredReference:
    """A reference as slice.toml declares it: `refers("a.b$.c", "d.id")`."""
    place, dollar, path = column.partition("$")
    table, _, name = place.rpartition(".")
    target_table, _, key = target.rpartition(".")
    return DeclaredReference(table, name, f"${path}" if dollar else "", target_table, key)


def into(copy: Copy, target: Target | str, wanted: SliceRequest) -> SliceReport:
    """Slice into a database."""
    to = target if isinstance(target, Target) else Target(copy, target)
    return slice_into(copy.settings, wanted, DatabaseTarget(to.settings), lambda plan: None)


def script(copy: Copy, path: Path, wanted: SliceRequest) -> str:
    """Slice into a script, and return it."""
    slice_into(copy.settings, wanted, ScriptTarget(path), lambda plan: None)
    return path.read_text(encoding="utf-8")


Make = Callable[..., Copy]
