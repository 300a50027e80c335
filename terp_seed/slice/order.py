"""The order in which tables are filled, and the columns that wait until all rows are there.

A table comes after those that it refers to.  Where tables refer to each other in a circle, or a
table to itself, columns that may be NULL are filled in at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from terp_seed.database.schema import TableFacts
from terp_seed.errors import PlanError
from terp_seed.slice.references import SliceReference

__all__ = ["TableOrder", "nullable_column", "order_tables"]


@dataclass(frozen=True)
class TableOrder:
    """The tables, parents first, and the references of each that are filled in later."""

    tables: tuple[str, ...]
    later: Mapping[str, tuple[str, ...]]
    """By table, the columns that are NULL at first."""


def nullable_column(facts: TableFacts, reference: SliceReference) -> str | None:
    """The column to leave empty so that a row refers to nothing; None if none may be empty."""
    known = {name.casefold(): column for name, column in facts.columns.items()}
    names = [known[name.casefold()] for name in reference.columns if name.casefold() in known]
    found = [column.name for column in names if column.nullable and column.name not in facts.key]
    return found[-1] if found else None


def order_tables(
    facts: Mapping[str, TableFacts], references: Iterable[SliceReference]
) -> TableOrder:
    """Order tables; `PlanError` for a circle in which no reference may be NULL at first."""
    edges: dict[tuple[str, str], list[SliceReference]] = {}
    for each in references:
        if each.table in facts and each.target in facts and not each.path:
            edges.setdefault((each.table, each.target), []).append(each)
    later: dict[str, dict[str, None]] = {}

    def defer(table: str, target: str) -> bool:
        """Fill in the references of one table to another at the end, if they may be NULL."""
        columns = [nullable_column(facts[table], each) for each in edges[table, target]]
        if None in columns:
            return False
        later.setdefault(table, {}).update(dict.fromkeys(filter(None, columns)))
        del edges[table, target]
        return True

    for table in sorted(facts):
        if (table, table) in edges and not defer(table, table):
            del edges[table, table]  # in the order of the key, and the database judges
    while True:
        graph: dict[str, list[str]] = {table: [] for table in sorted(facts)}
        for table, target in sorted(edges):
            graph[table].append(target)
        try:
            tables = tuple(TopologicalSorter(graph).static_order())
        except CycleError as error:
            _break(error.args[1], defer)
            continue
        return TableOrder(tables, {table: tuple(names) for table, names in later.items()})


def _break(circle: Sequence[str], defer: object) -> None:
    assert callable(defer)
    for target, table in pairwise(circle):
        if defer(table, target):
            return
    raise PlanError(
        f"tables {', '.join(dict.fromkeys(circle))} refer to each other in a circle, and no "
        "reference of it may be NULL, so no row can go in first; list one of them under never in "
        "slice.toml"
    )
