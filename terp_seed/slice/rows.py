"""The rows of a slice, block by block: read whole, masked, and proven to lead nowhere else.

A block takes bounded memory, whatever the table: rows that are large come fewer at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from terp_seed.errors import VerificationError
from terp_seed.rows.model import Value
from terp_seed.slice.closure import Closure
from terp_seed.slice.mask import MaskedTable
from terp_seed.slice.order import nullable_column
from terp_seed.slice.references import SliceReference
from terp_seed.slice.snapshot import BATCH_KEYS, Key

__all__ = ["SlicedRows"]

_FIRST_ROWS = 100
_BLOCK_BYTES = 4 * 2**20
_MEASURED = 50

Columns = dict[str, list[Value]]


@dataclass
class SlicedRows:
    """Reads the taken rows of a closure.

    ``exact``: values are read so that the source's own engine keeps them to the last digit;
    otherwise so that any engine takes them.
    """

    closure: Closure
    exact: bool
    checked: dict[SliceReference, int] = field(default_factory=dict)
    """By reference, how many values were looked at, and lead to a taken row."""

    def sample(self, table: MaskedTable, most: int) -> Columns:
        """Values of some rows, as they are in the source."""
        keys = self.closure.keys.sample(table.facts.name, most)
        rows = self._read(table, keys) if keys else []
        return _by_column(self._names(table), rows)

    def blocks(self, table: MaskedTable) -> Iterator[Mapping[str, Sequence[Value]]]:
        """The rows of a table in the order of their keys, as they are to be written."""
        size, start = _FIRST_ROWS, 0
        for batch in self.closure.keys.batches(table.facts.name):
            at = 0
            while at < len(batch):
                keys = batch[at : at + size]
                rows = self._read(table, keys)
                if len(rows) != len(keys):
                    raise VerificationError(
                        f"table {table.facts.name}: {len(keys)} rows were taken, and "
                        f"{len(rows)} are there; run the command again"
                    )
                columns = _by_column(self._names(table), rows)
                self._cut(table, columns)
                beside = {name: columns.pop(f"\0{name}") for name in table.beside}
                yield {**table.apply(columns, start), **beside}
                at, start = at + len(keys), start + len(keys)
                size = _next_size(rows, size)

    def _names(self, table: MaskedTable) -> list[str]:
        return [*table.columns, *table.referred, *(f"\0{name}" for name in table.beside)]

    def _read(self, table: MaskedTable, keys: Sequence[Key]) -> Sequence[Sequence[Value]]:
        source, facts = self.closure.source, table.facts
        dialect, names = source.session.dialect, self.closure.identity(facts.name)
        listed = [
            dialect.quote(name) if name in table.raw else self._expression(table, name)
            for name in table.columns
        ]
        listed += [*table.referred.values(), *table.beside.values()]
        sql = (
            f"SELECT {', '.join(listed)} FROM {dialect.quote_table(facts.name)} "
            f"WHERE {source.among(names, keys)} ORDER BY {', '.join(map(dialect.quote, names))}"
        )
        return source.rows(sql, f"table {facts.name}")

    def _expression(self, table: MaskedTable, name: str) -> str:
        dialect, column = self.closure.source.session.dialect, table.facts.columns[name]
        exact = self.exact or column.flags is not None  # a driver gives the bytes of a BIT
        read = dialect.exactly if exact else dialect.comparable
        return read(dialect.quote(name), column.type)

    def _cut(self, table: MaskedTable, columns: Columns) -> None:
        """Empty the references to what is not taken; prove that all others lead to taken rows."""
        closure = self.closure
        for reference in closure.references:
            if reference.table != table.facts.name:
                continue
            if closure.is_cut(reference):
                if name := None if reference.path else nullable_column(table.facts, reference):
                    columns[name] = [None] * len(columns[name])
                continue
            missing = closure.missing.get(reference.address, set())
            if missing and closure.request.orphans == "leave":
                self._leave_empty(table, reference, columns, missing)
            self._prove(reference, columns, missing)

    def _leave_empty(
        self, table: MaskedTable, reference: SliceReference, columns: Columns, missing: set[Key]
    ) -> None:
        name = nullable_column(table.facts, reference)
        if name is None or reference.path:
            return
        key = self.closure.source.key
        rows = zip(*(columns[each] for each in reference.columns), strict=True)
        columns[name] = [
            None if None not in row and key(row) in missing else value
            for value, row in zip(columns[name], list(rows), strict=True)
        ]

    def _prove(self, reference: SliceReference, columns: Columns, missing: set[Key]) -> None:
        found = self.closure.referred(reference, [columns[name] for name in reference.columns])
        taken_so = missing if self.closure.request.orphans == "take" else set[Key]()
        wanted = [value for value in found if value not in taken_so]
        lost = self.closure.lost(reference, wanted)
        if lost:
            raise VerificationError(
                f"{reference}: {len(lost)} values lead to no row of the slice; nothing was written"
            )
        self.checked[reference] = self.checked.get(reference, 0) + sum(found.values())


def _by_column(names: Sequence[str], rows: Sequence[Sequence[Value]]) -> Columns:
    columns = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    return dict(zip(names, columns, strict=True))


def _next_size(rows: Sequence[Sequence[Value]], size: int) -> int:
    """How many rows to read next, so that they take bounded memory."""
    some = rows[:: max(1, len(rows) // _MEASURED)]
    total = sum(len(value) for row in some for value in row if isinstance(value, str | bytes))
    return max(1, min(BATCH_KEYS, _BLOCK_BYTES * len(some) // max(total, 1)))
