"""A backup of rows as INSERT statements.

Rows are read in the transaction that deletes or masks them, and locked where the engine can, so
exactly the rows that change are saved.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, NamedTuple

import sqlalchemy as sa

from terp_seed.database.dialects import EXACT, KeptTable, split_table
from terp_seed.database.session import Session
from terp_seed.errors import GuardError
from terp_seed.ledger.selection import Selection
from terp_seed.run.backup.folder import Backup, File, StoredInsert, private_file
from terp_seed.run.renderer import cut_into_statements

__all__ = ["StoredRows", "add_updated", "masked_name", "rows_file", "rows_of", "rows_where"]

_ROWS = 500
Rows = Sequence[Sequence[Any]]


class StoredRows(NamedTuple):
    """Some complete rows of a table."""

    table: str
    key: Sequence[str]
    columns: Sequence[str]
    rows: Rows


@contextmanager
def rows_file(
    session: Session, backup: Backup, name: str, revision: str | None = None
) -> Iterator[RowsFile]:
    """Write a file of rows into a backup.

    At the end the file is on disk, has been read back and is listed in the manifest.  Raises
    `GuardError` if it cannot be written.
    """
    path = backup.folder / f"{name}.sql"
    try:
        with private_file(path) as file:
            rows = RowsFile(session, file)
            rows.write(f"-- Rows of {backup.manifest.database}, not masked: keep them safe.\n")
            yield rows
    except BaseException as error:
        _remove(path)
        if isinstance(error, OSError):
            raise GuardError(
                f"backup: {path} cannot be written: {error.strerror}; nothing was done"
            ) from None
        raise
    digest, tables = rows.digest.hexdigest(), dict(rows.counts)
    backup.manifest.add(File(path.name, rows.size, digest, tables, revision, rows.inserts))
    backup.save()


def _remove(path: Path) -> None:
    """Delete a file of rows that is not whole, and its folder if that is all it holds."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        path.parent.rmdir()


class RowsFile:
    """A file of rows that is being written; made by `rows_file`."""

    def __init__(self, session: Session, file: IO[bytes]) -> None:
        self._dialect = session.dialect
        self._longest = session.dialect.statement_characters(session.connection)
        self._file = file
        self.size = 0
        self.digest = sha256()
        self.inserts: list[StoredInsert] = []
        self.counts: Counter[str] = Counter()
        """Rows by table, so far."""

    def add_deleted(self, stored: StoredRows) -> None:
        """Save rows that are about to be deleted."""
        self._insert(stored, stored.columns, masked=False)

    def add_masked(self, stored: StoredRows, masked: Rows) -> None:
        """Save rows that are about to be masked, before and after.

        The columns are those that are masked; a stored row is its key and these columns, a row of
        ``masked`` the columns only.
        """
        both = [[*before, *after] for before, after in zip(stored.rows, masked, strict=True)]
        masks = map(masked_name, range(len(stored.columns)))
        names = [*stored.key, *stored.columns, *masks]
        self._insert(stored._replace(rows=both), names, masked=True)

    def _insert(self, stored: StoredRows, names: Sequence[str], *, masked: bool) -> None:
        literal, listed = self._dialect.literal, ", ".join(map(self._dialect.quote, names))
        table, key, columns, rows = stored
        head = f"INSERT INTO {self._dialect.quote_table(table)} ({listed}) VALUES\n"
        lines = [f"({', '.join(map(literal, row))})" for row in rows]
        for part in cut_into_statements(map(len, lines), _ROWS, self._longest):
            chunk = lines[part]
            self.write(head)
            offset = self.size
            self.write(",\n".join(chunk))
            size = self.size - offset
            self.write(";\n")
            self.inserts.append(
                StoredInsert(table, list(key), list(columns), masked, len(chunk), offset, size)
            )
        self.counts[table] += len(rows)

    def write(self, text: str) -> None:
        encoded = text.encode()
        self._file.write(encoded)
        self.digest.update(encoded)
        self.size += len(encoded)


def masked_name(place: int) -> str:
    """The name of a masked column in a statement."""
    return f"masked_{place + 1}"


def rows_of(session: Session, selection: Selection) -> Iterator[StoredRows]:
    """The current rows of a selection, a part at a time; locked to the transaction's end."""
    seeded = selection.range
    for where in selection.conditions(session.dialect, "kept"):
        for part in rows_where(session, seeded.table, where):
            # A table without a primary key has a natural key, or it could not be seeded.
            yield part if part.key else part._replace(key=seeded.shape.key)


def add_updated(session: Session, file: RowsFile, kept: KeptTable) -> None:
    """Save the present values of updated cells, and those from before, as of masked rows."""
    dialect, quote = session.dialect, session.dialect.quote
    types = dict(_columns(session, kept.table)[1])
    live = [kept.live(name) for name in kept.columns]
    match = [kept.live(name) for name in kept.match]
    listed = [dialect.exactly(f"live.{quote(name)}", types[name]) for name in (*match, *live)]
    listed += [
        dialect.exactly(f"kept.{quote(name)}", types[kept.live(name)]) for name in kept.columns
    ]
    found = session.connection.exec_driver_sql(
        f"SELECT {', '.join(listed)} FROM {dialect.quote_table(kept.name)} kept "
        f"JOIN {dialect.quote_table(kept.table)} live ON {dialect.match(kept)}",
        execution_options=EXACT,
    )
    rows = [tuple(row) for row in found]
    now = len(match) + len(live)
    stored = StoredRows(kept.table, match, live, [row[:now] for row in rows])
    file.add_masked(stored, [row[now:] for row in rows])


def rows_where(session: Session, table: str, where: str) -> Iterator[StoredRows]:
    """The rows of a table, with the alias ``kept``, that meet a condition; as `rows_of`.

    Values are read so that their literals restore exactly the same values.
    """
    key, columns = _columns(session, table)
    quote, dialect = session.dialect.quote, session.dialect
    order = f" ORDER BY {', '.join(f'kept.{quote(name)}' for name in key)}" if key else ""
    listed = ", ".join(dialect.exactly(f"kept.{quote(name)}", kind) for name, kind in columns)
    found = session.connection.exec_driver_sql(
        f"SELECT {listed} FROM {dialect.quote_table(table)} kept WHERE {where}"
        f"{order}{dialect.for_update}",
        execution_options={**EXACT, "stream_results": True},
    )
    for rows in found.partitions(_ROWS):
        names = [name for name, _ in columns]
        yield StoredRows(table, key, names, [tuple(row) for row in rows])


def _columns(session: Session, table: str) -> tuple[list[str], list[tuple[str, Any]]]:
    inspector = sa.inspect(session.connection)
    schema, name = split_table(table)
    key = inspector.get_pk_constraint(name, schema=schema)["constrained_columns"]
    columns = [
        (column["name"], column["type"])
        for column in inspector.get_columns(name, schema=schema)
        if not column.get("computed")
    ]
    return key, columns
