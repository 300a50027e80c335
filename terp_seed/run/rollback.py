"""Rollback: the rows that the ledger holds for a revision come out, nothing else.

Before the first delete every reference to the rows is searched, whatever its
ON DELETE rule, because a cascade would take rows along that were never seeded.

`Rollback` finds out by the ledger's digests which rows may go.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, replace

from alembic.script import Script
from alembic.util import CommandError

from terp_seed.database.dialects import KeptTable
from terp_seed.database.environment_stamp import careful
from terp_seed.database.session import Session
from terp_seed.database.statements import Stream
from terp_seed.errors import PlanError, RollbackError
from terp_seed.ledger.changes import find_changes
from terp_seed.ledger.drift import Drift, Ranges, find_drift
from terp_seed.ledger.ledger import Ledger, Place, Range, SeededRange, ledger_of
from terp_seed.ledger.selection import Selection, match_numbers
from terp_seed.plan.plan import Counts, PlannedRevision, Removal
from terp_seed.plan.run import replan_applied
from terp_seed.run.dependents import (
    Dependents,
    child_indexes,
    find_dependents,
    group_for_deletion,
    order_parents_first,
    referenced_numbers,
)
from terp_seed.run.recognise import recognise
from terp_seed.run.restorer import Changed, Restorer
from terp_seed.settings.log import logger
from terp_seed.settings.options import Settings

__all__ = ["Deletion", "Examination", "Remover", "Rollback", "choose_policies"]


@dataclass(frozen=True)
class Deletion:
    """Rows of one range that are to be deleted, and how to tell them from all others."""

    range: Range
    counts: Counts
    conditions: Iterable[str]
    """Together they select each row once; the last rows come first."""
    retained: Sequence[int] = ()
    """The numbers of the rows that stay in the ledger as retained."""
    later: Sequence[str] = ()
    """Columns that become NULL first, since they refer to rows that are written later."""


def choose_policies(settings: Settings, environment: str, removal: Removal) -> tuple[str, str]:
    """What to do with dependents and with edited rows: flag, revision, default."""
    default = "abort" if careful(environment) else "delete"
    return (
        settings.on_dependents or removal.on_dependents or "abort",
        settings.on_edited or removal.on_edited or default,
    )


class Remover(ABC):
    """Takes revisions' rows out; commits nothing."""

    stream: Stream
    ledger: Ledger

    @abstractmethod
    def find(self, step: PlannedRevision, removal: Removal) -> Sequence[Deletion]:
        """The rows that one ``op.unseed`` takes out, parents first.

        Raises `RollbackError`, before anything is deleted, if they must not go.
        """

    @abstractmethod
    def changed(self, step: PlannedRevision) -> Sequence[Changed]:
        """What a revision changed in rows that were there, in the order of the changes."""

    @abstractmethod
    def restorer(self, removal: Removal) -> Restorer:
        """What puts changed rows back."""

    @abstractmethod
    def run(self, deletion: Deletion, where: str, delete: str) -> int:
        """Pass on the DELETE of some rows; return how many went."""

    @abstractmethod
    def count_leftovers(self, step: PlannedRevision) -> Mapping[str, Counts]:
        """The rows of a revision that declares no rollback."""

    def prepare(self, deletion: Deletion) -> AbstractContextManager[None]:
        """What the deletes of a range need around them."""
        return nullcontext()

    def remove(self, step: PlannedRevision, removal: Removal) -> Mapping[str, Counts]:
        """Undo what one ``op.unseed`` names; rows that stay are retained in the ledger.

        What was changed after rows were inserted may refer to them, and is put back before they
        go; what was changed before them may have made room for them, and is put back after.
        """
        removed: dict[str, Counts] = {}
        changed = [c for c in self.changed(step) if removal.covers(c.kept.table)]
        first = min((range_.number for range_ in self.inserted(step)), default=0)
        self.save(step, changed)
        self._restore([c for c in changed if c.number > first], removal, removed)
        for deletion in reversed([*map(self._detached, self.find(step, removal))]):
            with self.prepare(deletion):
                deleted = sum(self._delete(deletion, where) for where in deletion.conditions)
            self.confirm(deletion, deleted)
            if deletion.retained:
                self.stream.run(
                    self.ledger.retain(deletion.range, deletion.retained), what="ledger"
                )
            removed.setdefault(deletion.range.table, Counts()).add(deletion.counts)
        self._restore([c for c in changed if c.number < first], removal, removed)
        return removed

    def kept(self, step: PlannedRevision) -> Sequence[Changed]:
        """What a revision has kept, whose place is not needed once it is undone."""
        return self.changed(step)

    @abstractmethod
    def save(self, step: PlannedRevision, changed: Sequence[Changed]) -> None:
        """Back up rows that are about to get older values."""

    def _restore(
        self, changed: Sequence[Changed], removal: Removal, removed: dict[str, Counts]
    ) -> None:
        for change in reversed(changed):
            counts = self.restorer(removal).restore(change)
            removed.setdefault(change.kept.table, Counts()).add(counts)

    @abstractmethod
    def inserted(self, step: PlannedRevision) -> Sequence[Range]:
        """The ranges of rows that a revision inserted."""

    def retain(self, step: PlannedRevision) -> Mapping[str, Counts]:
        """Leave the rows of a revision that declares no rollback, in the ledger as retained."""
        left = self.count_leftovers(step)
        self.stream.run(self.ledger.retain_all(step.revision), what="ledger")
        return left

    def confirm(self, deletion: Deletion, deleted: int) -> None:
        """Raise `RollbackError` if other rows went than were found."""
        deletion.counts.deleted = deleted

    def _detached(self, deletion: Deletion) -> Deletion:
        """A deletion of rows that no longer refer to rows that were written after them."""
        if not deletion.later:
            return deletion
        quote, conditions = self.ledger.dialect.quote, [*deletion.conditions]
        empty = ", ".join(f"{quote(name)} = NULL" for name in deletion.later)
        for where in conditions:
            table = self.ledger.dialect.quote_table(deletion.range.table)
            self.stream.run(f"UPDATE {table} SET {empty} WHERE {where}", what=deletion.range.label)
        return replace(deletion, conditions=conditions)

    def _delete(self, deletion: Deletion, where: str) -> int:
        dialect, range_ = self.ledger.dialect, deletion.range
        order = "" if range_.id is None else dialect.last_first(range_.id)
        return self.run(
            deletion, where, f"DELETE FROM {dialect.quote_table(range_.table)} WHERE {where}{order}"
        )


_ROWS = 10_000

RowKeys = Mapping[int, Sequence[str]]
"""The natural keys of a range's rows, as literals, by row number."""


@dataclass(frozen=True)
class Examination:
    """All that is known about rows to be removed, before the first delete."""

    revision: str
    drifts: Sequence[Drift]
    dependents: Sequence[Dependents]
    retained: Mapping[Place, frozenset[int]]
    """The numbers of the rows that stay by the policy, by range."""
    row_keys: Mapping[Place, RowKeys]
    """The natural keys of the rows of ranges without an integer key."""
    on_dependents: str
    on_edited: str

    def selection(self, drift: Drift) -> Selection:
        """The rows of a range that go."""
        return _selection(drift, self.retained[drift.range.place], self.row_keys)

    def counts(self, drift: Drift) -> Counts:
        """What becomes of the rows of a range, and what became of them before."""
        retained = len(self.retained[drift.range.place])
        # A row that a later revision deleted is back by the time that this one is rolled back.
        deleted = drift.there + len(drift.withdrawn) - retained
        return replace(Counts.of(drift), deleted=deleted, retained=retained, ids=drift.range.ids)

    @property
    def found(self) -> Sequence[Drift]:
        """The ranges whose rows can be told from others."""
        return [drift for drift in self.drifts if drift.findable]

    @property
    def uncompared(self) -> list[str]:
        """What the schema has lost, a line for each range that it concerns."""
        return [drift.uncompared for drift in self.drifts if drift.uncompared]

    @property
    def staying(self) -> list[str]:
        """Rows at seeded ids that nothing shows to be seeded ones, a line for each range."""
        return [
            f"{drift.range.label}: {len(drift.replaced)} rows in the place of seeded ones have "
            f"another natural key (first: {_name_first(drift)}): edited, or others'; they stay"
            for drift in self.drifts
            if drift.replaced
        ]

    @property
    def tables(self) -> dict[str, Counts]:
        """What becomes of the rows, by table, children first."""
        tables: dict[str, Counts] = {}
        for drift in reversed(self.drifts):
            tables.setdefault(drift.range.table, Counts()).add(self.counts(drift))
        return tables

    @property
    def refusal(self) -> str:
        """Why nothing may be deleted; empty if everything may."""
        if self.dependents and self.on_dependents == "abort":
            listed = "; ".join(map(str, self.dependents))
            return (
                f"revision {self.revision}: rows that were not seeded depend on its rows, so "
                f"nothing was deleted: {listed}. Move or remove those rows first, or keep what "
                "they need with -x on-dependents=keep"
            )
        edited = {table: n.edited for table, n in self.tables.items() if n.edited}
        if edited and self.on_edited == "abort":
            listed = ", ".join(f"{count} in {table}" for table, count in edited.items())
            listed = "; ".join([listed, *self.uncompared])
            return (
                f"revision {self.revision}: rows were edited since they were seeded ({listed}), "
                "so nothing was deleted; -x on-edited=keep leaves them (docs/troubleshooting.md "
                "says how to remove them)"
            )
        if self.on_edited == "abort" and self.staying:
            listed = "; ".join(self.staying)
            return (
                f"{listed}, so nothing was deleted; look at them, and leave them in place with -x "
                "on-edited=keep"
            )
        return ""


@dataclass
class Rollback(Remover):
    """Takes revisions' rows out of one database; commits nothing."""

    session: Session
    environment: str
    backup: Callable[[Examination], None] = lambda examination: None
    """Called when everything may go, before the first delete."""
    backup_changed: Callable[[str, Sequence[Changed]], None] = lambda revision, changed: None
    """Called before older values are put back."""
    applied: Sequence[Script] = ()
    """The applied revisions, which say what a row was whose natural key has changed."""

    def __post_init__(self) -> None:
        self.stream, self.ledger = self.session.stream, ledger_of(self.session)

    def examine(
        self,
        step: PlannedRevision,
        removal: Removal,
        gone: Sequence[Selection] = (),
        restored: Sequence[KeptTable] = (),
        *,
        hold: bool = False,
    ) -> Examination:
        """Compare the rows with the ledger and find what depends on them; does not write.

        ``gone`` are rows that will have been removed by then, and ``restored`` updates that will
        have been undone.  With ``hold`` the rows are locked first: they cannot be edited, and no
        foreign key can come to point at their ids, until the transaction ends.
        """
        ranges = {range_.place: range_ for range_ in self.ledger.ranges(self.session.connection)}
        owned = self.ledger.names.owned(step.revision)
        seeded = [range_ for range_ in ranges.values() if range_.revision in owned]
        seeded.sort(key=lambda range_: (owned.index(range_.revision), range_.number))
        chosen = _covered(step, removal, seeded, {c.kept.table for c in self.changed(step)})
        drifts = [find_drift(self.session, range_, ranges, hold=hold) for range_ in chosen]
        if len(owned) > 1:  # rows that a squashed revision deleted do not come back
            drifts = [replace(drift, withdrawn=[]) for drift in drifts]
        self._recognise(drifts, ranges, self.restorer(removal).restored_columns(restored))
        found = [drift for drift in drifts if drift.findable]
        row_keys = {range_.place: self._row_keys(range_) for range_ in chosen if range_.id is None}
        settings = self.session.settings
        on_dependents, on_edited = choose_policies(settings, self.environment, removal)
        retained = {
            drift.range.place: set(drift.edited if on_edited == "keep" else ()) for drift in drifts
        }

        def going() -> list[Selection]:
            return [_selection(d, retained[d.range.place], row_keys) for d in found]

        seeded_rows = [_selection(drift, (), row_keys) for drift in found]
        recomputed = [
            ({*derived.emptied}, Selection(range_))
            for derived in step.derives
            for range_ in ranges.values()
            if range_.table == derived.table and range_.id is not None
        ]
        leaving = [*gone, *seeded_rows]
        dependents = find_dependents(self.session, going(), leaving, restored, recomputed)
        if not dependents or on_dependents == "keep":
            self._retain_needed(retained, dependents)
            # A row that stays is one more that others are needed by: until none is.
            while any(retained.values()) and (
                more := find_dependents(self.session, going(), gone, restored, recomputed)
            ):
                self._retain_needed(retained, more)
        frozen = {number: frozenset(numbers) for number, numbers in retained.items()}
        return Examination(
            step.revision, drifts, dependents, frozen, row_keys, on_dependents, on_edited
        )

    def _recognise(
        self, drifts: Sequence[Drift], ranges: Ranges, restored: Mapping[str, Mapping[str, str]]
    ) -> None:
        """Count rows as edited whose natural key has changed, and which are seeded ones still."""
        if not any(drift.replaced for drift in drifts) or not self.applied:
            return
        with suppress(CommandError):  # what they were cannot be made again: they stay
            plan = replan_applied(self.session, self.applied)
            for drift in drifts:
                recognise(self.session, drift, plan, ranges, restored.get(drift.range.table))

    def find(self, step: PlannedRevision, removal: Removal) -> Sequence[Deletion]:
        """The rows that go, once they are locked, examined and backed up."""
        examination = self.examine(step, removal, hold=True)
        if examination.refusal:
            raise RollbackError(examination.refusal)
        for line in [*examination.uncompared, *examination.staying]:
            logger.warning(line)
        self.backup(examination)
        deletions = [
            Deletion(
                drift.range,
                examination.counts(drift),
                self._conditions(drift.range, examination.selection(drift)),
                sorted(examination.retained[drift.range.place]),
                [name for name in drift.range.shape.later if name not in drift.gone],
            )
            for drift in examination.found
        ]
        if self.ledger.names.replaced.get(step.revision):  # a row may refer to one of a later range
            places = order_parents_first(self.session, [d.range.table for d in deletions])
            deletions.sort(key=lambda deletion: places[deletion.range.table])
        return deletions

    def inserted(self, step: PlannedRevision) -> Sequence[Range]:
        return self.ledger.ranges(self.session.connection, step.revision)

    def changed(self, step: PlannedRevision) -> Sequence[Changed]:
        if self.ledger.names.replaced.get(step.revision):
            return []  # a squashed revision changes its own rows only, which all go
        return self.kept(step)

    def kept(self, step: PlannedRevision) -> Sequence[Changed]:
        return [
            Changed(change.kept, change.number, change.label, change.count)
            for change in find_changes(self.ledger, self.session.connection, step.revision)
        ]

    def save(self, step: PlannedRevision, changed: Sequence[Changed]) -> None:
        self.backup_changed(step.revision, self.kept(step))  # also what a squashed one had changed

    def restorer(self, removal: Removal) -> Restorer:
        _, on_edited = choose_policies(self.session.settings, self.environment, removal)
        return Restorer(self.stream, self.ledger, self.session, on_edited)

    def run(self, deletion: Deletion, where: str, delete: str) -> int:
        return self.session.stream.affected(delete, what=deletion.range.label)

    def prepare(self, deletion: Deletion) -> AbstractContextManager[None]:
        if deletion.range.id is None:
            return nullcontext()
        return child_indexes(self.session, deletion.range)

    def confirm(self, deletion: Deletion, deleted: int) -> None:
        """Refuse to have deleted more rows than were found: one has just been added."""
        expected = deletion.counts.deleted
        super().confirm(deletion, deleted)
        if deleted > expected:
            raise RollbackError(
                f"{deletion.range.label}: while its rows were being removed, another program "
                "inserted rows in their place, so nothing was deleted; run the command again"
            )

    def count_leftovers(self, step: PlannedRevision) -> Mapping[str, Counts]:
        tables: dict[str, Counts] = {}
        for seeded in self.ledger.ranges(self.session.connection, step.revision):
            counts = Counts(retained=seeded.count, ids=seeded.ids)
            tables.setdefault(seeded.table, Counts()).add(counts)
        return tables

    def retain(self, step: PlannedRevision) -> Mapping[str, Counts]:
        left = super().retain(step)
        listed = ", ".join(f"{n.retained:,} {table}" for table, n in left.items()) or "none"
        logger.warning(f"revision {step.revision} declares no rollback; its rows stay: {listed}")
        return left

    def _retain_needed(
        self, retained: dict[Place, set[int]], needing: Iterable[Dependents]
    ) -> None:
        for dependents in needing:
            retained[dependents.rows.range.place] |= referenced_numbers(self.session, dependents)

    def _row_keys(self, seeded: SeededRange) -> RowKeys:
        blocks = self.ledger.blocks(self.session.connection, seeded)
        return {
            number: key
            for block in blocks
            for number, key in enumerate(block.row_keys or (), start=block.first_row)
        }

    def _conditions(self, seeded: SeededRange, rows: Selection) -> Iterator[str]:
        if seeded.id is None:
            yield from rows.single(self.session.dialect)
            return
        key = self.session.dialect.quote(seeded.id)
        if not self.session.dialect.last_first(seeded.id):
            for group in group_for_deletion(self.session, seeded):
                leaving = set(group) - rows.without
                yield from match_numbers(seeded, leaving, key, most=len(group))
        yield from rows.last_first(key, _ROWS)


def _name_first(drift: Drift) -> str:
    first, ids = drift.replaced[0], drift.range.ids
    return f"row {first + 1}" if ids is None else f"id {ids[0] + first}"


def _selection(
    drift: Drift, retained: Iterable[int], row_keys: Mapping[Place, RowKeys]
) -> Selection:
    without = frozenset({*drift.replaced, *retained})
    return Selection(drift.range, without, row_keys.get(drift.range.place))


def _covered(
    step: PlannedRevision,
    removal: Removal,
    seeded: Sequence[SeededRange],
    changed: Collection[str],
) -> Sequence[SeededRange]:
    """The ranges that an ``op.unseed`` is about; `PlanError` if rows would stay behind."""
    tables = {range_.table for range_ in seeded}.union(changed)
    named = {table for other in step.removals for table in other.tables}
    if tables and named - tables:
        raise PlanError(
            f"revision {step.revision}: op.unseed: it seeded no rows in "
            f"{', '.join(sorted(named - tables))}; it did in {', '.join(sorted(tables))}"
        )
    if tables - named and all(other.tables for other in step.removals):
        raise PlanError(
            f"revision {step.revision}: op.unseed would leave its rows in "
            f"{', '.join(sorted(tables - named))} behind; name them too, or use op.unseed()"
        )
    return [range_ for range_ in seeded if removal.covers(range_.table)]
