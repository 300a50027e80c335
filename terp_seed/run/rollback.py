"""Rollback: the rows that the ledger holds for a revision come out, nothing else.

Before the first delete every reference to the rows is searched, whatever its
ON DELETE rule, because a cascade would take rows along that were never seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from terp_seed.database.session import Session
from terp_seed.errors import PlanError, RollbackError
from terp_seed.ledger.drift import Drift, find_drift
from terp_seed.ledger.ledger import SeededRange, ledger_of
from terp_seed.ledger.selection import Selection, match_numbers
from terp_seed.plan.plan import PlannedRevision, Removal
from terp_seed.plan.result import Counts
from terp_seed.run.delete_order import child_indexes, group_for_deletion
from terp_seed.run.dependents import Dependents, find_dependents, referenced_numbers
from terp_seed.run.removal import Deletion, Remover, choose_policies
from terp_seed.settings.log import logger

__all__ = ["Examination", "Rollback"]

_ROWS = 10_000

RowKeys = Mapping[int, Sequence[str]]
"""The natural keys of a range's rows, as literals, by row number."""


@dataclass(frozen=True)
class Examination:
    """All that is known about rows to be removed, before the first delete."""

    revision: str
    drifts: Sequence[Drift]
    dependents: Sequence[Dependents]
    retained: Mapping[int, frozenset[int]]
    """The numbers of the rows that stay by the policy, by range."""
    row_keys: Mapping[int, RowKeys]
    """The natural keys of the rows of ranges without an integer key."""
    on_dependents: str
    on_edited: str

    def selection(self, drift: Drift) -> Selection:
        """The rows of a range that go."""
        return _selection(drift, self.retained[drift.range.number], self.row_keys)

    def counts(self, drift: Drift) -> Counts:
        """What becomes of the rows of a range, and what became of them before."""
        retained = len(self.retained[drift.range.number])
        deleted = drift.there - retained
        return replace(Counts.of(drift), deleted=deleted, retained=retained, ids=drift.range.ids)

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
            return (
                f"revision {self.revision}: rows were edited since they were seeded ({listed}), "
                "so nothing was deleted; -x on-edited=delete removes them, -x on-edited=keep "
                "leaves them"
            )
        return ""


@dataclass
class Rollback(Remover):
    """Takes revisions' rows out of one database; commits nothing."""

    session: Session
    environment: str
    backup: Callable[[Examination], None] = lambda examination: None
    """Called when everything may go, before the first delete."""

    def __post_init__(self) -> None:
        self.stream, self.ledger = self.session.stream, ledger_of(self.session)

    def examine(
        self,
        step: PlannedRevision,
        removal: Removal,
        gone: Sequence[Selection] = (),
        *,
        hold: bool = False,
    ) -> Examination:
        """Compare the rows with the ledger and find what depends on them; does not write.

        ``gone`` are rows that will have been removed by then.  With ``hold``
        the rows are locked before anything else is looked at: they cannot be
        edited, and no foreign key can come to point at their ids, until the
        transaction ends.
        """
        ranges = {range_.place: range_ for range_ in self.ledger.ranges(self.session.connection)}
        seeded = [range_ for range_ in ranges.values() if range_.revision == step.revision]
        chosen = _covered(step, removal, seeded)
        drifts = [find_drift(self.session, range_, ranges, hold=hold) for range_ in chosen]
        row_keys = {range_.number: self._row_keys(range_) for range_ in chosen if range_.id is None}
        settings = self.session.settings
        on_dependents, on_edited = choose_policies(settings, self.environment, removal)
        retained = {
            drift.range.number: set(drift.edited if on_edited == "keep" else ()) for drift in drifts
        }

        def going() -> list[Selection]:
            return [_selection(d, retained[d.range.number], row_keys) for d in drifts]

        seeded_rows = [_selection(drift, (), row_keys) for drift in drifts]
        dependents = find_dependents(self.session, going(), [*gone, *seeded_rows])
        if not dependents or on_dependents == "keep":
            self._retain_needed(retained, dependents)
            # A row that stays is one more that others are needed by: until none is.
            while any(retained.values()) and (more := find_dependents(self.session, going(), gone)):
                self._retain_needed(retained, more)
        frozen = {number: frozenset(numbers) for number, numbers in retained.items()}
        return Examination(
            step.revision, drifts, dependents, frozen, row_keys, on_dependents, on_edited
        )

    def find(self, step: PlannedRevision, removal: Removal) -> Sequence[Deletion]:
        """The rows that go, once they are locked, examined and backed up."""
        examination = self.examine(step, removal, hold=True)
        if examination.refusal:
            raise RollbackError(examination.refusal)
        self.backup(examination)
        return [
            Deletion(
                drift.range,
                examination.counts(drift),
                self._conditions(drift.range, examination.selection(drift)),
                sorted(examination.retained[drift.range.number]),
                drift.range.shape.later,
            )
            for drift in examination.drifts
        ]

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

    def _retain_needed(self, retained: dict[int, set[int]], needing: Iterable[Dependents]) -> None:
        for dependents in needing:
            retained[dependents.rows.range.number] |= referenced_numbers(self.session, dependents)

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
                yield from match_numbers(seeded, set(group) - rows.without, key)
        yield from rows.last_first(key, _ROWS)


def _selection(drift: Drift, retained: Iterable[int], row_keys: Mapping[int, RowKeys]) -> Selection:
    without = frozenset({*drift.replaced, *retained})
    return Selection(drift.range, without, row_keys.get(drift.range.number))


def _covered(
    step: PlannedRevision, removal: Removal, seeded: Sequence[SeededRange]
) -> Sequence[SeededRange]:
    """The ranges that an ``op.unseed`` is about; `PlanError` if rows would stay behind."""
    tables = {range_.table for range_ in seeded}
    named = {table for other in step.removals for table in other.tables}
    if seeded and named - tables:
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
