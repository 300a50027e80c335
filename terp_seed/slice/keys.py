"""The keys of the rows that are taken, outside of memory where they may be.

They lie in a temporary SQLite database whose file has no name and goes with the process.  Keys of a
table whose key columns are masked are personal, and stay in memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from types import TracebackType

from terp_seed.slice.snapshot import BATCH_KEYS, Key

__all__ = ["CHILD", "PARENT", "ROOT", "KeyStore"]

ROOT, CHILD, PARENT = 0, 1, 2
"""Why a row was taken: it was asked for, refers to a taken row, or is referred to."""


_ASKED = 900  # a statement of SQLite takes 32,766 values


@dataclass(frozen=True)
class _Place:
    """Where the keys of one table are."""

    name: str
    columns: tuple[str, ...]

    @property
    def listed(self) -> str:
        return ", ".join(self.columns)

    @property
    def marks(self) -> str:
        return ", ".join("?" * len(self.columns))


class KeyStore:
    """Sets of keys by table; a context manager, since they go when it ends."""

    def __init__(self) -> None:
        self._db = sqlite3.connect(":memory:", isolation_level=None, cached_statements=256)
        self._db.execute("ATTACH '' AS disk")
        self._db.execute("PRAGMA disk.journal_mode = OFF")
        self._db.execute("PRAGMA disk.synchronous = OFF")
        self._places: dict[str, _Place] = {}
        self._filled: set[str] = set()

    def __enter__(self) -> KeyStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def __contains__(self, table: str) -> bool:
        return table in self._places

    def add(self, table: str, width: int, *, private: bool) -> None:
        """Make room for keys of so many columns; ``private`` ones stay in memory."""
        where = "main" if private else "disk"
        columns = tuple(f"k{at}" for at in range(width))
        number = len(self._places)
        place = _Place(f"{where}.t{number}", columns)
        self._db.execute(
            f"CREATE TABLE {place.name} ({place.listed}, depth, role, unread, "
            f"PRIMARY KEY ({place.listed})) WITHOUT ROWID"
        )
        self._db.execute(
            f"CREATE INDEX {where}.i{number} ON t{number} ({place.listed}) WHERE unread"
        )
        self._places[table] = place

    def take(
        self, table: str, keys: Iterable[Key], depth: int, role: int, *, unread: bool = True
    ) -> None:
        """Take rows in, from which children are followed ``depth`` times more.

        A row that is there already keeps its role, and the greater depth.
        """
        place = self._places[table]
        self._db.execute("BEGIN")
        written = self._db.executemany(
            f"INSERT INTO {place.name} VALUES ({place.marks}, {depth}, {role}, {int(unread)}) "
            "ON CONFLICT DO UPDATE SET depth = max(depth, excluded.depth)",
            keys,
        )
        if written.rowcount > 0:
            self._filled.add(table)
        self._db.execute("COMMIT")

    def holds(self, table: str) -> bool:
        """Whether a row of a table was taken."""
        return table in self._filled

    def take_unread(self, table: str) -> list[Key]:
        """Some rows whose references were not followed yet; they count as followed from now on."""
        place = self._places[table]
        sql = f"SELECT {place.listed} FROM {place.name} WHERE unread ORDER BY {place.listed}"
        found = self._db.execute(f"{sql} LIMIT {BATCH_KEYS}").fetchall()
        if found:
            self._mark_read(place, found[0], found[-1])
        return found

    def _mark_read(self, place: _Place, first: Key, last: Key) -> None:
        """Note that the references of these rows and of all between them are being followed."""
        between = f"({place.listed}) >= ({place.marks}) AND ({place.listed}) <= ({place.marks})"
        sql = f"UPDATE {place.name} SET unread = 0 WHERE unread AND {between}"
        self._db.execute(sql, [*first, *last])

    def batches(self, table: str, depth: int | None = None) -> Iterator[list[Key]]:
        """The keys in their order, some at a time; with ``depth`` those of that depth."""
        place = self._places[table]
        parts = [] if depth is None else [f"depth = {depth}"]
        last: Sequence[int | str] = ()
        while True:
            behind = [f"({place.listed}) > ({place.marks})"] if last else []
            where = " AND ".join([*parts, *behind]) or "1"
            sql = f"SELECT {place.listed} FROM {place.name} WHERE {where} ORDER BY {place.listed}"
            found = self._db.execute(f"{sql} LIMIT {BATCH_KEYS}", last).fetchall()
            if not found:
                return
            yield found
            last = found[-1]

    def absent(self, table: str, keys: Iterable[Key]) -> list[Key]:
        """Those of these keys that were not taken."""
        place, found = self._places[table], list[Key]()
        same = " AND ".join(f"{name} = column{at}" for at, name in enumerate(place.columns, 1))
        remaining = iter(keys)
        while some := list(islice(remaining, _ASKED)):
            rows = ", ".join([f"({place.marks})"] * len(some))
            sql = f"SELECT {place.listed} FROM (VALUES {rows}) CROSS JOIN {place.name} ON {same}"
            there = {*self._db.execute(sql, [*chain.from_iterable(some)])}
            found += [key for key in some if key not in there]
        return found

    def count(self, table: str, role: int | None = None) -> int:
        """How many rows are taken, of one role or at all."""
        if table not in self._places:
            return 0
        where = "" if role is None else f" WHERE role = {role}"
        (found,) = self._db.execute(f"SELECT COUNT(*) FROM {self._places[table].name}{where}")
        return int(found[0])

    def sample(self, table: str, most: int) -> list[Key]:
        """At most so many of the keys, at even distances."""
        place, step = self._places[table], -(-self.count(table) // most) or 1
        numbered = (
            f"SELECT {place.listed}, row_number() OVER (ORDER BY {place.listed}) AS n "
            f"FROM {place.name}"
        )
        sql = f"SELECT {place.listed} FROM ({numbered}) WHERE n % {step} = 0 OR {step} = 1"
        return self._db.execute(sql).fetchall()
