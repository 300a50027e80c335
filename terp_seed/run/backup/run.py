"""The backup of a run, made before anything is deleted or masked, and the one made on request."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.script import ScriptDirectory

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.dialects import dialect_named, join_table, split_table
from terp_seed.database.environment_stamp import careful, environment_of
from terp_seed.database.lock import advisory_lock
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, UsageError
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.ledger import ledger_of
from terp_seed.plan.chain import ancestors, current_heads
from terp_seed.plan.plan import PlannedRevision, Removal
from terp_seed.plan.renaming import with_names
from terp_seed.run.backup.folder import (
    LEDGER,
    Backup,
    File,
    backups_folder,
    checksum,
    expire,
    new_backup,
)
from terp_seed.run.backup.rows import add_updated, rows_file, rows_of, rows_where
from terp_seed.run.restorer import Changed
from terp_seed.run.rollback import Examination, Rollback
from terp_seed.settings.options import Settings

__all__ = ["RunBackup", "choose_backup_kind", "create_backup", "restore_commands"]


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


def choose_backup_kind(settings: Settings, environment: str) -> str:
    """The kind of backup: the setting, else ``rows`` in staging and production and ``none``."""
    return settings.backup or ("rows" if careful(environment) else "none")


@dataclass
class RunBackup:
    """The backup of one run: the ledger first, then each revision's rows before their deletion."""

    session: Session
    environment: str
    kind: str
    made: Backup | None = None

    def __str__(self) -> str:
        """A line for the confirmation."""
        what = {"rows": "the rows", "dump": "the whole database", "both": "rows and database"}
        folder = backups_folder(self.session.settings)
        return f"back up {what[self.kind]} to {folder}" if self.kind in what else "make no backup"

    @property
    def folder(self) -> str | None:
        """Its folder, once it has begun; whoever reads the audit may be elsewhere."""
        return str(self.made.folder.absolute()) if self.made else None

    def begin(self, reason: str, heads: tuple[str, ...], revisions: Sequence[str]) -> None:
        """Dump the database, or save the revisions' ledger rows; the lock must be held.

        Raises `GuardError` if the backup cannot be written completely.
        """
        if self.kind == "none":
            return
        session = self.session
        self.made = new_backup(session.settings, self.environment, reason, heads)
        if self.kind in ("dump", "both"):
            dump(session, self.made)
        if self.kind in ("rows", "both") and revisions:
            table, text = session.books.ledger, session.dialect.text
            names = (name for revision in revisions for name in session.names.owned(revision))
            listed = ", ".join(map(text, names))
            where = f"kept.chain = {text(session.settings.chain)} AND kept.revision IN ({listed})"
            with rows_file(session, self.made, LEDGER) as file:
                for part in rows_where(session, table.fullname, where):
                    file.add_deleted(part)
        session.end_transaction()

    def rows(self, found: Examination) -> None:
        """Save the rows that a revision is about to delete, in the revision's transaction.

        Raises `GuardError` if they are not as many as were counted.
        """
        if self.made is None or self.kind == "dump" or not found.drifts:
            return
        name = f"{found.revision}-{found.drifts[0].range.number}"
        with rows_file(self.session, self.made, name, found.revision) as file:
            for drift in found.found:
                for part in rows_of(self.session, found.selection(drift)):
                    file.add_deleted(part)
        there: Counter[str] = Counter()
        for drift in found.drifts:
            there[drift.range.table] += drift.there - found.counts(drift).retained
        if file.counts != +there:
            raise GuardError(
                f"backup: {self.made.folder} does not hold as many rows as would be deleted; "
                "nothing was deleted, run the command again"
            )

    def changed(self, revision: str, changed: Sequence[Changed]) -> None:
        """Save the kept tables of a revision, and the updated rows as they are now and were."""
        if self.made is None or self.kind == "dump" or not changed:
            return
        for number, change in enumerate(changed, start=1):
            name = f"{revision}-changed-{number}"
            with rows_file(self.session, self.made, name, revision) as file:
                for part in rows_where(self.session, change.kept.name, "1 = 1"):
                    file.add_deleted(part._replace(key=["terp_seed_row"]))
                if change.kept.updates:
                    add_updated(self.session, file, change.kept)

    def end(self) -> None:
        """Delete expired backups."""
        if self.made is not None:
            expire(self.session.settings)

    def discard(self) -> None:
        """Delete the backup of a run that changed nothing, unless it holds the whole database."""
        if self.made is not None and "dump" not in self.made.manifest.kinds:
            shutil.rmtree(self.made.folder, ignore_errors=True)


def create_backup(settings: Settings, directory: ScriptDirectory, kind: str) -> Backup:
    """Back up the seeded rows or the database, under the lock; writes only an audit event."""
    with opened(settings) as plain:
        session = with_names(plain, directory)
        environment = environment_of(session.connection, settings, session.books)
        session.end_transaction()
        with advisory_lock(session):
            heads = current_heads(session)
            scripts = ancestors(directory, heads)
            applied = [script.revision for script in scripts]
            session.end_transaction()
            session.allow_writes()
            backup = RunBackup(session, environment, kind)
            backup.begin("asked", heads, applied)
            rollback = Rollback(session, environment, applied=scripts)
            for revision in applied:
                step = PlannedRevision(revision, upgrade=False, removals=[Removal(())])
                backup.changed(revision, rollback.kept(step))
                backup.rows(rollback.examine(step, Removal(())))
            made = backup.made
            assert made is not None
            log = AuditLog(session, environment, "backup", f"backup create --kind {kind}")
            log.add("backup", rows=dict(made.manifest.rows), backup=str(made.folder))
            backup.end()
            return made
