"""A backup of the whole database, by the engine's own tools."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from terp_seed.database.dialects import dialect_named, join_table, split_table
from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists
from terp_seed.errors import GuardError, UsageError
from terp_seed.ledger.ledger import ledger_of
from terp_seed.run.backup.folder import Backup
from terp_seed.run.backup.manifest import File, checksum
from terp_seed.settings.options import Settings

__all__ = ["dump", "restore_commands"]


def dump(session: Session, backup: Backup) -> None:
    """Dump the database into the backup; `GuardError` if the dump fails or is incomplete.

    The dump is of one moment, and is complete if it has every table and ends as a dump ends.  Where
    another schema is another database, each that holds bookkeeping or seeded rows has its own file.
    """
    clients = session.dialect.clients
    _dump(session, backup, clients.dump_name)
    if session.dialect.schemas_are_databases:
        for schema in sorted(_other_schemas(session)):
            _dump(session, backup, f"{schema}.sql", schema)
    backup.manifest.tools |= clients.dumper()
    backup.save()


def restore_commands(settings: Settings, backup: Backup) -> list[str]:
    """The commands that put a backup's dumps back."""
    clients = dialect_named(settings.url.get_backend_name()).clients
    return [
        clients.restoring(
            settings.url
            if file.name == clients.dump_name
            else settings.url.set(database=Path(file.name).stem),
            backup.folder / file.name,
        )
        for file in backup.manifest.files
    ]


def _other_schemas(session: Session) -> set[str]:
    names = {session.books.schema}
    if table_exists(session.connection, session.books.ledger):
        ranges = ledger_of(session).ranges(session.connection)
        names |= {split_table(seeded.table)[0] for seeded in ranges}
    return {name for name in names if name is not None}


def _dump(session: Session, backup: Backup, name: str, schema: str | None = None) -> None:
    path, clients = backup.folder / name, session.dialect.clients
    tables = _counts(session, schema)
    try:
        path.touch(mode=0o600)
        url = session.settings.url
        clients.dump(url.set(database=schema) if schema else url, path)
    except (UsageError, OSError) as error:
        raise GuardError(f"backup: {error}; nothing was done") from None
    _refuse_short(path, clients.missing(path, tables))
    backup.manifest.add(File(name, path.stat().st_size, checksum(path), tables))


def _counts(session: Session, schema: str | None) -> dict[str, int]:
    names = sa.inspect(session.connection).get_table_names(schema=schema)
    place = session.dialect.quote_table
    return {
        name: session.scalar(f"SELECT COUNT(*) FROM {place(join_table(schema, name))}")
        for name in names
    }


def _refuse_short(path: Path, missing: list[str] | None) -> None:
    if missing or missing is None:
        what = f"without {', '.join(missing)}" if missing else "cut short"
        raise GuardError(f"backup: {path} is {what}; nothing was done")
