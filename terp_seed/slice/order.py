"""The order in which tables are filled, and the columns that wait until all rows are there.

A table comes after those that it refers to.  Where tables refer to each other in a circle, or a
table to itself, columns that may be NULL are filled in at the end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from terp_seed.database.dialects import Dialect
from terp_seed.database.schema import TableFacts
from terp_seed.errors import PlanError
from terp_seed.slice.references import SliceReference

__all__ = ["TableOrder", "nullable_column", "order_tables", "require_order"]


@dataclass(frozen=True)
class TableOrder:
    """The tables, parents first, and the references of each that are filled in later."""

    tables: tuple[str, ...]
    later: Mapping[str, tuple[str, ...]]
    """By table, the columns that are NULL at first."""
    tied: tuple[str, ...] = ()
    """Tables whose rows refer to later rows by columns that may not be NULL."""


def nullable_column(facts: TableFacts, reference: SliceReference) -> str | None:
    """The column to leave empty so that a row refers to nothing; None if none may be empty."""
    known = {name.casefold(): column for name, column in facts.columns.items()}
    names = [known[name.casefold()] for name in reference.columns if name.casefold() in known]
    found = [column.name for column in names if column.nullable and column.name not in facts.key]
    return found[-1] if found else None


def order_tables(
    facts: Mapping[str, TableFacts], references: Iterable[SliceReference]
) -> TableOrder:
    """Order tables, and name those in a circle in which no reference may be NULL at first."""
    edges = _Edges(facts, references)
    for table in sorted(facts):
        edges.loosen([table, table])
    while True:
        try:
            tables = tuple(TopologicalSorter(edges.graph()).static_order())
        except CycleError as error:
            edges.loosen(error.args[1])
            continue
        later = {table: tuple(names) for table, names in edges.later.items()}
        return TableOrder(tables, later, tuple(sorted(edges.tied)))


def require_order(
    order: TableOrder, references: Iterable[SliceReference], dialect: Dialect, what: str
) -> None:
    """Raise `PlanError` if rows have to refer to later ones, and the engine checks each at once.

    The first row of such tables would refer to one that cannot be there yet, in any order.
    """
    if not order.tied or dialect.defers_references:
        return
    places = [
        each.place for each in references if each.table in order.tied and each.target in order.tied
    ]
    raise PlanError(
        f"{' and '.join(sorted({*places}))} lead in a circle, may not be NULL, and "
        f"{type(dialect).__name__} checks each row at once, so that no row can be the first: let "
        f"one of them be NULL in {what}, or slice into PostgreSQL or SQLite"
    )


class _Edges:
    """The references that still say which table comes first."""

    def __init__(
        self, facts: Mapping[str, TableFacts], references: Iterable[SliceReference]
    ) -> None:
        self._facts = facts
        self._edges: dict[tuple[str, str], list[SliceReference]] = {}
        for each in references:
            if each.table in facts and each.target in facts and not each.path:
                self._edges.setdefault((each.table, each.target), []).append(each)
        self.later: dict[str, dict[str, None]] = {}
        self.tied: set[str] = set()

    def graph(self) -> dict[str, list[str]]:
        """The tables, each with those that come before it."""
        graph: dict[str, list[str]] = {table: [] for table in sorted(self._facts)}
        for table, target in sorted(self._edges):
            graph[table].append(target)
        return graph

    def loosen(self, circle: Sequence[str]) -> None:
        """Let one table of a circle come before what it refers to."""
        pairs = [(table, target) for target, table in pairwise(circle)]
        there = [pair for pair in pairs if pair in self._edges]
        for pair in there:
            columns = [nullable_column(self._facts[pair[0]], each) for each in self._edges[pair]]
            if None not in columns:
                names = dict.fromkeys(filter(None, columns))
                self.later.setdefault(pair[0], {}).update(names)
                del self._edges[pair]
                return
        for pair in there[:1]:
            self.tied |= {*circle}
            del self._edges[pair]
