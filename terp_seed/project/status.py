"""Where a chain stands in a database, revision by revision.  Reads, and never writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alembic.script import Script, ScriptDirectory

from terp_seed.database.environment_stamp import stamped
from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists
from terp_seed.ledger.audit import read
from terp_seed.ledger.drift import survey
from terp_seed.ledger.ledger import Header, SeededRange, ledger_of
from terp_seed.plan.heads import current_heads
from terp_seed.plan.planner import recorded
from terp_seed.plan.request import ancestors

__all__ = ["ChainStatus", "Drift", "RevisionStatus", "status"]

_MOVES = ("applied", "skipped", "stamped")


@dataclass(frozen=True)
class Drift:
    """What became of the rows that a revision gave one table."""

    table: str
    intact: int
    edited: int
    foreign: int
    missing: int


@dataclass
class RevisionStatus:
    """One revision of the chain, and what the database says of it.

    ``state`` is ``applied``, ``skipped`` or ``stamped`` as the ledger has it,
    ``lost`` if the version says that it is applied and the ledger knows
    nothing of it, else ``pending``.
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
    """Where the chain stands."""

    environment: str | None
    database: str
    heads: tuple[str, ...]
    settings: Mapping[str, Any]
    """Size, rows, root seed and as-of; empty for a chain at its base."""
    revisions: list[RevisionStatus]

    @property
    def drifted(self) -> int:
        """How many rows are not as they were seeded."""
        found = (drift for each in self.revisions for drift in each.drift)
        return sum(each.edited + each.foreign + each.missing for each in found)


def status(session: Session, directory: ScriptDirectory, *, drift: bool = False) -> ChainStatus:
    """Look at every revision; rows of other tables are read only for ``drift``."""
    heads = current_heads(session)
    applied = ancestors(directory, heads)
    headers = ledger_of(session).headers(session.connection)
    kept = ledger_of(session).kept(session.connection)
    ranges = ledger_of(session).ranges(session.connection) if headers or kept else []
    told = _told(session)
    found = [
        _revision(script, applied, headers, told.get(script.revision))
        for script in ancestors(directory, directory.get_heads())
    ]
    _count(found, ranges, kept)
    if drift:
        _survey(session, found, ranges)
    return ChainStatus(
        stamped(session.connection, session.books),
        session.settings.url.render_as_string(),
        heads,
        recorded(headers, applied[::-1]),
        found,
    )


def _revision(
    script: Script,
    applied: Sequence[Script],
    headers: Mapping[str, Header],
    event: Mapping[str, Any] | None,
) -> RevisionStatus:
    here = RevisionStatus(script.revision, (script.doc or "").rstrip("."), "pending")
    if script in applied:
        header = headers.get(script.revision)
        here.state = header.state if header else "lost"
        if event is not None:
            here.at = event["at"]
            here.by = event["os_user"] or " ".join(filter(None, ("script", event["db_user"])))
    return here


def _told(session: Session) -> dict[str, Mapping[str, Any]]:
    """The last event by which each revision came in."""
    audit = session.books.audit
    if not table_exists(session.connection, audit):
        return {}
    where = (audit.c.chain == session.settings.chain, audit.c.event.in_(_MOVES))
    return {event["revision"]: event for event in read(session.connection, session.books, *where)}


def _count(
    found: Sequence[RevisionStatus],
    ranges: Sequence[SeededRange],
    kept: Mapping[tuple[str, int], tuple[SeededRange, frozenset[int]]],
) -> None:
    of = {each.revision: each for each in found}
    for each in ranges:
        if each.revision not in of:
            continue
        numbers = kept.get((each.revision, each.number))
        counts = of[each.revision].rows if numbers is None else of[each.revision].kept
        rows = each.count if numbers is None else len(numbers[1])
        counts[each.table] = counts.get(each.table, 0) + rows


def _survey(
    session: Session, found: Sequence[RevisionStatus], ranges: Sequence[SeededRange]
) -> None:
    every = {(each.revision, each.number): each for each in ranges}
    for each in found:
        for of in (of for of in ranges if of.revision == each.revision and each.state == "applied"):
            rows = survey(session, of, every)
            left_out = bool(of.shape.skip_taken)  # rows that somebody had already
            each.drift.append(
                Drift(
                    of.table,
                    rows.intact,
                    len(rows.edited),
                    len(rows.foreign),
                    0 if left_out else rows.missing,
                )
            )
