"""The evidence as a page that can be filed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

__all__ = ["written"]

Data = Mapping[str, Any]

_OURS = """\
To be filled in by the controller, for the records of processing (GDPR, Article 30):

- controller and contact:
- purpose, such as testing with realistic data:
- who may read this environment:
- transfers to other countries:
- when this copy will be deleted:
- where the masking key is kept, and who may read it:"""


def written(found: Data) -> str:
    """The page, in Markdown; the same evidence gives the same text."""
    parts = [
        _head(found),
        "## What was masked\n\n" + "\n\n".join(_tables(found)),
        "## Kept, with reasons\n\n" + _kept(found["tables"]),
        "## Runs\n\n" + _runs(found["runs"]),
        "## Leak check\n\n" + "\n".join(_scan(found["scan"])),
        "## Copies that masking in place leaves behind\n\n" + _copies(found["copies"]),
        "## Backups that are still there\n\n" + _backups(found["backups"]),
        "## Records of processing\n\n" + "\n".join(_categories(found)) + "\n\n" + _OURS,
    ]
    return "\n\n".join(parts) + "\n"


def _head(found: Data) -> str:
    policy = found["policy"]
    lines = [
        ("database", f"{found['database']} ({found['engine']})"),
        ("environment", found["environment"]),
        ("status", found["status"]),
        ("written", f"{found['made_at']}, by {found['made_by']}, with {found['tool']}"),
        ("policy", f"{policy['file']}, SHA-256 {policy['digest']}"),
        ("policy when it was masked", ", ".join(policy["digests_used"]) or "-"),
        ("key id", ", ".join(found["key_ids"]) or "no key"),
        ("pools of made-up names", found["pools"]),
        ("columns without an entry that look personal", _listed(found["unclassified"])),
        ("columns declared not personal", found["not_personal"]),
    ]
    return "# Evidence of masking\n\n" + _table(("", ""), lines)


def _tables(found: Data) -> Iterator[str]:
    rows = [
        (t["table"], t["path"], t["rows"], t["masked_in_place"], sum(t["seeded"].values()))
        for t in found["tables"]
    ]
    yield _table(("table", "path of its rows", "rows now", "masked in place", "seeded"), rows)
    columns = [
        (f"{t['table']}.{c['column']}", c["class"], c["strategy"], c["linked_with"], c["state"])
        for t in found["tables"]
        for c in t["columns"]
    ]
    if columns:
        yield _table(("column", "class", "strategy", "linked with every", "state"), columns)


def _kept(tables: Sequence[Data]) -> str:
    rows = [
        (f"{t['table']}.{k['column']}", k["class"], k["reason"]) for t in tables for k in t["kept"]
    ]
    return _table(("column", "class", "reason"), rows) if rows else "Nothing."


def _runs(runs: Sequence[Data]) -> str:
    rows = [
        (r["at"], r["event"], r["by"], r["host"], r.get("key_id", "-"), _counts(r["rows"]))
        for r in runs
    ]
    head = ("at (UTC)", "event", "by", "host", "key id", "rows")
    return _table(head, rows) if rows else "None."


def _scan(scan: Data | None) -> Iterator[str]:
    if scan is None:
        yield "Not made yet: terp-seed mask --verify"
        return
    yield (
        f"{scan['at']} UTC: {len(scan.get('leaks', ()))} finds in "
        f"{scan.get('rows_read', 0):,} rows, "
        f"{scan.get('columns', 0)} columns, {scan.get('tables', 0)} tables; compared with "
        f"{scan.get('originals', 0):,} originals."
    )
    for leak in scan.get("leaks", ()):
        yield f"- {leak['table']}.{leak['column']}: {leak['found']}, {leak['rows']:,} rows"


def _copies(copies: Sequence[Data]) -> str:
    rows = [(c["where"], c["now"], c["duty"], "") for c in copies]
    return _table(("where", "now", "what to do", "done, by whom"), rows)


def _backups(backups: Sequence[Data]) -> str:
    rows = [(b["folder"], b["made_at"], b["by"], b["before"], "") for b in backups]
    head = ("folder, unmasked", "made at", "by", "before", "deleted, by whom")
    return _table(head, rows) if rows else "None of terp_seed's own on this machine."


def _categories(found: Data) -> Iterator[str]:
    yield "Categories of personal data that were masked:"
    yield ""
    for each in found["categories"] or ["none"]:
        yield f"- {each}"


def _counts(rows: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in rows.items())


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else str(value)
    return text.replace("|", "\\|").replace("\n", " ")
