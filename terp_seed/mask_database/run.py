"""Masking a database in place: the guards, the order, and what commits when.

Each block of rows commits with its progress, so a run that was killed
continues where it stopped.  Before the first row everything is checked:
environment, policy, every value, consent, backup.  A run that ends well has counted
the rows that are left by the policy, and found none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.environment_stamp import environment_of, flag_neutralised
from terp_seed.database.failures import translated
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.schema import count_tables_elsewhere
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, MaskingError
from terp_seed.ledger.audit import AuditLog
from terp_seed.mask_database.blocks import RowBlock, read_blocks, remove_marks, write_block
from terp_seed.mask_database.childkeys import child_keys_indexed
from terp_seed.mask_database.neutralise import (
    StepPlan,
    carry_out,
    digest_of,
    is_due,
    plan_steps,
    try_steps,
)
from terp_seed.mask_database.plan import PassPlan, count_merged, plan_passes
from terp_seed.mask_database.progress import Pass, PassTable
from terp_seed.mask_database.rehearsal import (
    find_unread_logs,
    masked_cells,
    refuse_logged,
    refuse_restored,
    rehearse_pass,
    size_pass,
    try_first_block,
)
from terp_seed.mask_database.spool import MaskedBlocks
from terp_seed.mask_database.triggers import (
    count_rows,
    earlier_counts,
    fired,
    grown,
    order_by_triggers,
    refuse_grown,
    refuse_updating,
)
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.plan.chain import current_heads
from terp_seed.run.backup.rows import StoredRows, rows_file
from terp_seed.run.backup.run import RunBackup, choose_backup_kind
from terp_seed.settings.log import logger, progress_of_run, quiet_statements
from terp_seed.settings.options import Settings

__all__ = [
    "MaskOptions",
    "audit_of",
    "begun",
    "forget",
    "mask_in_place",
    "rehearse",
    "rehearse_steps",
]

_ROUNDS = 5  # of masking what triggers have added
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
    with begun(settings, whole=not options.tables) as (session, border):
        plans = _plan(session, border, options)
        plans = [replace(plan, merged=count_merged(session, plan)) for plan in plans]
        session.end_transaction()
        return plans


def rehearse_steps(settings: Settings, options: MaskOptions) -> list[StepPlan]:
    """The steps that would neutralise the copy, with the rows of each; writes nothing.

    Raises `MaskingError` with every step that cannot be carried out.
    """
    with begun(settings) as (session, border):
        steps = plan_steps(session, border, options.tables)
        session.end_transaction()
        return steps


def mask_in_place(settings: Settings, options: MaskOptions) -> list[PassPlan]:
    """Mask every personal value of the database, or continue with it.

    Commits block by block; returns what was masked.  Raises `GuardError` in
    production and without consent, `MaskingError` for whatever cannot be
    masked, before the first row, and `LockError` if another run is at work.
    """
    opening = begun(settings, whole=not options.tables)
    with (
        opening as (session, border),
        advisory_lock(session, _LEFT) as lock,
        MaskedBlocks(border.key) as spool,
    ):
        steps = plan_steps(session, border, options.tables)
        plans = _plan(session, border, options, spool)
        masked = {plan.table for plan in plans}
        due = not options.tables and is_due(session, border)
        if not (due or any(plan.left for plan in plans) or any(step.rows for step in steps)):
            refuse_grown(grown(session, earlier_counts(session), masked), ())
            logger.info(f"nothing to do: {_proof(options)}")
            return []
        backup = _prepare(session, border, options, (steps, plans))
        command = "mask --again" if options.again else "mask"
        run = _Run(session, audit_of(session, border, command), spool, lock)
        counts = _counts(session, options)
        fields = {
            "plan_digest": border.policy.digest,
            "key_id": border.key_id,
            "lock_wait": round(lock.waited, 2),
            "counts": {name: n for name, n in counts.items() if n and name not in masked},
            "from_the_first_row": sorted({p.table for p in plans if p.progress.state == "new"}),
            "unread_logs": find_unread_logs(session, border, plans),
        }
        with run.log.run(**fields, backup=backup.folder):
            run.neutralise(steps, digest_of(border.policy.neutralise) if due else "")
            _keep_rows(backup, plans, spool)
            made = run.make_all(plans)
            more = grown(session, counts, masked)
            if more:
                run.log.add("grown", grown=more, triggers=fired(made))
        backup.end()
        refuse_grown(more, fired(made))
        logger.info(_proof(options))
        return made


def _prepare(
    session: Session,
    border: Boundary,
    options: MaskOptions,
    work: tuple[Sequence[StepPlan], Sequence[PassPlan]],
) -> RunBackup:
    """Try the work, ask for consent, begin the backup, and write the passes down."""
    steps, plans = work
    try_steps(session, steps)
    for plan in plans:
        try_first_block(session, plan)
    backup = _backup_for(session, border, plans)
    confirm = Confirm(always=True, yes=options.yes)
    effects = partial(_effects, steps, plans, backup)
    require_consent(session.settings, border.environment, effects, confirm)
    backup.begin("mask", current_heads(session), ())
    _begin(session, options, plans)
    return backup


def _proof(options: MaskOptions) -> str:
    """What a run that ends well has counted."""
    named = ", ".join(options.tables)
    return f"no row{f' of {named}' if named else ''} is left by the policy"


def _counts(session: Session, options: MaskOptions) -> Mapping[str, int]:
    """How many rows each table had before this run, or before the one that it continues."""
    earlier = None if options.again else earlier_counts(session)
    found = count_rows(session) if earlier is None else earlier
    session.end_transaction()
    return found


def forget(settings: Settings) -> int:
    """Delete the digests of the originals; returns how many blocks had some.

    From then on a leak check can no longer recognise an original, so in staging it wants consent.
    """
    with begun(settings) as (session, border):
        table = PassTable(session)
        if not table.exists():
            return 0
        session.end_transaction()
        effects = ["delete the digests by which an original can be recognised"]
        require_consent(session.settings, border.environment, lambda: effects)
        session.allow_writes()
        forgotten = table.forget_originals()
        audit_of(session, border, "mask --forget").add("forgot", blocks=forgotten)
        return forgotten


@contextmanager
def begun(settings: Settings, *, whole: bool = False) -> Iterator[tuple[Session, Boundary]]:
    """Open the database and refuse production, whatever was asked.

    The log names other schemas that hold tables, which are not read.  With ``whole`` refuse a
    policy that classifies columns of theirs.
    """
    quiet_statements()
    with opened(settings) as session:
        try:
            environment = environment_of(session.connection, settings, session.books)
            if environment == "production":
                raise GuardError(
                    f"database {settings.url.database!r} is stamped production, and masking in "
                    "place destroys its data; restore a copy, and stamp that staging"
                )
            border = boundary(settings, environment)
            if whole:
                _refuse_other_schemas(border)
            for schema, tables in count_tables_elsewhere(session).items():
                logger.warning(
                    f"schema {schema} is not read (tables in it: {tables}); masking in place "
                    "covers the connection's own schema"
                )
            session.end_transaction()
            yield session, border
        except DBAPIError as error:
            raise translated(error, "") from None


def _refuse_other_schemas(border: Boundary) -> None:
    """Refuse rules for tables of other schemas, which would not be masked."""
    named = sorted(
        name
        for name, table in border.policy.tables.items()
        if "." in name and any(rule.kind is not None for rule in table.columns.values())
    )
    if named:
        raise MaskingError(
            f"masking.toml classifies columns of {', '.join(named)}, and masking in place reads "
            "the tables of the connection's own schema only; nothing was done. Mask those by other "
            "means, and name the tables to mask with --table"
        )


def audit_of(session: Session, border: Boundary, command: str) -> AuditLog:
    """The audit of one command of masking."""
    return AuditLog(session, border.environment, "mask", command)


def _plan(
    session: Session, border: Boundary, options: MaskOptions, spool: MaskedBlocks | None = None
) -> list[PassPlan]:
    passes = PassTable(session).passes()
    if options.again:
        chosen = {name.casefold() for name in options.tables}
        passes = [made for made in passes if chosen and made.table.casefold() not in chosen]
    found = plan_passes(session, border, passes, options.tables)
    plans = [size_pass(session, plan) for plan in order_by_triggers(session, found)]
    refuse_restored(session, border.key, plans)
    refuse_logged(session, border, plans)
    refuse_updating(session, plans)
    report = progress_of_run()
    plans = [rehearse_pass(session, plan, report, spool) for plan in plans]
    session.end_transaction()
    return plans


def _effects(steps: Sequence[StepPlan], plans: Sequence[PassPlan], backup: RunBackup) -> list[str]:
    """What the run is going to do, for the question whether it may."""
    lines = [f"{step}; nothing undoes that" for step in steps if step.rows]
    for plan in plans:
        if plan.left:
            columns = ", ".join(
                f"{name} (once more: {column.earlier} before)" if column.earlier else name
                for name, column in plan.progress.columns.items()
            )
            lines.append(f"mask {plan.rows:,} rows of {plan.table}: {columns}")
            lines += [
                f"fire trigger {name} for each of them; a table that grows is masked by the "
                "policy, or named in the end"
                for name in plan.triggers
            ]
    return [*lines, str(backup)]


def _begin(session: Session, options: MaskOptions, plans: Sequence[PassPlan]) -> None:
    """Write the passes down: what those of earlier runs still mask, and the new ones."""
    session.end_transaction()
    session.allow_writes()
    table = PassTable(session)
    table.create()
    if options.again:
        table.forget([plan.table for plan in plans])
    for plan in plans:
        if plan.progress.state == "new":
            table.begin(plan.progress)
        else:
            table.settle(plan.progress)
    session.commit()


# -- the backup: the values as they were, and what becomes of them.  It is made whole before the
# first row is changed, so that `terp-seed restore` can write everything back.


def _backup_for(session: Session, border: Boundary, plans: Sequence[PassPlan]) -> RunBackup:
    """The backup that this environment, or ``-x backup=...``, wants; makes nothing yet."""
    environment = border.environment
    backup = RunBackup(session, environment, choose_backup_kind(session.settings, environment))
    keyed = [plan.table for plan in plans if plan.key_is_masked and plan.rows]
    if keyed and backup.kind in ("rows", "both"):
        raise GuardError(
            f"backup: the primary key of {', '.join(keyed)} is masked as well, so its rows could "
            "not be found again; use -x backup=dump"
        )
    return backup


def _keep_rows(backup: RunBackup, plans: Sequence[PassPlan], spool: MaskedBlocks) -> None:
    """Save the rows that are going to be masked, as the steps have left them; a dump came first."""
    session = backup.session
    if backup.made is None or backup.kind == "dump":
        return
    with rows_file(session, backup.made, "masked") as file:
        for plan in plans:
            rows = plan.progress.rows
            for block in read_blocks(session, plan):
                masked = spool.mask(plan, block, rows)
                rows += len(block)
                if masked.places:
                    old = [[*block.key_values[at], *_row(plan, block, at)] for at in masked.places]
                    new = [[*row] for row in zip(*masked.columns.values(), strict=True)]
                    file.add_masked(StoredRows(plan.table, plan.key, plan.columns, old), new)
    session.end_transaction()


def _row(plan: PassPlan, block: RowBlock, at: int) -> list[object]:
    return [block.columns[name][at] for name in plan.columns]


# -- the passes


@dataclass(frozen=True)
class _Run:
    """What the passes of one run share."""

    session: Session
    log: AuditLog
    spool: MaskedBlocks
    lock: Held

    def neutralise(self, steps: Sequence[StepPlan], digest: str) -> None:
        """Carry the steps out, each in a transaction; then set the flag, if there is a digest."""
        session = self.session
        for step in steps:
            if step.rows:
                rows = carry_out(session, step)
                event = self.log.audit.event(
                    "neutralised", rows={step.table: rows}, step=str(step.step)
                )
                session.stream.run(event, what="audit")
                self._commit()
                self.log.log()
        if digest:
            session.books.environment.create(session.connection, checkfirst=True)
            flag_neutralised(session.connection, digest, session.books)
            self._commit()

    def make_all(self, plans: Sequence[PassPlan]) -> list[PassPlan]:
        """Make the passes, and again for the rows that triggers add, until none is left.

        Returns what was masked in all.  Raises `MaskingError` if rows are left.
        """
        made = {(plan.table, plan.progress.number): plan for plan in plans}
        for _ in range(_ROUNDS):
            for plan in plans:
                if plan.left:
                    self.make(plan)
            plans = self._left(plans, fired(made.values()))
            if not any(plan.rows for plan in plans):
                return list(made.values())
            for plan in plans:
                place = plan.table, plan.progress.number
                made[place] = _added(made[place], plan)
        left = ", ".join(dict.fromkeys(plan.table for plan in plans if plan.rows))
        raise MaskingError(
            f"rows that are not masked are left in {left}: triggers add some each time that rows "
            f"are masked ({', '.join(fired(made.values())) or 'none that this user can see'}); "
            "drop those triggers in this copy, and run the command again"
        )

    def _left(self, plans: Sequence[PassPlan], triggers: Sequence[str]) -> list[PassPlan]:
        """The passes once more, with the rows that came meanwhile."""
        passes = {(made.table, made.number): made for made in PassTable(self.session).passes()}
        found = []
        for plan in plans:
            progress = passes[plan.table, plan.progress.number]
            again = replace(plan, progress=progress, rows=0, values={})
            sized = size_pass(self.session, again, triggers)
            found.append(rehearse_pass(self.session, sized, progress_of_run(), self.spool))
        self.session.end_transaction()
        return found

    def make(self, plan: PassPlan) -> None:
        """Make one pass, block by block; each block commits with its progress."""
        table = PassTable(self.session)
        with child_keys_indexed(self.session, plan):
            made = self._mask(plan) if plan.rows else plan.progress
            while plan.parked and remove_marks(self.session, plan):
                self._commit()
        table.advance(replace(made, state="done"))
        table.keep_sample(made, masked_cells(self.session, plan).tobytes())
        event = self.log.audit.event(
            "masked",
            rows={plan.table: made.rows - plan.progress.rows},
            plan_digest=made.policy,
            key_id=made.key_id,
            columns=list(plan.columns),
            triggers=list(plan.triggers) if made.rows > plan.progress.rows else [],
        )
        self.session.stream.run(event, what="audit")
        self._commit()
        self.log.log()

    def _mask(self, plan: PassPlan) -> Pass:
        """Mask the rows that are left; afterwards only marks are."""
        table, report, made = PassTable(self.session), progress_of_run(), plan.progress
        for block in read_blocks(self.session, plan, lock=True):
            masked = self.spool.mask(plan, block, made.rows)
            write_block(self.session, plan, block, masked)
            last = None if plan.key_is_masked else block.last
            made = replace(made, state="running", rows=made.rows + len(block), last_key=last)
            made = table.advance(made, masked.originals)
            self._commit()
            report(plan.table, made.rows - plan.progress.rows, plan.rows)
        if plan.parked:
            made = table.advance(replace(made, state="parked"))
            self._commit()
        return made

    def _commit(self) -> None:
        self.lock.confirm()
        self.session.commit()


def _added(one: PassPlan, other: PassPlan) -> PassPlan:
    """What two runs over one pass have masked together."""
    values = {name: one.values[name] + other.values[name] for name in one.columns}
    return replace(one, rows=one.rows + other.rows, values=values)
