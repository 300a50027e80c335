"""The digests of seeded rows as they stand, from texts that the database joins.

A row comes as one text instead of thirty values, in a fifth of the time.  An
engine may write a rare value in another way than we do; then a digest differs
although the row is intact, and whoever asked must look at the values.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from terp_seed.database.dialects import Canonical
from terp_seed.database.session import Session
from terp_seed.errors import RollbackError
from terp_seed.ledger.ledger import SeededRange
from terp_seed.ledger.row_numbers import Ranges, first_key, numbered
from terp_seed.rows.digests import SEPARATOR, digested
from terp_seed.rows.literals import canonical_cells

__all__ = ["RowTexts"]


class RowTexts:
    """Reads rows of one range that has an integer key, with a lock if asked; does not write."""

    def __init__(self, session: Session, of: SeededRange, ranges: Ranges, lock: str = "") -> None:
        self._session, self._of, self._ranges, self._lock = session, of, ranges, lock
        self._held = of.shape.json_refs
        parts = groupby(of.shape.columns, lambda name: name in self._held)
        self._parts = [part for held, names in parts for part in _cut(held, list(names))]
        self._select = self._wanted()

    def digests(self, low: int, high: int) -> bytes:
        """The digests of the rows with these keys, in their order."""
        quote = self._session.dialect.quote
        key = quote(str(self._of.id))
        rows = self._session.rows(
            f"SELECT {self._select} FROM {quote(self._of.table)} "
            f"WHERE {key} BETWEEN {low} AND {high} ORDER BY {key}{self._lock}"
        )
        columns = [self._texts(place, rows) for place in range(len(self._parts))]
        return digested(map(SEPARATOR.encode().join, zip(*columns, strict=True)))

    def _wanted(self) -> str:
        of, dialect, kinds = self._of, self._session.dialect, self._kinds()

        def joined(names: Sequence[str]) -> str:
            texts = [
                Canonical(name, kinds[name], first_key(of, name, self._ranges)) for name in names
            ]
            return dialect.canonical(texts, SEPARATOR)

        return ", ".join(
            dialect.quote(part) if isinstance(part, str) else joined(part) for part in self._parts
        )

    def _kinds(self) -> dict[str, TypeEngine[Any]]:
        """The type of each column; `RollbackError` if a seeded one is not there any more."""
        table = self._of.table
        try:
            found = sa.inspect(self._session.connection).get_columns(table)
        except sa.exc.NoSuchTableError:
            found = []
        kinds = {each["name"]: each["type"] for each in found}
        gone = [name for name in self._of.shape.columns if name not in kinds]
        if gone:
            what = f"has no {', '.join(gone)}" if kinds else "is not there"
            raise RollbackError(
                f"revision {self._of.revision}: table {table} {what} any more, so nobody can tell "
                "whether its rows are as they were seeded; bring the schema back to what it was"
            )
        return kinds

    def _texts(self, place: int, rows: Sequence[Sequence[Any]]) -> Sequence[bytes]:
        values = [row[place] for row in rows]
        part = self._parts[place]
        if not isinstance(part, str):
            return values
        texts = canonical_cells(numbered(self._of, part, values, self._ranges))
        return [text.encode() for text in texts]


def _cut(held: bool, names: list[str]) -> Iterator[str | list[str]]:
    """Documents with ids by themselves, the columns between them together."""
    if held:
        yield from names
    else:
        yield names
