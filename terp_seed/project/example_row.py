"""One row that a stranger's table would take: what a first revision begins with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts, Schema, TableFacts
from terp_seed.database.session import opened
from terp_seed.errors import UsageError
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.masking.detect import PolicyGap, toml_key
from terp_seed.masking.policy import Choice, Rule, TableRules
from terp_seed.project.new_revision import FromRows
from terp_seed.rows.files import imported
from terp_seed.rows.model import TableRows
from terp_seed.settings.options import Settings

__all__ = ["Sample", "sample"]


@dataclass(frozen=True)
class Sample:
    """A row for a table, and the lines that the masking policy needs for it."""

    body: FromRows
    policy: str


def sample(settings: Settings, name: str) -> Sample:
    """A row with what the table insists on; reads the table's structure, writes nothing.

    Raises `UsageError` for a table that is not there, or that insists on
    rows of another table.
    """
    with opened(settings) as session:
        facts = Schema(session).table(name)
        if facts is None:
            raise UsageError(f"table {name}: {settings.url.database!r} has no such table")
        wanted = _wanted(facts)
        for reference in facts.references:
            if reference.column in {column.name for column in wanted}:
                raise UsageError(
                    f"table {name}: needs a row of {reference.target_table} first (column "
                    f"{reference.column}); begin with a table that needs no other"
                )
        row = {column.name: _value(column) for column in wanted}
        key = next((each for each in facts.uniques if set(each) <= set(row)), tuple(row))
        rows = imported(name, [row], key=key, id=facts.integer_key)
        body = FromRows(name, [row], key, facts.integer_key)
        return Sample(body, _policy(boundary(settings, "dev"), rows, facts))


_SHORTER = ("", "pseudonymise", "redact")


def _policy(border: Boundary, rows: TableRows, facts: TableFacts) -> str:
    lines = [_line(border, rows, facts, each) for each in border.unclassified(rows, facts)]
    return "\n".join([f"[tables.{toml_key(rows.table)}]", *lines]) if lines else ""


def _line(border: Boundary, rows: TableRows, facts: TableFacts, gap: PolicyGap) -> str:
    """What the column looks like, with the first strategy whose values fit into it."""
    line = gap.line
    for strategy in _SHORTER:
        choices = {"": Choice(strategy)} if strategy else {}
        rules = TableRules(rows.table, {gap.column: Rule(gap.kind, choices=choices)})
        policy = replace(border.policy, tables={rows.table: rules})
        found = replace(border, policy=policy).findings(rows, facts)
        line = gap.line.replace(" }", f', strategy = "{strategy}" }}' if strategy else " }")
        if not any(each.startswith(f"{rows.table}.{gap.column}:") for each in found):
            break
    return line


def _wanted(facts: TableFacts) -> list[ColumnFacts]:
    """The columns that must have a value; if none must, the first that may."""
    own = [each for each in facts.columns.values() if not each.computed]
    free = [each for each in own if each.name != facts.integer_key]
    needed = [each for each in free if not each.nullable and not each.filled]
    texts = [each for each in free if isinstance(each.type, sa.String)]
    wanted = needed or (texts or free)[:1]
    if not wanted:
        raise UsageError(f"table {facts.name}: has no column that a seed could give a value")
    return wanted


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
