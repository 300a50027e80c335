"""Files that applied revisions have read, pinned in the ledger: an edit since then is named.

A pin is the file's digest, and a mark of two bytes for each of its lines: enough to count the lines
that differ, and too little to say what a line was.
"""

from __future__ import annotations

import json
import tomllib
import zlib
from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.session import Session
from terp_seed.errors import PlanError, UsageError
from terp_seed.ledger.ledger import Ledger, Place, ledger_of
from terp_seed.rows.files import file_digest, kind_of_file, open_file
from terp_seed.rows.literals import json_text
from terp_seed.settings.options import Settings

__all__ = ["Pin", "find_edited_files", "pin_files", "read_pins", "refuse_edited_files"]

_MOST = 500_000  # lines that are marked
_UNREADABLE = (OSError, EOFError, UsageError, zlib.error)
_RANGE = -1  # of a pin, which is not a range of rows


@dataclass(frozen=True)
class Pin:
    """A file that a revision has read when it was applied."""

    revision: str
    table: str
    path: str
    """The file below ``seeds/data/``."""
    digest: str
    """SHA-256 of its content."""
    marks: bytes | None
    """Two bytes for each line; None if there are too many."""


def pin_files(
    ledger: Ledger, data: Path, revision: str, files: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """The statements that pin the files of a revision: tables, and files below ``data``."""
    for number, (table, name) in enumerate(files, start=1):
        yield _pin(ledger, data, (revision, number), table, name)


def _pin(ledger: Ledger, data: Path, place: Place, table: str, name: str) -> str:
    revision, number = place
    marks, text = _marks(data, name), ledger.dialect.text
    cells = {
        "chain": text(ledger.chain),
        "revision": text(revision),
        "range_no": str(_RANGE),
        "block_no": str(number),
        "state": text("file"),
        "table_name": text(table),
        "row_count": str(len(marks)),
        "detail": text(json_text({"path": name, "digest": file_digest(data, name)})),
        "written_at": ledger.dialect.now,
    }
    if len(marks) <= _MOST:
        cells["digests"] = ledger.dialect.binary(marks.tobytes())
    return f"INSERT INTO {ledger.table} ({', '.join(cells)})\nVALUES ({', '.join(cells.values())})"


def read_pins(session: Session) -> list[Pin]:
    """The pinned files of the session's chain, by revision."""
    books = session.books.ledger
    if not table_exists(session.connection, books):
        return []
    rows = session.connection.execute(
        sa.select(books)
        .where(books.c.chain == session.settings.chain, books.c.range_no == _RANGE)
        .order_by(books.c.revision, books.c.block_no)
    )
    return [
        Pin(row.revision, row.table_name, **json.loads(row.detail), marks=row.digests)
        for row in rows
    ]


def find_edited_files(session: Session, revisions: Collection[str]) -> list[str]:
    """A message for each file that differs from what one of these revisions has read."""
    applied = ledger_of(session).headers(session.connection)
    squashed = {new for new, old in session.names.replaced.items() if {*old} & applied.keys()}
    pins = [pin for pin in read_pins(session) if pin.revision not in squashed]
    edited = (_Edited(session.settings, pin) for pin in pins if pin.revision in revisions)
    return [str(file) for file in edited if file]


def refuse_edited_files(session: Session, revisions: Collection[str]) -> None:
    """Raise `PlanError` if such a file differs: a new database would get other rows."""
    found = find_edited_files(session, revisions)
    if found:
        raise PlanError("\n  ".join(found))


@dataclass(frozen=True)
class _Edited:
    """A pinned file as it is now; false if it is as it was."""

    settings: Settings
    pin: Pin

    def __bool__(self) -> bool:
        try:
            return file_digest(self.settings.data, self.pin.path) != self.pin.digest
        except _UNREADABLE:
            return True

    def __str__(self) -> str:
        pin, data = self.pin, self.settings.data
        where = f"{data.parent.name}/{data.name}/{pin.path}"
        try:
            now = _marks(data, pin.path)
        except _UNREADABLE:
            return (
                f"{where}: cannot be read, and revision {pin.revision}, which is applied, seeds "
                f"{pin.table} from it; restore the file"
            )
        return (
            f"{where}: was edited since revision {pin.revision} seeded {pin.table} from it: "
            f"{self._difference(now)}. Restore the file: a revision seeds the same rows on every "
            f"database. {self._advice}"
        )

    def _difference(self, now: array[int]) -> str:
        lines = "lines" if kind_of_file(self.pin.path) == ".json" else "rows"
        if self.pin.marks is None:
            return f"{lines} differ"
        then = array("H", self.pin.marks)
        gone, come = Counter(then), Counter(now)
        count = max((gone - come).total(), (come - gone).total(), 1)
        return f"{count:,} {lines} differ" if count > 1 else f"1 {lines[:-1]} differs"

    @property
    def _advice(self) -> str:
        name = _dataset_of(self.settings.home, self.pin.table)
        if name is not None:
            return (
                f"Change the rows in datasets/{name} instead, then write the revision: "
                'terp-seed revision --autogenerate -m "..."'
            )
        return (
            "To change rows that are seeded, use op.update_rows in a new revision, or make a "
            f"dataset of them: terp-seed revision --from-database {self.pin.table}"
        )


def _marks(data: Path, name: str) -> array[int]:
    """A mark for each line; how lines end does not count."""
    with open_file(data, name) as content:
        return array("H", (zlib.crc32(line.rstrip(b"\r\n")) & 0xFFFF for line in content))


def _dataset_of(home: Path, table: str) -> str | None:
    """The dataset of a table, if ``datasets.toml`` can be read and has one."""
    try:
        entries = tomllib.loads((home / "datasets.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    named = (name for name, entry in entries.items() if _table(entry) == table)
    return next(named, None)


def _table(entry: object) -> object:
    return entry.get("table") if isinstance(entry, dict) else None
