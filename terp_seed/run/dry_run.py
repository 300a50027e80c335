"""The dry run with true counts: what a run would do to the live database, and what is in its way.

Reads, and never writes; takes no lock.  What it counts is what the run does,
if nobody else changes the rows in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from terp_seed.database.session import Session
from terp_seed.ledger.audit import pace
from terp_seed.ledger.ledger import SeededRange, ledger_of
from terp_seed.ledger.selection import Selection
from terp_seed.plan.key_conflicts import count_skipped
from terp_seed.plan.plan import PlannedRevision, PlannedTable
from terp_seed.plan.preflight import Findings, findings
from terp_seed.plan.prepare import Prepared, look, prepare
from terp_seed.plan.request import Request
from terp_seed.run.rollback import Finding, Rollback

__all__ = ["Forecast", "RevisionForecast", "TableForecast", "forecast", "removals"]

_ROWS_PER_SECOND = 20_000  # where nothing was ever measured


@dataclass
class TableForecast:
    """The rows of one table in one revision."""

    table: str
    insert: int = 0
    skip: int = 0
    """Rows not inserted: their key is taken, or an earlier rollback kept them."""
    delete: int = 0
    keep: int = 0
    """Rows of ours that a rollback leaves."""
    edited: int = 0
    foreign: int = 0
    missing: int = 0
    ids: tuple[int, int] | None = None
    """The first and the last id that is taken, or given back."""


@dataclass
class RevisionForecast:
    """What one revision would do, and why it would not."""

    revision: str
    upgrade: bool
    state: str
    """``applied``, ``skipped`` or, on the way down, ``reverted`` or ``kept``."""
    tables: list[TableForecast] = field(default_factory=list)
    dependents: list[str] = field(default_factory=list)
    refusal: str = ""
    raw_sql: str | None = None

    @property
    def rows(self) -> int:
        """How many rows are written or deleted."""
        return sum(each.insert + each.delete for each in self.tables)

    def __str__(self) -> str:
        verb = "seed" if self.upgrade else "roll back"
        if self.state == "skipped":
            return f"{verb} {self.revision}: skipped here, nothing is written"
        if self.state == "kept":
            return f"{verb} {self.revision}: declares no rollback, its rows stay"
        counts = {
            "insert": [(each.insert, each.table) for each in self.tables],
            "skip": [(each.skip, each.table) for each in self.tables],
            "delete": [(each.delete, each.table) for each in self.tables],
            "keep": [(each.keep, each.table) for each in self.tables],
            "edited since they were seeded:": [(each.edited, each.table) for each in self.tables],
        }
        parts = [
            f"{what} {', '.join(f'{count:,} {table}' for count, table in listed if count)}"
            for what, listed in counts.items()
            if any(count for count, _ in listed)
        ]
        return f"{verb} {self.revision}: {'; '.join(parts) or 'no rows'}"


@dataclass(frozen=True)
class Forecast:
    """A run that did not happen."""

    environment: str
    database: str
    heads: tuple[str, ...]
    destination: str
    settings: Mapping[str, object]
    revisions: list[RevisionForecast]
    findings: Findings
    seconds: float
    """An estimate: by the pace of earlier runs on this database, if there were any."""
    digest: str

    @property
    def rows(self) -> int:
        """How many rows are written or deleted."""
        return sum(each.rows for each in self.revisions)

    @property
    def refusals(self) -> list[str]:
        """Why revisions would not be rolled back."""
        return [each.refusal for each in self.revisions if each.refusal]


def forecast(session: Session, request: Request) -> Forecast:
    """What `terp_seed.run.online.run` would do; does not write and takes no lock."""
    from terp_seed.plan.planner import settings_of

    environment, heads, steps = look(session, request)
    prepared = prepare(session, request, environment, heads, steps)
    if prepared.upwards:
        found = findings(session, prepared.plan, prepared.kept, prepared.findings)
        revisions = list(_insertions(session, prepared))
    else:
        found = Findings()
        revisions = list(removals(session, prepared))
    rows = sum(each.rows for each in revisions)
    rate = pace(session.connection, session.books) or _ROWS_PER_SECOND
    session.settle()
    return Forecast(
        environment=environment,
        database=str(session.settings.url.database or ""),
        heads=heads,
        destination=request.destination,
        settings=settings_of(prepared.generation),
        revisions=revisions,
        findings=found,
        seconds=rows / rate,
        digest=prepared.plan.digest(),
    )


def removals(session: Session, prepared: Prepared) -> Iterator[RevisionForecast]:
    """What the steps of a rollback would remove, each after the ones before it."""
    rollback = Rollback(session, prepared.environment)
    gone: list[Selection] = []
    for step in prepared.plan.steps:
        state = "kept" if step.leaves_rows else "skipped" if step.skipped else "reverted"
        told = RevisionForecast(step.revision, upgrade=False, state=state, raw_sql=step.raw_sql)
        if step.leaves_rows:
            told.tables = _left(session, step)
        for removal in step.removals if state == "reverted" else ():
            finding = rollback.examine(step, removal, gone)
            gone += finding.going
            told.tables += _removed(finding)
            told.dependents += map(str, finding.dependents)
            told.refusal = told.refusal or finding.refusal
        yield told


def _left(session: Session, step: PlannedRevision) -> list[TableForecast]:
    ranges = ledger_of(session).ranges(session.connection, step.revision)
    return [TableForecast(of.table, keep=of.count, ids=_ids(of)) for of in ranges]


def _removed(finding: Finding) -> list[TableForecast]:
    return [
        TableForecast(
            each.range.table,
            delete=each.there - len(finding.kept[each.range.number]),
            keep=len(finding.kept[each.range.number]),
            edited=len(each.edited),
            foreign=len(each.foreign),
            missing=each.missing,
            ids=_ids(each.range),
        )
        for each in reversed(finding.surveys)
    ]


def _ids(of: SeededRange) -> tuple[int, int] | None:
    return None if of.first_key is None else (of.first_key, of.first_key + of.count - 1)


def _insertions(session: Session, prepared: Prepared) -> Iterator[RevisionForecast]:
    """What the steps of an upgrade would insert, each after the ones before it."""
    before: list[PlannedTable] = []
    following: dict[str, int] = {}
    for step in prepared.plan.steps:
        state = "skipped" if step.skipped else "applied"
        told = RevisionForecast(step.revision, upgrade=True, state=state, raw_sql=step.raw_sql)
        for planned in step.tables:
            kept = prepared.kept.get((step.revision, planned.range.number), frozenset())
            told.tables.append(_inserted(session, planned, kept, before, following))
            before.append(planned)
        yield told


def _inserted(
    session: Session,
    planned: PlannedTable,
    kept: frozenset[int],
    before: Sequence[PlannedTable],
    following: dict[str, int],
) -> TableForecast:
    rows = planned.rows
    skip = len(kept)
    if rows.skip_taken:
        skip += count_skipped(session, rows, [each.rows for each in before], kept)
    told = TableForecast(rows.table, insert=rows.count - skip, skip=skip)
    if rows.id is not None and rows.count:
        first = _first_key(session, planned, kept, following)
        told.ids = (first, first + rows.count - 1)
        following[rows.table] = max(following.get(rows.table, 0), first + rows.count)
    return told


def _first_key(
    session: Session, planned: PlannedTable, kept: frozenset[int], following: Mapping[str, int]
) -> int:
    """Where the rows go: above all others, or where the kept ones of them are."""
    if kept:
        of, _ = ledger_of(session).kept(session.connection)[
            planned.range.revision, planned.range.number
        ]
        return of.first
    quote, rows = session.dialect.quote, planned.rows
    most = session.scalar(f"SELECT MAX({quote(str(rows.id))}) FROM {quote(rows.table)}")
    return max(int(most or 0) + 1, following.get(rows.table, 0))
