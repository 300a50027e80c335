"""Who points at a row: foreign keys, and the references declared without one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from terp_seed.ledger import Range
from terp_seed.seeders import logical_references
from terp_seed.session import Session

__all__ = [
    "Dependents",
    "Reference",
    "dependents",
    "inbound",
    "needed_by",
    "outbound",
    "pointed_at",
]

_FIRST_KEYS = 5


@dataclass(frozen=True)
class Reference:
    """``table.column`` holds a ``target`` of ``target_table``."""

    table: str
    column: str
    target_table: str
    target: str


@dataclass(frozen=True)
class Dependents:
    """Rows that were not seeded and point at seeded ones."""

    reference: Reference
    range: Range
    """The seeded rows that they point at."""
    where: str
    """The condition that selects them."""
    count: int
    first_keys: tuple[str, ...]

    def __str__(self) -> str:
        keys = ", ".join(self.first_keys)
        return (
            f"{self.count} in {self.reference.table}.{self.reference.column} -> "
            f"{self.reference.target_table} (first: {keys})"
        )


def outbound(session: Session, table: str) -> list[Reference]:
    """The references that a table's rows make."""
    keys = sa.inspect(session.connection).get_foreign_keys(table)
    found = [
        Reference(table, key["constrained_columns"][0], key["referred_table"], target)
        for key in keys
        if key.get("referred_schema") is None
        for target in key["referred_columns"][:1]
    ]
    declared = [Reference(*each) for each in logical_references() if each[0] == table]
    return found + [each for each in declared if each not in found]


def inbound(session: Session, tables: Sequence[str]) -> list[Reference]:
    """All references to these tables from anywhere in the database."""
    inspector = sa.inspect(session.connection)
    wanted = set(tables)
    found: list[Reference] = []
    for (_, name), keys in inspector.get_multi_foreign_keys().items():
        for key in keys:
            if key["referred_table"] in wanted and len(key["constrained_columns"]) == 1:
                found.append(
                    Reference(
                        name,
                        key["constrained_columns"][0],
                        key["referred_table"],
                        (key["referred_columns"] or ["id"])[0],
                    )
                )
    existing = set(inspector.get_table_names())
    for each in (Reference(*row) for row in logical_references()):
        if each.target_table in wanted and each.table in existing and each not in found:
            found.append(each)
    return found


def dependents(session: Session, ranges: Sequence[Range]) -> list[Dependents]:
    """Rows outside these ranges that point into them; does not write."""
    ours: dict[str, list[Range]] = {}
    for of in ranges:
        if of.id is not None and of.first_key is not None:
            ours.setdefault(of.table, []).append(of)
    found: list[Dependents] = []
    for reference in inbound(session, list(ours)):
        for target in ours[reference.target_table]:
            if target.id == reference.target:
                found += _pointing(session, reference, target, ours.get(reference.table, []))
    return found


def _pointing(
    session: Session, reference: Reference, target: Range, ours: Sequence[Range]
) -> list[Dependents]:
    quote = session.dialect.quote
    column, table = quote(reference.column), quote(reference.table)
    where = f"{column} {_between(target)}"
    for of in ours:
        where += f" AND NOT ({quote(str(of.id))} {_between(of)})"
    count = session.scalar(f"SELECT COUNT(*) FROM {table} WHERE {where}")
    if not count:
        return []
    key = _key_column(session, reference.table)
    keys = session.rows(
        f"SELECT {quote(key)} FROM {table} WHERE {where} ORDER BY {quote(key)} LIMIT {_FIRST_KEYS}"
    )
    first = tuple(f"{key} {row[0]}" for row in keys)
    return [Dependents(reference, target, where, count, first)]


def pointed_at(session: Session, found: Dependents) -> set[int]:
    """The numbers of the seeded rows that some dependents point at."""
    quote = session.dialect.quote
    sql = (
        f"SELECT DISTINCT {quote(found.reference.column)} FROM {quote(found.reference.table)} "
        f"WHERE {found.where}"
    )
    return {row[0] - (found.range.first_key or 0) for row in session.rows(sql)}


def needed_by(
    session: Session, of: Range, numbers: set[int], mine: Sequence[Range]
) -> list[tuple[Range, set[int]]]:
    """What some rows of a range refer to in other ranges of its revision."""
    if of.id is None or of.first_key is None:
        return []
    quote = session.dialect.quote
    listed = ", ".join(str(of.first_key + number) for number in sorted(numbers))
    found: list[tuple[Range, set[int]]] = []
    for reference in outbound(session, of.table):
        for target in mine:
            if target.table != reference.target_table or target.first_key is None:
                continue
            column = quote(reference.column)
            rows = session.rows(
                f"SELECT DISTINCT {column} FROM {quote(of.table)} WHERE {quote(of.id)} "
                f"IN ({listed}) AND {column} {_between(target)}"
            )
            found.append((target, {row[0] - target.first_key for row in rows}))
    return found


def _between(of: Range) -> str:
    first = of.first_key or 0
    return f"BETWEEN {first} AND {first + of.count - 1}"


def _key_column(session: Session, table: str) -> str:
    constraint = sa.inspect(session.connection).get_pk_constraint(table)
    columns = constraint["constrained_columns"]
    return columns[0] if columns else sa.inspect(session.connection).get_columns(table)[0]["name"]
