"""What the policy could say of a column that it does not list: a proposal, valid as written.

A proposed class comes with the first strategy whose values fit the column: its type, length, keys,
NOT NULL, character set, and the values that are there.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from hashlib import sha256
from itertools import islice
from typing import Any

from terp_seed.database.schema import TableFacts
from terp_seed.errors import MaskingError
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.column_names import words
from terp_seed.masking.gaps import ColumnProfile, profile_of_column
from terp_seed.masking.ibans import COUNTRIES
from terp_seed.masking.identities import IDENTIFYING
from terp_seed.masking.keys import Key
from terp_seed.masking.normal import is_blank
from terp_seed.masking.policy import DATA_CLASSES, Choice, Policy, Rule, TableRules
from terp_seed.masking.policy_file import is_fit, persons_by_domain
from terp_seed.masking.policy_lines import Decision, TableDecisions
from terp_seed.masking.propose import propose
from terp_seed.masking.reserved import is_live_iban
from terp_seed.masking.strategies import STRATEGIES
from terp_seed.rows.model import Block, Cells, Value

__all__ = ["Context", "Situation", "decide_columns", "decide_table"]


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TRIED = 300
_KEY = Key(sha256(b"terp_seed/mask/proposals").digest())  # tries strategies; masks nothing
_BOOKKEEPING = _set("created updated deleted modified inserted archived changed")
_CONFIGURATION = _set(
    "setting settings config configuration configurations option options feature features "
    "flag flags role roles permission permissions status statuses type types category "
    "categories translation translations locale locales currency currencies country "
    "countries unit units default defaults migration migrations sequence sequences "
    "template templates workflow"
)
_ABOUT_PEOPLE = _set(
    "user users client clients customer customers employee employees patient patients "
    "person people member members contact contacts"
)
_RECORDS = _set("history log logs audit event events activity")
_WRITTEN = frozenset({"free_text", "json", "person_name", "org_name"})
"""Classes that a label or a value of a configuration has by its type or name alone."""
_PROBES: Mapping[str, Sequence[Value]] = {
    "text": ["Ab 12-34", "x"],
    "number": [123_456, Decimal("12.50")],
    "date": [date(2024, 5, 17)],
    "datetime": [datetime(2024, 5, 17, 10, 30)],
    "binary": [b"bytes"],
    "json": [{"a": "b"}, ["c"]],
}


@dataclass(frozen=True, slots=True)
class Context:
    """How many rows a table has, its columns that foreign keys fix, and those that a file gives."""

    rows: int = 0
    joined: frozenset[str] = frozenset()
    given: Container[str] | None = None
    """None: all."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What a proposal depends on beside the column: the policy, the table, its rows and keys."""

    policy: Policy
    table: str
    rows: int = 0
    joined: frozenset[str] = field(default_factory=frozenset)
    """Columns on either side of a foreign key that an UPDATE of its target does not follow."""
    subjects: Sequence[str] = ()
    """Columns that can name a row's subject, the best first."""
    person: str | None = None
    """The column that names a row's person."""


def decide_table(situation: Situation, columns: Sequence[ColumnProfile]) -> TableDecisions:
    """A proposal for each column, and a subject if one of them moves dates."""
    decisions = [decide(situation, column) for column in columns]
    subject = None
    if any(decision.kind == "date" and not decision.strategy for decision in decisions):
        fit = [name for name in situation.subjects if _identifies(situation, name, decisions)]
        subject = situation.policy.table(situation.table).subject or next(iter(fit), None)
        if subject is None:
            return decide_table(replace(situation, subjects=()), columns)
    decided = TableDecisions(situation.table, decisions, subject)
    return _join_addresses(situation, decided, {column.name: column for column in columns})


def _join_addresses(
    situation: Situation, found: TableDecisions, columns: Mapping[str, ColumnProfile]
) -> TableDecisions:
    """The same, with addresses of the persons that the policy's other addresses have.

    Equal values stay equal then.  One that cannot be made so gets another linkage domain.
    """
    known, decisions, person = persons_by_domain(situation.policy.tables), [], None
    rules = situation.policy.table(situation.table)
    for decision in found.decisions:
        persons = known.get(decision.kind or "", {}).keys()
        alone = not (person or rules.person)
        if decision.strategy or not persons or (persons == {""} and alone):
            decisions.append(decision)
        elif (
            persons == {"itself"}
            and alone
            and not rules.columns
            and _fits(
                replace(situation, person=decision.column), columns[decision.column], decision
            )
        ):
            person = decision.column
            decisions.append(decision)
        else:
            apart = {"person": False, "domain": f"{situation.table}.{decision.column}"}
            decisions.append(replace(decision, options={**decision.options, **apart}))
    return replace(found, decisions=decisions, person=person)


def _identifies(situation: Situation, name: str, decisions: Sequence[Decision]) -> bool:
    """Whether a column still names a row's subject once it is masked."""
    for decision in decisions:
        if decision.column == name:
            kind = decision.kind
            return kind is None or (decision.strategy or DATA_CLASSES[kind].strategy) in IDENTIFYING
    choice = situation.policy.strategy(situation.table, name, "staging")
    return choice is None or choice.strategy in IDENTIFYING


def decide_columns(
    policy: Policy, facts: TableFacts, samples: Mapping[str, Sequence[Value]], context: Context
) -> TableDecisions:
    """A proposal for each column of a live table that has no entry and needs one.

    Enumerations get one too: a script does not know that they are.
    """
    columns = [
        profile_of_column(facts, name, samples.get(name))
        for name, column in facts.columns.items()
        if not column.computed and policy.rule(facts.name, name) is None
    ]
    wanted = [
        column
        for column in columns
        if column.needs_entry
        or column.type_kind == "enum"
        or _personal_class(facts.name, column) is not None
    ]
    subjects = [name for name in _subjects(facts) if context.given is None or name in context.given]
    situation = Situation(policy, facts.name, context.rows, context.joined, subjects)
    return decide_table(situation, wanted)


def _subjects(facts: TableFacts) -> Iterator[str]:
    """What can name a row's subject: a person it refers to, a natural key, its primary key."""
    for name in facts.columns:
        parts = words(name)
        if parts[-1:] == ("id",) and len(parts) > 1 and _ABOUT_PEOPLE.intersection(parts):
            yield name
    yield from (unique[0] for unique in facts.uniques if len(unique) == 1)
    yield from facts.key[:1]


def decide(situation: Situation, column: ColumnProfile) -> Decision:
    """The proposal for one column."""
    found = _personal_class(situation.table, column)
    if found is None:
        return _harmless(column)
    kind, because = _fitting_class(column, found[0]), found[1]
    if kind in _WRITTEN and _is_configuration(situation.table) and not _has_content(column):
        return Decision(column.name, None, "the table looks like configuration, and no value live")
    if column.name in situation.joined:
        because = f"{because}, but a foreign key joins by it, which masking would break"
        return Decision(column.name, kind, because, "keep")
    for decision in _candidates(situation, column, kind, because):
        if _fits(situation, column, decision):
            return decision
    because = f"{because}, but no strategy fits the column; give it another type, or a reason"
    return Decision(column.name, kind, because, "keep")


def _personal_class(table: str, column: ColumnProfile) -> tuple[str, str] | None:
    """The class that a column seems to need, and why; None if nothing says that it is personal."""
    found = propose(table, column.name, column.type_kind, column.length, column.samples or ())
    return (found.kind, found.because) if found else None


def _has_content(column: ColumnProfile) -> bool:
    """Whether its values alone say that it is personal."""
    return _personal_class("t", replace(column, name="c", type_kind="text", length=1)) is not None


def _is_configuration(table: str) -> bool:
    parts = {*words(table)}
    return bool(parts & _CONFIGURATION) and not parts & (_ABOUT_PEOPLE | _RECORDS)


def _harmless(column: ColumnProfile) -> Decision:
    name = words(column.name)
    if column.type_kind in ("date", "datetime"):
        kept = "bookkeeping of the row" if _BOOKKEEPING.intersection(name) else "a date of a thing"
        return Decision(column.name, None, kept, type_kind="date" if column.typed else "")
    if column.type_kind == "number":
        return Decision(column.name, None, "a number", type_kind="number" if column.typed else "")
    said = {"enum": "an enumeration", "binary": "bytes", "boolean": "true or false"}
    because = said.get(column.type_kind, "text without a sign of a person, by name and values")
    return Decision(column.name, None, because)


def _fitting_class(column: ColumnProfile, kind: str) -> str:
    """The class, or the one that values of this type can be masked as."""
    if column.type_kind == "json":
        return "json"
    if column.type_kind in ("date", "datetime"):
        return "date"
    if kind == "account" and _are_ibans(column):
        return "iban"
    return "free_text" if kind == "json" else kind


def _are_ibans(column: ColumnProfile) -> bool:
    """Whether all values are IBANs of countries that a made-up one is known of."""
    texts = {str(value) for value in column.samples or () if not is_blank(value)}
    return bool(texts) and all(is_live_iban(t) and t.strip()[:2] in COUNTRIES for t in texts)


def _candidates(
    situation: Situation, column: ColumnProfile, kind: str, because: str
) -> Iterator[Decision]:
    """Proposals, the best first, those that a rule of the policy file forbids left out."""
    made = Decision(column.name, kind, because)
    default = DATA_CLASSES[kind].strategy
    if column.type_kind == "number" and kind != "amount":
        names = ["nullify", "generalise"]
    elif default == "date_shift" and not situation.subjects:
        names = ["generalise", "nullify"]
    else:
        yield made
        yield replace(made, unique=True)
        names = ["pseudonymise", "generalise", "redact", "hash", "nullify"]
    for name in names:
        if not is_fit(STRATEGIES[name], kind) or (name == "generalise" and _is_text(column)):
            continue
        yield replace(made, strategy=name)
        if name == "redact":
            yield replace(made, strategy=name, options={"marker": "-"})
        if name == "hash" and 16 <= (column.length or 0) < 64:
            yield replace(made, strategy=name, options={"length": column.length})


def _is_text(column: ColumnProfile) -> bool:
    return column.type_kind == "text"


def _fits(situation: Situation, column: ColumnProfile, decision: Decision) -> bool:
    """Whether the strategy has no problem with the column, and masks the values that are there."""
    choices = {"": Choice(decision.strategy, decision.options)} if decision.strategy else {}
    rule = Rule(decision.kind, choices=choices, unique=decision.unique)
    rules = TableRules(situation.table, {column.name: rule}, "subject", situation.person)
    policy = replace(situation.policy, tables={situation.table: rules})
    return all(
        _works(Boundary(policy, environment, _KEY), situation, column)
        for environment in ("dev", "staging")
    )


def _works(border: Boundary, situation: Situation, column: ColumnProfile) -> bool:
    with suppress(MaskingError):
        masker = border.masker(situation.table, [column.name])
        if masker is None or masker.check([column], situation.rows):
            return masker is None
        values = _values(column)
        cells: dict[str, Any] = {column.name: Cells(values), "subject": Cells(["s"] * len(values))}
        masked = masker.apply(Block(situation.table, 0, len(values), cells))
        return all(_fits_length(column, value) for value in masked.columns[column.name].values)
    return False


def _fits_length(column: ColumnProfile, value: Value) -> bool:
    return not (column.length and isinstance(value, str | bytes)) or len(value) <= column.length


def _values(column: ColumnProfile) -> list[Value]:
    """Values to try a strategy on: those of the column, or some of its type."""
    known = (value for value in column.samples or () if value is not None)
    found: list[Value] = list(islice(known, _TRIED))
    return found or list(_PROBES.get(column.type_kind, ()))
