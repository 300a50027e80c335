"""Reading `seeds/masking.toml`: every mistake in it, one line each.

::

    [defaults]
    mail_domain = "example.com"

    [environments.staging]               # a class's strategy in one environment
    free_text = "scrub_text"

    [tables.clients]
    subject = "teri_code"                # whose dates move together
    not_personal = [{ columns = ["teri_code"], reason = "our own code" }]
    email = { class = "email", domain = "party.email" }
    phone = { class = "phone", staging = { strategy = "partial", last = 4 } }
    tags = { class = "json", paths = { "$[*]" = "free_text" } }
    grade = { pii = false, reason = "a product grade" }

No key, salt or secret ever stands in the file.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from terp_seed.errors import UsageError
from terp_seed.masking.classes import CLASSES
from terp_seed.masking.reserved import is_reserved_domain
from terp_seed.masking.ruleparse import RuleParser, near
from terp_seed.masking.rules import ENVIRONMENTS, Rule, TableRules
from terp_seed.masking.site import Choice

__all__ = ["PolicyFile", "read_policy"]

_TOP = ("defaults", "environments", "tables", "version")
_KEY_WORDS = "key mask_key masking_key secret salt pepper key_file password"
_SECRET_NAMES = frozenset(_KEY_WORDS.split())
_SECRET_TEXT = re.compile(r"[0-9A-Fa-f]{64,}|[A-Za-z0-9+/_-]{43,}={0,2}")


class PolicyFile:
    """A policy file as it was parsed; see the module for its form."""

    def __init__(self) -> None:
        self.mail_domain = "example.com"
        self.environments: dict[str, dict[str, Choice]] = {}
        self.tables: dict[str, TableRules] = {}


def read_policy(path: Path) -> PolicyFile:
    """Parse a policy file; raises `UsageError` with all that is wrong in it."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        reason = error.reason if isinstance(error, UnicodeDecodeError) else str(error)
        raise UsageError(f"{path}: not valid TOML: {reason}") from None
    reader = _Reader(RuleParser())
    made = reader.policy(document)
    problems = [*_secrets(document, ""), *reader.parser.problems]
    if problems:
        raise UsageError("\n".join(f"{path}: {problem}" for problem in problems))
    return made


class _Reader:
    def __init__(self, parser: RuleParser) -> None:
        self.parser = parser

    def policy(self, document: Mapping[str, Any]) -> PolicyFile:
        made = PolicyFile()
        for name in document:
            if name not in _TOP and name not in _SECRET_NAMES:
                self._problem(f"unknown section [{name}]{near(name, _TOP)}")
        if document.get("version", 1) != 1:
            self._problem("version must be 1: this terp_seed knows no other")
        made.mail_domain = self._defaults(self._table(document, "defaults"))
        for name, classes in self._table(document, "environments").items():
            made.environments[name] = self._environment(name, classes)
        for name, content in self._table(document, "tables").items():
            if self._is_new(name, made.tables, f"table {name}"):
                made.tables[name] = self._rules(name, content)
        return made

    def _problem(self, text: str) -> None:
        self.parser.problems.append(text)

    def _table(self, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        found = document.get(name, {})
        if isinstance(found, dict):
            return found
        self._problem(f"[{name}] must be a table")
        return {}

    def _is_new(self, name: str, earlier: Mapping[str, Any], what: str) -> bool:
        same = next((other for other in earlier if other.casefold() == name.casefold()), None)
        if same is not None:
            self._problem(f"{what} is classified twice; remove one of the two")
        return same is None

    def _defaults(self, given: Mapping[str, Any]) -> str:
        for name in given:
            if name != "mail_domain" and name not in _SECRET_NAMES:
                self._problem(f"[defaults] has no {name!r}{near(name, ['mail_domain'])}")
        domain = given.get("mail_domain", "example.com")
        if isinstance(domain, str) and is_reserved_domain(domain):
            return domain
        self._problem(
            "[defaults] mail_domain must be a reserved domain: example.com, example.net, "
            "example.org, or one that ends in .test, .example, .invalid"
        )
        return "example.com"

    def _environment(self, name: str, classes: Any) -> dict[str, Choice]:
        if name not in ENVIRONMENTS:
            self._problem(f"unknown environment {name!r}{near(name, ENVIRONMENTS)}")
            return {}
        if not isinstance(classes, dict):
            self._problem(f"[environments.{name}] must be a table")
            return {}
        choices = {}
        for kind, given in classes.items():
            where = f"[environments.{name}] {kind}"
            if kind not in CLASSES:
                self._problem(f"{where}: unknown class{near(kind, CLASSES)}")
                continue
            choice = self.parser.choice(given, kind, name, where)
            if choice is not None:
                choices[kind] = choice
        return choices

    def _rules(self, table: str, content: Any) -> TableRules:
        if not isinstance(content, dict):
            self._problem(f"table {table} must be a table of columns")
            return TableRules(table, {})
        columns: dict[str, Rule] = {}
        for name, rule in self._columns(table, content):
            if self._is_new(name, columns, f"{table}.{name}"):
                columns[name] = rule
        subject = content.get("subject")
        made = TableRules(table, columns, subject if isinstance(subject, str) else None)
        self._check_subject(made)
        return made

    def _columns(self, table: str, content: Mapping[str, Any]) -> Iterator[tuple[str, Rule]]:
        for name, given in content.items():
            if name == "not_personal" and isinstance(given, list):
                yield from self._not_personal(table, given)
            elif isinstance(given, dict):
                yield name, self.parser.rule(given, f"{table}.{name}")
            elif name == "subject" and isinstance(given, str):
                continue
            elif isinstance(given, str) and given in CLASSES:
                self._problem(f'{table}.{name}: write {name} = {{ class = "{given}" }}')
            else:
                hint = near(name, ["subject", "not_personal"])
                self._problem(f"{table}.{name}: a column needs a table in braces{hint}")

    def _not_personal(self, table: str, groups: list[Any]) -> Iterator[tuple[str, Rule]]:
        for group in groups:
            where = f"{table}.not_personal"
            if not isinstance(group, dict) or set(group) - {"columns", "reason"}:
                self._problem(f'{where}: each entry is {{ columns = ["..."], reason = "..." }}')
                continue
            reason = self.parser.reason(group, where)
            columns = group.get("columns")
            if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
                self._problem(f"{where}: columns must be a list of names")
                continue
            for name in columns:
                yield name, Rule(None, reason or "missing")

    def _check_subject(self, table: TableRules) -> None:
        for name, rule in table.columns.items():
            strategies = {choice.strategy for choice in rule.choices.values()}
            shifts = "date_shift" in strategies or (
                rule.kind is not None
                and "" not in rule.choices
                and CLASSES[rule.kind].strategy == "date_shift"
            )
            if shifts and table.subject is None:
                self._problem(
                    f"{table.name}.{name}: date_shift moves all dates of one subject alike; "
                    f'add subject = "<column>" to [tables.{table.name}]'
                )


def _secrets(node: Any, where: str) -> Iterator[str]:
    """A key has no place in a file that is committed; its text is never repeated."""
    if isinstance(node, dict):
        for name, value in node.items():
            here = f"{where}.{name}".lstrip(".")
            if name in _SECRET_NAMES and not isinstance(value, dict):
                yield f"{here}: a key never stands in this file; set TERP_SEED_MASK_KEY instead"
            else:
                yield from _secrets(value, here)
    elif isinstance(node, list):
        for value in node:
            yield from _secrets(value, where)
    elif isinstance(node, str) and _SECRET_TEXT.fullmatch(node):
        yield f"{where}: this looks like a key; set TERP_SEED_MASK_KEY instead"
