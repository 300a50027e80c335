"""What a change would do to the rows that are there: row by row, cell by cell.

Values are compared as their canonical texts; the run compares in the column's own type, and may
see two spellings of one value that are told apart here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from terp_seed.database.dialects import equal_to
from terp_seed.database.session import Session
from terp_seed.masking.boundary import Boundary
from terp_seed.plan.plan import RowChanges
from terp_seed.rows.literals import canonical
from terp_seed.rows.merge import Merged, merge_cells
from terp_seed.rows.model import Json, Lookup, Value

__all__ = ["Ahead", "Differences"]

Ahead = dict[tuple[str, tuple[str, ...]], Mapping[str, Value] | None]
"""The new cells of rows, by table and natural key; None for a row that is deleted."""

_LONGEST = 40


@dataclass(frozen=True)
class Difference:
    """One row that is there."""

    number: int
    cells: Mapping[str, tuple[Value, Value]]
    """The cells that would change: what they hold, and what they would."""
    edited: Sequence[str]
    """The columns that hold what neither the chain nor the change gave them."""


@dataclass
class Differences:
    """Compares the rows of one change with those that are there; reads."""

    session: Session
    changes: RowChanges
    border: Boundary | None
    ahead: Ahead
    """What changes before this one will have done by then, in the same run; this one adds to it."""
    _resolved: dict[Lookup, Value] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Difference]:
        rows, dialect = self.changes.rows, self.session.dialect
        table, key = dialect.quote_table(rows.table), [*map(dialect.quote, rows.key)]
        listed = ", ".join(map(dialect.quote, self.changes.columns)) or "1"
        for number, line in enumerate(zip(*(rows.each(name) for name in rows.key), strict=True)):
            place = rows.table, tuple(map(canonical, line))
            known = self.ahead.get(place, {})
            where = equal_to(key, [*map(dialect.literal, line)])
            for found in self.session.rows(f"SELECT {listed} FROM {table} WHERE {where}"):
                if known is not None:
                    live = dict(zip(self.changes.columns, found, strict=False))
                    difference = self._compare(number, {**live, **known})
                    self._note(place, known, difference)
                    yield difference

    def _note(
        self, place: tuple[str, tuple[str, ...]], known: Mapping[str, Value], row: Difference
    ) -> None:
        if self.changes.kind == "updated":
            self.ahead[place] = {**known, **{name: new for name, (_, new) in row.cells.items()}}
        elif not row.edited:
            self.ahead[place] = None

    def _compare(self, number: int, live: Mapping[str, Any]) -> Difference:
        ours, cells, edited = self.changes.ours[number], dict[str, tuple[Value, Value]](), []
        for name in self.changes.columns:
            value = live[name]
            merged = self._merge(name, number, value)
            if merged is not None:
                edited += merged.edited(name)
                if merged.moves:
                    cells[name] = value, Json(merged.document)
                continue
            now, new = canonical(value), self._text(self._given[name][number])
            last = self._text(ours[name]) if name in ours else now
            if now != last and (self.changes.kind == "deleted" or now != new != last):
                edited.append(name)
            if now != new and (now == last or (self._insists and new != last)):
                cells[name] = value, self._given[name][number]
        if self.changes.kind == "deleted" or (self.changes.strict and edited):
            cells = {}
        return Difference(number, cells, () if self._insists else edited)

    def _merge(self, name: str, number: int, value: Value) -> Merged | None:
        """What a cell becomes whose keys are merged; None for any other."""
        if name not in self.changes.merged:
            return None
        insist = self._insists or self.changes.insists(number, name)
        said, given = self.changes.said(number, name), self._given[name][number]
        return merge_cells(value, said, given, insist=insist)

    @property
    def _insists(self) -> bool:
        """Whether edited cells get the seed's values too."""
        return self.session.settings.on_conflict == "ours"

    @cached_property
    def _given(self) -> Mapping[str, Sequence[Value]]:
        rows = self.changes.rows
        return {
            name: rows.values(name) if name in rows.columns else [None] * rows.count
            for name in self.changes.columns
        }

    def _text(self, value: Value) -> str:
        if isinstance(value, Lookup):
            if value not in self._resolved:
                sql = f"SELECT {self.session.dialect.literal(value)}"
                self._resolved[value] = self.session.scalar(sql)
            value = self._resolved[value]
        return canonical(value)

    def describe(self, difference: Difference) -> str:
        """One line: the row, and its cells before and after; personal values are left out."""
        cells = "; ".join(
            f"{name}: {_shown(now)} -> {_shown(new)}"
            for name, (now, new) in difference.cells.items()
        )
        edited = ", ".join(difference.edited)
        kept = f"{edited} edited, left as it is" if edited else ""
        what = "; ".join(filter(None, [cells, kept])) or self.changes.kind
        return f"{self.changes.rows.table} {self._name(difference.number)}: {what}"

    def _name(self, number: int) -> str:
        rows = self.changes.rows
        if self.border and any(self.border.is_personal(rows.table, name) for name in rows.key):
            return f"row {number + 1}"
        return ", ".join(
            f"{name} = {rows.values(name, number, number + 1)[0]}" for name in rows.key
        )


def _shown(value: Value) -> str:
    if isinstance(value, Lookup):
        return ", ".join(f"{name} {wanted}" for name, wanted in value.where)
    text = "NULL" if value is None else repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
