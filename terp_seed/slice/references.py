"""What refers to what: foreign keys, references declared by `refers`, and those of ``slice.toml``.

A reference of ``slice.toml`` may lead out of a document: of a JSON column, by a path into it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from terp_seed.database.dialects import Reference
from terp_seed.database.schema import Schema
from terp_seed.errors import UsageError
from terp_seed.masking.policy import PathStep, path_steps
from terp_seed.rows.seeders import logical_references
from terp_seed.slice.request import DeclaredReference
from terp_seed.slice.snapshot import Snapshot

__all__ = [
    "SliceReference",
    "enforced_references",
    "find_references",
    "known_table",
    "values_at",
]


@dataclass(frozen=True)
class SliceReference:
    """One reference between tables of the source."""

    table: str
    columns: tuple[str, ...]
    target: str
    targets: tuple[str, ...]
    path: str = ""
    """Where in the document of its column the reference is; empty: the column is it."""
    enforced: bool = False
    """Whether the schema has a foreign key for it."""

    @property
    def place(self) -> str:
        """Its column, as messages name it."""
        return f"{self.table}.{', '.join(self.columns)}{self.path}"

    @property
    def column(self) -> str:
        """The first of the columns, which is the only one of most."""
        return self.columns[0]

    @property
    def address(self) -> str:
        """The name of the set of values that it can hold."""
        return f"{self.target}\0{','.join(self.targets)}"

    def __str__(self) -> str:
        return f"{self.place} -> {self.target}.{', '.join(self.targets)}"


def known_table(names: Sequence[str], name: str, what: str) -> str:
    """The one of these tables, in any case; `UsageError` that names the near one."""
    found = {each.casefold(): each for each in names}.get(name.casefold())
    if found is None:
        close = get_close_matches(name, names, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"{what}: the source has no table {name}{hint}")
    return found


def find_references(
    source: Snapshot, declared: Sequence[DeclaredReference]
) -> tuple[SliceReference, ...]:
    """Every reference that a table of the source makes; `UsageError` for one that it cannot."""
    schema, names = source.schema, source.tables
    known = {name.casefold(): name for name in names}
    session = source.session
    keys = session.dialect.foreign_keys(session.connection, names)
    found = [*enforced_references(schema, keys, known), *_logical(schema, known)]
    found += [_declared(source, each) for each in declared]
    first: dict[tuple[object, ...], SliceReference] = {}
    for each in found:
        first.setdefault((each.table, each.columns, each.path, each.address), each)
    return tuple(sorted(first.values(), key=lambda each: (each.table, each.place, each.address)))


def enforced_references(
    schema: Schema, keys: Sequence[Reference], known: Mapping[str, str]
) -> Iterator[SliceReference]:
    """The foreign keys of tables that are ``known``, by their names in small letters."""
    for key in keys:
        table = known.get(key.table.casefold())
        target = known.get(key.target_table.casefold(), key.target_table)
        facts = schema.table(target)
        if table is None or facts is None:
            continue  # rows of another schema
        targets = key.targets if key.targets and None not in key.targets else facts.key
        yield SliceReference(table, key.columns, target, targets, enforced=True)


def _logical(schema: Schema, known: Mapping[str, str]) -> Iterator[SliceReference]:
    """What the project's seeders declare of tables that are there."""
    for table, column, target, key in logical_references():
        own, other = known.get(table.casefold()), known.get(target.casefold())
        if own is None or other is None:
            continue
        facts, there = schema.table(own), schema.table(other)
        if facts and there and column in facts.columns and key in there.columns:
            yield SliceReference(own, (column,), other, (key,))


def _declared(source: Snapshot, given: DeclaredReference) -> SliceReference:
    what = f'[references] "{given.table}.{given.column}{given.path}"'
    table, target = (
        known_table(source.tables, name, what) for name in (given.table, given.target_table)
    )
    for name, column in ((table, given.column), (target, given.target)):
        facts = source.schema.table(name)
        columns = [*facts.columns] if facts else []
        if column not in columns:
            close = get_close_matches(column, columns, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"{what}: table {name} has no column {column}{hint}")
    return SliceReference(table, (given.column,), target, (given.target,), given.path)


def values_at(document: Any, path: str) -> list[Any]:
    """The values that a path finds in a document, or in the text of one; never None."""
    if isinstance(document, str | bytes):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError):
            return []
    steps = path_steps(path)
    assert steps is not None
    found = _walk(document, steps)
    return [value for value in found if type(value) in (int, str)]


def _walk(node: Any, steps: Sequence[PathStep]) -> Iterator[Any]:
    if not steps:
        yield node
        return
    (deep, step), rest = steps[0], steps[1:]
    for inner in _inside(node, step):
        yield from _walk(inner, rest)
    if deep:
        children = node.values() if isinstance(node, dict) else node
        for inner in children if isinstance(node, dict | list) else ():
            yield from _walk(inner, steps)


def _inside(node: Any, step: str | int) -> Sequence[Any]:
    """What one step of a path finds."""
    if isinstance(node, dict) and isinstance(step, str) and step[1:] in node and step != "*":
        return [node[step[1:]]]
    if isinstance(node, list):
        if step == "*":
            return node
        return [node[step]] if isinstance(step, int) and step < len(node) else []
    return []
