"""The rehearsal: every value is masked once without being written.

What cannot be masked, or would not fit, is known before the first row is
changed.  What only the database can judge (a CHECK, a trigger) it judges on
the first block of each table, in a transaction that is undone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, SeedError
from terp_seed.mask_database.blocks import Taken, blocks, masked, pending, write
from terp_seed.mask_database.originals import Known, Originals
from terp_seed.mask_database.progress import Progress
from terp_seed.mask_database.scope import MARK, Target
from terp_seed.masking.keys import Key
from terp_seed.masking.normal import is_blank
from terp_seed.rows.model import Value

__all__ = ["Rehearsed", "refuse_restored", "rehearsed", "sized", "tried"]

_SAMPLE = 200
_BLOCK_ROWS = 2000
_BLOCK_BYTES = 8 * 2**20
_CODECS = {"latin1": "cp1252", "ascii": "ascii"}

Tell = Callable[[str, int, int], None]


@dataclass
class Rehearsed:
    """What masking a table will do, counted."""

    target: Target
    values: dict[str, int] = field(default_factory=dict)
    """How many values of each column are masked."""


def sized(session: Session, target: Target) -> Target:
    """The target with the number of rows that are left, and a block that fits memory."""
    of = target.of
    if of.state == "parked" or (of.state == "done" and of.last_key is None):
        return replace(target, block=_BLOCK_ROWS)  # every row is masked
    quote, size = session.dialect.quote, session.dialect.size
    lengths = " + ".join(f"COALESCE({size(quote(name))}, 0)" for name in target.columns)
    where = pending(target, session, of.last_key)
    sql = f"SELECT COUNT(*), MAX({lengths}) FROM {quote(target.table)}{where}"
    ((rows, widest),) = session.rows(sql)
    block = max(1, min(_BLOCK_ROWS, _BLOCK_BYTES // max(int(widest or 0), 1)))
    return replace(target, rows=int(rows), block=block)


def rehearsed(session: Session, target: Target, tell: Tell) -> Rehearsed:
    """Mask all rows that are left without writing; `MaskingError` for the first that fails."""
    done = Rehearsed(target, dict.fromkeys(target.columns, 0))
    rows = 0
    for taken in blocks(session, target, target.of.last_key) if target.rows else ():
        before, after = masked(target, taken, target.of.rows + rows)
        for name in target.columns:
            done.values[name] += sum(not is_blank(value) for value in before.columns[name])
            _fits(target, name, before, after, rows)
        rows += len(taken)
        tell(f"checking {target.table}", rows, target.rows)
    return done


def tried(session: Session, target: Target) -> None:
    """Write the first block and undo it; the database's own refusal is raised."""
    if not target.rows:
        return
    session.may_write()
    try:
        taken = next(blocks(session, target, target.of.last_key, lock=True))
        write(session, target, *masked(target, taken, target.of.rows))
    except SeedError as error:
        raise MaskingError(
            f"{error}; masked values do not fit the table, nothing was written"
        ) from None
    finally:
        session.settle()


def refuse_restored(
    session: Session, key: Key | None, targets: Sequence[Target], progress: Progress
) -> None:
    """Raise `MaskingError` if rows that were masked are as they were before.

    That is what a table looks like whose copy was restored once more.
    """
    begun = [target for target in targets if target.of.rows]
    if key is None or not begun:
        return
    known, originals = Known(progress.originals()), Originals(key)
    for target in begun:
        first = replace(target, block=min(target.block, _SAMPLE))
        taken = next(blocks(session, first, None), None)
        telling = found = 0
        for name, kind in target.kinds.items() if taken else ():
            values = taken.columns[name] if taken else []
            numbers = originals.of(kind, values, [None] * len(values))
            telling += len(numbers)
            found += sum(number in known for number in numbers)
        if found * 2 > telling:
            raise MaskingError(
                f"{target.table} was masked before, and holds the originals again: it was restored "
                "since; to mask it from its first row on, say --again"
            )


def _fits(target: Target, name: str, before: Taken, after: Taken, start: int) -> None:
    column = target.facts.columns[name]
    room = column.length
    codec = _CODECS.get(column.charset or "")
    if room is None and codec is None:
        return
    marks = len(MARK) if name in target.parked else 0
    pairs = zip(before.columns[name], after.columns[name], strict=True)
    for place, (old, new) in enumerate(pairs):
        if isinstance(new, str) and new != old:
            for reason in _reasons(new, room, marks, codec):
                raise MaskingError(
                    f"{target.table}.{name}, row {start + place + 1}: {reason}; choose another "
                    "strategy"
                )


def _reasons(new: Value, room: int | None, marks: int, codec: str | None) -> Iterator[str]:
    if room is not None and len(new) + marks > room:
        mark = f" and the mark {MARK}" if marks else ""
        yield f"a masked value of {len(new)} characters{mark} does not fit the {room} of the column"
    if codec is not None and not new.isascii():
        try:
            new.encode(codec)
        except UnicodeEncodeError:
            yield "a masked value holds a character that the column's character set lacks"
