"""What became of seeded rows, by the digests that the ledger keeps.

A row is *intact* if its digest is the ledger's; *edited* if only its natural
key is still the same; *foreign* if neither is: somebody deleted the seeded
row and put another one at its id.  Reads, and never writes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terp_seed.database.session import Session
from terp_seed.ledger.ledger import Digests, SeededRange, ledger_of
from terp_seed.ledger.row_numbers import Ranges, numbered
from terp_seed.ledger.server_digests import RowTexts
from terp_seed.rows.digests import block_digests
from terp_seed.rows.model import Block

__all__ = ["Ranges", "Survey", "survey"]

Rows = dict[int, Sequence[Any]]

_EIGHT = 8


@dataclass
class Survey:
    """The rows of one range, sorted by what became of them.

    Rows are named by their number in the range, from 0.
    """

    range: SeededRange
    intact: int = 0
    edited: list[int] = field(default_factory=list)
    foreign: list[int] = field(default_factory=list)
    missing: int = 0

    @property
    def there(self) -> int:
        """How many rows are there and ours."""
        return self.intact + len(self.edited)


def survey(
    session: Session,
    of: SeededRange,
    ranges: Ranges,
    blocks: Iterable[Digests] | None = None,
    *,
    hold: bool = False,
) -> Survey:
    """Compare a range's rows with the ledger; one block in memory at a time.

    ``blocks`` are digests to compare with instead of the ledger's.  With
    ``hold`` the rows stay locked until the transaction ends.
    """
    found = Survey(of)
    lock = session.dialect.for_update if hold else ""
    texts = RowTexts(session, of, ranges, lock) if of.id is not None else None
    for digests in ledger_of(session).blocks(session.connection, of) if blocks is None else blocks:
        if texts and texts.digests(*_keys(of, digests)) == digests.rows:  # the usual case
            found.intact += digests.count
            continue
        intact = found.intact
        rows = (_keyed_rows if of.id is None else _numbered_rows)(session, of, digests, lock)
        _compare(of, rows, digests, ranges, found)
        if found.intact == intact + digests.count:
            texts = None  # this engine writes something in another way: no use to ask it again
    return found


def _keys(of: SeededRange, digests: Digests) -> tuple[int, int]:
    """The first and the last id of a block."""
    first = of.first
    last = min(digests.first_row + digests.count, of.count) - 1
    return first + digests.first_row, first + last


def _compare(
    of: SeededRange,
    rows: Mapping[int, Sequence[Any]],
    digests: Digests,
    ranges: Ranges,
    found: Survey,
) -> None:
    found.missing += digests.count - len(rows)
    if not rows:
        return
    shape = of.shape
    block = _block(of, list(rows.values()), ranges)
    whole = block_digests(block, shape.columns)
    if whole == digests.rows:  # the usual case: all there, and none edited
        found.intact += len(rows)
        return
    keys = block_digests(block, shape.key) if shape.key else b""
    for place, number in enumerate(rows):
        here = slice(place * _EIGHT, (place + 1) * _EIGHT)
        at = (number - digests.first_row) * _EIGHT
        there = slice(at, at + _EIGHT)
        if whole[here] == digests.rows[there]:
            found.intact += 1
        elif digests.keys is None or keys[here] == digests.keys[there]:
            found.edited.append(number)
        else:
            found.foreign.append(number)


def _numbered_rows(session: Session, of: SeededRange, digests: Digests, lock: str) -> Rows:
    """The rows at the block's ids, by row number."""
    first = of.first
    low, high = _keys(of, digests)
    quote = session.dialect.quote
    key = quote(str(of.id))
    rows = session.rows(
        f"SELECT {key}, {', '.join(map(quote, _columns(of)))} FROM {quote(of.table)} "
        f"WHERE {key} BETWEEN {low} AND {high} ORDER BY {key}{lock}"
    )
    return {row[0] - first: row[1:] for row in rows}


def _keyed_rows(session: Session, of: SeededRange, digests: Digests, lock: str) -> Rows:
    """The rows that own the block's natural keys, by row number."""
    quote = session.dialect.quote
    listed = ", ".join(map(quote, _columns(of)))
    found: Rows = {}
    for number, key in enumerate(digests.row_keys or (), start=digests.first_row):
        where = _owns(session, of, key)
        for row in session.rows(f"SELECT {listed} FROM {quote(of.table)} WHERE {where}{lock}"):
            found[number] = row
    return found


def _owns(session: Session, of: SeededRange, key: Sequence[str]) -> str:
    names = of.shape.key
    pairs = zip(names, key, strict=True)
    return " AND ".join(f"{session.dialect.quote(name)} = {text}" for name, text in pairs)


def _columns(of: SeededRange) -> list[str]:
    shape = of.shape
    return list(dict.fromkeys([*shape.columns, *shape.key]))


def _block(of: SeededRange, rows: Sequence[Sequence[Any]], ranges: Ranges) -> Block:
    """The rows as they were when they went in: references as row numbers."""
    columns = {
        name: numbered(of, name, [row[place] for row in rows], ranges)
        for place, name in enumerate(_columns(of))
    }
    return Block(of.table, 0, len(rows), columns)
