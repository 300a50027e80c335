"""What masking in place would do to each table, and what prevents it.

Everything is known before the first row: columns, strategies, the order of
the rows, unique and foreign keys, and which rows were seeded.

Seeded rows are left alone.  Generated rows describe no real person; imported ones
passed the masking boundary, unless that was in production.  Masking either again
would only make them look edited to a rollback.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import expm1, log1p

import sqlalchemy as sa

from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.dialects import split_table
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, UsageError
from terp_seed.ledger.changes import find_changes, still_there
from terp_seed.ledger.ledger import ledger_of
from terp_seed.mask_database.corrections import masked_column, narrow, settle
from terp_seed.mask_database.progress import MaskedColumn, Pass
from terp_seed.mask_database.referred import ForeignKey, ReferredName, referred_names
from terp_seed.mask_database.seeded import SeededRows, seeded_rows
from terp_seed.masking.boundary import Boundary, Masker
from terp_seed.masking.gaps import (
    PolicyGap,
    describe_gaps,
    find_gaps,
    lines_to_add,
    profile_of_column,
)
from terp_seed.masking.row_names import NAMES

__all__ = [
    "MARK",
    "ForeignKey",
    "PassPlan",
    "count_merged",
    "foreign_keys",
    "plan_passes",
    "sample_values",
    "tables_to_read",
]

MARK = "~"
"""A masked value that could equal one that is not masked yet begins with it until all are."""

_WINDOWS, _WINDOW = 9, 100  # so many samples of a table, of so many rows


@dataclass(frozen=True)
class PassPlan:
    """One pass to make: columns of a table that are to be masked, and how."""

    facts: TableFacts
    progress: Pass
    masker: Masker
    seeded: SeededRows
    still: tuple[str, ...]
    """The columns that an UPDATE must not move by itself."""
    triggers: tuple[str, ...]
    """The triggers that masking sets off, each with its table."""
    referred: Mapping[str, ReferredName] = field(default_factory=dict)
    """Names of the rows that its rows refer to, which their texts lose."""
    rows: int = 0
    """The rows that are left to be masked."""
    block: int = 1
    """How many of them at a time, so that a block takes bounded memory."""
    values: Mapping[str, int] = field(default_factory=dict)
    """How many values of each column are masked, once that is known."""
    merged: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """Of columns where different values may become alike: how many differ, and how many will."""

    @property
    def table(self) -> str:
        return self.facts.name

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by whose order the rows are taken."""
        return self.facts.key

    @cached_property
    def kinds(self) -> Mapping[str, str]:
        """The class of each column to be masked."""
        return {name: column.kind for name, column in self.progress.columns.items()}

    @cached_property
    def strategies(self) -> Mapping[str, str]:
        """The strategy of each of them."""
        return {name: column.strategy for name, column in self.progress.columns.items()}

    @cached_property
    def parked(self) -> frozenset[str]:
        """Those whose values could meet one that is not masked yet: marked until all are."""
        unique = {name for columns in self.facts.possible_uniques for name in columns}
        tokens = {name for name, how in self.strategies.items() if how == "tokenise"}
        return frozenset(tokens & unique | {*self.key} & {*self.columns})

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.progress.columns)

    @property
    def left(self) -> bool:
        return self.rows > 0 or self.progress.state != "done"

    @property
    def key_is_masked(self) -> bool:
        """Whether the order itself changes on the way, or did when the pass was made."""
        moved = self.progress.state == "done" and self.progress.rows and not self.progress.last_key
        return bool(moved) or not set(self.key).isdisjoint(self.columns)


def plan_passes(
    session: Session, border: Boundary, passes: Sequence[Pass], only: Sequence[str] = ()
) -> list[PassPlan]:
    """The passes to make; reads only.

    Raises `UsageError` for a table that is not there, and `MaskingError` with
    every finding: unclassified columns, masks that cannot fit, keys in the way.
    """
    keys = list(foreign_keys(session))
    planner = _Planner(session, border, keys, passes)
    tables = tables_to_read(Schema(session), only)
    for facts in tables:
        planner.add(facts, [made for made in passes if made.table == facts.name])
    masked = {(plan.table, name) for plan in planner.plans for name in plan.columns}
    planner.problems += _unfit_keys(keys, masked)
    done = {(made.table, name) for made in passes for name in made.columns}
    planner.problems += _find_left_behind(border, keys, masked | done, [t.name for t in tables])
    planner.problems += _unlike_identities(border, keys)
    planner.problems += _find_kept_values(session, border)
    planner.refuse()
    return planner.plans


def _find_kept_values(session: Session, border: Boundary) -> Iterator[str]:
    """Columns that the policy classifies, in tables that keep rows as seeds found them."""
    for change in find_changes(ledger_of(session), session.connection):
        kept = change.kept
        if still_there(session.connection, kept) is None:
            continue
        schema, name = split_table(kept.name)
        columns = sa.inspect(session.connection).get_columns(name, schema)
        personal = [c["name"] for c in columns if border.is_personal(kept.table, c["name"])]
        if personal:
            yield (
                f"{kept.name} keeps {', '.join(personal)} of {kept.table} as revision "
                f"{change.revision} found it, unmasked; roll that revision back first"
            )


def tables_to_read(schema: Schema, only: Sequence[str]) -> list[TableFacts]:
    """The tables that hold rows of the application, or those of them that were asked for."""
    known = {n.casefold(): n for n in schema.tables if not is_bookkeeping(n)}
    missing = [name for name in only if name.casefold() not in known]
    if missing:
        raise UsageError(f"--table {missing[0]}: no such table exists")
    wanted = {name.casefold() for name in only} or known.keys()
    found = (schema.table(known[name]) for name in sorted(wanted, key=known.__getitem__))
    return [facts for facts in found if facts is not None]


def count_merged(session: Session, plan: PassPlan) -> Mapping[str, tuple[int, int]]:
    """How many values of a column differ, and how many of them will, where some become alike.

    The second number is the one to expect of a range that is drawn from at random.
    """
    quote, merged = session.dialect.quote, {}
    for name in plan.columns:
        room = plan.masker.room(name)
        if room is not None:
            sql = f"SELECT COUNT(DISTINCT {quote(name)}) FROM {quote(plan.table)}"
            distinct = int(session.scalar(sql))
            left = round(-room * expm1(distinct * log1p(-1 / room)))
            if left < distinct:
                merged[name] = (distinct, left)
    return merged


class _Planner:
    """Plans table after table, and collects what prevents masking."""

    def __init__(
        self,
        session: Session,
        border: Boundary,
        keys: Sequence[ForeignKey],
        passes: Sequence[Pass],
    ) -> None:
        self.session, self.border = session, border
        self._masked = {made.table for made in passes if made.rows}
        self.plans: list[PassPlan] = []
        self.problems: list[str] = []
        self._gaps: list[PolicyGap] = []
        self._keys = keys
        self._following = {
            (key.table, column) for key in keys if key.cascades for column in key.columns
        }

    def add(self, facts: TableFacts, passes: Sequence[Pass]) -> None:
        """Plan the passes over one table: those begun before, and one for other columns."""
        self._gaps += self._unclassified(facts)
        self.problems += self._stale(facts)
        wanted = dict(self._personal(facts))
        texts = [name for name in wanted if self.border.scrubs_texts(facts.name, [name])]
        settled, fresh = settle(passes, wanted, texts)
        self.problems += self._nameless(facts.name, passes, {*fresh} & {*texts})
        if not fresh and not any(made.columns for made in settled):
            return
        if not facts.key:
            self.problems.append(
                f"{facts.name} has no primary key, so its rows have no order; give it one"
            )
            return
        seeded = seeded_rows(self.session, facts)
        for made in [*settled, *self._new(facts.name, passes, fresh)]:
            problem = self._other_key(made)
            if problem:
                self.problems.append(problem)
            elif made.columns:
                plan = self._plan(facts, made, seeded)
                self.problems += self._unfit(plan)
                self.plans.append(plan)

    def refuse(self) -> None:
        """Raise `MaskingError` if anything prevents masking."""
        if not self.problems and not self._gaps:
            return
        listed = "\n  ".join([*self.problems, *describe_gaps(self._gaps)])
        added = lines_to_add(self._gaps)
        lines = f"\n\n{added}" if added else ""
        raise MaskingError(
            f"this database cannot be masked yet, nothing was written:\n  {listed}{lines}"
        )

    def _unclassified(self, facts: TableFacts) -> list[PolicyGap]:
        """The columns that need a decision, judged by name, type and a sample of the rows."""
        readable = [name for name, column in facts.columns.items() if not column.computed]
        _, samples = sample_values(self.session, facts, readable)
        columns = [profile_of_column(facts, name, samples[name]) for name in readable]
        return find_gaps(self.border.policy, facts.name, columns)

    def _nameless(
        self, table: str, passes: Sequence[Pass], texts: Collection[str]
    ) -> Iterator[str]:
        """Texts that are masked only now, when the names of their rows are gone."""
        begun = [made for made in passes if made.rows]
        before = {name: column for made in begun for name, column in made.columns.items()}
        names = sorted(name for name, column in before.items() if column.kind in NAMES)
        for name in sorted(texts - before.keys()) if names else ():
            yield (
                f"{table}.{name}: the names of its rows ({', '.join(names)}) were masked before, "
                "so they cannot be taken out of it any more; use redact for it, or restore a fresh "
                "copy and add --again"
            )

    def _stale(self, facts: TableFacts) -> Iterator[str]:
        policy = self.border.policy
        for name in policy.stale(facts.name, facts.columns):
            rule = policy.rule(facts.name, name)
            if rule is not None and rule.kind is not None:
                yield (
                    f"{facts.name}.{name} is personal by the policy, and the table has no such "
                    "column; if it was renamed, rename its entry, else remove it"
                )

    def _personal(self, facts: TableFacts) -> Iterator[tuple[str, MaskedColumn]]:
        """The columns of a table that are masked here, and how."""
        for name, column in facts.columns.items():
            if column.computed or (facts.name, name) in self._following:
                continue
            masked = masked_column(self.border, facts.name, name)
            if masked is not None:
                yield name, masked

    def _new(
        self, table: str, passes: Sequence[Pass], fresh: Mapping[str, MaskedColumn]
    ) -> Iterator[Pass]:
        if fresh:
            border, number = self.border, 1 + max((made.number for made in passes), default=0)
            yield Pass(
                table, number, border.environment, border.key_id, border.policy.digest, fresh
            )

    def _other_key(self, made: Pass) -> str | None:
        """What forbids to continue a pass that was begun before with another key."""
        if made.key_id != self.border.key_id:
            before, now = (
                f"key {key}" if key else "no key" for key in (made.key_id, self.border.key_id)
            )
            return (
                f"{made.table} was masked with {before}, and this run has {now}: one person would "
                "get two pseudonyms; use that key, or restore a fresh copy and add --again"
            )
        return None

    def _plan(self, facts: TableFacts, made: Pass, seeded: SeededRows) -> PassPlan:
        dialect, connection = self.session.dialect, self.session.connection
        referred = self._referred(facts.name, made)
        masks = {name: found.mask for name, found in referred.items()}
        masker = narrow(self.border, made).masker(facts.name, list(made.columns), referred=masks)
        assert masker is not None
        moving = dialect.moving_columns(connection, facts.name)
        return PassPlan(
            facts=facts,
            progress=made,
            masker=masker,
            seeded=seeded,
            still=tuple(name for name in moving if name not in made.columns),
            triggers=tuple(self._triggers(facts.name, [*made.columns], set())),
            referred=referred,
        )

    def _referred(self, table: str, made: Pass) -> Mapping[str, ReferredName]:
        """The names that the pass takes out of texts; of rows that are masked already, none."""
        if not self.border.scrubs_texts(table, made.columns):
            return {}
        found = referred_names(self.session, self.border, self._keys, table)
        return {path: name for path, name in found.items() if name.table not in self._masked}

    def _triggers(self, table: str, columns: Sequence[str], seen: set[str]) -> Iterator[str]:
        """The triggers that an UPDATE of these columns sets off, each with its table."""
        dialect, connection = self.session.dialect, self.session.connection
        seen.add(table)
        yield from (f"{name} of {table}" for name in dialect.triggers(connection, table))
        for key in self._keys if dialect.cascades_fire_triggers else ():
            moves = key.cascades and key.target == table and {*key.target_columns} & {*columns}
            if moves and key.table not in seen:
                yield from self._triggers(key.table, key.columns, seen)

    def _unfit(self, plan: PassPlan) -> Iterator[str]:
        session, facts = self.session, plan.facts
        rows = int(session.scalar(f"SELECT COUNT(*) FROM {session.dialect.quote(facts.name)}"))
        yield from plan.masker.check([profile_of_column(facts, n) for n in plan.columns], rows)
        for name in plan.columns:
            place = f"{facts.name}.{name}"
            if name in plan.parked and not isinstance(facts.columns[name].type, sa.String):
                yield (
                    f"{place} is unique and not text: a masked value could meet one that is not "
                    "masked yet; use pseudonymise, or nullify"
                )
            elif name in plan.parked and plan.progress.rows == 0 and self._marked(facts.name, name):
                yield f"{place}: some values begin with {MARK}, the mark of masked ones; edit those"
            if plan.masker.capacity(name) is not None and plan.seeded:
                yield (
                    f"{place} is unique, and seeded rows hold numbers of the same range; roll the "
                    f"seeds of chain {session.settings.chain} back first"
                )

    def _marked(self, table: str, column: str) -> bool:
        quote = self.session.dialect.quote
        sql = f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} LIKE '{MARK}%' LIMIT 1"
        return bool(self.session.rows(sql))


def sample_values(
    session: Session, facts: TableFacts, names: Sequence[str]
) -> tuple[int, dict[str, list[object]]]:
    """How many rows a table has, and values from all over it: all, or of rows at even distances."""
    quote = session.dialect.quote
    count = int(session.scalar(f"SELECT COUNT(*) FROM {quote(facts.name)}"))
    if not names:
        return count, {}
    order = ", ".join(map(quote, facts.key))
    sql = f"SELECT {', '.join(map(quote, names))} FROM {quote(facts.name)}"
    sql += f" ORDER BY {order}" if order else ""
    windows = _WINDOWS if count > _WINDOWS * _WINDOW else 1
    size = _WINDOW if windows > 1 else max(count, 1)
    rows: list[Sequence[object]] = []
    for number in range(windows):
        first = number * (count - size) // max(windows - 1, 1)
        rows += session.rows(f"{sql} LIMIT {size} OFFSET {first}")
    return count, {name: [row[at] for row in rows] for at, name in enumerate(names)}


# -- foreign keys between personal columns: after masking they must still join.  An enforced key
# can only be masked on both sides at once, which the database does where it cascades.


def foreign_keys(session: Session) -> Iterator[ForeignKey]:
    """The enforced references between tables of the connection's own schema."""
    dialect, connection = session.dialect, session.connection
    found = sa.inspect(connection).get_multi_foreign_keys()
    for (_, table), keys in found.items():
        for key in keys:
            if key["referred_columns"]:
                yield ForeignKey(
                    table,
                    tuple(key["constrained_columns"]),
                    key["referred_table"],
                    tuple(key["referred_columns"]),
                    dialect.updates_cascade(connection, table, key),
                )


def _unfit_keys(keys: Sequence[ForeignKey], masked: set[tuple[str, str]]) -> Iterator[str]:
    """The enforced keys that masking one side would break."""
    for key in keys:
        for column, other in zip(key.columns, key.target_columns, strict=True):
            moves = (key.target, other) in masked
            if ((key.table, column) in masked or moves) and not (moves and key.cascades):
                yield (
                    f"{key.table}.{column} refers to {key.target}.{other} by a foreign key without "
                    "ON UPDATE CASCADE, so the two cannot be masked together; make it cascade for "
                    "the time of masking, or keep both"
                )


def _find_left_behind(
    border: Boundary,
    keys: Sequence[ForeignKey],
    masked: set[tuple[str, str]],
    tables: Sequence[str],
) -> Iterator[str]:
    """Personal columns that are masked through a key they follow, whose target is not."""
    pairs = [
        ((key.table, column), (key.target, other))
        for key in keys
        if key.cascades
        for column, other in zip(key.columns, key.target_columns, strict=True)
    ]
    moved = set(masked)
    while more := {place for place, target in pairs if target in moved} - moved:
        moved |= more
    for (table, column), (target, other) in pairs:
        choice = border.strategy(table, column)
        kept = choice is None or choice.strategy == "keep"
        if table in tables and (table, column) not in moved and not kept:
            yield (
                f"{table}.{column} is personal and follows {target}.{other} by ON UPDATE CASCADE, "
                f"which is not masked; classify {target}.{other}, and name table {target} if you "
                "name tables"
            )


def _unlike_identities(border: Boundary, keys: Sequence[ForeignKey]) -> Iterator[str]:
    """Columns that name subjects or persons, and are spelt unlike the column they follow."""
    for key in keys if border.key else ():
        for column, other in zip(key.columns, key.target_columns, strict=True):
            if key.cascades and border.unlike(key.table, column, key.target, other):
                yield (
                    f"{key.table}.{column} names the rows' subjects or persons and follows "
                    f"{key.target}.{other}: give both the same class, strategy and domain"
                )
