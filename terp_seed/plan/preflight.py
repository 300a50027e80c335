"""Preflight: the whole plan against the live schema, before the first row of any.

Everything that is wrong is said at once.  Nothing is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import partial
from itertools import chain

import sqlalchemy as sa

from terp_seed.database.dialects import split_table
from terp_seed.database.schema import ColumnFacts, Schema, TableFacts, inbound
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, PlanError
from terp_seed.ledger.changes import find_changes
from terp_seed.plan.key_conflicts import (
    Beside,
    are_all_taken,
    find_alike_keys,
    find_broken_references,
    find_crowding,
    find_freed_rows,
    find_taken_keys,
    find_unowned_keys,
)
from terp_seed.plan.plan import PlannedChange
from terp_seed.plan.run import Run
from terp_seed.plan.schema_stream import find_older_schema
from terp_seed.plan.transaction_size import find_large_transactions
from terp_seed.plan.value_checks import AT_ONCE, find_oversize, find_unreadable, value_checks
from terp_seed.rows.model import Bounds, Column, TableRows, Value
from terp_seed.settings.log import logger

__all__ = [
    "Findings",
    "collect_findings",
    "find_stamped",
    "find_subscribers",
    "preflight",
]

Lines = Iterable[str]

_PLANES = {
    "utf8mb4": "full",
    "utf8mb3": "bmp",
    "utf8": "bmp",
    "ucs2": "bmp",
    "utf16": "full",
    "utf16le": "full",
    "utf32": "full",
    "UTF8": "full",  # PostgreSQL's names have capitals
    "SQL_ASCII": "full",
}
_CODECS = {
    "latin1": "cp1252",  # MySQL's own idea of it
    "latin2": "iso8859-2",
    "cp1250": "cp1250",
    "cp1251": "cp1251",
    **{f"LATIN{number}": f"latin{number}" for number in range(1, 11)},
    **{f"WIN{number}": f"cp{number}" for number in range(1250, 1259)},
}
_RANK = {"ascii": 0, "bmp": 1, "full": 2}
_BYTES = {"ascii": 1, "bmp": 3, "full": 4}


@dataclass
class Findings:
    """What does not fit, a line each: in the schema, and in the masking policy."""

    schema: list[str] = field(default_factory=list)
    masking: list[str] = field(default_factory=list)
    places: list[dict[str, str]] = field(default_factory=list)
    """The revision and the table of findings."""

    @property
    def place(self) -> dict[str, str]:
        """Where the first finding is."""
        return self.places[0] if self.places else {}

    def note(self, revision: str, table: str, schema: Lines = (), masking: Lines = ()) -> None:
        """Note what does not fit of a table in a revision."""
        before = len(self.schema) + len(self.masking)
        self.schema += [f"revision {revision}, {line}" for line in schema]
        self.masking += [f"revision {revision}, {line}" for line in masking]
        if len(self.schema) + len(self.masking) > before:
            self.places.append({"revision": revision, "table": table})

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(self.schema + self.masking))


def collect_findings(session: Session, run: Run) -> Findings:
    """Hold every table of the plan against the live schema and the policy; does not write.

    Raises `PlanError` if the user may not see every row of the tables, and of
    those whose rows may depend on rows that a rollback removes.
    """
    tables = _touched_tables(session, run)
    pointing = [] if run.move.upwards else [key.table for key in inbound(session, tables)]
    hidden = session.dialect.hidden(session.connection, [*dict.fromkeys([*tables, *pointing])])
    if hidden:
        raise PlanError(f"{hidden}; nothing was written")
    schema, findings = Schema(session), Findings()
    if run.needed_schemas:
        findings.schema += find_older_schema(session.connection, run)
    before: list[TableRows] = []
    steps = [step for step in run.plan.steps if step.upgrade and not step.skipped]
    every = [made for step in steps for made in chain(*step.operations)]
    freed = find_freed_rows(every) if every else {}
    for step, planned in run.plan.insertions:
        rows, note = planned.rows, partial(findings.note, step.revision, planned.rows.table)
        after = [other.rows for other in step.tables[step.tables.index(planned) + 1 :]]
        beside = Beside(before, after)
        free = run.retained_numbers(planned) | freed[planned.range.place]
        note(_check_table(session, schema, rows, beside, free))
        if planned.range.place in run.retained:
            note(find_crowding(session, rows, run.retained[planned.range.place]))
        facts = schema.table(rows.table)
        if facts is not None:
            note(masking=run.findings(rows, facts))
        before.append(rows)
    for step in steps:
        for change in step.changes:
            findings.note(
                step.revision,
                change.changes.rows.table,
                _check_change(session, schema, change, before),
                _find_personal(run, schema, change),
            )
    limit = session.dialect.transaction_limit(session.connection)
    if limit is not None and not findings.schema:
        findings.schema += find_large_transactions(session.dialect, limit, steps)
    if findings.schema:  # first: it makes the advice of the others wrong
        findings.schema[:0] = _find_lost_bookkeeping(session, schema, run)
    return findings


def _find_personal(run: Run, schema: Schema, change: PlannedChange) -> Lines:
    """What the policy says against a change of rows, or against keeping rows that are deleted."""
    rows = change.changes.rows
    facts = schema.table(rows.table)
    if facts is None:
        return
    yield from run.findings(rows, facts)
    policy = run.policy
    personal = [
        n for n in facts.columns if policy is not None and policy.is_personal(rows.table, n)
    ]
    if personal and change.changes.kind == "deleted":
        yield (
            f"table {rows.table}: its rows cannot be deleted by a seed, since a rollback has to "
            f"keep them, and {', '.join(personal)} is classified in the masking policy; empty the "
            "rows' other columns with op.update_rows instead"
        )


def _find_lost_bookkeeping(session: Session, schema: Schema, run: Run) -> Lines:
    """A finding if the chain finds its own rows: the ledger has lost them."""
    if not run.move.upwards:
        return
    ranges = run.ledger.ranges(session.connection) if run.target.headers() else []
    listed = {range_.table for range_ in ranges}
    there = [
        step.revision
        for step, planned in run.plan.insertions
        if planned.rows.table not in listed
        and _key_fits(planned.rows, schema.table(planned.rows.table))
        and are_all_taken(session, planned.rows)
    ]
    if there:
        chain, last = session.settings.chain, there[-1]
        yield (
            f"all rows of revision {last} are there, and the ledger does not list them: if this "
            "chain seeded them, its bookkeeping was dropped since, perhaps by a schema tool; bring "
            f"it back first: alembic -n {chain} stamp {last}, then terp-seed ledger rebuild"
        )


def find_stamped(run: Run) -> Lines:
    """A line for each stamped revision that a rollback passes: nothing of it is removed."""
    for step in run.plan.steps:
        if step.state == "stamped":
            yield (
                f"revision {step.revision} was only stamped, so the rollback removes no rows of "
                "it; if the chain seeded them before its ledger was lost, run terp-seed ledger "
                "rebuild first"
            )


def _key_fits(rows: TableRows, facts: TableFacts | None) -> bool:
    """Whether the natural key can be looked up."""
    if facts is None:
        return False
    return not any([*_check_column(rows, name, rows.columns[name], facts)] for name in rows.key)


def find_subscribers(session: Session, run: Run) -> Lines:
    """A line for each publication that sends what the run does to other databases."""
    tables = _touched_tables(session, run)
    for name, sent in session.dialect.publications(session.connection, tables).items():
        yield (
            f"publication {name} sends the rows of {', '.join(sent)} to subscribers, whose "
            "sequences stay as they are"
        )


def _touched_tables(session: Session, run: Run) -> list[str]:
    """The tables that the run inserts into, or deletes from."""
    if run.move.upwards:
        tables = [planned.rows.table for _, planned in run.plan.insertions]
        steps = [step for step in run.plan.steps if step.upgrade and not step.skipped]
        tables += [change.range.table for step in steps for change in step.changes]
    else:
        names = run.ledger.names
        revisions = {name for step in run.plan.steps for name in names.owned(step.revision)}
        ranges = [
            *run.ledger.ranges(session.connection),
            *find_changes(run.ledger, session.connection),
        ]
        tables = [range_.table for range_ in ranges if range_.revision in revisions]
    return list(dict.fromkeys(tables))


def preflight(session: Session, run: Run) -> None:
    """Raise `PlanError` with every finding; return if the plan fits the schema.

    Findings of the masking policy alone make a `MaskingError`.  Says in the
    log who else gets the rows.
    """
    for line in find_stamped(run):
        logger.warning(line)
    for line in find_subscribers(session, run):
        logger.info(line)
    findings = collect_findings(session, run)
    listed = "\n  ".join(findings)
    if listed:
        kind = PlanError if findings.schema else MaskingError
        message = f"the plan does not fit this database, nothing was written:\n  {listed}"
        raise kind(message, where=findings.place)


def _check_change(
    session: Session, schema: Schema, change: PlannedChange, before: Sequence[TableRows]
) -> Lines:
    """What is wrong with a change of rows that are there, or will be by then."""
    changes, rows = change.changes, change.changes.rows
    problems = [*_check_place(schema, rows)]
    yield from problems
    facts = schema.table(rows.table)
    if facts is None or problems:
        return
    problems = [*_check_key(rows, facts)]
    if not any({*unique} <= {*rows.key} for unique in _unique_keys(facts)):
        problems.append(
            f"table {rows.table}: {', '.join(rows.key)} is not unique in it, so a key may mean "
            "several rows; name the columns of a unique key"
        )
    for name, column in rows.columns.items():
        problems += _check_column(rows, name, column, facts)
    yield from problems
    if problems:
        return
    yield from find_oversize(session, rows)
    yield from find_unreadable(session, rows, facts)
    yield from find_broken_references(session, rows, facts, Beside(before, []), schema)
    if not changes.adopts:
        for number in find_unowned_keys(session, rows, before):
            if not changes.seeded[number]:
                yield (
                    f"table {rows.table}, row {rows.given(number)}: no row has this key, so it "
                    f"cannot be {changes.kind}; correct the key, or insert it with op.seed_rows"
                )


def _check_place(schema: Schema, rows: TableRows) -> Lines:
    """What is wrong with the table as such."""
    facts = schema.table(rows.table)
    if facts is None and schema.is_view(rows.table):
        yield f"table {rows.table}: is a view or a foreign table; seed the table behind it"
        return
    if facts is None:
        yield f"table {rows.table}: does not exist{_near(rows.table, schema.beside(rows.table))}"
        return
    if schema.is_own(rows.table):
        own, table = split_table(rows.table)
        yield f"table {rows.table}: {own} is the connection's own schema; write {table}"
        return
    if facts.unsafe_storage:
        yield (
            f"table {rows.table}: is stored by {facts.unsafe_storage}, which may keep rows of a "
            "revision that fails; seed a table that takes part in the transaction"
        )


def _check_table(
    session: Session,
    schema: Schema,
    rows: TableRows,
    beside: Beside,
    retained: frozenset[int],
) -> Lines:
    yield from _check_place(schema, rows)
    facts = schema.table(rows.table)
    if facts is None or schema.is_own(rows.table):
        return
    yield from _check_key(rows, facts)
    yield from _check_missing(rows, facts)
    fits = True
    for name, column in rows.columns.items():
        problems = list(_check_column(rows, name, column, facts))
        if not session.dialect.keeps_nul:
            problems += _find_nul(rows, name)
        fits = fits and not problems
        yield from problems
    if fits:
        yield from find_oversize(session, rows)
        yield from find_unreadable(session, rows, facts)
        yield from find_alike_keys(session, rows, facts)
        yield from find_taken_keys(session, rows, facts, beside.before, retained)
        yield from find_broken_references(session, rows, facts, beside, schema)


def _check_key(rows: TableRows, facts: TableFacts) -> Lines:
    where = f"table {rows.table}"
    if rows.id is None:
        if not any({*unique} <= {*rows.key} for unique in _unique_keys(facts)):
            yield (
                f"{where}: {', '.join(rows.key)} is not unique in it, and without an integer key "
                f"seeded rows cannot be told from others later; {_usable_key(rows, facts)}"
            )
    elif rows.id not in facts.columns:
        yield f"{where}: has no integer key {rows.id!r}; say which, or id=None"
    elif facts.integer_key is not None and facts.integer_key != rows.id:
        yield f"{where}: {rows.id!r} is not its integer primary key; pass id={facts.integer_key!r}"
    elif facts.integer_key is None:
        yield f"{where}: {rows.id!r} is not its integer primary key; {_usable_key(rows, facts)}"


def _unique_keys(facts: TableFacts) -> list[tuple[str, ...]]:
    return [columns for columns in dict.fromkeys((facts.key, *facts.uniques)) if columns]


def _usable_key(rows: TableRows, facts: TableFacts) -> str:
    """By which unique key the rows can be known, or what the seed or the table lacks for one."""
    known = _unique_keys(facts)
    usable = next((columns for columns in known if rows.columns.keys() >= {*columns}), None)
    if usable:
        return f"pass id=None and key={json.dumps(usable)}, which is unique"
    add = "give the table a unique key"
    if not known:
        return add
    listed = " or ".join(json.dumps(columns) for columns in known)
    return (
        f"add the columns of one of its unique keys to the seed and pass id=None and key={listed}, "
        f"or {add} of columns that the seed has (with those that a partitioned table is "
        "partitioned by)"
    )


def _check_missing(rows: TableRows, facts: TableFacts) -> Lines:
    for column in facts.columns.values():
        given = column.name in rows.columns or column.name == rows.id
        if not given and not column.nullable and not column.filled:
            yield (
                f"table {rows.table}, column {column.name}: must not be NULL, has no default, and "
                "the seed gives it no value"
            )


def _check_column(rows: TableRows, name: str, column: Column, facts: TableFacts) -> Lines:
    where = f"table {rows.table}, column {name}"
    live = facts.columns.get(name)
    if live is None:
        yield f"{where}: does not exist{_near(name, facts.columns)}"
        return
    bounds = column.bounds
    if live.computed:
        yield f"{where}: the database computes it; take it out of the seed"
    if name in rows.later and not live.nullable:
        yield f"{where}: must not be NULL, so its references cannot be written later"
    elif bounds.nullable and not live.nullable and None in rows.each(name):
        yield f"{where}: must not be NULL, and the seed holds NULL{_first(rows, name, _is_null)}"
    misfits = [*_check_values(rows, name, bounds, live)] or _check_imported(rows, name, live)
    yield from (f"{where}: {text}" for text in misfits)


def _check_values(rows: TableRows, name: str, bounds: Bounds, live: ColumnFacts) -> Lines:
    longest = None if live.choices is not None else _longest(live, bounds)
    size = bounds.length or 0
    if longest is not None and size > longest:
        size = max(map(_size, rows.each(name)), default=0)  # declared, so at most; now exactly
    if longest is not None and size > longest:
        yield (
            f"holds {longest} characters, and the seed has {size}"
            f"{_first(rows, name, lambda value: _size(value) > longest)}"
        )
    if live.choices is not None:
        known, choices = live.choices, bounds.choices
        if choices is None:
            choices = frozenset(filter(None, rows.each(name)))
        unknown = sorted(str(value) for value in choices if value not in known)
        if unknown:
            values = ", ".join(unknown)
            if rows.provenance == "imported":  # it may be personal: do not show it
                place = _first(rows, name, lambda value: value and value not in known)
                values = f"the value{place}"
            yield f"is an enum without {values}; allowed values: {', '.join(sorted(known))}"
    yield from _check_characters(rows, name, bounds, live.charset or "utf8mb4")
    yield from _check_numbers(rows.columns[name], live)
    if bounds.fraction and live.second_digits == 0:
        yield (
            "keeps whole seconds, and the seed has fractions of a second"
            f"{_first(rows, name, lambda value: getattr(value, 'microsecond', False))}"
        )


def _check_numbers(column: Column, live: ColumnFacts) -> Lines:
    bounds = column.bounds
    if bounds.low is None or bounds.high is None:
        return
    unit = 10 ** (column.scale or 0)
    if live.bits is not None:
        unsigned = bool(getattr(live.type, "unsigned", False))
        least, most = (0, 2 ** (live.bits + 1)) if unsigned else (-(2**live.bits), 2**live.bits)
        if not least * unit <= bounds.low <= bounds.high < most * unit:
            yield (
                f"holds whole numbers from {least} to {most - 1}, and the seed goes from "
                f"{bounds.low / unit:g} to {bounds.high / unit:g}"
            )
    precision, scale = getattr(live.type, "precision", None), getattr(live.type, "scale", None)
    if isinstance(live.type, sa.Numeric) and precision:
        if max(abs(bounds.low), abs(bounds.high)) >= 10 ** (precision - (scale or 0)) * unit:
            yield f"holds {precision} digits, {scale or 0} of them decimals; the seed needs more"
        elif (column.scale or 0) > (scale or 0):
            yield f"keeps {scale or 0} decimal places, and the seed has {column.scale}"


def _check_imported(rows: TableRows, name: str, live: ColumnFacts) -> Lines:
    """The first imported value that the column cannot read, or would change."""
    if rows.provenance != "imported":
        return
    for problem, wrong, right in value_checks(live):
        row = _first(rows, name, wrong, right)
        if row:
            yield f"{problem}{row}"
            return


def _find_nul(rows: TableRows, name: str) -> Lines:
    """Imported texts with a character that no text of the engine can hold."""
    row = _first(rows, name, lambda value: isinstance(value, str) and "\0" in value)
    if row:
        yield (
            f"table {rows.table}, column {name}: this database cannot store a NUL character in "
            f"text; remove it from the seed{row}"
        )


def _longest(live: ColumnFacts, bounds: Bounds) -> int | None:
    if live.length is not None:
        return live.length
    return None if live.bytes is None else live.bytes // _BYTES[bounds.plane]


def _check_characters(rows: TableRows, name: str, bounds: Bounds, charset: str) -> Lines:
    plane = _PLANES.get(charset, "ascii")
    if bounds.length is None or _RANK[bounds.plane] <= _RANK[plane]:
        return
    codec = _CODECS.get(charset)

    def wrong(value: Value) -> bool:
        return _rank(value) > _RANK[plane] and not (codec and _encodes(value, codec))

    if any(map(wrong, rows.each(name))):
        yield (
            f"its character set {charset} cannot hold the seed's characters"
            f"{_first(rows, name, wrong)}"
        )


def _encodes(text: str, codec: str) -> bool:
    try:
        text.encode(codec)
    except UnicodeEncodeError:
        return False
    return True


def _is_null(value: Value) -> bool:
    return value is None


def _size(value: Value) -> int:
    return len(value) if isinstance(value, str | bytes) else 0


def _rank(value: Value) -> int:
    if not isinstance(value, str) or value.isascii():
        return 0
    return 1 if max(value) <= "\uffff" else 2


def _first(
    rows: TableRows, name: str, wrong: Callable[[Value], bool], right: str | None = None
) -> str:
    """Where imported rows first go wrong; generated ones have no line to look at.

    ``right`` is a pattern of texts that surely are not wrong.
    """
    if rows.provenance == "synthetic":
        return ""
    for start in range(0, rows.count, AT_ONCE):
        values = rows.values(name, start, min(start + AT_ONCE, rows.count))
        if not (right and _all_match(right, values)) and any(map(wrong, values)):
            number = next(place for place, value in enumerate(values, start) if wrong(value))
            return f" (row {rows.given(number)})"
    return ""


def _all_match(pattern: str, values: Sequence[Value]) -> bool:
    """Whether all values are NULL or texts of one line that a pattern matches."""
    texts = [value for value in values if value is not None]
    try:
        lines = "\n".join([*texts, ""])
    except TypeError:
        return False
    whole = re.fullmatch(rf"(?:(?:{pattern})\n)*+", lines, re.ASCII)
    return whole is not None and lines.count("\n") == len(texts)


def _near(word: str, known: object) -> str:
    close = get_close_matches(word, list(known), n=1)  # type: ignore[call-overload]
    return f"; did you mean {close[0]}?" if close else ""
