"""Masking a database in place: the guards, the order, and what commits when.

Each block of rows commits with its progress, so a run that was killed
continues where it stopped.  Before the first row everything is checked:
environment, policy, every value, consent, backup.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import translated
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError
from terp_seed.ledger.audit import AuditLog
from terp_seed.mask_database.blocks import (
    RowBlock,
    mask_block,
    read_blocks,
    remove_marks,
    write_block,
)
from terp_seed.mask_database.originals import Originals
from terp_seed.mask_database.progress import Pass, PassTable
from terp_seed.mask_database.rehearsal import (
    refuse_restored,
    rehearse_pass,
    size_pass,
    try_first_block,
)
from terp_seed.mask_database.scope import PassPlan, plan_passes
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.masking.keys import Key
from terp_seed.plan.chain import current_heads
from terp_seed.run.backup import RunBackup, StoredRows, rows_file, wanted
from terp_seed.settings.log import logger, progress_of_run, quiet_statements
from terp_seed.settings.options import Settings

__all__ = ["MaskOptions", "audit_of", "begun", "forget", "mask_in_place", "rehearse"]

_LEFT = "the block under way is rolled back; run the command again to continue behind it"


@dataclass(frozen=True)
class MaskOptions:
    """What was asked for."""

    tables: tuple[str, ...] = ()
    """Only these; empty: all."""
    again: bool = False
    """From the first row on: the tables were restored since they were masked."""
    yes: bool = False


def rehearse(settings: Settings, options: MaskOptions) -> list[PassPlan]:
    """What would be masked, counted; takes no lock and writes nothing.

    Raises what `mask_in_place` would raise before its first row, but for what
    only the database can judge.
    """
    with begun(settings) as (session, border):
        return _plan(session, border, options)


def mask_in_place(settings: Settings, options: MaskOptions) -> list[PassPlan]:
    """Mask every personal value of the database, or continue with it.

    Commits block by block; returns what was masked.  Raises `GuardError` in
    production and without consent, `MaskingError` for whatever cannot be
    masked, before the first row, and `LockError` if another run is at work.
    """
    with begun(settings) as (session, border), advisory_lock(session, _LEFT) as lock:
        plans = _plan(session, border, options)
        if not any(plan.left for plan in plans):
            logger.info("nothing to do: every row is masked")
            return []
        for plan in plans:
            try_first_block(session, plan)
        backup = _backup_for(session, border, plans)
        confirm = Confirm(always=True, yes=options.yes)
        require_consent(settings, border.environment, partial(_effects, plans, backup), confirm)
        _keep(backup, plans)
        _begin(session, options, plans)
        command = "mask --again" if options.again else "mask"
        run = _Run(session, audit_of(session, border, command), border.key, lock)
        digest, waited = border.policy.digest, round(lock.waited, 2)
        fields = {"plan_digest": digest, "key_id": border.key_id, "lock_wait": waited}
        with run.log.run(**fields, backup=backup.folder):
            for plan in plans:
                if plan.left:
                    run.make(plan)
        backup.end()
        return plans


def forget(settings: Settings) -> int:
    """Delete the digests of the originals; returns how many blocks had some.

    From then on a leak check can no longer recognise an original.
    """
    with begun(settings) as (session, border):
        table = PassTable(session)
        if not table.exists():
            return 0
        session.may_write()
        forgotten = table.forget_originals()
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
                    "place destroys its data; restore a copy, and stamp that staging"
                )
            session.settle()
            yield session, boundary(settings, environment)
        except DBAPIError as error:
            raise translated(error, "") from None


def audit_of(session: Session, border: Boundary, command: str) -> AuditLog:
    """The audit of one command of masking."""
    return AuditLog(session, border.environment, "mask", command)


def _plan(session: Session, border: Boundary, options: MaskOptions) -> list[PassPlan]:
    passes = PassTable(session).passes()
    if options.again:
        chosen = {name.casefold() for name in options.tables}
        passes = [made for made in passes if chosen and made.table.casefold() not in chosen]
    found = plan_passes(session, border, passes, options.tables)
    plans = [size_pass(session, plan) for plan in found]
    refuse_restored(session, border.key, plans)
    report = progress_of_run()
    plans = [rehearse_pass(session, plan, report) for plan in plans]
    session.settle()
    return plans


def _effects(plans: Sequence[PassPlan], backup: RunBackup) -> list[str]:
    """What the run is going to do, for the question whether it may."""
    lines = []
    for plan in plans:
        if plan.left:
            lines.append(f"mask {plan.rows:,} rows of {plan.table}: {', '.join(plan.columns)}")
            lines += [
                f"fire trigger {name} for each of them: check what it copies, and where"
                for name in plan.triggers
            ]
    return [*lines, str(backup)]


def _begin(session: Session, options: MaskOptions, plans: Sequence[PassPlan]) -> None:
    session.settle()
    session.may_write()
    table = PassTable(session)
    table.create()
    if options.again:
        table.forget([plan.table for plan in plans])
    session.commit()


# -- the backup: the values as they were, and what becomes of them.  It is made whole before the
# first row is changed, so that `terp-seed restore` can write everything back.


def _backup_for(session: Session, border: Boundary, plans: Sequence[PassPlan]) -> RunBackup:
    """The backup that this environment, or ``-x backup=...``, wants; makes nothing yet."""
    backup = RunBackup(session, border.environment, wanted(session.settings, border.environment))
    keyed = [plan.table for plan in plans if plan.key_is_masked and plan.rows]
    if keyed and backup.kind in ("rows", "both"):
        raise GuardError(
            f"backup: the primary key of {', '.join(keyed)} is masked as well, so its rows could "
            "not be found again; use -x backup=dump, or -x backup=none"
        )
    return backup


def _keep(backup: RunBackup, plans: Sequence[PassPlan]) -> None:
    """Make it: a dump, the rows that are going to be masked, or both."""
    session = backup.session
    backup.begin("mask", current_heads(session), ())
    if backup.made is None or backup.kind == "dump":
        return
    with rows_file(session, backup.made, "masked") as file:
        for plan in plans:
            rows = plan.progress.rows
            for block in read_blocks(session, plan):
                before, after = mask_block(plan, block, rows)
                rows += len(block)
                if places := before.changed(after):
                    old = [[*block.key_values[at], *_row(plan, block, at)] for at in places]
                    new = [_row(plan, after, at) for at in places]
                    file.add_masked(StoredRows(plan.table, plan.key, plan.columns, old), new)
    session.settle()


def _row(plan: PassPlan, block: RowBlock, at: int) -> list[object]:
    return [block.columns[name][at] for name in plan.columns]


# -- the passes


@dataclass(frozen=True)
class _Run:
    """What the passes of one run share."""

    session: Session
    log: AuditLog
    key: Key | None
    lock: Held

    def make(self, plan: PassPlan) -> None:
        """Make one pass, block by block; each block commits with its progress."""
        table = PassTable(self.session)
        if plan.progress.state == "new":
            table.begin(plan.progress)
            self._commit()
        made = self._mask(plan) if plan.rows else plan.progress
        while plan.parked and remove_marks(self.session, plan):
            self._commit()
        table.advance(replace(made, state="done"))
        event = self.log.audit.event(
            "masked",
            rows={plan.table: made.rows - plan.progress.rows},
            plan_digest=made.policy,
            key_id=made.key_id,
            columns=list(plan.columns),
        )
        self.session.stream.run(event, what="audit")
        self._commit()
        self.log.log()

    def _mask(self, plan: PassPlan) -> Pass:
        """Mask the rows that are left; afterwards only marks are."""
        table, report, made = PassTable(self.session), progress_of_run(), plan.progress
        originals = None if self.key is None else Originals(self.key)
        for block in read_blocks(self.session, plan, lock=True):
            before, after = mask_block(plan, block, made.rows)
            write_block(self.session, plan, before, after)
            last = None if plan.key_is_masked else block.last
            made = replace(made, state="running", rows=made.rows + len(block), last_key=last)
            made = table.advance(made, _digests(plan, originals, before, after))
            self._commit()
            report(plan.table, made.rows - plan.progress.rows, plan.rows)
        if plan.parked:
            made = table.advance(replace(made, state="parked"))
            self._commit()
        return made

    def _commit(self) -> None:
        self.lock.confirm()
        self.session.commit()


def _digests(
    plan: PassPlan, originals: Originals | None, before: RowBlock, after: RowBlock
) -> bytes:
    """The packed digests of what one block held before."""
    if originals is None:
        return b""
    numbers: set[int] = set()
    for name, kind in plan.kinds.items():
        numbers |= originals.digests(kind, before.columns[name], after.columns[name])
    return array("Q", sorted(numbers)).tobytes()
