"""The leak check: personal data that is left in a database.

Every text and every document of every table is read once, as a stream, masked
or not.  Looked for are originals that survive, recognised by the digests that
masking kept, and what looks live by its shape: e-mail outside the reserved
domains, telephones outside the fictional ranges, valid card and tax numbers.
A find is a table, a column, a count and the first keys, never a value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from terp_seed.database.compare import BOOKKEEPING
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.database.statements import EXACT
from terp_seed.database.tables import table_exists
from terp_seed.errors import MaskingError, UsageError
from terp_seed.mask_database.originals import Known, Originals
from terp_seed.mask_database.progress import Progress
from terp_seed.mask_database.run import audit_of, begun
from terp_seed.masking.boundary import Boundary, column_facts
from terp_seed.masking.classes import CLASSES
from terp_seed.masking.content import live_kinds, texts_of
from terp_seed.masking.proof import Proof
from terp_seed.masking.substitutes import SUBSTITUTES, made_up
from terp_seed.rows.model import Value
from terp_seed.settings.options import Settings
from terp_seed.settings.progress import progress_of_run

__all__ = ["Leak", "Leaks", "verify"]

_FETCH = 500
_FIRST_KEYS = 5
_MOST_KEPT = 200  # finds, in the audit
_MOST_CACHED, _SHORT = 1 << 16, 200

# Where a strategy writes nothing but values of the class's reserved range.
_RESERVED = {
    ("email", "pseudonymise"),
    *((name, "tokenise") for name in ("phone", "tax_id", "card", "network")),
}

Look = Callable[[Value], frozenset[str]]


@dataclass
class Leak:
    """One kind of find in one column."""

    table: str
    column: str
    what: str
    count: int = 0
    first: list[str] = field(default_factory=list)

    @property
    def keys(self) -> str:
        """The first rows it was found in."""
        return ", ".join(self.first)


@dataclass
class Leaks:
    """What a scan looked at, and what it found."""

    leaks: list[Leak] = field(default_factory=list)
    tables: int = 0
    columns: int = 0
    rows: int = 0
    originals: int = 0
    key_id: str | None = None
    kept: list[str] = field(default_factory=list)
    """Columns that were not looked at, because the policy keeps them, with a reason."""

    def as_data(self) -> dict[str, Any]:
        """The scan as plain data."""
        return {
            "leaks": [
                {"table": e.table, "column": e.column, "found": e.what, "rows": e.count}
                | {"first_keys": e.first}
                for e in self.leaks
            ],
            "tables": self.tables,
            "columns": self.columns,
            "rows": self.rows,
            "originals": self.originals,
            "key_id": self.key_id,
            "kept": self.kept,
        }

    def summary(self) -> str:
        """One line for a person."""
        against = (
            f"compared with {self.originals:,} originals"
            if self.originals
            else "originals not compared: no digests of any are kept"
        )
        return (
            f"{len(self.leaks)} finds in {self.rows:,} rows, {self.columns} columns, "
            f"{self.tables} tables; {against}"
        )


def verify(settings: Settings, only: Sequence[str] = ()) -> Leaks:
    """Scan the database; adds one event to the audit and writes nothing else.

    Raises `GuardError` in production, `UsageError` for a table that is not
    there, and `MaskingError` if the originals were kept under another key.
    """
    with begun(settings) as (session, border):
        known, originals = _remembered(session, border)
        found = Leaks(originals=len(known), key_id=border.key_id)
        schema = Schema(session)
        for name in _names(schema, only):
            facts = schema.table(name)
            assert facts is not None
            _table(session, facts, _looks(border, facts, known, originals, found), found)
        session.settle()
        _write_down(session, border, found, only)
        return found


def _names(schema: Schema, only: Sequence[str]) -> list[str]:
    names = sorted(schema.tables - BOOKKEEPING)
    missing = sorted(set(only) - set(names))
    if missing:
        raise UsageError(f"--table {missing[0]}: there is no such table")
    return [name for name in names if not only or name in only]


def _remembered(session: Session, border: Boundary) -> tuple[Known, Originals | None]:
    progress = Progress(session)
    known = Known(progress.originals())
    ids = {each.key_id for each in progress.passes()}
    if not len(known):
        return known, None
    if border.key is None or border.key_id not in ids:
        raise MaskingError(
            f"the originals are kept under key {', '.join(filter(None, sorted(map(str, ids))))}; "
            "set TERP_SEED_MASK_KEY to it, or give up comparing with: terp-seed mask --forget"
        )
    return known, Originals(border.key)


def _looks(
    border: Boundary,
    facts: TableFacts,
    known: Known,
    originals: Originals | None,
    found: Leaks,
) -> dict[str, Look]:
    """What to look for in each text column and document of a table."""
    looks: dict[str, Look] = {}
    for name in facts.columns:
        if column_facts(facts, name).type_kind not in ("text", "json"):
            continue
        rule = border.policy.rule(facts.name, name)
        choice = border.policy.strategy(facts.name, name, border.environment)
        if choice is not None and choice.strategy == "keep":
            found.kept.append(f"{facts.name}.{name}: {choice.reason}")
            continue
        kind = (rule.kind if rule else None) or ""
        reserved = choice is not None and (kind, choice.strategy) in _RESERVED
        proof = Proof(CLASSES[kind]) if reserved else None
        looks[name] = _remembering(_look(kind, proof, known, originals))
    return looks


def _look(kind: str, proof: Proof | None, known: Known, originals: Originals | None) -> Look:
    def is_original(text: str) -> bool:
        if originals is None or (kind in SUBSTITUTES and made_up(kind, text)):
            return False
        return any(number in known for number in originals.in_text(text))

    def look(value: Value) -> frozenset[str]:
        what = {f"live {each}" for each in live_kinds(value)}
        if proof is not None and not what and proof.first_fault([value]) is not None:
            what.add(f"outside the reserved {kind} range")
        if any(map(is_original, texts_of(value))):
            what.add("an original")
        return frozenset(what)

    return look


def _remembering(look: Look) -> Look:
    """The same, with what short values gave remembered."""
    cache: dict[str, frozenset[str]] = {}

    def cached(value: Value) -> frozenset[str]:
        if not isinstance(value, str) or len(value) > _SHORT:
            return look(value)
        found = cache.get(value)
        if found is None:
            if len(cache) > _MOST_CACHED:
                cache.clear()
            found = cache[value] = look(value)
        return found

    return cached


def _table(session: Session, facts: TableFacts, looks: dict[str, Look], found: Leaks) -> None:
    if not looks:
        return
    found.tables += 1
    found.columns += len(looks)
    leaks: dict[tuple[str, str], Leak] = {}
    key, tell, names = facts.integer_key, progress_of_run(), list(looks)
    total = int(session.scalar(f"SELECT COUNT(*) FROM {session.dialect.quote(facts.name)}"))
    number = 0
    for number, row in enumerate(_stream(session, facts, names), 1):
        for name, value in zip(names, row[1:], strict=True):
            if value is None or value == "":
                continue
            for what in looks[name](value):
                leak = leaks.setdefault((name, what), Leak(facts.name, name, what))
                leak.count += 1
                if len(leak.first) < _FIRST_KEYS:
                    leak.first.append(f"{key} {row[0]}" if key else f"row {number}")
        if not number % 10_000:
            tell(f"reading {facts.name}", number, total)
    found.rows += number
    found.leaks += [leaks[place] for place in sorted(leaks)]


def _stream(session: Session, facts: TableFacts, names: Sequence[str]) -> Iterator[Sequence[Any]]:
    quote = session.dialect.quote
    first = quote(facts.integer_key) if facts.integer_key else "NULL"
    order = f" ORDER BY {first}" if facts.integer_key else ""
    listed = ", ".join([first, *map(quote, names)])
    result = session.connection.exec_driver_sql(
        f"SELECT {listed} FROM {quote(facts.name)}{order}",
        execution_options={**EXACT, "stream_results": True, "max_row_buffer": _FETCH},
    )
    for rows in result.partitions(_FETCH):
        yield from rows


def _write_down(session: Session, border: Boundary, found: Leaks, only: Sequence[str]) -> None:
    """Keep the result for the evidence report, where there are books to keep it in."""
    audit = session.books.audit
    if not table_exists(session.connection, audit):
        return
    session.may_write()
    audit_of(session, border, "mask --verify").add(
        "scanned",
        plan_digest=border.policy.digest,
        key_id=border.key_id,
        only=list(only),
        **_detail(found),
    )


def _detail(found: Leaks) -> dict[str, Any]:
    data = found.as_data()
    leaks = [{k: v for k, v in each.items() if k != "first_keys"} for each in data["leaks"]]
    return {
        "leaks": leaks[:_MOST_KEPT],
        "rows_read": found.rows,
        **{name: data[name] for name in ("tables", "columns", "originals")},
    }
