"""Masking a database in place: the guards, the order, and what commits when.

Each block of rows commits with its progress, so a run that was killed goes on
where it stopped.  Before the first row everything is checked: environment,
policy, every value, consent, backup.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import translated
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError
from terp_seed.ledger.audit import AuditLog
from terp_seed.mask_database.backup import backup_for, keep
from terp_seed.mask_database.passes import Passes
from terp_seed.mask_database.progress import Progress
from terp_seed.mask_database.rehearsal import Rehearsed, refuse_restored, rehearsed, sized, tried
from terp_seed.mask_database.scope import Target, scope
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.run.backup import RunBackup
from terp_seed.settings.log import logger, quiet_statements
from terp_seed.settings.options import Settings
from terp_seed.settings.progress import progress_of_run

__all__ = ["Order", "audit_of", "begun", "dry_run", "forget", "sanitise"]

_LEFT = "the block that was under way is rolled back; run the command again to go on behind it"


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    tables: tuple[str, ...] = ()
    """Only these; empty: all."""
    again: bool = False
    """From the first row on: the tables were restored since they were masked."""
    yes: bool = False


def dry_run(settings: Settings, order: Order) -> list[Rehearsed]:
    """What would be masked, counted; takes no lock and writes nothing.

    Raises what `sanitise` would raise before its first row, but for what only
    the database can judge.
    """
    with begun(settings) as (session, border):
        return _rehearse(session, _targets(session, border, order))


def sanitise(settings: Settings, order: Order) -> list[Rehearsed]:
    """Mask every personal value of the database, or go on with it.

    Commits block by block; returns what was masked.  Raises `GuardError` in
    production and without consent, `MaskingError` for whatever cannot be
    masked, before the first row, and `LockError` if another run is at work.
    """
    with begun(settings) as (session, border), advisory_lock(session, _LEFT) as ours:
        plan = _rehearse(session, _targets(session, border, order))
        if not any(each.target.left for each in plan):
            logger.info("nothing to do: every row is masked")
            return []
        for each in plan:
            tried(session, each.target)
        backup = backup_for(session, border, [each.target for each in plan])
        confirm = Confirm(always=True, yes=order.yes)
        require_consent(settings, border.environment, partial(_will, plan, backup), confirm)
        _go(session, border, order, plan, ours, backup)
        return plan


def forget(settings: Settings) -> int:
    """Delete the digests of what was there; returns how many blocks had some.

    From then on a leak check can no longer recognise an original.
    """
    with begun(settings) as (session, border):
        progress = Progress(session)
        if not progress.exists():
            return 0
        session.may_write()
        forgotten = progress.forget_originals()
        audit_of(session, border, "mask --forget").add("forgot", blocks=forgotten)
        return forgotten


@contextmanager
def begun(settings: Settings) -> Iterator[tuple[Session, Boundary]]:
    """Open the database and refuse production, whatever was asked."""
    quiet_statements()
    with opened(settings) as session:
        try:
            environment = environment_of(session.connection, settings, session.books)
            if environment == "production":
                raise GuardError(
                    f"database {settings.url.database!r} is stamped production, and masking in "
                    "place destroys what is there; restore a copy, and stamp that staging"
                )
            session.settle()
            yield session, boundary(settings, environment)
        except DBAPIError as error:
            raise translated(error, "") from None


def audit_of(session: Session, border: Boundary, command: str) -> AuditLog:
    """The audit of one command of masking."""
    return AuditLog(session, border.environment, "mask", command)


def _targets(session: Session, border: Boundary, order: Order) -> list[Target]:
    progress = Progress(session)
    passes = progress.passes()
    if order.again:
        chosen = {name.casefold() for name in order.tables}
        passes = [each for each in passes if chosen and each.table.casefold() not in chosen]
    found = scope(session, border, passes, order.tables)
    targets = [sized(session, target) for target in found]
    refuse_restored(session, border.key, targets, progress)
    return targets


def _rehearse(session: Session, targets: Sequence[Target]) -> list[Rehearsed]:
    tell = progress_of_run()
    plan = [rehearsed(session, target, tell) for target in targets]
    session.settle()
    return plan


def _will(plan: Sequence[Rehearsed], backup: RunBackup) -> list[str]:
    lines = []
    for each in plan:
        if not each.target.left:
            continue
        columns = ", ".join(each.target.columns)
        lines.append(f"mask {each.target.rows:,} rows of {each.target.table}: {columns}")
        for name in each.target.triggers:
            lines.append(f"set off trigger {name} for each of them: see what it copies, and where")
    return [*lines, str(backup)]


def _go(
    session: Session,
    border: Boundary,
    order: Order,
    plan: Sequence[Rehearsed],
    ours: Held,
    backup: RunBackup,
) -> None:
    targets = [each.target for each in plan]
    keep(backup, targets)
    progress = Progress(session)
    session.settle()
    session.may_write()
    progress.create()
    if order.again:
        progress.forget([target.table for target in targets])
    session.commit()
    log = audit_of(session, border, "mask --again" if order.again else "mask")
    digest, waited = border.policy.digest, round(ours.waited, 2)
    key_id, folder = border.key_id, backup.folder
    with log.run(plan_digest=digest, key_id=key_id, lock_wait=waited, backup=folder):
        Passes(session, progress, log, border.key, ours).perform(targets, progress_of_run())
    backup.end()
