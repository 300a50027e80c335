"""Pages that can be filed: the evidence of masking, and the inventory of a policy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from terp_seed.masking.classes import DATA_CLASSES
from terp_seed.masking.policy import Choice, Policy, Rule

__all__ = ["evidence_page", "inventory_page"]

_TO_FILL_IN = """
To be filled in by the controller, for the records of processing (GDPR, Article 30):

- controller and contact:
- purpose, such as testing with realistic data:
- who may read this environment:
- transfers to other countries:
- when this copy will be deleted:
- which of the copies and backups above were deleted, when and by whom:
- where the masking key is kept, and who may read it:
"""

_INVENTORY = """\
Written from the masking policy; do not edit it by hand. For each column that the seeders may
write: its class, and what happens to an imported value in each environment. Generated rows are not
masked but held to reserved ranges. Production takes no generated rows, and an imported value only
where the policy has an entry for production.

A masked value made with a key is a pseudonym: for whoever holds the key it is still personal data.
"""

_LINKING = {"pseudonymise", "substitute", "tokenise", "hash"}


def evidence_page(evidence: Mapping[str, Any]) -> str:
    """The evidence in Markdown; the same evidence gives the same text."""
    scan = evidence["scan"]
    return _page(
        "Evidence of masking",
        {
            **evidence,
            "runs": [
                {key: run.get(key) for key in ("at", "event", "by", "host", "key_id", "rows")}
                for run in evidence["runs"]
            ],
            "scan": _scanned(scan) if scan else "not made yet: terp-seed mask --verify",
            "finds": [
                {key: leak[key] for key in ("table", "column", "found", "rows")}
                for leak in (scan or {}).get("leaks", ())
            ],
        },
        _TO_FILL_IN,
    )


def inventory_page(policy: Policy) -> str:
    """The inventory of personal data in Markdown; the same policy gives the same text."""
    tables = sorted(policy.tables.values(), key=lambda table: table.name.casefold())
    rules = [(table.name, name, rule) for table in tables for name, rule in table.columns.items()]
    personal = [row for entry in rules for row in _personal(policy, *entry)]
    plain: dict[tuple[str, str], list[str]] = {}
    for table, name, rule in rules:
        if rule.kind is None:
            plain.setdefault((table, rule.reason or ""), []).append(name)
    used = {row["class"] for row in personal}
    return _page(
        "Inventory of personal data",
        {
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
        },
        before=_INVENTORY,
    )


def _personal(policy: Policy, table: str, name: str, rule: Rule) -> Iterator[dict[str, Any]]:
    """A row for a personal column, or for each path of a document and the rest of it."""
    parts = [(f"{name} at {path}", inner) for path, inner in rule.paths]
    if rule.kind is not None:
        parts.append((f"{name}, the rest" if parts else name, rule))
    for place, part in parts:
        dev, staging = (part.choice(env, policy.classes(env)) for env in ("dev", "staging"))
        if part.paths and part.other:
            dev = staging = part.other
        strategies = {choice.strategy for choice in (dev, staging) if choice}
        linked = f"every {part.domain or part.kind}" if strategies & _LINKING else ""
        if "date_shift" in strategies:
            linked = f"all dates of one {policy.table(table).subject}"
        yield {
            "table": table,
            "column": place,
            "class": part.kind,
            "dev_and_test": _chosen(dev, part),
            "staging": _chosen(staging, part),
            "linked_with": linked,
        }


def _chosen(choice: Choice | None, rule: Rule) -> str:
    if choice is None:
        return "not written" if rule.kind else f"kept: {rule.reason}"
    options = ", ".join(f"{name} {value}" for name, value in choice.options.items())
    text = f"{choice.strategy} ({options})" if options else choice.strategy
    return f"{text}: {choice.reason}" if choice.reason else text


def _scanned(scan: Mapping[str, Any]) -> str:
    return (
        f"{scan['at']} UTC: {len(scan.get('leaks', ()))} finds in {scan.get('rows_read', 0):,} "
        f"rows, {scan.get('columns', 0)} columns, {scan.get('tables', 0)} tables; compared with "
        f"{scan.get('originals', 0):,} originals"
    )


def _page(title: str, report: Mapping[str, Any], after: str = "", before: str = "") -> str:
    """A report: its facts in one table, then a section for each list of rows."""
    lists = {name: value for name, value in report.items() if _is_rows(value)}
    facts = [(_words(name), value) for name, value in report.items() if name not in lists]
    parts = [f"# {title}", before.rstrip(), _table(("", ""), facts) if facts else ""]
    for name, rows in lists.items():
        lines = [list(row.values()) for row in rows]
        parts.append(f"## {_words(name).capitalize()}\n\n{_table([*map(_words, rows[0])], lines)}")
    return "\n\n".join(filter(None, [*parts, after.strip()])) + "\n"


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{name} {_cell(count)}" for name, count in value.items())
    elif isinstance(value, list):
        value = ", ".join(map(str, value)) or "none"
    text = f"{value:,}" if isinstance(value, int) else str("-" if value is None else value)
    return text.replace("|", "\\|").replace("\n", " ")
