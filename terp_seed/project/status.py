"""A chain in a database: its revisions, their invariants, where a table is seeded.  Only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from difflib import get_close_matches
from typing import Any

from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import DBAPIError

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.environment_stamp import neutralised, stamped
from terp_seed.database.failures import translated
from terp_seed.database.session import Session, opened
from terp_seed.errors import UsageError
from terp_seed.ledger.audit import read_events
from terp_seed.ledger.changes import find_changes
from terp_seed.ledger.derived import violations
from terp_seed.ledger.drift import find_drift
from terp_seed.ledger.later import find_changed_drift
from terp_seed.ledger.ledger import Header, Range, SeededRange, ledger_of
from terp_seed.ledger.pinned_files import find_edited_files
from terp_seed.ledger.selection import RetainedRows
from terp_seed.plan.chain import (
    ancestors,
    current_heads,
    find_skipped_elsewhere,
    read_attributes,
    recorded_settings,
)
from terp_seed.plan.plan import Counts, Plan, StepResult
from terp_seed.plan.renaming import with_names
from terp_seed.plan.run import find_checks, replan_applied
from terp_seed.project.project import Project
from terp_seed.rows.seeders import Check
from terp_seed.settings.log import logger

__all__ = [
    "ChainStatus",
    "RevisionStatus",
    "Violations",
    "chain_status",
    "count_violations",
    "neutralised_since",
    "table_target",
]

_MOVES = ("applied", "skipped", "stamped")


@dataclass
class RevisionStatus(StepResult):
    """One revision of the chain, and its state in the database.

    ``inserted`` counts its rows in the ledger; their drift is counted only where it was requested.
    """

    doc: str = ""
    at: str | None = None
    by: str | None = None


@dataclass(frozen=True)
class ChainStatus:
    """The chain's state in a database."""

    environment: str | None
    database: str
    heads: tuple[str, ...]
    settings: Mapping[str, Any]
    """Size, rows, root seed, as-of, and a scenario other than the usual one; empty at the base."""
    revisions: list[RevisionStatus]
    compared: bool = False
    """Whether the rows were compared with the ledger."""
    edited_files: list[str] = field(default_factory=list)
    """A message for each file that was edited since a revision has read it."""
    skipped_elsewhere: str = ""
    """What to know of revisions that were skipped when this database was another environment's."""

    def to_json(self) -> dict[str, Any]:
        """The fields of the JSON document."""
        return {
            "environment": self.environment,
            "database": self.database,
            "heads": list(self.heads),
            "settings": dict(self.settings),
            "revisions": [status.to_json() for status in self.revisions],
            "edited_files": self.edited_files,
            "skipped_elsewhere": self.skipped_elsewhere,
        }

    @property
    def drifted(self) -> int:
        """How many rows were edited, deleted or replaced."""
        tables = (counts for found in self.revisions for counts in found.tables.values())
        return sum(counts.drifted for counts in tables)


def chain_status(
    session: Session, directory: ScriptDirectory, *, drift: bool = False
) -> ChainStatus:
    """The status of every revision; reads rows of seeded tables only for ``drift``."""
    session = with_names(session, directory)
    heads = current_heads(session)
    applied = ancestors(directory, heads)
    headers = ledger_of(session).headers(session.connection)
    retained = ledger_of(session).retained(session.connection)
    ranges = ledger_of(session).ranges(session.connection) if headers or retained else []
    events = _events(session)
    found = [
        _revision(script, applied, headers, events.get(script.revision))
        for script in ancestors(directory, directory.get_heads())
    ]
    _count(session, found, ranges, retained)
    _count_changes(session, found)
    if drift:
        _find_drift(session, found, ranges)
    return ChainStatus(
        stamped(session.connection, session.books),
        session.settings.url.render_as_string(),
        heads,
        recorded_settings(headers, applied),
        found,
        drift,
        find_edited_files(session, [s.revision for s in found if s.state == "applied"]),
        _skipped_elsewhere(session, applied, headers),
    )


def _skipped_elsewhere(
    session: Session, applied: Sequence[Script], headers: Mapping[str, Header]
) -> str:
    environment = stamped(session.connection, session.books)
    chain = session.settings.chain
    return find_skipped_elsewhere(applied, headers, environment, chain) if environment else ""


def _revision(
    script: Script,
    applied: Sequence[Script],
    headers: Mapping[str, Header],
    event: Mapping[str, Any] | None,
) -> RevisionStatus:
    doc = (script.doc or "").rstrip(".")
    raw_sql = read_attributes(script).raw_sql
    found = RevisionStatus(script.revision, "upgrade", "pending", raw_sql=raw_sql, doc=doc)
    if script in applied:
        header = headers.get(script.revision)
        found.state = header.state if header else "lost"
        if event is not None:
            found.at = event["at"]
            found.by = event["os_user"] or " ".join(filter(None, ("script", event["db_user"])))
    return found


def _events(session: Session) -> dict[str, Mapping[str, Any]]:
    """The last event by which each revision was applied, skipped or stamped."""
    audit = session.books.audit
    if not table_exists(session.connection, audit):
        return {}
    where = (audit.c.chain == session.settings.chain, audit.c.event.in_(_MOVES))
    return {
        event["revision"]: event for event in read_events(session.connection, session.books, *where)
    }


def _by_name(session: Session, found: Sequence[RevisionStatus]) -> dict[str, RevisionStatus]:
    """The revisions by their names in the ledger, which may be those that they replace."""
    return {name: status for status in found for name in session.names.owned(status.revision)}


def _count(
    session: Session,
    found: Sequence[RevisionStatus],
    ranges: Sequence[SeededRange],
    retained: RetainedRows,
) -> None:
    by_name = _by_name(session, found)
    for seeded in ranges:
        if seeded.revision not in by_name:
            continue
        counts = Counts(inserted=seeded.count)
        if seeded.place in retained:
            _, numbers = retained[seeded.place]
            counts = Counts(retained=len(numbers))
        by_name[seeded.revision].count(seeded.table, counts)


def _count_changes(session: Session, found: Sequence[RevisionStatus]) -> None:
    by_name = _by_name(session, found)
    for change in find_changes(ledger_of(session), session.connection):
        if change.revision in by_name:
            counts = Counts.changed_rows(change.state, change.count)
            by_name[change.revision].count(change.table, counts)


def _find_drift(
    session: Session, found: Sequence[RevisionStatus], ranges: Sequence[SeededRange]
) -> None:
    every = {seeded.place: seeded for seeded in ranges}
    applied = _by_name(session, [status for status in found if status.state == "applied"])
    for seeded in ranges:
        if seeded.revision not in applied:
            continue
        drift = find_drift(session, seeded, every)
        applied[seeded.revision].count(seeded.table, Counts.of(drift))
        applied[seeded.revision].uncompared += filter(None, [drift.uncompared])
    for change in find_changes(ledger_of(session), session.connection):
        if change.updates and change.revision in applied:
            found_drift = find_changed_drift(session, change, ranges)
            applied[change.revision].count(change.table, Counts(**asdict(found_drift)))


@dataclass(frozen=True)
class Violations:
    """One invariant, and how many rows break it."""

    name: str
    table: str
    broken: int
    skipped: str = ""
    """Why it could not be checked; empty if it was."""


def count_violations(project: Project, *, everything: bool = False) -> list[Violations]:
    """Count the rows that break the invariants of the applied revisions; does not write.

    Counts among the seeded rows, or with ``everything`` among all rows of the database.
    """
    settings = project.settings()
    directory = project.directory()
    with opened(settings) as plain:
        session = with_names(plain, directory)
        applied = ancestors(directory, current_heads(session))
        headers = ledger_of(session).headers(session.connection)
        if message := _skipped_elsewhere(session, applied, headers):
            logger.warning(message)
        checks = {check.name: check for check in find_checks(session, applied)}
        seeded = _generated_ranges(session, applied)
        results: list[Violations] = []
        for check in checks.values():
            rows = seeded.get(check.table)
            if everything or rows is not None:
                count = violations(check, None if everything else rows, ledger_of(session))
                results.append(_counted(session, check, count))
        return results


def neutralised_since(project: Project) -> str | None:
    """When the database was neutralised, UTC; None if it was not."""
    with opened(project.settings()) as session:
        found = neutralised(session.connection, session.books)
        return None if found is None else found[0]


def _generated_ranges(session: Session, applied: Sequence[Script]) -> dict[str, list[Range]]:
    """The generated ranges of each table."""
    ledger, found = ledger_of(session), dict[str, list[Range]]()
    if table_exists(session.connection, session.books.ledger):
        turns = {script.revision: turn for turn, script in enumerate(applied)}
        owner = session.names.owner
        ranges = [r for r in ledger.ranges(session.connection) if owner(r.revision) in turns]
        for seeded in sorted(ranges, key=lambda range_: turns[owner(range_.revision)]):
            if seeded.shape.provenance == "synthetic":
                found.setdefault(seeded.table, []).append(seeded)
    return found


def _counted(session: Session, check: Check, count: str) -> Violations:
    """The rows that break an invariant, unless the schema has lost what it asks for."""
    try:
        return Violations(check.name, check.table, int(session.scalar(count)))
    except DBAPIError as error:
        session.end_transaction()
        return Violations(check.name, check.table, 0, str(translated(error, check.table)))


@dataclass(frozen=True)
class TableTarget:
    """The revision to go to for a table, and the revisions on the way."""

    revision: str
    """A target for Alembic: a revision, or ``base``."""
    seeding: tuple[str, ...]
    """The revisions that seed the table."""
    along: tuple[str, ...]
    """The others: going up, what those need; going down, what needs them."""


def table_target(project: Project, table: str, *, up: bool) -> TableTarget:
    """Go up to the last revision that seeds the table, or down below the first.

    ``table`` may also be a revision's id without its number.  Raises `UsageError` if no revision
    seeds it.
    """
    directory = project.directory()
    scripts = ancestors(directory, directory.get_heads())
    with opened(project.settings()) as session:
        plan = replan_applied(with_names(session, directory), scripts)
    names = [script.revision for script in scripts]
    seeding = [name for name in names if table in _names(plan, name)]
    if not seeding:
        known = sorted(set().union(*(_names(plan, name) for name in names)))
        close = get_close_matches(table, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"it seeds {', '.join(known)}"
        raise UsageError(f"table {table!r}: no revision of this chain seeds it; {hint}")
    if up:
        through = names[: names.index(seeding[-1]) + 1]
        revision = seeding[-1]
    else:
        first = names.index(seeding[0])
        through = names[first:]
        revision = names[first - 1] if first else "base"
    along = tuple(name for name in through if name not in seeding)
    return TableTarget(revision, tuple(seeding), along)


def _names(plan: Plan, revision: str) -> set[str]:
    found = plan.history[revision]
    tables = {planned.range.table for planned in found.tables}
    tables |= {change.range.table for change in found.changes}
    number, _, subject = revision.partition("_")
    return {*tables, subject if number.isdecimal() else revision}
