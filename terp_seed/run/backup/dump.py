"""A backup of the whole database, by the engine's own tools."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL

from terp_seed.database.client_tools import dump_database, dumper
from terp_seed.database.session import Session
from terp_seed.errors import GuardError, UsageError
from terp_seed.run.backup.folder import Backup
from terp_seed.run.backup.manifest import File, checksum

__all__ = ["BOOKS", "dump"]

BOOKS = "books.sql"
"""The dump of the bookkeeping schema, if there is one."""

_END = b"-- Dump completed"
_TAIL = 200


def dump(session: Session, backup: Backup) -> None:
    """Dump the database into the backup; `GuardError` if the dump fails or is incomplete.

    On a server the dump is of one moment (``--single-transaction``); it is complete if it creates
    every table and ends as a dump ends.  On SQLite the copy is opened and checked.  A separate
    bookkeeping schema has its own file.
    """
    url, books = session.settings.url, session.books.schema
    _dump(session, backup, url, "dump.db" if url.get_backend_name() == "sqlite" else "dump.sql")
    if books:
        _dump(session, backup, url.set(database=books), BOOKS, books)
    backup.manifest.tools |= dumper(url)
    backup.save()


def _dump(session: Session, backup: Backup, url: URL, name: str, schema: str | None = None) -> None:
    path = backup.folder / name
    tables = _counts(session, schema)
    try:
        path.touch(mode=0o600)
        dump_database(url, path)
    except (UsageError, OSError) as error:
        raise GuardError(f"backup: {error}; nothing was done") from None
    _refuse_short(url, path, tables)
    backup.manifest.add(File(name, path.stat().st_size, checksum(path), tables))


def _counts(session: Session, schema: str | None) -> dict[str, int]:
    quote = session.dialect.quote
    names = sa.inspect(session.connection).get_table_names(schema=schema)
    place = f"{quote(schema)}." if schema else ""
    return {name: session.scalar(f"SELECT COUNT(*) FROM {place}{quote(name)}") for name in names}


def _refuse_short(url: URL, path: Path, tables: dict[str, int]) -> None:
    if url.get_backend_name() == "sqlite":
        engine = sa.create_engine(URL.create("sqlite", database=str(path)), poolclass=sa.NullPool)
        with engine.connect() as copy:
            there = set(sa.inspect(copy).get_table_names())
            whole = copy.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
        missing = sorted(tables.keys() - there)
    else:
        missing = _not_named(path, set(tables))
        whole = _tail(path).rpartition(b"\n-- ")[2].startswith(_END[3:])
    if missing or not whole:
        what = f"without {', '.join(missing)}" if missing else "cut short"
        raise GuardError(f"backup: {path} is {what}; nothing was done")


def _not_named(path: Path, tables: set[str]) -> list[str]:
    """The tables that the dump does not create."""
    left = {f"CREATE TABLE `{name.replace('`', '``')}` (".encode(): name for name in tables}
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b"CREATE TABLE"):
                left.pop(line.rstrip(), None)
    return sorted(left.values())


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL))
        return file.read()
