"""Restoring a backup of rows: inserts what is missing, and undoes masking.

The rows are loaded into temporary tables, where the database compares and restores them.  A row
that was changed since the backup stops it before anything is written.  Rows, ledger and version are
restored in one transaction, and compared with the backup at its end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import sqlalchemy as sa
from alembic.script import Script, ScriptDirectory

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.dialects import split_table
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.schema import outbound
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, PlanError, UsageError, VerificationError
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.changes import CHANGE_STATES
from terp_seed.ledger.derived import recompute
from terp_seed.ledger.ledger import ledger_of
from terp_seed.plan.chain import ancestors, current_heads, recorded_settings
from terp_seed.plan.renaming import with_names
from terp_seed.plan.run import replan_applied
from terp_seed.rows.seeders import derived_columns
from terp_seed.run.backup.folder import Backup, File, Manifest, StoredInsert
from terp_seed.run.backup.rows import masked_name
from terp_seed.run.backup.run import restore_commands
from terp_seed.settings.options import Settings

__all__ = ["Restored", "Staged", "restore_backup", "stage"]


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
        staged = stage(session, self.backup.folder, files)
        session.commit()
        log = AuditLog(session, self.environment, "restore", f"restore {self.backup.folder}")
        with log.run(backup=str(self.backup.folder), lock_wait=round(lock.waited, 2)):
            done = self._restore(staged)
            lock.confirm()
            log.add("restored", rows={**done.inserted, **done.written_back})
        return done

    def _restore(self, staged: Sequence[Staged]) -> Restored:
        ledger = self.session.books.ledger.fullname
        entries = [table for table in staged if table.stored.table == ledger]
        rows = [table for table in staged if table.stored.table != ledger]
        self._delete_retained()
        _refuse_changes(self.session, entries, self.back)
        _refuse_changed([*entries, *rows])
        inserted: Counter[str] = Counter()
        written: Counter[str] = Counter()
        later = _later_columns(rows)
        for table in [*rows, *entries]:
            if table.stored.masked:
                written[table.stored.table] += table.write_back()
            else:
                inserted[table.stored.table] += table.insert(later.get(table.name, ()))
        for table in rows:
            if table.name in later:
                table.complete(later[table.name])
        _compare(staged)
        self._restore_version()
        self._recompute_derived()
        inserted.pop(ledger, None)
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


def _refuse_changes(session: Session, entries: Sequence[Staged], back: Sequence[str]) -> None:
    """`UsageError` if a revision changed rows that were there: its rollback put those back."""
    states = ", ".join(map(session.dialect.text, CHANGE_STATES))
    for table in entries:
        name = session.dialect.quote(table.name)
        if session.scalar(f"SELECT COUNT(*) FROM {name} WHERE state IN ({states})"):
            raise UsageError(
                f"revision {', '.join(back)}: updated or deleted rows that were there, and its "
                "rollback put them back as they were; nothing was restored. Apply it again: "
                f"alembic -n {session.settings.chain} upgrade {back[-1] if back else 'head'}"
            )


def _refuse_changed(staged: Sequence[Staged]) -> None:
    changed = [(table.changed, table.stored.table) for table in staged]
    listed = ", ".join(f"{count} of {table}" for count, table in changed if count)
    if listed:
        raise VerificationError(
            f"rows were changed since the backup was made ({listed}); nothing was restored. Look "
            "at them, and delete them first if you want the rows of the backup"
        )


def _compare(staged: Sequence[Staged]) -> None:
    wrong = [table.stored.table for table in staged if table.missing or table.changed]
    if wrong:
        raise VerificationError(
            f"the restored rows of {', '.join(wrong)} differ from the backup; nothing was restored"
        )


@dataclass(frozen=True)
class Staged:
    """The rows of one table in one file, in a temporary table of this session."""

    session: Session
    stored: StoredInsert
    name: str
    """The temporary table."""

    @property
    def live(self) -> str:
        """The quoted name of the table that the rows belong to."""
        return self.session.dialect.quote_table(self.stored.table)

    @property
    def missing(self) -> int:
        """How many of the rows no longer exist."""
        return self._count(f"NOT {self._exists()}")

    @property
    def changed(self) -> int:
        """How many of the rows exist with other values than the stored and the masked ones."""
        original = self._exists(self._same())
        if not self.stored.masked:
            return self._count(f"{self._exists()} AND NOT {original}")
        return self._count(f"NOT {self._exists(self._same(masked=True))} AND NOT {original}")

    def insert(self, empty: Sequence[str] = ()) -> int:
        """Insert the rows that are missing, some columns NULL at first; return how many."""
        quote, overriding = self.session.dialect.quote, self.session.dialect.overriding
        columns = ", ".join(quote(name) for name in self.stored.columns if name not in empty)
        order = ", ".join(f"kept.{quote(name)}" for name in self.stored.key)
        return self._run(
            f"INSERT INTO {self.live} ({columns}){overriding} SELECT {columns} "
            f"FROM {quote(self.name)} kept WHERE NOT {self._exists()} ORDER BY {order}"
        )

    def write_back(self) -> int:
        """Restore the original values of rows that are still masked; return how many."""
        return self._update(f"{self._same(masked=True)} AND NOT ({self._same()})")

    def complete(self, empty: Sequence[str]) -> None:
        """Fill in the columns that were NULL at first."""
        quote = self.session.dialect.quote
        self._update(" OR ".join(f"kept.{quote(name)} IS NOT NULL" for name in empty))

    def later(self, coming: Sequence[str]) -> list[str]:
        """The columns that may refer to rows which come later: of this table, or of others."""
        schema, table = split_table(self.stored.table)
        nullable = {
            column["name"]
            for column in sa.inspect(self.session.connection).get_columns(table, schema)
            if column["nullable"] and column["name"] in self.stored.columns
        }
        tables = {name.casefold() for name in (self.stored.table, *coming)}
        return [
            name
            for reference in outbound(self.session, self.stored.table)
            if reference.target_table.casefold() in tables and nullable >= {*reference.columns}
            for name in reference.columns
        ]

    def _update(self, where: str) -> int:
        """Give rows that meet a condition the stored values; return how many."""
        quote, key = self.session.dialect.quote, self.stored.key
        names = [name for name in self.stored.columns if self.stored.masked or name not in key]
        values = [(name, f"kept.{quote(name)}") for name in names]
        values += [(name, f"live.{quote(name)}") for name in self._moving()]
        joined = f"{self._joined()} AND ({where})"
        source = quote(self.name)
        return self._run(self.session.dialect.update_from(self.live, source, values, joined))

    def _count(self, where: str) -> int:
        """How many staged rows, with the alias ``kept``, meet a condition."""
        name = self.session.dialect.quote(self.name)
        return int(self.session.scalar(f"SELECT COUNT(*) FROM {name} kept WHERE {where}"))

    def _exists(self, and_: str = "") -> str:
        condition = f"{self._joined()} AND ({and_})" if and_ else self._joined()
        return f"EXISTS (SELECT 1 FROM {self.live} live WHERE {condition})"

    def _joined(self) -> str:
        quote = self.session.dialect.quote
        return " AND ".join(f"live.{quote(name)} = kept.{quote(name)}" for name in self.stored.key)

    def _same(self, *, masked: bool = False) -> str:
        dialect = self.session.dialect
        derived = derived_columns(self.stored.table)
        pairs = [
            (name, masked_name(place) if masked else name)
            for place, name in enumerate(self.stored.columns)
            if name not in derived
        ]
        return " AND ".join(
            dialect.same(f"live.{dialect.quote(name)}", f"kept.{dialect.quote(other)}")
            for name, other in pairs
        )

    def _moving(self) -> list[str]:
        """The columns that the server sets by itself on an UPDATE."""
        schema, table = split_table(self.stored.table)
        return [
            column["name"]
            for column in sa.inspect(self.session.connection).get_columns(table, schema=schema)
            if "ON UPDATE" in str(column.get("default")).upper()
            and column["name"] not in self.stored.columns
        ]

    def _run(self, sql: str) -> int:
        return self.session.stream.affected(sql, what=f"restore, table {self.stored.table}")


def stage(session: Session, folder: Path, files: Sequence[File]) -> list[Staged]:
    """Load files of rows into temporary tables, one for each table of a file."""
    staged: list[Staged] = []
    for file in files:
        by_table: dict[str, list[StoredInsert]] = {}
        for stored in file.statements:
            by_table.setdefault(stored.table, []).append(stored)
        for inserts in by_table.values():
            made = Staged(session, inserts[0], f"terp_seed_restore_{len(staged) + 1}")
            _load(made, folder / file.name, inserts)
            staged.append(made)
    return staged


def _load(made: Staged, path: Path, inserts: Sequence[StoredInsert]) -> None:
    session, stored = made.session, made.stored
    quote = session.dialect.quote
    names = [*map(quote, stored.columns)]
    selected = list(names)
    if stored.masked:
        masks = [masked_name(place) for place in range(len(names))]
        keys = [*map(quote, stored.key)]
        selected = [*keys, *names, *(f"{n} AS {m}" for n, m in zip(names, masks, strict=True))]
        names = [*keys, *names, *masks]
    what = f"restore, table {stored.table}"
    select = f"SELECT {', '.join(selected)} FROM {made.live}"
    key = ", ".join(map(quote, stored.key))
    for sql in session.dialect.temporary_copy(quote(made.name), key, select):
        session.stream.run(sql, what=what)
    head = f"INSERT INTO {quote(made.name)} ({', '.join(names)}) VALUES\n"
    for values, rows in _values(path, inserts):
        session.stream.run(head + values, rows=rows, what=what)


def _values(path: Path, inserts: Sequence[StoredInsert]) -> Iterator[tuple[str, int]]:
    with path.open("rb") as file:
        for stored in inserts:
            file.seek(stored.offset)
            values = file.read(stored.size)
            if len(values) != stored.size:
                raise PlanError(f"backup: {path} is cut short; nothing was restored")
            yield values.decode(), stored.rows
