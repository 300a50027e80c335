"""Rows by name, as tests want them: by their natural key, or by what is in some columns."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from terp_seed.ledger.ledger import Ledger
from terp_seed.testing.seeded_transaction import SeededTransaction

__all__ = ["NamedRows", "Seeded"]

_MOST = 10_000  # keys that are read for a message
_NEAR = 3


class NamedRows(ABC):
    """Finds rows of a seeded database.  Values have the types that SQLAlchemy gives the columns."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._tables: dict[str, sa.Table] = {}

    @property
    @abstractmethod
    def connection(self) -> Connection:
        """A connection to the database."""

    def row(self, table: str, *key: object) -> sa.Row[Any]:
        """The row with this natural key.

        Raises `LookupError`, with the nearest names, for a table that was not seeded and for a key
        that no row has.
        """
        names = self._natural_key(table)
        if len(names) != len(key):
            raise LookupError(f"{table}: its natural key is {', '.join(names)}; give each of them")
        found = self._find(table, dict(zip(names, key, strict=True)))
        if found is None:
            columns = [self._column(table, name) for name in names]
            keys = self.connection.execute(sa.select(*columns).limit(_MOST)).all()
            known = [", ".join(map(str, line)) for line in keys]
            wanted = ", ".join(map(str, key))
            raise LookupError(
                f"{table}: no row has {', '.join(names)} {wanted!r}{_near(wanted, known)}"
            )
        return found

    def one(self, table: str, **where: object) -> sa.Row[Any]:
        """The first row, by the primary key, with these values.

        Raises `LookupError` for a column that the table has not, and if no row has these values.
        """
        found = self._find(table, where)
        if found is None and not where:
            raise LookupError(f"{table}: has no rows")
        if found is None:
            said = ", ".join(f"{name}={value!r}" for name, value in where.items())
            hints = []
            for name, value in where.items():
                column = self._column(table, name)
                values = sa.select(column).distinct().where(column.is_not(None)).limit(_MOST)
                known = [str(one) for one in self.connection.execute(values).scalars()]
                if str(value) not in known:
                    hints.append(f"; no row has {name} {value!r}{_near(str(value), known)}")
            raise LookupError(f"{table}: no row with {said}{''.join(hints)}")
        return found

    def _find(self, table: str, where: dict[str, object]) -> sa.Row[Any] | None:
        reflected = self._table(table)
        conditions = [self._column(table, name) == value for name, value in where.items()]
        select = sa.select(reflected).where(*conditions).order_by(*reflected.primary_key).limit(1)
        return self.connection.execute(select).first()

    def _natural_key(self, table: str) -> list[str]:
        self._table(table)
        ranges = self._ledger.ranges(self.connection)
        seeded = [seeded for seeded in ranges if seeded.table == table]
        if not seeded:
            known = sorted({one.table for one in ranges})
            raise LookupError(f"{table}: was not seeded{_near(table, known)}")
        if not seeded[0].shape.key:
            raise LookupError(f"{table}: has no natural key; use one({table!r}, column=value)")
        return [*seeded[0].shape.key]

    def _table(self, table: str) -> sa.Table:
        if table not in self._tables:
            schema, _, name = table.rpartition(".")
            inspector = sa.inspect(self.connection)
            if not inspector.has_table(name, schema=schema or None):
                known = inspector.get_table_names(schema=schema or None)
                raise LookupError(f"{table}: does not exist{_near(table, known)}")
            reflected = sa.Table(
                name,
                sa.MetaData(),
                schema=schema or None,
                autoload_with=self.connection,
                resolve_fks=False,
            )
            self._tables[table] = reflected
        return self._tables[table]

    def _column(self, table: str, name: str) -> sa.Column[Any]:
        columns = self._table(table).columns
        if name not in columns:
            raise LookupError(f"{table}: has no column {name}{_near(name, columns.keys())}")
        return columns[name]


class Seeded(NamedRows):
    """Seeds to a revision when it is called."""

    def __init__(self, transaction: SeededTransaction) -> None:
        super().__init__(transaction.ledger)
        self._transaction = transaction

    @property
    def connection(self) -> Connection:
        """The connection, in a transaction that is rolled back when the test ends."""
        return self._transaction.connection

    def __call__(self, target: str = "head", **x: object) -> Connection:
        """Seed to a revision; keywords are the ``-x`` keys.  Returns the connection."""
        return self._transaction.seed(target, x)


def _near(wanted: str, known: Iterable[str]) -> str:
    """The nearest of the names, for a message."""
    close = get_close_matches(wanted, [*known], n=_NEAR)
    return f"; near it: {', '.join(close)}" if close else ""
