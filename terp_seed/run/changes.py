"""Changes rows that are there.

A row is kept first, in a table of its types, beside what the chain says of it until now and what
the operation gives.  All comparisons happen there, in SQL, so that a script decides as a run does:
a cell that is not what the chain last wrote was edited, and is left alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from terp_seed.database.dialects import KeptTable, equal_to
from terp_seed.database.session import Session
from terp_seed.database.statements import Stream
from terp_seed.errors import PlanError
from terp_seed.ledger.changes import (
    kept_table,
    record_change,
)
from terp_seed.ledger.ledger import Ledger
from terp_seed.plan.changes import IsPersonal
from terp_seed.plan.plan import Counts, PlannedChange
from terp_seed.rows.merge import changed_keys, is_nameable, merge_cells
from terp_seed.rows.model import Value
from terp_seed.run.dependents import SharedRows, count_pointing, declared_references

__all__ = ["Changer", "kept_of"]


def kept_of(ledger: Ledger, planned: PlannedChange) -> KeptTable:
    """The kept table of a planned change."""
    changes = planned.changes
    return kept_table(
        ledger,
        planned.range,
        changes.rows.key,
        changes.columns,
        updates=changes.kind == "updated",
    )


@dataclass
class Changer:
    """Updates and deletes planned rows; commits nothing."""

    stream: Stream
    ledger: Ledger
    session: Session | None
    """None for a script, which cannot list what it leaves alone."""
    on_conflict: str | None = None
    """``ours`` gives edited cells the seed's values too."""
    is_personal: IsPersonal = lambda table, column: False
    conflicts: list[str] = field(default_factory=list)
    """What was left alone because a person edited it, by key and column."""

    def write(self, planned: PlannedChange, retained: Collection[tuple[Value, ...]] = ()) -> Counts:
        """Keep the rows and change them; `PlanError` if one is not there.

        ``retained`` are natural keys of rows that an earlier rollback left as they are.
        """
        change = _Change(self, planned)
        changes = planned.changes
        self.stream.note(f"\n{changes.rows.table}: {changes.rows.count} rows, {changes.kind}")
        change.capture(retained)
        before = len(self.conflicts)
        counts = change.update() if changes.kind == "updated" else change.delete()
        counts.conflicts = len(self.conflicts) - before
        self.stream.run(record_change(self.ledger, planned.range, change.kept), what="ledger")
        return counts


class _Change:
    """One operation's change of one table."""

    def __init__(self, changer: Changer, planned: PlannedChange) -> None:
        self._changer, self._changes, self._range = changer, planned.changes, planned.range
        self._stream, self._dialect = changer.stream, changer.ledger.dialect
        self.kept = kept_of(changer.ledger, planned)
        self._what = f"{planned.range.label}, {planned.changes.kind}"

    def capture(self, retained: Collection[tuple[Value, ...]]) -> None:
        """Keep the rows that are there, but for retained ones."""
        rows, changes = self._changes.rows, self._changes
        cells = {name: rows.values(name) for name in rows.columns}
        for number in range(rows.count):
            if retained and tuple(cells[name][number] for name in rows.key) in retained:
                continue
            line = {name: self._dialect.literal(values[number]) for name, values in cells.items()}
            where = equal_to(
                [f"live.{self._dialect.quote(name)}" for name in rows.key],
                [line[name] for name in rows.key],
            )
            ours = {name: self._ours(changes.ours[number], name) for name in changes.columns}
            given = {name: line[name] for name in changes.columns if self.kept.updates}
            for name, keys in self._merging(number).items():
                insist = self._insists(number, name)
                ours[name], given[name] = self._merge(
                    name, keys, (ours[name], given[name]), insist=insist
                )
            sql = self._dialect.capture(
                self.kept, number + 1, where, [*ours.values()], [*given.values()]
            )
            self._stream.run(sql, what=self._what)
        self._refuse_missing()

    def _merging(self, number: int) -> Mapping[str, Sequence[str]]:
        """The JSON columns of a row that are merged, each with the keys that the chain changes."""
        merging = dict[str, Sequence[str]]()
        for name in self._changes.merged:
            keys = changed_keys(self._changes.said(number, name), self._given(name, number))
            wrong = [key for key in keys if not is_nameable(key)]
            if wrong:
                raise PlanError(
                    f"{self._range.label}, {name}: merge cannot name the key {wrong[0]!r} on every "
                    "engine; leave the column out of merge"
                )
            if keys:
                merging[name] = keys
        return merging

    def _merge(
        self, name: str, keys: Sequence[str], literals: tuple[str, str], *, insist: bool
    ) -> tuple[str, str]:
        """What the chain says of a cell and what it gives, made of what is there."""
        live, (said, given) = f"live.{self._dialect.quote(name)}", literals
        merged, moves = self._dialect.merge_json(live, keys, said, given, insist=insist)
        if insist:  # a cell without a document gets the one that is given
            return live, f"CASE WHEN {moves} THEN {merged} ELSE {given} END"
        return f"CASE WHEN {moves} THEN {live} END", f"CASE WHEN {moves} THEN {merged} END"

    def _insists(self, number: int, name: str) -> bool:
        return self._changer.on_conflict == "ours" or self._changes.insists(number, name)

    def _ours(self, known: Mapping[str, Value], name: str) -> str:
        if name in known:
            return self._dialect.literal(known[name])
        return f"live.{self._dialect.quote(name)}"  # adopted as it is

    def _refuse_missing(self) -> None:
        """Stop if a row is not there that the chain did not seed; its own may have been deleted."""
        changes = self._changes
        others = [n for n, seeded in enumerate(changes.seeded, 1) if not seeded]
        if changes.adopts or not others:
            return
        listed = ", ".join(map(str, others))
        count = (
            f"SELECT {len(others)} - COUNT(*) FROM {self._table} WHERE terp_seed_row IN ({listed})"
        )
        what = f"{self._range.table} holds the rows that {self._range.revision} changes"
        missing = self._stream.must_be_zero(count, what)
        if missing:
            raise PlanError(
                f"{self._range.label}: {missing} of the rows to be {changes.kind} are not there "
                f"(first: row {self._first_missing(others)}); correct their key, or insert them "
                "with op.seed_rows"
            )

    def _first_missing(self, numbers: Iterable[int]) -> int:
        session = self._changer.session
        assert session is not None
        there = {row[0] for row in session.rows(f"SELECT terp_seed_row FROM {self._table}")}
        return next(number for number in numbers if number not in there)

    # -- updates

    def update(self) -> Counts:
        """Give unedited cells their new values."""
        kept, dialect = self.kept, self._dialect
        self._list([self._is_conflict(name) for name in kept.columns])
        values = [
            (name, _choose(self._moves(name), f"kept.{kept.given(name)}", dialect.quote(name)))
            for name in kept.columns
        ]
        changing = " OR ".join(
            f"({self._moves(name)} AND NOT {self._same(name, kept.given(name))})"
            for name in kept.columns
        )
        for sql in dialect.keep_moments(kept):
            self._stream.run(sql)
        updated = self._stream.run(dialect.update_live(kept, values, changing), what=self._what)
        after = [
            (
                kept.ours(name),
                f"CASE WHEN {self._moves(name)} THEN live.{dialect.quote(name)} "
                f"ELSE kept.{kept.given(name)} END",
            )
            for name in kept.columns
        ]
        self._stream.run(dialect.update_kept(kept, after), what=self._what)
        count = self._changes.rows.count if updated is None else updated
        return Counts(updated=count)

    def _moves(self, name: str) -> str:
        """A condition: the cell gets the new value."""
        kept = self.kept
        if self._changer.on_conflict == "ours":
            wanted = self._dialect.same(f"kept.{kept.ours(name)}", f"kept.{kept.given(name)}")
            return f"(NOT {wanted} OR {self._same(name, kept.ours(name))})"
        columns = kept.columns if self._changes.strict else (name,)
        return f"({' AND '.join(self._same(column, kept.ours(column)) for column in columns)})"

    def _same(self, name: str, other: str, row: str = "kept") -> str:
        """A condition: the kept cell is the same as another column of the kept row."""
        return self._dialect.same(f"{row}.{self._dialect.quote(name)}", f"{row}.{other}")

    def _is_conflict(self, name: str) -> str:
        kept = self.kept
        changed = self._dialect.same(f"kept.{kept.ours(name)}", f"kept.{kept.given(name)}")
        agreed = self._same(name, kept.given(name))
        return f"(NOT {self._moves(name)} AND NOT {changed} AND NOT {agreed})"

    def _list(self, conditions: Sequence[str]) -> None:
        """Note the rows and cells that are left alone, and those that are not there any more.

        ``conditions`` say of each column whether the cell is left alone.
        """
        session = self._changer.session
        if session is None:
            return
        columns, merged = self.kept.columns, self._changes.merged
        wanted = [f"CASE WHEN {condition} THEN 1 ELSE 0 END" for condition in conditions]
        wanted += [f"kept.{self._dialect.quote(name)}" for name in merged]
        found = session.rows(f"SELECT terp_seed_row, {', '.join(wanted)} FROM {self._table} kept")
        there = {row[0] for row in found}
        for row in found:
            edited = [name for name, flag in zip(columns, row[1:], strict=False) if flag]
            for name, live in zip(merged, row[1 + len(columns) :], strict=True):
                edited += self._edited_keys(row[0] - 1, name, live)
            if edited:
                self._note(row[0], f"{', '.join(edited)}: edited since")
        if self.kept.updates and not self._changes.adopts:
            for number in range(1, self._changes.rows.count + 1):
                if number not in there:
                    self._note(number, "deleted since")

    def _edited_keys(self, number: int, name: str, live: Value) -> list[str]:
        """What a person made of a document: the keys that are left alone, or the whole cell."""
        said, given = self._changes.said(number, name), self._given(name, number)
        merged = merge_cells(live, said, given, insist=self._insists(number, name))
        return [] if merged is None else merged.edited(name)

    def _given(self, name: str, number: int) -> Value:
        return self._changes.rows.values(name, number, number + 1)[0]

    def _note(self, number: int, what: str) -> None:
        self._changer.conflicts.append(
            f"{self._range.table} {self._name(number)}, {what}, left as it is"
        )

    def _name(self, number: int) -> str:
        """A row as messages name it: by its key, unless that is personal."""
        rows = self._changes.rows
        if any(self._changer.is_personal(rows.table, name) for name in rows.key):
            return f"row {number}"
        key = [str(rows.values(name, number - 1, number)[0]) for name in rows.key]
        return f"{', '.join(rows.key)} = {', '.join(key)}"

    # -- deletions

    def delete(self) -> Counts:
        """Delete unedited rows; nothing that stays may refer to them."""
        if self.kept.columns and self._changer.on_conflict != "ours":
            self._list(self._edited("kept"))
            edited = " OR ".join(self._edited(self._table))
            self._stream.run(f"DELETE FROM {self._table} WHERE {edited}")
        self._refuse_dependents()
        return Counts(deleted=self._delete())

    def _edited(self, row: str) -> list[str]:
        """Conditions on a kept row, by the name that it has: its cells are not the chain's."""
        kept = self.kept
        return [f"NOT {self._same(name, kept.ours(name), row)}" for name in kept.columns]

    def _delete(self) -> int:
        delete = self._dialect.delete_live(self.kept)
        if self._changer.session is not None:
            return self._stream.run(delete, what=self._what) or 0
        for sql in self._dialect.delete_exactly(delete):
            self._stream.run(sql)
        return self._changes.rows.count

    def _refuse_dependents(self) -> None:
        """Stop if a row that stays refers to one that goes."""
        session = self._changer.session
        if session is not None:
            for reference, count in count_pointing(session, self.kept):
                if isinstance(reference, SharedRows):
                    raise PlanError(
                        f"{self._range.label}: {count} of the rows to be deleted {reference}; "
                        "nothing was deleted"
                    )
                raise PlanError(
                    f"{self._range.label}: {count} rows of {reference.table} refer to rows to be "
                    f"deleted (by {', '.join(reference.columns)}), so nothing was deleted; move or "
                    "remove those rows first"
                )
            return
        table, dialect = self.kept.table, self._dialect
        going = dialect.is_kept(self.kept, dialect.quote_table(table))
        staying = {table: dialect.is_kept(self.kept, "pointing")}
        declared = declared_references(table)
        for sql in dialect.refuse_dependents(table, declared, going, staying):
            self._stream.run(sql)

    @cached_property
    def _table(self) -> str:
        return self._dialect.quote_table(self.kept.name)


def _choose(condition: str, kept: str, column: str) -> str:
    """What a cell gets: a kept value where the condition holds, else what it has."""
    return f"CASE WHEN {condition} THEN {kept} ELSE live.{column} END"
