"""What masking in place would do to each table, and what stands against it.

Everything is known before the first row: columns, strategies, the order of
the rows, unique and foreign keys, and which rows are the seeds' own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from terp_seed.database.compare import BOOKKEEPING
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, UsageError
from terp_seed.mask_database.keys import cascades, columns_of, unfit_keys
from terp_seed.mask_database.own import Own, own_rows
from terp_seed.mask_database.progress import Pass
from terp_seed.masking import Finding, Masker, lines_to_add
from terp_seed.masking.boundary import Boundary, column_facts
from terp_seed.masking.site import Choice

__all__ = ["MARK", "Target", "scope"]

MARK = "~"
"""A masked value that could equal one that is not masked yet begins with it until all are."""

_SAMPLES = 100  # from each end of a table


@dataclass(frozen=True)
class Target:
    """One pass to make: columns of a table that are to be masked, and how."""

    facts: TableFacts
    masker: Masker
    kinds: Mapping[str, str]
    """The class of each column to be masked."""
    choices: Mapping[str, Choice]
    of: Pass
    own: Own
    parked: frozenset[str]
    still: tuple[str, ...]
    triggers: tuple[str, ...]
    rows: int = 0
    """The rows that are left to be masked."""
    block: int = 1
    """How many of them at a time, so that a block takes bounded memory."""

    @property
    def table(self) -> str:
        """Its table."""
        return self.facts.name

    @property
    def key(self) -> tuple[str, ...]:
        """The columns by whose order the rows are taken."""
        return self.facts.key

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are masked."""
        return tuple(self.kinds)

    @property
    def documents(self) -> frozenset[str]:
        """The columns whose texts are documents."""
        return frozenset(name for name, kind in self.kinds.items() if kind == "json")

    @property
    def left(self) -> bool:
        """Whether anything is left to be done."""
        return self.rows > 0 or self.of.state != "done"

    @property
    def key_is_masked(self) -> bool:
        """Whether the order itself changes on the way."""
        return bool(set(self.key) & set(self.columns))


def scope(
    session: Session, border: Boundary, passes: Sequence[Pass], only: Sequence[str] = ()
) -> list[Target]:
    """The passes to make; reads only.

    Raises `UsageError` for a table that is not there, and `MaskingError` with
    every finding: unclassified columns, masks that cannot fit, keys in the way.
    """
    schema = Schema(session)
    names = _names(schema, only)
    found: list[str] = []
    unclassified: list[Finding] = []
    targets: list[Target] = []
    follows = cascades(session)
    for name in names:
        facts = schema.table(name)
        assert facts is not None
        unclassified += _unclassified(session, border, facts)
        found += _stale(border, facts)
        mine = [each for each in passes if each.table == name]
        made, problems = _targets(session, border, facts, mine, follows)
        targets += made
        found += problems
    found += unfit_keys(session, {each.table: columns_of(each.of) for each in targets}, names)
    _refuse(found, unclassified)
    return targets


def _names(schema: Schema, only: Sequence[str]) -> list[str]:
    there = {name.casefold(): name for name in schema.tables if name not in BOOKKEEPING}
    missing = [name for name in only if name.casefold() not in there]
    if missing:
        raise UsageError(f"--table {missing[0]}: there is no such table")
    wanted = {name.casefold() for name in only} or there.keys()
    return sorted(there[name] for name in wanted)


def _refuse(found: Sequence[str], unclassified: Sequence[Finding]) -> None:
    if not found and not unclassified:
        return
    listed = "\n  ".join([*found, *map(str, unclassified)])
    lines = f"\n\n{lines_to_add(unclassified)}" if unclassified else ""
    raise MaskingError(
        f"this database cannot be masked yet, nothing was written:\n  {listed}{lines}"
    )


def _unclassified(session: Session, border: Boundary, facts: TableFacts) -> list[Finding]:
    """The columns that need a decision, judged by name, type and the rows at both ends."""
    readable = [name for name, column in facts.columns.items() if not column.computed]
    samples = _samples(session, facts, readable)
    return border.policy.unclassified(
        facts.name, [column_facts(facts, name, samples[name]) for name in readable]
    )


def _samples(session: Session, facts: TableFacts, names: Sequence[str]) -> dict[str, list[object]]:
    quote = session.dialect.quote
    listed = ", ".join(map(quote, names))
    rows: list[Sequence[object]] = []
    for way in ("", " DESC") if facts.key else ("",):
        order = ", ".join(f"{quote(name)}{way}" for name in facts.key)
        sql = f"SELECT {listed} FROM {quote(facts.name)}"
        rows += session.rows(f"{sql}{f' ORDER BY {order}' if order else ''} LIMIT {_SAMPLES}")
    return {name: [row[at] for row in rows] for at, name in enumerate(names)}


def _stale(border: Boundary, facts: TableFacts) -> Iterator[str]:
    for name in border.policy.stale(facts.name, facts.columns):
        rule = border.policy.rule(facts.name, name)
        if rule is not None and rule.kind is not None:
            yield (
                f"{facts.name}.{name} is personal by the policy, and the table has no such column; "
                "if it was renamed, rename its entry, else remove it"
            )


def _targets(
    session: Session,
    border: Boundary,
    facts: TableFacts,
    passes: Sequence[Pass],
    follows: Mapping[tuple[str, str], str],
) -> tuple[list[Target], list[str]]:
    """The passes over one table: those begun before, and one for what none of them masks."""
    wanted = _personal(border, facts, follows)
    if not wanted and not passes:
        return [], []
    if not facts.key:
        return [], [f"{facts.name} has no primary key, so its rows have no order; give it one"]
    own, found = own_rows(session, facts), []
    targets: list[Target] = []
    for each in [*passes, *_new(border, facts.name, passes, wanted)]:
        problem = _changed(border, each, wanted)
        if problem:
            found.append(problem)
        else:
            target = _target(session, border, facts, each, own)
            found += _unfit(session, target)
            targets.append(target)
    return targets, found


def _personal(
    border: Boundary, facts: TableFacts, follows: Mapping[tuple[str, str], str]
) -> dict[str, tuple[str, Choice]]:
    """The columns of a table that are masked here, each with its class and strategy."""
    wanted = {}
    for name, column in facts.columns.items():
        rule = border.policy.rule(facts.name, name)
        choice = border.policy.strategy(facts.name, name, border.environment)
        plain = column.computed or (facts.name, name) in follows
        if rule is None or rule.kind is None or choice is None or plain:
            continue
        if choice.strategy != "keep":
            wanted[name] = (rule.kind, choice)
    return wanted


def _new(
    border: Boundary,
    table: str,
    passes: Sequence[Pass],
    wanted: Mapping[str, tuple[str, Choice]],
) -> list[Pass]:
    taken = {name for each in passes for name in each.columns}
    fresh = {name: [kind, c.strategy] for name, (kind, c) in wanted.items() if name not in taken}
    if not fresh:
        return []
    number = 1 + max((each.number for each in passes), default=0)
    return [Pass(table, number, border.environment, border.key_id, border.policy.digest, fresh)]


def _changed(border: Boundary, of: Pass, wanted: Mapping[str, tuple[str, Choice]]) -> str | None:
    """What forbids to go on with a pass that was begun before."""
    if of.key_id != border.key_id:
        has = f"key {border.key_id}" if border.key_id else "none"
        return (
            f"{of.table} was masked with {f'key {of.key_id}' if of.key_id else 'no key'}, and this "
            f"run has {has}: one person would get two pseudonyms; use that key, or restore a fresh "
            "copy and say --again"
        )
    for name, (kind, strategy) in of.columns.items():
        now = wanted.get(name)
        if now is None or (now[0], now[1].strategy) != (kind, strategy):
            return (
                f"{of.table}.{name} was masked as {kind} by {strategy}, and the policy says "
                "something else now; restore a fresh copy and say --again"
            )
    return None


def _target(session: Session, border: Boundary, facts: TableFacts, of: Pass, own: Own) -> Target:
    masker = border.policy.masker(
        facts.name,
        list(of.columns),
        environment=border.environment,
        key=border.key,
        provenance="imported",
    )
    assert masker is not None
    choices = {
        name: choice
        for name in of.columns
        if (choice := border.policy.strategy(facts.name, name, border.environment)) is not None
    }
    connection = session.connection
    made = Target(
        facts=facts,
        masker=masker,
        kinds={name: kind for name, (kind, _) in of.columns.items()},
        choices=choices,
        of=of,
        own=own,
        parked=frozenset(_parked(facts, choices)),
        still=tuple(session.dialect.moving_columns(connection, facts.name)),
        triggers=tuple(session.dialect.triggers(connection, facts.name)),
    )
    return replace(made, still=tuple(name for name in made.still if name not in made.columns))


def _parked(facts: TableFacts, choices: Mapping[str, Choice]) -> Iterator[str]:
    """The columns whose masked values could meet one that is not masked yet."""
    unique = {name for columns in facts.uniques for name in columns}
    for name, choice in choices.items():
        if name in facts.key or (name in unique and choice.strategy == "tokenise"):
            yield name


def _unfit(session: Session, target: Target) -> Iterator[str]:
    facts = target.facts
    rows = int(session.scalar(f"SELECT COUNT(*) FROM {session.dialect.quote(facts.name)}"))
    columns = [column_facts(facts, name) for name in target.columns]
    yield from target.masker.check(columns, rows)
    for name in target.columns:
        column, place = facts.columns[name], f"{facts.name}.{name}"
        if name in target.parked and not isinstance(column.type, sa.String):
            yield (
                f"{place} is unique and no text: a masked value could meet one that is not masked "
                "yet; use pseudonymise, or nullify"
            )
        elif name in target.parked and target.of.rows == 0 and _marked(session, facts.name, name):
            yield f"{place}: some values begin with {MARK}, which marks masked ones; change those"
        if target.masker.capacity(name) is not None and target.own:
            yield (
                f"{place} is unique, and seeded rows hold numbers of the same range; take the "
                f"seeds back first: alembic -n {session.settings.chain} downgrade base"
            )


def _marked(session: Session, table: str, column: str) -> bool:
    quote = session.dialect.quote
    sql = f"SELECT 1 FROM {quote(table)} WHERE {quote(column)} LIKE '{MARK}%' LIMIT 1"
    return bool(session.rows(sql))
