"""The audit: what happened, when, by whom, as rows that are only ever added.

``started`` is committed once the lock is held; ``applied`` and ``reverted``
commit with their revision; ``finished``, ``failed`` and ``interrupted`` end a
run.  A run that started, has no end and holds no lock has crashed.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from terp_seed.bookkeeping import Books
from terp_seed.dialects import Dialect
from terp_seed.guards import who
from terp_seed.literals import json_text

__all__ = ["ENDS", "Audit", "last_open_run", "pace"]

_LAST = 20  # revisions whose pace counts

ENDS = ("finished", "failed", "interrupted")


@dataclass(frozen=True)
class Audit:
    """The audit of one run, in one engine's words."""

    dialect: Dialect
    books: Books
    chain: str
    environment: str
    direction: str
    database: str
    run_id: str
    scripted: bool = False
    """A script names nobody: who applies it is not known, and it must not
    differ between two makings."""

    @staticmethod
    def new_run_id() -> str:
        """A name for a run that nobody else's has."""
        return uuid4().hex

    def event(
        self,
        event: str,
        *,
        revision: str | None = None,
        rows: Mapping[str, int] | None = None,
        plan_digest: str | None = None,
        **detail: Any,
    ) -> str:
        """The statement that adds one event."""
        columns: dict[str, Any] = {
            "run_id": self.run_id,
            "event": event,
            "chain": self.chain,
            "revision": revision,
            "direction": self.direction,
            "environment": self.environment,
            "database_name": self.database,
            "table_rows": None if rows is None else json_text(dict(rows)),
            "plan_digest": plan_digest,
            "detail": json_text({key: value for key, value in detail.items() if value}),
            **self._caller(),
        }
        texts = {name: self.dialect.literal(value) for name, value in columns.items()}
        texts |= {"at": self.dialect.now, "db_user": self.dialect.user}
        table = self.books.audit
        quote = self.dialect.quote
        name = f"{quote(table.schema)}.{quote(table.name)}" if table.schema else quote(table.name)
        return f"INSERT INTO {name} ({', '.join(texts)})\nVALUES ({', '.join(texts.values())})"

    def _caller(self) -> dict[str, Any]:
        if self.scripted:
            return {}
        return {"os_user": who()[:128], "host": socket.gethostname()[:255], "pid": os.getpid()}


def last_open_run(connection: Connection, books: Books) -> str:
    """Who started last and has not ended: ``ann on web1, process 42, since ...``."""
    audit = books.audit
    if not sa.inspect(connection).has_table(audit.name, schema=audit.schema):
        return ""
    started = connection.execute(
        sa.select(audit).where(audit.c.event == "started").order_by(audit.c.id.desc()).limit(1)
    ).first()
    if started is None:
        return ""
    ended = connection.execute(
        sa.select(sa.func.count())
        .select_from(audit)
        .where(audit.c.run_id == started.run_id, audit.c.event.in_(ENDS))
    ).scalar()
    if ended:
        return ""
    return f"{started.os_user} on {started.host}, process {started.pid}, since {started.at} UTC"


def pace(connection: Connection, books: Books) -> float | None:
    """Rows a second of the last revisions on this database; None if none was measured."""
    audit = books.audit
    if not sa.inspect(connection).has_table(audit.name, schema=audit.schema):
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
