"""A report as a Markdown page that can be filed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["evidence_page", "page"]

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


def evidence_page(evidence: Mapping[str, Any]) -> str:
    """The evidence as a page; the same evidence gives the same text."""
    scan = evidence["scan"] or {}
    shown = {
        **evidence,
        "runs": _only(evidence["runs"], "at", "event", "by", "host", "key_id", "rows"),
        "scan": _summary(scan) if scan else "not made yet: terp-seed mask --verify",
        "finds": _only(scan.get("leaks", ()), "table", "column", "found", "rows"),
    }
    return page("Evidence of masking", shown) + _TO_FILL_IN


def page(title: str, report: Mapping[str, Any], introduction: str = "") -> str:
    """Plain data in Markdown: its facts in one table, then a section for each list of rows."""
    lists = {name: value for name, value in report.items() if _is_rows(value)}
    facts = [(_words(name), value) for name, value in report.items() if name not in lists]
    parts = [f"# {title}", introduction, _table(("", ""), facts) if facts else ""]
    for name, rows in lists.items():
        lines = [list(row.values()) for row in rows]
        parts.append(f"## {_words(name).capitalize()}\n\n{_table([*map(_words, rows[0])], lines)}")
    return "\n\n".join(filter(None, parts)) + "\n"


def _only(rows: Sequence[Mapping[str, Any]], *keys: str) -> list[dict[str, Any]]:
    return [{key: row.get(key) for key in keys} for row in rows]


def _summary(scan: Mapping[str, Any]) -> str:
    return (
        f"{scan['at']} UTC: {len(scan['leaks'])} finds in {scan['rows_read']:,} rows, "
        f"{scan['columns']} columns, {scan['tables']} tables; compared with "
        f"{scan['originals']:,} originals"
    )


def _is_rows(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    if isinstance(value, Mapping):
        value = ", ".join(f"{_words(name)} {_cell(item)}" for name, item in value.items())
    elif isinstance(value, list):
        value = ", ".join(map(str, value)) or "none"
    text = f"{value:,}" if isinstance(value, int) else str("-" if value is None else value)
    return text.replace("|", "\\|").replace("\n", " ")
