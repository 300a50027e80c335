"""What the tables and columns of a revision are called now: the schema has moved on since.

A `Renaming` is what ``op.seed_moved`` or ``op.seed_gone`` says.  It is about the revision that says
it and those before it, whether they are applied or not.  The live schema decides which name holds:
the newest that it has; a script, made without one, takes the newest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.types import TypeEngine

from terp_seed.database.dialects import split_table
from terp_seed.errors import PlanError

__all__ = ["LiveNames", "Renaming", "live_columns", "plain_type"]


@dataclass(frozen=True)
class Renaming:
    """A table, or ``table.column``, that has another name now, or is gone."""

    old: str
    new: str | None
    """None: it is gone."""
    revisions: frozenset[str]
    """Those that may use the old name."""

    def __str__(self) -> str:
        return f"{self.old} is gone" if self.new is None else f"{self.old} is {self.new} now"


@dataclass(frozen=True)
class LiveNames:
    """The names that a database has, for the names in revisions and in the ledger."""

    renamings: Sequence[Renaming] = ()
    """In the order of the chain."""
    connection: Connection | None = None
    """The database; None for a script."""
    replaced: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The revisions in whose place a squashed one is, by its id."""
    _read: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)

    def owned(self, revision: str) -> tuple[str, ...]:
        """The revisions under whose names the ledger may have the rows of one."""
        return (*self.replaced.get(revision, ()), revision)

    def owner(self, revision: str) -> str:
        """The revision to which rows belong that the ledger has under this name."""
        owners = (new for new, old in self.replaced.items() if revision in old)
        return next(owners, revision)

    def concern(self, revision: str) -> bool:
        """Whether anything that a revision may name was renamed since."""
        return bool(self._about(revision))

    def find_renamed_column(self, revision: str, table: str) -> Renaming | None:
        """A renaming that concerns a column of a table, by the name that the table has now."""
        renamings = (r for r in self._about(revision) if r.new is not None and "." in r.old)
        owners = ((r, r.new.rpartition(".")[0]) for r in renamings if r.new is not None)
        return next((r for r, owner in owners if self.table(revision, owner) == table), None)

    def table(self, revision: str, table: str) -> str | None:
        """The present name of a table of a revision; None if it is gone."""
        names: list[str | None] = [table]
        for renaming in self._about(revision):
            if renaming.old == names[-1]:
                names.append(renaming.new)
        return self._newest(names, lambda name: self._columns(name) is not None)

    def columns(self, revision: str, table: str, columns: Sequence[str]) -> dict[str, str | None]:
        """The present names of columns of a revision's table; None for one that is gone."""
        live = self._columns(self.table(revision, table) or table) or {}
        return {
            column: self._newest(self._history(revision, table, column), live.__contains__)
            for column in columns
        }

    def _history(self, revision: str, table: str, column: str) -> list[str | None]:
        """The names that a column has had, oldest first."""
        names: list[str | None] = [column]
        for renaming in self._about(revision):
            if renaming.old == table and renaming.new is not None:
                table = renaming.new
            elif names[-1] is not None and renaming.old == f"{table}.{names[-1]}":
                names.append(_column(renaming, table))
        return names

    def _newest(self, names: Sequence[str | None], is_live: Any) -> str | None:
        if len(names) > 1 and self.connection is not None:
            for name in reversed(names):
                if name is not None and is_live(name):
                    return name
        return names[-1]

    def _about(self, revision: str) -> Sequence[Renaming]:
        return [renaming for renaming in self.renamings if revision in renaming.revisions]

    def _columns(self, table: str) -> Mapping[str, Any] | None:
        if self.connection is None:
            return None
        if table not in self._read:
            self._read[table] = live_columns(self.connection, table)
        return self._read[table]


def _column(renaming: Renaming, table: str) -> str | None:
    """The name that a renaming gives a column of a table."""
    if renaming.new is None:
        return None
    head, _, column = renaming.new.rpartition(".")
    if head != table:
        raise PlanError(
            f"op.seed_moved: {renaming.old} cannot become {renaming.new}: a column stays in its "
            f"table, so write {table}.{column}"
        )
    return column


def live_columns(connection: Connection, table: str) -> dict[str, TypeEngine[Any]] | None:
    """The columns of a table with their types; None if it does not exist."""
    schema, name = split_table(table)
    try:
        columns = sa.inspect(connection).get_columns(name, schema=schema)
    except sa.exc.NoSuchTableError:
        return None
    return {column["name"]: plain_type(column["type"]) for column in columns} or None


def plain_type(kind: Any) -> Any:
    """The type itself; for a domain, the type that it restricts."""
    base = getattr(kind, "data_type", None)
    return kind if base is None else plain_type(base)
