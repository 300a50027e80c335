"""The masking policy: classes of personal data, which columns hold them, what is done about each.

A policy is data; `terp_seed.masking.policy_file` reads one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, TypeVar

from terp_seed.masking.neutralisation import Neutralisation
from terp_seed.masking.normal import Normal, compact, digits_of, folded, plain, tidy
from terp_seed.masking.reserved import CARDS, NETWORKS, PHONES, TAX_NUMBERS, ReservedRange
from terp_seed.settings.options import environment_name

__all__ = [
    "DATA_CLASSES",
    "PROPOSED",
    "Choice",
    "DataClass",
    "PathStep",
    "Policy",
    "Rule",
    "TableRules",
    "path_steps",
    "same_name",
]


@dataclass(frozen=True, slots=True)
class DataClass:
    """What a class means, how its values are compared, and its default strategy.

    ``reserved`` is the finite range that its masked values come from.  The
    default holds in dev, test and staging alike; production has none.
    """

    name: str
    meaning: str
    strategy: str
    normal: Normal = folded
    reserved: ReservedRange | None = None
    allows: frozenset[str] | None = None
    """The only built-in strategies that fit its values; None for texts of any kind."""


_DOCUMENT = frozenset({"redact", "scrub_text", "nullify", "keep"})
_DATE = frozenset({"date_shift", "generalise", "noise", "shuffle", "constant", "nullify", "keep"})
_AMOUNT = frozenset({"generalise", "noise", "shuffle", "constant", "nullify", "keep"})
_TEXT = frozenset({"redact", "scrub_text", "constant", "nullify", "keep", "partial", "hash"})

DATA_CLASSES = {
    made.name: made
    for made in (
        DataClass("person_name", "a person's full name", "substitute", tidy),
        DataClass("first_name", "a given name", "substitute", tidy),
        DataClass("last_name", "a family name", "substitute", tidy),
        DataClass("org_name", "a business, perhaps a sole trader", "substitute", tidy),
        DataClass("email", "an e-mail address", "pseudonymise"),
        DataClass("phone", "a telephone or fax number", "tokenise", digits_of, PHONES),
        DataClass("postal_address", "a street or postal address", "substitute", tidy),
        DataClass("tax_id", "a tax or social security number", "tokenise", compact, TAX_NUMBERS),
        DataClass("license", "a licence or permit number", "tokenise"),
        DataClass("account", "a bank account, cheque or transfer number", "tokenise"),
        DataClass("iban", "an IBAN", "tokenise", compact),
        DataClass("card", "a payment card number", "tokenise", digits_of, CARDS),
        DataClass("network", "an IP address", "tokenise", folded, NETWORKS),
        DataClass("username", "a login name", "pseudonymise"),
        DataClass("external_id", "an identity at another service", "pseudonymise", plain),
        DataClass("code", "a code that people know a party by", "pseudonymise"),
        DataClass("credential", "a password, token or hash of one", "nullify", plain),
        DataClass("device", "a device, browser or place of use", "redact", plain),
        DataClass("special", "health, origin, belief or another special category", "redact", plain),
        DataClass("quasi", "a trait that, with others, singles a person out", "redact", plain),
        DataClass("file", "a document, portrait or recording", "nullify", plain),
        DataClass("free_text", "text that a person wrote", "redact", plain, allows=_TEXT),
        DataClass("json", "a document", "redact", plain, allows=_DOCUMENT),
        DataClass("gender", "a person's gender", "redact", plain),
        DataClass("date", "a day in a person's life", "date_shift", plain, allows=_DATE),
        DataClass("amount", "a sum that tells of one party", "generalise", plain, allows=_AMOUNT),
    )
}


PROPOSED = "proposed:"
"""How the reason of an entry begins that a command wrote; whoever confirms it deletes the word."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Choice:
    """A strategy by name, its options, and for `keep` the reason."""

    strategy: str
    options: Mapping[str, Any] = field(default_factory=dict)
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """One column: ``kind`` is its class, or None for one that is not personal.

    A column that is not personal has a ``reason``, and ``false_alarms`` are the
    kinds of data that its values only look like; ``type_kind`` is the type that it
    had when that was decided, if the decision rests on it.  ``choices`` are its own
    strategies: under ``""`` for everywhere, under an environment's name there.
    """

    kind: str | None
    reason: str | None = None
    choices: Mapping[str, Choice] = field(default_factory=dict)
    domain: str | None = None
    unique: bool = False
    paths: tuple[tuple[str, Rule], ...] = ()
    other: Choice | None = None
    false_alarms: tuple[str, ...] = ()
    type_kind: str | None = None
    person: str | None = None

    @property
    def proposed(self) -> bool:
        """Whether a command wrote the entry and no person has confirmed it."""
        return (self.reason or "").startswith(PROPOSED)

    def choice(self, environment: str, classes: Mapping[str, Choice]) -> Choice | None:
        """The strategy that holds in an environment; None if the column is not written there.

        The column's entry for the environment comes first, then its entry for
        all, then the environment's for the class, then the class's default.
        Production takes only what was written for production.
        """
        if self.kind is None:
            return None
        own, of_class = self.choices.get(environment), classes.get(self.kind)
        if environment == "production":
            return own or of_class
        default = Choice(DATA_CLASSES[self.kind].strategy)
        return own or self.choices.get("") or of_class or default

    def rest(self, choice: Choice) -> Choice:
        """What is done about the parts of a document that no path names.

        A document whose paths are named is known: what else turns up in it is removed.
        """
        return self.other or (Choice("redact") if self.paths else choice)


@dataclass(frozen=True, slots=True)
class TableRules:
    """One table: its columns by name, and those that name a row's subject and its person.

    ``quasi`` are the columns that together may single a person out, ``sensitive`` those that a
    person who is singled out loses.
    """

    name: str
    columns: Mapping[str, Rule]
    subject: str | None = None
    person: str | None = None
    quasi: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()

    def person_of(self, rule: Rule) -> str:
        """The column that names the person of a column; empty if none does."""
        return (self.person if rule.person is None else rule.person) or ""

    def person_domain(self, rule: Rule) -> str:
        """The linkage domain of that column's values; ``id`` for one that is not masked."""
        name = self.person_of(rule)
        known_by = same_name(self.columns, name)
        if known_by is None or known_by.kind is None:
            return "id" if name else ""
        return known_by.domain or known_by.kind


@dataclass(frozen=True)
class Policy:
    """A parsed and checked policy.  Table and column names match in any case.

    With ``unlisted`` a column without an entry stops a run whatever it is called; otherwise only
    one that looks personal does.  ``min_k`` is how many rows at least must be alike in a
    table's quasi-identifiers.
    """

    source: str = "masking policy"
    mail_domain: str = "example.com"
    unlisted: bool = True
    min_k: int | None = None
    environments: Mapping[str, Mapping[str, Choice]] = field(default_factory=dict)
    tables: Mapping[str, TableRules] = field(default_factory=dict)
    neutralise: tuple[Neutralisation, ...] = ()
    """What is done to a copy before it is masked."""

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the policy says; its layout, order and comments do not count."""
        content = {name: value for name, value in asdict(self).items() if name != "source"}
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def table(self, name: str) -> TableRules:
        """The rules of a table; one without an entry has none."""
        return same_name(self.tables, name) or TableRules(name, {})

    def rule(self, table: str, column: str) -> Rule | None:
        """The rule of a column; None if it has no entry."""
        return same_name(self.table(table).columns, column)

    def classes(self, environment: str) -> Mapping[str, Choice]:
        """The strategies that an environment gives whole classes."""
        return self.environments.get(environment_name(environment), {})

    def strategy(self, table: str, column: str, environment: str) -> Choice | None:
        """The strategy of a column in an environment; None for one that is not masked there."""
        rule, name = self.rule(table, column), environment_name(environment)
        return None if rule is None else rule.choice(name, self.classes(name))

    def has_personal_columns(self, table: str) -> bool:
        """Whether the policy gives a column of the table a class."""
        return any(rule.kind is not None for rule in self.table(table).columns.values())

    def stale(self, table: str, columns: Iterable[str]) -> list[str]:
        """The columns with an entry that the table does not have: dropped, or renamed."""
        live = {name.casefold() for name in columns}
        return [name for name in self.table(table).columns if name.casefold() not in live]


_STEP = re.compile(
    r"""\.\.(?P<deep>\w+)|\.(?P<key>\w+)|\["(?P<quoted>[^"]+)"\]|\[(?P<at>\*|\d+)\]"""
)

PathStep = tuple[bool, str | int]
"""Whether at any depth, and the key or index; ``"*"`` is every element."""


def path_steps(path: str) -> tuple[PathStep, ...] | None:
    """A path into a document as steps, or None if it is not one.

    A path is ``$`` followed by ``.key``, ``["any key"]``, ``[*]`` for every
    element, ``[0]`` for one, and ``..key`` for that key at any depth.
    """
    found: list[PathStep] = []
    at = 1
    while path[:1] == "$" and at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        deep, key, quoted, index = match.group("deep", "key", "quoted", "at")
        name = deep or key or quoted
        if name is not None:
            found.append((deep is not None, "." + name))
        else:
            found.append((False, "*" if index == "*" else int(index)))
        at = match.end()
    return tuple(found) if found else None


def same_name(among: Mapping[str, _T], name: str) -> _T | None:
    """What a mapping holds under a name in any case; None if it holds nothing."""
    if name in among:
        return among[name]
    wanted = name.casefold()
    return next((found for other, found in among.items() if other.casefold() == wanted), None)
