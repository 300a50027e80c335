"""Which of a plan's tables can be files, and with which ids.

A row can be in a file if it follows from its number alone.  What has to know the database is left
to ``ledger adopt``, which runs the revisions: rows that are skipped where their key is taken, rows
that find others by `terp_seed.rows.model.ref`, and rows that refer to such rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from terp_seed.errors import PlanError, UsageError
from terp_seed.ledger.ledger import Place, Range
from terp_seed.plan.plan import Plan, PlannedRevision, PlannedTable
from terp_seed.plan.run import Run
from terp_seed.rows.model import TableRows
from terp_seed.run.renderer import referenced_tables

__all__ = ["ExportedTable", "LeftTable", "Selected", "choose_tables", "refuse_unloadable"]

_GREATEST = 2**63 - 1


@dataclass(frozen=True)
class ExportedTable:
    """A table whose rows are files, with the ids that they and what they refer to have."""

    number: int
    """Its place in the order of loading, from 1."""
    planned: PlannedTable
    first_id: int | None
    """None for a table without an integer key."""
    firsts: Mapping[str, int]
    """The first ids of the tables that its rows refer to."""

    @property
    def rows(self) -> TableRows:
        return self.planned.rows

    @property
    def columns(self) -> list[str]:
        """All columns of a file."""
        own = [] if self.rows.id is None else [self.rows.id]
        return [*own, *self.rows.columns]


@dataclass(frozen=True)
class LeftTable:
    """A table that is not exported, and why."""

    revision: str
    table: str
    reason: str


@dataclass(frozen=True)
class Selected:
    """The tables of a plan, those that are files and those that are not."""

    tables: list[ExportedTable]
    left: list[LeftTable]


def choose_tables(plan: Plan, first_ids: Mapping[str, int]) -> Selected:
    """Choose the tables that can be files, in the order of loading.

    Ids count from 1, or from what ``first_ids`` says of a table, through all ranges of the table.
    Raises `UsageError` for a first id of a table that has none here.
    """
    left = dict(_left(plan))
    firsts: dict[Place, int] = {}
    following: Counter[str] = Counter()
    for _, planned in plan.insertions:
        rows, place = planned.rows, planned.range.place
        if place not in left and rows.id is not None:
            firsts[place] = first_ids.get(rows.table, 1) + following[rows.table]
            following[rows.table] += rows.count
            _refuse_large(rows, firsts[place])
    unknown = sorted({*first_ids} - {*following})
    if unknown:
        raise UsageError(f"--first-id: {', '.join(unknown)}: no such table is exported with ids")
    tables = [
        ExportedTable(number, planned, firsts.get(planned.range.place), _known(ranges, firsts))
        for number, (planned, ranges) in enumerate(
            ((p, r) for p, r in _with_references(plan) if p.range.place not in left), start=1
        )
    ]
    return Selected(tables, _listed(plan, left))


def _refuse_large(rows: TableRows, first: int) -> None:
    if first + rows.count - 1 > _GREATEST:
        raise UsageError(f"--first-id: table {rows.table}: ids from {first} on are out of range")


def _known(ranges: Mapping[str, Range], firsts: Mapping[Place, int]) -> dict[str, int]:
    return {table: firsts[range_.place] for table, range_ in ranges.items()}


def _with_references(plan: Plan) -> Iterator[tuple[PlannedTable, dict[str, Range]]]:
    """Every table with the ranges that its rows refer to, by table."""
    before: dict[str, Range] = {}
    for step in plan.steps:
        if step.skipped or not step.upgrade:
            continue
        before |= step.ranges
        for planned in step.tables:
            yield (
                planned,
                {name: _range_of(before, name) for name in referenced_tables(planned.rows)},
            )


def _range_of(ranges: Mapping[str, Range], table: str) -> Range:
    try:
        return ranges[table]
    except KeyError:
        raise PlanError(f"table {table}: rows refer to it, but no revision seeds it") from None


def _left(plan: Plan) -> Iterator[tuple[Place, str]]:
    """The places of tables that cannot be files, with the reason."""
    tables = [*_with_references(plan)]
    left = {p.range.place: why for p, _ in tables if (why := _reason(p.rows))}
    changed = True
    while changed:  # what refers to rows that are no files has no ids to refer to
        changed = False
        for planned, ranges in tables:
            gone = [table for table, range_ in ranges.items() if range_.place in left]
            if gone and planned.range.place not in left:
                left[planned.range.place] = f"its rows refer to {gone[0]}, which is left too"
                changed = True
    yield from left.items()


def _reason(rows: TableRows) -> str:
    """Why the rows of a table cannot be a file; empty if they can."""
    if rows.skip_taken:
        return "on_conflict leaves out rows that the database has"
    if rows.looked_up or any(column.lookup for column in rows.columns.values()):
        return "its references are looked up in the database"
    if rows.later:
        return "it refers to rows that are written later"
    return ""


def _listed(plan: Plan, left: Mapping[Place, str]) -> list[LeftTable]:
    found = []
    for step in plan.steps:
        found += [*_left_of(step, left)]
    return found


def _left_of(step: PlannedRevision, left: Mapping[Place, str]) -> Iterator[LeftTable]:
    for planned in step.tables if step.upgrade and not step.skipped else ():
        if planned.range.place in left:
            yield LeftTable(step.revision, planned.rows.table, left[planned.range.place])
    for change in step.changes:
        what = f"rows of it are {change.changes.kind}"
        yield LeftTable(step.revision, change.changes.rows.table, what)


def refuse_unloadable(run: Run) -> None:
    """Refuse what ``ledger adopt`` could not do in its one transaction."""
    for step in run.plan.steps:
        if step.changes and run.ledger.dialect.ddl_commits:
            raise PlanError(
                f"revision {step.revision}: updates or deletes rows, which this server does not "
                "take back together with the revisions before it; export the revision before it, "
                "and upgrade from there"
            )
