"""What differs between the datasets and the rows that the chain's revisions add up to.

Datasets are compared with the revisions that run in all of their environments, so one revision is
needed for each set of environments.  Nothing is read from a database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from graphlib import CycleError, TopologicalSorter
from typing import cast

from terp_seed.errors import PlanError, UsageError
from terp_seed.plan.fold import FoldedTable, Key, comparable
from terp_seed.project.datasets import REGISTER, Dataset, Row
from terp_seed.rows.literals import canonical, json_text
from terp_seed.rows.model import Value

__all__ = [
    "DatasetChanges",
    "EnvironmentChanges",
    "Fold",
    "Personal",
    "RowUpdate",
    "compare_datasets",
]

Fold = Callable[[Sequence[str]], Mapping[str, FoldedTable]]
"""Adds up the revisions that run in all of some environments; each time anew."""

Personal = Callable[[str, str], bool]
"""Whether the masking policy classifies a column of a table."""

_SHARE = 0.05  # of a dataset's rows may go without allow_delete
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class RowUpdate:
    """A row of the file, and which of its columns differ from the chain."""

    row: Row
    columns: tuple[str, ...]


@dataclass
class DatasetChanges:
    """What brings a table to where its dataset is, as rows of the file's own values."""

    dataset: Dataset
    before: int = 0
    """How many rows of the table the chain adds up to."""
    inserts: list[Row] = field(default_factory=list)
    updates: list[RowUpdate] = field(default_factory=list)
    deletes: list[Row] = field(default_factory=list)
    """The keys of rows that the file no longer has, where they are to be deleted."""
    left: int = 0
    """How many rows the file no longer has that stay."""
    moved: list[tuple[Row, Row]] = field(default_factory=list)
    """Keys before and after of rows that look like one row whose key was changed."""

    def __bool__(self) -> bool:
        return bool(self.inserts or self.updates or self.deletes)

    @property
    def large_share(self) -> bool:
        """Whether more rows are deleted than may be without being allowed."""
        return len(self.deletes) > _SHARE * self.before

    def __str__(self) -> str:
        """One line: how many rows are inserted, updated and deleted."""
        counts = {
            "insert": len(self.inserts),
            "update": len(self.updates),
            "delete": len(self.deletes),
        }
        parts = [f"{verb} {count:,}" for verb, count in counts.items() if count]
        if self.deletes:
            parts[-1] += f" of {self.before:,}"
        return f"{self.dataset.name}: {', '.join(parts) or 'nothing to change'}"

    def notes(self, personal: Personal) -> Iterator[str]:
        """What whoever reviews the revision should know, line by line."""
        name = self.dataset.name
        if self.left:
            yield (
                f"{name}: {self.left:,} rows are not in {self.dataset.place} and stay; vanished = "
                f'"delete" in {REGISTER} would delete them'
            )
        outcome = "a delete and an insert, with a new id"
        if self.dataset.vanished == "leave":
            outcome = "an insert, and the old row stays"
        for old, new in self.moved[:_SHOWN]:
            before, after = (self._shown(key, personal) for key in (old, new))
            yield f"{name}: {before} looks like {after} now: a changed key is {outcome}"

    def differences(self, operation: str, personal: Personal) -> list[str]:
        """A line for each row of an operation, with dataset, key and columns; the first few."""
        found: dict[str, Iterable[tuple[Row, str]]] = {
            "seed_rows": ((row, "not in the chain") for row in self.inserts),
            "update_rows": (
                (update.row, f"{', '.join(update.columns)} not as in the chain")
                for update in self.updates
            ),
            "delete_rows": ((row, f"not in {self.dataset.place}") for row in self.deletes),
        }
        lines = [
            f"{self.dataset.name}: {self._shown(row, personal)}: {what}"
            for row, what in found[operation]
        ]
        more = len(lines) - _SHOWN
        return lines[:_SHOWN] + ([f"{self.dataset.name}: {more:,} rows more"] if more > 0 else [])

    def _shown(self, row: Row, personal: Personal) -> str:
        """A row by its key; a personal part of the key is not shown."""
        return ", ".join(
            f"{name} {'...' if personal(self.dataset.table, name) else repr(row[name])}"
            for name in self.dataset.key
        )


@dataclass
class EnvironmentChanges:
    """The changes of all datasets of the same environments, parents before children."""

    environments: tuple[str, ...]
    changes: list[DatasetChanges]

    def __bool__(self) -> bool:
        return any(self.changes)


def compare_datasets(
    datasets: Sequence[Dataset],
    fold: Fold,
    personal: Personal,
    *,
    allow_delete: bool = False,
) -> list[EnvironmentChanges]:
    """Compare every dataset with the chain: one `EnvironmentChanges` for each set of environments.

    `UsageError` for datasets that contradict each other.  `PlanError` if a column that is personal
    would be updated, or if more rows would be deleted than are allowed.
    """
    declared = _Declared(datasets)
    found = []
    for environments, group in _by_environments(_sorted(datasets)).items():
        folded = fold(environments)
        changes = [*_compare_group(group, folded, declared)]
        for change in changes:
            _refuse_personal(change, personal)
            if change.large_share and not (allow_delete or change.dataset.allow_delete):
                raise PlanError(_too_many(change))
        found.append(EnvironmentChanges(environments, changes))
    return found


def _compare_group(
    group: Sequence[Dataset], folded: Mapping[str, FoldedTable], declared: _Declared
) -> Iterator[DatasetChanges]:
    by_table: dict[str, list[Dataset]] = {}
    for dataset in group:
        by_table.setdefault(dataset.table, []).append(dataset)
    for table, sharing in by_table.items():
        seeded = folded.get(table)
        chain = _rows_by_key(sharing[0], seeded)
        before = len(chain)
        changes = [_compare(dataset, chain, declared) for dataset in sharing]
        for change in changes:
            _refuse_gone(change, seeded)
        _take_vanished(changes[0], chain, declared)
        for change in changes:
            change.before = before
            yield change


def _compare(dataset: Dataset, chain: dict[Key, Row | None], declared: _Declared) -> DatasetChanges:
    """Compare the file's rows; those found in ``chain`` become None there, and free."""
    changes = DatasetChanges(dataset)
    for key, row in dataset.rows():
        old = chain.get(key)
        if old is not None:
            chain[key] = None
        if declared.by_another(dataset, key, row):
            continue
        if old is None:
            changes.inserts.append(row)
            continue
        changed = _changed(dataset, old, row)
        if changed:
            changes.updates.append(RowUpdate(row, changed))
    return changes


def _changed(dataset: Dataset, old: Row, row: Row) -> tuple[str, ...]:
    """The columns of a row that differ; one that the chain never wrote differs."""
    return tuple(
        name
        for name, value in row.items()
        if name not in dataset.key
        and name not in dataset.once
        and (name not in old or not _is_same(dataset.plain(name, old[name]), value))
    )


def _is_same(old: Value, new: Value) -> bool:
    """Whether two values are one in the table, as far as that is known without it."""
    if isinstance(old, dict | list) and isinstance(new, dict | list):
        return json_text(old) == json_text(new)  # to Python True is 1
    if type(old) is type(new):
        return bool(old == new)  # "007" is not "7" in a column of texts
    if _is_number(old) and _is_number(new):
        return Decimal(str(old)) == Decimal(str(new))
    return canonical(old) == canonical(new)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


def _refuse_gone(changes: DatasetChanges, seeded: FoldedTable | None) -> None:
    """`UsageError` for a column that the file has still, and the schema no more."""
    written = {name for row in changes.inserts for name in row}
    written.update(name for update in changes.updates for name in update.columns)
    gone = sorted(written & seeded.gone) if seeded else []
    if gone:
        raise UsageError(
            f"{changes.dataset.place}: op.seed_gone says that {changes.dataset.table}."
            f"{', '.join(gone)} is gone; take the column out of the file, or, if the schema has it "
            "again, write its values once with op.update_rows"
        )


def _take_vanished(
    changes: DatasetChanges, chain: Mapping[Key, Row | None], declared: _Declared
) -> None:
    """Count or delete what the chain has and no dataset of the table; the first of them says."""
    dataset = changes.dataset
    vanished = [row for key, row in chain.items() if row and declared.let_go(dataset.table, key)]
    changes.moved = _moved(dataset, vanished, changes.inserts)
    if dataset.vanished == "leave":
        changes.left = len(vanished)
        return
    changes.deletes = [_key_columns(dataset, row) for row in vanished]


def _moved(
    dataset: Dataset, vanished: Sequence[Row], inserts: Sequence[Row]
) -> list[tuple[Row, Row]]:
    """The keys of rows that went and came with the same other cells, where those are unique."""
    names = [name for name in (inserts[0] if inserts else ()) if name not in dataset.key]
    if not names:
        return []
    before, after = (_unique(dataset, rows, names) for rows in (vanished, inserts))
    return [
        (_key_columns(dataset, before[cells]), _key_columns(dataset, after[cells]))
        for cells in before
        if cells in after
    ]


def _unique(dataset: Dataset, rows: Iterable[Row], names: Sequence[str]) -> dict[Key, Row]:
    found: dict[Key, Row | None] = {}
    for row in rows:
        if all(name in row for name in names):
            values = [dataset.plain(name, row[name]) for name in names]
            cells = tuple(map(comparable, values))
            known = cells in found or not any(value is not None for value in values)
            found[cells] = None if known else row
    return {cells: row for cells, row in found.items() if row is not None}


def _key_columns(dataset: Dataset, row: Row) -> Row:
    return {name: dataset.plain(name, row[name]) for name in dataset.key}


def _refuse_personal(changes: DatasetChanges, personal: Personal) -> None:
    dataset = changes.dataset
    columns = dict.fromkeys(name for update in changes.updates for name in update.columns)
    wrong = [name for name in columns if personal(dataset.table, name)]
    if wrong:
        rows = sum(not set(wrong).isdisjoint(update.columns) for update in changes.updates)
        raise PlanError(
            f"dataset {dataset.name}: {rows:,} rows differ in {', '.join(wrong)}, which the "
            "masking policy calls personal; an update would keep the old values in clear. Add the "
            f"column to once in {REGISTER}, or leave it out of {dataset.place}"
        )


def _too_many(changes: DatasetChanges) -> str:
    dataset, count = changes.dataset, len(changes.deletes)
    return (
        f"dataset {dataset.name}: {dataset.place} lacks {count:,} of the {changes.before:,} rows "
        f"that the chain has ({count / changes.before:.0%}), more than {_SHARE:.0%}; if they are "
        f"to be deleted, set allow_delete = true in {REGISTER}, or give terp-seed revision "
        "--allow-delete"
    )


def _rows_by_key(dataset: Dataset, folded: FoldedTable | None) -> dict[Key, Row | None]:
    """The chain's rows, which are the fold's own dict; `UsageError` if it has another key."""
    if folded is None or not folded.rows:
        return {}
    if folded.key != dataset.key:
        raise UsageError(
            f"dataset {dataset.name}: its key is {', '.join(dataset.key)}; the chain knows rows "
            f"of {dataset.table} by {', '.join(folded.key)}; use the same key in {REGISTER}"
        )
    rows = cast("dict[Key, Row | None]", folded.rows)
    if dataset.refs.keys().isdisjoint(dataset.key):
        return rows
    return {dataset.key_of(row): row for row in rows.values() if row}  # keys that are looked up


class _Declared:
    """Which rows the datasets declare, for tables that several datasets share."""

    def __init__(self, datasets: Sequence[Dataset]) -> None:
        self._rows: dict[str, dict[Key, tuple[Dataset, Row]]] = {}
        self._gone: set[tuple[str, Key]] = set()
        tables: dict[str, list[Dataset]] = {}
        for dataset in sorted(datasets, key=_breadth):
            tables.setdefault(dataset.table, []).append(dataset)
        for table, sharing in tables.items():
            if len(sharing) > 1:
                self._rows[table] = _declared_rows(sharing)

    def let_go(self, table: str, key: Key) -> bool:
        """Whether no dataset declares a row any more, and none was asked before."""
        if key in self._rows.get(table, ()) or (table, key) in self._gone:
            return False
        if table in self._rows:
            self._gone.add((table, key))
        return True

    def by_another(self, dataset: Dataset, key: Key, row: Row) -> bool:
        """Whether a dataset before this one declares the row; `UsageError` if it differs there."""
        known = self._rows.get(dataset.table, {}).get(key)
        if known is None or known[0] is dataset:
            return False
        first, there = known
        if not set(first.environments) & set(dataset.environments):
            return False
        common = [name for name in row if name in there]
        if not set(dataset.environments) <= set(first.environments) or any(
            not _is_same(there[name], row[name]) for name in common
        ):
            raise UsageError(
                f"datasets {first.name} and {dataset.name}: both have the row "
                f"{', '.join(map(repr, key))} of {dataset.table}, with other values or other "
                "environments; keep it in one of them"
            )
        return True


def _declared_rows(sharing: Sequence[Dataset]) -> dict[Key, tuple[Dataset, Row]]:
    rows: dict[Key, tuple[Dataset, Row]] = {}
    for dataset in sharing:
        if (dataset.key, dataset.id) != (sharing[0].key, sharing[0].id):
            raise UsageError(
                f"datasets {sharing[0].name} and {dataset.name}: both are of table "
                f"{dataset.table}; give them the same key and id"
            )
        for key, row in dataset.rows():
            rows.setdefault(key, (dataset, row))
    return rows


def _breadth(dataset: Dataset) -> int:
    return -len(dataset.environments)


def _by_environments(datasets: Iterable[Dataset]) -> dict[tuple[str, ...], list[Dataset]]:
    """The datasets by their environments, those that run in most places first."""
    groups: dict[tuple[str, ...], list[Dataset]] = {}
    for dataset in sorted(datasets, key=_breadth):
        groups.setdefault(dataset.environments, []).append(dataset)
    return groups


def _sorted(datasets: Sequence[Dataset]) -> list[Dataset]:
    """The datasets with those first that others refer to; `UsageError` if they go in a circle."""
    graph = {dataset.table: _parents(dataset) for dataset in datasets}
    for dataset in datasets:
        graph[dataset.table] = graph[dataset.table] | _parents(dataset)
    try:
        order = [*TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise UsageError(
            f"{REGISTER}: tables refer to each other in a circle: {' -> '.join(error.args[1])}; "
            "list a column of refs that may be empty in later"
        ) from None
    return sorted(datasets, key=lambda dataset: order.index(dataset.table))


def _parents(dataset: Dataset) -> set[str]:
    targets = {
        target.rpartition(".")[0]
        for column, target in dataset.refs.items()
        if column not in dataset.later
    }
    return targets - {dataset.table}
