"""Reading rows in the order of their key, masking them, and writing them back.

A block is a few thousand rows, fewer where rows are large: what it takes in
memory does not depend on the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from terp_seed.database.session import Session
from terp_seed.mask_database.scope import MARK, Target
from terp_seed.masking.normal import is_blank
from terp_seed.rows.literals import literals
from terp_seed.rows.model import Block, Cells, Json, Value

__all__ = ["Taken", "blocks", "masked", "pending", "unmark", "write"]


@dataclass(frozen=True)
class Taken:
    """Rows as they were read: the literals of their keys, and their values by column."""

    keys: Sequence[tuple[str, ...]]
    columns: dict[str, list[Value]]
    last: tuple[str, ...] = ()
    """The key of the last row that was read, ours or not."""
    values: Sequence[Sequence[Value]] = ()
    """The keys as they were read."""

    def __len__(self) -> int:
        return len(self.keys)


def pending(target: Target, session: Session, after: Sequence[str] | None) -> str:
    """The condition of the rows behind a key that are still to be masked."""
    quote = session.dialect.quote
    parts = []
    for column, first, last in target.own.spans:
        parts.append(f"NOT ({quote(column)} BETWEEN {first} AND {last})")
    for name in sorted(set(target.key) & target.parked):
        parts.append(f"{quote(name)} NOT LIKE '{MARK}%'")
    if after:
        parts.append(_behind([quote(name) for name in target.key], after))
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def blocks(
    session: Session, target: Target, after: Sequence[str] | None, *, lock: bool = False
) -> Iterator[Taken]:
    """The rows that are left, block by block; with ``lock`` held until the commit."""
    while True:
        found = _read(session, target, pending(target, session, after), lock)
        if not found:
            return
        keys = _key_literals(session, [row[: len(target.key)] for row in found])
        yield _without_own(session, target, keys, found)
        if len(found) < target.block:
            return
        after = keys[-1]


def _read(session: Session, target: Target, where: str, lock: bool) -> Sequence[Sequence[Value]]:
    quote = session.dialect.quote
    names = [*target.key, *_wanted(target)]
    order = ", ".join(map(quote, target.key))
    sql = (
        f"SELECT {', '.join(map(quote, names))} FROM {quote(target.table)}{where} "
        f"ORDER BY {order} LIMIT {target.block}{session.dialect.for_update if lock else ''}"
    )
    return session.rows(sql)


def _wanted(target: Target) -> list[str]:
    """The columns to read: the masked ones, a row's subject, and what tells our own rows."""
    subject = target.masker.subject
    own = next((n for n in target.facts.columns if n.casefold() == subject), None)
    return list(dict.fromkeys([*target.columns, *([own] if own else []), *target.own.key]))


def _without_own(
    session: Session, target: Target, keys: list[tuple[str, ...]], found: Sequence[Sequence[Value]]
) -> Taken:
    names, width = _wanted(target), len(target.key)
    columns = {name: [row[width + at] for row in found] for at, name in enumerate(names)}
    values = [row[:width] for row in found]
    if target.own.rows:
        told = list(zip(*(columns[name] for name in target.own.key), strict=True))
        ours = [key in target.own.rows for key in _key_literals(session, told)]
        keep = [at for at, own in enumerate(ours) if not own]
        columns = {name: [cells[at] for at in keep] for name, cells in columns.items()}
        kept = [values[at] for at in keep]
        return Taken([keys[at] for at in keep], columns, keys[-1], kept)
    return Taken(keys, columns, keys[-1], values)


def masked(target: Target, taken: Taken, start: int) -> tuple[Taken, Taken]:
    """The rows before and after, documents opened; raises `MaskingError`."""
    documents = target.documents
    before = {
        name: [_opened(value) for value in values] if name in documents else values
        for name, values in taken.columns.items()
    }
    cells = {name: Cells(values) for name, values in before.items()}
    block = Block(target.table, start, start + len(taken), cells)
    after = target.masker.apply(block).columns
    new = {name: list(after[name].values) for name in target.columns}
    return Taken(taken.keys, before, taken.last), Taken(taken.keys, new, taken.last)


def write(session: Session, target: Target, before: Taken, after: Taken) -> None:
    """Update the rows that changed, in statements that a server takes."""
    names = target.columns
    places = [
        at
        for at in range(len(after))
        if any(after.columns[name][at] != before.columns[name][at] for name in names)
    ]
    texts = []
    for name in names:
        old, new = before.columns[name], after.columns[name]
        marks = name in target.parked
        values = [f"{MARK}{new[at]}" if marks and new[at] != old[at] else new[at] for at in places]
        if name in target.documents:  # a text that is no document has become a text
            values = ["{}" if isinstance(value, str) else value for value in values]
        texts.append(_literals(session, values))
    rows = list(zip(*texts, strict=True)) if texts else []
    _update(
        session, target, [(*after.keys[at], *row) for at, row in zip(places, rows, strict=True)]
    )


def unmark(session: Session, target: Target) -> bool:
    """Take the mark off one block of values; False if none is left."""
    quote = session.dialect.quote
    for name in sorted(target.parked):
        names = [*target.key, name]
        sql = (
            f"SELECT {', '.join(map(quote, names))} FROM {quote(target.table)} "
            f"WHERE {quote(name)} LIKE '{MARK}%' LIMIT {target.block}{session.dialect.for_update}"
        )
        found = session.rows(sql)
        if found:
            keys = _key_literals(session, [row[:-1] for row in found])
            plain = _literals(session, [row[-1].removeprefix(MARK) for row in found])
            rows = [(*key, text) for key, text in zip(keys, plain, strict=True)]
            _update(session, target, rows, (name,))
            return True
    return False


def _update(
    session: Session,
    target: Target,
    rows: Sequence[tuple[str, ...]],
    columns: Sequence[str] | None = None,
) -> None:
    dialect, facts = session.dialect, target.facts
    most = dialect.rows_per_statement if facts.integer_key else 1
    longest = dialect.statement_characters(session.connection)
    for chunk in _chunks(rows, most, longest):
        sql = dialect.update(facts.name, target.key, columns or target.columns, chunk, target.still)
        session.stream.run(sql, rows=len(chunk), what=f"table {facts.name}")


def _chunks(
    rows: Sequence[tuple[str, ...]], most: int, longest: int
) -> Iterator[Sequence[tuple[str, ...]]]:
    first = size = 0
    for place, row in enumerate(rows):
        own = sum(map(len, row))
        if place > first and (place - first == most or size + own > longest):
            yield rows[first:place]
            first, size = place, 0
        size += own
    if rows:
        yield rows[first:]


def _behind(names: Sequence[str], after: Sequence[str]) -> str:
    """A condition: the key comes after this one; spelt so that an index serves it."""
    if len(names) == 1:
        return f"{names[0]} > {after[0]}"
    rest = _behind(names[1:], after[1:])
    return f"({names[0]} >= {after[0]} AND ({names[0]} > {after[0]} OR {rest}))"


def _opened(value: Value) -> Value:
    """The document that a text is; a text that is none stays one."""
    if not isinstance(value, str | bytes) or is_blank(value):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict | list) else Json(found)


def _key_literals(session: Session, keys: Sequence[Sequence[Value]]) -> list[tuple[str, ...]]:
    return list(
        zip(*(_literals(session, column) for column in zip(*keys, strict=True)), strict=True)
    )


def _literals(session: Session, values: Sequence[Value]) -> Sequence[str]:
    dialect = session.dialect
    return literals(Cells(values), dialect.text, dialect.binary, dialect.lookup)
