"""Seeded rows whose natural key was edited, or changed by a trigger.

By its digests such a row is like one of others that took over its id.  The plan says what the row
was, and the database whether it is: if its key is equal under the column's collation, or if all its
other values are as they were seeded, and no other row of its range has them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from terp_seed.database.dialects import equal_to
from terp_seed.database.session import Session
from terp_seed.ledger.drift import Drift, Ranges
from terp_seed.plan.plan import Plan
from terp_seed.rows.literals import NULL, JsonText, canonical_cells, json_cells
from terp_seed.rows.model import Block, Lookup, TableRows

__all__ = ["recognise"]


def recognise(
    session: Session,
    drift: Drift,
    plan: Plan,
    ranges: Ranges,
    restored: Mapping[str, str] | None = None,
) -> None:
    """Move rows from ``replaced`` to ``edited`` that are seeded ones; does not write.

    ``restored`` are expressions of what columns of ``live`` will be by then.
    """
    rows = _planned_rows(drift, plan)
    if rows is None or not drift.replaced:
        return
    others = [name for name in rows.columns if name not in (*rows.key, *rows.derived)]
    known = _Known(session, drift, rows, ranges, restored or {})
    unique = _unique(rows, others)
    for number in [*drift.replaced]:
        if known.has(number, rows.key) or (number in unique and known.has(number, others)):
            drift.replaced.remove(number)
            drift.edited.append(number)
    drift.edited.sort()


def _planned_rows(drift: Drift, plan: Plan) -> TableRows | None:
    """The rows of a range as the plan makes them again, if it is the same range."""
    if drift.range.id is None or drift.range.revision not in plan.history:
        return None  # it is known by its key, or was squashed
    planned = [
        table.rows
        for table in plan.history[drift.range.revision].tables
        if table.range.place == drift.range.place and table.rows.table == drift.range.table
    ]
    return planned[0] if planned and planned[0].count >= drift.range.count else None


def _unique(rows: TableRows, columns: Sequence[str]) -> frozenset[int]:
    """The numbers of the rows that differ from all others in some of these columns."""
    if not columns:
        return frozenset()
    hashes = [hash(line) for line in zip(*(_texts(rows, name) for name in columns), strict=True)]
    times = Counter(hashes)
    return frozenset(number for number, value in enumerate(hashes) if times[value] == 1)


def _texts(rows: TableRows, name: str) -> Sequence[str]:
    block = rows.block(0, rows.count)
    return canonical_cells(json_cells(block.columns[name]))


class _Known:
    """Asks the database whether a row at a seeded id has values that were seeded."""

    def __init__(
        self,
        session: Session,
        drift: Drift,
        rows: TableRows,
        ranges: Ranges,
        restored: Mapping[str, str],
    ) -> None:
        self._session, self._seeded, self._rows, self._ranges = session, drift.range, rows, ranges
        self._restored = restored

    def has(self, number: int, columns: Sequence[str]) -> bool:
        """Whether it has them in all of these columns that can be compared; one is not NULL."""
        block = self._rows.block(number, number + 1)
        conditions = [self._condition(block, name) for name in columns]
        told = [text for text in conditions if text and not text.endswith("IS NULL")]
        if not told:
            return False
        dialect, seeded = self._session.dialect, self._seeded
        at = equal_to([f"live.{dialect.quote(str(seeded.id))}"], [str(seeded.first + number)])
        where = " AND ".join([at, *filter(None, conditions)])
        sql = f"SELECT COUNT(*) FROM {dialect.quote_table(seeded.table)} live WHERE {where}"
        return bool(self._session.scalar(sql))

    def _condition(self, block: Block, name: str) -> str:
        """The condition that a column has its seeded value; empty if it cannot be said."""
        dialect, cells = self._session.dialect, json_cells(block.columns[name])
        (value,) = cells.values
        if isinstance(value, float | JsonText | Lookup):
            return ""  # what is stored need not be equal to what was written
        (literal,) = dialect.literals(cells)
        column = self._restored.get(name, f"live.{dialect.quote(name)}")
        if literal == NULL:
            return f"{column} IS NULL"
        if cells.ref is not None:
            target = self._ranges.get(self._seeded.shape.refs.get(name, ("", 0)))
            if target is None:
                return ""
            literal = f"{target.first} + {literal}"
        return equal_to([column], [literal])
