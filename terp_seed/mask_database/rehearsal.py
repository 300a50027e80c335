"""The rehearsal: every value is masked once without being written.

What cannot be masked, or would not fit, is known before the first row is
changed.  What only the database can judge (a CHECK, a trigger) it judges on
the first block of each table, in a transaction that is undone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from terp_seed.database.schema import ColumnFacts
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, SeedError
from terp_seed.mask_database.blocks import RowBlock, mask_block, pending, read_blocks, write_block
from terp_seed.mask_database.originals import Known, Originals
from terp_seed.mask_database.progress import PassTable
from terp_seed.mask_database.scope import MARK, PassPlan
from terp_seed.masking.keys import Key
from terp_seed.masking.normal import is_blank
from terp_seed.rows.model import Value
from terp_seed.settings.log import Progress

__all__ = ["refuse_restored", "rehearse_pass", "size_pass", "try_first_block"]

_SAMPLE = 200
_BLOCK_ROWS = 2000
_BLOCK_BYTES = 8 * 2**20
_CODECS = {"latin1": "cp1252", "ascii": "ascii"}


def size_pass(session: Session, plan: PassPlan) -> PassPlan:
    """The plan with the number of rows that are left, and a block that fits memory."""
    progress = plan.progress
    if progress.state == "parked" or (progress.state == "done" and progress.last_key is None):
        return replace(plan, block=_BLOCK_ROWS)  # every row is masked
    quote, size = session.dialect.quote, session.dialect.size
    lengths = " + ".join(f"COALESCE({size(quote(name))}, 0)" for name in plan.columns)
    where = pending(session, plan, progress.last_key)
    sql = f"SELECT COUNT(*), MAX({lengths}) FROM {quote(plan.table)}{where}"
    ((rows, widest),) = session.rows(sql)
    block = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // max(int(widest or 0), 1)))
    return replace(plan, rows=int(rows), block=block)


def rehearse_pass(session: Session, plan: PassPlan, report: Progress) -> PassPlan:
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


def try_first_block(session: Session, plan: PassPlan) -> None:
    """Write the first block and undo it; the database's own refusal is raised."""
    if not plan.rows:
        return
    session.may_write()
    try:
        block = next(read_blocks(session, plan, lock=True))
        write_block(session, plan, *mask_block(plan, block, plan.progress.rows))
    except SeedError as error:
        raise MaskingError(
            f"{error}; masked values do not fit the table, nothing was written"
        ) from None
    finally:
        session.settle()


def refuse_restored(session: Session, key: Key | None, plans: Sequence[PassPlan]) -> None:
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
        if isinstance(new, str) and new != old:
            for reason in _reasons(new, column, mark):
                raise MaskingError(
                    f"{plan.table}.{name}, row {start + place + 1}: {reason}; choose another "
                    "strategy"
                )


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
