"""Rows of a backup in temporary tables, where the database compares and restores them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from terp_seed.database.dialects import split_table
from terp_seed.database.schema import outbound
from terp_seed.database.session import Session
from terp_seed.errors import PlanError, VerificationError
from terp_seed.rows.seeders import derived_columns
from terp_seed.run.backup.folder import File, StoredInsert
from terp_seed.run.backup.rows import masked_name

__all__ = ["Staged", "rows_in_the_way", "stage"]


@dataclass(frozen=True)
class Staged:
    """The rows of one table in one file, in a temporary table of this session."""

    session: Session
    stored: StoredInsert
    name: str
    """The temporary table."""
    revision: str | None = None
    """Whose rows they are."""

    @property
    def live(self) -> str:
        """The quoted name of the table that the rows belong to."""
        return self.session.dialect.quote_table(self.stored.table)

    @property
    def missing(self) -> int:
        """How many of the rows no longer exist."""
        return self._count(f"NOT {self._exists()}")

    @property
    def changed(self) -> int:
        """How many of the rows exist with other values than the stored and the masked ones."""
        original = self._exists(self._same())
        if not self.stored.masked:
            return self._count(f"{self._exists()} AND NOT {original}")
        return self._count(f"NOT {self._exists(self._same(masked=True))} AND NOT {original}")

    def holds(self, row: str) -> str:
        """A condition on a row of the table: it is one of these."""
        quote = self.session.dialect.quote
        same = " AND ".join(f"staged.{quote(n)} = {row}.{quote(n)}" for n in self.stored.key)
        return f"EXISTS (SELECT 1 FROM {quote(self.name)} staged WHERE {same})"

    def insert(self, empty: Sequence[str] = ()) -> int:
        """Insert the rows that are missing, some columns NULL at first; return how many."""
        quote, overriding = self.session.dialect.quote, self.session.dialect.overriding
        columns = ", ".join(quote(name) for name in self.stored.columns if name not in empty)
        order = ", ".join(f"kept.{quote(name)}" for name in self.stored.key)
        return self._run(
            f"INSERT INTO {self.live} ({columns}){overriding} SELECT {columns} "
            f"FROM {quote(self.name)} kept WHERE NOT {self._exists()} ORDER BY {order}"
        )

    def write_back(self) -> int:
        """Restore the original values of rows that are still masked; return how many."""
        return self._update(f"{self._same(masked=True)} AND NOT ({self._same()})")

    def complete(self, empty: Sequence[str]) -> None:
        """Fill in the columns that were NULL at first."""
        quote = self.session.dialect.quote
        self._update(" OR ".join(f"kept.{quote(name)} IS NOT NULL" for name in empty))

    def later(self, coming: Sequence[str]) -> list[str]:
        """The columns that may refer to rows which come later: of this table, or of others."""
        schema, table = split_table(self.stored.table)
        nullable = {
            column["name"]
            for column in sa.inspect(self.session.connection).get_columns(table, schema)
            if column["nullable"] and column["name"] in self.stored.columns
        }
        tables = {name.casefold() for name in (self.stored.table, *coming)}
        return [
            name
            for reference in outbound(self.session, self.stored.table)
            if reference.target_table.casefold() in tables and nullable >= {*reference.columns}
            for name in reference.columns
        ]

    def _update(self, where: str) -> int:
        """Give rows that meet a condition the stored values; return how many."""
        quote, key = self.session.dialect.quote, self.stored.key
        names = [name for name in self.stored.columns if self.stored.masked or name not in key]
        values = [(name, f"kept.{quote(name)}") for name in names]
        values += [(name, f"live.{quote(name)}") for name in self._moving()]
        joined = f"{self._joined()} AND ({where})"
        source = quote(self.name)
        return self._run(self.session.dialect.update_from(self.live, source, values, joined))

    def _count(self, where: str) -> int:
        """How many staged rows, with the alias ``kept``, meet a condition."""
        name = self.session.dialect.quote(self.name)
        return int(self.session.scalar(f"SELECT COUNT(*) FROM {name} kept WHERE {where}"))

    def _exists(self, and_: str = "") -> str:
        condition = f"{self._joined()} AND ({and_})" if and_ else self._joined()
        return f"EXISTS (SELECT 1 FROM {self.live} live WHERE {condition})"

    def _joined(self) -> str:
        quote = self.session.dialect.quote
        return " AND ".join(f"live.{quote(name)} = kept.{quote(name)}" for name in self.stored.key)

    def _same(self, *, masked: bool = False) -> str:
        dialect = self.session.dialect
        derived = derived_columns(self.stored.table)
        pairs = [
            (name, masked_name(place) if masked else name)
            for place, name in enumerate(self.stored.columns)
            if name not in derived
        ]
        return " AND ".join(
            dialect.same(f"live.{dialect.quote(name)}", f"kept.{dialect.quote(other)}")
            for name, other in pairs
        )

    def _moving(self) -> list[str]:
        """The columns that the server sets by itself on an UPDATE."""
        schema, table = split_table(self.stored.table)
        return [
            column["name"]
            for column in sa.inspect(self.session.connection).get_columns(table, schema=schema)
            if "ON UPDATE" in str(column.get("default")).upper()
            and column["name"] not in self.stored.columns
        ]

    def _run(self, sql: str) -> int:
        return self.session.stream.affected(sql, what=f"restore, table {self.stored.table}")


def stage(session: Session, folder: Path, files: Sequence[File], before: int = 0) -> list[Staged]:
    """Load files of rows into temporary tables, one for each table of a file.

    ``before`` counts those that there are already.
    """
    staged: list[Staged] = []
    for file in files:
        by_table: dict[str, list[StoredInsert]] = {}
        for stored in file.statements:
            by_table.setdefault(stored.table, []).append(stored)
        for inserts in by_table.values():
            name = f"terp_seed_restore_{before + len(staged) + 1}"
            made = Staged(session, inserts[0], name, file.revision)
            _load(made, folder / file.name, inserts)
            staged.append(made)
    return staged


def _load(made: Staged, path: Path, inserts: Sequence[StoredInsert]) -> None:
    session, stored = made.session, made.stored
    quote = session.dialect.quote
    names = [*map(quote, stored.columns)]
    selected = list(names)
    if stored.masked:
        masks = [masked_name(place) for place in range(len(names))]
        keys = [*map(quote, stored.key)]
        selected = [*keys, *names, *(f"{n} AS {m}" for n, m in zip(names, masks, strict=True))]
        names = [*keys, *names, *masks]
    what = f"restore, table {stored.table}"
    select = f"SELECT {', '.join(selected)} FROM {made.live}"
    key = ", ".join(map(quote, stored.key))
    for sql in session.dialect.temporary_copy(quote(made.name), key, select):
        session.stream.run(sql, what=what)
    head = f"INSERT INTO {quote(made.name)} ({', '.join(names)}) VALUES\n"
    for values, rows in _values(path, inserts):
        session.stream.run(head + values, rows=rows, what=what)


def _values(path: Path, inserts: Sequence[StoredInsert]) -> Iterator[tuple[str, int]]:
    with path.open("rb") as file:
        for stored in inserts:
            file.seek(stored.offset)
            values = file.read(stored.size)
            if len(values) != stored.size:
                raise PlanError(f"backup: {path} is cut short; nothing was restored")
            yield values.decode(), stored.rows


def rows_in_the_way(listed: str) -> VerificationError:
    """What to raise for rows that are neither as they were stored nor as they were left."""
    return VerificationError(
        f"rows were changed since the backup was made ({listed}); nothing was restored. Look "
        "at them, and delete them first if you want the rows of the backup"
    )
