"""Which rows a slice takes: roots, their children by depth, and whatever any of them refers to.

A row that is taken because others refer to it brings what it refers to itself, and no children.  So
the set is closed: through circles, references of a table to itself and keys of several columns.
Rows are asked for some hundred keys at a time, never one by one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from terp_seed.database.schema import TableFacts
from terp_seed.errors import PlanError
from terp_seed.masking.boundary import Boundary
from terp_seed.rows.model import Value
from terp_seed.slice.keys import CHILD, PARENT, ROOT, KeyStore
from terp_seed.slice.references import SliceReference, values_at
from terp_seed.slice.request import SliceRequest
from terp_seed.slice.roots import root_keys
from terp_seed.slice.snapshot import BATCH_KEYS, Key, Snapshot

__all__ = ["Closure", "identity"]


def identity(facts: TableFacts) -> tuple[str, ...]:
    """The columns that a table's rows are told apart by.

    `PlanError` for a table that has none.
    """
    if facts.key:
        return facts.key
    for columns in facts.uniques:
        if not any(facts.columns[name].nullable for name in columns):
            return columns
    raise PlanError(
        f"table {facts.name}: has neither a primary key nor unique columns, so its rows cannot be "
        "told apart; list it under never in slice.toml, or give it a key"
    )


@dataclass
class Closure:
    """Takes rows of a source, and remembers their keys."""

    source: Snapshot
    border: Boundary
    request: SliceRequest
    references: Sequence[SliceReference]
    keys: KeyStore
    missing: dict[str, set[Key]] = field(default_factory=dict)
    """By address, the values that no row has."""
    aliases: dict[str, dict[Key, list[Key]]] = field(default_factory=dict)
    """By address, values that are spelt otherwise in the row that they lead to."""
    orphans: dict[SliceReference, int] = field(default_factory=dict)
    """How many taken rows refer to a row that is missing, by reference."""

    def __post_init__(self) -> None:
        self._facts: dict[str, TableFacts] = {}
        self._never = {name.casefold() for name in self.request.never}
        self._from: dict[str, list[SliceReference]] = {}
        self._to: dict[str, list[SliceReference]] = {}
        for reference in self.references:
            if not self.is_cut(reference):
                self._from.setdefault(reference.table, []).append(reference)
                self._to.setdefault(reference.target, []).append(reference)

    # -- what there is

    def facts(self, table: str) -> TableFacts:
        """The facts of a table that is known to be there."""
        if table not in self._facts:
            found = self.source.schema.table(table)
            assert found is not None
            self._facts[table] = found
        return self._facts[table]

    def identity(self, table: str) -> tuple[str, ...]:
        """The columns that the keys of a table are of."""
        return identity(self.facts(table))

    def is_never(self, table: str) -> bool:
        """Whether no row of a table is taken."""
        return table.casefold() in self._never

    def is_cut(self, reference: SliceReference) -> bool:
        """Whether a reference leads to a table of which no row is taken."""
        return self.is_never(reference.target) or self.is_never(reference.table)

    def of_table(self, table: str) -> Sequence[SliceReference]:
        """The references that are followed from a table's rows."""
        return self._from.get(table, [])

    @property
    def tables(self) -> list[str]:
        """The tables of which rows are taken, in order."""
        return sorted(name for name in self._facts if self.keys.holds(name))

    # -- taking rows

    def take(self) -> None:
        """Take everything; `UsageError` for a root without rows."""
        for root in self.request.roots:
            for batch in root_keys(self.source, self.border, root, self.identity(root.table)):
                self._take(root.table, batch, self.request.depth, ROOT)
        for depth in range(self.request.depth, 0, -1):
            for table in self.tables:
                for batch in self.keys.batches(table, depth):
                    self._take_children(table, batch, depth - 1)
        while any(self._follow_all(table) for table in self.tables):
            pass

    def _take(self, table: str, found: Iterable[Key], depth: int, role: int) -> None:
        self._make_room(table)
        self.keys.take(table, found, depth, role, unread=bool(self.of_table(table)))

    def _make_room(self, table: str) -> None:
        if table not in self.keys:
            names = self.identity(table)
            self.keys.add(table, len(names), private=self._is_personal(table, names))

    def _is_personal(self, table: str, columns: Iterable[str]) -> bool:
        return any(self.border.is_personal(table, name) for name in columns)

    # -- children

    def _take_children(self, table: str, batch: Sequence[Key], depth: int) -> None:
        for reference in self._to.get(table, []):
            if not reference.path:
                values = self._values_of(table, batch, reference.targets)
                for start in range(0, len(values), BATCH_KEYS):
                    self._take_referring(reference, values[start : start + BATCH_KEYS], depth)

    def _values_of(
        self, table: str, batch: Sequence[Key], columns: tuple[str, ...]
    ) -> Sequence[Key]:
        """What columns of these rows hold, without NULL."""
        names = self.identity(table)
        if names == columns:
            return batch
        return [value for value in self._read(table, columns, names, batch) if value is not None]

    def _read(
        self, table: str, columns: Sequence[str], by: Sequence[str], keys: Sequence[Key]
    ) -> Iterator[Key | None]:
        """The values of columns of the rows that have these keys; None where one is NULL."""
        sql = self._select(table, columns, self.source.among(by, keys))
        for row in self.source.rows(sql, f"table {table}"):
            yield None if None in row else self.source.key(row)

    def _select(self, table: str, columns: Sequence[str], where: str) -> str:
        listed = ", ".join(self.source.exactly(table, columns))
        quoted = self.source.session.dialect.quote_table(table)
        return f"SELECT {listed} FROM {quoted} WHERE {where}"

    def _take_referring(self, reference: SliceReference, values: Sequence[Key], depth: int) -> None:
        """Take the rows that refer to these values, as far as the table's limit goes."""
        table = reference.table
        self._make_room(table)
        where = self.source.among(reference.columns, values)
        sql = self._select(table, self.identity(table), where)
        limit = self.request.limits.get(table)
        if limit is None:
            for rows in self.source.stream(sql, f"table {table}"):
                self._take(table, self.source.keys(rows), depth, CHILD)
            return
        left = limit - self.keys.count(table, CHILD)
        if left > 0:
            quote = self.source.session.dialect.quote
            order = ", ".join(map(quote, self.identity(table)))
            sql += f" ORDER BY {order} LIMIT {left + self.keys.count(table)}"
            found = self.source.keys(self.source.rows(sql, f"table {table}"))
            self._take(table, self.keys.absent(table, found)[:left], depth, CHILD)

    # -- what rows refer to

    def _follow_all(self, table: str) -> bool:
        """Follow the references of the rows that were not read yet; False if there are none."""
        found = False
        while batch := self.keys.take_unread(table):
            self._follow(table, batch)
            found = True
        return found

    def _follow(self, table: str, batch: Sequence[Key]) -> None:
        references = self.of_table(table)
        names = list(dict.fromkeys(name for each in references for name in each.columns))
        where = self.source.among(self.identity(table), batch)
        rows = self.source.rows(self._select(table, names, where), f"table {table}")
        for reference in references:
            places = [names.index(name) for name in reference.columns]
            values = self.referred(reference, [[row[place] for row in rows] for place in places])
            self._take_referred(reference, values)
            missing = self.missing.get(reference.address)
            if missing and (lost := sum(n for value, n in values.items() if value in missing)):
                self.orphans[reference] = self.orphans.get(reference, 0) + lost

    def referred(
        self, reference: SliceReference, columns: Sequence[Sequence[Value]]
    ) -> dict[Key, int]:
        """The values with which rows refer to others, and how often each does.

        ``columns`` are those of the reference, in its order.
        """
        if reference.path:
            documents = (document for document in columns[0] if document is not None)
            rows = Counter((each,) for d in documents for each in values_at(d, reference.path))
        else:
            rows = Counter(row for row in zip(*columns, strict=True) if None not in row)
        return dict(zip(self.source.keys([*rows]), rows.values(), strict=True))

    def _take_referred(self, reference: SliceReference, values: Iterable[Key]) -> None:
        """Take the rows that are referred to, and note the values that no row has."""
        target, address = reference.target, reference.address
        own = reference.targets == self.identity(target)
        place = target if own else address
        self._make_room(target)
        if place not in self.keys:
            private = self._is_personal(target, reference.targets)
            self.keys.add(place, len(reference.targets), private=private)
        known = {*self.missing.get(address, ()), *self.aliases.get(address, ())}
        wanted = self.keys.absent(place, (value for value in values if value not in known))
        for start in range(0, len(wanted), BATCH_KEYS):
            self._resolve(reference, place, wanted[start : start + BATCH_KEYS])

    def _resolve(self, reference: SliceReference, place: str, wanted: Sequence[Key]) -> None:
        found = self._find(reference, wanted)
        self._take(reference.target, (key for _, key in found), 0, PARENT)
        if place != reference.target:
            self.keys.take(place, (value for value, _ in found), 0, PARENT, unread=False)
        there = {value for value, _ in found}
        for value in wanted:
            if value not in there:
                self._resolve_oddly_spelt(reference, value)

    def _find(self, reference: SliceReference, wanted: Sequence[Key]) -> Sequence[tuple[Key, Key]]:
        """Rows with these values: the value as the row has it, and the row's key."""
        targets, names = reference.targets, self.identity(reference.target)
        where = self.source.among(targets, wanted)
        sql = self._select(reference.target, [*targets, *names], where)
        width = len(targets)
        rows = self.source.rows(sql, f"table {reference.target}")
        parts = [[row[:width] for row in rows], [row[width:] for row in rows]]
        return [*zip(*map(self.source.keys, parts), strict=True)]

    def _resolve_oddly_spelt(self, reference: SliceReference, value: Key) -> None:
        """Follow a value that a collation or another type makes equal to that of a row, if any."""
        odd = any(isinstance(part, str) for part in value)
        found = self._find(reference, [value]) if odd else ()
        if found:
            self._take(reference.target, (key for _, key in found), 0, PARENT)
            aliases = self.aliases.setdefault(reference.address, {})
            aliases[value] = [key for _, key in found]
        else:
            self.missing.setdefault(reference.address, set()).add(value)

    # -- what was taken

    def lost(self, reference: SliceReference, values: Collection[Key]) -> list[Key]:
        """Those of these values that lead to no taken row."""
        own = reference.targets == self.identity(reference.target)
        place = reference.target if own else reference.address
        aliases: Mapping[Key, object] = self.aliases.get(reference.address, {})
        if place not in self.keys:
            return [*values]
        return [value for value in self.keys.absent(place, values) if value not in aliases]
