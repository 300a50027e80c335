"""Fail closed: a column that looks personal and has no policy stops the run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from terp_seed.masking.content import live, live_kinds, searchable
from terp_seed.masking.names import TypeKind, guess
from terp_seed.masking.rules import Rule
from terp_seed.rows.model import Value

__all__ = ["ColumnFacts", "Finding", "lines_to_add", "look", "toml_key"]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    """What is known of a live column; ``samples`` are values on their way into it."""

    name: str
    type_kind: TypeKind
    length: int | None = None
    samples: Sequence[Value] | None = None
    nullable: bool = True
    unique: bool = False
    plane: Literal["ascii", "latin1", "bmp", "full"] = "full"


@dataclass(frozen=True, slots=True)
class Finding:
    """A column that needs a decision; its text never holds a value."""

    table: str
    column: str
    problem: Literal["unclassified", "contradiction"]
    kind: str
    """The class that it looks like."""
    because: str

    @property
    def line(self) -> str:
        """The line that classifies the column, to go under ``[tables.<table>]``."""
        return f'{toml_key(self.column)} = {{ class = "{self.kind}" }}'

    @property
    def toml(self) -> str:
        """The lines to add to the policy."""
        return f"[tables.{toml_key(self.table)}]\n{self.line}"

    def __str__(self) -> str:
        if self.problem == "contradiction":
            return (
                f"{self.table}.{self.column} is declared pii = false, but {self.because}; "
                f"replace its entry by: {self.line}"
            )
        return (
            f"{self.table}.{self.column} has no entry in the masking policy and {self.because}; "
            f"add {self.line} under [tables.{toml_key(self.table)}], or, if it is not personal, "
            f'{toml_key(self.column)} = {{ pii = false, reason = "..." }}'
        )


def look(table: str, column: ColumnFacts, rule: Rule | None) -> Finding | None:
    """What stands against writing this column with this rule, if anything does.

    A classified column is fine.  One declared not personal is held to its
    content, one without a rule to its name, type and content.
    """
    if rule is not None and rule.kind is not None:
        return None
    kinds = _content(column)
    if rule is not None:
        because = f"its values hold {' and '.join(sorted(kinds))} data"
        made = Finding(table, column.name, "contradiction", _class_of(column, kinds), because)
        return made if kinds else None
    said = guess(table, column.name, column.type_kind, column.length)
    if said is not None:
        reason = "is a document" if said == "json" else f"looks like {said} by its name or type"
        return Finding(table, column.name, "unclassified", said, reason)
    because = f"its values hold {' and '.join(sorted(kinds))} data"
    made = Finding(table, column.name, "unclassified", _class_of(column, kinds), because)
    return made if kinds else None


def lines_to_add(findings: Iterable[Finding]) -> str:
    """All lines to add, table by table, ready to be pasted."""
    tables: dict[str, list[str]] = {}
    for finding in findings:
        tables.setdefault(finding.table, []).append(finding.line)
    return "\n\n".join(
        "\n".join([f"[tables.{toml_key(table)}]", *lines]) for table, lines in tables.items()
    )


def _content(column: ColumnFacts) -> set[str]:
    if column.type_kind in ("boolean", "enum", "date", "datetime", "binary"):
        return set()
    kinds: set[str] = set()
    for value in column.samples or ():
        if isinstance(value, int) and not isinstance(value, bool):
            kinds |= live_kinds(str(value)) & {"card"}
        else:
            kinds |= live_kinds(value)
    return kinds


def _class_of(column: ColumnFacts, kinds: set[str]) -> str:
    """One kind that fills its values is that class; anything else is a text or document."""
    if column.type_kind == "json":
        return "json"
    if len(kinds) == 1 and all(
        _fills(value) for value in column.samples or () if live_kinds(value)
    ):
        return min(kinds)
    return "free_text"


def _fills(value: Value) -> bool:
    text = searchable(str(value)).strip()
    hits = live(text)
    return len(hits) == 1 and (hits[0].start, hits[0].stop) == (0, len(text))


def toml_key(name: str) -> str:
    """A name as a key of TOML, in quotes if it needs them."""
    return name if _BARE.fullmatch(name) else json.dumps(name)
