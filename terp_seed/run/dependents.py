"""Who points at a row: foreign keys, and the references declared without one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from terp_seed.database.dialects import Reference, split_table
from terp_seed.database.schema import inbound
from terp_seed.database.session import Session
from terp_seed.errors import PlanError
from terp_seed.ledger.selection import Selection

__all__ = [
    "Dependents",
    "find_dependents",
    "referenced_numbers",
]

_FIRST_KEYS = 5


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
        where = f"{reference.table}.{reference.column}"
        return f"{self.count} in {where} -> {reference.target_table} (first: {keys})"


def find_dependents(
    session: Session, going: Sequence[Selection], gone: Sequence[Selection] = ()
) -> list[Dependents]:
    """Rows that stay and point at rows that are ``going``; does not write.

    ``gone`` are rows that will have been removed by then.  A row that took
    over a seeded id was not seeded: it counts when it points, and does not
    when it is pointed at.
    """
    targets, leaving = _by_table(going), _by_table([*going, *gone])
    dependents: list[Dependents] = []
    for reference in inbound(session, [selection.range.table for selection in going]):
        sources = leaving.get(reference.table.casefold(), [])
        for rows in targets[reference.target_table.casefold()]:
            dependents += _pointing(session, reference, rows, sources)
    return dependents


def _pointing(
    session: Session, reference: Reference, rows: Selection, leaving: Sequence[Selection]
) -> list[Dependents]:
    source = _source(session, reference)
    staying = "".join(selection.excluded(session.dialect, "pointing") for selection in leaving)
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
            f"{seeded.label}: rows that are to be kept cannot be found by their key, because it "
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
    inspector = sa.inspect(session.connection)
    schema, table = split_table(reference.table)
    columns = inspector.get_pk_constraint(table, schema=schema)["constrained_columns"]
    return columns[0] if columns else inspector.get_columns(table, schema=schema)[0]["name"]
