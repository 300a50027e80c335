"""Write docs/pii-inventory.md from seeds/masking.toml, so that the two cannot differ.

::

    python docs/pii_inventory.py           # writes it
    python docs/pii_inventory.py --check   # writes nothing; fails if it is out of date
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from terp_seed.masking.policy import DATA_CLASSES, Choice, Policy, Rule
from terp_seed.masking.policy_file import load_policy

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "pii-inventory.md"
INTRODUCTION = """\
# Inventory of personal data

`docs/pii_inventory.py` writes this page from the masking policy; do not edit it by hand. It lists
the columns that the seeders may write, and how an imported value is masked in dev, test and
staging. Generated rows are not masked: they are held to reserved ranges. Production takes no
generated rows, and takes an imported value only where the policy names production.

Under one key, equal values of a class become equal pseudonyms in every table. For whoever holds the
key, a pseudonym is still personal data.
"""


def inventory(policy: Policy) -> str:
    """The page; the same policy gives the same text."""
    names = sorted(policy.tables, key=str.casefold)
    personal = {name: list(masked_columns(policy, name)) for name in names}
    return "\n".join(
        [
            INTRODUCTION,
            "## Classes and their default masking\n",
            *classes(policy),
            "\n## Personal columns, with class, and masking if it is not the default\n",
            *(f"- {name}: {', '.join(columns)}" for name, columns in personal.items() if columns),
            "\n## Columns that are not personal\n",
            *reasons(policy, names),
            "",
        ]
    )


def classes(policy: Policy) -> Iterator[str]:
    """The classes that the policy uses."""
    rules = [rule for table in policy.tables.values() for rule in table.columns.values()]
    inner = [rule for outer in rules for _, rule in outer.paths]
    used = {rule.kind for rule in [*rules, *inner]}
    for kind in DATA_CLASSES.values():
        if kind.name in used:
            yield f"- {kind.name}, {kind.meaning}: {kind.strategy}"


def masked_columns(policy: Policy, table: str) -> Iterator[str]:
    """A table's personal columns, or each path of a document and the rest of it."""
    for name, rule in policy.tables[table].columns.items():
        for path, inner in rule.paths:
            yield f"`{name}` at `{path}` ({masking(policy, table, inner)})"
        if rule.kind is not None:
            place = f"`{name}`, the rest" if rule.paths else f"`{name}`"
            yield f"{place} ({masking(policy, table, rule)})"


def masking(policy: Policy, table: str, rule: Rule) -> str:
    """The class, then the masking unless it is the default; that in staging if it is another."""
    if rule.kind is None:
        return f"not personal: {rule.reason}"
    dev, staging = (rule.choice(env, policy.classes(env)) for env in ("dev", "staging"))
    if rule.paths:
        dev = staging = rule.other or Choice("removed")
    shown, other = choice_text(dev), choice_text(staging)
    text = rule.kind if shown == DATA_CLASSES[rule.kind].strategy else f"{rule.kind}: {shown}"
    if "date_shift" in (shown, other):
        text += f", all dates of one `{policy.table(table).subject}` alike"
    return text if shown == other else f"{text}; staging: {other}"


def choice_text(choice: Choice | None) -> str:
    """A choice with its options and reason."""
    if choice is None:
        return "not written"
    options = ", ".join(f"{name} {value}" for name, value in choice.options.items())
    text = f"{choice.strategy} ({options})" if options else choice.strategy
    return f"{text}: {choice.reason}" if choice.reason else text


def reasons(policy: Policy, tables: Iterable[str]) -> Iterator[str]:
    """Each reason once, with the columns that it is given for."""
    columns: dict[str, dict[str, list[str]]] = {}
    for table in tables:
        for name, rule in policy.tables[table].columns.items():
            if rule.kind is None:
                columns.setdefault(rule.reason or "", {}).setdefault(table, []).append(f"`{name}`")
    for reason, found in columns.items():
        yield f"- {reason}: " + ", ".join(
            f"{table} ({', '.join(names)})" for table, names in found.items()
        )


def main(*arguments: str) -> int:
    """Write the page, or compare it."""
    text = inventory(load_policy(DOCS.parent / "seeds" / "masking.toml"))
    if "--check" in arguments:
        return int(text != PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
