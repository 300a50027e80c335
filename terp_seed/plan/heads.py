"""Where a chain stands in a database, and what brought it there; reads only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alembic.runtime.migration import MigrationContext
from alembic.script import Script

from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import Header, ledger_of
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.plan.plan import Plan
from terp_seed.plan.planner import generation_of, make_plan, recorded
from terp_seed.plan.recorder import Generation, Recorder

__all__ = ["current_heads", "plain_context", "record_history", "recorder_for"]


def current_heads(session: Session) -> tuple[str, ...]:
    """The heads that the version table names."""
    return plain_context(session).get_current_heads()


def plain_context(session: Session) -> MigrationContext:
    """A migration context that only looks."""
    version = session.books.version
    opts = {"version_table": version.name, "version_table_schema": version.schema}
    return MigrationContext.configure(session.connection, opts=opts)


def recorder_for(
    session: Session,
    environment: str,
    generation: Generation,
    headers: Mapping[str, Header],
    border: Boundary | None,
) -> Recorder:
    """A recorder that knows which revisions this database skipped or was only told of.

    Without a boundary it makes and reads no rows: a rollback goes by the ledger.
    """
    return Recorder(
        generation,
        environment,
        session.settings.data,
        session.connection.dialect.name,
        connection=session.connection,
        skipped=frozenset(name for name, header in headers.items() if header.state != "applied"),
        **_rows_by(border),
    )


def record_history(session: Session, applied: Sequence[Script]) -> Plan:
    """The plan of what was applied, made again from the recorded settings."""
    environment = environment_of(session.connection, session.settings, session.books)
    headers = ledger_of(session).headers(session.connection)
    keep = recorded(headers, applied[::-1])
    generation = generation_of(session.settings, environment, applied, keep)
    border = boundary(session.settings, environment)
    return make_plan(applied, [], recorder_for(session, environment, generation, headers, border))


def _rows_by(border: Boundary | None) -> dict[str, Any]:
    if border is None:
        return {"build": False, "load_files": False}
    return {"mask": border.mask, "numbers_rows": border.numbers_rows}
