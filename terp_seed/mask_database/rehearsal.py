"""What is known before the first row: how many rows are left, and whether each can be masked.

The rehearsal masks every value once without writing it.  What only the database
can judge (a CHECK, a trigger) it judges on the first block of each table, in a
transaction that is undone.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from math import ceil

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.schema import ColumnFacts
from terp_seed.database.session import Session
from terp_seed.errors import GuardError, MaskingError, SeedError
from terp_seed.ledger.audit import read_events
from terp_seed.mask_database.blocks import (
    MaskedBlock,
    RowBlock,
    mask_block,
    pending,
    read_blocks,
    write_block,
)
from terp_seed.mask_database.corrections import masked_column
from terp_seed.mask_database.originals import Known, Originals
from terp_seed.mask_database.plan import MARK, PassPlan
from terp_seed.mask_database.progress import PassTable
from terp_seed.mask_database.spool import MaskedBlocks
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.normal import is_blank
from terp_seed.rows.model import Value
from terp_seed.settings.log import Progress, logger

__all__ = [
    "find_unread_logs",
    "masked_cells",
    "refuse_logged",
    "refuse_restored",
    "rehearse_pass",
    "size_pass",
    "try_first_block",
]

_SAMPLE, _LEAST = 200, 6
_BLOCK_ROWS = 2000
_BLOCK_BYTES = 8 * 2**20
_FIRST_TIMESTAMP = datetime(1970, 1, 1, 0, 0, 1)
_CODECS = {"latin1": "cp1252", "ascii": "ascii"}


def size_pass(session: Session, plan: PassPlan, fired: Sequence[str] = ()) -> PassPlan:
    """The plan with the number of rows that are left, and a block that fits memory.

    Raises `MaskingError` if rows came where the pass has been; ``fired`` are triggers that may
    have written them.
    """
    progress = plan.progress
    if progress.state != "new":
        _refuse_rows_between(session, plan, fired)
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


def _refuse_rows_between(session: Session, plan: PassPlan, fired: Sequence[str]) -> None:
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
        cure = f"drop triggers that write there ({', '.join(fired)}) in the copy, " if fired else ""
        raise MaskingError(
            f"{plan.table}: {added:,} rows were added among those that are masked already, and "
            f"cannot be told from them; {cure}restore a fresh copy and add --again"
        )


def rehearse_pass(
    session: Session, plan: PassPlan, report: Progress, spool: MaskedBlocks | None = None
) -> PassPlan:
    """Mask all rows that are left without writing, and count their values.

    A run keeps what is made of them in ``spool``.
    Raises `MaskingError` for the first value that cannot be masked or does not fit.
    """
    values = dict.fromkeys(plan.columns, 0)
    rows = 0
    for block in read_blocks(session, plan):
        start = plan.progress.rows + rows
        before, after = mask_block(plan, block, start)
        for name in plan.columns:
            values[name] += sum(not is_blank(value) for value in before.columns[name])
            _refuse_unfit(plan, name, before, after, rows)
        if spool is not None:
            spool.keep(plan, block, start, (before, after))
        rows += len(block)
        report(f"checking {plan.table}", rows, plan.rows)
    return replace(plan, values=values)


def try_first_block(session: Session, plan: PassPlan) -> None:
    """Write the first block and undo it; the database's own refusal is raised."""
    if not plan.rows:
        return
    session.allow_writes()
    try:
        block = next(read_blocks(session, plan, lock=True))
        before, after = mask_block(plan, block, plan.progress.rows)
        write_block(session, plan, block, MaskedBlock.of(before, after))
        if plan.triggers and not plan.key_is_masked:
            written = next(read_blocks(session, plan))
            _refuse_put_back(plan, before, after, mask_block(plan, written, 0)[0])
    except SeedError as error:
        raise MaskingError(
            f"{error}; masked values do not fit the table, nothing was written"
        ) from None
    finally:
        session.end_transaction()


def _refuse_put_back(plan: PassPlan, before: RowBlock, after: RowBlock, written: RowBlock) -> None:
    """Raise `MaskingError` if rows hold their originals after they were written."""
    for at in range(len(before)):
        texts = {old for name in plan.columns if isinstance(old := before.columns[name][at], str)}
        for name in plan.columns:
            new = written.columns[name][at]
            changed = new != after.columns[name][at] and not is_blank(new)
            if changed and isinstance(new, str) and new in texts:
                raise MaskingError(
                    f"{plan.table}.{name} holds an original after it was masked: a trigger changes "
                    f"what is written ({', '.join(plan.triggers)}); drop it in this copy"
                )


def refuse_restored(session: Session, key: Key | None, plans: Sequence[PassPlan]) -> None:
    """Raise `MaskingError` if rows that were masked are as they were before.

    That is what a table looks like whose copy was restored once more.
    """
    begun = [plan for plan in plans if plan.progress.rows]
    unmasked = _find_unmasked(session) if begun else set()
    for plan in (plan for plan in begun if plan.table in unmasked):
        raise MaskingError(
            f"{plan.table} was masked before, and a backup put the originals back since; to mask "
            "it from its first row on, add --again"
        )
    table = PassTable(session)
    known = Known(table.originals() if begun and key is not None else ())
    for plan in begun:
        block = _first_rows(session, plan, plan.progress.rows)
        if block is None:
            continue
        if key is not None and _holds_originals(plan, block, known, Originals(key)):
            raise MaskingError(
                f"{plan.table} was masked before, and holds the originals again: it was restored "
                "since; to mask it from its first row on, add --again"
            )
        if _is_unlike(table.sample(plan.progress), _cells(plan, block)):
            raise MaskingError(
                f"{plan.table} was masked before, and its first rows are not as masking has left "
                "them: it was restored since; to mask it from its first row on, add --again"
            )


def _holds_originals(plan: PassPlan, block: RowBlock, known: Known, originals: Originals) -> bool:
    telling = found = 0
    for name, values in block.columns.items():
        if name in plan.kinds:
            numbers = originals.digests(plan.kinds[name], values, [None] * len(values))
            telling += len(numbers)
            found += sum(number in known for number in numbers)
    return found * 2 > telling


def _is_unlike(sample: Collection[int], cells: Sequence[int]) -> bool:
    """Whether most of the first rows' cells are not as masking has left them.

    That needs neither a key nor the digests of originals; few cells are edited later.
    """
    return bool(sample) and sum(cell in sample for cell in cells) * 2 < len(cells)


def masked_cells(session: Session, plan: PassPlan) -> array[int]:
    """Digests of the cells of a pass in the first rows of its table, as it has left them."""
    block = _first_rows(session, plan, _SAMPLE)
    return array("Q") if block is None else _cells(plan, block)


def _cells(plan: PassPlan, block: RowBlock) -> array[int]:
    """Digests of the cells of a pass; short ones say too little, and documents others change."""
    names = [name for name, kind in plan.kinds.items() if kind != "json"]
    texts = [str(value) for name in names for value in block.columns[name]]
    telling = (text.encode("utf-8", "surrogatepass") for text in texts if len(text) >= _LEAST)
    made = [blake2b(text, digest_size=8).digest() for text in telling]
    return array("Q", map(int.from_bytes, made))


def _first_rows(session: Session, plan: PassPlan, most: int) -> RowBlock | None:
    first_row = replace(plan.progress, last_key=None)
    first = replace(plan, progress=first_row, rows=min(_SAMPLE, most))
    return next(read_blocks(session, first), None)


def _find_unmasked(session: Session) -> set[str]:
    """The tables whose originals a restored backup has written back, and that wait for masking."""
    audit, found = session.books.audit, set[str]()
    if not table_exists(session.connection, audit):
        return found
    where = audit.c.event.in_(("started", "restored"))
    for event in read_events(session.connection, session.books, where):
        found |= set(event["detail"].get("unmasked") or ())
        found -= set(event["detail"].get("from_the_first_row") or ())
    return found


def find_unread_logs(session: Session, border: Boundary, plans: Sequence[PassPlan]) -> list[str]:
    """The settings that may log statements and cannot be read, where a key tells of a person."""
    if not _keyed(border, plans):
        return []
    logs = session.dialect.statement_logs(session.connection)
    return sorted(name for name, off in logs.items() if off is None)


def _keyed(border: Boundary, plans: Sequence[PassPlan]) -> list[str]:
    """The tables with rows to mask whose key is masked too."""
    return [
        plan.table
        for plan in plans
        if plan.rows and any(masked_column(border, plan.table, name) for name in plan.key)
    ]


def refuse_logged(session: Session, border: Boundary, plans: Sequence[PassPlan]) -> None:
    """Raise `GuardError` if statements are logged: an UPDATE names its row by its key before.

    Warns of settings that cannot be read.
    """
    keyed = _keyed(border, plans)
    logs = session.dialect.statement_logs(session.connection) if keyed else {}
    on = {name: off for name, off in logs.items() if off is not None}
    if on:
        raise GuardError(
            f"the primary key of {', '.join(keyed)} is masked, and the server writes statements to "
            f"a log, in which each UPDATE would show the old key beside the new values: "
            f"{', '.join(on)}; turn that off while you mask: {'; '.join(on.values())}"
        )
    if logs:
        logger.warning(
            f"cannot read whether the server logs statements ({', '.join(sorted(logs))}): its log "
            f"may show the old key of each row of {', '.join(keyed)} beside the new values"
        )


def _refuse_unfit(plan: PassPlan, name: str, before: RowBlock, after: RowBlock, start: int) -> None:
    column = plan.facts.columns[name]
    mark = MARK if name in plan.parked else ""
    if _all_fit(after.columns[name], column, mark):
        return
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


def _all_fit(values: Sequence[Value], column: ColumnFacts, mark: str) -> bool:
    """Whether these are texts that fit, which is sooner said of all of them than of each."""
    texts = [value for value in values if value.__class__ is str]
    if len(texts) + values.count(None) < len(values):
        return False
    longest = max(map(len, texts), default=0) + len(mark)
    short = column.length is None or longest <= column.length
    return short and (column.charset not in _CODECS or all(map(str.isascii, texts)))


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
