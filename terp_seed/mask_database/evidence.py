"""The evidence: what was masked, how, by whom, what a scan found, what is still to do.

Read from the database's own books, so it can be written again at any time.
It claims no more than they show, and holds no value of a row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from terp_seed.database.compare import BOOKKEEPING
from terp_seed.database.environment_stamp import who
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists
from terp_seed.ledger.audit import read
from terp_seed.mask_database.own import own_ranges
from terp_seed.mask_database.progress import Pass, Progress
from terp_seed.mask_database.residue import copies
from terp_seed.mask_database.run import begun
from terp_seed.masking import fingerprint
from terp_seed.masking.boundary import Boundary, column_facts
from terp_seed.masking.classes import CLASSES
from terp_seed.run.backup import listing
from terp_seed.settings.options import Settings

__all__ = ["evidence"]

_NOT_LEFT_BEHIND = ("synthetic", "imported")


def evidence(settings: Settings) -> dict[str, Any]:
    """The evidence as plain data; reads only.  Raises `GuardError` in production."""
    with begun(settings) as (session, border):
        passes = Progress(session).passes()
        schema = Schema(session)
        seeded = _seeded(session)
        names = sorted(schema.tables - BOOKKEEPING)
        facts = [found for name in names if (found := schema.table(name)) is not None]
        tables = [_table(session, border, each, passes, seeded) for each in facts]
        runs = list(_runs(session))
        return {
            **_head(session, border, passes),
            "tables": [t for t in tables if t["columns"] or t["kept"] or t["seeded"]],
            "unclassified": list(_unclassified(border, facts)),
            "not_personal": sum(each["not_personal"] for each in tables),
            "runs": [run for run in runs if run["event"] != "scanned"],
            "scan": next((run for run in reversed(runs) if run["event"] == "scanned"), None),
            "copies": [asdict(each) for each in copies(session, _masked_tables(passes))],
            "backups": _backups(settings),
            "categories": _categories(passes),
        }


def _head(session: Session, border: Boundary, passes: Sequence[Pass]) -> dict[str, Any]:
    release = session.scalar(f"SELECT {session.dialect.version}")
    ids = sorted({each.key_id for each in passes if each.key_id})
    return {
        "made_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        "made_by": who(),
        "tool": f"terp_seed {version('terp_seed')}",
        "database": str(session.settings.url.database or ""),
        "engine": f"{session.connection.dialect.name} {release}",
        "environment": border.environment,
        "policy": {
            "file": border.policy.source,
            "digest": border.policy.digest,
            "digests_used": sorted({each.policy for each in passes}),
        },
        "pools": fingerprint(),
        "key_ids": ids,
        "status": _status(passes),
    }


def _status(passes: Sequence[Pass]) -> str:
    if not passes:
        return "not masked: no table of this database was masked in place"
    left = sorted({each.table for each in passes if each.state != "done"})
    if left:
        return f"in part: masking has not finished in {', '.join(left)}"
    if any(each.key_id for each in passes):
        return "pseudonymised: for whoever holds the key these are still personal data"
    return "substituted by row number, without a key: values follow from nothing that was there"


def _table(
    session: Session,
    border: Boundary,
    facts: TableFacts,
    passes: Sequence[Pass],
    seeded: Mapping[str, Mapping[str, int]],
) -> dict[str, Any]:
    mine = [each for each in passes if each.table == facts.name]
    rows = int(session.scalar(f"SELECT COUNT(*) FROM {session.dialect.quote(facts.name)}"))
    own = dict(seeded.get(facts.name, {}))
    return {
        "table": facts.name,
        "rows": rows,
        "seeded": own,
        "masked_in_place": max((each.rows for each in mine), default=0),
        "path": _path(mine, own),
        "columns": [
            {
                "column": name,
                "class": kind,
                "strategy": strategy,
                "linked_with": _domain(border, facts.name, name, kind),
                "rows": each.rows,
                "state": each.state,
                "key_id": each.key_id,
            }
            for each in mine
            for name, (kind, strategy) in each.columns.items()
        ],
        "kept": list(_kept(border, facts)),
        "not_personal": sum(
            (rule := border.policy.rule(facts.name, name)) is not None and rule.kind is None
            for name in facts.columns
        ),
    }


def _path(passes: Sequence[Pass], seeded: Mapping[str, int]) -> str:
    parts = [f"{name}: seeded" for name in _NOT_LEFT_BEHIND if seeded.get(name)]
    if passes:
        parts.append("imported: masked in place")
    return ", ".join(parts) or "nothing personal"


def _domain(border: Boundary, table: str, column: str, kind: str) -> str:
    rule = border.policy.rule(table, column)
    return (rule.domain if rule is not None else None) or kind


def _kept(border: Boundary, facts: TableFacts) -> Iterator[dict[str, str]]:
    for name in facts.columns:
        choice = border.policy.strategy(facts.name, name, border.environment)
        rule = border.policy.rule(facts.name, name)
        if choice is not None and choice.strategy == "keep" and rule is not None:
            yield {"column": name, "class": rule.kind or "", "reason": choice.reason or ""}


def _unclassified(border: Boundary, tables: Sequence[TableFacts]) -> Iterator[str]:
    for facts in tables:
        columns = [column_facts(facts, name) for name in facts.columns]
        for finding in border.policy.unclassified(facts.name, columns):
            yield f"{finding.table}.{finding.column}"


def _seeded(session: Session) -> dict[str, dict[str, int]]:
    """How many rows of each table the seeds put in, by where the rows came from."""
    found: dict[str, dict[str, int]] = {}
    for of, _ in own_ranges(session):
        counts = found.setdefault(of.table, {})
        path = of.shape.provenance
        counts[path] = counts.get(path, 0) + of.count
    return found


def _runs(session: Session) -> Iterator[dict[str, Any]]:
    """The events of masking in the audit, oldest first."""
    books = session.books
    if not table_exists(session.connection, books.audit):
        return
    for event in read(session.connection, books, books.audit.c.direction == "mask"):
        yield {
            "at": event["at"],
            "run": event["run_id"],
            "event": event["event"],
            "by": event["os_user"],
            "host": event["host"],
            "rows": event["table_rows"] or {},
            "policy": event["plan_digest"],
            **event["detail"],
        }


def _masked_tables(passes: Sequence[Pass]) -> list[str]:
    return sorted({each.table for each in passes})


def _categories(passes: Sequence[Pass]) -> list[str]:
    kinds = {kind for each in passes for kind, _ in each.columns.values()}
    return sorted(CLASSES[kind].meaning for kind in kinds)


def _backups(settings: Settings) -> list[dict[str, str]]:
    """The backups of this database that are still there: they hold rows as they were."""
    name = str(settings.url.database)
    return [
        {
            "folder": str(each.folder),
            "made_at": each.manifest.made_at,
            "by": each.manifest.made_by,
            "before": each.manifest.reason,
        }
        for each in listing(settings)
        if each.manifest.database == name
    ]
