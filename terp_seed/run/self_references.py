"""The rows that refer to rows of their own table, in an order in which they can be deleted.

An engine that deletes in an order of its own may meet a row before the one
that refers to it, and refuse.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from terp_seed.database.schema import inbound
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import SeededRange
from terp_seed.ledger.selection import Selection

__all__ = ["referring_first"]


def referring_first(session: Session, of: SeededRange) -> Iterator[Sequence[int]]:
    """Row numbers of a range, in groups: no row is referred to from its own group or a later one.

    All other rows of the range can go after them.  Rows in a circle come one
    by one, the last first, as do all where a reference is not to the key.
    """
    quote = session.dialect.quote
    found = [each for each in inbound(session, [of.table]) if each.table == of.table]
    if not found:
        return
    columns = sorted({column for each in found for column in each.columns})
    listed = ", ".join(map(quote, [str(of.id), *columns]))
    some = " OR ".join(f"{quote(column)} IS NOT NULL" for column in columns)
    rows = {
        row[0]: frozenset(row[1:])
        for inside in Selection(of).ids(quote(str(of.id)))
        for row in session.rows(
            f"SELECT {listed} FROM {quote(of.table)} WHERE {inside} AND ({some})"
        )
    }
    first = of.first
    known = all(each.targets == (of.id,) for each in found)
    for group in _outermost_first(rows) if known else _one_by_one(rows):
        yield [key - first for key in group]


def _outermost_first(rows: Mapping[int, Set[Any]]) -> Iterator[Sequence[int]]:
    """Kahn's order: first those that nobody refers to, then those that only they referred to."""
    left = dict(rows)
    needed = Counter(target for targets in rows.values() for target in targets)
    free = [key for key in left if not needed[key]]
    while free:
        yield free
        needed.subtract(target for key in free for target in left.pop(key))
        beside = {target for key in free for target in rows[key]}
        free = [key for key in beside if key in left and not needed[key]]
    yield from _one_by_one(left)


def _one_by_one(rows: Mapping[int, Set[Any]]) -> Iterator[Sequence[int]]:
    return ([key] for key in sorted(rows, reverse=True))
