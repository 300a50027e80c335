"""An example row for a table of the project: what a first revision seeds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts, Schema, TableFacts
from terp_seed.database.session import opened
from terp_seed.errors import UsageError
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.masking.detect import PolicyGap, toml_key
from terp_seed.masking.policy import Choice, Rule, TableRules
from terp_seed.project.new_revision import row_body
from terp_seed.rows.imported import imported
from terp_seed.rows.model import TableRows
from terp_seed.settings.options import Settings

__all__ = ["example_row"]


def example_row(settings: Settings, name: str) -> tuple[str, str]:
    """The ``upgrade()`` that seeds one row of a table, and the lines its masking policy needs.

    The row has a value for each column that must have one.  Reads the table's structure, writes
    nothing.  Raises `UsageError` for a table that does not exist or needs rows of another table.
    """
    with opened(settings) as session:
        facts = Schema(session).table(name)
        if facts is None:
            raise UsageError(f"table {name}: {settings.url.database!r} has no such table")
        columns = _needed_columns(facts)
        for reference in facts.references:
            if reference.column in {column.name for column in columns}:
                raise UsageError(
                    f"table {name}: needs a row of {reference.target_table} first (column "
                    f"{reference.column}); begin with a table that needs no other"
                )
    row = {column.name: _value(column) for column in columns}
    key = next((unique for unique in facts.uniques if set(unique) <= set(row)), tuple(row))
    rows = imported(name, [{n: [v] for n, v in row.items()}], key=key, id=facts.integer_key)
    body = row_body(name, row, key, facts.integer_key)
    return body, _policy(boundary(settings, "dev"), rows, facts)


_STRATEGIES = ("", "pseudonymise", "redact")


def _policy(border: Boundary, rows: TableRows, facts: TableFacts) -> str:
    lines = [_line(border, rows, facts, found) for found in border.unclassified(rows, facts)]
    return "\n".join([f"[tables.{toml_key(rows.table)}]", *lines]) if lines else ""


def _line(border: Boundary, rows: TableRows, facts: TableFacts, gap: PolicyGap) -> str:
    """An entry for a column that looks personal, with the first strategy whose values fit it."""
    line = gap.line
    for strategy in _STRATEGIES:
        choices = {"": Choice(strategy)} if strategy else {}
        rules = TableRules(rows.table, {gap.column: Rule(gap.kind, choices=choices)})
        policy = replace(border.policy, tables={rows.table: rules})
        found = replace(border, policy=policy).findings(rows, facts)
        line = gap.line.replace(" }", f', strategy = "{strategy}" }}' if strategy else " }")
        if not any(text.startswith(f"{rows.table}.{gap.column}:") for text in found):
            break
    return line


def _needed_columns(facts: TableFacts) -> list[ColumnFacts]:
    """The columns that must have a value; if none must, the first that may."""
    free = [
        column
        for column in facts.columns.values()
        if not column.computed and column.name != facts.integer_key
    ]
    required = [column for column in free if not column.nullable and not column.filled]
    texts = [column for column in free if isinstance(column.type, sa.String)]
    columns = required or (texts or free)[:1]
    if not columns:
        raise UsageError(f"table {facts.name}: has no column that a seed could fill")
    return columns


_VALUES: tuple[tuple[type[sa.types.TypeEngine[Any]], object], ...]
_VALUES = (
    (sa.Boolean, True),
    (sa.JSON, {}),
    (sa.DateTime, "2026-01-01 00:00:00"),
    (sa.Date, "2026-01-01"),
    (sa.Time, "00:00:00"),
    (sa.Integer, 1),
    (sa.Numeric, 1),
)


def _value(column: ColumnFacts) -> object:
    """A value that fits the column's type."""
    if column.choices:
        return min(column.choices)
    for kind, value in _VALUES:
        if isinstance(column.type, kind):
            return value
    if isinstance(column.type, sa.LargeBinary):
        return b"seed"
    return f"Seed {column.name.replace('_', ' ')}"[: column.length or None]
