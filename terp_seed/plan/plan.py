"""The plan: what a run would do, known before it does it, and what each step did in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache, partial
from hashlib import sha256
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from terp_seed.ledger.ledger import Range
from terp_seed.rows.literals import canonical_cells
from terp_seed.rows.model import TableRows
from terp_seed.rows.seeders import TYPICAL, Check, Derived

if TYPE_CHECKING:
    from terp_seed.ledger.drift import Drift
    from terp_seed.plan.operations import GivenRows, RenameOp

__all__ = [
    "Counts",
    "LazyMapping",
    "Plan",
    "PlannedChange",
    "PlannedRevision",
    "PlannedTable",
    "Removal",
    "RowChanges",
    "StepResult",
    "summary",
    "total",
]


@dataclass
class Counts:
    """How many rows of one table, by what becomes of them."""

    inserted: int = 0
    skipped: int = 0
    """Not inserted: their natural key is taken, or an earlier rollback retained them."""
    deleted: int = 0
    retained: int = 0
    """Seeded rows that a rollback leaves in place."""
    intact: int = 0
    edited: int = 0
    """Changed since they were seeded."""
    replaced: int = 0
    """Seeded rows whose id is another row's now; that row stays."""
    missing: int = 0
    """Seeded rows that are not there any more."""
    updated: int = 0
    """Rows that were there, and got other values."""
    restored: int = 0
    """Updated or deleted rows that a rollback puts back."""
    conflicts: int = 0
    """Rows left alone, or in part, since they were edited: the seed gives them other values."""
    ids: tuple[int, int] | None = None
    """The first and the last id that is taken, or given back."""

    @classmethod
    def changed_rows(cls, kind: str, count: int) -> Counts:
        """So many rows that are ``updated`` or ``deleted``."""
        return cls(updated=count) if kind == "updated" else cls(deleted=count)

    @property
    def changed(self) -> int:
        """How many rows are inserted, deleted, updated or put back."""
        return self.inserted + self.deleted + self.updated + self.restored

    @property
    def drifted(self) -> int:
        """How many rows are not as they were seeded."""
        return self.edited + self.replaced + self.missing

    @classmethod
    def of(cls, drift: Drift) -> Counts:
        """What became of seeded rows; those that were never inserted are not missing."""
        return cls(
            intact=drift.intact,
            edited=len(drift.edited),
            replaced=len(drift.replaced),
            missing=0 if drift.range.shape.skip_taken else drift.missing,
        )

    def add(self, other: Counts) -> None:
        for name in _NUMBERS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        ends = [*(self.ids or ()), *(other.ids or ())]
        self.ids = (min(ends), max(ends)) if ends else None


_NUMBERS = [name for name in Counts.__dataclass_fields__ if name != "ids"]


@dataclass
class StepResult:
    """What one revision does or did, table by table, in the order of writing.

    ``direction`` is ``upgrade`` or ``downgrade``.  ``state`` is ``applied``,
    ``skipped`` or ``stamped``; on the way down ``reverted``, ``retained``
    where the revision declares no rollback, or ``stamped`` where the ledger
    lists no rows; and in a status ``pending`` or,
    if the version names it and the ledger does not, ``lost``.
    """

    revision: str
    direction: str
    state: str
    tables: dict[str, Counts] = field(default_factory=dict)
    raw_sql: str | None = None
    """Why the revision runs SQL of the author's."""
    dependents: list[str] = field(default_factory=list)
    """What depends on the rows that a rollback would delete."""
    refusal: str = ""
    """Why a rollback would stop before it deletes anything."""
    differences: list[str] = field(default_factory=list)
    """Of rows that would be updated or deleted the first, with values before and after."""
    uncompared: list[str] = field(default_factory=list)
    """What could not be compared with the ledger, since the schema has changed."""
    seconds: float | None = None

    @property
    def upgrade(self) -> bool:
        return self.direction == "upgrade"

    @property
    def changed(self) -> int:
        """How many rows are written or deleted, in all tables."""
        return sum(counts.changed for counts in self.tables.values())

    def count(self, table: str, counts: Counts) -> None:
        self.tables.setdefault(table, Counts()).add(counts)

    def rows(self, what: str = "changed") -> dict[str, int]:
        """One number by table, where it is not 0: ``changed``, ``retained``, ``edited`` ..."""
        numbers = {table: getattr(counts, what) for table, counts in self.tables.items()}
        return {table: number for table, number in numbers.items() if number}

    def to_json(self) -> dict[str, Any]:
        fields = asdict(self)
        fields["seconds"] = None if self.seconds is None else round(self.seconds, 3)
        fields["tables"] = [
            {"table": table, **counts} for table, counts in fields.pop("tables").items()
        ]
        return fields

    def __str__(self) -> str:
        """One line: what the step does, and to how many rows of which table."""
        verb = "seed" if self.upgrade else "roll back"
        if self.state == "skipped":
            return f"{verb} {self.revision}: skipped here, nothing is written"
        if self.state == "stamped":
            return f"{verb} {self.revision}: was only stamped, nothing is removed"
        if self.state == "retained":
            return f"{verb} {self.revision}: declares no rollback, its rows stay"
        named = {
            "insert": self.rows("inserted"),
            "update": self.rows("updated"),
            "skip": self.rows("skipped"),
            "delete": self.rows("deleted"),
            "put back": self.rows("restored"),
            "keep": self.rows("retained"),
            "edited since they were seeded:": self.rows("edited"),
            "edited, so left alone:": self.rows("conflicts"),
        }
        parts = [f"{what} {_listed(rows)}" for what, rows in named.items() if rows]
        return f"{verb} {self.revision}: {'; '.join(parts) or 'no rows'}"


def _listed(rows: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {table}" for table, number in rows.items())


def total(results: Iterable[StepResult]) -> int:
    """How many rows all steps write or delete."""
    return sum(result.changed for result in results)


def summary(results: Sequence[StepResult], environment: str, size: str) -> str:
    """A table of what was seeded or removed: revision, table, rows, seconds."""
    if not results:
        return ""
    verb = "seeded" if results[0].upgrade else "removed"
    lines = [("revision", "table", verb, "seconds")]
    for result in results:
        revision, seconds = result.revision, f"{result.seconds or 0:.2f}"
        for table, rows in _tables(result):
            lines.append((revision, table, f"{rows:,}", seconds))
            revision = seconds = ""
    seconds = f"{sum(result.seconds or 0 for result in results):.2f}"
    size_line = f"environment {environment}, size {size}"
    lines.append(("total", size_line, f"{total(results):,}", seconds))
    return _aligned(lines)


def _tables(result: StepResult) -> list[tuple[str, int]]:
    tables = result.tables.items()
    moved = [(t, n, n.inserted if result.upgrade else n.deleted) for t, n in tables]
    lines = [(t, rows) for t, n, rows in moved if rows or not (n.changed or n.retained)]
    for what in ("updated", "deleted" if result.upgrade else "restored", "retained"):
        found = result.rows(what)
        lines += [(f"{table}, {what}", rows) for table, rows in found.items()]
    return lines or [(result.state if result.state in ("skipped", "stamped") else "no rows", 0)]


def _aligned(lines: Sequence[tuple[str, str, str, str]]) -> str:
    widths = [max(len(line[place]) for line in lines) for place in range(4)]
    rows = [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip()
        for a, b, c, d in lines
    ]
    rule = "-" * max(map(len, rows))
    return "\n".join([rows[0], rule, *rows[1:-1], rule, rows[-1]])


T = TypeVar("T")

_SAMPLE = 200
_BLOCK = 5_000


@dataclass(frozen=True)
class PlannedTable:
    """The rows of one operation for one table, and the range they will take."""

    rows: TableRows
    range: Range


@dataclass(frozen=True)
class RowChanges:
    """Rows of one table that an operation updates or deletes, by their natural key."""

    kind: Literal["updated", "deleted"]
    rows: TableRows
    """The keys, and for an update the new values."""
    columns: tuple[str, ...]
    """The columns that are updated; of rows to delete those that the chain wrote."""
    ours: Sequence[Mapping[str, Any]]
    """For each row what the chain says is in its columns until now, as far as it does."""
    seeded: tuple[bool, ...]
    """For each row whether the chain seeded it."""
    strict: bool = False
    """Whether one edited cell keeps the whole row."""
    merged: tuple[str, ...] = ()
    """JSON columns of which each key is merged by itself."""
    adopts: bool = False
    """Whether rows may be missing, since the operation inserts those."""

    def said(self, number: int, name: str) -> Any:
        """What the chain says of a cell that is merged; of one that it adopts, that it is empty."""
        return self.ours[number].get(name, {} if self.adopts else None)

    def insists(self, number: int, name: str) -> bool:
        """Whether the cell gets all keys that are given: no one can have edited it since."""
        return self.adopts and name not in self.ours[number]

    personal: tuple[str, ...] = ()
    """Columns of rows to delete that the masking policy classifies."""


@dataclass(frozen=True)
class PlannedChange:
    """The rows of one operation that are changed, and their place in the ledger."""

    changes: RowChanges
    range: Range


@dataclass(frozen=True)
class Removal:
    """One ``op.unseed``: which tables, and what to do about rows that are in its way."""

    tables: tuple[str, ...]
    on_dependents: str | None = None
    on_edited: str | None = None

    def covers(self, table: str) -> bool:
        return not self.tables or table in self.tables


@dataclass
class PlannedRevision:
    """What one revision's ``upgrade`` or ``downgrade`` does."""

    revision: str
    upgrade: bool
    skipped: bool = False
    stamped: bool = False
    """Whether the ledger knows nothing of it but a stamp, so that it is skipped on the way down."""
    raw_sql: str | None = None
    source: bytes = b""
    """The file of a revision that runs raw SQL, of which no plan knows more."""
    online_only: bool = False
    operations: list[list[PlannedTable | PlannedChange]] = field(default_factory=list)
    """The tables of each operation that writes rows."""
    given: list[GivenRows | RenameOp] = field(default_factory=list)
    """The operations whose rows the revision or a file gives."""
    declared: list[str] = field(default_factory=list)
    """What each of these operations says, with a digest of the file that it names."""
    files: list[tuple[str, str]] = field(default_factory=list)
    """The tables whose rows are in files below ``seeds/data/``, and those files."""
    derives: list[Derived] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    removals: list[Removal] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """The tables and columns that are gone, so that their values are not written."""

    @property
    def retains_rows(self) -> bool:
        """Whether this is the downgrade of a revision that declares no rollback: an empty one."""
        return not (self.upgrade or self.skipped or self.removals or self.raw_sql)

    @property
    def state(self) -> str:
        """What the revision is afterwards: ``applied``, ``skipped``, ``reverted``, ``retained``;
        ``stamped`` if that is all it was.
        """
        if self.stamped and not self.upgrade:
            return "stamped"
        if self.skipped:
            return "skipped"
        if self.upgrade:
            return "applied"
        return "retained" if self.retains_rows else "reverted"

    @property
    def tables(self) -> list[PlannedTable]:
        """All tables that get new rows, in the order of writing."""
        return [t for tables in self.operations for t in tables if isinstance(t, PlannedTable)]

    @property
    def changes(self) -> list[PlannedChange]:
        """All changes of rows that are there, in the order of writing."""
        return [t for tables in self.operations for t in tables if isinstance(t, PlannedChange)]

    @property
    def ranges(self) -> dict[str, Range]:
        """The ranges that other rows may refer to by row number: the generated ones."""
        return {range_.table: range_ for range_ in self.generated}

    @property
    def generated(self) -> list[Range]:
        """All generated ranges, in the order of writing; several may be of one table."""
        return [one.range for one in self.tables if one.rows.provenance == "synthetic"]

    @property
    def planned(self) -> StepResult:
        """What the step does, as far as that is known without a database."""
        result = StepResult(self.revision, "upgrade" if self.upgrade else "downgrade", self.state)
        for table in self.tables:
            result.count(table.rows.table, Counts(inserted=table.rows.count))
        for change in self.changes:
            rows = change.changes.rows
            result.count(rows.table, Counts.changed_rows(change.changes.kind, rows.count))
        return result

    @property
    def digest(self) -> bytes | None:
        """SHA-256 of what ``upgrade`` declares, whatever the size and however it is spelt.

        None if it does not run here, or if it depends on what the database holds.
        """
        if self.skipped or self.online_only:
            return None
        return sha256("\n".join(self.declared).encode("utf-8", "surrogatepass")).digest()


@dataclass
class Plan:
    """The revisions that a run goes through, and all that came before them.

    ``history`` maps every revision from the base of the chain, oldest first, to
    what its ``upgrade`` does; those before the pending ones are recorded when
    one of them is asked for.  ``steps`` are the pending ones, in order.
    """

    history: Mapping[str, PlannedRevision] = field(default_factory=dict)
    steps: list[PlannedRevision] = field(default_factory=list)
    scenario: str = TYPICAL

    @property
    def insertions(self) -> list[tuple[PlannedRevision, PlannedTable]]:
        """Every table that the steps write, with its revision, in the order of writing."""
        steps = (step for step in self.steps if step.upgrade and not step.skipped)
        return [(step, planned) for step in steps for planned in step.tables]

    @property
    def keeps_rows(self) -> bool:
        """Whether a step makes tables of kept rows, or takes back what is in one."""
        known = (self.history.get(step.revision, step) for step in self.steps)
        return any(step.changes for step in [*self.steps, *known])

    def ranges_before(self, revision: str) -> Mapping[str, Range]:
        """The generated range of each table that earlier revisions filled; read on demand."""
        return LazyMapping({}, partial(self._ranges_before, revision))

    def generated_before(self, revision: str) -> list[Range]:
        """All generated ranges of earlier revisions; several may be of one table."""
        earlier = takewhile(lambda name: name != revision, self.history)
        return [one for name in earlier for one in self.history[name].generated]

    def _ranges_before(self, revision: str) -> dict[str, Range]:
        ranges: dict[str, Range] = {}
        for name in takewhile(lambda name: name != revision, self.history):
            ranges |= self.history[name].ranges
        return ranges

    def digest(self, sample: int | None = _SAMPLE) -> str:
        """SHA-256 over what each step writes; of generated rows the first and last, None: all.

        The same plan has the same digest in every process; reformatting a
        revision file does not change it, unless it runs raw SQL.
        """
        summary = sha256()
        if self.scenario != TYPICAL:  # which may change rows that are not among the sampled ones
            summary.update(self.scenario.encode())
        for step in self.steps:
            summary.update(f"{step.revision}\0{step.upgrade}\0{step.skipped}\0".encode())
            summary.update(step.source)
            summary.update(repr(step.derives).encode())
            for planned in step.tables:
                for part in _parts(planned.rows, sample):
                    summary.update(part)
            for change in step.changes:
                summary.update(f"{change.changes.kind}\0{change.changes.strict}".encode())
                summary.update("\0".join(change.changes.merged).encode())
                for part in _parts(change.changes.rows, sample):
                    summary.update(part)
            for removal in step.removals:
                summary.update(repr(removal).encode())
        return summary.hexdigest()


class LazyMapping(Mapping[str, T]):
    """Items that are known, and others that are loaded when one of them is asked for."""

    def __init__(self, known: Mapping[str, T], load: Callable[[], Mapping[str, T]]) -> None:
        self._known, self._load = known, cache(load)

    def __getitem__(self, name: str) -> T:
        return self._known[name] if name in self._known else self._load()[name]

    def __iter__(self) -> Iterator[str]:
        return iter({**self._load(), **self._known})

    def __len__(self) -> int:
        return len([*self])


def _parts(rows: TableRows, sample: int | None) -> Iterator[bytes]:
    """What is known of the rows of a table, in pieces."""
    yield "\0".join([rows.table, str(rows.count), *rows.columns]).encode()
    if sample is None or rows.provenance != "synthetic":
        starts: Iterable[int] = range(0, rows.count, _BLOCK)
        size = _BLOCK
    else:
        starts, size = sorted({0, max(0, rows.count - sample)}), sample
    for start in starts:
        block = rows.block(start, min(rows.count, start + size))
        for cells in block.columns.values():
            yield "\0".join(["", *canonical_cells(cells)]).encode("utf-8", "surrogatepass")
