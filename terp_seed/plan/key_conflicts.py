"""What is already in the database: taken natural keys, and rows to refer to.

A key that a row already owns is not adopted, changed or deleted; a reference
must lead somewhere.  Both are looked up before anything is written.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from terp_seed.database.dialects import equal_to
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.ledger.ledger import Place, SeededRange
from terp_seed.ledger.selection import Selection
from terp_seed.plan.plan import PlannedChange, PlannedTable
from terp_seed.rows.imported import find_repeated_hashes
from terp_seed.rows.literals import canonical
from terp_seed.rows.model import Lookup, TableRows, Value

__all__ = [
    "Beside",
    "are_all_taken",
    "count_skipped",
    "find_alike_keys",
    "find_broken_references",
    "find_crowding",
    "find_freed_rows",
    "find_taken_keys",
    "find_unowned_keys",
]

_CHUNK = 500
_NULL = canonical(None)
_MISSING = ": the table or the column does not exist"
_IN_ADVANCE = 20_000  # keys that are looked up one by one; above, by their extremes first


@dataclass(frozen=True)
class Beside:
    """The rows that the plan writes besides those of a table."""

    before: Sequence[TableRows] = ()
    after: Sequence[TableRows] = ()
    """Those of the same revision."""


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
            f"an earlier rollback retained {len(numbers)} rows of {seeded.table}, and the rows to "
            "seed do not fit around them; seed with the same size as before, or delete the "
            "retained rows first"
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
    row numbers that an earlier rollback left in place, or whose key is free by then.
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
        repeated = len(_repeated(rows, key, before) - retained)
        if repeated:
            yield (
                f"table {rows.table}, key {', '.join(key)}: {repeated} of its values are seeded "
                'by an earlier operation; give them other values, or on_conflict="skip"'
            )


def find_freed_rows(
    operations: Iterable[PlannedTable | PlannedChange],
) -> dict[Place, frozenset[int]]:
    """By range, the numbers of rows whose natural key an earlier operation of the plan deletes."""
    freed: dict[Place, frozenset[int]] = {}
    deleted: dict[str, set[tuple[str, ...]]] = {}
    for planned in operations:
        rows = planned.changes.rows if isinstance(planned, PlannedChange) else planned.rows
        gone = deleted.setdefault(rows.table, set())
        if isinstance(planned, PlannedTable):
            lines = enumerate(_lines(rows, rows.key)) if gone and rows.key else ()
            back = {number: line for number, line in lines if line in gone}
            freed[planned.range.place] = frozenset(back)
            gone.difference_update(back.values())
        elif planned.changes.kind == "deleted":
            gone.update(_lines(rows, rows.key))
    return freed


def find_unowned_keys(
    session: Session, rows: TableRows, before: Sequence[TableRows]
) -> Iterator[int]:
    """The numbers of rows whose key no row has, nor one that the plan writes before."""
    planned = _repeated(rows, rows.key, before)
    lines = enumerate(zip(*(rows.each(name) for name in rows.key), strict=True))
    while chunk := list(islice(lines, _CHUNK)):
        if _count_owners(session, rows.table, rows.key, [line for _, line in chunk]) == len(chunk):
            continue
        for number, line in chunk:
            if number not in planned and not _count_owners(session, rows.table, rows.key, [line]):
                yield number


def find_alike_keys(session: Session, rows: TableRows, facts: TableFacts) -> Iterator[str]:
    """A finding if two rows have keys that are one to the column, as ``abc`` and ``ABC`` may be.

    Which texts are equal its collation says, so the database compares the few that may be.
    """
    if rows.provenance != "imported":
        return
    for key in dict.fromkeys([rows.key, facts.key, *facts.uniques]):
        if not key or not set(key) <= rows.columns.keys():
            continue
        for one, other in _find_folded_pairs(rows, key):
            if _is_alike(session, rows, key, one, other):
                yield (
                    f"table {rows.table}, key {', '.join(key)}: rows {rows.given(one)} and "
                    f"{rows.given(other)} have the same key under the column's collation; change "
                    "one"
                )
                break


def _find_folded_pairs(rows: TableRows, key: Sequence[str]) -> Iterator[tuple[int, int]]:
    """The numbers of two rows each whose keys differ in nothing but what `_fold` leaves out."""
    repeated = find_repeated_hashes(_folded(rows, key))
    first: dict[tuple[str, ...] | None, int] = {}
    for number, folded in enumerate(_folded(rows, key) if repeated else ()):
        if folded is not None and hash(folded) in repeated:
            other = first.setdefault(folded, number)
            if other != number:
                yield other, number


def _folded(rows: TableRows, key: Sequence[str]) -> Iterator[tuple[str, ...] | None]:
    """The keys of rows, folded; None for one that is NULL in part, and so like no other."""
    for line in zip(*(rows.each(name) for name in key), strict=True):
        yield None if None in line else tuple(map(_fold, line))


def _fold(value: Value) -> str:
    """A text without what a collation may overlook: case, accents, blanks at its end."""
    if not isinstance(value, str):
        return canonical(value)
    if value.isascii():
        return value.casefold().rstrip()
    letters = unicodedata.normalize("NFKD", value)
    return "".join(c for c in letters if not unicodedata.combining(c)).casefold().rstrip()


def _is_alike(session: Session, rows: TableRows, key: Sequence[str], one: int, other: int) -> bool:
    """Whether two rows have equal keys, in the types and collations of the columns."""
    quote, literal = session.dialect.quote, session.dialect.literal
    table = session.dialect.quote_table(rows.table)
    names = ", ".join(f"{quote(name)} AS k{at}" for at, name in enumerate(key))

    def typed(number: int) -> str:
        values = ", ".join(literal(rows.values(name, number, number + 1)[0]) for name in key)
        return f"(SELECT {names} FROM {table} WHERE 1 = 0 UNION ALL SELECT {values})"

    same = " AND ".join(f"a.k{at} = b.k{at}" for at in range(len(key)))
    sql = f"SELECT COUNT(*) FROM {typed(one)} a JOIN {typed(other)} b ON {same}"
    return bool(session.scalar(sql))


def count_skipped(
    session: Session, rows: TableRows, before: Sequence[TableRows], retained: frozenset[int]
) -> int:
    """How many rows ``on_conflict="skip"`` leaves out: their key is taken, or seeded before.

    ``retained`` are row numbers that an earlier rollback left in place: they do not count.
    """
    repeated = _repeated(rows, rows.key, before)
    return len(repeated - retained) + _count_taken(session, rows, rows.key, repeated | retained)


def are_all_taken(session: Session, rows: TableRows) -> bool:
    """Whether every row is in the database already, by its natural key."""
    if not rows.count or not rows.key or any(rows.columns[name].ref for name in rows.key):
        return False
    return _count_taken(session, rows, rows.key, frozenset()) == rows.count


def _repeated(rows: TableRows, key: Sequence[str], before: Sequence[TableRows]) -> frozenset[int]:
    """The numbers of the rows whose key is seeded by an earlier operation."""
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
    beside: Beside,
    schema: Schema,
) -> Iterator[str]:
    """Findings for references of imported rows that lead nowhere."""
    if rows.provenance != "imported":
        return
    targets = {
        reference.column: (reference.target_table, reference.target)
        for reference in facts.references
    }
    now = _Expected(session, schema, [*beside.before, rows])
    then = _Expected(session, schema, [*beside.before, *beside.after, rows])
    for name in rows.columns:
        if name in targets or name in rows.derived:
            expected = then if name in rows.later else now
            yield from _find_broken_cells(rows, name, targets.get(name), expected)


def _find_broken_cells(
    rows: TableRows, name: str, target: tuple[str, str] | None, expected: _Expected
) -> Iterator[str]:
    values = enumerate(rows.each(name))
    while some := list(islice(values, _CHUNK)):
        lookups = {value for _, value in some if isinstance(value, Lookup)}
        expected.count_together(lookups)
        wrong = {wanted: expected.find_lookup_problem(wanted) for wanted in lookups}
        for number, value in some:
            problem = ""
            if isinstance(value, Lookup):
                problem = wrong[value]
            elif value is not None and target is not None:
                problem = expected.find_value_problem(number, name, value, *target)
            if problem:
                place = f"table {rows.table}, column {name}, row {rows.given(number)}"
                yield f"{place}: refers to {problem}"
            if problem.endswith(_MISSING):
                return  # as it is for every row


@dataclass
class _Expected:
    """The rows that there will be: those that are there, and those of the plan so far."""

    session: Session
    schema: Schema
    planned: Sequence[TableRows]
    """The last of them are the rows that refer."""
    _counts: dict[tuple[str, str], int] = field(default_factory=dict)
    _numbers: dict[tuple[int, tuple[str, ...]], dict[tuple[str, ...], list[int]]] = field(
        default_factory=dict
    )

    def find_lookup_problem(self, wanted: Lookup) -> str:
        """What is wrong with a reference by natural key; empty if it names one row."""
        if not self._has_columns(wanted.table, [wanted.id, *(name for name, _ in wanted.where)]):
            return f"{wanted.table}{_MISSING}"
        count = self._count(wanted.table, dict(wanted.where))
        by = ", ".join(name for name, _ in wanted.where)
        if not count:
            return f"a row of {wanted.table} that does not exist (looked up by {by})"
        return "" if count == 1 else f"{count} rows of {wanted.table}, not one (looked up by {by})"

    def find_value_problem(
        self, number: int, name: str, value: Value, table: str, column: str
    ) -> str:
        """What is wrong with a key that row ``number`` gives; empty if it is there by then."""
        if not self._has_columns(table, [column]):
            return f"{table}.{column}{_MISSING}"
        if not self._count(table, {column: value}):
            return f"a row of {table} that does not exist"
        if table == self.planned[-1].table and self._is_later(number, {column: value}):
            order = f'refs={{"{name}": "{table}.{column}"}} puts the rows in order'
            return f"a row that comes after it; {order}"
        return ""

    def _has_columns(self, table: str, names: Sequence[str]) -> bool:
        facts = self.schema.table(table)
        return facts is not None and facts.columns.keys() >= {*names}

    def count_together(self, wanted: Iterable[Lookup]) -> None:
        """Count by one statement for each column what single values would be asked for."""
        if len(self._counts) > _IN_ADVANCE:
            self._counts.clear()
        by_column: dict[tuple[str, str], dict[str, Value]] = {}
        for lookup in wanted:
            if len(lookup.where) == 1:
                ((name, value),) = lookup.where
                literal = self.session.dialect.literal(value)
                by_column.setdefault((lookup.table, name), {})[literal] = value
        for (table, name), values in by_column.items():
            if len(values) > 1 and self._has_columns(table, [name]):
                self._count_column(table, name, values)

    def _count_column(self, table: str, name: str, values: Mapping[str, Value]) -> None:
        quote, facts = self.session.dialect.quote, self.schema.table(table)
        place = self.session.dialect.quote_table(table)
        there = self.session.scalar(
            f"SELECT COUNT(*) FROM {place} WHERE {quote(name)} IN ({', '.join(values)})"
        )
        unique = facts is not None and (name,) in (facts.key, *facts.uniques)
        for literal, value in values.items() if not there or unique else ():
            key = table, equal_to([quote(name)], [literal])
            if not there:
                self._counts[key] = self._count_planned(table, {name: value})
            elif there == len(values):
                self._counts[key] = 1

    def _count(self, table: str, where: Mapping[str, Value]) -> int:
        """How many rows match; planned ones count where none is there."""
        quote, literal = self.session.dialect.quote, self.session.dialect.literal
        key = table, equal_to(map(quote, where), [*map(literal, where.values())])
        if key not in self._counts:
            place = self.session.dialect.quote_table(table)
            sql = f"SELECT COUNT(*) FROM {place} WHERE {key[1]}"
            there = int(self.session.scalar(sql))
            self._counts[key] = there or self._count_planned(table, where)
        return self._counts[key]

    def _count_planned(self, table: str, where: Mapping[str, Value]) -> int:
        return sum(
            len(self._find(place, where))
            for place, rows in enumerate(self.planned)
            if rows.table == table
        )

    def _is_later(self, number: int, where: Mapping[str, Value]) -> bool:
        """Whether the only match is a row that is written after row ``number``."""
        last = len(self.planned) - 1
        found = self._find(last, where)
        return bool(found) and found[0] > number

    def _find(self, place: int, where: Mapping[str, Value]) -> Sequence[int]:
        """The numbers of planned rows that match: a text of a file may be a number in the table."""
        rows, names = self.planned[place], tuple(where)
        if not where.keys() <= rows.columns.keys():
            return ()
        if (place, names) not in self._numbers:
            found = self._numbers[place, names] = {}
            for number, line in enumerate(_lines(rows, names)):
                found.setdefault(line, []).append(number)
        return self._numbers[place, names].get(tuple(map(canonical, where.values())), ())


def _lines(rows: TableRows, names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    columns = [map(canonical, rows.each(name)) for name in names]
    return zip(*columns, strict=True)
