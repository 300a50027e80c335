"""The status of a chain in a database, revision by revision.  Only reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from alembic.script import Script, ScriptDirectory

from terp_seed.database.environment_stamp import stamped
from terp_seed.database.session import Session
from terp_seed.ledger.audit import read
from terp_seed.ledger.drift import survey
from terp_seed.ledger.ledger import Header, SeededRange, ledger_of
from terp_seed.plan.heads import current_heads
from terp_seed.plan.planner import recorded
from terp_seed.plan.request import ancestors

__all__ = ["ChainStatus", "Drift", "RevisionStatus", "chain_status"]

_MOVES = ("applied", "skipped", "stamped")


@dataclass(frozen=True)
class Drift:
    """How many of the rows that a revision gave one table have drifted."""

    table: str
    intact: int
    edited: int
    foreign: int
    missing: int


@dataclass
class RevisionStatus:
    """One revision of the chain, and its state in the database.

    ``state`` is ``applied``, ``skipped`` or ``stamped`` according to the ledger, ``lost`` if the
    revision is applied and missing from the ledger, else ``pending``.
    """

    revision: str
    doc: str
    state: str
    at: str | None = None
    by: str | None = None
    rows: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    """Rows that a rollback left in place."""
    drift: list[Drift] = field(default_factory=list)


@dataclass(frozen=True)
class ChainStatus:
    """The chain's state in a database."""

    environment: str | None
    database: str
    heads: tuple[str, ...]
    settings: Mapping[str, Any]
    """Size, rows, root seed and as-of; empty for a chain at its base."""
    revisions: list[RevisionStatus]

    @property
    def drifted(self) -> int:
        """How many rows were edited, deleted or replaced."""
        drift = (table for revision in self.revisions for table in revision.drift)
        return sum(table.edited + table.foreign + table.missing for table in drift)


def chain_status(
    session: Session, directory: ScriptDirectory, *, drift: bool = False
) -> ChainStatus:
    """The status of every revision; reads rows of seeded tables only for ``drift``."""
    connection, ledger = session.connection, ledger_of(session)
    heads = current_heads(session)
    applied = ancestors(directory, heads)
    headers = ledger.headers(connection)
    kept = ledger.kept(connection)
    ranges = ledger.ranges(connection) if headers or kept else []
    events = _last_events(session)
    revisions = [
        _revision(script, applied, headers, events.get(script.revision))
        for script in ancestors(directory, directory.get_heads())
    ]
    for revision in revisions:
        seeded = [found for found in ranges if found.revision == revision.revision]
        _count(revision, seeded, kept)
        if drift and revision.state == "applied":
            revision.drift = _drift(session, seeded, ranges)
    return ChainStatus(
        stamped(connection, session.books),
        session.settings.url.render_as_string(),
        heads,
        recorded(headers, applied[::-1]),
        revisions,
    )


def _revision(
    script: Script,
    applied: Sequence[Script],
    headers: Mapping[str, Header],
    event: Mapping[str, Any] | None,
) -> RevisionStatus:
    status = RevisionStatus(script.revision, (script.doc or "").rstrip("."), "pending")
    if script in applied:
        header = headers.get(script.revision)
        status.state = header.state if header else "lost"
        if event is not None:
            status.at = event["at"]
            status.by = event["os_user"] or " ".join(filter(None, ("script", event["db_user"])))
    return status


def _last_events(session: Session) -> dict[str, Mapping[str, Any]]:
    """The last event by which each revision was applied, skipped or stamped."""
    audit = session.books.audit
    if not sa.inspect(session.connection).has_table(audit.name, schema=audit.schema):
        return {}
    where = (audit.c.chain == session.settings.chain, audit.c.event.in_(_MOVES))
    return {event["revision"]: event for event in read(session.connection, session.books, *where)}


def _count(
    status: RevisionStatus,
    ranges: Sequence[SeededRange],
    kept: Mapping[tuple[str, int], tuple[SeededRange, frozenset[int]]],
) -> None:
    for seeded in ranges:
        retained = kept.get((seeded.revision, seeded.number))
        counts = status.rows if retained is None else status.kept
        rows = seeded.count if retained is None else len(retained[1])
        counts[seeded.table] = counts.get(seeded.table, 0) + rows


def _drift(
    session: Session, ranges: Sequence[SeededRange], all_ranges: Sequence[SeededRange]
) -> list[Drift]:
    """The drift of a revision's ranges; rows may refer to those of all ranges."""
    known = {(seeded.revision, seeded.number): seeded for seeded in all_ranges}
    drift = []
    for seeded in ranges:
        rows = survey(session, seeded, known)
        # skip_taken left out rows whose key was taken, which the ledger counts as missing
        missing = 0 if seeded.shape.skip_taken else rows.missing
        counts = (rows.intact, len(rows.edited), len(rows.foreign), missing)
        drift.append(Drift(seeded.table, *counts))
    return drift
