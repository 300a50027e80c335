"""Write docs/pii-inventory.md from seeds/masking.toml, so that the two cannot differ.

::

    python docs/pii_inventory.py           # writes it
    python docs/pii_inventory.py --check   # writes nothing; fails if it is out of date
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from terp_seed.mask_database.report import page
from terp_seed.masking.classes import DATA_CLASSES
from terp_seed.masking.policy import Choice, Policy, Rule
from terp_seed.masking.policy_file import load_policy

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "pii-inventory.md"
INTRODUCTION = """\
Written from the masking policy; do not edit it by hand. For each column that the seeders may
write: its class, and what happens to an imported value in each environment. Generated rows are not
masked but held to reserved ranges. Production takes no generated rows, and an imported value only
where the policy has an entry for production.

A masked value made with a key is a pseudonym: for whoever holds the key it is still personal
data."""
LINKING = {"pseudonymise", "substitute", "tokenise", "hash"}


def inventory(policy: Policy) -> str:
    """The page; the same policy gives the same text."""
    tables = sorted(policy.tables.values(), key=lambda table: table.name.casefold())
    rules = [(table.name, name, rule) for table in tables for name, rule in table.columns.items()]
    personal = [row for entry in rules for row in rows_of(policy, *entry)]
    plain: dict[tuple[str, str], list[str]] = {}
    for table, name, rule in rules:
        if rule.kind is None:
            plain.setdefault((table, rule.reason or ""), []).append(name)
    used = {row["class"] for row in personal}
    lists = {
        "classes": [
            {"class": kind.name, "meaning": kind.meaning, "default": kind.strategy}
            for kind in DATA_CLASSES.values()
            if kind.name in used
        ],
        "personal": personal,
        "not_personal": [
            {"table": table, "columns": names, "reason": reason}
            for (table, reason), names in plain.items()
        ],
    }
    return page("Inventory of personal data", lists, INTRODUCTION)


def rows_of(policy: Policy, table: str, name: str, rule: Rule) -> Iterator[dict[str, Any]]:
    """A row for a personal column, or for each path of a document and the rest of it."""
    parts = [(f"{name} at {path}", inner) for path, inner in rule.paths]
    if rule.kind is not None:
        parts.append((f"{name}, the rest" if parts else name, rule))
    for place, part in parts:
        dev, staging = (part.choice(env, policy.classes(env)) for env in ("dev", "staging"))
        if part.paths:
            dev = staging = part.other or Choice("removed")
        strategies = {choice.strategy for choice in (dev, staging) if choice}
        linked = f"every {part.domain or part.kind}" if strategies & LINKING else ""
        if "date_shift" in strategies:
            linked = f"all dates of one {policy.table(table).subject}"
        yield {
            "table": table,
            "column": place,
            "class": part.kind,
            "dev_and_test": shown(dev, part),
            "staging": shown(staging, part),
            "linked_with": linked,
        }


def shown(choice: Choice | None, rule: Rule) -> str:
    """A choice as a person reads it."""
    if choice is None:
        return "not written" if rule.kind else f"kept: {rule.reason}"
    options = ", ".join(f"{name} {value}" for name, value in choice.options.items())
    text = f"{choice.strategy} ({options})" if options else choice.strategy
    return f"{text}: {choice.reason}" if choice.reason else text


def main(*arguments: str) -> int:
    """Write the page, or compare it."""
    text = inventory(load_policy(DOCS.parent / "seeds" / "masking.toml"))
    if "--check" in arguments:
        return int(text != PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
