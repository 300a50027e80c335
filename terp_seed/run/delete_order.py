"""What makes deletes possible and quick: the order within a table, and indexes for foreign keys.

An engine that chooses the order of a DELETE may meet a row before the one
that refers to it, and refuse.  And SQLite and PostgreSQL do not index foreign
keys: for each deleted row they scan the whole table that refers to it, which
takes 17 seconds instead of 0.4 for 5,000 rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from terp_seed.database.dialects import Reference
from terp_seed.database.schema import inbound
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import Range, SeededRange
from terp_seed.ledger.selection import Selection
from terp_seed.settings.log import logger

__all__ = ["child_indexes", "find_slow_keys", "group_for_deletion"]


def group_for_deletion(session: Session, seeded: SeededRange) -> Iterator[Sequence[int]]:
    """Row numbers of a range, in groups: no row is referred to from its own group or a later one.

    All other rows of the range can go after them.  Rows in a circle come one
    by one, the last first, as do all where a reference is not to the key.
    """
    quote = session.dialect.quote
    references = [
        reference
        for reference in inbound(session, [seeded.table])
        if reference.table == seeded.table
    ]
    if not references:
        return
    columns = sorted({column for reference in references for column in reference.columns})
    listed = ", ".join(map(quote, [str(seeded.id), *columns]))
    some = " OR ".join(f"{quote(column)} IS NOT NULL" for column in columns)
    rows = {
        row[0]: frozenset(row[1:])
        for inside in Selection(seeded).ids(quote(str(seeded.id)))
        for row in session.rows(
            f"SELECT {listed} FROM {quote(seeded.table)} WHERE {inside} AND ({some})"
        )
    }
    first = seeded.first
    known = all(reference.targets == (seeded.id,) for reference in references)
    for group in _outermost_first(rows) if known else _one_by_one(rows):
        yield [key - first for key in group]


def _outermost_first(rows: Mapping[int, Set[Any]]) -> Iterator[Sequence[int]]:
    """Kahn's order: first rows without a referrer, then those that only these referred to."""
    left = dict(rows)
    needed = Counter(target for targets in rows.values() for target in targets)
    free = [key for key in left if not needed[key]]
    while free:
        yield free
        needed.subtract(target for key in free for target in left.pop(key))
        beside = {target for key in free for target in rows[key]}
        free = [key for key in beside if key in left and not needed[key]]
    yield from _one_by_one(left)


def _one_by_one(rows: Mapping[int, Set[Any]]) -> Iterator[Sequence[int]]:
    return ([key] for key in sorted(rows, reverse=True))


_FEW = 200
"""With fewer rows it does not pay to read each table once for an index."""


@contextmanager
def child_indexes(session: Session, seeded_range: Range) -> Iterator[None]:
    """While a range's rows are deleted, every foreign key to their table is led by an index.

    The indexes come and go in the transaction that deletes, so no other
    connection sees them, and a failure takes them along.  A caller's own
    transaction gets none: whether its failure is undone is the caller's decision.
    The log says where one is missing.
    """
    dialect, created = session.dialect, []
    for line in find_slow_keys(session, {seeded_range.table: seeded_range.count}):
        logger.warning(line)
    if _makes_indexes(session) and seeded_range.count >= _FEW:
        unindexed = {(k.table, k.columns) for k in _unindexed_keys(session, seeded_range.table)}
        for number, (table, columns) in enumerate(sorted(unindexed)):
            created.append(dialect.quote(f"terp_seed_child_{number}"))
            listed = ", ".join(map(dialect.quote, columns))
            session.stream.run(f"CREATE INDEX {created[-1]} ON {dialect.quote(table)} ({listed})")
    yield
    for name in created:
        session.stream.run(f"DROP INDEX {name}")


def _makes_indexes(session: Session) -> bool:
    return session.dialect.indexes_in_rollback and not session.external


def find_slow_keys(session: Session, deleted: Mapping[str, int]) -> Iterator[str]:
    """Foreign keys that make a rollback slow, a line each: rows go, and no index leads to others.

    ``deleted`` says how many rows of each table go.  Does not write.
    """
    if session.dialect.indexes_foreign_keys or _makes_indexes(session):
        return
    quote = session.dialect.quote
    for target, going in deleted.items():
        for key in _unindexed_keys(session, target) if going >= _FEW else ():
            name = ".".join(filter(None, (key.schema, key.table)))
            table = ".".join(map(quote, filter(None, (key.schema, key.table))))
            rows = session.scalar(f"SELECT COUNT(*) FROM {table}")
            yield (
                f"foreign key without index: {name}.{', '.join(key.columns)}, {rows:,} rows, which "
                f"are read once for each of the {going:,} rows that go from {target}; create an "
                "index before the rollback"
            )


def _unindexed_keys(session: Session, target: str) -> list[Reference]:
    """The foreign keys to a table with columns that no index begins with."""
    inspector = sa.inspect(session.connection)
    return [
        key
        for key in session.dialect.foreign_keys(session.connection)
        if key.target_table.casefold() == target.casefold()
        and _leading_columns(inspector, key).isdisjoint(key.columns)
    ]


def _leading_columns(inspector: sa.Inspector, key: Reference) -> set[str | None]:
    """The first column of each index of a foreign key's table, those of its keys among them."""
    table, schema = key.table, key.schema
    indexes: list[Sequence[str | None]] = [
        index["column_names"]
        for index in inspector.get_indexes(table, schema)
        if not any(option.endswith("_where") for option in index.get("dialect_options", {}))
    ]
    indexes += [i["column_names"] for i in inspector.get_unique_constraints(table, schema)]
    indexes.append(inspector.get_pk_constraint(table, schema)["constrained_columns"])
    return {columns[0] for columns in indexes if columns}
