"""INSERTs of masked rows, and what is filled in behind them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice

from terp_seed.database.dialects import STATEMENT_CHARACTERS, Dialect, Written
from terp_seed.database.schema import TableFacts
from terp_seed.database.statements import Stream
from terp_seed.errors import PlanError
from terp_seed.rows.literals import NULL, UnwritableError, copy_fields
from terp_seed.rows.model import Cells
from terp_seed.run.renderer import cut_into_statements
from terp_seed.slice.closure import identity
from terp_seed.slice.order import TableOrder
from terp_seed.slice.references import SliceReference
from terp_seed.slice.targets.target import Columns

__all__ = ["RowStatements", "orphan_count"]


class RowStatements:
    """Passes rows on to a stream; references in circles follow at the end, by UPDATE."""

    def __init__(
        self,
        stream: Stream,
        dialect: Dialect,
        order: TableOrder,
        characters: int = STATEMENT_CHARACTERS,
    ) -> None:
        self._stream, self._dialect, self._order = stream, dialect, order
        self._characters = characters
        # Literals that are written anyway, so they may lie in a file.
        self._postponed = sqlite3.connect("", isolation_level=None)
        self._postponed.execute("CREATE TABLE later (place, cells)")
        self.rows: dict[str, int] = {}
        """How many rows of each table went in."""
        self.copies = False
        """Whether rows go in by COPY."""

    def close(self) -> None:
        self._postponed.close()

    def insert(self, facts: TableFacts, columns: Columns) -> None:
        """Write rows; `PlanError` for a value that the engine cannot hold."""
        later = self._order.later.get(facts.name, ())
        count = len(next(iter(columns.values())))
        start = self.rows.get(facts.name, 0)
        what = f"table {facts.name}, rows {start + 1} to {start + count}"
        if later:
            self._postpone(facts, columns, later)
        if self.copies:
            self._copy(facts, columns, later, what)
        else:
            self._insert(facts, columns, later, what)
        self.rows[facts.name] = start + count

    def _insert(self, facts: TableFacts, columns: Columns, later: Sequence[str], what: str) -> None:
        count = len(next(iter(columns.values())))
        written = [
            Written(name, [[NULL] * count if name in later else self._literals(what, name, values)])
            for name, values in columns.items()
        ]
        lines = [", ".join(row) for row in zip(*(each.texts[0] for each in written), strict=True)]
        most = self._dialect.rows_per_statement
        for part in cut_into_statements(map(len, lines), most, self._characters):
            sql = self._dialect.insert(facts.name, written, lines[part], {})
            self._stream.run(sql, rows=len(lines[part]), what=what)

    def _copy(self, facts: TableFacts, columns: Columns, later: Sequence[str], what: str) -> None:
        count = len(next(iter(columns.values())))
        fields = [
            _guarded(partial(copy_fields, Cells([None] * count if n in later else values)), what, n)
            for n, values in columns.items()
        ]
        data = "\n".join(["\t".join(row) for row in zip(*fields, strict=True)])
        listed = ", ".join(map(self._dialect.quote, columns))
        sql = f"COPY {self._dialect.quote_table(facts.name)} ({listed}) FROM STDIN"
        self._stream.copy(sql, f"{data}\n", rows=count, what=what)

    def _literals(self, what: str, name: str, values: Sequence[object]) -> Sequence[str]:
        return _guarded(partial(self._dialect.literals, Cells(values)), what, name)

    def _postpone(self, facts: TableFacts, columns: Columns, later: Sequence[str]) -> None:
        names = [*identity(facts), *later]
        what = f"table {facts.name}"
        cells = [self._literals(what, name, columns[name]) for name in names]
        waiting = [
            row
            for row in zip(*cells, strict=True)
            if any(cell != NULL for cell in row[-len(later) :])
        ]
        self._postponed.executemany(
            "INSERT INTO later VALUES (?, ?)", [(facts.name, json.dumps(row)) for row in waiting]
        )

    def complete(
        self, tables: Mapping[str, TableFacts], still: Mapping[str, Sequence[str]]
    ) -> None:
        """Fill in what refers to later rows; ``still`` are columns that must not move by it."""
        for table, later in self._order.later.items():
            facts = tables[table]
            key = identity(facts)
            most = self._dialect.rows_per_statement if facts.integer_key else 1
            for rows in self._waiting(table, most):
                kept = [name for name in still.get(table, ()) if name not in later]
                sql = self._dialect.update(table, key, later, rows, kept)
                self._stream.run(sql, rows=len(rows), what=f"table {table}, references")

    def _waiting(self, table: str, most: int) -> Iterator[list[list[str]]]:
        found = self._postponed.execute(
            "SELECT cells FROM later WHERE place = ? ORDER BY rowid", [table]
        )
        while rows := [json.loads(cells) for (cells,) in islice(found, most)]:
            yield rows


def _guarded(make: partial[Sequence[str]], what: str, name: str) -> Sequence[str]:
    try:
        return make()
    except UnwritableError as error:
        raise PlanError(
            f"{what}, column {name}: a value cannot be written there, {error.args[0]}"
        ) from None


def orphan_count(dialect: Dialect, reference: SliceReference) -> str:
    """A SELECT of how many rows refer by a reference to a row that is not there."""
    quote = dialect.quote
    own = [f"c.{quote(name)}" for name in reference.columns]
    there = [f"p.{quote(name)}" for name in reference.targets]
    filled = " AND ".join(f"{name} IS NOT NULL" for name in own)
    same = " AND ".join(f"{a} = {b}" for a, b in zip(own, there, strict=True))
    parents = f"FROM {dialect.quote_table(reference.target)} p WHERE"
    where = f"NOT EXISTS (SELECT 1 {parents} {same})"
    if len(own) == 1:
        where = f"{own[0]} NOT IN (SELECT {there[0]} {parents} {there[0]} IS NOT NULL)"
    return (
        f"SELECT COUNT(*) FROM {dialect.quote_table(reference.table)} c WHERE {filled} AND {where}"
    )
