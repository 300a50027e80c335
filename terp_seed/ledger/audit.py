"""The audit: what happened, when, by whom, as rows that are only ever added.

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
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from traceback import clear_frames
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import Dialect
from terp_seed.database.environment_stamp import who
from terp_seed.database.interrupts import signal_behind
from terp_seed.database.session import Session
from terp_seed.database.tables import Books, table_exists
from terp_seed.errors import SeedError
from terp_seed.rows.literals import json_text
from terp_seed.settings.log import AUDIT, logger

__all__ = ["Audit", "AuditLog", "measure_pace", "read_events"]

_LAST = 20  # revisions whose pace counts


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
            session.settle()

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
                session.settle()
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
    failed = "" if level == "INFO" else ", and the table could not be told"
    logger.bind(logger=AUDIT, **event, committed=committed).log(level, "{}", f"{what}{failed}")


def measure_pace(connection: Connection, books: Books) -> float | None:
    """Rows a second of the last revisions on this database; None if none was measured."""
    audit = books.audit
    if not table_exists(connection, audit):
        return None
    events = connection.execute(
        sa.select(audit.c.table_rows, audit.c.detail)
        .where(audit.c.event.in_(("applied", "reverted")))
        .order_by(audit.c.id.desc())
        .limit(_LAST)
    ).all()
    rows = seconds = 0.0
    for table_rows, detail in events:
        took = json.loads(detail or "{}").get("seconds")
        if took:
            seconds += took
            rows += sum(json.loads(table_rows or "{}").values())
    return rows / seconds if rows and seconds else None
