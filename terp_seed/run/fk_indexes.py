"""Foreign keys without an index, which SQLite allows and does not make by itself.

For each row that goes it looks through the whole table that refers to it:
5,000 rows that may refer to each other take 17 seconds instead of 0.4.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from terp_seed.database.schema import reflecting
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import SeededRange

__all__ = ["child_indexes"]

_WORTH = 200
"""With fewer rows it is not worth to read each table once for an index."""


@contextmanager
def child_indexes(session: Session, of: SeededRange) -> Iterator[None]:
    """While a range's rows are deleted, every foreign key to their table is led by an index.

    The indexes come and go in the transaction that deletes, so nobody else
    sees them, and a failure takes them along.  A caller's own transaction is
    spared: whether its failure is undone is the caller's to say.
    """
    made = []
    if not (session.dialect.indexes_foreign_keys or session.external or of.count < _WORTH):
        for number, (table, columns) in enumerate(_bare(session, of.table)):
            made.append(session.dialect.quote(f"terp_seed_child_{number}"))
            listed = ", ".join(map(session.dialect.quote, columns))
            where = f"{session.dialect.quote(table)} ({listed})"
            session.stream.run(f"CREATE INDEX {made[-1]} ON {where}")
    yield
    for name in made:
        session.stream.run(f"DROP INDEX {name}")


@reflecting()
def _bare(session: Session, target: str) -> list[tuple[str, tuple[str, ...]]]:
    """The columns of the foreign keys to a table that no index begins with."""
    inspector = sa.inspect(session.connection)
    keys = session.dialect.foreign_keys(session.connection)
    found = [
        (key.table, key.columns)
        for key in keys
        if key.target_table.casefold() == target.casefold()
        and _leading(inspector, key.table).isdisjoint(key.columns)
    ]
    return list(dict.fromkeys(found))


def _leading(inspector: sa.Inspector, table: str) -> set[str | None]:
    """The first column of each index of a table, those of its keys among them."""
    found: list[Sequence[str | None]] = [
        each["column_names"]
        for each in inspector.get_indexes(table)
        if not any(option.endswith("_where") for option in each.get("dialect_options", {}))
    ]
    found += [each["column_names"] for each in inspector.get_unique_constraints(table)]
    found.append(inspector.get_pk_constraint(table)["constrained_columns"])
    return {columns[0] for columns in found if columns}
