"""A rollback as a script: it knows the rows' keys, and the target knows the rest.

A script cannot compare digests.  It deletes a row only at its own id *and*
under its own natural key, and stops if rows that were not seeded depend on
what it would delete.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from terp_seed.database.statements import Stream
from terp_seed.ledger.derived import seeded
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.plan.plan import Plan, PlannedRevision, PlannedTable, Removal, Removed
from terp_seed.rows.model import Block, TableRows
from terp_seed.rows.seeders import logical_references
from terp_seed.run.writer import BLOCK_ROWS

__all__ = ["ScriptedRollback"]


@dataclass
class ScriptedRollback:
    """Prints what takes a revision's rows out again."""

    stream: Stream
    ledger: Ledger
    plan: Plan

    def remove(self, step: PlannedRevision, removal: Removal) -> Removed:
        """Print the search and the deletes of each table, children first."""
        mine = [
            planned
            for planned in self.plan.history[step.revision].tables
            if not removal.tables or planned.rows.table in removal.tables
        ]
        ours = self._ours(mine)
        removed: Counter[str] = Counter()
        for planned in reversed(mine):
            self.stream.note(
                f"\n{planned.rows.table}: the rows of this revision; stops here if rows that were "
                "not seeded depend on them"
            )
            self._delete(planned, ours)
            removed[planned.rows.table] += planned.rows.count
        return Removed(removed, {})

    def leave(self, step: PlannedRevision) -> Removed:
        """Print what marks the rows as kept."""
        self.stream.note(f"\nrevision {step.revision} declares no rollback: its rows stay")
        self.stream.run(self.ledger.keep_all(step.revision))
        return Removed({}, self.plan.history[step.revision].row_counts)

    def _delete(self, planned: PlannedTable, ours: Mapping[str, str]) -> None:
        rows, dialect = planned.rows, self.ledger.dialect
        if rows.id is not None:
            self._search(rows.table, seeded(planned.range, self.ledger), ours)
        order = dialect.last_first(rows.id) if rows.id else ""
        for where in self._going(planned):
            if rows.id is None:
                self._search(rows.table, where, {**ours, rows.table: where})
            delete = f"DELETE FROM {dialect.quote(rows.table)} WHERE {where}{order}"
            for sql in dialect.delete_exactly(delete):
                self.stream.run(sql)

    def _search(self, table: str, going: str, ours: Mapping[str, str]) -> None:
        declared = [(*each[:2], each[3]) for each in logical_references() if each[2] == table]
        for sql in self.ledger.dialect.refuse_dependents(table, declared, going, ours):
            self.stream.run(sql)

    def _ours(self, mine: Sequence[PlannedTable]) -> dict[str, str]:
        """For every table that the revision seeds, the condition of the rows that go."""
        ours = {planned.rows.table: "0 = 1" for planned in mine}
        for planned in mine:
            if planned.rows.id is not None:
                condition = seeded(planned.range, self.ledger)
                ours[planned.rows.table] = f"{ours[planned.rows.table]} OR {condition}"
        return ours

    def _going(self, planned: PlannedTable) -> Iterator[str]:
        """Conditions of the rows that go, the last ones first."""
        rows, of = planned.rows, planned.range
        if not rows.key or any(rows.columns[name].ref for name in rows.key):
            yield seeded(of, self.ledger)
            return
        names = ", ".join(map(self.ledger.dialect.quote, rows.key))
        for start in reversed(range(0, rows.count, BLOCK_ROWS)):
            block = rows.block(start, min(start + BLOCK_ROWS, rows.count))
            for first, lines in self._keys(rows, block):
                if rows.id is None:
                    yield f"({names}) IN (\n{lines})"
                else:
                    yield self._numbered(rows, of, first, lines)

    def _numbered(self, rows: TableRows, of: Range, first: int, lines: str) -> str:
        quote = self.ledger.dialect.quote
        key, start = quote(str(rows.id)), self.ledger.first_key(of)
        last = first + lines.count("\n")
        return (
            f"{key} BETWEEN {start} + {first} AND {start} + {last}\n"
            f"AND ({key} - {start}, {', '.join(map(quote, rows.key))}) IN (\n{lines})"
        )

    def _keys(self, rows: TableRows, block: Block) -> Iterator[tuple[int, str]]:
        dialect = self.ledger.dialect
        columns = [list(map(dialect.literal, block.columns[name].values)) for name in rows.key]
        if rows.id is not None:
            columns.insert(0, list(map(str, range(block.start, block.stop))))
        lines = [f"({', '.join(line)})" for line in zip(*columns, strict=True)]
        for first in reversed(range(0, len(lines), dialect.rows_per_statement)):
            chunk = lines[first : first + dialect.rows_per_statement]
            yield block.start + first, ",\n".join(chunk)
