"""Rows under the names that the schema has now, value for value the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from terp_seed.errors import UsageError
from terp_seed.rows.model import Column, Lookup, Span, TableRows, Value

__all__ = ["Naming"]


@dataclass(frozen=True)
class Naming:
    """How tables and columns are called now."""

    table: Callable[[str], str | None]
    """The present name of a table; None if it is gone."""
    columns: Callable[[str, Sequence[str]], Mapping[str, str | None]]
    """The present names of some columns of a table; None for one that is gone."""

    def rename(self, rows: TableRows) -> tuple[TableRows | None, Sequence[str]]:
        """The rows, None if their table is gone; and what is left out of them.

        Raises `UsageError` if what identifies the rows is gone.
        """
        table = self.table(rows.table)
        if table is None:
            return None, [rows.table]
        names = self.columns(rows.table, [*rows.columns, *([rows.id] if rows.id else [])])
        gone = [name for name, now in names.items() if now is None]
        identity = sorted({*gone} & {*rows.key, rows.id})
        if identity:
            raise UsageError(
                f"table {rows.table}: op.seed_gone: its rows are known by {', '.join(identity)}, "
                "which cannot be left out"
            )
        present = {name: now for name, now in names.items() if now is not None}

        def now(listed: Sequence[str]) -> tuple[str, ...]:
            return tuple(present[name] for name in listed if name in present)

        renamed = replace(
            rows,
            table=table,
            columns={
                present[name]: self._column(rows, name) for name in rows.columns if name in present
            },
            key=now(rows.key),
            id=None if rows.id is None else present[rows.id],
            derived=now(rows.derived),
            looked_up=now(rows.looked_up),
            later=now(rows.later),
        )
        return renamed, [f"{rows.table}.{name}" for name in gone]

    def _column(self, rows: TableRows, name: str) -> Column:
        """A column that makes the values that it made under its old name."""
        column, key = rows.columns[name], rows.seed + f"{rows.table}.{name}".encode()

        def make(span: Span) -> Sequence[Value]:
            values = column.make(Span(key, span.start, span.stop))
            if any(isinstance(value, Lookup) for value in values):
                return [self._lookup(v) if isinstance(v, Lookup) else v for v in values]
            return values

        lookup = column.lookup
        return replace(
            column,
            make=make,
            ref=None if column.ref is None else self._table(column.ref),
            json_refs={name: self._table(table) for name, table in column.json_refs.items()},
            lookup=None if lookup is None else (self._table(lookup[0]), self._name(*lookup)),
        )

    def _lookup(self, wanted: Lookup) -> Lookup:
        where = tuple((self._name(wanted.table, name), value) for name, value in wanted.where)
        return Lookup(self._table(wanted.table), where, self._name(wanted.table, wanted.id))

    def _table(self, table: str) -> str:
        return self.table(table) or table

    def _name(self, table: str, column: str) -> str:
        return self.columns(table, [column])[column] or column
