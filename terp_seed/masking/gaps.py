"""Fail closed: a column without a decision stops the run.

Imported rows, and rows that are masked in place, need an entry for every column that can hold
something of a person, whatever it is called (`ColumnProfile.needs_entry`).  Other columns are
judged by name, type and content; all are, under ``unlisted = "detect"``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from shlex import quote
from typing import Any

import sqlalchemy as sa

from terp_seed.database.schema import ColumnFacts, TableFacts
from terp_seed.masking.column_names import TypeKind, guess
from terp_seed.masking.live_values import find_live, live_kinds, may_be_live_among, searchable
from terp_seed.masking.policy import Policy, Rule
from terp_seed.masking.site import Mask
from terp_seed.rows.model import Json, Lookup, TableRows, Value

__all__ = [
    "ColumnProfile",
    "PolicyGap",
    "describe_gaps",
    "find_gaps",
    "lines_to_add",
    "misfits",
    "profile_of_column",
    "profile_of_rows",
    "profile_of_values",
    "toml_key",
]

_AT_ONCE = 2_000
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
    needs_entry: bool = False
    """Whether its values are imported, and of a type that can hold something of a person."""
    typed: bool = True
    """Whether the database names the type, and not the values."""


@dataclass(frozen=True, slots=True)
class PolicyGap:
    """A column that needs a decision; its text never holds a value."""

    table: str
    column: str
    kind: str
    """The class that it looks like; empty if all that is known is that no entry exists."""
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
        if not self.kind:
            return f"{place} {self.because}"
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

    A classified column is fine.  One declared not personal is held to its content, and to its
    type if the entry names one.  One without an entry is a gap if it needs one; if not, it is held
    to its name, type and content.
    """
    found = (
        _gap(table, column, policy.rule(table, column.name), strict=policy.unlisted)
        for column in columns
    )
    return [gap for gap in found if gap is not None]


def describe_gaps(gaps: Iterable[PolicyGap]) -> list[str]:
    """A line for each gap, and one for all columns of a table that have no entry."""
    missing: dict[str, list[str]] = {}
    lines: list[str] = []
    for gap in gaps:
        if gap.kind or gap.declared:
            lines.append(str(gap))
        else:
            missing.setdefault(gap.table, []).append(gap.column)
    return [
        *(
            f"table {table} has columns without an entry in the masking policy: "
            f"{', '.join(dict.fromkeys(columns))}; this command writes proposed entries: "
            f"terp-seed mask --init --table {quote(table)}"
            for table, columns in missing.items()
        ),
        *lines,
    ]


def _gap(table: str, column: ColumnProfile, rule: Rule | None, *, strict: bool) -> PolicyGap | None:
    if rule is not None and rule.kind is not None:
        return None
    if rule is not None and _has_other_type(column, rule):
        because = (
            f"is declared pii = false for a {rule.type_kind}, and is a {column.type_kind} now; "
            "decide again and correct or delete its type"
        )
        return PolicyGap(table, column.name, "", because, declared=True)
    if rule is None and strict and column.needs_entry:
        return PolicyGap(table, column.name, "", "has no entry in the masking policy")
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


def _has_other_type(column: ColumnProfile, rule: Rule) -> bool:
    """Whether an entry was written for another type; a number that became short is still one."""
    if rule.type_kind is None or not column.typed:
        return False
    found = "date" if column.type_kind == "datetime" else column.type_kind
    return found not in (rule.type_kind, "boolean", "enum")


def lines_to_add(gaps: Iterable[PolicyGap]) -> str:
    """All lines to add, table by table, ready to be pasted."""
    tables: dict[str, list[str]] = {}
    for gap in gaps:
        if gap.kind:
            tables.setdefault(gap.table, []).append(gap.line)
    return "\n\n".join(
        "\n".join([f"[tables.{toml_key(table)}]", *lines]) for table, lines in tables.items()
    )


def _content(column: ColumnProfile) -> set[str]:
    if column.type_kind in ("boolean", "enum", "date", "datetime", "binary"):
        return set()
    values, kinds = iter(column.samples or ()), set[str]()
    while some := list(islice(values, _AT_ONCE)):
        types = {*map(type, some)}
        texts = {*some} if types <= _TEXTS else {v for v in some if isinstance(v, str)}
        kinds |= _kinds_of_texts(texts - {None})
        whole = types <= _WHOLE and max(filter(None, some), default=0) < _LEAST_CARD
        if not whole and not types <= _WITHOUT_CARDS:
            kinds |= _kinds_of_others(some)
    return kinds


_TEXTS, _WHOLE = frozenset((str, type(None))), frozenset((int, type(None)))
_WITHOUT_CARDS = frozenset((*_TEXTS, Decimal, float, date, datetime, time, timedelta, bytes))


def _kinds_of_others(values: Iterable[Value]) -> set[str]:
    """The kinds of data in documents, and in numbers that are long enough for a card's."""
    kinds = set[str]()
    for value in values:
        if isinstance(value, dict | list | Json):
            kinds |= live_kinds(value)
        elif isinstance(value, int) and value >= _LEAST_CARD:
            kinds |= live_kinds(str(value)) & {"card"}
    return kinds


def _kinds_of_texts(texts: Set[str]) -> set[str]:
    if not may_be_live_among(texts):
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
    (sa.Float, "number"),  # no Numeric in SQLAlchemy 2.1
    (sa.types._Binary, "binary"),  # LONGBLOB and VARBINARY of MySQL are no LargeBinary
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
        values = self.rows.each(self.name)
        if self.name not in self.rows.derived:
            return values
        return (value for value in values if not isinstance(value, Lookup))


def profile_of_rows(
    rows: TableRows, name: str, facts: TableFacts | None, *, listed: bool = True
) -> ColumnProfile:
    """A column that rows are about to be written to; without ``facts`` its values tell.

    Whether one needs an entry is found out only if it is not ``listed``.
    """
    live = facts.columns.get(name) if facts else None
    imported = rows.provenance == "imported"
    samples = _Samples(rows, name) if imported else None
    if rows.columns[name].ref is not None or (samples and not samples.are_there):
        return ColumnProfile(name, "number", typed=False)
    if facts is None or live is None:
        few = rows.values(name, 0, min(rows.count, _FEW))
        if few.count(None) == len(few) and all(value is None for value in rows.each(name)):
            return ColumnProfile(name, "boolean", typed=False)  # nothing is personal in it
        length = rows.columns[name].bounds.length
        needs_entry = not (listed or samples is None or all(map(_is_short, samples)))
        kind = _kind_of_values(few)
        return ColumnProfile(name, kind, length, samples, needs_entry=needs_entry, typed=False)
    return ColumnProfile(
        name,
        _kind(live),
        live.length,
        samples,
        live.nullable,
        unique=(name,) in facts.possible_uniques,
        needs_entry=imported and _can_identify(facts, live),
    )


def profile_of_values(name: str, values: Sequence[Value]) -> ColumnProfile:
    """A column of which nothing but values is known."""
    needs_entry = not all(map(_is_short, values))
    kind = _kind_of_values(values)
    return ColumnProfile(name, kind, None, values, needs_entry=needs_entry, typed=False)


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
    unique = name in facts.key or any(name in columns for columns in facts.possible_uniques)
    ascii_only = live.charset == "ascii"
    needs_entry = _can_identify(facts, live)
    return ColumnProfile(
        name, kind, live.length, samples, live.nullable, unique, ascii_only, needs_entry
    )


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
    if live.choices is not None or live.members is not None:
        return "enum"
    if live.flags is not None:
        return "number"
    return next((kind for type_, kind in _KINDS if isinstance(live.type, type_)), "text")


_SHORT = 8
"""So many digits are too few for a number that names a person."""
_LEAST_LONG = 100_000_000
_SHORT_TEXT = re.compile(
    rf"[-+]?\d{{1,{_SHORT}}}(\.\d{{0,6}})?|true|false|yes|no", re.ASCII | re.IGNORECASE
)


def _can_identify(facts: TableFacts, live: ColumnFacts) -> bool:
    """Whether a column needs an entry, whatever it is called.

    Not: what counts rows or refers to them by number, booleans, enumerations, and numbers of at
    most eight digits before the point.
    """
    kind = _kind(live)
    if kind in ("boolean", "enum") or live.computed:
        return False
    if kind != "number":
        return True
    refers = any(live.name in reference.columns for reference in facts.references)
    return live.name != facts.integer_key and not refers and not _holds_short_numbers(live)


def _holds_short_numbers(live: ColumnFacts) -> bool:
    bits = live.bits if live.flags is None else live.flags
    if isinstance(live.type, sa.SmallInteger):  # also where SQLite would take a longer one
        return True
    if bits is not None:
        return 1 << bits <= _LEAST_LONG
    precision: int | None = getattr(live.type, "precision", None)
    if isinstance(live.type, sa.Float) or precision is None:
        return False
    scale: int | None = getattr(live.type, "scale", None)
    return precision - (scale or 0) <= _SHORT


def _is_short(value: Value) -> bool:
    """Whether a value of a column without a known type is none that could name a person."""
    if isinstance(value, str):
        return value == "" or _SHORT_TEXT.fullmatch(value) is not None
    if isinstance(value, int | float | Decimal):
        return -_LEAST_LONG < value < _LEAST_LONG
    return value is None


def misfits(mask: Mask, column: ColumnProfile, rows: int) -> list[str]:
    """Why the values that a mask makes would not fit a column of so many rows."""
    found = []
    if column.unique and mask.by_block is not None:
        found.append(
            "the column is unique, and values that are exchanged would meet on the way; use "
            "pseudonymise, or another strategy"
        )
    elif column.unique and not mask.distinct and not mask.makes_null:
        found.append(
            "the column is unique and its strategy can give two rows one value; add unique = true, "
            "or use pseudonymise"
        )
    if column.unique and mask.capacity is not None and rows > mask.capacity:
        found.append(
            f"{rows:,} rows for a unique column, and only {mask.capacity:,} masked values exist; "
            "seed fewer rows, or use pseudonymise or nullify"
        )
    if column.length is not None and mask.length is not None and mask.length > column.length:
        found.append(
            f"masked values are up to {mask.length} characters long, the column holds "
            f"{column.length}; choose a shorter strategy"
        )
    if mask.makes_null and not column.nullable:
        found.append("nullify in a NOT NULL column; use redact or pseudonymise")
    if column.ascii and not mask.ascii:
        found.append("masked values may hold characters that the column's character set lacks")
    return found
