"""The status of a chain in a database, revision by revision.  Only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from alembic.script import Script, ScriptDirectory

from terp_seed.database.environment_stamp import stamped
from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists
from terp_seed.ledger.audit import read_events
from terp_seed.ledger.drift import find_drift
from terp_seed.ledger.ledger import Header, RetainedRows, SeededRange, ledger_of
from terp_seed.plan.chain import ancestors, current_heads, read_attributes, recorded_settings
from terp_seed.plan.plan import Counts, StepResult

__all__ = ["ChainStatus", "RevisionStatus", "chain_status"]

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
    """Size, rows, root seed and as-of; empty for a chain at its base."""
    revisions: list[RevisionStatus]
    compared: bool = False
    """Whether the rows were compared with the ledger."""

    def to_json(self) -> dict[str, Any]:
        """The fields of the JSON document."""
        return {
            "environment": self.environment,
            "database": self.database,
            "heads": list(self.heads),
            "settings": dict(self.settings),
            "revisions": [status.to_json() for status in self.revisions],
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
    _count(found, ranges, retained)
    if drift:
        _find_drift(session, found, ranges)
    return ChainStatus(
        stamped(session.connection, session.books),
        session.settings.url.render_as_string(),
        heads,
        recorded_settings(headers, applied),
        found,
        drift,
    )


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


def _count(
    found: Sequence[RevisionStatus], ranges: Sequence[SeededRange], retained: RetainedRows
) -> None:
    by_name = {status.revision: status for status in found}
    for seeded in ranges:
        if seeded.revision not in by_name:
            continue
        counts = Counts(inserted=seeded.count)
        if seeded.place in retained:
            _, numbers = retained[seeded.place]
            counts = Counts(retained=len(numbers))
        by_name[seeded.revision].count(seeded.table, counts)


def _find_drift(
    session: Session, found: Sequence[RevisionStatus], ranges: Sequence[SeededRange]
) -> None:
    every = {seeded.place: seeded for seeded in ranges}
    applied = {status.revision: status for status in found if status.state == "applied"}
    for seeded in ranges:
        if seeded.revision not in applied:
            continue
        counts = Counts.of(find_drift(session, seeded, every))
        applied[seeded.revision].count(seeded.table, counts)
