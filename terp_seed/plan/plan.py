"""The plan: what a run would do, known before it does it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256

from terp_seed.ledger.ledger import Range
from terp_seed.rows.literals import canonical_cells
from terp_seed.rows.model import TableRows
from terp_seed.rows.seeders import Check, Derived

__all__ = ["Plan", "PlannedRevision", "PlannedTable", "Removal", "Removed"]


_SAMPLE = 200
_BLOCK = 5_000


@dataclass(frozen=True)
class PlannedTable:
    """The rows of one operation for one table, and the range they will take."""

    rows: TableRows
    range: Range


@dataclass(frozen=True)
class Removal:
    """One ``op.unseed``: which tables, and what stands in its way."""

    tables: tuple[str, ...]
    on_dependents: str | None = None
    on_edited: str | None = None


@dataclass(frozen=True)
class Removed:
    """What became of a revision's rows, by table: how many went, how many stay."""

    rows: Mapping[str, int]
    kept: Mapping[str, int]


@dataclass
class PlannedRevision:
    """What one revision's ``upgrade`` or ``downgrade`` does."""

    revision: str
    upgrade: bool
    skipped: bool = False
    raw_sql: str | None = None
    operations: list[list[PlannedTable]] = field(default_factory=list)
    """The tables of each ``op.seed``, ``op.seed_rows`` and ``op.seed_file``."""
    derives: list[Derived] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)

    @property
    def leaves_rows(self) -> bool:
        """Whether this is the downgrade of a revision that declares no rollback: an empty one."""
        return not (self.upgrade or self.skipped or self.removals or self.raw_sql)

    @property
    def tables(self) -> list[PlannedTable]:
        """All tables, in the order of writing."""
        return [planned for tables in self.operations for planned in tables]

    @property
    def ranges(self) -> dict[str, Range]:
        """The ranges that other rows may refer to by row number: the generated ones."""
        return {
            planned.rows.table: planned.range
            for planned in self.tables
            if planned.rows.provenance == "synthetic"
        }

    @property
    def row_counts(self) -> dict[str, int]:
        """Rows by table, in the order of writing."""
        counts: dict[str, int] = {}
        for planned in self.tables:
            counts[planned.rows.table] = counts.get(planned.rows.table, 0) + planned.rows.count
        return counts

    def __str__(self) -> str:
        """One line: what the step does, and how many rows of which table."""
        if self.skipped:
            counts = "skipped here, nothing is written"
        else:
            counts = ", ".join(f"{count:,} {table}" for table, count in self.row_counts.items())
        if self.leaves_rows:
            counts = "declares no rollback, its rows stay"
        verb = "seed" if self.upgrade else "roll back"
        return f"{verb} {self.revision}{f': {counts}' if counts else ''}"


@dataclass
class Plan:
    """The revisions that a run goes through, and all that came before them.

    ``history`` maps every revision from the base of the chain, oldest first, to
    what its ``upgrade`` does; those before the pending ones are recorded when
    one of them is asked for.  ``steps`` are the pending ones, in order.
    """

    history: Mapping[str, PlannedRevision] = field(default_factory=dict)
    steps: list[PlannedRevision] = field(default_factory=list)

    def ranges_before(self, revision: str) -> Mapping[str, Range]:
        """The seeded range of each table that earlier revisions filled, found out when asked."""
        return RangesBefore(self, revision)

    def digest(self, sample: int | None = _SAMPLE) -> str:
        """SHA-256 over the first and last rows and the shape of each step; None: over all rows.

        The same plan has the same digest in every process; reformatting a
        revision file does not change it.
        """
        summary = sha256()
        for step in self.steps:
            summary.update(f"{step.revision}\0{step.upgrade}\0{step.skipped}\0".encode())
            for planned in step.tables:
                for part in _parts(planned.rows, sample):
                    summary.update(part)
            for removal in step.removals:
                summary.update(repr(removal).encode())
        return summary.hexdigest()


class RangesBefore(Mapping[str, Range]):
    """The ranges by table of a plan's revisions before one of them."""

    def __init__(self, plan: Plan, revision: str) -> None:
        self._plan, self._revision = plan, revision

    @cached_property
    def _ranges(self) -> dict[str, Range]:
        found: dict[str, Range] = {}
        for revision, planned in self._plan.history.items():
            if revision == self._revision:
                break
            found.update(planned.ranges)
        return found

    def __getitem__(self, table: str) -> Range:
        return self._ranges[table]

    def __iter__(self) -> Iterator[str]:
        return iter(self._ranges)

    def __len__(self) -> int:
        return len(self._ranges)


def _parts(rows: TableRows, sample: int | None) -> Iterator[bytes]:
    """What is known of the rows of a table, in pieces."""
    yield "\0".join([rows.table, str(rows.count), *rows.columns]).encode()
    if sample is None:
        starts: Iterable[int] = range(0, rows.count, _BLOCK)
        size = _BLOCK
    else:
        starts, size = sorted({0, max(0, rows.count - sample)}), sample
    for start in starts:
        block = rows.block(start, min(rows.count, start + size))
        for cells in block.columns.values():
            yield "\0".join(["", *canonical_cells(cells)]).encode("utf-8", "surrogatepass")
