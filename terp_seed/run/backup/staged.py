"""A backup's rows in temporary tables, so that the database itself compares and restores them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.rows.seeders import derived_columns
from terp_seed.run.backup.manifest import File, Statement
from terp_seed.run.backup.rows import after

__all__ = ["Staged", "stage"]


@dataclass(frozen=True)
class Staged:
    """The rows of one table in one file, in a temporary table of this session."""

    session: Session
    of: Statement
    name: str
    """The temporary table."""
    revision: str | None
    schema: str | None = None

    @property
    def live(self) -> str:
        """The table itself, quoted."""
        return ".".join(map(self.session.dialect.quote, filter(None, (self.schema, self.of.table))))

    def count(self, where: str = "1 = 1") -> int:
        """How many staged rows, called ``kept``, meet a condition."""
        name = self.session.dialect.quote(self.name)
        return int(self.session.scalar(f"SELECT COUNT(*) FROM {name} kept WHERE {where}"))

    @property
    def missing(self) -> int:
        """How many of the rows are not there."""
        return self.count(f"NOT {self._there()}")

    @property
    def changed(self) -> int:
        """How many are there and are neither as they were nor as the mask left them."""
        if not self.of.masked:
            return self.count(f"{self._there()} AND NOT {self._there(self._same())}")
        masked = self._there(self._same(masked=True))
        return self.count(f"NOT {masked} AND NOT {self._there(self._same())}")

    def insert(self) -> int:
        """Put back the rows that are missing; return how many."""
        quote = self.session.dialect.quote
        columns = ", ".join(map(quote, self.of.columns))
        order = ", ".join(f"kept.{quote(name)}" for name in self.of.key)
        return self._run(
            f"INSERT INTO {self.live} ({columns}) SELECT {columns} FROM {quote(self.name)} kept "
            f"WHERE NOT {self._there()} ORDER BY {order}"
        )

    def write_back(self) -> int:
        """Undo the mask in the rows that are as it left them; return how many."""
        quote = self.session.dialect.quote
        values = [(name, f"kept.{quote(name)}") for name in self.of.columns]
        values += [(name, f"live.{quote(name)}") for name in self._moving()]
        where = f"{self._joined()} AND {self._same(masked=True)} AND NOT ({self._same()})"
        return self._run(self.session.dialect.update_from(self.live, self.name, values, where))

    def _there(self, and_: str = "") -> str:
        condition = f"{self._joined()} AND ({and_})" if and_ else self._joined()
        return f"EXISTS (SELECT 1 FROM {self.live} live WHERE {condition})"

    def _joined(self) -> str:
        quote = self.session.dialect.quote
        return " AND ".join(f"live.{quote(name)} = kept.{quote(name)}" for name in self.of.key)

    def _same(self, *, masked: bool = False) -> str:
        dialect = self.session.dialect
        derived = derived_columns(self.of.table)
        pairs = [
            (name, after(place) if masked else name)
            for place, name in enumerate(self.of.columns)
            if name not in derived
        ]
        return " AND ".join(
            dialect.same(f"live.{dialect.quote(name)}", f"kept.{dialect.quote(other)}")
            for name, other in pairs
        )

    def _moving(self) -> list[str]:
        """The columns that an UPDATE would set by itself."""
        return [
            each["name"]
            for each in sa.inspect(self.session.connection).get_columns(self.of.table)
            if "ON UPDATE" in str(each.get("default")).upper()
            and each["name"] not in self.of.columns
        ]

    def _run(self, sql: str) -> int:
        return self.session.stream.affected(sql, what=f"restore, table {self.of.table}")


def stage(session: Session, folder: Path, files: Sequence[File]) -> list[Staged]:
    """Load the statements of files into temporary tables, one for each table of a file."""
    staged: list[Staged] = []
    for file in files:
        by_table: dict[str, list[Statement]] = {}
        for statement in file.statements:
            by_table.setdefault(statement.table, []).append(statement)
        for table, statements in by_table.items():
            ledger = session.books.ledger
            schema = ledger.schema if table == ledger.name else None
            name = f"terp_seed_restore_{len(staged) + 1}"
            made = Staged(session, statements[0], name, file.revision, schema)
            _load(made, folder / file.name, statements)
            staged.append(made)
    return staged


def _load(made: Staged, path: Path, statements: Sequence[Statement]) -> None:
    session, of = made.session, made.of
    quote = session.dialect.quote
    names = [quote(name) for name in (*(of.key if of.masked else ()), *of.columns)]
    twice = [f"{quote(name)} AS {after(place)}" for place, name in enumerate(of.columns)]
    listed = ", ".join([*names, *(twice if of.masked else ())])
    key = ", ".join(map(quote, of.key))
    select = f"SELECT {listed} FROM {made.live}"
    for sql in session.dialect.temporary_copy(quote(made.name), key, select):
        session.stream.run(sql, what=f"restore, table {of.table}")
    names += [after(place) for place in range(len(of.columns) if of.masked else 0)]
    head = f"INSERT INTO {quote(made.name)} ({', '.join(names)}) VALUES\n"
    for values, rows in _values(path, statements):
        session.stream.run(head + values, rows=rows, what=f"restore, table {of.table}")


def _values(path: Path, statements: Sequence[Statement]) -> Iterator[tuple[str, int]]:
    with path.open("rb") as file:
        for each in statements:
            file.seek(each.offset)
            found = file.read(each.size)
            if len(found) != each.size:
                raise PlanError(f"backup: {path} is cut short; nothing was restored")
            yield found.decode(), each.rows
