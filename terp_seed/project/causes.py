"""Why a script and a run leave different rows: what the database itself writes, by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from terp_seed.database.compare import place_of, table_digest
from terp_seed.database.dialects import dialect_named, split_table

__all__ = ["explain_columns", "explain_triggers"]


def explain_columns(
    tables: Iterable[str], one: Connection, other: Connection, **how: Any
) -> Iterator[str]:
    """A line for each column that differs in tables that both databases have.

    ``how`` is what `table_digest` takes.
    """
    for table in tables:
        inspector = sa.inspect(one)
        schema, plain = place_of(inspector, table)
        if not (inspector.has_table(plain, schema) and sa.inspect(other).has_table(plain, schema)):
            continue
        for column in inspector.get_columns(plain, schema):
            name, default = column["name"], column["default"]
            if _differs(table, name, one, other, **how):
                yield f"{table}.{name}" + (
                    f", which the database fills with {default}: another value each time; give the "
                    "column a value in the seed"
                    if default
                    else " holds other values"
                )


def _differs(table: str, name: str, one: Connection, other: Connection, **how: Any) -> bool:
    return table_digest(one, table, only=name, **how) != table_digest(
        other, table, only=name, **how
    )


def explain_triggers(tables: Iterable[str], connection: Connection) -> Iterator[str]:
    """A line for each trigger of these tables, and for each that names one of them."""
    wanted = {name.casefold() for table in tables for name in (table, split_table(table)[1])}
    for trigger in dialect_named(connection.dialect.name).all_triggers(connection):
        words = {word.casefold() for word in re.findall(r"\w+", trigger.text)}
        if trigger.table.casefold() in wanted or words & wanted:
            yield (
                f"trigger {trigger.name} of {trigger.table}: what a trigger writes is not the "
                "seed's, and no rollback takes it back"
            )
