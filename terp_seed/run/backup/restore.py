"""Restoring a backup of rows: what is missing comes back, what was masked is written back.

A row that was changed since stops it, before anything is written.  Rows,
ledger and version come back in one transaction, and are compared at its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.dialects import dialect_named
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, UsageError, VerificationError
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.derived import recompute
from terp_seed.ledger.ledger import ledger_of
from terp_seed.plan.chain import ancestors, current_heads
from terp_seed.plan.generation import recorded_settings
from terp_seed.plan.run import record_history
from terp_seed.run.backup.dump import BOOKS
from terp_seed.run.backup.folder import Backup
from terp_seed.run.backup.manifest import Manifest
from terp_seed.run.backup.staged import Staged, stage
from terp_seed.settings.options import Settings

__all__ = ["Restored", "restore"]


@dataclass(frozen=True)
class Restored:
    """What a restore did, rows by table."""

    environment: str
    inserted: Mapping[str, int]
    written_back: Mapping[str, int]
    revisions: Sequence[str]
    """The revisions that stand as applied again."""


def restore(
    settings: Settings, directory: ScriptDirectory, folder: Path, confirm: Confirm
) -> Restored:
    """Put a backup's rows back into the database that it was made of.

    Raises `VerificationError` if rows were changed since, and `GuardError` for
    a backup that is not whole or is of another environment; nothing is
    written then.  A dump is not restored here: `UsageError` tells the command.
    """
    backup = Backup(folder, Manifest.read(folder))
    if "rows" not in backup.manifest.kinds:
        clients = dialect_named(settings.url.get_backend_name()).clients
        books = settings.bookkeeping_schema
        commands = "; ".join(
            clients.restoring(
                settings.url, folder / file.name, books if file.name == BOOKS else None
            )
            for file in backup.manifest.files
        )
        raise UsageError(f"backup {folder}: holds a dump; put it back with: {commands}")
    with opened(settings) as session:
        environment = environment_of(session.connection, settings, session.books)
        _refuse_elsewhere(session, backup, environment)
        session.settle()
        with advisory_lock(session) as ours:
            backup.manifest.check(folder)
            applied, back = _chain(directory, session, backup.manifest)
            session.settle()
            will = [f"restore {count:,} {table}" for table, count in backup.manifest.rows.items()]
            will += [f"mark as applied again: {', '.join(back)}"] if back else []
            require_consent(settings, environment, lambda: will, confirm)
            return _Restore(session, backup, environment, applied, back).run(ours)


def _refuse_elsewhere(session: Session, backup: Backup, environment: str) -> None:
    manifest = backup.manifest
    if manifest.environment != environment:
        raise GuardError(
            f"backup {backup.folder}: holds rows of a database stamped {manifest.environment}, "
            f"unmasked, and this one is stamped {environment}; restore it there"
        )
    if manifest.chain != session.settings.chain:
        raise GuardError(
            f"backup {backup.folder}: is of chain {manifest.chain}, and this one is "
            f"{session.settings.chain}; restore it with terp-seed -n {manifest.chain}"
        )
    if manifest.engine != session.settings.url.get_backend_name():
        raise GuardError(
            f"backup {backup.folder}: was made on {manifest.engine}; restore it on that engine"
        )


def _chain(
    directory: ScriptDirectory, session: Session, manifest: Manifest
) -> tuple[list[Script], list[str]]:
    """All revisions that were applied then, and those of them that are not now."""
    try:
        then = ancestors(directory, manifest.heads)
    except RevisionError:
        raise UsageError(
            f"the backup was made at {', '.join(manifest.heads)}, which is not a revision of this "
            "chain any more; bring its file back"
        ) from None
    now = {script.revision for script in ancestors(directory, current_heads(session))}
    beyond = sorted(now - {script.revision for script in then})
    if beyond:
        raise GuardError(
            f"the chain has gone on to {', '.join(beyond)} since the backup was made; roll back to "
            f"{', '.join(manifest.heads) or 'base'} first"
        )
    return then, [script.revision for script in then if script.revision not in now]


@dataclass
class _Restore:
    session: Session
    backup: Backup
    environment: str
    applied: Sequence[Script]
    back: Sequence[str]

    def run(self, ours: Held) -> Restored:
        session = self.session
        session.may_write()
        order = {script.revision: place for place, script in enumerate(self.applied)}
        files = [file for file in self.backup.manifest.files if file.statements]
        files.sort(key=lambda file: order.get(file.revision or "", -1))
        staged = stage(session, self.backup.folder, files)
        session.commit()
        log = AuditLog(session, self.environment, "restore", f"restore {self.backup.folder}")
        with log.run(backup=str(self.backup.folder), lock_wait=round(ours.waited, 2)):
            done = self._restored(staged)
            ours.confirm()
            log.add("restored", rows={**done.inserted, **done.written_back})
        return done

    def _restored(self, staged: Sequence[Staged]) -> Restored:
        books = [each for each in staged if each.of.table == self.session.books.ledger.name]
        rows = [each for each in staged if each not in books]
        self._forget_kept()
        _refuse_changed([*books, *rows])
        inserted: Counter[str] = Counter()
        written: Counter[str] = Counter()
        for each in [*rows, *books]:
            if each.of.masked:
                written[each.of.table] += each.write_back()
            else:
                inserted[each.of.table] += each.insert()
        _compare(staged)
        self._stand()
        inserted.pop(self.session.books.ledger.name, None)
        return Restored(self.environment, +inserted, +written, self.back)

    def _forget_kept(self) -> None:
        """What a rollback kept is in the ledger as such; the entries of then replace it."""
        for revision in self.back:
            where = f"chain = {self._text(self.session.settings.chain)} AND revision = "
            self.session.stream.run(
                f"DELETE FROM {ledger_of(self.session).table} WHERE {where}{self._text(revision)}",
                what="ledger",
            )

    def _stand(self) -> None:
        """The version as it was, and the columns that follow from the rows."""
        session, version = self.session, self.session.books.version
        quote = session.dialect.quote
        table = ".".join(map(quote, filter(None, (version.schema, version.name))))
        session.stream.run(f"DELETE FROM {table}", what="version")
        for head in self.backup.manifest.heads:
            session.stream.run(f"INSERT INTO {table} VALUES ({self._text(head)})", what="version")
        plan = record_history(session, self.applied)
        headers = ledger_of(session).headers(session.connection)
        keep = recorded_settings(headers, self.applied)
        for revision in self.back:
            step = plan.history[revision]
            known = {**plan.ranges_before(revision), **step.ranges}
            for derived in step.derives:
                if derived.table in known:
                    day = date.fromisoformat(keep["as_of"])
                    sql = recompute(derived, known[derived.table], ledger_of(session), day)
                    session.stream.run(sql, what=f"revision {revision}, derived {derived.table}")

    def _text(self, text: str) -> str:
        return self.session.dialect.text(text)


def _refuse_changed(staged: Sequence[Staged]) -> None:
    changed = [(each.changed, each.of.table) for each in staged]
    listed = ", ".join(f"{count} of {table}" for count, table in changed if count)
    if listed:
        raise VerificationError(
            f"rows were changed since the backup was made ({listed}); nothing was restored. Look "
            "at them, and remove them first if the backup is to have its way"
        )


def _compare(staged: Sequence[Staged]) -> None:
    wrong = [each.of.table for each in staged if each.missing or each.changed]
    if wrong:
        raise VerificationError(
            f"the restored rows of {', '.join(wrong)} are not those of the backup; nothing of it "
            "was kept"
        )
