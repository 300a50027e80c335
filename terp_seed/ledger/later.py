"""Rows of a range that later revisions of the chain changed, so that they are not taken for edited.

Such a row is compared as it was: with the values from before in the columns that were updated.
Those columns themselves must hold what the last update wrote.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from terp_seed.database.dialects import KeptTable, equal_to
from terp_seed.database.session import Session
from terp_seed.ledger.changes import SeededChange, applied_turns, find_changes, still_there
from terp_seed.ledger.ledger import Digests, Ledger, SeededRange, chains_of, ledger_of

__all__ = [
    "Altered",
    "LaterChanges",
    "changed_again",
    "find_changed_drift",
    "find_later_updates",
    "find_updates_elsewhere",
]


@dataclass
class Altered:
    """What later revisions did to the rows of one block, by row number."""

    updated: dict[int, tuple[int, ...]] = field(default_factory=dict)
    """By which updates, the first one first."""
    withdrawn: set[int] = field(default_factory=set)
    """Rows that a later revision deleted."""

    def __bool__(self) -> bool:
        return bool(self.updated or self.withdrawn)


class LaterChanges:
    """The changes that were made to a range's table after its rows went in."""

    def __init__(self, session: Session, seeded: SeededRange) -> None:
        self._session, self._seeded = session, seeded
        ledger = ledger_of(session)
        changes = [
            replace(change, kept=kept)
            for change in find_changes(ledger, session.connection)
            if change.table.casefold() == seeded.table.casefold()
            and (kept := still_there(session.connection, change.kept))
        ]
        turns = applied_turns(ledger, session.connection) if changes else {}
        own = turns.get(seeded.revision, 0), seeded.number
        self._changes = [
            change
            for change in changes
            if change.revision not in turns or (turns[change.revision], change.number) > own
        ]
        self._keys: dict[int, Sequence[str]] = {}

    def find(self, digests: Digests) -> Altered:
        """What they did to the rows of one block; reads."""
        altered = Altered()
        self._keys = dict(enumerate(digests.row_keys or (), start=digests.first_row))
        for place, change in enumerate(self._changes):
            for number in self._numbers(change, digests):
                if change.updates:
                    altered.updated[number] = (*altered.updated.get(number, ()), place)
                else:
                    altered.withdrawn.add(number)
        return altered

    def rows_before(
        self, altered: Altered, present: Set[int], select: Callable[[Mapping[str, str]], str]
    ) -> dict[int, Sequence[Any]]:
        """The updated rows that are there, with the values from before.

        ``select`` makes the SELECT list from what to read each updated column from.
        """
        found: dict[int, Sequence[Any]] = {}
        for places, numbers in self._groups(altered, present):
            sources: dict[str, str] = {}
            for place in places:
                kept = self._changes[place].kept
                for name in kept.columns:
                    old = f"kept_{place}.{self._session.dialect.quote(name)}"
                    sources.setdefault(kept.live(name), old)
            rows = self._session.rows(
                f"SELECT {self._number}, {select(sources)} {self._joined(places, numbers)}"
            )
            found |= {self._number_of(row[0], numbers): row[1:] for row in rows}
        return found

    def find_edited(self, altered: Altered, present: Set[int]) -> set[int]:
        """The updated rows in which a column is not what the last update wrote."""
        same, quote = self._session.dialect.same, self._session.dialect.quote
        edited: set[int] = set()
        for places, numbers in self._groups(altered, present):
            last = {
                kept.live(name): f"kept_{place}.{kept.ours(name)}"
                for place in places
                for kept in [self._changes[place].kept]
                for name in kept.columns
            }
            conditions = [
                f"NOT {same(f'live.{quote(name)}', written)}" for name, written in last.items()
            ]
            joined = self._joined(places, numbers)
            sql = f"SELECT {self._number} {joined} AND ({' OR '.join(conditions)})"
            edited |= {self._number_of(row[0], numbers) for row in self._session.rows(sql)}
        return edited

    def _numbers(self, change: SeededChange, digests: Digests) -> Sequence[int]:
        """The rows of the block that a change kept."""
        session, seeded = self._session, self._seeded
        table = session.dialect.quote_table(change.kept.name)
        first, stop = digests.first_row, digests.first_row + digests.count
        if seeded.id is not None:
            key, start = session.dialect.quote(seeded.id), seeded.first
            between = f"{key} BETWEEN {start + first} AND {start + stop - 1}"
            rows = session.rows(f"SELECT {key} FROM {table} WHERE {between}")
            return sorted(row[0] - start for row in rows)
        names = [*map(session.dialect.quote, seeded.shape.key)]
        return [
            number
            for number, key_of_row in enumerate(digests.row_keys or (), start=first)
            if session.rows(f"SELECT 1 FROM {table} WHERE {equal_to(names, key_of_row)}")
        ]

    def _groups(
        self, altered: Altered, present: Set[int]
    ) -> Sequence[tuple[tuple[int, ...], list[int]]]:
        """The updated rows that are there, those with the same updates together."""
        rows = sorted(
            (places, number) for number, places in altered.updated.items() if number in present
        )
        if self._seeded.id is None:  # which of them a row is, only its key says
            return [(places, [number]) for places, number in rows]
        grouped = groupby(rows, key=lambda row: row[0])
        return [(places, [number for _, number in group]) for places, group in grouped]

    @property
    def _number(self) -> str:
        if self._seeded.id is None:
            return "0"
        return f"live.{self._session.dialect.quote(self._seeded.id)} - {self._seeded.first}"

    def _number_of(self, value: int, numbers: Sequence[int]) -> int:
        return numbers[0] if self._seeded.id is None else int(value)

    def _joined(self, places: Sequence[int], numbers: Sequence[int]) -> str:
        quote, place_of = self._session.dialect.quote, self._session.dialect.quote_table
        joins = []
        for place in places:
            kept = self._changes[place].kept
            same = " AND ".join(
                f"live.{quote(kept.live(n))} = kept_{place}.{quote(n)}" for n in kept.match
            )
            joins.append(f"JOIN {place_of(kept.name)} kept_{place} ON {same}")
        if self._seeded.id is None:
            where = equal_to(
                [f"live.{quote(name)}" for name in self._seeded.shape.key], self._keys[numbers[0]]
            )
        else:
            ids = ", ".join(str(self._seeded.first + number) for number in numbers)
            where = f"live.{quote(self._seeded.id)} IN ({ids})"
        return f"FROM {place_of(self._seeded.table)} live {' '.join(joins)} WHERE {where}"

    def __bool__(self) -> bool:
        return bool(self._changes)


@dataclass
class ChangedDrift:
    """What became of rows that a revision updated, and that the chain did not insert."""

    intact: int = 0
    edited: int = 0
    missing: int = 0


def find_changed_drift(
    session: Session, change: SeededChange, ranges: Sequence[SeededRange]
) -> ChangedDrift:
    """Compare updated rows of others with what the update wrote; reads.

    Rows of the chain's own ranges are left out, since they are compared there, and rows that a
    later revision changed again.
    """
    dialect, kept = session.dialect, still_there(session.connection, change.kept)
    if kept is None:
        return ChangedDrift()
    place_of = dialect.quote_table
    others = [f"NOT {condition}" for condition in changed_again(session, kept)]
    for seeded in ranges:
        if seeded.table == change.table and seeded.id is not None and seeded.id == change.id:
            first, last = seeded.first, seeded.first + seeded.count - 1
            others.append(f"kept.{dialect.quote(seeded.id)} NOT BETWEEN {first} AND {last}")
        elif seeded.table == change.table:
            return ChangedDrift()  # its rows are known by their keys alone, all of them there
    same = " AND ".join(
        dialect.same(f"live.{dialect.quote(kept.live(name))}", f"kept.{kept.ours(name)}")
        for name in kept.columns
    )
    alive = f"live.{dialect.quote(kept.live(kept.match[0]))} IS NOT NULL"
    state = f"CASE WHEN NOT ({alive}) THEN 'missing' WHEN {same} THEN 'intact' ELSE 'edited' END"
    rows = session.rows(
        f"SELECT {state}, COUNT(*) FROM {place_of(kept.name)} kept "
        f"LEFT JOIN {place_of(kept.table)} live ON {dialect.match(kept)} "
        f"WHERE {' AND '.join(['1 = 1', *others])} GROUP BY 1"
    )
    return ChangedDrift(**dict(map(tuple, rows)))


def find_later_updates(session: Session, kept: KeptTable) -> list[str]:
    """The revisions that updated cells of kept rows after they were kept; reads."""
    own = [change.revision for change in _later(session, kept) if _updates(session, kept, change)]
    return [*own, *find_updates_elsewhere(session, kept)]


def find_updates_elsewhere(session: Session, kept: KeptTable) -> list[str]:
    """Those of other chains; reads."""
    connection, chain = session.connection, session.settings.chain
    turns = applied_turns(ledger_of(session), connection)
    own = [
        c.revision for c in find_changes(ledger_of(session), connection) if c.kept.name == kept.name
    ]
    since = turns.get(own[0], 0) if own else 0
    found: list[str] = []
    for other in (name for name in chains_of(session) if name != chain):
        ledger = Ledger(session.dialect, session.books, other)
        applied = applied_turns(ledger, connection)
        found += [
            f"{change.revision} of chain {other}"
            for change in find_changes(ledger, connection)
            if applied.get(change.revision, 0) > since
            and change.table.casefold() == kept.table.casefold()
            and still_there(connection, change.kept)
            and _updates(session, kept, change)
        ]
    return found


def _updates(session: Session, kept: KeptTable, change: SeededChange) -> bool:
    """Whether a change updated cells that are kept."""
    place_of = session.dialect.quote_table
    columns = {*map(change.kept.live, change.kept.columns)} & {*map(kept.live, kept.columns)}
    if not change.updates or not columns:
        return False
    joined = f"JOIN {place_of(change.kept.name)} again ON {_again(session, kept, change.kept)}"
    return bool(session.scalar(f"SELECT COUNT(*) FROM {place_of(kept.name)} kept {joined}"))


def changed_again(session: Session, kept: KeptTable) -> list[str]:
    """Conditions on a kept row: a later change kept the same row."""
    place_of = session.dialect.quote_table
    return [
        f"EXISTS (SELECT 1 FROM {place_of(later.name)} again WHERE {_again(session, kept, later)})"
        for later in (change.kept for change in _later(session, kept))
    ]


def _later(session: Session, kept: KeptTable) -> list[SeededChange]:
    """The changes of the same table that came later."""
    changes = find_changes(ledger_of(session), session.connection)
    names = [change.kept.name for change in changes]
    return [
        change
        for change in changes[names.index(kept.name) + 1 :]
        if change.kept.table == kept.table and still_there(session.connection, change.kept)
    ]


def _again(session: Session, kept: KeptTable, later: KeptTable) -> str:
    """A condition on the rows of two kept tables: they are the same one."""
    quote = session.dialect.quote
    names = {later.live(name): name for name in later.match}
    return " AND ".join(
        f"again.{quote(names.get(kept.live(name), name))} = kept.{quote(name)}"
        for name in kept.match
    )
