"""Neutralising a copy before it is masked: what it must not send, poll or share any more.

The steps of ``[neutralise]`` in the policy run before the first row is masked, each in its own
transaction.  They are checked first: tables, columns, types, triggers, foreign keys,
and on the database itself in a transaction that is undone.  A step is done when no row is left
that it would change, so a run that was stopped, and every later one, applies it again to what is
left.  Nothing undoes it, but for a dump.  Seeded rows are left alone, as masking leaves them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from hashlib import blake2b
from itertools import accumulate
from typing import Any

import sqlalchemy as sa

from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.environment_stamp import neutralised
from terp_seed.database.schema import ColumnFacts, Schema, TableFacts, inbound
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, SeedError
from terp_seed.mask_database.seeded import seeded_rows
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.column_names import words
from terp_seed.masking.neutralisation import Neutralisation
from terp_seed.rows.model import Json

__all__ = [
    "StepPlan",
    "carry_out",
    "digest_of",
    "is_due",
    "plan_steps",
    "propose_step",
    "try_steps",
]


_TOKENS = {("token",), ("tokens",), ("otp",)}
_SESSIONS = {("session",), ("sessions",)}
_LOGIN = {"token", "session_token", "payload", "user_agent", "ip_address", "expires", "expires_at"}
_WEBHOOKS = {"webhook", "webhooks"}
_LINKS = {("share", "url"), ("share", "link"), ("webhook", "url"), ("api", "key")}
_PLACES = {("url",), ("endpoint",)}
_SWITCHES = {"enabled", "is_enabled", "active", "is_active"}


@dataclass(frozen=True)
class StepPlan:
    """One step against the live table: the literals to write, and how many rows are left."""

    step: Neutralisation
    table: str
    literals: Mapping[str, str]
    condition: str
    """Which rows it is about that do not have the values yet; SQL."""
    still: Sequence[str] = ()
    """The columns that an UPDATE must not move by itself."""
    rows: int = 0

    def statement(self, session: Session) -> str:
        """The statement that does it."""
        quote = session.dialect.quote
        if self.step.delete:
            return f"DELETE FROM {quote(self.table)} WHERE {self.condition}"
        still = {name: quote(name) for name in self.still}
        sets = ", ".join(f"{quote(n)} = {text}" for n, text in {**still, **self.literals}.items())
        return f"UPDATE {quote(self.table)} SET {sets} WHERE {self.condition}"

    def __str__(self) -> str:
        return f"neutralise {self.rows:,} rows of {self.step}"


def plan_steps(session: Session, border: Boundary, only: Sequence[str] = ()) -> list[StepPlan]:
    """The steps of the policy, with the rows that each has left; reads only.

    Raises `MaskingError` with every step that cannot be carried out.
    """
    schema = Schema(session)
    live = {name.casefold(): name for name in schema.tables if not is_bookkeeping(name)}
    chosen = {name.casefold() for name in only} or live.keys()
    plans, problems = [], []
    for step in border.policy.neutralise:
        wanted = step.table.casefold()
        facts = schema.table(live[wanted]) if wanted in live and wanted in chosen else None
        if facts is None:
            if wanted not in live and not step.optional:
                problems.append(
                    f"{step}: no such table exists; add optional = true if some lack it"
                )
            continue
        faults = list(_faults(session, step, facts))
        problems += [f"{step}: {fault}" for fault in faults]
        if not faults:
            plans.append(_counted(session, _plan(session, step, facts)))
    if problems:
        listed = "\n  ".join(problems)
        raise MaskingError(f"this database cannot be neutralised, nothing was written:\n  {listed}")
    return plans


def propose_step(session: Session, facts: TableFacts) -> Neutralisation | None:
    """What the names of a table and its columns suggest: tokens, sessions, webhooks, share links.

    None if they suggest nothing, or nothing that can be carried out.
    """
    own, names = words(facts.name), {name.casefold() for name in facts.columns}
    if own[-1:] in _TOKENS or (own[-1:] in _SESSIONS and _LOGIN & names):
        step = Neutralisation(facts.name, delete=True)
    else:
        step = Neutralisation(facts.name, dict(_values_to_quiet(facts, bool(_WEBHOOKS & {*own}))))
    if not (step.delete or step.values) or (step.delete and inbound(session, [facts.name])):
        return None
    return None if list(_faults(session, step, facts)) else step


def _values_to_quiet(facts: TableFacts, is_webhook: bool) -> Iterator[tuple[str, Any]]:
    switches = [name for name in facts.columns if name.casefold() in _SWITCHES]
    if is_webhook and switches:
        yield switches[0], False
    ends = _TOKENS | _LINKS | (_PLACES if is_webhook and not switches else set())
    for column in facts.columns.values():
        name = words(column.name)
        if column.nullable and isinstance(column.type, sa.String) and {name[-1:], name[-2:]} & ends:
            yield column.name, None


def _faults(session: Session, step: Neutralisation, facts: TableFacts) -> Iterator[str]:
    """What forbids a step on the table as it is."""
    dialect, connection = session.dialect, session.connection
    own = {name.casefold(): column for name, column in facts.columns.items()}
    targets = {name for key in inbound(session, [facts.name]) for name in key.targets}
    for name, value in step.values.items():
        column = own.get(name.casefold())
        if column is None:
            yield f"the table has no column {name}"
        elif column.computed or column.name in {*facts.key} | targets:
            yield f"{column.name} is a key or is computed, and cannot be set"
        else:
            yield from _misfit(session, column, value)
    yield from _unfit_condition(dialect.bare(step.where))
    if facts.unsafe_storage:
        yield f"the table is stored by {facts.unsafe_storage}, which cannot undo a trial"
    triggers = dialect.triggers(connection, facts.name)
    if step.delete:
        everywhere = dialect.all_triggers(connection)
        triggers = [t.name for t in everywhere if t.table.casefold() == facts.name.casefold()]
    if triggers:
        yield f"it would set off the trigger {', '.join(triggers)}; drop that in this copy"


def _unfit_condition(bare: str) -> Iterator[str]:
    """Why a condition would not stay within its brackets; what is quoted was taken out."""
    if ";" in bare:
        yield "where is one condition, without a semicolon"
    depths = list(accumulate((char == "(") - (char == ")") for char in bare))
    if min(depths, default=0) < 0 or depths[-1:] not in ([], [0]):
        yield "where is one condition, and its brackets do not pair"


def _misfit(session: Session, column: ColumnFacts, value: Any) -> Iterator[str]:
    if value is None and not column.nullable:
        yield f"{column.name} is NOT NULL"
    elif value is not None:
        try:
            _literal(session, column, value)
        except (TypeError, ValueError):
            kind = str(column.type).split("(")[0]
            yield f"{column.name} is of type {kind}, which does not hold {type(value).__name__}"
        length = column.length
        if isinstance(value, str) and length is not None and len(value) > length:
            yield f"{column.name} holds {length} characters"
        if column.choices is not None and value not in column.choices:
            yield f"{column.name} is one of {', '.join(sorted(column.choices))}"


def _literal(session: Session, column: ColumnFacts, value: Any) -> str:
    """A value as the column's type has it; raises `TypeError` or `ValueError` if it cannot."""
    if value is None:
        return "NULL"
    typed = _typed(column.type, value)
    if isinstance(typed, bool):
        return "TRUE" if typed else "FALSE"
    return session.dialect.literal(typed)


def _typed(kind: sa.types.TypeEngine[Any], value: Any) -> Any:
    if isinstance(value, str):
        return _typed_text(kind, value)
    if isinstance(value, dict | list) and isinstance(kind, sa.JSON):
        return Json(value)
    if isinstance(value, dict | list) and _is_text(kind):  # MariaDB keeps documents as texts
        return json.dumps(value, ensure_ascii=False)
    if isinstance(kind, sa.Boolean) and value in (True, False):
        return bool(value)
    if isinstance(kind, sa.Integer) and isinstance(value, int):
        return int(value)
    numeric = isinstance(kind, sa.Numeric | sa.Float) and not isinstance(value, bool)
    if numeric and math.isfinite(value):
        return value
    raise TypeError


def _is_text(kind: sa.types.TypeEngine[Any]) -> bool:
    return isinstance(kind, sa.String) and not isinstance(kind, sa.Enum)


def _typed_text(kind: sa.types.TypeEngine[Any], text: str) -> Any:
    for moment, made in ((sa.DateTime, datetime), (sa.Date, date), (sa.Time, time)):
        if isinstance(kind, moment):
            return made.fromisoformat(text)
    if isinstance(kind, sa.String | sa.Enum):
        return text
    raise TypeError


def _plan(session: Session, step: Neutralisation, facts: TableFacts) -> StepPlan:
    quote = session.dialect.quote
    own = {name.casefold(): column for name, column in facts.columns.items()}
    columns = [(own[name.casefold()], value) for name, value in step.values.items()]
    literals = {column.name: _literal(session, column, value) for column, value in columns}
    # A line of its own: a comment in it ends there.
    parts = [f"(\n{step.where}\n)"] if step.where else []
    parts += filter(None, [seeded_rows(session, facts).left_out(quote)])
    differing = [
        f"{quote(name)} IS NOT NULL"
        if text == "NULL"
        else f"{quote(name)} IS NULL OR {_compared(session, facts.columns[name], text)}"
        for name, text in literals.items()
    ]
    parts += [f"({' OR '.join(differing)})"] if differing else []
    still = session.dialect.moving_columns(session.connection, facts.name)
    return StepPlan(step, facts.name, literals, " AND ".join(parts) or "1 = 1", still)


def _compared(session: Session, column: ColumnFacts, text: str) -> str:
    """A condition: the column holds another value."""
    sides = [session.dialect.quote(column.name), text]
    if isinstance(column.type, sa.JSON):
        sides = list(map(session.dialect.as_document, sides))
    return " <> ".join(sides)


def _counted(session: Session, plan: StepPlan) -> StepPlan:
    sql = f"SELECT COUNT(*) FROM {session.dialect.quote(plan.table)} WHERE {plan.condition}"
    try:
        session.stream.must_be_zero(sql, f"[neutralise] {plan.table}")
        return replace(plan, rows=int(session.scalar(sql)))
    except SeedError as error:
        raise MaskingError(
            f"[neutralise] {plan.step}: the database does not take the condition: {error}; "
            "correct where, nothing was written"
        ) from None


def try_steps(session: Session, plans: Sequence[StepPlan]) -> None:
    """Carry the steps out and undo them; raises `MaskingError` for what the database refuses.

    Rows that refer to rows to be deleted are found before: a foreign key may take them along.
    """
    if not any(plan.rows for plan in plans):
        return
    session.allow_writes()
    try:
        for plan in plans:
            _refuse_dependents(session, plan)
            if plan.rows:
                session.stream.affected(plan.statement(session), what=f"table {plan.table}")
    except MaskingError:
        raise
    except SeedError as error:
        raise MaskingError(f"[neutralise] {error}; nothing was written") from None
    finally:
        session.end_transaction()


def _refuse_dependents(session: Session, plan: StepPlan) -> None:
    quote = session.dialect.quote
    for key in inbound(session, [plan.table]) if plan.step.delete and plan.rows else ():
        pairs = zip(key.columns, key.targets, strict=True)
        joined = " AND ".join(f"child.{quote(own)} = going.{quote(to)}" for own, to in pairs)
        going = f"SELECT * FROM {quote(plan.table)} WHERE {plan.condition}"
        child = session.dialect.quote_table(key.table)
        sql = f"SELECT COUNT(*) FROM {child} child JOIN ({going}) going ON {joined}"
        dependents = int(session.scalar(sql))
        if dependents:
            raise MaskingError(
                f"[neutralise] {plan.step}: {dependents:,} rows of {key.table} refer to rows that "
                "would be deleted; write a step that deletes those before it; nothing was written"
            )


def is_due(session: Session, border: Boundary) -> bool:
    """Whether the database is to be flagged as neutralised and is not, or by other steps."""
    steps = border.policy.neutralise
    return bool(steps) and flag_of(session) != digest_of(steps)


def flag_of(session: Session) -> str | None:
    """The digest of the steps by which the database was neutralised; None if it was not."""
    found = neutralised(session.connection, session.books)
    return None if found is None else found[1]


def digest_of(steps: Sequence[Neutralisation]) -> str:
    """What tells one list of steps from another."""
    return blake2b("\n".join(map(repr, steps)).encode(), digest_size=8).hexdigest()


def carry_out(session: Session, plan: StepPlan) -> int:
    """Carry one step out, in the caller's transaction; returns how many rows it changed."""
    return session.stream.affected(plan.statement(session), what=f"table {plan.table}")
