"""Rollback: the rows that the ledger holds for a revision come out, nothing else.

Before the first delete every reference to the rows is searched, whatever its
ON DELETE rule, because a cascade would take rows along that nobody seeded.
A row is ours if its digest is the one that the ledger keeps; edited if only
its natural key is; foreign, and never deleted, if neither is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from terp_seed.errors import PlanError, RollbackError
from terp_seed.ledger import Digests, Range
from terp_seed.plan import PlannedRevision, Removal
from terp_seed.references import Dependents, dependents
from terp_seed.rows import Block, Cells
from terp_seed.session import Session
from terp_seed.writer import block_digests

__all__ = ["Rollback", "Survey", "survey"]

_EIGHT = 8


@dataclass
class Survey:
    """What became of the seeded rows of one range."""

    range: Range
    intact: int = 0
    edited: list[int] = field(default_factory=list)
    foreign: list[int] = field(default_factory=list)
    missing: int = 0


def survey(session: Session, of: Range, ranges: Mapping[tuple[str, int], Range]) -> Survey:
    """Compare a range's rows with the ledger's digests; does not write."""
    found = Survey(of)
    for digests in session.ledger.blocks(session.connection, of):
        _compare(session, of, ranges, digests, found)
    return found


def _compare(
    session: Session,
    of: Range,
    ranges: Mapping[tuple[str, int], Range],
    digests: Digests,
    found: Survey,
) -> None:
    assert of.shape is not None
    first = (of.first_key or 0) + digests.first_row
    rows = _rows(session, of, first, first + digests.count - 1)
    found.missing += digests.count - len(rows)
    if not rows:
        return
    block = _block(of, rows, ranges)
    whole = block_digests(block, of.shape["columns"])
    keys = block_digests(block, of.shape["key"]) if of.shape["key"] else b""
    for place, row in enumerate(rows):
        at = (row[0] - first) * _EIGHT
        here = place * _EIGHT
        if whole[here : here + _EIGHT] == digests.rows[at : at + _EIGHT]:
            found.intact += 1
        elif digests.keys is None or keys[here : here + _EIGHT] == digests.keys[at : at + _EIGHT]:
            found.edited.append(row[0])
        else:
            found.foreign.append(row[0])


def _rows(session: Session, of: Range, low: int, high: int) -> Sequence[Any]:
    quote = session.dialect.quote
    names = ", ".join(map(quote, [str(of.id), *_columns(of)]))
    key = quote(str(of.id))
    sql = (
        f"SELECT {names} FROM {quote(of.table)} WHERE {key} BETWEEN {low} AND {high} ORDER BY {key}"
    )
    return session.connection.exec_driver_sql(
        sql, execution_options={"no_parameters": True}
    ).fetchall()


def _columns(of: Range) -> list[str]:
    assert of.shape is not None
    return list(dict.fromkeys([*of.shape["columns"], *of.shape["key"]]))


def _block(of: Range, rows: Sequence[Any], ranges: Mapping[tuple[str, int], Range]) -> Block:
    """The rows as they were when they went in: references as row numbers."""
    assert of.shape is not None
    columns: dict[str, Cells] = {}
    for place, name in enumerate(_columns(of), start=1):
        values = [row[place] for row in rows]
        target = of.shape["refs"].get(name)
        if target is None:
            columns[name] = Cells(values)
            continue
        base = ranges[tuple(target)].first_key or 0
        columns[name] = Cells([None if v is None else v - base for v in values], ref=name)
    return Block(of.table, 0, len(rows), columns)


@dataclass
class Rollback:
    """Takes revisions' rows out of one database; commits nothing."""

    session: Session

    def remove(self, step: PlannedRevision, removal: Removal) -> dict[str, int]:
        """Delete a revision's rows, children first; return how many by table.

        Raises `RollbackError` before the first delete if rows that were not
        seeded depend on them, or were edited where that must stop the run.
        """
        ledger, connection = self.session.ledger, self.session.connection
        every = {(r.revision, r.number): r for r in ledger.ranges(connection)}
        mine = [r for r in every.values() if r.revision == step.revision]
        _refuse_half(step, removal, mine)
        surveys = [survey(self.session, r, every) for r in mine if r.id is not None]
        _refuse_dependents(step.revision, dependents(self.session, mine))
        removed: dict[str, int] = {}
        for found in reversed(surveys):
            removed[found.range.table] = removed.get(found.range.table, 0) + self._delete(found)
        for of in reversed([r for r in mine if r.id is None]):
            removed[of.table] = removed.get(of.table, 0) + self._delete_keyed(of)
        return removed

    def _delete(self, found: Survey) -> int:
        of = found.range
        quote = self.session.dialect.quote
        first = of.first_key or 0
        spare = "".join(f" AND {quote(str(of.id))} <> {key}" for key in found.foreign)
        count = 0
        for low in range(first, first + of.count, _ROWS):
            high = min(low + _ROWS, first + of.count) - 1
            count += self._run(
                f"DELETE FROM {quote(of.table)} WHERE {quote(str(of.id))} "
                f"BETWEEN {low} AND {high}{spare}",
                of,
            )
        return count

    def _delete_keyed(self, of: Range) -> int:
        assert of.shape is not None
        quote = self.session.dialect.quote
        count = 0
        for digests in self.session.ledger.blocks(self.session.connection, of):
            for row in digests.row_keys or ():
                where = " AND ".join(
                    f"{quote(name)} = {text}"
                    for name, text in zip(of.shape["key"], row, strict=True)
                )
                count += self._run(f"DELETE FROM {quote(of.table)} WHERE {where}", of)
        return count

    def _run(self, sql: str, of: Range) -> int:
        return self.session.stream.affected(sql, what=f"revision {of.revision}, table {of.table}")


_ROWS = 10_000


def _refuse_half(step: PlannedRevision, removal: Removal, mine: Sequence[Range]) -> None:
    named = {table for each in step.removals for table in each.tables}
    if not named or any(not each.tables for each in step.removals):
        return
    behind = [of.table for of in mine if of.table not in named]
    if behind:
        raise PlanError(
            f"revision {step.revision}: op.unseed{removal.tables} would leave its rows in "
            f"{', '.join(behind)} behind; name them too, or use op.unseed()"
        )


def _refuse_dependents(revision: str, found: Sequence[Dependents]) -> None:
    if not found:
        return
    lines = "; ".join(str(each) for each in found)
    raise RollbackError(
        f"revision {revision}: rows that were not seeded depend on its rows, so nothing was "
        f"deleted: {lines}. Move or remove those rows first, or keep what they need with "
        "-x on-dependents=keep"
    )
