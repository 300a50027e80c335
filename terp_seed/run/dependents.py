"""Who points at a row, by a foreign key or a declared reference, and what that means for a delete.

An engine that chooses the order of a DELETE may meet a row before the one that refers to it, and
refuse.  And SQLite and PostgreSQL do not index foreign keys: for each deleted row they scan the
whole table that refers to it, which takes 17 seconds instead of 0.4 for 5,000 rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

import sqlalchemy as sa

from terp_seed.database.dialects import KeptTable, Reference, split_table
from terp_seed.database.schema import inbound, outbound
from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.ledger.changes import find_changes, still_there
from terp_seed.ledger.ledger import Ledger, Range, SeededRange, chains_of
from terp_seed.ledger.selection import Selection
from terp_seed.rows.seeders import logical_references
from terp_seed.settings.log import logger

__all__ = [
    "Dependents",
    "SharedRows",
    "child_indexes",
    "count_pointing",
    "declared_references",
    "find_dependents",
    "find_slow_keys",
    "group_for_deletion",
    "order_parents_first",
    "referenced_numbers",
    "unindexed_keys",
]

_FIRST_KEYS = 5


@dataclass(frozen=True)
class SharedRows(Reference):
    """Rows that a revision of another chain updated: it declares them too.

    They look like rows that refer to the rows of the table by what tells those apart.
    """

    by: str = ""

    def __str__(self) -> str:
        return f"were updated by {self.by}: roll that one back first"


@dataclass(frozen=True)
class Dependents:
    """Rows that stay and point at rows that are to go."""

    reference: Reference
    rows: Selection
    """The seeded rows that they point at."""
    where: tuple[str, ...]
    """Conditions on ``pointing`` that together select each of them once."""
    count: int
    first_keys: tuple[str, ...]

    def __str__(self) -> str:
        keys = ", ".join(self.first_keys)
        reference = self.reference
        if isinstance(reference, SharedRows):
            return f"{self.count} of {reference.target_table} {reference} (first: {keys})"
        where = f"{reference.table}.{reference.column}"
        return f"{self.count} in {where} -> {reference.target_table} (first: {keys})"


def find_dependents(
    session: Session,
    going: Sequence[Selection],
    gone: Sequence[Selection] = (),
    restored: Sequence[KeptTable] = (),
    recomputed: Sequence[tuple[Set[str], Selection]] = (),
) -> list[Dependents]:
    """Rows that stay and point at rows that are ``going``; does not write.

    ``gone`` are rows that will have been removed by then, ``restored`` are
    updates that will have been undone, so that they point elsewhere, ``recomputed`` are
    seeded rows with those of their references that will have been emptied.  A row that took
    over a seeded id was not seeded: it counts when it points, and does not
    when it is pointed at.
    """
    targets, leaving = _by_table(going), _by_table([*going, *gone])
    dependents: list[Dependents] = []
    tables = [selection.range.table for selection in going]
    for reference in [*inbound(session, tables), *find_shared_rows(session, tables)]:
        name, columns = reference.table.casefold(), {*reference.columns}
        sources = leaving.get(name, [])
        sources = sources + [
            rows
            for derived, rows in recomputed
            if rows.range.table.casefold() == name and columns <= derived
        ]
        for rows in targets[reference.target_table.casefold()]:
            found = _pointing(session, reference, rows, sources, restored)
            dependents += found
    return dependents


def _pointing(
    session: Session,
    reference: Reference,
    rows: Selection,
    leaving: Sequence[Selection],
    restored: Sequence[KeptTable],
) -> list[Dependents]:
    source = _source(session, reference)
    staying = "".join(selection.excluded(session.dialect, "pointing") for selection in leaving)
    for kept in restored:
        columns = {*map(kept.live, kept.columns)}
        if kept.table == reference.table and not columns.isdisjoint(reference.columns):
            staying += f" AND NOT {session.dialect.is_kept(kept, 'pointing')}"
    conditions = [condition + staying for condition in _conditions(session, reference, rows)]
    counts = [
        int(session.scalar(f"SELECT COUNT(*) {source} WHERE {where}")) for where in conditions
    ]
    if not any(counts):
        return []
    pointing = tuple(where for where, count in zip(conditions, counts, strict=True) if count)
    key = _key_column(session, reference)
    quoted = f"pointing.{session.dialect.quote(key)}"
    keys = session.rows(
        f"SELECT {quoted} {source} WHERE {pointing[0]} ORDER BY {quoted} LIMIT {_FIRST_KEYS}"
    )
    first = tuple(f"{key} {row[0]}" for row in keys)
    return [Dependents(reference, rows, pointing, sum(counts), first)]


def _conditions(session: Session, reference: Reference, rows: Selection) -> Iterator[str]:
    """Conditions that hold for a row that points at one of the selected rows."""
    quote = session.dialect.quote
    pairs = zip(reference.columns, reference.targets, strict=True)
    by_id = [column for column, target in pairs if target == rows.range.id]
    if by_id:  # the other columns of a key cannot say more than the row's own id
        yield from rows.ids(f"pointing.{quote(by_id[0])}")
        return
    target = session.dialect.quote_table(reference.target_table)
    for condition in rows.conditions(session.dialect, "seeded"):
        matched = f"{condition} AND {_joined(session, reference)}"
        yield f"EXISTS (SELECT 1 FROM {target} seeded WHERE {matched})"


def count_pointing(session: Session, kept: KeptTable) -> Iterator[tuple[Reference, int]]:
    """The references by which rows that stay point at kept rows, and how many do; reads."""
    place_of, dialect = session.dialect.quote_table, session.dialect
    for reference in [*inbound(session, [kept.table]), *find_shared_rows(session, [kept.table])]:
        where = dialect.is_kept(kept, "seeded")
        if reference.table == kept.table:
            where += f" AND NOT {dialect.is_kept(kept, 'pointing')}"
        joined = f"JOIN {place_of(kept.table)} seeded ON {_joined(session, reference)}"
        source = _source(session, reference)
        count = int(session.scalar(f"SELECT COUNT(*) {source} {joined} WHERE {where}"))
        if count:
            yield reference, count


def find_shared_rows(session: Session, tables: Sequence[str]) -> Iterator[SharedRows]:
    """The rows of these tables that revisions of other chains have updated; reads."""
    wanted = {name.casefold(): name for name in tables}
    own = session.settings.chain
    for chain in [name for name in chains_of(session) if name != own]:
        ledger = Ledger(session.dialect, session.books, chain)
        for change in find_changes(ledger, session.connection):
            kept = still_there(session.connection, change.kept)
            target = wanted.get(change.table.casefold())
            if target is not None and kept is not None and change.updates:
                by = f"revision {change.revision} of chain {chain}"
                yield SharedRows(kept.name, kept.match, target, kept.match, by)


def declared_references(table: str) -> list[tuple[str, str, str]]:
    """The tables and columns that refer to a table without a constraint, and the column there."""
    return [
        (source, column, key)
        for source, column, target, key in logical_references()
        if target == table
    ]


def referenced_numbers(session: Session, dependents: Dependents) -> set[int]:
    """The numbers of the seeded rows that some dependents point at."""
    quote = session.dialect.quote
    seeded, keys = dependents.rows.range, dependents.rows.keys
    names = [seeded.id] if seeded.id is not None else seeded.shape.key
    listed = ", ".join(f"target.{quote(name)}" for name in names)
    joined = _joined(session, dependents.reference, "target")
    rows = [
        tuple(row)
        for where in dependents.where
        for row in session.rows(
            f"SELECT DISTINCT {listed} {_source(session, dependents.reference)} "
            f"JOIN {session.dialect.quote_table(seeded.table)} target ON {joined} WHERE {where}"
        )
    ]
    if seeded.id is not None:
        return {row[0] - seeded.first for row in rows}
    by_key = {tuple(key): number for number, key in (keys or {}).items()}
    named = {tuple(map(session.dialect.literal, row)) for row in rows}
    if not named <= by_key.keys():
        raise PlanError(
            f"{seeded.label}: rows to be retained cannot be found by their key, because it "
            "was seeded as another type than the column's; move or remove what depends on them"
        )
    return {by_key[key] for key in named}


def _by_table(rows: Sequence[Selection]) -> Mapping[str, list[Selection]]:
    """By their table's name, in small letters: a server may keep no others."""
    by_table: dict[str, list[Selection]] = {}
    for selection in rows:
        by_table.setdefault(selection.range.table.casefold(), []).append(selection)
    return by_table


def _joined(session: Session, reference: Reference, seeded: str = "seeded") -> str:
    quote = session.dialect.quote
    return " AND ".join(
        f"{seeded}.{quote(target)} = pointing.{quote(column)}"
        for column, target in zip(reference.columns, reference.targets, strict=True)
    )


def _source(session: Session, reference: Reference) -> str:
    return f"FROM {session.dialect.quote_table(reference.table)} pointing"


def _key_column(session: Session, reference: Reference) -> str:
    if isinstance(reference, SharedRows):
        return reference.column
    inspector = sa.inspect(session.connection)
    schema, table = split_table(reference.table)
    columns = inspector.get_pk_constraint(table, schema=schema)["constrained_columns"]
    return columns[0] if columns else inspector.get_columns(table, schema=schema)[0]["name"]


def group_for_deletion(session: Session, seeded: SeededRange) -> Iterator[Sequence[int]]:
    """Row numbers of a range, in groups: no row is referred to from its own group or a later one.

    All other rows of the range can go after them.  Rows in a circle, and what
    they refer to, are one group: only one statement can delete them.  Rows come
    one by one, the last first, where a reference is not to the key.
    """
    quote, table = session.dialect.quote, session.dialect.quote_table(seeded.table)
    references = [
        reference
        for reference in outbound(session, seeded.table)
        if reference.target_table.casefold() == seeded.table.casefold()
    ]
    if not references:
        return
    columns = sorted({column for reference in references for column in reference.columns})
    listed = ", ".join(map(quote, [str(seeded.id), *columns]))
    some = " OR ".join(f"{quote(column)} IS NOT NULL" for column in columns)
    rows = {
        row[0]: frozenset(row[1:])
        for inside in Selection(seeded).ids(quote(str(seeded.id)))
        for row in session.rows(f"SELECT {listed} FROM {table} WHERE {inside} AND ({some})")
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
        yield from (free[start : start + _MOST] for start in range(0, len(free), _MOST))
        needed.subtract(target for key in free for target in left.pop(key))
        beside = {target for key in free for target in rows[key]}
        free = [key for key in beside if key in left and not needed[key]]
    if left:
        yield [*left]


def _one_by_one(rows: Mapping[int, Set[Any]]) -> Iterator[Sequence[int]]:
    return ([key] for key in sorted(rows, reverse=True))


def order_parents_first(session: Session, tables: Sequence[str]) -> Mapping[str, int]:
    """A place for each table, after those that it refers to; all the same in a circle."""
    sorter = TopologicalSorter({table: set[str]() for table in tables})
    for reference in inbound(session, sorted({*tables})):
        if reference.table in tables and reference.table != reference.target_table:
            sorter.add(reference.table, reference.target_table)
    try:
        return {table: place for place, table in enumerate(sorter.static_order())}
    except CycleError:
        return dict.fromkeys(tables, 0)


_MOST = 2_000
"""Rows that one statement names, where it may be several."""

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
        unindexed = {(k.table, k.columns) for k in unindexed_keys(session, seeded_range.table)}
        for number, (table, columns) in enumerate(sorted(unindexed)):
            created.append(dialect.quote(f"terp_seed_child_{number}"))
            listed = f"{dialect.quote_table(table)} ({', '.join(map(dialect.quote, columns))})"
            session.stream.run(f"CREATE INDEX {created[-1]} ON {listed}")
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
    for target, going in deleted.items():
        for key in unindexed_keys(session, target) if going >= _FEW else ():
            table = session.dialect.quote_table(key.table)
            rows = session.scalar(f"SELECT COUNT(*) FROM {table}")
            yield (
                f"foreign key without index: {key.table}.{', '.join(key.columns)}, {rows:,} rows, "
                f"which are read once for each of the {going:,} rows that go from {target}; create "
                "an index before the rollback"
            )


def unindexed_keys(session: Session, target: str) -> list[Reference]:
    """The foreign keys to a table with columns that no index begins with."""
    inspector = sa.inspect(session.connection)
    return [
        key
        for key in session.dialect.foreign_keys(session.connection, [target])
        if key.target_table.casefold() == target.casefold()
        and _leading_columns(inspector, key.table).isdisjoint(key.columns)
    ]


def _leading_columns(inspector: sa.Inspector, table: str) -> set[str | None]:
    """The first column of each index of a table, those of its keys among them."""
    schema, name = split_table(table)
    indexes: list[Sequence[str | None]] = [
        index["column_names"]
        for index in inspector.get_indexes(name, schema)
        if not any(option.endswith("_where") for option in index.get("dialect_options", {}))
    ]
    indexes += [index["column_names"] for index in inspector.get_unique_constraints(name, schema)]
    indexes.append(inspector.get_pk_constraint(name, schema)["constrained_columns"])
    return {columns[0] for columns in indexes if columns}
