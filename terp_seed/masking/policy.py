"""The masking policy: which columns are personal, and what is done about each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

from terp_seed.errors import MaskingError, UsageError
from terp_seed.masking.classes import CLASSES
from terp_seed.masking.compiled import Profile, chosen, compiled
from terp_seed.masking.detect import ColumnFacts, Finding, look
from terp_seed.masking.keys import Key
from terp_seed.masking.masker import Masker
from terp_seed.masking.policyfile import read_policy
from terp_seed.masking.proof import Proof
from terp_seed.masking.ruleparse import RuleParser
from terp_seed.masking.rules import Rule, TableRules, environment_named, plain_choice
from terp_seed.masking.site import Choice

__all__ = ["Policy"]

_UNPROVEN = frozenset({"date", "amount"})  # every day and every sum may be made up


@dataclass(frozen=True)
class Policy:
    """A parsed and checked policy.  Table and column names match in any case."""

    source: str = "masking policy"
    mail_domain: str = "example.com"
    environments: Mapping[str, Mapping[str, Choice]] = field(default_factory=dict)
    tables: Mapping[str, TableRules] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> Policy:
        """Read a policy file; raises `UsageError` with one line for each mistake in it."""
        file = read_policy(path)
        return cls(str(path), file.mail_domain, file.environments, file.tables)

    def merged(self, metadata: Any) -> Policy:
        """Return the policy with ``Column.info["pii"]`` of SQLAlchemy metadata added.

        The information is ``False`` (and a reason in ``info["reason"]``), a
        class, or a table as in the file.  Where the file has an entry the file
        decides; an entry for another class, or the opposite, is a `UsageError`.
        """
        parser = RuleParser()
        tables = dict(self.tables)
        for table in metadata.tables.values():
            found = {
                column.name: _from_info(parser, f"{table.name}.{column.name}", column.info)
                for column in table.columns
                if "pii" in column.info
            }
            if found:
                own = self._table(table.name) or TableRules(table.name, {})
                parser.problems += _conflicts(own, found)
                tables[own.name] = replace(own, columns={**found, **own.columns})
        if parser.problems:
            raise UsageError("\n".join(f"{self.source}: {text}" for text in parser.problems))
        return replace(self, tables=tables)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what the policy says; its layout, order and comments do not count."""
        said = {
            "mail_domain": self.mail_domain,
            "environments": {
                name: {kind: plain_choice(choice) for kind, choice in classes.items()}
                for name, classes in self.environments.items()
            },
            "tables": {
                table.name: {
                    "subject": table.subject,
                    "columns": {name: rule.canonical() for name, rule in table.columns.items()},
                }
                for table in self.tables.values()
            },
        }
        return sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def rule(self, table: str, column: str) -> Rule | None:
        """What is said of a column; None if nothing is."""
        rules = self._table(table)
        if rules is None:
            return None
        wanted = column.casefold()
        return next((r for name, r in rules.columns.items() if name.casefold() == wanted), None)

    def strategy(self, table: str, column: str, environment: str) -> Choice | None:
        """The strategy of a column in an environment; None for one that is not masked there."""
        rule = self.rule(table, column)
        if rule is None or rule.kind is None:
            return None
        name = environment_named(environment)
        return chosen(rule, name, dict(self.environments.get(name, {})))

    def has_personal_columns(self, table: str) -> bool:
        """Whether the policy gives a column of the table a class."""
        listed = self._table(table)
        return listed is not None and any(rule.kind is not None for rule in listed.columns.values())

    def masker(
        self,
        table: str,
        columns: Sequence[str],
        *,
        environment: str,
        key: Key | None,
        provenance: Literal["synthetic", "imported"],
        first_row: int = 0,
    ) -> Masker | None:
        """What these columns of a table pass; None if none of them is personal.

        ``first_row`` is the number of rows that earlier imports gave the same
        table, so that what follows the row number goes on from there.  Raises
        `MaskingError` where the policy cannot be met: no key outside dev and
        test, a personal column in production.
        """
        profile = self._profile(environment, key)
        personal = {
            name: rule
            for name in columns
            if (rule := self.rule(table, name)) is not None and rule.kind is not None
        }
        if provenance == "synthetic":
            return _prover(table, personal, profile)
        subject = getattr(self._table(table), "subject", None)
        masks = {
            name: mask
            for name, rule in personal.items()
            if (mask := compiled(f"{table}.{name}", rule, profile, subject)) is not None
        }
        if not masks:
            return None
        return Masker(table, masks, {}, subject=subject, first_row=first_row, keyed=key is not None)

    def capacity(self, table: str, column: str, *, environment: str) -> int | None:
        """How many rows a unique column can be masked for; None if there is no limit."""
        rule, choice = self.rule(table, column), self.strategy(table, column, environment)
        if rule is None or choice is None or choice.strategy != "tokenise" or not rule.unique:
            return None
        among = CLASSES[rule.kind or ""].reserved
        return None if among is None else among.size

    def unclassified(self, table: str, columns: Iterable[ColumnFacts]) -> list[Finding]:
        """The columns that need a decision before a row is written; see `Finding`."""
        found = (look(table, column, self.rule(table, column.name)) for column in columns)
        return [finding for finding in found if finding is not None]

    def stale(self, table: str, columns: Iterable[str]) -> list[str]:
        """The columns with an entry that the table does not have: dropped, or renamed."""
        live = {name.casefold() for name in columns}
        rules = self._table(table)
        return [name for name in (rules.columns if rules else ()) if name.casefold() not in live]

    def _table(self, name: str) -> TableRules | None:
        exact = self.tables.get(name)
        if exact is not None:
            return exact
        wanted = name.casefold()
        return next((t for own, t in self.tables.items() if own.casefold() == wanted), None)

    def _profile(self, environment: str, key: Key | None) -> Profile:
        name = environment_named(environment)
        return Profile(name, dict(self.environments.get(name, {})), key, self.mail_domain)


def _prover(table: str, personal: Mapping[str, Rule], profile: Profile) -> Masker | None:
    if personal and profile.environment == "production":
        names = ", ".join(personal)
        raise MaskingError(f"{table}: production takes no made-up personal data ({names})")
    proofs = {
        name: Proof(CLASSES[rule.kind])
        for name, rule in personal.items()
        if rule.kind is not None and rule.kind not in _UNPROVEN
    }
    return Masker(table, {}, proofs) if proofs else None


def _from_info(parser: RuleParser, where: str, info: Mapping[str, Any]) -> Rule:
    given = info["pii"]
    if given is False:
        reason = info.get("reason", info.get("why"))
        return parser.rule({"pii": False, **({"reason": reason} if reason else {})}, where)
    if isinstance(given, str):
        given = {"class": given}
    if not isinstance(given, dict):
        parser.problems.append(f'{where}: info["pii"] is False, a class or a table with one')
        return Rule("free_text")
    return parser.rule(given, where)


def _conflicts(own: TableRules, found: Mapping[str, Rule]) -> list[str]:
    names = {name.casefold(): name for name in own.columns}
    return [
        f"{own.name}.{column}: the file says {_said(own.columns[names[column.casefold()]])}, "
        f"the model's info says {_said(rule)}; make them agree"
        for column, rule in found.items()
        if column.casefold() in names and own.columns[names[column.casefold()]].kind != rule.kind
    ]


def _said(rule: Rule) -> str:
    return "pii = false" if rule.kind is None else f"class {rule.kind}"
