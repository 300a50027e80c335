"""What is already in the database: taken natural keys, and rows to refer to.

A key that a row already owns is not adopted, changed or deleted; a reference
must lead somewhere.  Both are looked up before anything is written.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice

from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import SeededRange, Selection, equal_to
from terp_seed.rows.literals import canonical
from terp_seed.rows.model import Lookup, TableRows, Value

__all__ = ["count_skipped", "find_broken_references", "find_crowding", "find_taken_keys"]

_CHUNK = 500
_NULL = canonical(None)
_IN_ADVANCE = 20_000  # keys that are looked up one by one; above, by their extremes first


def find_crowding(
    session: Session, rows: TableRows, retained: tuple[SeededRange, frozenset[int]]
) -> Iterator[str]:
    """A finding if rows do not fit around those that an earlier rollback retained."""
    seeded, numbers = retained
    if not numbers or seeded.id is None or seeded.first_key is None:
        return
    table = session.dialect.quote_table(seeded.table)
    wanted = Selection(replace(seeded, count=rows.count), numbers)
    others = sum(
        session.scalar(f"SELECT COUNT(*) FROM {table} WHERE {where}")
        for where in wanted.ids(session.dialect.quote(seeded.id))
    )
    if others or seeded.table != rows.table or max(numbers) >= rows.count:
        yield (
            f"an earlier rollback kept {len(numbers)} rows of {seeded.table}, and the rows to seed "
            "do not fit around them; seed with the size of that time, or remove the kept rows first"
        )


def find_taken_keys(
    session: Session,
    rows: TableRows,
    facts: TableFacts,
    before: Sequence[TableRows] = (),
    retained: frozenset[int] = frozenset(),
) -> Iterator[str]:
    """Findings for natural keys that a row already owns; none if they are to be skipped.

    ``before`` are the rows that the plan writes before these; ``retained`` are
    row numbers that an earlier rollback left in place.
    """
    if rows.skip_taken or not rows.count:
        return
    imported = rows.provenance == "imported"
    keys = [rows.key] if rows.key else []
    if imported:
        uniques = [facts.key, *facts.uniques]
        keys += [key for key in uniques if key and set(key) <= rows.columns.keys()]
    for key in dict.fromkeys(keys):
        if any(rows.columns[name].ref for name in key):
            continue  # it refers to rows that are not there yet, so it is free
        taken = _count_taken(session, rows, key, retained)
        if taken:
            yield (
                f"table {rows.table}, key {', '.join(key)}: {taken} of its values already belong "
                "to rows that this seed did not insert; they are left alone, so give the seed "
                'other values, or on_conflict="skip" to op.seed_rows or op.seed_file'
            )
        repeated = len(_repeated(rows, key, before))
        if repeated:
            yield (
                f"table {rows.table}, key {', '.join(key)}: {repeated} of its values are seeded "
                'by an operation before; give them other values, or on_conflict="skip"'
            )


def count_skipped(
    session: Session, rows: TableRows, before: Sequence[TableRows], retained: frozenset[int]
) -> int:
    """How many rows ``on_conflict="skip"`` leaves out: their key is taken, or seeded before.

    ``retained`` are row numbers that an earlier rollback left in place: they do not count.
    """
    repeated = _repeated(rows, rows.key, before)
    return len(repeated - retained) + _count_taken(session, rows, rows.key, repeated | retained)


def _repeated(rows: TableRows, key: Sequence[str], before: Sequence[TableRows]) -> frozenset[int]:
    """The numbers of the rows whose key is seeded by an operation before."""
    same = [
        other for other in before if other.table == rows.table and set(key) <= other.columns.keys()
    ]
    if not same:
        return frozenset()
    seen = {line for other in same for line in _lines(other, key)}
    lines = enumerate(_lines(rows, key))
    return frozenset(number for number, line in lines if line in seen and _NULL not in line)


def _count_taken(
    session: Session, rows: TableRows, key: Sequence[str], retained: frozenset[int]
) -> int:
    if _is_empty(session, rows.table):
        return 0
    columns = [rows.each(name) for name in key]
    many = rows.count > _IN_ADVANCE and rows.provenance == "synthetic"
    if many and len(key) == 1 and not _holds_between(session, rows, key[0]):
        return 0
    cells = (
        line
        for number, line in enumerate(zip(*columns, strict=True))
        if number not in retained and not _has_lookup(line)
    )
    taken = 0
    while chunk := list(islice(cells, _CHUNK)):
        taken += _count_owners(session, rows.table, key, chunk)
    return taken


def _has_lookup(line: Sequence[Value]) -> bool:
    return any(isinstance(value, Lookup) for value in line)


def _is_empty(session: Session, table: str) -> bool:
    sql = f"SELECT 1 FROM {session.dialect.quote_table(table)} LIMIT 1"
    return session.scalar(sql) is None


def _holds_between(session: Session, rows: TableRows, column: str) -> bool:
    """Whether the table holds anything from the least to the greatest seeded key."""
    quote, literal = session.dialect.quote, session.dialect.literal
    least, greatest = min(rows.each(column)), max(rows.each(column))
    sql = (
        f"SELECT 1 FROM {session.dialect.quote_table(rows.table)} WHERE {quote(column)} "
        f"BETWEEN {literal(least)} AND {literal(greatest)} LIMIT 1"
    )
    return session.scalar(sql) is not None


def _count_owners(
    session: Session, table: str, key: Sequence[str], cells: Sequence[tuple[Value, ...]]
) -> int:
    quote, literal = session.dialect.quote, session.dialect.literal
    names = [*map(quote, key)]
    lines = [[*map(literal, line)] for line in cells]
    if len(names) == 1:
        where = f"{names[0]} IN ({', '.join(value for (value,) in lines)})"
    else:
        where = " OR ".join(f"({equal_to(names, line)})" for line in lines)
    place = session.dialect.quote_table(table)
    return int(session.scalar(f"SELECT COUNT(*) FROM {place} WHERE {where}"))


def find_broken_references(
    session: Session,
    rows: TableRows,
    facts: TableFacts,
    before: Sequence[TableRows],
    schema: Schema,
) -> Iterator[str]:
    """Findings for references of imported rows that lead nowhere.

    ``before`` are the rows that the plan writes before these.
    """
    if rows.provenance != "imported":
        return
    targets = {
        reference.column: (reference.target_table, reference.target)
        for reference in facts.references
    }
    counts: dict[str, int] = {}
    for name in rows.columns:
        where = f"table {rows.table}, column {name}"
        for number, value in enumerate(rows.each(name)):
            if isinstance(value, Lookup) and not _target_exists(value, schema):
                yield f"{where}: refers to {value.table}, which has no such table or column"
            elif isinstance(value, Lookup):
                wanted = dict(value.where)
                count = _count_rows(session, value.table, wanted, before, counts)
                if count != 1:
                    reason = _explain(rows, value.table, wanted, count)
                    yield f"{where}, row {number + 1}: {reason}"
            elif value is not None and name in targets:
                table, column = targets[name]
                target = schema.table(table)
                if target is None or column not in target.columns:
                    yield f"{where}: refers to {table}.{column}, which does not exist"
                elif not _count_rows(session, table, {column: value}, [*before, rows], counts):
                    place = f"{where}, row {number + 1}"
                    yield f"{place}: refers to a row of {table} that does not exist"


def _explain(rows: TableRows, table: str, wanted: dict[str, Value], count: int) -> str:
    if not count and rows.table == table and _count_planned(rows, wanted):
        return (
            "refers to a row of the same operation, which cannot be looked up yet; seed that one "
            "by an operation before"
        )
    return f"refers to {count} rows of {table}, not one"


def _target_exists(wanted: Lookup, schema: Schema) -> bool:
    target = schema.table(wanted.table)
    names = [wanted.id, *(name for name, _ in wanted.where)]
    return target is not None and all(name in target.columns for name in names)


def _count_rows(
    session: Session,
    table: str,
    where: dict[str, Value],
    before: Sequence[TableRows],
    counts: dict[str, int],
) -> int:
    """How many rows there will be: those that are there, and those seeded before."""
    quote, literal = session.dialect.quote, session.dialect.literal
    condition = equal_to(map(quote, where), [*map(literal, where.values())])
    sql = f"SELECT COUNT(*) FROM {session.dialect.quote_table(table)} WHERE {condition}"
    if sql not in counts:
        there = int(session.scalar(sql))
        counts[sql] = there or sum(
            _count_planned(rows, where) for rows in before if rows.table == table
        )
    return counts[sql]


def _count_planned(rows: TableRows, where: dict[str, Value]) -> int:
    """How many of the rows match: a text of a file may be a number in the table."""
    if not where.keys() <= rows.columns.keys():
        return 0
    wanted = tuple(map(canonical, where.values()))
    return sum(line == wanted for line in _lines(rows, list(where)))


def _lines(rows: TableRows, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    columns = [map(canonical, rows.each(name)) for name in names]
    return zip(*columns, strict=True)
