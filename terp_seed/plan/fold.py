"""What a chain adds up to: its revisions' own rows, folded without a database.

Only rows that revisions give are folded, those of ``op.seed_rows``, ``op.seed_file``,
``op.update_rows`` and ``op.delete_rows``; what a seeder generates is not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from terp_seed.plan.operations import DeleteRowsOp, GivenRows, RenameOp, SeedRowsOp
from terp_seed.plan.plan import PlannedRevision
from terp_seed.rows.literals import canonical
from terp_seed.rows.model import Lookup, Value

__all__ = [
    "FoldedTable",
    "Key",
    "apply_operation",
    "comparable",
    "fold",
    "key_of",
    "looked_up",
    "rows_given",
]

T = TypeVar("T")

Key = tuple[str, ...]
"""A natural key as texts; see `comparable`."""


@dataclass
class FoldedTable:
    """The rows that a chain gives one table, by natural key, in the order of their insertion.

    Values are as the revision or its file has them: unmasked, and a reference by natural key.
    """

    table: str
    key: tuple[str, ...]
    id: str | None
    refs: dict[str, str] = field(default_factory=dict)
    rows: dict[Key, dict[str, Value]] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    """Columns that the schema has lost, as ``op.seed_gone`` says, and no revision wrote since."""

    def value(self, key: Key, column: str) -> Value:
        """A value as it is written; `KeyError` if the chain gives none."""
        return looked_up(self.rows[key][column], self.refs.get(column))


def fold(revisions: Iterable[PlannedRevision], data: Path) -> dict[str, FoldedTable]:
    """What the revisions, oldest first, add up to, by table; files lie below ``data``."""
    tables: dict[str, FoldedTable] = {}
    for revision in revisions:
        for operation in revision.given:
            apply_operation(tables, operation, data)
    return tables


def apply_operation(
    tables: dict[str, FoldedTable], operation: GivenRows | RenameOp, data: Path
) -> None:
    """Add what one operation changes; rows without a natural key cannot be told apart."""
    if isinstance(operation, RenameOp):
        _rename(tables, operation)
        return
    if not operation.key or isinstance(operation.key, str):
        return
    key = tuple(operation.key)
    folded = tables.get(operation.table)
    if folded is None or folded.key != key:
        if not isinstance(operation, SeedRowsOp):
            return  # of rows that the chain did not seed, or knows by another key
        folded = tables[operation.table] = FoldedTable(operation.table, key, operation.id)
    folded.refs |= operation.refs or {}
    for row in rows_given(operation, data):
        found = key_of(row, key)
        folded.gone.difference_update(row)
        if isinstance(operation, DeleteRowsOp):
            folded.rows.pop(found, None)
        elif isinstance(operation, SeedRowsOp) and not operation.updates_taken:
            folded.rows.setdefault(found, dict(row))
        elif found in folded.rows or isinstance(operation, SeedRowsOp):
            folded.rows[found] = {**folded.rows.get(found, {}), **row}


def _rename(tables: dict[str, FoldedTable], operation: RenameOp) -> None:
    """Give a table or a column its new name, in the references to it too; or take it out."""
    new = operation.new
    if operation.old in tables:
        folded = tables.pop(operation.old)
        if new is not None:
            folded.table = new
            tables[new] = folded
    table, _, column = operation.old.rpartition(".")
    if table in tables:
        _rename_column(tables[table], column, new and new.rpartition(".")[2])
    for other in tables.values():
        for name, target in other.refs.items():
            prefix, _, held = target.rpartition(".")
            if new is not None and operation.old in (target, prefix):
                other.refs[name] = new if operation.old == target else f"{new}.{held}"


def _rename_column(folded: FoldedTable, column: str, new: str | None) -> None:
    def renamed(values: Mapping[str, T]) -> dict[str, T]:
        names = ((new if name == column else name, value) for name, value in values.items())
        return {name: value for name, value in names if name is not None}

    if new is None:
        folded.gone.add(column)
    folded.key = tuple(new if new and name == column else name for name in folded.key)
    folded.refs = renamed(folded.refs)
    for key, row in folded.rows.items():
        folded.rows[key] = renamed(row)


def rows_given(operation: GivenRows, data: Path) -> Iterator[Mapping[str, Value]]:
    """The rows of an operation one by one; those of an update may have different columns."""
    if operation.path is None:
        yield from operation.rows or ()
        return
    for batch in operation.batches(data):
        for cells in zip(*batch.values(), strict=True):
            yield dict(zip(batch, cells, strict=True))


def key_of(row: Mapping[str, Value], key: Sequence[str]) -> Key:
    """The natural key of a row; a column that it lacks counts as NULL."""
    return tuple(comparable(row.get(name)) for name in key)


def comparable(value: Value) -> str:
    """The text by which values compare: a file has texts where a revision has numbers.

    A text is itself, since "007" is not "7" in a column of texts.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # to the last digit
    return value if isinstance(value, str) else canonical(value)


def looked_up(value: Value, target: str | None) -> Value:
    """A value, or where it is looked up if its column refers by natural key."""
    if value is None or target is None or isinstance(value, Lookup):
        return value
    table, _, column = target.rpartition(".")
    return Lookup(table, ((column, value),))
