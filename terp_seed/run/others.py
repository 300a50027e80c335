"""Rows that no seed inserted, in the tables that seeds fill, and rows that depend on any there.

They are found and deleted together with the seeded rows, so that a reset starts from empty tables.
Rows of other chains stay, and so do rows of others that a revision of this chain updates.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from graphlib import CycleError, TopologicalSorter

import sqlalchemy as sa

from terp_seed.database.dialects import KeptTable, Reference, split_table
from terp_seed.database.schema import inbound
from terp_seed.database.session import Session
from terp_seed.errors import GuardError, UsageError
from terp_seed.ledger.changes import find_changes
from terp_seed.ledger.ledger import Ledger, SeededRange, chains_of, ledger_of
from terp_seed.ledger.selection import Selection

__all__ = ["OtherRows", "row_keys"]

_MOST = 500  # keys in one statement

Key = tuple[str, ...]
"""The primary key of a row, as literals."""


@dataclass(frozen=True)
class OtherRows:
    """What a reset removes for good; ``own`` are the rows of the chain, by range."""

    session: Session
    own: Sequence[Selection]
    _keys: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def tables(self) -> list[str]:
        """The tables that the chain's seeds fill."""
        return list(dict.fromkeys(rows.range.table for rows in self.own))

    def count(self) -> dict[str, int]:
        """How many rows of others there are, by table; does not write.

        Raises `GuardError` if rows of another chain depend on rows that go, and `UsageError` for a
        table of dependents without a primary key.
        """
        self._refuse_shared()
        counts: dict[str, int] = {}
        for table in self.tables:
            seeded = (rows for rows in self.own if rows.range.table == table)
            place = self.session.dialect.quote_table(table)
            where = self._staying(table, place) + "".join(
                rows.excluded(self.session.dialect, place) for rows in seeded
            )
            counts[table] = int(
                self.session.scalar(f"SELECT COUNT(*) FROM {place} WHERE 1 = 1{where}")
            )
        counts |= {table: len(keys) for table, keys in self._dependents().items()}
        return {table: count for table, count in counts.items() if count}

    def delete(self) -> None:
        """Delete them all, and the seeded rows with them; commits nothing."""
        dependents = self._dependents()
        tables = [*self.tables, *dependents]
        order, released = self._order(tables)
        conditions = {table: list(self._conditions(table, dependents)) for table in tables}
        run, dialect = self.session.stream.run, self.session.dialect
        for reference, column in released:
            place = dialect.quote_table(reference.table)
            for where in conditions[reference.table]:
                run(f"UPDATE {place} SET {dialect.quote(column)} = NULL WHERE {where}")
        for table in reversed(order):
            for where in conditions[table]:
                run(f"DELETE FROM {dialect.quote_table(table)} WHERE {where}", what=table)

    def _conditions(self, table: str, dependents: Mapping[str, Collection[Key]]) -> Iterator[str]:
        place = self.session.dialect.quote_table(table)
        if table in dependents:
            yield from self._among(table, dependents[table], place)
        else:
            yield f"1 = 1{self._staying(table, place)}"

    def _staying(self, table: str, alias: str) -> str:
        """A condition that leaves out the rows of a filled table that stay."""
        dialect = self.session.dialect
        return "".join(
            [rows.excluded(dialect, alias) for rows in self._foreign if rows.range.table == table]
            + [
                f" AND NOT {dialect.is_kept(kept, alias)}"
                for kept in self._kept
                if kept.table == table
            ]
        )

    @cached_property
    def _other_chains(self) -> list[Ledger]:
        session = self.session
        chains = [name for name in chains_of(session) if name != session.settings.chain]
        return [Ledger(session.dialect, session.books, name, session.names) for name in chains]

    @cached_property
    def _foreign(self) -> list[Selection]:
        """The rows of other chains."""
        return [
            Selection(range_, keys=row_keys(self.session, ledger, range_))
            for ledger in self._other_chains
            for range_ in ledger.ranges(self.session.connection)
        ]

    def _refuse_shared(self) -> None:
        """Refuse rows that a revision of another chain has changed: it would not do so again."""
        for ledger in self._other_chains:
            for change in find_changes(ledger, self.session.connection):
                if change.table in self.tables:
                    raise GuardError(
                        f"revision {change.revision} of chain {ledger.chain} changes rows of "
                        f"{change.table}; roll that one back first"
                    )

    @cached_property
    def _kept(self) -> list[KeptTable]:
        changes = find_changes(ledger_of(self.session), self.session.connection)
        return [change.kept for change in changes if change.kept.updates]

    def _dependents(self) -> dict[str, set[Key]]:
        """Rows of other tables that refer to rows that go, and those that refer to them."""
        found: dict[str, set[Key]] = {}
        waiting = dict.fromkeys(self.tables)
        while waiting:
            target = next(iter(waiting))
            del waiting[target]
            for reference in inbound(self.session, [target]):
                source = reference.table
                if source in self.tables:
                    continue
                new = self._referring(reference, found) - found.get(source, set())
                if new:
                    self._refuse_foreign(source, target)
                    found.setdefault(source, set()).update(new)
                    waiting[source] = None
        return found

    def _refuse_foreign(self, table: str, target: str) -> None:
        if any(rows.range.table == table for rows in self._foreign):
            raise GuardError(
                f"rows of {table}, which another chain seeds, depend on rows of {target}; roll "
                "that chain back first"
            )

    def _referring(self, reference: Reference, found: Mapping[str, Collection[Key]]) -> set[Key]:
        dialect, target = self.session.dialect, reference.target_table
        keys = ", ".join(f"pointing.{dialect.quote(name)}" for name in self._key(reference.table))
        pairs = zip(reference.columns, reference.targets, strict=True)
        same = " AND ".join(f"pointing.{dialect.quote(a)} = x.{dialect.quote(b)}" for a, b in pairs)
        if target in self.tables:
            going = [f"1 = 1{self._staying(target, 'x')}"]
        else:
            going = list(self._among(target, found[target], "x"))
        return {
            tuple(map(dialect.literal, row))
            for where in going
            for row in self.session.rows(
                f"SELECT {keys} FROM {dialect.quote_table(reference.table)} pointing "
                f"JOIN {dialect.quote_table(target)} x ON {same} WHERE {where}"
            )
        }

    def _among(self, table: str, keys: Collection[Key], alias: str) -> Iterator[str]:
        quote, listed = self.session.dialect.quote, sorted(keys)
        columns = ", ".join(f"{alias}.{quote(name)}" for name in self._key(table))
        for start in range(0, len(listed), _MOST):
            rows = ", ".join(f"({', '.join(key)})" for key in listed[start : start + _MOST])
            yield f"({columns}) IN ({rows})"

    def _key(self, table: str) -> tuple[str, ...]:
        if table not in self._keys:
            schema, name = split_table(table)
            found = sa.inspect(self.session.connection).get_pk_constraint(name, schema)
            if not found["constrained_columns"]:
                raise UsageError(
                    f"rows of {table} depend on rows that go, and it has no primary key to tell "
                    "them by; delete them yourself"
                )
            self._keys[table] = tuple(found["constrained_columns"])
        return self._keys[table]

    def _order(self, tables: Sequence[str]) -> tuple[list[str], list[tuple[Reference, str]]]:
        """The tables, parents first; and the columns that have to be NULL for that."""
        keys = [
            key
            for key in self.session.dialect.foreign_keys(self.session.connection, tables)
            if key.table in tables and key.target_table in tables
        ]
        released = [
            (key, column)
            for key in keys
            if key.table == key.target_table
            for column in self._nullable(key)[:1]
        ]
        edges = [key for key in keys if key.table != key.target_table]
        while True:
            sorter = TopologicalSorter({table: set[str]() for table in tables})
            for key in edges:
                sorter.add(key.table, key.target_table)
            try:
                return list(sorter.static_order()), released
            except CycleError as error:
                circle = {*error.args[1]}
                loose = [
                    k for k in edges if {k.table, k.target_table} <= circle and self._nullable(k)
                ]
                if not loose:
                    raise UsageError(
                        f"the tables {', '.join(sorted(circle))} refer to each other, and no "
                        "column of theirs may be NULL, so their rows cannot be deleted"
                    ) from None
                released.append((loose[0], self._nullable(loose[0])[0]))
                edges.remove(loose[0])

    def _nullable(self, key: Reference) -> list[str]:
        schema, name = split_table(key.table)
        columns = sa.inspect(self.session.connection).get_columns(name, schema)
        return [c["name"] for c in columns if c["name"] in key.columns and c["nullable"]]


def row_keys(
    session: Session, ledger: Ledger, range_: SeededRange
) -> dict[int, Sequence[str]] | None:
    """The natural keys of the rows of a range without an integer key, as literals."""
    if range_.id is not None:
        return None
    return {
        number: key
        for block in ledger.blocks(session.connection, range_)
        for number, key in enumerate(block.row_keys or (), start=block.first_row)
    }
