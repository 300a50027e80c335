"""Rollback as a script, which cannot look.

It deletes a row only at its own id *and* under its own natural key, and the script stops if rows
that were not seeded depend on what it would delete.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from terp_seed.database.statements import Stream
from terp_seed.errors import PlanError
from terp_seed.ledger.derived import range_condition
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.plan.plan import Counts, Plan, PlannedChange, PlannedRevision, PlannedTable, Removal
from terp_seed.rows.model import Block, TableRows
from terp_seed.run.changes import kept_of
from terp_seed.run.dependents import declared_references
from terp_seed.run.restorer import Changed, Restorer
from terp_seed.run.rollback import Deletion, Remover
from terp_seed.run.writer import BLOCK_ROWS

__all__ = ["ScriptedRollback"]


@dataclass
class ScriptedRollback(Remover):
    """Prints what takes a revision's rows out again."""

    stream: Stream
    ledger: Ledger
    plan: Plan
    _leaving: dict[str, str] = field(default_factory=dict)
    """For every table of the removal, the condition of the rows that go."""

    def find(self, step: PlannedRevision, removal: Removal) -> Sequence[Deletion]:
        self._refuse_unsquashed(step)
        tables = [
            planned
            for planned in self.plan.history[step.revision].tables
            if removal.covers(planned.rows.table)
        ]
        self._leaving = {planned.rows.table: "0 = 1" for planned in tables}
        for planned in tables:
            if planned.rows.id is not None:
                condition = range_condition(planned.range, self.ledger)
                self._leaving[planned.rows.table] += f" OR {condition}"
        return [
            Deletion(
                planned.range,
                Counts(deleted=planned.rows.count),
                self._conditions(planned),
                later=planned.rows.later,
            )
            for planned in tables
        ]

    def _refuse_unsquashed(self, step: PlannedRevision) -> None:
        """Stop in a database that was seeded before the squash: its rows are elsewhere."""
        replaced = self.ledger.names.replaced.get(step.revision)
        if replaced:
            count = self.ledger.count_ranges(step.revision, replaced)
            self.stream.must_be_zero(
                count, "this database was seeded by the squashed revision; else roll back online"
            )

    def inserted(self, step: PlannedRevision) -> Sequence[Range]:
        return [planned.range for planned in self.plan.history[step.revision].tables]

    def changed(self, step: PlannedRevision) -> Sequence[Changed]:
        changes = self.plan.history[step.revision].changes
        for change in changes:
            self._refuse_renamed(change)
        return [
            Changed(kept_of(self.ledger, p), p.range.number, p.range.label, p.range.count)
            for p in changes
        ]

    def _refuse_renamed(self, change: PlannedChange) -> None:
        """A script cannot see under which name a column was kept."""
        renamed = self.ledger.names.find_renamed_column(change.range.revision, change.range.table)
        if renamed is not None:
            raise PlanError(
                f"{change.range.label}: {renamed}, and a script cannot see which of the names the "
                "rows were kept by; roll back online"
            )

    def save(self, step: PlannedRevision, changed: Sequence[Changed]) -> None:
        pass  # a script has no folder

    def restorer(self, removal: Removal) -> Restorer:
        return Restorer(self.stream, self.ledger, None, "delete")

    def run(self, deletion: Deletion, where: str, delete: str) -> int:
        if deletion.range.id is None:
            table = deletion.range.table
            self._search(table, where, {**self._leaving, table: where})
        for sql in self.ledger.dialect.delete_exactly(delete):
            self.stream.run(sql)
        return 0

    def confirm(self, deletion: Deletion, deleted: int) -> None:
        pass  # the target has counted: the script stops there if other rows went

    def count_leftovers(self, step: PlannedRevision) -> Mapping[str, Counts]:
        self.stream.note(f"\nrevision {step.revision} declares no rollback: its rows stay")
        tables: dict[str, Counts] = {}
        for planned in self.plan.history[step.revision].tables:
            counts = Counts(retained=planned.rows.count)
            tables.setdefault(planned.rows.table, Counts()).add(counts)
        return tables

    def _search(self, table: str, going: str, leaving: Mapping[str, str]) -> None:
        """Print what stops if rows that were not seeded depend on those that go."""
        declared = declared_references(table)
        for sql in self.ledger.dialect.refuse_dependents(table, declared, going, leaving):
            self.stream.run(sql)

    def _conditions(self, planned: PlannedTable) -> Iterator[str]:
        rows = planned.rows
        self.stream.note(
            f"\n{rows.table}: the rows of this revision; stops here if rows that were "
            "not seeded depend on them"
        )
        if rows.id is not None:
            self._search(rows.table, range_condition(planned.range, self.ledger), self._leaving)
        if not rows.key or any(rows.columns[name].ref for name in rows.key):
            yield range_condition(planned.range, self.ledger)
            return
        for start in reversed(range(0, rows.count, BLOCK_ROWS)):
            block = rows.block(start, min(start + BLOCK_ROWS, rows.count))
            for first, lines in self._keys(rows, block):
                yield self._keyed(rows, planned.range, first, lines)

    def _keyed(self, rows: TableRows, range_: Range, first: int, lines: str) -> str:
        """The rows with some natural keys, each of them at its own id if it has one."""
        quote = self.ledger.dialect.quote
        names = ", ".join(map(quote, rows.key))
        if rows.id is None:
            return f"({names}) IN (\n{lines})"
        key, start = quote(rows.id), self.ledger.first_key(range_)
        last = first + lines.count("\n")
        return (
            f"{key} BETWEEN {start} + {first} AND {start} + {last}\n"
            f"AND ({key} - {start}, {names}) IN (\n{lines})"
        )

    def _keys(self, rows: TableRows, block: Block) -> Iterator[tuple[int, str]]:
        dialect = self.ledger.dialect
        columns = [list(map(dialect.literal, block.columns[name].values)) for name in rows.key]
        if rows.id is not None:
            columns.insert(0, list(map(str, range(block.start, block.stop))))
        lines = [f"({', '.join(line)})" for line in zip(*columns, strict=True)]
        most = dialect.rows_per_statement
        for start, stop in reversed([*rows.spans(block.start, block.stop)]):
            for first in reversed(range(start, stop, most)):
                chunk = lines[first - block.start : min(first + most, stop) - block.start]
                yield first, ",\n".join(chunk)
