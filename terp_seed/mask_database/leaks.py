"""The leak check: personal data that is left in a database.

Every text and every document of every table is read once, as a stream, masked
or not.  Looked for are originals that survive, recognised by the digests that
masking kept, and what looks live by its shape: e-mail outside the reserved
domains, telephones outside the fictional ranges, valid card and tax numbers.
A find is a table, a column, a count and the first keys, never a value.  Rows that a step of
``[neutralise]`` would still change are finds too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from typing import Any

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.dialects import EXACT
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError
from terp_seed.mask_database.neutralise import plan_steps
from terp_seed.mask_database.originals import Known, Originals
from terp_seed.mask_database.plan import PassPlan, plan_passes, tables_to_read
from terp_seed.mask_database.progress import PassTable
from terp_seed.mask_database.rehearsal import size_pass
from terp_seed.mask_database.risk import TableRisk, measure_risk
from terp_seed.mask_database.run import audit_of, begun
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.gaps import profile_of_column
from terp_seed.masking.live_values import live_kinds, texts_behind
from terp_seed.masking.policy import DATA_CLASSES, Choice
from terp_seed.masking.proof import RangeCheck
from terp_seed.masking.substitutes import SUBSTITUTES, made_up
from terp_seed.rows.model import Value
from terp_seed.settings.log import logger, progress_of_run
from terp_seed.settings.options import Settings

__all__ = ["find_leaks"]

_FETCH = 500
_FIRST_KEYS = 5
_MOST_KEPT = 200  # finds, in the audit
_MOST_CACHED, _SHORT = 1 << 16, 200

# Where a strategy writes nothing but values of the class's reserved range.
_RESERVED = {
    ("email", "pseudonymise"),
    *((name, "tokenise") for name in ("phone", "tax_id", "card", "network")),
}

_NUMBERS = frozenset({"account", "card", "phone", "tax_id"})

_Check = Callable[[Value], frozenset[str]]


@dataclass
class Leak:
    """One kind of find in one column."""

    table: str
    column: str
    found: str
    rows: int = 0
    first_keys: list[str] = field(default_factory=list)


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
    risk: list[TableRisk] = field(default_factory=list)
    """What the quasi-identifiers that the policy names give away."""
    min_k: int | None = None

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


def find_leaks(settings: Settings, only: Sequence[str] = ()) -> Leaks:
    """Scan the database; adds one event to the audit and writes nothing else.

    Raises `GuardError` in production, `UsageError` for a table that is not
    there, and `MaskingError` if the originals were kept under another key.
    """
    with begun(settings, whole=not only) as (session, border):
        scan = _Scan(session, border)
        tables = tables_to_read(Schema(session), only)
        # What may be refused comes before the long scan, so that its result is not lost.
        steps = plan_steps(session, border, only)
        scan.found.risk = list(measure_risk(session, border.policy, tables))
        scan.found.min_k = border.policy.min_k
        for facts in tables:
            scan.read(facts)
        scan.found.leaks += [
            Leak(step.table, ", ".join(step.literals), "not neutralised", step.rows)
            for step in steps
            if step.rows
        ]
        scan.found.leaks += [
            Leak(plan.table, ", ".join(plan.columns), "not masked", plan.rows)
            for plan in _left(session, border, only)
            if plan.rows
        ]
        session.end_transaction()
        _write_down(session, border, scan.found, only)
        return scan.found


def _left(session: Session, border: Boundary, only: Sequence[str]) -> Iterator[PassPlan]:
    """The passes that the policy leaves to be made; none if it cannot say what they are."""
    try:
        for plan in plan_passes(session, border, PassTable(session).passes(), only):
            yield size_pass(session, plan)
    except MaskingError as error:
        reason = str(error).splitlines()[0]
        logger.warning(f"cannot say whether the policy leaves rows unmasked: {reason}")


class _Scan:
    """One scan, table after table."""

    def __init__(self, session: Session, border: Boundary) -> None:
        self._session, self._border = session, border
        table = PassTable(session)
        self._known = Known(table.originals())
        self._originals: Originals | None = None
        self.found = Leaks(originals=len(self._known), key_id=border.key_id)
        ids = {made.key_id for made in table.passes()}
        if not len(self._known):
            return
        if border.key is None or border.key_id not in ids:
            kept_under = ", ".join(filter(None, sorted(map(str, ids))))
            raise MaskingError(
                f"the originals are kept under key {kept_under}; set TERP_SEED_MASK_KEY to it, "
                "or give up comparing, as docs/howto-mask.md says"
            )
        self._originals = Originals(border.key)

    def read(self, facts: TableFacts) -> None:
        """Read one table."""
        checks = dict(self._checks(facts))
        if not checks:
            return
        self.found.tables += 1
        self.found.columns += len(checks)
        leaks: dict[tuple[str, str], Leak] = {}
        key, report = facts.integer_key, progress_of_run()
        count = f"SELECT COUNT(*) FROM {self._session.dialect.quote(facts.name)}"
        total, number = int(self._session.scalar(count)), 0
        for number, row in enumerate(self._stream(facts, list(checks)), 1):
            for (name, check), value in zip(checks.items(), row[1:], strict=True):
                for found in check(value) if value is not None and value != "" else ():
                    leak = leaks.setdefault((name, found), Leak(facts.name, name, found))
                    leak.rows += 1
                    if len(leak.first_keys) < _FIRST_KEYS:
                        leak.first_keys.append(f"{key} {row[0]}" if key else f"row {number}")
            if not number % 10_000:
                report(f"reading {facts.name}", number, total)
        self.found.rows += number
        self.found.leaks += [leaks[place] for place in sorted(leaks)]

    def _checks(self, facts: TableFacts) -> Iterator[tuple[str, _Check]]:
        """What to look for in each text column and document of a table."""
        for name in facts.columns:
            if profile_of_column(facts, name).type_kind not in ("text", "json"):
                continue
            rule = self._border.policy.rule(facts.name, name)
            choice = self._border.strategy(facts.name, name)
            if choice is not None and choice.strategy == "keep":
                self.found.kept.append(f"{facts.name}.{name}: {choice.reason}")
                continue
            kind = (rule.kind if rule else None) or ""
            alarms = [*(rule.false_alarms if rule else ()), *_alarms(kind, choice)]
            reserved = choice is not None and (kind, choice.strategy) in _RESERVED
            yield (
                name,
                _remembering(self._check(kind, RangeCheck(kind) if reserved else None, alarms)),
            )

    def _check(self, kind: str, reserved: RangeCheck | None, alarms: Sequence[str]) -> _Check:
        known, originals = self._known, self._originals

        def is_original(text: str) -> bool:
            if originals is None or (kind in SUBSTITUTES and made_up(kind, text)):
                return False
            return any(number in known for number in originals.in_text(text))

        def check(value: Value) -> frozenset[str]:
            found = {f"live {live}" for live in live_kinds(value).difference(alarms)}
            if reserved is not None and not found and reserved.first_fault([value]) is not None:
                found.add(f"outside the reserved {kind} range")
            if any(map(is_original, texts_behind(value))):
                found.add("an original")
            return frozenset(found)

        return check

    def _stream(self, facts: TableFacts, names: Sequence[str]) -> Iterator[Sequence[Any]]:
        quote = self._session.dialect.quote
        first = quote(facts.integer_key) if facts.integer_key else "NULL"
        order = f" ORDER BY {first}" if facts.integer_key else ""
        result = self._session.connection.exec_driver_sql(
            f"SELECT {', '.join([first, *map(quote, names)])} FROM {quote(facts.name)}{order}",
            execution_options={**EXACT, "stream_results": True, "max_row_buffer": _FETCH},
        )
        for rows in result.partitions(_FETCH):
            yield from rows


def _alarms(kind: str, choice: Choice | None) -> frozenset[str]:
    """What masked values may only look like: one that keeps its shape, a number of another kind."""
    if choice is None or choice.strategy != "tokenise" or kind == "iban":
        return frozenset()
    return _NUMBERS if DATA_CLASSES[kind].reserved is None else frozenset()


def _remembering(check: _Check) -> _Check:
    """The same, with what short texts gave remembered."""
    cached = lru_cache(_MOST_CACHED)(check)

    def remembered(value: Value) -> frozenset[str]:
        short = isinstance(value, str) and len(value) <= _SHORT
        return cached(value) if short else check(value)

    return remembered


def _write_down(session: Session, border: Boundary, found: Leaks, only: Sequence[str]) -> None:
    """Keep the result for the evidence report, where there is an audit to keep it in."""
    if not table_exists(session.connection, session.books.audit):
        return
    data = asdict(found)
    for leak in data["leaks"]:
        del leak["first_keys"]
    session.allow_writes()
    audit_of(session, border, "mask --verify").add(
        "scanned",
        plan_digest=border.policy.digest,
        key_id=border.key_id,
        only=list(only),
        leaks=data["leaks"][:_MOST_KEPT],
        risk=data["risk"][:_MOST_KEPT],
        min_k=found.min_k,
        rows_read=found.rows,
        tables=found.tables,
        columns=found.columns,
        originals=found.originals,
    )
