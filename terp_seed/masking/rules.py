"""What the policy says of one column or one path of a document."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from terp_seed.errors import UsageError
from terp_seed.masking.site import Choice

__all__ = ["ENVIRONMENTS", "Environment", "Rule", "TableRules", "environment_named"]

Environment = Literal["dev", "test", "staging", "production"]
ENVIRONMENTS: tuple[Environment, ...] = ("dev", "test", "staging", "production")

_ALIASES: dict[str, Environment] = {
    "development": "dev",
    "prod": "production",
    **{name: name for name in ENVIRONMENTS},
}


def environment_named(name: str) -> Environment:
    """The environment of a name or alias; raises `UsageError` for any other."""
    try:
        return _ALIASES[name]
    except KeyError:
        raise UsageError(
            f"environment {name!r} has no masking profile; use {', '.join(ENVIRONMENTS)}"
        ) from None


@dataclass(frozen=True, slots=True)
class Rule:
    """One column: ``kind`` is its class, or None for one that is not personal.

    A column that is not personal has a ``reason``.  ``choices`` are its own
    strategies: under ``""`` for everywhere, under an environment's name there.
    """

    kind: str | None
    reason: str | None = None
    choices: Mapping[str, Choice] = field(default_factory=dict)
    domain: str | None = None
    unique: bool = False
    paths: tuple[tuple[str, Rule], ...] = ()
    other: Choice | None = None

    def canonical(self) -> dict[str, Any]:
        """The rule as plain data, the same however the file is laid out."""
        return {
            "class": self.kind,
            "reason": self.reason,
            "choices": {name: plain_choice(self.choices[name]) for name in sorted(self.choices)},
            "domain": self.domain,
            "unique": self.unique,
            "paths": [[path, rule.canonical()] for path, rule in self.paths],
            "other": plain_choice(self.other) if self.other else None,
        }


@dataclass(frozen=True, slots=True)
class TableRules:
    """One table: its columns by name, and the column that names a row's subject."""

    name: str
    columns: Mapping[str, Rule]
    subject: str | None = None


def plain_choice(choice: Choice) -> list[Any]:
    """A choice as plain data."""
    return [choice.strategy, dict(sorted(choice.options.items())), choice.reason]
