"""The words that invariants are written with.

A check is SQL that finds the rows which break it.  Names of tables and columns stand in braces,
so that each engine quotes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from terp_seed.rows.seeders import Check

CENT = "0.004"  # more than floating point adds up to, less than half a cent


def declared(**tables: Mapping[str, str]) -> tuple[Check, ...]:
    """Checks by table and name: a SELECT, or the condition for rows that break the check."""
    return tuple(
        Check(
            name,
            table,
            sql if sql.startswith("SELECT") else f"SELECT id FROM {{{table}}} WHERE {sql}",
        )
        for table, named in tables.items()
        for name, sql in named.items()
    )


def check_reference(table: str, column: str, target: str) -> Check:
    """A reference without a constraint leads to a row."""
    return Check(
        f"{table}.{column} leads to a row of {target}",
        table,
        f"SELECT r.id FROM {{{table}}} r LEFT JOIN {{{target}}} t ON t.id = {{r.{column}}}"
        f" WHERE t.id IS NULL AND {{r.{column}}} IS NOT NULL",
    )


def differs(one: str, other: str) -> str:
    """A condition: two amounts are not the same."""
    return f"ABS({_braced(one)} - {_braced(other)}) > {CENT}"


def _braced(sql: str) -> str:
    """A bare name in braces, so that each engine quotes it; an expression as it is."""
    return f"{{{sql}}}" if re.fullmatch(r"[\w.]+", sql) else sql


def not_the_sum(column: str, amount: str, rows: str, parent: str, *, of: str = "id") -> str:
    """Rows of which a column is not the sum of other rows, which name their parent.

    ``of`` is the column by which they name it.
    """
    table, _, name = column.partition(".")
    return (
        f"SELECT t.id FROM {{{table}}} t LEFT JOIN (SELECT {_braced(parent)} AS parent,"
        f" SUM({_braced(amount)}) AS total FROM {_braced(rows)} GROUP BY {_braced(parent)}) s"
        f" ON s.parent = {{t.{of}}}"
        f" WHERE {differs(f't.{name}', 'COALESCE(s.total, 0)')}"
    )


def shared(table: str, column: str) -> str:
    """Rows that share a value which only one may have."""
    return (
        f"SELECT r.id FROM {{{table}}} r JOIN (SELECT {{{column}}} FROM {{{table}}}"
        f" GROUP BY {{{column}}} HAVING COUNT(*) > 1) d ON {{d.{column}}} = {{r.{column}}}"
    )
