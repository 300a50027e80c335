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

`terp_seed.masking.inventory` writes this page from the masking policy; do not edit it by hand.
It lists the columns that the seeders may write, and how an imported value is masked in dev, test
and staging. Generated rows are not masked: they are held to reserved ranges. Production takes no
generated rows, and takes an imported value only where the policy names production.

Under one key, equal values of a class become equal pseudonyms in every table. For whoever holds the
key, a pseudonym is still personal data.
"""

_CLASSES = "## Classes and their default masking"
_PERSONAL = "## Personal columns, with class, and masking if it is not the default"


def inventory(policy: Policy) -> str:
    """The inventory as Markdown; the same policy gives the same text."""
    tables = [policy.tables[name] for name in sorted(policy.tables, key=str.casefold)]
    used = {rule.kind for table in tables for rule in _all(table)}
    kinds = [kind for kind in CLASSES.values() if kind.name in used]
    lines = [_HEAD, _CLASSES, ""]
    lines += [f"- {kind.name}, {kind.meaning}: {kind.strategy}" for kind in kinds]
    lines += ["", _PERSONAL, ""]
    lines += filter(None, (_personal(policy, table) for table in tables))
    lines += ["", "## Columns that are not personal", "", *_not_personal(tables)]
    return "\n".join(lines) + "\n"


def _all(table: TableRules) -> Iterator[Rule]:
    for rule in table.columns.values():
        yield rule
        yield from (inner for _, inner in rule.paths)


def _personal(policy: Policy, table: TableRules) -> str:
    """A table's personal columns, each with its class and masking."""
    found = [
        text
        for name, rule in table.columns.items()
        if rule.kind is not None
        for text in _column(policy, table, name, rule)
    ]
    return f"- {table.name}: {', '.join(found)}" if found else ""


def _not_personal(tables: Iterable[TableRules]) -> Iterator[str]:
    """Each reason once, with the columns that it is given for."""
    columns: dict[str, dict[str, list[str]]] = {}
    for table in tables:
        for name, rule in table.columns.items():
            if rule.kind is None:
                columns.setdefault(rule.reason or "", {}).setdefault(table.name, []).append(name)
    for reason, found in columns.items():
        named = (f"{table} (`{'`, `'.join(names)}`)" for table, names in found.items())
        yield f"- {reason}: {', '.join(named)}"


_SHOWN: tuple[Environment, ...] = ("dev", "staging")


def _column(policy: Policy, table: TableRules, name: str, rule: Rule) -> Iterator[str]:
    if not rule.paths:
        dev, staging = (policy.strategy(table.name, name, env) for env in _SHOWN)
        masking = _both(rule.kind, dev, staging)
        if "date_shift" in _names((dev, staging)):
            masking += f", all dates of one `{table.subject}` alike"
        yield f"`{name}` ({masking})"
        return
    for path, inner in rule.paths:
        yield f"`{name}` at `{path}` ({_at_path(policy, inner)})"
    rest = _said(rule.other) if rule.other else "removed"
    yield f"`{name}`, the rest ({rule.kind}: {rest})"


def _at_path(policy: Policy, rule: Rule) -> str:
    if rule.kind is None:
        return f"not personal: {rule.reason}"
    dev, staging = (chosen(rule, name, dict(policy.environments.get(name, {}))) for name in _SHOWN)
    return _both(rule.kind, dev, staging)


def _both(kind: str | None, dev: Choice | None, staging: Choice | None) -> str:
    """The class, then the masking unless it is the default; that in staging if it is another."""
    shown, other = _said(dev), _said(staging)
    default = CLASSES[kind].strategy if kind else ""
    masking = kind or ""
    if shown != default:
        masking += f": {shown}"
    return masking if other == shown else f"{masking}; staging: {other}"


def _names(choices: Iterable[Choice | None]) -> set[str]:
    return {choice.strategy for choice in choices if choice is not None}


def _said(choice: Choice | None) -> str:
    if choice is None:
        return "not written"
    options = ", ".join(f"{name} {value}" for name, value in choice.options.items())
    said = f"{choice.strategy} ({options})" if options else choice.strategy
    return f"{said}: {choice.reason}" if choice.reason else said
