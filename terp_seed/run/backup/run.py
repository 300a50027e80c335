"""The backup that a run makes before it destroys anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from terp_seed.database.consent import careful
from terp_seed.database.session import Session
from terp_seed.errors import GuardError
from terp_seed.run.backup.dump import dump
from terp_seed.run.backup.folder import Backup, expire, new_backup, place
from terp_seed.run.backup.rows import RowsBackup, rows_of, rows_where
from terp_seed.run.rollback import Examination
from terp_seed.settings.options import Settings

__all__ = ["RunBackup", "wanted"]


def wanted(settings: Settings, environment: str) -> str:
    """``rows``, ``dump``, ``both`` or ``none``: what was asked for, else rows where it matters."""
    return settings.backup or ("rows" if careful(environment) else "none")


@dataclass
class RunBackup:
    """One run's backup: the ledger first, then each revision's rows before they go."""

    session: Session
    environment: str
    kind: str
    made: Backup | None = None

    def __str__(self) -> str:
        """A line for the confirmation."""
        what = {"rows": "the rows", "dump": "the whole database", "both": "rows and database"}
        folder = place(self.session.settings)
        return f"back up {what[self.kind]} to {folder}" if self.kind in what else "make no backup"

    @property
    def folder(self) -> str | None:
        """Where it is, once it is begun."""
        return str(self.made.folder) if self.made else None

    def begin(self, reason: str, heads: tuple[str, ...], revisions: Sequence[str]) -> None:
        """Dump the database, or keep what the ledger says of the revisions; with the lock held.

        Raises `GuardError` if the backup cannot be made whole.
        """
        if self.kind == "none":
            return
        session = self.session
        self.made = new_backup(session.settings, self.environment, reason, heads)
        if self.kind in ("dump", "both"):
            dump(session, self.made)
        if self.kind in ("rows", "both") and revisions:
            table, text = session.books.ledger, session.dialect.text
            listed = ", ".join(map(text, revisions))
            where = f"kept.chain = {text(session.settings.chain)} AND kept.revision IN ({listed})"
            with RowsBackup(session, self.made, "ledger") as file:
                for part in rows_where(session, table.name, where, table.schema):
                    file.deleted(*part)
        session.settle()

    def rows(self, found: Examination) -> None:
        """Keep the rows that a revision is about to lose, in its own transaction.

        Raises `GuardError` if they are not as many as were counted.
        """
        if self.made is None or self.kind == "dump" or not found.drifts:
            return
        name = f"{found.revision}-{found.drifts[0].range.number}"
        with RowsBackup(self.session, self.made, name, found.revision) as file:
            for drift in found.drifts:
                for part in rows_of(self.session, found.selection(drift)):
                    file.deleted(*part)
        deleted = {table: n.deleted for table, n in found.tables.items() if n.deleted}
        if dict(file.counts) != deleted:
            raise GuardError(
                f"backup: {self.made.folder} holds other numbers of rows than are to be deleted; "
                "nothing was deleted, run the command again"
            )

    def end(self) -> None:
        """Let old backups expire."""
        if self.made is not None:
            expire(self.session.settings)
