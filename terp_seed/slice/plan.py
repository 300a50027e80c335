"""The plan of a slice: how many rows of each table, and what prevents it.

It is made before a row is read whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from terp_seed.errors import PlanError
from terp_seed.slice.closure import Closure
from terp_seed.slice.keys import CHILD, PARENT, ROOT
from terp_seed.slice.order import nullable_column

__all__ = ["SlicePlan", "TableCount", "plan_slice"]


@dataclass(frozen=True)
class TableCount:
    """How many rows of a table are taken, and why."""

    table: str
    roots: int
    children: int
    parents: int
    """Rows that are taken because others refer to them."""

    @property
    def rows(self) -> int:
        return self.roots + self.children + self.parents


@dataclass(frozen=True)
class SlicePlan:
    """What a slice takes."""

    tables: tuple[TableCount, ...]
    schema: str
    """The fingerprint of the tables' schema, for ``schema`` in ``slice.toml``."""
    orphans: dict[str, int] = field(default_factory=dict)
    """By reference, the rows that refer to a row that the source does not have."""
    cut: tuple[str, ...] = ()
    """References to tables of which no row is taken: they are left empty."""
    stops: bool = False
    """Whether a slice stops at the orphans, because nothing was said of them."""

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


def plan_slice(closure: Closure, *, reports_orphans: bool = False) -> SlicePlan:
    """The plan of what was taken.

    Raises `PlanError` for references that cannot be left empty, for orphans that nothing was said
    of unless the plan ``reports_orphans``, and if the schema is not the one that the plan was made
    for.
    """
    keys, taken = closure.keys, closure.tables
    counts = [
        TableCount(name, *(keys.count(name, role) for role in (ROOT, CHILD, PARENT)))
        for name in taken
    ]
    cut = [
        each
        for each in closure.references
        if each.table in taken and closure.is_never(each.target) and not each.path
    ]
    plan = SlicePlan(
        tuple(counts),
        closure.source.schema.fingerprint(taken),
        {str(reference): rows for reference, rows in closure.orphans.items()},
        tuple(map(str, cut)),
        stops=bool(closure.orphans) and closure.request.orphans == "report",
    )
    wanted = closure.request.schema
    if wanted is not None and wanted != plan.schema:
        raise PlanError(
            "the source's tables are not those that slice.toml was written for; look at the plan "
            "with --dry-run, and write the schema that it prints there"
        )
    problems = [*_unfit(closure, reports_orphans)]
    if problems:
        raise PlanError("nothing was written: " + "; ".join(problems))
    return plan


def _unfit(closure: Closure, reports_orphans: bool) -> Iterator[str]:
    taken, orphans = closure.tables, closure.request.orphans
    for reference in closure.references:
        if reference.table not in taken:
            continue
        nullable = nullable_column(closure.facts(reference.table), reference)
        if closure.is_never(reference.target) and nullable is None and not reference.path:
            yield (
                f"{reference.place} refers to {reference.target}, which is never taken, and may "
                f"not be NULL; add {reference.table} to never, too"
            )
        lost = closure.orphans.get(reference, 0)
        if lost and orphans == "report" and not reports_orphans:
            yield (
                f"{lost:,} rows refer by {reference.place} to rows of {reference.target} that the "
                'source does not have; say what to do with them: orphans = "leave" (the '
                'reference is left empty) or "take" (the row is taken as it is)'
            )
        if lost and orphans == "leave" and (nullable is None or reference.path):
            yield (
                f"{reference.place} refers to missing rows, and cannot be left empty; leave those "
                "rows out by where, or the table by never"
            )
