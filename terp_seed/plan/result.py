"""What a step does to the rows of each table: planned, found out, done or looked up later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terp_seed.ledger.drift import Drift

__all__ = ["Counts", "StepResult", "summary", "total"]


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
    ids: tuple[int, int] | None = None
    """The first and the last id that is taken, or given back."""

    @property
    def written(self) -> int:
        """How many rows are inserted or deleted."""
        return self.inserted + self.deleted

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
    ``skipped`` or ``stamped``; on the way down ``reverted``, or ``retained``
    where the revision declares no rollback; and in a status ``pending`` or,
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
    seconds: float | None = None

    @property
    def upgrade(self) -> bool:
        return self.direction == "upgrade"

    @property
    def written(self) -> int:
        """How many rows are inserted or deleted, in all tables."""
        return sum(counts.written for counts in self.tables.values())

    def count(self, table: str, counts: Counts) -> None:
        self.tables.setdefault(table, Counts()).add(counts)

    def rows(self, what: str = "written") -> dict[str, int]:
        """One number by table, where it is not 0: ``written``, ``retained``, ``edited`` ..."""
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
        if self.state == "retained":
            return f"{verb} {self.revision}: declares no rollback, its rows stay"
        named = {
            "insert": self.rows("inserted"),
            "skip": self.rows("skipped"),
            "delete": self.rows("deleted"),
            "keep": self.rows("retained"),
            "edited since they were seeded:": self.rows("edited"),
        }
        parts = [f"{what} {_listed(rows)}" for what, rows in named.items() if rows]
        return f"{verb} {self.revision}: {'; '.join(parts) or 'no rows'}"


def _listed(rows: dict[str, int]) -> str:
    return ", ".join(f"{number:,} {table}" for table, number in rows.items())


def total(results: Iterable[StepResult]) -> int:
    """How many rows all steps write or delete."""
    return sum(result.written for result in results)


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
    lines = [(table, n.written) for table, n in tables if n.written or not n.retained]
    lines += [(f"{table}, retained", n.retained) for table, n in tables if n.retained]
    return lines or [("skipped" if result.state == "skipped" else "no rows", 0)]


def _aligned(lines: Sequence[tuple[str, str, str, str]]) -> str:
    widths = [max(len(line[place]) for line in lines) for place in range(4)]
    rows = [
        f"{a:<{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}".rstrip()
        for a, b, c, d in lines
    ]
    rule = "-" * max(map(len, rows))
    return "\n".join([rows[0], rule, *rows[1:-1], rule, rows[-1]])
