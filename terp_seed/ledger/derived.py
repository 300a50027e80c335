"""Derived columns and invariants, as SQL over the rows that the ledger holds."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.rows.seeders import Check, Derived

__all__ = ["range_condition", "recompute", "violations"]

_DAYS = re.compile(r"\{days:([^:{}]+):([^:{}]+)\}")


def range_condition(seeded_range: Range, ledger: Ledger, column: str | None = None) -> str:
    """A condition: a row of the range's table is one of the range."""
    first = ledger.first_key(seeded_range)
    key = column or ledger.dialect.quote(seeded_range.id or "id")
    return f"{key} >= {first} AND {key} < {first} + {seeded_range.count}"


def recompute(derived: Derived, seeded_range: Range, ledger: Ledger, as_of: date) -> str:
    """One UPDATE that recomputes the derived columns of the seeded rows."""
    quote = ledger.dialect.quote
    assignments = [
        f"{quote(column)} = {_expanded(expression, ledger, as_of)}"
        for column, expression in derived.assignments.items()
    ]
    # Assigned to itself, a column is spared MySQL's ON UPDATE CURRENT_TIMESTAMP.
    assignments += [f"{quote(column)} = {quote(column)}" for column in derived.still]
    return (
        f"UPDATE {ledger.dialect.quote_table(derived.table)} SET\n  "
        + ",\n  ".join(assignments)
        + f"\nWHERE {range_condition(seeded_range, ledger)}"
    )


def violations(check: Check, seeded: Sequence[Range] | None, ledger: Ledger) -> str:
    """A SELECT that counts the rows that break an invariant.

    Only those of some ranges, since several seeders may fill a table; with None, of the whole
    database.
    """
    sql = ledger.dialect.named(check.sql.strip())
    conditions = [range_condition(one, ledger, "violations.id") for one in seeded or ()]
    where = f" WHERE {' OR '.join(conditions)}" if conditions else ""
    return f"SELECT COUNT(*) FROM (\n{sql}\n) AS violations{where}"


def _expanded(expression: str, ledger: Ledger, as_of: date) -> str:
    dialect = ledger.dialect
    text = dialect.named(expression.replace("{as_of}", dialect.text(as_of.isoformat())))
    return _DAYS.sub(lambda days: dialect.days_between(days[1], days[2]), text)
