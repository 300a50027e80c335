"""Fail closed: a column that looks personal and has no policy stops the run.

A column looks personal by its name, its type, and its content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Set
from dataclasses import dataclass
from itertools import islice

from terp_seed.masking.column_names import TypeKind, guess
from terp_seed.masking.live_values import find_live, live_kinds, may_be_live, searchable
from terp_seed.masking.policy import Policy, Rule
from terp_seed.rows.model import Json, Value

__all__ = ["ColumnProfile", "PolicyGap", "find_gaps", "lines_to_add", "toml_key"]

_AT_ONCE = 2_000
_APART = "     "  # no number goes on behind it
_LEAST_CARD = 10**12  # a card number has 13 digits
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
    found: tuple[str, ...] = ()
    """The kinds of data that its values hold."""

    @property
    def line(self) -> str:
        """The line that classifies the column, to go under ``[tables.<table>]``."""
        return f'{toml_key(self.column)} = {{ class = "{self.kind}" }}'

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}"
        if self.declared:
            return (
                f"{place} is declared pii = false, but {self.because}; "
                f"replace its entry by: {self.line}, or, if they only look like it, "
                f"add false_alarms = {json.dumps(self.found)} to it"
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
    kinds = _content(column).difference(() if rule is None else rule.false_alarms)
    if not kinds:
        return None
    because = f"its values hold {' and '.join(sorted(kinds))} data"
    declared = rule is not None
    found = tuple(sorted(kinds))
    return PolicyGap(table, column.name, _class_of(column, kinds), because, declared, found)


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
    values, kinds = iter(column.samples or ()), set[str]()
    while some := list(islice(values, _AT_ONCE)):
        kinds |= _kinds_of_texts({value for value in some if isinstance(value, str)})
        for value in some:
            if isinstance(value, dict | list | Json):
                kinds |= live_kinds(value)
            elif isinstance(value, int) and value >= _LEAST_CARD:
                kinds |= live_kinds(str(value)) & {"card"}
    return kinds


def _kinds_of_texts(texts: Set[str]) -> set[str]:
    together = _APART.join(texts)
    if together.isascii() and not may_be_live(together):
        return set()
    return set().union(*map(live_kinds, texts))


def _class_of(column: ColumnProfile, kinds: set[str]) -> str:
    """One kind that fills its values is that class; anything else is a text or document."""
    if column.type_kind == "json":
        return "json"
    fills = all(_fills(value) for value in column.samples or () if live_kinds(value))
    return min(kinds) if len(kinds) == 1 and fills else "free_text"


def _fills(value: Value) -> bool:
    text = searchable(str(value)).strip()
    hits = find_live(text)
    return len(hits) == 1 and (hits[0].start, hits[0].stop) == (0, len(text))


def toml_key(name: str) -> str:
    """A name as a key of TOML, in quotes if it needs them."""
    return name if _BARE.fullmatch(name) else json.dumps(name)
