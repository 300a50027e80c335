"""Reading rows in the order of their key, masking them, and writing them back.

A block is a few thousand rows, fewer where rows are large: what it takes in
memory does not depend on the table.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from terp_seed.database.session import Session
from terp_seed.errors import MaskingError
from terp_seed.mask_database.plan import MARK, PassPlan
from terp_seed.masking.normal import is_blank
from terp_seed.rows.literals import UnwritableError, literals
from terp_seed.rows.model import Block, Cells, Json, Value
from terp_seed.run.renderer import cut_into_statements

__all__ = [
    "MaskedBlock",
    "RowBlock",
    "mask_block",
    "opened_document",
    "pending",
    "read_blocks",
    "remove_marks",
    "write_block",
]


@dataclass(frozen=True)
class RowBlock:
    """Rows as they were read: their keys, as values and as literals, and their columns."""

    keys: Sequence[tuple[str, ...]]
    key_values: Sequence[Sequence[Value]]
    columns: dict[str, list[Value]]
    last: tuple[str, ...]
    """The key of the last row that was read, seeded or not."""

    def __len__(self) -> int:
        return len(self.keys)

    def changed(self, after: RowBlock) -> list[int]:
        """The places of the rows that masking changed."""
        pairs = [(self.columns[name], after.columns[name]) for name in after.columns]
        return [at for at in range(len(self)) if any(old[at] != new[at] for old, new in pairs)]


@dataclass(frozen=True)
class MaskedBlock:
    """What becomes of a block: the rows that change, and their new values."""

    places: Sequence[int]
    columns: Mapping[str, Sequence[Value]]
    originals: bytes
    """The packed digests of the values that go."""

    @classmethod
    def of(cls, before: RowBlock, after: RowBlock, originals: bytes = b"") -> MaskedBlock:
        """The difference between a block before and after."""
        places = before.changed(after)
        columns = {name: [new[at] for at in places] for name, new in after.columns.items()}
        return cls(places, columns, originals)


def pending(session: Session, plan: PassPlan, after: Sequence[str] | None) -> str:
    """The WHERE clause of the rows behind a key that are still to be masked."""
    quote = session.dialect.quote
    parts = plan.seeded.not_by_id(quote)
    for name in sorted(set(plan.key) & plan.parked):
        parts.append(f"{quote(name)} NOT LIKE '{MARK}%'")
    if after:
        parts.append(_behind([quote(name) for name in plan.key], after))
    return f" WHERE {' AND '.join(parts)}" if parts else ""


def _behind(names: Sequence[str], after: Sequence[str]) -> str:
    """A condition: the key comes after this one; spelt so that an index serves it."""
    if len(names) == 1:
        return f"{names[0]} > {after[0]}"
    rest = _behind(names[1:], after[1:])
    return f"({names[0]} >= {after[0]} AND ({names[0]} > {after[0]} OR {rest}))"


def read_blocks(session: Session, plan: PassPlan, *, lock: bool = False) -> Iterator[RowBlock]:
    """The rows that are left, block by block; with ``lock`` held until the commit.

    No more than were counted: a trigger that adds a row for each that is written would never end.
    """
    after, left = plan.progress.last_key, plan.rows
    while left > 0:
        where = pending(session, plan, after)
        part = replace(plan, block=min(plan.block, left))
        found = _select(session, part, [*plan.key, *_columns_to_read(plan)], where, lock)
        if not found:
            return
        block = _without_seeded(session, plan, found)
        yield block
        left -= len(found)
        after = block.last


def _select(
    session: Session, plan: PassPlan, names: Sequence[str], where: str, lock: bool
) -> Sequence[Sequence[Value]]:
    quote = session.dialect.quote
    read = [plan.referred[n].sql if n in plan.referred else quote(n) for n in names]
    return session.rows(
        f"SELECT {', '.join(read)} FROM {quote(plan.table)}{where} "
        f"ORDER BY {', '.join(map(quote, plan.key))} "
        f"LIMIT {plan.block}{session.dialect.for_update if lock else ''}"
    )


def _columns_to_read(plan: PassPlan) -> list[str]:
    """The masked columns, those that name subject and person, names of other rows, seeded keys."""
    own = [name for name in plan.facts.columns if name.casefold() in plan.masker.known_by]
    return list(dict.fromkeys([*plan.columns, *own, *plan.referred, *plan.seeded.key]))


def _without_seeded(session: Session, plan: PassPlan, found: Sequence[Sequence[Value]]) -> RowBlock:
    width, names = len(plan.key), _columns_to_read(plan)
    last = _key_literals(session, plan.table, [found[-1][:width]])[0]
    if plan.seeded.keys:
        places = [width + names.index(name) for name in plan.seeded.key]
        keys = _key_literals(
            session, plan.table, [[row[place] for place in places] for row in found]
        )
        found = [row for row, key in zip(found, keys, strict=True) if key not in plan.seeded.keys]
    key_values = [row[:width] for row in found]
    columns = {name: [row[width + at] for row in found] for at, name in enumerate(names)}
    return RowBlock(_key_literals(session, plan.table, key_values), key_values, columns, last)


def mask_block(plan: PassPlan, block: RowBlock, start: int) -> tuple[RowBlock, RowBlock]:
    """The rows before and after, documents opened; raises `MaskingError`."""
    opened = {
        name: list(map(opened_document, values)) if plan.kinds.get(name) == "json" else values
        for name, values in block.columns.items()
    }
    cells = {name: Cells(values) for name, values in opened.items()}
    masked = plan.masker.apply(Block(plan.table, start, start + len(block), cells)).columns
    after = {name: list(masked[name].values) for name in plan.columns}
    return replace(block, columns=opened), replace(block, columns=after)


def write_block(session: Session, plan: PassPlan, block: RowBlock, masked: MaskedBlock) -> None:
    """Update the rows of a block that change, in statements that a server takes."""
    texts = []
    for name in plan.columns:
        values = masked.columns[name]
        if name in plan.parked:
            olds = [block.columns[name][at] for at in masked.places]
            pairs = zip(olds, values, strict=True)
            values = [f"{MARK}{new}" if new != old else new for old, new in pairs]
        if plan.kinds[name] == "json":  # what is not a document has become a text
            values = ["{}" if isinstance(value, str) else value for value in values]
        texts.append(_literals(session, plan.table, values))
    keys = [block.keys[at] for at in masked.places]
    rows = [(*key, *row) for key, row in zip(keys, zip(*texts, strict=True), strict=True)]
    _update(session, plan, rows, plan.columns)


def remove_marks(session: Session, plan: PassPlan) -> bool:
    """Take the mark off one block of values; False if none is left."""
    for name in sorted(plan.parked):
        marked = f" WHERE {session.dialect.quote(name)} LIKE '{MARK}%'"
        found = _select(session, plan, [*plan.key, name], marked, True)
        if found:
            keys = _key_literals(session, plan.table, [row[:-1] for row in found])
            plain = _literals(session, plan.table, [row[-1].removeprefix(MARK) for row in found])
            rows = [(*key, text) for key, text in zip(keys, plain, strict=True)]
            _update(session, plan, rows, (name,))
            return True
    return False


def _update(
    session: Session, plan: PassPlan, rows: Sequence[tuple[str, ...]], columns: Sequence[str]
) -> None:
    dialect, name = session.dialect, plan.table
    most = dialect.rows_per_statement if plan.facts.integer_key else 1
    sizes = (sum(map(len, row)) for row in rows)
    longest = dialect.statement_characters(session.connection)
    for part in cut_into_statements(sizes, most, longest):
        chunk = rows[part]
        sql = dialect.update(name, plan.key, columns, chunk, plan.still)
        session.stream.run(sql, rows=len(chunk), what=f"table {name}")


def opened_document(value: Value) -> Value:
    """The document that a text holds; any other text as it is."""
    if not isinstance(value, str | bytes) or is_blank(value):
        return value
    try:
        found = json.loads(value, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict | list) else Json(found)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"JSON has no {name}")


def _key_literals(
    session: Session, table: str, keys: Sequence[Sequence[Value]]
) -> list[tuple[str, ...]]:
    columns = zip(*keys, strict=True)
    return list(zip(*(_literals(session, table, column) for column in columns), strict=True))


def _literals(session: Session, table: str, values: Sequence[Value]) -> Sequence[str]:
    dialect = session.dialect
    try:
        return literals(Cells(values), dialect.text, dialect.binary, dialect.lookup)
    except UnwritableError as error:
        raise MaskingError(
            f"{table}: a value that was read cannot be written, {error.args[0]}; correct "
            "that row in this copy, and run the command again"
        ) from None
