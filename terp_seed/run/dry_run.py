"""The dry run with true counts: what a run would do to the live database, and what is in its way.

Reads, and never writes; takes no lock.  What it counts is what the run does,
if nobody else changes the rows in between.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terp_seed.database.session import Session
from terp_seed.ledger.audit import pace
from terp_seed.ledger.selection import Selection
from terp_seed.plan.chain import Request
from terp_seed.plan.key_conflicts import count_skipped
from terp_seed.plan.plan import PlannedTable
from terp_seed.plan.preflight import Findings, findings
from terp_seed.plan.result import Counts, StepResult, total
from terp_seed.plan.run import Run, build, look
from terp_seed.plan.target import Live
from terp_seed.run.rollback import Rollback

__all__ = ["Forecast", "expected", "forecast"]

_ROWS_PER_SECOND = 20_000  # where nothing was ever measured


@dataclass(frozen=True)
class Forecast:
    """A run that did not happen."""

    environment: str
    database: str
    heads: tuple[str, ...]
    destination: str
    settings: Mapping[str, object]
    revisions: list[StepResult]
    findings: Findings
    seconds: float
    """An estimate: by the pace of earlier runs on this database, if there were any."""
    digest: str

    def to_json(self) -> dict[str, Any]:
        """The forecast as its document carries it."""
        return {
            "environment": self.environment,
            "database": self.database,
            "heads": list(self.heads),
            "destination": self.destination,
            "settings": dict(self.settings),
            "revisions": [result.to_json() for result in self.revisions],
            "findings": list(self.findings),
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "digest": self.digest,
        }

    @property
    def rows(self) -> int:
        """How many rows are written or deleted."""
        return total(self.revisions)

    @property
    def refusals(self) -> list[str]:
        """Why revisions would not be rolled back."""
        return [result.refusal for result in self.revisions if result.refusal]


def forecast(session: Session, request: Request) -> Forecast:
    """What `terp_seed.run.live.run_live` would do; does not write and takes no lock."""
    environment, move = look(session, request)
    run = build(environment, Live(session), move)
    found = findings(session, run)
    results = expected(session, run)
    rate = pace(session.connection, session.books) or _ROWS_PER_SECOND
    session.settle()
    return Forecast(
        environment=environment,
        database=str(session.settings.url.database or ""),
        heads=move.heads,
        destination=request.destination,
        settings=run.generation.to_settings(),
        revisions=results,
        findings=found,
        seconds=total(results) / rate,
        digest=run.plan.digest(),
    )


def expected(session: Session, run: Run) -> list[StepResult]:
    """What each step of a run would do, after the ones before it; does not write."""
    return list((_insertions if run.move.upwards else _removals)(session, run))


def _removals(session: Session, run: Run) -> Iterator[StepResult]:
    rollback = Rollback(session, run.environment)
    gone: list[Selection] = []
    for step in run.plan.steps:
        result = StepResult(step.revision, "downgrade", step.state, raw_sql=step.raw_sql)
        if step.retains_rows:
            result.tables = dict(rollback.leftovers(step))
        for removal in () if step.skipped else step.removals:
            found = rollback.examine(step, removal, gone)
            gone += map(found.selection, found.drifts)
            for table, counts in found.tables.items():
                result.count(table, counts)
            result.dependents += map(str, found.dependents)
            result.refusal = result.refusal or found.refusal
        yield result


def _insertions(session: Session, run: Run) -> Iterator[StepResult]:
    before: list[PlannedTable] = []
    following: dict[str, int] = {}
    for step in run.plan.steps:
        result = StepResult(step.revision, "upgrade", step.state, raw_sql=step.raw_sql)
        for planned in step.tables:
            counts = _inserted(session, run, planned, before, following)
            result.count(planned.rows.table, counts)
            before.append(planned)
        yield result


def _inserted(
    session: Session,
    run: Run,
    planned: PlannedTable,
    before: Sequence[PlannedTable],
    following: dict[str, int],
) -> Counts:
    rows, spared = planned.rows, run.spared(planned)
    skipped = len(spared)
    if rows.skip_taken:
        skipped += count_skipped(session, rows, [other.rows for other in before], spared)
    counts = Counts(inserted=rows.count - skipped, skipped=skipped)
    if rows.id is not None and rows.count:
        first = _first_key(session, run, planned, following)
        counts.ids = (first, first + rows.count - 1)
        following[rows.table] = max(following.get(rows.table, 0), first + rows.count)
    return counts


def _first_key(
    session: Session, run: Run, planned: PlannedTable, following: Mapping[str, int]
) -> int:
    """Where the rows go: above all others, or where the retained ones of them are."""
    if run.spared(planned):
        seeded, _ = run.retained[planned.range.place]
        return seeded.first
    quote, rows = session.dialect.quote, planned.rows
    most = session.scalar(f"SELECT MAX({quote(str(rows.id))}) FROM {quote(rows.table)}")
    return max(int(most or 0) + 1, following.get(rows.table, 0))
