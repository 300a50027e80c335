"""The evidence: what was masked, how, by whom, what a scan found, what is still to do.

Read from the database's own books, so it can be written again at any time.
It claims no more than they show, and holds no value of a row.  `evidence_page`
makes a Markdown page of it that can be filed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.dialects import Copy
from terp_seed.database.environment_stamp import neutralised, who
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, UsageError
from terp_seed.ledger.audit import read_events
from terp_seed.mask_database.corrections import owned
from terp_seed.mask_database.plan import plan_passes
from terp_seed.mask_database.progress import Pass, PassTable
from terp_seed.mask_database.rehearsal import size_pass
from terp_seed.mask_database.run import begun
from terp_seed.mask_database.seeded import seeded_ranges
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.gaps import find_gaps, profile_of_column
from terp_seed.masking.substitutes import fingerprint
from terp_seed.run.backup.folder import Manifest
from terp_seed.settings.options import Settings

__all__ = ["evidence", "evidence_page", "page"]


def evidence(settings: Settings) -> dict[str, Any]:
    """The evidence as plain data; reads only.  Raises `GuardError` in production."""
    with begun(settings) as (session, border):
        schema, passes = Schema(session), _passes(session)
        names = sorted(name for name in schema.tables if not is_bookkeeping(name))
        tables = [facts for name in names if (facts := schema.table(name)) is not None]
        books = _Books(session, border, passes, tables)
        events = list(books.events())
        scans = [event for event in events if event["event"] == "scanned"]
        return {
            **books.head(),
            "left": _left(session, border),
            "tables": list(books.tables()),
            "columns": list(books.columns()),
            "kept": list(books.kept()),
            "neutralised": _neutralised(session),
            "steps": _steps(events),
            "unread_logs": sorted({n for event in events for n in event.get("unread_logs") or ()}),
            "triggers": _triggers(events),
            "grown": _grown(events, {made.table for made in passes}),
            "runs": [event for event in events if event["event"] != "scanned"],
            "scan": scans[-1] if scans else None,
            "copies": _copies(session, sorted({made.table for made in passes})),
            "backups": _backups(session),
        }


def _passes(session: Session) -> list[Pass]:
    """All passes, each with what no later one has masked anew."""
    by_table = groupby(PassTable(session).passes(), key=lambda made: made.table)
    return [made for _, passes in by_table for made in owned([*passes])]


@dataclass(frozen=True)
class _Books:
    """What the evidence is read from."""

    session: Session
    border: Boundary
    passes: Sequence[Pass]
    facts: Sequence[TableFacts]

    def head(self) -> dict[str, Any]:
        """When, where and by which policy, key and tool."""
        session, policy = self.session, self.border.policy
        release = session.scalar(f"SELECT {session.dialect.version}")
        rules = [policy.rule(facts.name, name) for facts in self.facts for name in facts.columns]
        return {
            "status": self._status(),
            "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
            "made_by": who(),
            "tool": f"terp_seed {version('terp_seed')}",
            "database": str(session.settings.url.database or ""),
            "engine": f"{session.connection.dialect.name} {release}",
            "environment": self.border.environment,
            "policy": {
                "file": policy.source,
                "digest": policy.digest,
                "digests_used": sorted({made.policy for made in self.passes}),
            },
            "pools": fingerprint(),
            "key_ids": sorted({made.key_id for made in self.passes if made.key_id}),
            "unclassified": list(self._unclassified()),
            "not_personal": sum(rule is not None and rule.kind is None for rule in rules),
        }

    def _status(self) -> str:
        if not self.passes:
            return "not masked: no table of this database was masked in place"
        left = sorted({made.table for made in self.passes if made.state != "done"})
        if left:
            return f"in part: masking has not finished in {', '.join(left)}"
        if any(made.key_id for made in self.passes):
            return "pseudonymised: for whoever holds the key these are still personal data"
        return "substituted by row number, without a key: values follow from nothing in the rows"

    def _unclassified(self) -> Iterator[str]:
        for facts in self.facts:
            columns = [profile_of_column(facts, name) for name in facts.columns]
            for gap in find_gaps(self.border.policy, facts.name, columns):
                yield f"{gap.table}.{gap.column}"

    def tables(self) -> Iterator[dict[str, Any]]:
        """The tables with personal or seeded rows: how many were masked, and seeded how."""
        masked = {made.table: made.rows for made in sorted(self.passes, key=lambda p: p.rows)}
        seeded, kept = self._seeded(), {row["table"] for row in self.kept()}
        for name in (facts.name for facts in self.facts):
            if name not in masked.keys() | seeded.keys() | kept:
                continue
            count = self.session.scalar(f"SELECT COUNT(*) FROM {self.session.dialect.quote(name)}")
            yield {
                "table": name,
                "rows": int(count),
                "masked_in_place": masked.get(name, 0),
                "seeded": seeded[name],
            }

    def _seeded(self) -> defaultdict[str, dict[str, int]]:
        """How many rows of each table were seeded, by where the rows came from."""
        found: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for seeded_range, _ in seeded_ranges(self.session):
            counts, path = found[seeded_range.table], seeded_range.shape.provenance
            counts[path] = counts.get(path, 0) + seeded_range.count
        return found

    def columns(self) -> Iterator[dict[str, Any]]:
        """The masked columns."""
        for made in self.passes:
            for name, column in made.columns.items():
                rule = self.border.policy.rule(made.table, name)
                yield {
                    "table": made.table,
                    "column": name,
                    "class": column.kind,
                    "strategy": column.strategy,
                    "linked_with": (rule.domain if rule else None) or column.kind,
                    "state": made.state,
                    "rows": made.rows,
                    "key_id": made.key_id,
                    "paths": [path for path in column.parts if path],
                    "masked_before": column.earlier or None,
                }

    def kept(self) -> Iterator[dict[str, Any]]:
        """The personal columns that are kept as they are, with the reasons."""
        for facts in self.facts:
            for name in facts.columns:
                choice = self.border.strategy(facts.name, name)
                rule = self.border.policy.rule(facts.name, name)
                if choice is not None and choice.strategy == "keep" and rule is not None:
                    place = {"table": facts.name, "column": name}
                    yield {**place, "class": rule.kind, "reason": choice.reason}

    def events(self) -> Iterator[dict[str, Any]]:
        """The events of masking in the audit, oldest first."""
        session, audit = self.session, self.session.books.audit
        if not table_exists(session.connection, audit):
            return
        for event in read_events(session.connection, session.books, audit.c.direction == "mask"):
            yield {
                "at": event["at"],
                "event": event["event"],
                "by": event["os_user"],
                "host": event["host"],
                "rows": event["table_rows"] or {},
                "policy": event["plan_digest"],
                "run": event["run_id"],
                **event["detail"],
            }


def _left(session: Session, border: Boundary) -> str:
    """How many rows the policy leaves unmasked, table by table, counted now."""
    try:
        plans = plan_passes(session, border, PassTable(session).passes())
        sized = [size_pass(session, plan) for plan in plans]
    except MaskingError as error:
        reason = " ".join(line.strip() for line in str(error).splitlines()[:2])
        return f"not known: {reason}"
    left = {plan.table: plan.rows for plan in sized if plan.rows}
    return ", ".join(f"{rows:,} rows of {table}" for table, rows in left.items()) or "no row"


def _neutralised(session: Session) -> str | None:
    """When all steps of the policy were carried out; None if they were not."""
    found = neutralised(session.connection, session.books)
    return None if found is None else f"{found[0]} UTC, steps {found[1]}"


def _steps(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The steps that neutralised the copy before it was masked, and how many rows they changed."""
    return [
        {"at": event["at"], "step": event["step"], "rows": sum(event["rows"].values())}
        for event in events
        if event["event"] == "neutralised"
    ]


def _triggers(events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The triggers that masking has set off, and for how many masked rows."""
    found: defaultdict[str, int] = defaultdict(int)
    for event in events:
        for name in event.get("triggers") or ():
            found[name] += sum(event["rows"].values())
    return [{"trigger": name, "rows": rows} for name, rows in sorted(found.items())]


def _grown(events: Sequence[Mapping[str, Any]], masked: Collection[str]) -> list[dict[str, Any]]:
    """The tables without a pass that grew while others were masked: they may hold originals."""
    found: defaultdict[str, int] = defaultdict(int)
    for event in events:
        for name, rows in (event.get("grown") or {}).items():
            found[name] += rows
    return [{"table": n, "rows": rows} for n, rows in sorted(found.items()) if n not in masked]


def _backups(session: Session) -> list[dict[str, str]]:
    """The backups that the audit names and that are still there: they hold rows as they were."""
    found = list[dict[str, str]]()
    if not table_exists(session.connection, session.books.audit):
        return found
    events = read_events(session.connection, session.books)
    folders = dict.fromkeys(event["detail"].get("backup") for event in events)
    for folder in filter(None, folders):
        with suppress(UsageError):
            manifest = Manifest.read(Path(folder))
            made = {"made_at": manifest.made_at, "by": manifest.made_by, "before": manifest.reason}
            found.append({"folder": folder, **made})
    return found


_UNKNOWN = "not known here"
_ELSEWHERE = (
    Copy(
        "the dump or backup that this copy was restored from",
        _UNKNOWN,
        "delete it, or keep it where production's own data may be kept",
    ),
    Copy(
        "snapshots of the disk or virtual machine, and file-system copies",
        _UNKNOWN,
        "delete those made between the restore and now",
    ),
)


def _copies(session: Session, tables: Sequence[str]) -> list[dict[str, str]]:
    """The copies of the originals that masking leaves behind, and what to do about each.

    An UPDATE does not overwrite: a server keeps the old values in other files
    until something is done about it.  The server is asked where it can tell.
    """
    found = [*session.dialect.copies(session.connection, tables), *_ELSEWHERE]
    return [asdict(copy) for copy in found]


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


_RISK = ("table", "quasi", "rows", "k", "alone", "small", "l", "intervals", "advice")


def evidence_page(evidence: Mapping[str, Any]) -> str:
    """The evidence as a page; the same evidence gives the same text."""
    scan = evidence["scan"] or {}
    shown = {
        **evidence,
        "runs": _only(evidence["runs"], "at", "event", "by", "host", "key_id", "rows"),
        "scan": _summary(scan) if scan else "not made yet: terp-seed mask --verify",
        "finds": _only(scan.get("leaks", ()), "table", "column", "found", "rows"),
        "risk": _only(scan.get("risk") or (), *_RISK)
        or "not measured: the policy names no quasi columns",
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
