"""What became of seeded rows, by the digests that the ledger keeps.

A row is *intact* if its digest is the ledger's; *edited* if only its natural
key is still the same; *replaced* if neither is: the seeded row was deleted,
and another one put at its id.  Reads, and never writes.

The database joins the columns of a row to one text, which takes a fifth of
the time that thirty values take.  It may write a rare value differently; then
the digest of a block differs although its rows are intact, and their values
are compared one by one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from terp_seed.database.dialects import Canonical, equal_to
from terp_seed.database.names import live_columns
from terp_seed.database.session import Session
from terp_seed.ledger.later import Altered, LaterChanges
from terp_seed.ledger.ledger import Digests, Place, SeededRange, ledger_of
from terp_seed.rows.literals import SEPARATOR, block_digests, canonical_cells, digested, json_cells
from terp_seed.rows.model import Block, Cells

__all__ = ["Drift", "Ranges", "find_drift"]

Ranges = Mapping[Place, SeededRange]
"""All ranges of a chain, by revision and number."""

Rows = dict[int, Sequence[Any]]
Types = Mapping[str, TypeEngine[Any]]

_DIGEST = 8  # bytes


@dataclass
class Drift:
    """The rows of one range, sorted by what became of them.

    Rows are named by their number in the range, from 0.
    """

    range: SeededRange
    intact: int = 0
    edited: list[int] = field(default_factory=list)
    replaced: list[int] = field(default_factory=list)
    withdrawn: list[int] = field(default_factory=list)
    """Rows that a later revision deleted."""
    missing: int = 0
    uncompared: str = ""
    """What could not be compared, since the schema has changed; empty if everything was."""
    gone: Sequence[str] = ()
    """The columns that the schema has lost."""
    findable: bool = True
    """Whether its rows can be told from others: what identifies them is there."""

    @property
    def there(self) -> int:
        return self.intact + len(self.edited)


def find_drift(
    session: Session,
    seeded: SeededRange,
    ranges: Ranges,
    blocks: Iterable[Digests] | None = None,
    *,
    hold: bool = False,
) -> Drift:
    """Compare a range's rows with the ledger; one block in memory at a time.

    ``blocks`` are digests to compare with instead of the ledger's.  With
    ``hold`` the rows stay locked until the transaction ends.  If the schema has lost some of their
    columns, rows are compared by their natural key; without one they count as edited.
    """
    drift = Drift(seeded)
    types = live_columns(session.connection, seeded.table)
    seeded = _note_gone(drift, types)
    if not drift.findable or types is None:
        drift.missing = seeded.count
        return drift
    lock = session.dialect.for_update if hold else ""
    rows = _Rows(session, seeded, ranges, lock, types)
    later = LaterChanges(session, seeded)
    plain = seeded.id is not None and not seeded.shape.stored and not drift.uncompared
    texts = JoinedTexts(session, seeded, ranges, lock) if plain and _counts(seeded, types) else None
    if blocks is None:
        blocks = ledger_of(session).blocks(session.connection, seeded)
    for digests in blocks:
        altered = later.find(digests) if later else Altered()
        if altered:
            rows.compare(digests, drift, altered, later)
            continue
        if texts and texts.digests(*_ids(seeded, digests)) == digests.rows:  # the usual case
            drift.intact += digests.count
            continue
        intact = drift.intact
        rows.compare(digests, drift)
        if drift.intact == intact + digests.count:
            texts = None  # this engine writes some value differently: do not ask it again
    return drift


def _note_gone(drift: Drift, types: Types | None) -> SeededRange:
    """Note on the drift what cannot be compared any more; return the range with the rest."""
    seeded, shape = drift.range, drift.range.shape
    where = f"revision {seeded.revision}: table {seeded.table}"
    if types is None:
        drift.findable, drift.uncompared = False, f"{where} does not exist any more"
        return seeded
    gone = [name for name in dict.fromkeys([*shape.columns, *shape.key]) if name not in types]
    drift.gone = gone
    lost = [name for name in ([seeded.id] if seeded.id else shape.key) if name not in types]
    if lost:
        drift.findable = False
        drift.uncompared = (
            f"{where} has no {', '.join(lost)} any more, by which its rows are known: they stay"
        )
    elif gone:
        key = [] if {*gone} & {*shape.key} else shape.key
        by = f"by {', '.join(key)} alone" if key else "not at all, and count as edited"
        drift.uncompared = f"{where} has no {', '.join(gone)} any more; its rows are compared {by}"
        return replace(seeded, shape=replace(shape, columns=[], key=key))
    return seeded


def _counts(seeded: SeededRange, types: Types) -> bool:
    """Whether the columns that refer to other rows are numbers still."""
    return all(isinstance(types[name], sa.Integer) for name in seeded.shape.refs if name in types)


@dataclass
class _Rows:
    """The rows of one range as they are, value by value."""

    session: Session
    seeded: SeededRange
    ranges: Ranges
    lock: str
    types: Types

    def compare(
        self,
        digests: Digests,
        drift: Drift,
        altered: Altered | None = None,
        later: LaterChanges | None = None,
    ) -> None:
        """Count the rows of one block by what became of them."""
        rows = self._by_key(digests) if self.seeded.id is None else self._by_id(digests)
        edited: set[int] = set()
        if altered and later:
            gone = altered.withdrawn - rows.keys()
            drift.withdrawn += sorted(gone)
            drift.missing -= len(gone)
            edited = later.find_edited(altered, rows.keys())
            rows |= later.rows_before(altered, rows.keys(), self._values_from)
        drift.missing += digests.count - len(rows)
        if not rows:
            return
        whole, keys = self._digests(list(rows.values()))
        seeded = digests.rows or b""
        if not self.seeded.shape.columns:  # the schema has lost some: their keys tell
            whole, seeded = keys, digests.keys or b""
        if whole and whole == seeded and not edited:  # all there, and none edited
            drift.intact += len(rows)
            return
        for place, number in enumerate(rows):
            now, then = _slice(place), _slice(number - digests.first_row)
            if whole and whole[now] == seeded[then] and number not in edited:
                drift.intact += 1
            elif digests.keys is None or not keys or keys[now] == digests.keys[then]:
                drift.edited.append(number)
            else:
                drift.replaced.append(number)

    def _digests(self, rows: Sequence[Sequence[Any]]) -> tuple[bytes, bytes]:
        """The digests of rows as they are now, and those of their natural keys."""
        shape = self.seeded.shape
        if shape.stored:  # the database made them
            return b"".join(row[0] or b"" for row in rows), b"".join(row[1] or b"" for row in rows)
        block = self._block(rows)
        keys = block_digests(block, shape.key) if shape.key else b""
        return block_digests(block, shape.columns), keys

    @property
    def _columns(self) -> list[str]:
        shape = self.seeded.shape
        return list(dict.fromkeys([*shape.columns, *shape.key]))

    @cached_property
    def _values(self) -> str:
        """The columns as a SELECT lists them."""
        return self._listed({name: self.session.dialect.quote(name) for name in self._columns})

    def _values_from(self, sources: Mapping[str, str]) -> str:
        """The columns of a row called ``live``, some of them from elsewhere."""
        quote = self.session.dialect.quote
        return self._listed({n: sources.get(n, f"live.{quote(n)}") for n in self._columns})

    def _listed(self, columns: Mapping[str, str]) -> str:
        dialect, shape = self.session.dialect, self.seeded.shape
        if shape.stored:
            parts = [[columns[name] for name in names] for names in (shape.columns, shape.key)]
            return ", ".join(dialect.row_digest(names) if names else "NULL" for names in parts)
        values = [dialect.comparable(columns[name], self.types[name]) for name in self._columns]
        return ", ".join(values or ["NULL"])

    def _by_id(self, digests: Digests) -> Rows:
        """The rows at the block's ids, by row number."""
        seeded, quote = self.seeded, self.session.dialect.quote
        low, high = _ids(seeded, digests)
        key = quote(str(seeded.id))
        rows = self.session.rows(
            f"SELECT {key}, {self._values} FROM {self.session.dialect.quote_table(seeded.table)} "
            f"WHERE {key} BETWEEN {low} AND {high} ORDER BY {key}{self.lock}"
        )
        return {row[0] - seeded.first: row[1:] for row in rows}

    def _by_key(self, digests: Digests) -> Rows:
        """The rows that own the block's natural keys, by row number."""
        quote = self.session.dialect.quote
        table = self.session.dialect.quote_table(self.seeded.table)
        select = f"SELECT {self._values} FROM {table}"
        names = [*map(quote, self.seeded.shape.key)]
        by_number: Rows = {}
        for number, key in enumerate(digests.row_keys or (), start=digests.first_row):
            for row in self.session.rows(f"{select} WHERE {equal_to(names, key)}{self.lock}"):
                by_number[number] = row
        return by_number

    def _block(self, rows: Sequence[Sequence[Any]]) -> Block:
        """The rows as they were when they went in: references as row numbers."""
        columns = {
            name: row_numbers(self.seeded, name, [row[place] for row in rows], self.ranges)
            for place, name in enumerate(self._columns)
        }
        return Block(self.seeded.table, 0, len(rows), columns)


class JoinedTexts:
    """Reads rows of one range that has an integer key as texts that the database joins."""

    def __init__(
        self, session: Session, seeded: SeededRange, ranges: Ranges, lock: str = ""
    ) -> None:
        self._session, self._seeded, self._ranges = session, seeded, ranges
        self._lock = lock
        documents = seeded.shape.json_refs
        parts = groupby(seeded.shape.columns, lambda name: name in documents)
        self._parts = [part for alone, names in parts for part in _cut(alone, list(names))]
        self._select = self._expressions()

    def digests(self, low: int, high: int) -> bytes:
        """The digests of the rows with these ids, in their order."""
        quote = self._session.dialect.quote
        key = quote(str(self._seeded.id))
        rows = self._session.rows(
            f"SELECT {self._select} FROM {self._session.dialect.quote_table(self._seeded.table)} "
            f"WHERE {key} BETWEEN {low} AND {high} ORDER BY {key}{self._lock}"
        )
        columns = [self._texts(place, rows) for place in range(len(self._parts))]
        return digested(map(SEPARATOR.encode().join, zip(*columns, strict=True)))

    def _expressions(self) -> str:
        dialect = self._session.dialect
        types = live_columns(self._session.connection, self._seeded.table) or {}

        def joined(names: Sequence[str]) -> str:
            texts = [
                Canonical(name, types[name], first_key(self._seeded, name, self._ranges))
                for name in names
            ]
            return dialect.canonical(texts, SEPARATOR)

        return ", ".join(
            dialect.quote(part) if isinstance(part, str) else joined(part) for part in self._parts
        )

    def _texts(self, place: int, rows: Sequence[Sequence[Any]]) -> Sequence[bytes]:
        values = [row[place] for row in rows]
        part = self._parts[place]
        if not isinstance(part, str):
            return values
        cells = row_numbers(self._seeded, part, values, self._ranges)
        return [text.encode() for text in canonical_cells(cells)]


def first_key(seeded: SeededRange, column: str, ranges: Ranges) -> int | None:
    """The first key that a column's references count from; None if it holds none."""
    place = seeded.shape.refs.get(column)
    target = None if place is None else ranges.get(place)
    return None if target is None else target.first


def row_numbers(seeded: SeededRange, column: str, values: Sequence[Any], ranges: Ranges) -> Cells:
    """A column's values with the ids that they hold of seeded rows turned into row numbers."""
    documents = seeded.shape.json_refs.get(column)
    if documents is not None:
        firsts = {
            name: ranges[place].first if place in ranges else 0 for name, place in documents.items()
        }
        return json_cells(Cells([_document(value, firsts) for value in values]))
    first = first_key(seeded, column, ranges)
    if first is None:
        return Cells(values)
    numbers = [value - first if isinstance(value, int) else value for value in values]
    return Cells(numbers, ref=column)


def _document(value: Any, firsts: Mapping[str, int]) -> Any:
    """A JSON text with the ids under some names turned into row numbers."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return _without_ids(json.loads(value), firsts)
    except ValueError:
        return value


def _without_ids(value: Any, firsts: Mapping[str, int]) -> Any:
    if isinstance(value, list):
        return [_without_ids(item, firsts) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: item - firsts[name]
        if name in firsts and isinstance(item, int)
        else _without_ids(item, firsts)
        for name, item in value.items()
    }


def _ids(seeded: SeededRange, digests: Digests) -> tuple[int, int]:
    """The first and the last id of a block."""
    first = seeded.first
    last = min(digests.first_row + digests.count, seeded.count) - 1
    return first + digests.first_row, first + last


def _slice(place: int) -> slice:
    return slice(place * _DIGEST, (place + 1) * _DIGEST)


def _cut(alone: bool, names: list[str]) -> Iterator[str | list[str]]:
    """Documents with ids by themselves, the columns between them together."""
    if alone:
        yield from names
    else:
        yield names
