"""The audit: what happened, when, by whom, as rows that are only ever added; and the runs in it.

``started`` is committed once the lock is held; ``applied``, ``reverted``,
``skipped`` and ``stamped`` commit with their revision; ``finished``,
``failed`` and ``interrupted`` end a run.  A run that started, has no end and
holds no lock has crashed.

A command that writes leaves its event with an `AuditLog`, in one line::

    AuditLog(session, environment, "restore", "restore FILE").add("restored", rows=counts)

or, if it takes long enough to fail on its way, as a separate run::

    audit = AuditLog(session, environment, "mask", "mask")
    with audit.run(lock_wait=lock.waited, backup=path):
        ...
"""

from __future__ import annotations

import json
import os
import socket
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from traceback import clear_frames
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from terp_seed.database.bookkeeping import ENDS, Books, table_exists
from terp_seed.database.dialects import Dialect
from terp_seed.database.environment_stamp import who
from terp_seed.database.interrupts import signal_behind
from terp_seed.database.session import Session
from terp_seed.errors import SeedError
from terp_seed.rows.literals import json_text
from terp_seed.settings.log import AUDIT, logger

__all__ = [
    "Audit",
    "AuditLog",
    "Event",
    "Pace",
    "PastRun",
    "lock_status",
    "measure_pace",
    "past_runs",
    "read_events",
]

_LAST = 100  # revisions whose pace counts
_MANY = 1_000  # rows: a revision of fewer takes as long as without any


@dataclass(frozen=True)
class Audit:
    """The events of one run, in one engine's words."""

    dialect: Dialect
    books: Books
    chain: str
    environment: str
    direction: str
    database: str
    run_id: str
    command: str = ""
    """What was asked for: ``upgrade head``."""
    scripted: bool = False
    """A script names no user: who applies it is not known, and it must be the
    same each time it is made."""

    def fields(
        self,
        event: str,
        *,
        revision: str | None = None,
        rows: Mapping[str, int] | None = None,
        plan_digest: str | None = None,
        **detail: Any,
    ) -> dict[str, Any]:
        """The columns of one event, except the server's own: its clock and its user."""
        details = {"command": self.command or None, **detail}
        return {
            "run_id": self.run_id,
            "event": event,
            "chain": self.chain,
            "revision": revision,
            "direction": self.direction,
            "environment": self.environment,
            "database_name": self.database,
            "table_rows": None if rows is None else dict(rows),
            "plan_digest": plan_digest,
            "detail": {key: value for key, value in details.items() if value is not None},
            **self._caller(),
        }

    def event(self, event: str, **fields: Any) -> str:
        """The statement that adds one event; ``fields`` as `Audit.fields` takes them."""
        texts = {
            name: self.dialect.literal(json_text(value) if isinstance(value, dict) else value)
            for name, value in self.fields(event, **fields).items()
        }
        texts |= {"at": self.dialect.now, "db_user": self.dialect.user}
        name = self.dialect.quote_table(self.books.audit.fullname)
        return f"INSERT INTO {name} ({', '.join(texts)})\nVALUES ({', '.join(texts.values())})"

    def _caller(self) -> dict[str, Any]:
        if self.scripted:
            return {}
        return {"os_user": who()[:128], "host": socket.gethostname()[:255], "pid": os.getpid()}


class AuditLog:
    """The audit of one run on a live database.

    Each event is logged once it is committed, as the table has it.  In a
    transaction that is the caller's, it is logged with ``committed`` false.
    """

    def __init__(self, session: Session, environment: str, direction: str, command: str) -> None:
        settings = session.settings
        self.audit: Audit = Audit(
            session.dialect,
            session.books,
            settings.chain,
            environment,
            direction,
            str(settings.url.database or ""),
            uuid4().hex,
            command,
        )
        self._session = session
        self._logged = 0

    def add(self, event: str, **fields: Any) -> None:
        """Add an event, commit the transaction that it is in, and log it."""
        self._write(event, **fields)
        self._session.commit()
        self.log()

    def _write(self, event: str, **fields: Any) -> None:
        self._session.stream.run(self.audit.event(event, **fields), what="audit")

    def log(self) -> None:
        """Log the events that were committed since; call outside a transaction of the run."""
        session = self._session
        table = session.books.audit
        new = (table.c.run_id == self.audit.run_id, table.c.id > self._logged)
        with suppress(DBAPIError):  # the table is the audit, and the run may be well without a log
            for event in read_events(session.connection, session.books, *new):
                _log("INFO", event, committed=not session.external)
                self._logged = event["id"]
            session.end_transaction()

    @contextmanager
    def run(self, **fields: Any) -> Iterator[None]:
        """Add ``started``, with ``fields``, and in the end how it ended; each is committed."""
        self._write("started", **fields)
        try:
            self._session.commit()
            self.log()
            yield
            self._write("finished")
            self._session.commit()
        except BaseException as error:
            # A cursor that an interrupt struck holds SQLite's lock for as long as its frame lives.
            clear_frames(error.__traceback__)
            self._ended_badly(error)
            raise
        self.log()

    def _ended_badly(self, error: BaseException) -> None:
        """Add the event in a separate transaction, on a new connection if need be; or log it."""
        session = self._session
        signal = signal_behind(error)
        event = "interrupted" if signal else "failed"
        fields: dict[str, Any] = {"error": signal or type(error).__name__}
        for attempt in range(2 if not session.external else 0):
            try:
                session.end_transaction()
                if session.connection.invalidated or attempt:
                    session.renew()
                self.add(event, **fields)
            except (SeedError, DBAPIError):
                session.drop()
            else:
                return
        level = "INFO" if session.external else "ERROR"
        _log(level, self.audit.fields(event, **fields), committed=False)


def read_events(connection: Connection, books: Books, *where: Any) -> list[dict[str, Any]]:
    """Events in the order of their adding, rows and detail parsed; does not write."""
    table = books.audit
    rows = connection.execute(sa.select(table).where(*where).order_by(table.c.id))
    return [
        {
            **row,
            "table_rows": json.loads(row["table_rows"]) if row["table_rows"] else None,
            "detail": json.loads(row["detail"] or "{}"),
        }
        for row in rows.mappings()
    ]


def _log(level: str, event: Mapping[str, Any], *, committed: bool) -> None:
    what = " ".join(filter(None, (event["event"], event["revision"])))
    failed = "" if level == "INFO" else "; the event could not be written to terp_seed_audit"
    logger.bind(logger=AUDIT, **event, committed=committed).log(level, "{}", f"{what}{failed}")


@dataclass(frozen=True)
class Pace:
    """How long revisions take, by those of the past; what they took where nothing was measured."""

    a_revision: float = 0.05
    """Seconds that a revision takes whatever it writes."""
    rows_a_second: float = 20_000

    def seconds(self, revisions: int, rows: int) -> float:
        """How long revisions with so many rows will take together."""
        return revisions * self.a_revision + rows / self.rows_a_second


def measure_pace(connection: Connection, books: Books, *, upwards: bool) -> Pace:
    """The pace of the last revisions on this database, up or down.

    A revision of a few rows says nothing of the pace of many.
    """
    audit = books.audit
    if not table_exists(connection, audit):
        return Pace()
    events = connection.execute(
        sa.select(audit.c.table_rows, audit.c.detail)
        .where(audit.c.event == ("applied" if upwards else "reverted"))
        .order_by(audit.c.id.desc())
        .limit(_LAST)
    )
    few, many = list[float](), list[tuple[int, float]]()
    for table_rows, detail in events:
        rows = sum(json.loads(table_rows or "{}").values())
        took = json.loads(detail or "{}").get("seconds")
        if took is not None and rows < _MANY:
            few.append(took)
        elif took:
            many.append((rows, took))
    pace = Pace(sorted(few)[len(few) // 2]) if few else Pace()
    if many:
        rows, took = map(sum, zip(*many, strict=True))
        pace = replace(pace, rows_a_second=rows / took)
    return pace


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
        counts: Counter[str] = Counter()
        for event in self.events:
            counts.update(event["table_rows"] or {})
        return dict(counts)

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
    lock = session.dialect.lock(session.connection)
    taken = lock.taken() or bool(lock.apart())  # on another node it may well run
    session.end_transaction()
    grouped = _grouped(read_events(session.connection, session.books))
    session.end_transaction()
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
    apart: str = ""
    """The kind of cluster on whose other nodes runs are not seen."""

    def __str__(self) -> str:
        if not self.apart:
            return self._here()
        return (
            f"{self._here()}, on this node: it is one of {self.apart}, whose nodes share no lock; "
            "the lock row keeps two revisions from being written at once"
        )

    def _here(self) -> str:
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
    lock = session.dialect.lock(session.connection)
    apart = lock.apart()
    if not lock.taken():
        return LockStatus(taken=False, apart=apart)
    if not session.dialect.readable(session.connection):
        return LockStatus(taken=True)
    holder = session.dialect.holder(session.connection)
    run = next((run for run in past_runs(session) if run.outcome == "running"), None)
    now = str(session.scalar(f"SELECT {session.dialect.now}"))
    seconds = None if run is None else seconds_between(run.first["at"], now)
    return LockStatus(True, holder, run, seconds, apart)
