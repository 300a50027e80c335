"""The shape of a range of rows: what a later rollback must know to make sense of its digests."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from terp_seed.rows.literals import json_text
from terp_seed.rows.model import TableRows

if TYPE_CHECKING:
    from terp_seed.ledger.ledger import Range

__all__ = ["Place", "Shape", "digested_columns"]

Place = tuple[str, int]
"""A range by its revision and its number there."""


@dataclass(frozen=True)
class Shape:
    """What a later rollback must know to make sense of a range's digests."""

    id: str | None
    key: Sequence[str]
    columns: Sequence[str]
    refs: Mapping[str, Place]
    json_refs: Mapping[str, Mapping[str, Place]]
    provenance: str
    skip_taken: bool
    stored: bool = False
    """Whether the digests are of what the database stored, and made by itself."""
    later: Sequence[str] = ()
    """Columns that have to be NULL again before a row can go."""

    @classmethod
    def of(cls, rows: TableRows, refs: Mapping[str, Range], *, stored: bool = False) -> Shape:
        """The shape of planned rows; ``refs`` are the ranges that they refer to, by table."""
        columns = rows.columns.items()
        return cls(
            id=rows.id,
            key=list(rows.key),
            columns=digested_columns(rows, stored=stored),
            refs={name: refs[column.ref].place for name, column in columns if column.ref},
            json_refs={
                name: {key: refs[table].place for key, table in column.json_refs.items()}
                for name, column in columns
                if column.json_refs
            },
            provenance=rows.provenance,
            skip_taken=rows.skip_taken,
            stored=stored,
            later=list(rows.later),
        )

    def to_json(self) -> str:
        fields = asdict(self)
        for name in ("later", "stored"):  # which few ranges have
            if not fields[name]:
                del fields[name]
        return json_text(fields)

    @property
    def names(self) -> list[str]:
        """All columns that it names."""
        own = [] if self.id is None else [self.id]
        return [*self.columns, *self.key, *self.refs, *self.json_refs, *self.later, *own]

    def renamed(self, names: Mapping[str, str]) -> Shape:
        """The same with other names for its columns; one that has none keeps its name."""

        def now(name: str) -> str:
            return names.get(name, name)

        return replace(
            self,
            id=None if self.id is None else now(self.id),
            key=[*map(now, self.key)],
            columns=[*map(now, self.columns)],
            refs={now(name): place for name, place in self.refs.items()},
            json_refs={now(name): places for name, places in self.json_refs.items()},
            later=[*map(now, self.later)],
        )

    @classmethod
    def from_json(cls, text: str) -> Shape:
        data = json.loads(text)
        refs = _places(data.pop("refs"))
        held = {name: _places(places) for name, places in data.pop("json_refs").items()}
        return cls(refs=refs, json_refs=held, **data)


def digested_columns(rows: TableRows, *, stored: bool) -> list[str]:
    """The columns in a row's digest; only the database knows what an imported row looks up."""
    whole = stored and rows.provenance == "imported"
    return [name for name in rows.columns if whole or name not in rows.derived]


def _places(data: Mapping[str, Sequence[Any]]) -> dict[str, Place]:
    return {name: (revision, number) for name, (revision, number) in data.items()}
