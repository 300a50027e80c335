"""What became of seeded rows, by the digests that the ledger keeps.

A row is *intact* if its digest is the ledger's; *edited* if only its natural
key is still the same; *foreign* if neither is: somebody deleted the seeded
row and put another one at its id.  Reads, and never writes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terp_seed.digests import block_digests
from terp_seed.ledger import Digests, Range
from terp_seed.literals import json_cells
from terp_seed.rows import Block, Cells
from terp_seed.session import Session

__all__ = ["Ranges", "Survey", "survey"]

_EIGHT = 8

Ranges = Mapping[tuple[str, int], Range]
"""All ranges of a chain, by revision and number."""


@dataclass
class Survey:
    """The rows of one range, sorted by what became of them.

    Rows are named by their number in the range, from 0.
    """

    range: Range
    intact: int = 0
    edited: list[int] = field(default_factory=list)
    foreign: list[int] = field(default_factory=list)
    missing: int = 0


def survey(
    session: Session, of: Range, ranges: Ranges, blocks: Iterable[Digests] | None = None
) -> Survey:
    """Compare a range's rows with the ledger; one block in memory at a time.

    ``blocks`` are digests to compare with instead of the ledger's.
    """
    found = Survey(of)
    for digests in session.ledger.blocks(session.connection, of) if blocks is None else blocks:
        if of.id is None:
            rows = _keyed_rows(session, of, digests)
        else:
            rows = _numbered_rows(session, of, digests)
        _compare(of, rows, digests, ranges, found)
    return found


def _compare(
    of: Range, rows: Mapping[int, Sequence[Any]], digests: Digests, ranges: Ranges, found: Survey
) -> None:
    found.missing += digests.count - len(rows)
    if not rows:
        return
    shape = of.shape or {}
    block = _block(of, list(rows.values()), ranges)
    whole = block_digests(block, shape["columns"])
    if whole == digests.rows:  # the usual case: all there, and none edited
        found.intact += len(rows)
        return
    keys = block_digests(block, shape["key"]) if shape["key"] else b""
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


def _numbered_rows(session: Session, of: Range, digests: Digests) -> dict[int, Sequence[Any]]:
    """The rows at the block's ids, by row number."""
    first = of.first_key or 0
    low = first + digests.first_row
    high = first + min(digests.first_row + digests.count, of.count) - 1
    quote = session.dialect.quote
    key = quote(str(of.id))
    rows = session.rows(
        f"SELECT {key}, {', '.join(map(quote, _columns(of)))} FROM {quote(of.table)} "
        f"WHERE {key} BETWEEN {low} AND {high} ORDER BY {key}"
    )
    return {row[0] - first: row[1:] for row in rows}


def _keyed_rows(session: Session, of: Range, digests: Digests) -> dict[int, Sequence[Any]]:
    """The rows that own the block's natural keys, by row number."""
    quote = session.dialect.quote
    listed = ", ".join(map(quote, _columns(of)))
    found: dict[int, Sequence[Any]] = {}
    for number, key in enumerate(digests.row_keys or (), start=digests.first_row):
        where = _owns(session, of, key)
        for row in session.rows(f"SELECT {listed} FROM {quote(of.table)} WHERE {where}"):
            found[number] = row
    return found


def _owns(session: Session, of: Range, key: Sequence[str]) -> str:
    names = (of.shape or {})["key"]
    pairs = zip(names, key, strict=True)
    return " AND ".join(f"{session.dialect.quote(name)} = {text}" for name, text in pairs)


def _columns(of: Range) -> list[str]:
    shape = of.shape or {}
    return list(dict.fromkeys([*shape["columns"], *shape["key"]]))


def _block(of: Range, rows: Sequence[Sequence[Any]], ranges: Ranges) -> Block:
    """The rows as they were when they went in: references as row numbers."""
    shape = of.shape or {}
    refs, json_refs = shape["refs"], shape["json_refs"]
    columns: dict[str, Cells] = {}
    for place, name in enumerate(_columns(of)):
        values = [row[place] for row in rows]
        if name in json_refs:
            firsts = {key: _first(ranges, place) for key, place in json_refs[name].items()}
            columns[name] = json_cells(Cells([_numbered(value, firsts) for value in values]))
            continue
        target = ranges.get(tuple(refs[name])) if name in refs else None
        if target is None:
            columns[name] = Cells(values)
            continue
        first = target.first_key or 0
        columns[name] = Cells([None if v is None else v - first for v in values], ref=name)
    return Block(of.table, 0, len(rows), columns)


def _first(ranges: Ranges, place: Sequence[Any]) -> int:
    of = ranges.get((place[0], place[1]))
    return of.first_key or 0 if of else 0


def _numbered(value: Any, firsts: Mapping[str, int]) -> Any:
    """A JSON text with the ids after some names turned back into row numbers."""
    if not isinstance(value, str | bytes):
        return value
    try:
        return _without_ids(json.loads(value), firsts)
    except ValueError:
        return value


def _without_ids(value: Any, firsts: Mapping[str, int]) -> Any:
    if isinstance(value, list):
        return [_without_ids(each, firsts) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        name: each - firsts[name]
        if name in firsts and isinstance(each, int)
        else _without_ids(each, firsts)
        for name, each in value.items()
    }
