"""Fail closed: a column that looks personal and has no policy stops the run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

from terp_seed.masking.content import live, live_kinds, searchable
from terp_seed.masking.names import TypeKind, guess
from terp_seed.masking.policy import Policy, Rule
from terp_seed.rows.model import Value

__all__ = ["ColumnProfile", "PolicyGap", "find_gaps", "lines_to_add", "toml_key"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What masking must know of a column; ``samples`` are values in it, or on their way."""

    name: str
    type_kind: TypeKind
    length: int | None = None
    samples: Iterable[Value] | None = None
    nullable: bool = True
    unique: bool = False
    ascii: bool = False
    """Whether its character set holds nothing but ASCII."""


@dataclass(frozen=True, slots=True)
class PolicyGap:
    """A column that needs a decision; its text never holds a value."""

    table: str
    column: str
    kind: str
    """The class that it looks like."""
    because: str
    declared: bool = False
    """Whether the policy says that it is not personal."""

    @property
    def line(self) -> str:
        """The line that classifies the column, to go under ``[tables.<table>]``."""
        return f'{toml_key(self.column)} = {{ class = "{self.kind}" }}'

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}"
        if self.declared:
            return (
                f"{place} is declared pii = false, but {self.because}; "
                f"replace its entry by: {self.line}"
            )
        return (
            f"{place} has no entry in the masking policy and {self.because}; "
            f"add {self.line} under [tables.{toml_key(self.table)}], or, if it is not personal, "
            f'{toml_key(self.column)} = {{ pii = false, reason = "..." }}'
        )


def find_gaps(policy: Policy, table: str, columns: Iterable[ColumnProfile]) -> list[PolicyGap]:
    """The columns that need a decision before a row of theirs is written.

    A classified column is fine.  One declared not personal is held to its
    content, one without an entry to its name, type and content.
    """
    found = (_gap(table, column, policy.rule(table, column.name)) for column in columns)
    return [gap for gap in found if gap is not None]


def _gap(table: str, column: ColumnProfile, rule: Rule | None) -> PolicyGap | None:
    if rule is not None and rule.kind is not None:
        return None
    if rule is None:
        kind = guess(table, column.name, column.type_kind, column.length)
        if kind is not None:
            looks = "is a document" if kind == "json" else f"looks like {kind} by its name or type"
            return PolicyGap(table, column.name, kind, looks)
    kinds = _content(column)
    if not kinds:
        return None
    because = f"its values hold {' and '.join(sorted(kinds))} data"
    declared = rule is not None
    return PolicyGap(table, column.name, _class_of(column, kinds), because, declared)


def lines_to_add(gaps: Iterable[PolicyGap]) -> str:
    """All lines to add, table by table, ready to be pasted."""
    tables: dict[str, list[str]] = {}
    for gap in gaps:
        tables.setdefault(gap.table, []).append(gap.line)
    return "\n\n".join(
        "\n".join([f"[tables.{toml_key(table)}]", *lines]) for table, lines in tables.items()
    )


def _content(column: ColumnProfile) -> set[str]:
    if column.type_kind in ("boolean", "enum", "date", "datetime", "binary"):
        return set()
    kinds: set[str] = set()
    for value in column.samples or ():
        if isinstance(value, int) and not isinstance(value, bool):
            kinds |= live_kinds(str(value)) & {"card"}
        else:
            kinds |= live_kinds(value)
    return kinds


def _class_of(column: ColumnProfile, kinds: set[str]) -> str:
    """One kind that fills its values is that class; anything else is a text or document."""
    if column.type_kind == "json":
        return "json"
    fills = all(_fills(value) for value in column.samples or () if live_kinds(value))
    return min(kinds) if len(kinds) == 1 and fills else "free_text"


def _fills(value: Value) -> bool:
    text = searchable(str(value)).strip()
    hits = live(text)
    return len(hits) == 1 and (hits[0].start, hits[0].stop) == (0, len(text))


def toml_key(name: str) -> str:
    """A name as a key of TOML, in quotes if it needs them."""
    return name if _BARE.fullmatch(name) else json.dumps(name)
