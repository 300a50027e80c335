"""What masking must know of a column: from the live schema, and from values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts, TableFacts
from terp_seed.masking.detect import ColumnProfile
from terp_seed.masking.names import TypeKind
from terp_seed.rows.model import Lookup, TableRows, Value

__all__ = ["profile_of_column", "profile_of_rows"]

_FEW = 50
_NUMBER = re.compile(r"[-+]?\d{1,12}(\.\d{1,6})?", re.ASCII)  # longer ones may be personal
_KINDS: tuple[tuple[type[sa.types.TypeEngine[Any]], TypeKind], ...] = (
    (sa.Enum, "enum"),
    (sa.JSON, "json"),
    (sa.Boolean, "boolean"),
    (sa.DateTime, "datetime"),
    (sa.Date, "date"),
    (sa.Time, "datetime"),
    (sa.Integer, "number"),
    (sa.Numeric, "number"),
    (sa.LargeBinary, "binary"),
)


@dataclass(frozen=True)
class _Samples:
    """The values of a column of imported rows, as often as they are asked for."""

    rows: TableRows
    name: str

    @property
    def are_there(self) -> bool:
        """Whether anything but references is in the column."""
        return not self.rows.count or any(True for _ in self)

    def __iter__(self) -> Iterator[Value]:
        return (v for v in self.rows.each(self.name) if not isinstance(v, Lookup))


def profile_of_rows(rows: TableRows, name: str, facts: TableFacts | None) -> ColumnProfile:
    """A column that rows are about to be written to; without ``facts`` its values tell."""
    live = facts.columns.get(name) if facts else None
    samples: _Samples | None = None
    if rows.provenance == "imported":
        samples = _Samples(rows, name)
    if rows.columns[name].ref is not None or (samples and not samples.are_there):
        return ColumnProfile(name, "number")
    if live is None:
        few = rows.values(name, 0, min(rows.count, _FEW))
        length = rows.columns[name].bounds.length
        return ColumnProfile(name, _kind_of_values(few), length, samples)
    unique = facts is not None and (name,) in facts.uniques
    return ColumnProfile(name, _kind(live), live.length, samples, live.nullable, unique)


def profile_of_column(
    facts: TableFacts, name: str, samples: Sequence[Value] | None = None
) -> ColumnProfile:
    """A column that holds rows already.

    A part of a key counts as unique; a text column full of documents is one of
    documents, whatever the engine calls its type.
    """
    live = facts.columns[name]
    kind = _kind(live)
    if kind == "text" and samples and _are_documents(samples):
        kind = "json"
    unique = name in facts.key or any(name in columns for columns in facts.uniques)
    ascii_only = live.charset == "ascii"
    return ColumnProfile(name, kind, live.length, samples, live.nullable, unique, ascii_only)


def _are_documents(samples: Sequence[Value]) -> bool:
    texts = [value for value in samples if value is not None]
    return bool(texts) and all(
        isinstance(text, str) and text[:1] in ("{", "[") and text[-1:] in ("}", "]")
        for text in texts
    )


def _kind_of_values(values: Sequence[Value]) -> TypeKind:
    known = [value for value in values if value is not None]
    if any(isinstance(value, dict | list) for value in known):
        return "json"
    texts = [value for value in known if isinstance(value, str)]
    if not known or not all(map(_NUMBER.fullmatch, texts)):
        return "text"
    return "number"  # a CSV's numbers are texts, too


def _kind(live: ColumnFacts) -> TypeKind:
    if live.choices is not None:
        return "enum"
    return next((kind for type_, kind in _KINDS if isinstance(live.type, type_)), "text")
