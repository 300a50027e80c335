"""What was run on a database, run by run, as the audit tells it.  Reads, and never writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from terp_seed.database.session import Session
from terp_seed.database.tables import ENDS, table_exists
from terp_seed.ledger.audit import read_events

__all__ = ["Event", "LockStatus", "PastRun", "lock_status", "past_runs"]

Event = Mapping[str, Any]
"""A row of the audit, its rows and detail parsed."""


@dataclass(frozen=True)
class PastRun:
    """One run: its events, oldest first, and what became of it.

    ``outcome`` is ``finished``, ``failed``, ``interrupted``, ``running`` or
    ``crashed``.  *Crashed* is a run that started, never ended and holds no lock.
    """

    events: Sequence[Event]
    outcome: str

    @property
    def first(self) -> Event:
        """The event by which the run became known."""
        return self.events[0]

    @property
    def script(self) -> bool:
        """Whether it was a script, which does not know who applies it."""
        return bool(self.first["detail"].get("script"))

    @property
    def who(self) -> str:
        """``ann@web1``, or ``script`` with the database user, as far as one is known."""
        if self.script:
            return " ".join(filter(None, ("script", self.first["db_user"])))
        return f"{self.first['os_user']}@{self.first['host']}"

    @property
    def error(self) -> str | None:
        """The class of the error that ended it, or the name of the signal."""
        error = self.events[-1]["detail"].get("error")
        return str(error) if error else None

    @property
    def command(self) -> str:
        return str(self.first["detail"].get("command") or self.first["direction"])

    @property
    def revisions(self) -> list[str]:
        """The revisions that it committed, in order."""
        return [str(event["revision"]) for event in self.events if event["revision"]]

    @property
    def rows(self) -> dict[str, int]:
        counts: dict[str, int] = {}
        for event in self.events:
            for table, count in (event["table_rows"] or {}).items():
                counts[table] = counts.get(table, 0) + count
        return counts

    @property
    def seconds(self) -> float | None:
        """From the first event to the end; None if it has none, or has only one event."""
        if len(self.events) < 2 or self.events[-1]["event"] not in ENDS:
            return None
        return seconds_between(self.first["at"], self.events[-1]["at"])

    def detail(self, key: str) -> Any:
        """The first thing that an event says under this name."""
        values = (event["detail"].get(key) for event in self.events)
        return next((value for value in values if value is not None), None)


def seconds_between(earlier: str, later: str) -> float:
    """Seconds from one of the server's moments to another."""
    passed = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return round(passed.total_seconds(), 3)


def past_runs(session: Session) -> list[PastRun]:
    """All runs of all chains, newest first; none without an audit table."""
    audit = session.books.audit
    if not table_exists(session.connection, audit):
        return []
    # In this order: a run that had started by then and holds no lock has ended, and
    # would have added its last event before it released the lock.
    seen = session.connection.execute(sa.select(sa.func.max(audit.c.id))).scalar() or 0
    taken = session.dialect.lock(session.connection).taken()
    session.settle()
    grouped = _grouped(read_events(session.connection, session.books))
    session.settle()
    runs: list[PastRun] = []
    for events in reversed(grouped):
        alone = not any(run.outcome == "running" for run in runs)
        may_run = alone and (taken or events[0]["id"] > seen)
        runs.append(PastRun(events, _outcome(events, may_run)))
    return runs


def _grouped(events: Sequence[Event]) -> list[list[Event]]:
    """Events by run: a script that is applied again has the same name as before."""
    runs: list[list[Event]] = []
    unended: dict[str, list[Event]] = {}
    for event in events:
        run = unended.get(event["run_id"])
        if run is None or event["event"] == "started":
            run = unended[event["run_id"]] = []
            runs.append(run)
        run.append(event)
        if event["event"] in ENDS:
            del unended[event["run_id"]]
    return runs


def _outcome(events: Sequence[Event], may_run: bool) -> str:
    last = events[-1]["event"]
    if last in ENDS:
        return str(last)
    if events[0]["event"] != "started":
        return "finished"  # one event, committed with what it reports
    return "running" if may_run else "crashed"


@dataclass(frozen=True)
class LockStatus:
    """Whether a database's lock is held, and by whom, as far as it is known."""

    taken: bool
    holder: str = ""
    """What the engine says: a connection's number."""
    run: PastRun | None = None
    seconds: float | None = None
    """Since that run started."""

    def __str__(self) -> str:
        if not self.taken:
            return "free"
        parts = [self.holder]
        if self.run is not None:
            first = self.run.first
            pid = f", process {first['pid']}" if first["pid"] else ""
            parts.append(f"{self.run.who}{pid}: {self.run.command}")
            parts.append(f"since {first['at'][:19]} UTC, {self.seconds:.0f} s")
        return f"held by {', '.join(filter(None, parts)) or 'a run (no details available)'}"


def lock_status(session: Session) -> LockStatus:
    """Ask who holds the lock; does not take it."""
    if not session.dialect.lock(session.connection).taken():
        return LockStatus(taken=False)
    if not session.dialect.readable(session.connection):
        return LockStatus(taken=True)
    holder = session.dialect.holder(session.connection)
    run = next((run for run in past_runs(session) if run.outcome == "running"), None)
    now = str(session.scalar(f"SELECT {session.dialect.now}"))
    seconds = None if run is None else seconds_between(run.first["at"], now)
    return LockStatus(True, holder, run, seconds)
