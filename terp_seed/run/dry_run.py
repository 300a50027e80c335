"""The dry run with true counts: what a run would do to the live database, and what is in its way.

Reads, and never writes; takes no lock.  What it counts is what the run does,
unless the rows change in between.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

from terp_seed.database.dialects import KeptTable
from terp_seed.database.session import Session
from terp_seed.ledger.audit import measure_pace
from terp_seed.ledger.pinned_files import refuse_edited_files
from terp_seed.ledger.selection import Selection
from terp_seed.plan.chain import Request
from terp_seed.plan.key_conflicts import count_skipped, find_unowned_keys
from terp_seed.plan.plan import Counts, PlannedTable, StepResult, total
from terp_seed.plan.preflight import (
    Findings,
    collect_findings,
    find_stamped,
    find_subscribers,
)
from terp_seed.plan.run import Run, Target, build_run, find_move
from terp_seed.rows.model import TableRows
from terp_seed.run.dependents import find_slow_keys
from terp_seed.run.differences import Ahead, Differences
from terp_seed.run.rollback import Rollback
from terp_seed.settings.options import Settings

__all__ = ["Forecast", "forecast", "forecast_steps"]


_FIRST_ROWS = 20
"""How many changed rows of one operation a plan lists."""


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
    warnings: list[str]
    """What does not stop the run, and whoever starts it should know."""
    seconds: float
    """An estimate: by the pace of earlier runs on this database, if there were any."""
    digest: str
    consent: str
    """What ``yes=NAME@DIGEST`` has to begin."""

    def to_json(self) -> dict[str, Any]:
        return {
            "environment": self.environment,
            "database": self.database,
            "heads": list(self.heads),
            "destination": self.destination,
            "settings": dict(self.settings),
            "revisions": [result.to_json() for result in self.revisions],
            "findings": list(self.findings),
            "warnings": self.warnings,
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "digest": self.digest,
            "consent": self.consent,
        }

    @property
    def rows(self) -> int:
        """How many rows are written or deleted."""
        return total(self.revisions)

    @property
    def refusals(self) -> dict[str, str]:
        """Why a rollback is blocked, by revision."""
        return {result.revision: result.refusal for result in self.revisions if result.refusal}


def forecast(session: Session, request: Request) -> Forecast:
    """What `terp_seed.run.live.run_live` would do; does not write and takes no lock."""
    environment, move = find_move(session, request)
    if not move:
        refuse_edited_files(session, [script.revision for script in move.applied])
    run = build_run(environment, Target.live(session), move)
    findings = collect_findings(session, run)
    results = forecast_steps(session, run)
    deleted: Counter[str] = Counter()
    for result in results:
        deleted.update(result.rows("deleted"))
    slow = find_slow_keys(session, deleted)
    warnings = [*find_stamped(run), *slow, *find_subscribers(session, run)]
    pace = measure_pace(session.connection, session.books, upwards=move.upwards)
    session.end_transaction()
    return Forecast(
        environment=environment,
        database=str(session.settings.url.database or ""),
        heads=move.heads,
        destination=request.destination,
        settings=run.generation.to_settings(),
        revisions=results,
        findings=findings,
        warnings=warnings,
        seconds=pace.seconds(len(results), total(results)),
        digest=run.plan.digest(),
        consent=consent_digest(run, session.settings, results),
    )


def consent_digest(run: Run, settings: Settings, results: Sequence[StepResult]) -> str:
    """What a person agrees to: a plan, what is done about edits, the backup, and the rows it meets.

    The ids that rows will get are left out: others may insert some meanwhile.
    """
    policies = [settings.on_dependents, settings.on_edited, settings.on_conflict, settings.backup]
    said: list[object] = [run.plan.digest(), run.move.upwards, policies]
    for result in results:
        counts = {name: {**asdict(count), "ids": None} for name, count in result.tables.items()}
        more = [result.dependents, result.differences, result.refusal, result.uncompared]
        said.append([result.revision, result.state, counts, more])
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()


def forecast_steps(session: Session, run: Run) -> list[StepResult]:
    """What each step of a run would do, after the ones before it; does not write."""
    return list((_forecast_insertions if run.move.upwards else _forecast_removals)(session, run))


def _forecast_removals(session: Session, run: Run) -> Iterator[StepResult]:
    rollback = Rollback(session, run.environment, applied=run.move.applied)
    gone: list[Selection] = []
    restored: list[KeptTable] = []
    for step in run.plan.steps:
        result = StepResult(step.revision, "downgrade", step.state, raw_sql=step.raw_sql)
        if step.retains_rows:
            result.tables = dict(rollback.count_leftovers(step))
        undone = [*restored]
        updates = [change.kept for change in rollback.changed(step) if change.kept.updates]
        restored += reversed(updates)
        for removal in () if step.skipped else step.removals:
            examination = rollback.examine(step, removal, gone, restored)
            gone += map(examination.selection, examination.found)
            result.uncompared += [*examination.uncompared, *examination.staying]
            for table, counts in examination.tables.items():
                result.count(table, counts)
            result.dependents += map(str, examination.dependents)
            result.refusal = result.refusal or examination.refusal
            changed = [c for c in rollback.changed(step) if removal.covers(c.kept.table)]
            changes = rollback.restorer(removal).forecast(changed[::-1], gone, undone)
            for table, counts in changes.tables.items():
                result.count(table, counts)
            result.refusal = result.refusal or changes.refusal
        yield result


def _forecast_insertions(session: Session, run: Run) -> Iterator[StepResult]:
    before: list[PlannedTable] = []
    following: dict[str, int] = {}
    ahead: Ahead = {}
    for step in run.plan.steps:
        result = StepResult(step.revision, "upgrade", step.state, raw_sql=step.raw_sql)
        for planned in step.tables:
            counts = _count_inserted(session, run, planned, before, following)
            result.count(planned.rows.table, counts)
            before.append(planned)
        for change in step.changes:
            differences = Differences(session, change.changes, run.policy, ahead)
            _note_changes(differences, [planned.rows for planned in before], result)
        yield result


def _note_changes(
    differences: Differences, before: Sequence[TableRows], result: StepResult
) -> None:
    """How many rows are changed, and how many left alone, at least in part; the first of them.

    Of rows that the same run has inserted by then the changes count, without a look at them.
    """
    changes, counts = differences.changes, Counts()
    there = [*differences]
    missing = {*range(changes.rows.count)} - {row.number for row in there}
    unowned = {*find_unowned_keys(differences.session, changes.rows, before)} if missing else set()
    ahead = 0 if changes.adopts else len(missing - unowned)
    if changes.kind == "deleted":
        going = [row for row in there if not row.edited]
        counts.deleted = len(going) + ahead
    else:
        going = [row for row in there if row.cells]
        counts.updated = len(going) + ahead
        counts.conflicts = 0 if changes.adopts else len(unowned)
    counts.conflicts += sum(bool(row.edited) for row in there)
    result.count(changes.rows.table, counts)
    telling = [row for row in there if row.cells or row.edited or changes.kind == "deleted"]
    result.differences += map(differences.describe, telling[:_FIRST_ROWS])
    if telling[_FIRST_ROWS:]:
        result.differences.append(f"{changes.rows.table}: {len(telling) - _FIRST_ROWS:,} rows more")


def _count_inserted(
    session: Session,
    run: Run,
    planned: PlannedTable,
    before: Sequence[PlannedTable],
    following: dict[str, int],
) -> Counts:
    rows, retained = planned.rows, run.retained_numbers(planned)
    skipped = len(retained)
    if rows.skip_taken:
        skipped += count_skipped(session, rows, [other.rows for other in before], retained)
    counts = Counts(inserted=rows.count - skipped, skipped=skipped)
    if rows.id is not None and rows.count:
        first = _first_key(session, run, planned, following)
        counts.ids = (first, first + rows.count - 1)
        following[rows.table] = max(following.get(rows.table, 0), first + rows.count)
    return counts


def _first_key(
    session: Session, run: Run, planned: PlannedTable, following: Mapping[str, int]
) -> int:
    """The first key of the rows: above all others, or that of the retained ones."""
    if run.retained_numbers(planned):
        seeded, _ = run.retained[planned.range.place]
        return seeded.first
    quote, rows = session.dialect.quote, planned.rows
    table = session.dialect.quote_table(rows.table)
    most = session.scalar(f"SELECT MAX({quote(str(rows.id))}) FROM {table}")
    return max(int(most or 0) + 1, following.get(rows.table, 0))
