"""Masking a database in place: the guards, the order, and what commits when.

Each block of rows commits with its progress, so a run that was killed
continues where it stopped.  Before the first row everything is checked:
environment, policy, every value, consent, backup.

The rehearsal masks every value once without writing it.  What only the database
can judge (a CHECK, a trigger) it judges on the first block of each table, in a
transaction that is undone.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from math import ceil

from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import translated
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.schema import ColumnFacts, count_tables_elsewhere
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, MaskingError, SeedError
from terp_seed.ledger.audit import AuditLog
from terp_seed.mask_database.blocks import (
    RowBlock,
    mask_block,
    pending,
    read_blocks,
    remove_marks,
    write_block,
)
from terp_seed.mask_database.originals import Known, Originals
from terp_seed.mask_database.plan import MARK, PassPlan, count_merged, plan_passes
from terp_seed.mask_database.progress import Pass, PassTable
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.normal import is_blank
from terp_seed.plan.chain import current_heads
from terp_seed.rows.model import Value
from terp_seed.run.backup.rows import StoredRows, rows_file
from terp_seed.run.backup.run import RunBackup, choose_backup_kind
from terp_seed.settings.log import Progress, logger, progress_of_run, quiet_statements
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
    with begun(settings, whole=not options.tables) as (session, border):
        plans = _plan(session, border, options)
        plans = [replace(plan, merged=count_merged(session, plan)) for plan in plans]
        session.end_transaction()
        return plans


def mask_in_place(settings: Settings, options: MaskOptions) -> list[PassPlan]:
    """Mask every personal value of the database, or continue with it.

    Commits block by block; returns what was masked.  Raises `GuardError` in
    production and without consent, `MaskingError` for whatever cannot be
    masked, before the first row, and `LockError` if another run is at work.
    """
    opening = begun(settings, whole=not options.tables)
    with opening as (session, border), advisory_lock(session, _LEFT) as lock:
        plans = _plan(session, border, options)
        if not any(plan.left for plan in plans):
            logger.info("nothing to do: no row is left by the policy")
            return []
        for plan in plans:
            _try_first_block(session, plan)
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


def _plan(session: Session, border: Boundary, options: MaskOptions) -> list[PassPlan]:
    passes = PassTable(session).passes()
    if options.again:
        chosen = {name.casefold() for name in options.tables}
        passes = [made for made in passes if chosen and made.table.casefold() not in chosen]
    found = plan_passes(session, border, passes, options.tables)
    plans = [_size_pass(session, plan) for plan in found]
    _refuse_restored(session, border.key, plans)
    report = progress_of_run()
    plans = [_rehearse_pass(session, plan, report) for plan in plans]
    session.end_transaction()
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
    session.end_transaction()
    session.allow_writes()
    table = PassTable(session)
    table.create()
    if options.again:
        table.forget([plan.table for plan in plans])
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
    session.end_transaction()


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
        if plan.strategies[name] == "shuffle":  # the values are still there, in other rows
            continue
        numbers |= originals.digests(kind, before.columns[name], after.columns[name])
    return array("Q", sorted(numbers)).tobytes()


_SAMPLE = 200
_BLOCK_ROWS = 2000
_BLOCK_BYTES = 8 * 2**20
_FIRST_TIMESTAMP = datetime(1970, 1, 1, 0, 0, 1)
_CODECS = {"latin1": "cp1252", "ascii": "ascii"}


def _size_pass(session: Session, plan: PassPlan) -> PassPlan:
    """The plan with the number of rows that are left, and a block that fits memory."""
    progress = plan.progress
    if progress.state != "new":
        _refuse_rows_between(session, plan)
    if progress.state == "parked" or (progress.state == "done" and plan.key_is_masked):
        return replace(plan, block=_BLOCK_ROWS)  # none is left
    quote, size = session.dialect.quote, session.dialect.size
    lengths = " + ".join(f"COALESCE({size(quote(name))}, 0)" for name in plan.columns)
    where = pending(session, plan, progress.last_key)
    sql = f"SELECT COUNT(*), MAX({lengths}) FROM {quote(plan.table)}{where}"
    ((rows, widest),) = session.rows(sql)
    block = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // max(int(widest or 0), 1)))
    if "shuffle" in plan.strategies.values() and rows:  # no small block at the end
        block = ceil(rows / ceil(rows / block))
    return replace(plan, rows=int(rows), block=block)


def _refuse_rows_between(session: Session, plan: PassPlan) -> None:
    """Raise `MaskingError` if rows were added where a pass has been: they look like masked ones.

    Rows that were deleted there since hide as many.
    """
    progress, quote = plan.progress, session.dialect.quote
    if progress.last_key is None and not (plan.key_is_masked and progress.state == "done"):
        return
    table, ahead = quote(plan.table), 0
    there = int(session.scalar(f"SELECT COUNT(*) FROM {table}{pending(session, plan, None)}"))
    if progress.last_key is not None:
        where = pending(session, plan, progress.last_key)
        ahead = int(session.scalar(f"SELECT COUNT(*) FROM {table}{where}"))
    added = there - ahead - len(plan.seeded.keys) - progress.rows
    if added > 0:
        raise MaskingError(
            f"{plan.table}: {added:,} rows were added among those that are masked already, and "
            "cannot be told from them; restore a fresh copy and add --again"
        )


def _rehearse_pass(session: Session, plan: PassPlan, report: Progress) -> PassPlan:
    """Mask all rows that are left without writing, and count their values.

    Raises `MaskingError` for the first value that cannot be masked or does not fit.
    """
    values = dict.fromkeys(plan.columns, 0)
    rows = 0
    for block in read_blocks(session, plan):
        before, after = mask_block(plan, block, plan.progress.rows + rows)
        for name in plan.columns:
            values[name] += sum(not is_blank(value) for value in before.columns[name])
            _refuse_unfit(plan, name, before, after, rows)
        rows += len(block)
        report(f"checking {plan.table}", rows, plan.rows)
    return replace(plan, values=values)


def _try_first_block(session: Session, plan: PassPlan) -> None:
    """Write the first block and undo it; the database's own refusal is raised."""
    if not plan.rows:
        return
    session.allow_writes()
    try:
        block = next(read_blocks(session, plan, lock=True))
        write_block(session, plan, *mask_block(plan, block, plan.progress.rows))
    except SeedError as error:
        raise MaskingError(
            f"{error}; masked values do not fit the table, nothing was written"
        ) from None
    finally:
        session.end_transaction()


def _refuse_restored(session: Session, key: Key | None, plans: Sequence[PassPlan]) -> None:
    """Raise `MaskingError` if rows that were masked are as they were before.

    That is what a table looks like whose copy was restored once more.
    """
    begun = [plan for plan in plans if plan.progress.rows]
    if key is None or not begun:
        return
    known, originals = Known(PassTable(session).originals()), Originals(key)
    for plan in begun:
        first_row = replace(plan.progress, last_key=None)
        first = replace(plan, progress=first_row, rows=1, block=min(plan.block, _SAMPLE))
        block = next(read_blocks(session, first), None)
        telling = found = 0
        for name, values in block.columns.items() if block else ():
            if name in plan.kinds:
                numbers = originals.digests(plan.kinds[name], values, [None] * len(values))
                telling += len(numbers)
                found += sum(number in known for number in numbers)
        if found * 2 > telling:
            raise MaskingError(
                f"{plan.table} was masked before, and holds the originals again: it was restored "
                "since; to mask it from its first row on, add --again"
            )


def _refuse_unfit(plan: PassPlan, name: str, before: RowBlock, after: RowBlock, start: int) -> None:
    column = plan.facts.columns[name]
    mark = MARK if name in plan.parked else ""
    pairs = zip(before.columns[name], after.columns[name], strict=True)
    for place, (old, new) in enumerate(pairs):
        reasons: Iterator[str] = iter(())
        if isinstance(new, str) and new != old:
            reasons = _reasons(new, column, mark)
        elif column.last is not None and isinstance(new, datetime):
            reasons = _out_of_timestamp(new, column.last)
        elif isinstance(new, int | Decimal) and new != old:
            reasons = _out_of_number(new, column)
        for reason in reasons:
            raise MaskingError(
                f"{plan.table}.{name}, row {start + place + 1}: {reason}; choose another strategy"
            )


def _out_of_timestamp(new: datetime, last: datetime) -> Iterator[str]:
    """A moved date stays with the others of its subject, so a column may be unable to hold it."""
    if not _FIRST_TIMESTAMP <= new.replace(tzinfo=None) <= last:
        yield f"the masked time is not between 1970 and {last}, all that a TIMESTAMP can hold"


def _out_of_number(new: int | Decimal, column: ColumnFacts) -> Iterator[str]:
    precision, scale = (getattr(column.type, name, None) for name in ("precision", "scale"))
    if column.bits is not None:
        unsigned = bool(getattr(column.type, "unsigned", False))
        fits = (0 if unsigned else -(2**column.bits)) <= new < 2 ** (column.bits + unsigned)
    else:
        fits = precision is None or scale is None or abs(new) < 10 ** (precision - scale)
    if not fits:
        yield "the masked number does not fit the column; add min or max"


def _reasons(new: Value, column: ColumnFacts, mark: str) -> Iterator[str]:
    room, codec = column.length, _CODECS.get(column.charset or "")
    if room is not None and len(new) + len(mark) > room:
        with_mark = f" and the mark {mark}" if mark else ""
        masked = f"a masked value of {len(new)} characters{with_mark}"
        yield f"{masked} does not fit the {room} of the column"
    if codec is not None and not new.isascii():
        try:
            new.encode(codec)
        except UnicodeEncodeError:
            yield "a masked value holds a character that the column's character set lacks"
