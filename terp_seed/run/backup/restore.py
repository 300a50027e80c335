"""Restoring a backup of rows: inserts what is missing, and undoes masking.

The rows are loaded into temporary tables, where the database compares and restores them.  A row
that was changed since the backup stops it before anything is written.  Rows, ledger and version are
restored in one transaction, and compared with the backup at its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from alembic.script import Script, ScriptDirectory

from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.dialects import split_table
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, PlanError, UsageError, VerificationError
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.derived import recompute
from terp_seed.ledger.ledger import ledger_of
from terp_seed.plan.chain import ancestors, current_heads, recorded_settings
from terp_seed.plan.renaming import with_names
from terp_seed.plan.run import replan_applied
from terp_seed.run.backup.changed_rows import ChangedRows
from terp_seed.run.backup.folder import Backup, Manifest
from terp_seed.run.backup.run import restore_commands
from terp_seed.run.backup.staging import Staged, rows_in_the_way, stage
from terp_seed.settings.options import Settings

__all__ = ["Restored", "restore_backup"]


@dataclass(frozen=True)
class Restored:
    """What a restore did: rows by table, and revisions."""

    environment: str
    inserted: Mapping[str, int]
    written_back: Mapping[str, int]
    revisions: Sequence[str]
    """The revisions that are applied again."""


def restore_backup(
    settings: Settings, directory: ScriptDirectory, folder: Path, confirm: Confirm
) -> Restored:
    """Restore a backup's rows in the database that it was made from.

    Raises `VerificationError` if rows were changed since, and `GuardError` for a backup that is
    damaged or from another environment; nothing is written then.  A dump is not restored here: the
    `UsageError` names the command that does.
    """
    backup = Backup(folder, Manifest.read(folder))
    if "rows" not in backup.manifest.kinds:
        commands = "; ".join(restore_commands(settings, backup))
        raise UsageError(f"backup {folder}: holds a dump; put it back with: {commands}")
    with opened(settings) as plain:
        session = with_names(plain, directory)
        environment = environment_of(session.connection, settings, session.books)
        _refuse_elsewhere(session, backup, environment)
        session.end_transaction()
        with advisory_lock(session) as lock:
            backup.manifest.check(folder)
            applied, back = _revisions(directory, session, backup.manifest)
            session.end_transaction()
            will = [f"restore {count:,} {table}" for table, count in backup.manifest.rows.items()]
            will += [f"mark as applied again: {', '.join(back)}"] if back else []
            require_consent(settings, environment, lambda: will, confirm)
            return _Restore(session, backup, environment, applied, back).run(lock)


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


def _revisions(
    directory: ScriptDirectory, session: Session, manifest: Manifest
) -> tuple[list[Script], list[str]]:
    """The revisions that were applied at the backup, and those of them that no longer are."""
    try:
        then = ancestors(directory, manifest.heads)
    except PlanError:
        raise UsageError(
            f"the backup was made at {', '.join(manifest.heads)}, which this chain "
            "no longer has; bring its file back"
        ) from None
    now = {script.revision for script in ancestors(directory, current_heads(session))}
    beyond = sorted(now - {script.revision for script in then})
    if beyond:
        raise GuardError(
            f"the chain has moved to {', '.join(beyond)} since the backup was made; roll back to "
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

    def run(self, lock: Held) -> Restored:
        session = self.session
        session.allow_writes()
        order = {script.revision: place for place, script in enumerate(self.applied)}
        files = [file for file in self.backup.manifest.files if file.statements]
        files.sort(key=lambda file: order.get(file.revision or "", -1))
        entries = stage(session, self.backup.folder, [file for file in files if file.is_ledger])
        changes = ChangedRows.of(session, entries)
        with changes.made():
            rows = [file for file in files if not file.is_ledger]
            staged = stage(session, self.backup.folder, rows, len(entries))
            session.commit()
            log = AuditLog(session, self.environment, "restore", f"restore {self.backup.folder}")
            with log.run(backup=str(self.backup.folder), lock_wait=round(lock.waited, 2)):
                done = self._restore(entries, staged, changes)
                lock.confirm()
                counts = {**done.inserted, **done.written_back}
                log.add("restored", rows=counts, unmasked=sorted(done.written_back))
        return done

    def _restore(
        self, entries: Sequence[Staged], rows: Sequence[Staged], changes: ChangedRows
    ) -> Restored:
        self._delete_retained()
        _refuse_changed(entries if changes.tables else [*entries, *rows])
        inserted: Counter[str] = Counter()
        written: Counter[str] = Counter()
        later = _later_columns(rows)
        ordered = changes.order(rows)
        for number, table in enumerate(ordered):
            name = table.stored.table
            if changes.tables:  # what a later revision changed, an earlier one restores first
                _refuse_changed([table])
            if table.stored.masked:
                written[name] += table.write_back()
            else:
                inserted[name] += table.insert(later.get(table.name, ()))
                before = [one for one in ordered[:number] if not one.stored.masked]
                changes.delete_again(name, before)
        for table in rows:
            if table.name in later:
                table.complete(later[table.name])
        for table in entries:
            table.insert()
        _compare([table for table in (*entries, *rows) if table.stored.table not in changes.tables])
        self._restore_version()
        self._recompute_derived()
        for name in [*inserted]:
            if is_bookkeeping(split_table(name)[1]):
                del inserted[name]
        return Restored(self.environment, +inserted, +written, self.back)

    def _delete_retained(self) -> None:
        """Delete the ledger's record of rows that the rollback kept; the backup's replaces it."""
        ledger = ledger_of(self.session)
        for revision in self.back:
            self.session.stream.run(ledger.erase(revision), what="ledger")

    def _restore_version(self) -> None:
        session, version = self.session, self.session.books.version
        table = session.dialect.quote_table(version.fullname)
        session.stream.run(f"DELETE FROM {table}", what="version")
        for head in self.backup.manifest.heads:
            session.stream.run(f"INSERT INTO {table} VALUES ({self._text(head)})", what="version")

    def _recompute_derived(self) -> None:
        """Recompute the columns that follow from the rows, as their revisions do."""
        session = self.session
        plan = replan_applied(session, self.applied)
        headers = ledger_of(session).headers(session.connection)
        stored = recorded_settings(headers, self.applied)
        for revision in self.back:
            step = plan.history[revision]
            known = {**plan.ranges_before(revision), **step.ranges}
            for derived in step.derives:
                if derived.table in known:
                    day = date.fromisoformat(stored["as_of"])
                    sql = recompute(derived, known[derived.table], ledger_of(session), day)
                    session.stream.run(sql, what=f"revision {revision}, derived {derived.table}")

    def _text(self, text: str) -> str:
        return self.session.dialect.text(text)


def _later_columns(staged: Sequence[Staged]) -> dict[str, list[str]]:
    """The columns of deleted rows that may refer to rows which are restored after them."""
    later: dict[str, list[str]] = {}
    coming: list[str] = []
    for table in reversed(staged):
        if not table.stored.masked and (columns := table.later(coming)):
            later[table.name] = columns
        coming.append(table.stored.table)
    return later


def _refuse_changed(staged: Sequence[Staged]) -> None:
    changed = [(table.changed, table.stored.table) for table in staged]
    listed = ", ".join(f"{count} of {table}" for count, table in changed if count)
    if listed:
        raise rows_in_the_way(listed)


def _compare(staged: Sequence[Staged]) -> None:
    wrong = [table.stored.table for table in staged if table.missing or table.changed]
    if wrong:
        raise VerificationError(
            f"the restored rows of {', '.join(wrong)} differ from the backup; nothing was restored"
        )
