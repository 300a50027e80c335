"""A backup of the whole database, by the engine's own tools."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from terp_seed.database.session import Session
from terp_seed.errors import GuardError, UsageError
from terp_seed.run.backup.folder import Backup
from terp_seed.run.backup.manifest import File, checksum

__all__ = ["BOOKS", "dump"]

BOOKS = "books.sql"
"""The dump of the bookkeeping schema, if there is one."""


def dump(session: Session, backup: Backup) -> None:
    """Dump the database into the backup; `GuardError` if the dump fails or is incomplete.

    The dump is of one moment, and is complete if it has every table and ends as a dump ends.  A
    separate bookkeeping schema has its own file.
    """
    clients, books = session.dialect.clients, session.books.schema
    _dump(session, backup, clients.dump_name)
    if books:
        _dump(session, backup, BOOKS, books)
    backup.manifest.tools |= clients.dumper()
    backup.save()


def _dump(session: Session, backup: Backup, name: str, schema: str | None = None) -> None:
    path, clients = backup.folder / name, session.dialect.clients
    tables = _counts(session, schema)
    try:
        path.touch(mode=0o600)
        clients.dump(session.settings.url, path, schema)
    except (UsageError, OSError) as error:
        raise GuardError(f"backup: {error}; nothing was done") from None
    _refuse_short(path, clients.missing(path, tables))
    backup.manifest.add(File(name, path.stat().st_size, checksum(path), tables))


def _counts(session: Session, schema: str | None) -> dict[str, int]:
    quote = session.dialect.quote
    names = sa.inspect(session.connection).get_table_names(schema=schema)
    place = f"{quote(schema)}." if schema else ""
    return {name: session.scalar(f"SELECT COUNT(*) FROM {place}{quote(name)}") for name in names}


def _refuse_short(path: Path, missing: list[str] | None) -> None:
    if missing or missing is None:
        what = f"without {', '.join(missing)}" if missing else "cut short"
        raise GuardError(f"backup: {path} is {what}; nothing was done")
