"""Reading `seeds/masking.toml`, and what a project's models add: each mistake in one line.

::

    [defaults]
    mail_domain = "example.com"
    unlisted = "error"                   # or "detect", for columns that look personal
    min_k = 5                            # rows that must be alike, or mask --verify fails

    [environments.staging]               # a class's strategy in one environment
    free_text = "scrub_text"

    [neutralise]                         # before a copy is masked
    webhooks = { set = { enabled = false } }

    [tables.clients]
    subject = "teri_code"                # whose dates move together
    person = "email"                     # whose names and addresses are one made-up person's
    quasi = ["city", "born"]             # what together may single a person out
    sensitive = ["diagnosis"]            # what is lost by that
    not_personal = [{ columns = ["teri_code"], reason = "our own code" }]
    email = { class = "email", domain = "party.email" }
    phone = { class = "phone", staging = { strategy = "partial", last = 4 } }
    tags = { class = "json", paths = { "$[*]" = "free_text" } }
    grade = { pii = false, reason = "a product grade" }
    stock = { pii = false, reason = "a quantity", type = "number" }  # and no text
    aircraft = { pii = false, reason = "type codes", false_alarms = ["card"] }

The file never holds a key, salt or secret.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from terp_seed.errors import UsageError
from terp_seed.masking.approximations import WAYS
from terp_seed.masking.live_values import LIVE_KINDS
from terp_seed.masking.neutralisation import read_steps
from terp_seed.masking.policy import (
    DATA_CLASSES,
    Choice,
    Policy,
    Rule,
    TableRules,
    path_steps,
    same_name,
)
from terp_seed.masking.reserved import is_reserved_domain
from terp_seed.masking.strategies import STRATEGIES, Option, Strategy, list_strategies
from terp_seed.settings.options import ENVIRONMENTS

__all__ = ["is_fit", "load_policy", "merge_models", "persons_by_domain"]

_SECTIONS = ("defaults", "environments", "neutralise", "tables", "version")
_OPTIONS = {name for strategy in STRATEGIES.values() for name in strategy.options}
_CHOICE_KEYS = {"strategy", "reason"} | _OPTIONS
_COLUMN_KEYS = (
    {"class", "pii", "domain", "unique", "paths", "other", "false_alarms", "type", "person"}
    | _CHOICE_KEYS
    | {*ENVIRONMENTS}
)
_NOT_PERSONAL_KEYS = {"pii", "reason", "false_alarms", "type"}
_GROUP_KEYS = {"columns", "reason", "false_alarms", "type"}
_CLASS_OPTIONS = {"values": "gender", "distinct": "phone", "country": "iban"}
"""Options that belong to one class."""
_NOT_OF_DATES = ("band", "prefix", "decimals")
_IDENTITIES = ("subject", "person")
_RISK = ("quasi", "sensitive")
_OTHER = ("redact", "scrub_text", "keep")

_DOMAIN = "example.com"
_UNLISTED = ("error", "detect")
_DECIDED_TYPES = ("number", "date")

_VALUES = {
    "version": Option("1: this terp_seed knows no other", lambda given: given == 1),
    "mail_domain": Option(
        "a reserved domain: example.com, example.net, example.org, or one that ends in .test, "
        ".example, .invalid",
        lambda given: given == _DOMAIN or (isinstance(given, str) and is_reserved_domain(given)),
    ),
    "unlisted": Option(f"one of {', '.join(_UNLISTED)}", lambda given: given in _UNLISTED),
    "type": Option(f"one of {', '.join(_DECIDED_TYPES)}", lambda given: given in _DECIDED_TYPES),
    "domain": Option("a name", lambda given: isinstance(given, str) and bool(given.strip())),
    "person": Option(
        "the name of a column, or false",
        lambda given: given is False or (isinstance(given, str) and bool(given.strip())),
    ),
    **{
        name: Option(
            "a list of different columns",
            lambda given: (
                isinstance(given, list)
                and all(isinstance(name, str) for name in given)
                and len({name.casefold() for name in given}) == len(given)
            ),
        )
        for name in _RISK
    },
    "min_k": Option(
        "a whole number from 2 to 1000", lambda given: type(given) is int and 2 <= given <= 1000
    ),
    "unique": Option("true or false", lambda given: isinstance(given, bool)),
    "false_alarms": Option(
        f"a list of what the values only look like: {', '.join(LIVE_KINDS)}",
        lambda given: isinstance(given, list) and all(kind in LIVE_KINDS for kind in given),
    ),
    "paths": Option('a table, { "$.key" = "class" }', lambda given: isinstance(given, dict)),
}
"""What the keys may hold that are not options of a strategy."""

_SECRET_NAMES = frozenset(
    ["key", "mask_key", "masking_key", "secret", "salt", "pepper", "key_file", "password"]
)
_SECRET_TEXT = re.compile(r"[0-9A-Fa-f]{64,}|[A-Za-z0-9+/_-]{43,}={0,2}")


def load_policy(path: Path) -> Policy:
    """Read a policy file; raises `UsageError` with one line for each mistake in it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        raise UsageError(f"{path}: not valid TOML: {reason}") from None
    reader = _Reader()
    reader.problems += _secrets(document, "")
    policy = reader.policy(str(path), document)
    reader.refuse(policy.source)
    return policy


def merge_models(policy: Policy, metadata: Any) -> Policy:
    """Return the policy with ``Column.info["pii"]`` of SQLAlchemy metadata added.

    The information is ``False`` (and a reason in ``info["reason"]``), a
    class, or a table as in the file.  Where the file has an entry the file
    decides; an entry for another class, or the opposite, is a `UsageError`.
    """
    reader = _Reader()
    tables = dict(policy.tables)
    for table in metadata.tables.values():
        found = {
            column.name: reader.rule(_entry(column.info), f"{table.name}.{column.name}")
            for column in table.columns
            if "pii" in column.info
        }
        if found:
            own = policy.table(table.name)
            reader.problems += _conflicts(own, found)
            tables[own.name] = replace(own, columns={**found, **own.columns})
    reader.problems += _parted_joins(tables)
    reader.refuse(policy.source)
    return replace(policy, tables=tables)


class _Reader:
    """Turns entries into rules and collects what is wrong with them.

    A faulty entry leaves its problem and a stand-in, so it hides none after it.
    """

    def __init__(self) -> None:
        self.problems: list[str] = []

    def refuse(self, source: str) -> None:
        """Raise `UsageError` if anything was wrong."""
        if self.problems:
            raise UsageError("\n".join(f"{source}: {problem}" for problem in self.problems))

    def policy(self, source: str, document: Mapping[str, Any]) -> Policy:
        """The policy of a file."""
        self._check_keys(document, _SECTIONS, "")
        self._value(document, "version", 1, "")
        defaults = self._table(document, "defaults")
        self._check_keys(defaults, ["mail_domain", "unlisted", "min_k"], "[defaults]")
        domain = self._value(defaults, "mail_domain", _DOMAIN, "[defaults]")
        unlisted = self._value(defaults, "unlisted", _UNLISTED[0], "[defaults]") == _UNLISTED[0]
        given = self._table(document, "environments")
        environments = {name: self._classes(given, name) for name in given}
        given, tables = self._table(document, "tables"), dict[str, TableRules]()
        for name in given:
            if self._is_new(name, tables, f"[tables.{name}]"):
                tables[name] = self._rules(name, self._table(given, name, "tables."))
        self.problems += _parted_joins(tables)
        min_k = self._value(defaults, "min_k", None, "[defaults]")
        if min_k and not any(rules.quasi for rules in tables.values()):
            self._problem("[defaults]", 'min_k needs quasi = ["<column>"] in a table at least')
        given_steps = self._table(document, "neutralise")
        steps = tuple(read_steps(given_steps, self._problem)) if given_steps else ()
        return Policy(source, domain, unlisted, min_k, environments, tables, steps)

    def rule(self, given: Any, where: str) -> Rule:
        """The rule of a column or a path."""
        if not isinstance(given, dict):
            self._problem(where, "must be a class or a table with one")
            return Rule("free_text")
        self._check_keys(given, _COLUMN_KEYS, where)
        if "pii" in given:
            return self._not_personal(given, where)
        kind = given.get("class")
        if not isinstance(kind, str) or kind not in DATA_CLASSES:
            missing = 'needs class = "...", or pii = false with a reason'
            self._problem(where, _unknown("class", kind, DATA_CLASSES) if kind else missing)
            return Rule("free_text")
        unique = self._value(given, "unique", False, where)
        domain = self._value(given, "domain", None, where)
        reserved = DATA_CLASSES[kind].reserved
        if unique and domain and reserved is not None and not given.get("distinct"):
            self._problem(
                where,
                f"unique contradicts domain: {reserved.name} are too few to be unique and alike "
                "across columns",
            )
        choices = self._choices(given, kind, where)
        paths = self._paths(given, kind, where)
        person = self._value(given, "person", None, where)
        return Rule(
            kind,
            self._reason(given, where) if "reason" in given else None,
            choices,
            domain,
            unique,
            paths,
            self._other(given, kind, where),
            person="" if person is False else person,
        )

    # -- parts of a file

    def _classes(self, environments: Mapping[str, Any], name: str) -> dict[str, Choice]:
        """The strategies that an environment gives whole classes."""
        if name not in ENVIRONMENTS:
            self._problem("", _unknown("environment", name, ENVIRONMENTS))
            return {}
        choices: dict[str, Choice] = {}
        for kind, given in self._table(environments, name, "environments.").items():
            where = f"[environments.{name}] {kind}"
            if kind not in DATA_CLASSES:
                self._problem(where, _unknown("class", kind, DATA_CLASSES))
            elif choice := self._choice(given, kind, name, where):
                choices[kind] = choice
        return choices

    def _rules(self, table: str, content: Mapping[str, Any]) -> TableRules:
        columns: dict[str, Rule] = {}
        for name, rule in self._columns(table, content):
            if self._is_new(name, columns, f"{table}.{name}"):
                columns[name] = rule
        subject, person = (
            content.get(name) if isinstance(content.get(name), str) else None
            for name in ("subject", "person")
        )
        quasi, sensitive = (
            tuple(self._value(content, name, [], f"[tables.{table}]"))
            if isinstance(content.get(name), list)
            else ()
            for name in _RISK
        )
        if sensitive and not quasi:
            self._problem(f"[tables.{table}]", "sensitive needs quasi")
        rules = TableRules(table, columns, subject, person, quasi, sensitive)
        self.problems += _without_identity(rules)
        return rules

    def _columns(self, table: str, content: Mapping[str, Any]) -> Iterator[tuple[str, Rule]]:
        for name, given in content.items():
            where = f"{table}.{name}"
            if isinstance(given, dict):
                yield name, self.rule(given, where)
            elif name == "not_personal" and isinstance(given, list):
                for group in given:
                    yield from self._group(group, where)
            elif isinstance(given, str) and given in DATA_CLASSES and name not in _IDENTITIES:
                self._problem(where, f'write {name} = {{ class = "{given}" }}')
            elif name in _RISK and isinstance(given, list):
                continue
            elif name not in _IDENTITIES or not isinstance(given, str):
                hint = _near(name, [*_IDENTITIES, *_RISK, "not_personal"])
                self._problem(where, f"a column needs a table in braces{hint}")

    def _group(self, group: Any, where: str) -> Iterator[tuple[str, Rule]]:
        """The rules of one entry of ``not_personal``."""
        if not isinstance(group, dict) or group.keys() - _GROUP_KEYS:
            self._problem(where, 'each entry is { columns = ["..."], reason = "..." }')
            return
        rule, names = self._harmless(group, where), group.get("columns")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            self._problem(where, "columns must be a list of names")
            return
        for name in names:
            yield name, rule

    # -- parts of an entry

    def _not_personal(self, given: Mapping[str, Any], where: str) -> Rule:
        if given["pii"] is not False:
            self._problem(where, 'pii is false, or left out; use class = "..." instead')
        elif more := sorted(given.keys() & _COLUMN_KEYS - _NOT_PERSONAL_KEYS):
            self._problem(where, f"pii = false contradicts {more[0]!r}; remove one")
        return self._harmless(given, f"{where}: pii = false")

    def _harmless(self, given: Mapping[str, Any], where: str) -> Rule:
        """The rule of a column that is not personal, and of what its values only look like."""
        alarms = self._value(given, "false_alarms", [], where)
        type_kind = self._value(given, "type", None, where)
        reason = self._reason(given, where)
        return Rule(None, reason, false_alarms=tuple(sorted(alarms)), type_kind=type_kind)

    def _choices(self, given: Mapping[str, Any], kind: str, where: str) -> dict[str, Choice]:
        own = {name: given[name] for name in _CHOICE_KEYS & given.keys()}
        entries: dict[str, Any] = {"": own} if own.keys() - {"reason"} else {}
        entries |= {name: given[name] for name in ENVIRONMENTS if name in given}
        found = {
            name: self._choice(entry, kind, name, f"{where}: {name}" if name else where)
            for name, entry in entries.items()
        }
        return {name: choice for name, choice in found.items() if choice}

    def _choice(self, given: Any, kind: str, environment: str, where: str) -> Choice | None:
        """The strategy of an entry, by name or as a table with its options."""
        entry = {"strategy": given} if isinstance(given, str) else given
        if not isinstance(entry, dict):
            self._problem(where, "must be the name of a strategy or a table with one")
            return None
        self._check_keys(entry, _CHOICE_KEYS, where)
        name = entry.get("strategy", DATA_CLASSES[kind].strategy)
        strategy = list_strategies().get(name) if isinstance(name, str) else None
        if strategy is None:
            hint = f"{name} is not registered; import its module before the policy is loaded"
            custom = isinstance(name, str) and name.startswith("custom:")
            self._problem(where, hint if custom else _unknown("strategy", name, list_strategies()))
            return None
        options = {option: entry[option] for option in sorted(_OPTIONS & entry.keys())}
        faults = [*_misplaced(strategy, kind, environment), *_misfits(strategy, kind, options)]
        if strategy.name == "constant" and "value" not in options:
            faults.append(f"constant needs value: {strategy.options['value'].meaning}")
        if kind == "gender" and strategy.name == "substitute" and "values" not in options:
            faults.append(f"substitute needs values: {strategy.options['values'].meaning}")
        self.problems += [f"{where}: {fault}" for fault in faults]
        reason = self._reason_to_keep(entry, where) if strategy.name == "keep" else None
        return Choice(strategy.name, options, reason)

    def _paths(
        self, given: Mapping[str, Any], kind: str, where: str
    ) -> tuple[tuple[str, Rule], ...]:
        paths = self._value(given, "paths", {}, where)
        if paths and kind != "json":
            self._problem(where, 'paths belong to class = "json"')
        return tuple((path, self._path(path, entry, where)) for path, entry in paths.items())

    def _path(self, path: str, given: Any, where: str) -> Rule:
        place = f"{where} {path}"
        if path_steps(path) is None:
            self._problem(place, "not a path; write $.key, $..key, $[*] or $[0]")
        rule = self.rule({"class": given} if isinstance(given, str) else given, place)
        for_columns = {"date_shift", "shuffle"} & _strategies(rule)
        if rule.kind == "json" or rule.paths or rule.unique or for_columns:
            self._problem(place, "class json, date_shift, shuffle and unique are for columns only")
        return rule

    def _other(self, given: Mapping[str, Any], kind: str, where: str) -> Choice | None:
        if "other" not in given:
            return None
        entry = given["other"]
        entry = {"strategy": entry} if isinstance(entry, str) else entry
        if kind != "json" or not isinstance(entry, dict) or entry.get("strategy") not in _OTHER:
            allowed = ", ".join(_OTHER)
            self._problem(where, f'other, for class = "json", is one of {allowed}')
            return None
        return self._choice(entry, "free_text", "", f"{where}: other")

    # -- values

    def _problem(self, where: str, text: str) -> None:
        self.problems.append(f"{where}: {text}" if where else text)

    def _check_keys(self, given: Mapping[str, Any], among: Iterable[str], where: str) -> None:
        for name in given:
            if name not in among and name not in _SECRET_NAMES:
                self._problem(where, _unknown("key", name, among))

    def _value(self, given: Mapping[str, Any], name: str, default: Any, where: str) -> Any:
        if name not in given or _VALUES[name].accepts(given[name]):
            return given.get(name, default)
        self._problem(where, f"{name} must be {_VALUES[name].meaning}")
        return default

    def _table(self, given: Mapping[str, Any], name: str, above: str = "") -> Mapping[str, Any]:
        found = given.get(name, {})
        if isinstance(found, dict):
            return found
        self._problem("", f"[{above}{name}] must be a table")
        return {}

    def _reason_to_keep(self, entry: Mapping[str, Any], where: str) -> str:
        if where.endswith(": other") and "reason" not in entry:
            self._problem(where, 'give it as other = { strategy = "keep", reason = "..." }')
            return "missing"
        return self._reason(entry, f"{where}: keep")

    def _reason(self, given: Mapping[str, Any], where: str) -> str:
        found = given.get("reason")
        if isinstance(found, str) and found.strip():
            return found.strip()
        self._problem(where, 'needs a reason = "..." that an auditor can judge')
        return "missing"

    def _is_new(self, name: str, earlier: Mapping[str, Any], where: str) -> bool:
        if same_name(earlier, name) is None:
            return True
        self._problem(where, "is classified twice; remove one of the two")
        return False


def _without_identity(rules: TableRules) -> Iterator[str]:
    """Columns whose strategy follows a row's subject or person, where the table names none."""
    for name, rule in rules.columns.items():
        place, strategies = f"{rules.name}.{name}", _strategies(rule)
        if "date_shift" in strategies and rules.subject is None:
            yield (
                f"{place}: date_shift moves all dates of one subject alike; "
                f'add subject = "<column>" to [tables.{rules.name}]'
            )
        person = rules.person if rule.person is None else rule.person
        if rule.kind == "gender" and "substitute" in strategies and not person:
            yield (
                f"{place}: a substituted gender is that of the row's made-up person; "
                f'add person = "<column>" to [tables.{rules.name}], or use redact'
            )


def _parted_joins(tables: Mapping[str, TableRules]) -> Iterator[str]:
    """Linkage domains of addresses whose equal values would part: made for unlike persons."""
    for domain, places in persons_by_domain(tables).items():
        if len(places) > 1:
            known = " and ".join(
                f"{place} (person by {by})" if by else f"{place} (no person)"
                for by, place in sorted(places.items())
            )
            yield (
                f"{known}: equal values of linkage domain {domain} would become different ones; "
                "name persons of the same kind in these tables, or give the columns "
                'person = false, or another domain = "<name>"'
            )


def persons_by_domain(tables: Mapping[str, TableRules]) -> dict[str, dict[str, str]]:
    """By what the persons of addresses are known in each linkage domain, and a column of each kind.

    ``itself``: by the address; empty: it has no person.
    """
    groups: dict[str, dict[str, str]] = {}
    for rules in tables.values():
        for name, rule in rules.columns.items():
            if rule.kind in ("email", "username") and "pseudonymise" in _strategies(rule):
                group = groups.setdefault(rule.domain or rule.kind, {})
                own = rules.person_of(rule).casefold() == name.casefold()
                known_by = "itself" if own else rules.person_domain(rule)
                group.setdefault(known_by, f"{rules.name}.{name}")
    return groups


def _strategies(rule: Rule) -> set[str]:
    """Every strategy that a rule names, or falls back to."""
    named = {choice.strategy for choice in rule.choices.values()}
    if rule.kind is None or "" in rule.choices:
        return named
    return named | {DATA_CLASSES[rule.kind].strategy}


def _misplaced(strategy: Strategy, kind: str, environment: str) -> Iterator[str]:
    """Why a strategy may not be used in an environment, or for a class."""
    if strategy.only_in is not None and environment not in strategy.only_in:
        only = ", ".join(sorted(strategy.only_in))
        yield (
            f"{strategy.name} is allowed in {only} only; "
            f'write {only} = {{ strategy = "{strategy.name}" }}'
        )
    if not is_fit(strategy, kind):
        fit = sorted(name for name, other in STRATEGIES.items() if is_fit(other, kind))
        yield f"{strategy.name} does not fit class {kind}; use {', '.join(fit)}"


def is_fit(strategy: Strategy, kind: str) -> bool:
    """Whether a strategy can mask values of a class."""
    allowed = DATA_CLASSES[kind].allows
    if strategy.classes is not None and kind not in strategy.classes:
        return False
    return allowed is None or strategy.name in allowed or strategy.name not in STRATEGIES


def _misfits(strategy: Strategy, kind: str, options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with the options of a strategy."""
    reserved = DATA_CLASSES[kind].reserved
    if strategy.name == "generalise":
        yield from _other_ways(kind, options)
    for name, value in options.items():
        option = strategy.options.get(name)
        if option is None:
            yield f"{strategy.name} has no option {name!r}{_near(name, strategy.options)}"
            continue
        fits = option.accepts(value)
        if fits and name == "layout":
            fits = reserved is not None and value.count("#") == reserved.digits_long
        if fits and name in _CLASS_OPTIONS:
            fits = kind == _CLASS_OPTIONS[name]
        if not fits:
            only = f", for class {_CLASS_OPTIONS[name]} only" if name in _CLASS_OPTIONS else ""
            yield f"{name} must be {option.meaning}{only}"


def _other_ways(kind: str, options: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a way to generalise."""
    ways = [WAYS[name] for name in options if name in WAYS]
    to = options.get("to", ways[0] if ways else None)
    if kind == "date" and to in _NOT_OF_DATES:
        yield f"to = {to!r} is for numbers and texts; a date has year or month"
    elif to is not None and (other := [n for n in options if WAYS.get(n, to) != to]):
        yield f"{other[0]} belongs to to = {WAYS[other[0]]!r}, not to {to!r}"


def _unknown(what: str, name: Any, among: Iterable[str]) -> str:
    """A long text is not repeated: it could be a secret in the wrong place."""
    if not isinstance(name, str) or len(name) > 40:
        return f"unknown {what}"
    return f"unknown {what} {name!r}{_near(name, among)}"


def _near(word: str, among: Iterable[str]) -> str:
    found = get_close_matches(word, list(among), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _secrets(node: Any, where: str) -> Iterator[str]:
    """A key has no place in a file that is committed; its text is never repeated."""
    if isinstance(node, dict):
        for name, value in node.items():
            place = f"{where}.{name}".lstrip(".")
            if name in _SECRET_NAMES and not isinstance(value, dict):
                yield f"{place}: a key never belongs in this file; set TERP_SEED_MASK_KEY instead"
            else:
                yield from _secrets(value, place)
    elif isinstance(node, list):
        for value in node:
            yield from _secrets(value, where)
    elif isinstance(node, str) and _SECRET_TEXT.fullmatch(node):
        yield f"{where}: this looks like a key; set TERP_SEED_MASK_KEY instead"


def _entry(info: Mapping[str, Any]) -> Any:
    """The entry that a file would have for a model's ``info``."""
    given = info["pii"]
    if isinstance(given, str):
        return {"class": given}
    if isinstance(given, dict):
        return given
    return {name: info[name] for name in ("pii", "reason") if name in info}


def _conflicts(own: TableRules, found: Mapping[str, Rule]) -> Iterator[str]:
    for column, rule in found.items():
        listed = same_name(own.columns, column)
        if listed is not None and listed.kind != rule.kind:
            yield (
                f"{own.name}.{column}: the file has {_kind_of(listed)}, the model's info has "
                f"{_kind_of(rule)}; make them agree"
            )


def _kind_of(rule: Rule) -> str:
    return "pii = false" if rule.kind is None else f"class {rule.kind}"
