"""The inventory of personal data, written from the policy so that it cannot differ from it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from terp_seed.masking.classes import CLASSES
from terp_seed.masking.compiled import chosen
from terp_seed.masking.policy import Policy
from terp_seed.masking.rules import Environment, Rule, TableRules
from terp_seed.masking.site import Choice

__all__ = ["inventory"]

_HEAD = """\
# Inventory of personal data

Written by `terp_seed.masking.inventory` from the masking policy; do not edit it by hand. For each
column that the seeders may write: its class, and what happens to an imported value in each
environment. Rows that the generators make up are not masked but held to reserved ranges.
Production takes no made-up rows, and an imported value only where the policy has a word for
production.

A masked value made with a key is a pseudonym: for whoever holds the key it is still personal data.
"""

_MEANINGS = (
    "## Classes",
    "",
    "| class | what it is | if nobody says more |",
    "| --- | --- | --- |",
)
_COLUMNS = (
    "| column | class | dev and test | staging | linked with |",
    "| --- | --- | --- | --- | --- |",
)


def inventory(policy: Policy) -> str:
    """The inventory as Markdown; the same policy gives the same text."""
    used = {rule.kind for table in policy.tables.values() for rule in _all(table)}
    lines = [_HEAD, *_MEANINGS]
    lines += [
        f"| {kind.name} | {kind.meaning} | {kind.strategy} |"
        for kind in CLASSES.values()
        if kind.name in used
    ]
    for name in sorted(policy.tables, key=str.casefold):
        lines += ["", *_table(policy, policy.tables[name])]
    return "\n".join(lines) + "\n"


def _all(table: TableRules) -> Iterator[Rule]:
    for rule in table.columns.values():
        yield rule
        yield from (inner for _, inner in rule.paths)


def _table(policy: Policy, table: TableRules) -> Iterator[str]:
    yield f"## {table.name}"
    yield ""
    personal = {name: rule for name, rule in table.columns.items() if rule.kind is not None}
    if personal:
        yield from _COLUMNS
        for name, rule in personal.items():
            yield from _rows(policy, table, name, rule)
        yield ""
    plain: dict[str, list[str]] = {}
    for name, rule in table.columns.items():
        if rule.kind is None:
            plain.setdefault(rule.reason or "", []).append(f"`{name}`")
    if plain:
        yield "Not personal:" if personal else "Nothing personal:"
        yield ""
        yield from (f"- {', '.join(names)}: {reason}" for reason, names in plain.items())


_SHOWN: tuple[Environment, ...] = ("dev", "staging")


def _rows(policy: Policy, table: TableRules, name: str, rule: Rule) -> Iterator[str]:
    dev, staging = (policy.strategy(table.name, name, env) for env in _SHOWN)
    linked = f"every {rule.domain or rule.kind}" if _links(dev, staging) else ""
    if "date_shift" in {choice.strategy for choice in (dev, staging) if choice}:
        linked = f"all dates of one `{table.subject}`"
    if not rule.paths:
        yield f"| `{name}` | {rule.kind} | {_said(dev)} | {_said(staging)} | {linked} |"
        return
    for path, inner in rule.paths:
        yield f"| `{name}` at `{path}` | {_at_path(policy, inner)} |  |"
    rest = _said(rule.other) if rule.other else "removed"
    yield f"| `{name}`, the rest | {rule.kind} | {rest} | {rest} |  |"


def _at_path(policy: Policy, rule: Rule) -> str:
    if rule.kind is None:
        return f"not personal: {rule.reason} | kept | kept"
    used = (chosen(rule, name, dict(policy.environments.get(name, {}))) for name in _SHOWN)
    return " | ".join([rule.kind, *map(_said, used)])


def _links(*choices: Choice | None) -> bool:
    linking = {"pseudonymise", "substitute", "tokenise", "hash"}
    return bool(linking & _names(choices))


def _names(choices: Iterable[Choice | None]) -> set[str]:
    return {choice.strategy for choice in choices if choice is not None}


def _said(choice: Choice | None) -> str:
    if choice is None:
        return "not written"
    options = ", ".join(f"{name} {value}" for name, value in choice.options.items())
    said = f"{choice.strategy} ({options})" if options else choice.strategy
    return f"{said}: {choice.reason}" if choice.reason else said
