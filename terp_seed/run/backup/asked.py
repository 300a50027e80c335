"""A backup that somebody asked for: of the rows of the applied seeds, or of the database."""

from __future__ import annotations

from alembic.script import ScriptDirectory

from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.lock import advisory_lock
from terp_seed.database.session import opened
from terp_seed.ledger.audit import AuditLog
from terp_seed.plan.chain import ancestors, current_heads
from terp_seed.plan.plan import PlannedRevision, Removal
from terp_seed.run.backup.folder import Backup
from terp_seed.run.backup.run import RunBackup
from terp_seed.run.rollback import Rollback
from terp_seed.settings.options import Settings

__all__ = ["create"]


def create(settings: Settings, directory: ScriptDirectory, kind: str) -> Backup:
    """Make a backup under the lock; leaves the database as it is but for an audit event."""
    with opened(settings) as session:
        environment = environment_of(session.connection, settings, session.books)
        session.settle()
        with advisory_lock(session):
            heads = current_heads(session)
            applied = [each.revision for each in ancestors(directory, heads)]
            session.settle()
            session.may_write()
            backup = RunBackup(session, environment, kind)
            backup.begin("asked", heads, applied)
            rollback = Rollback(session, environment)
            for revision in applied:
                step = PlannedRevision(revision, upgrade=False, removals=[Removal(())])
                backup.rows(rollback.examine(step, Removal(())))
            made = backup.made
            assert made is not None
            log = AuditLog(session, environment, "backup", f"backup create --kind {kind}")
            log.add("backup", rows=dict(made.manifest.rows), backup=str(made.folder))
            backup.end()
            return made
