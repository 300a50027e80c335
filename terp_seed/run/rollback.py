"""Rollback: the rows that the ledger holds for a revision come out, nothing else.

Before the first delete every reference to the rows is searched, whatever its
ON DELETE rule, because a cascade would take rows along that nobody seeded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from terp_seed.database.consent import careful
from terp_seed.database.session import Session
from terp_seed.errors import PlanError, RollbackError
from terp_seed.ledger.drift import Survey, survey
from terp_seed.ledger.ledger import SeededRange, ledger_of
from terp_seed.ledger.selection import Selection, numbered
from terp_seed.plan.plan import PlannedRevision, Removal, Removed
from terp_seed.run.dependents import Dependents, dependents, pointed_at
from terp_seed.run.fk_indexes import child_indexes
from terp_seed.run.self_references import referring_first
from terp_seed.settings.log import logger

__all__ = ["Finding", "Rollback"]

_ROWS = 10_000


@dataclass(frozen=True)
class Finding:
    """All that is known about rows to be removed, before the first delete."""

    revision: str
    surveys: Sequence[Survey]
    dependents: Sequence[Dependents]
    kept: Mapping[int, frozenset[int]]
    """The numbers of the rows that stay because the policy keeps them, by range."""
    keys: Mapping[int, Mapping[int, Sequence[str]]]
    """The natural keys of the rows of ranges without an integer key."""
    on_dependents: str
    on_edited: str

    @property
    def edited(self) -> dict[str, int]:
        """How many rows were edited since they were seeded, by table."""
        return self._counted(lambda each: len(each.edited))

    @property
    def foreign(self) -> dict[str, int]:
        """How many rows replaced a seeded row at the same id, by table: they stay."""
        return self._counted(lambda each: len(each.foreign))

    @property
    def missing(self) -> dict[str, int]:
        """How many rows were deleted by hand, by table."""
        return self._counted(lambda each: each.missing)

    @property
    def staying(self) -> dict[str, int]:
        """How many of our own rows stay, by table."""
        return self._counted(lambda each: len(self.kept[each.range.number]))

    @property
    def removed(self) -> dict[str, int]:
        """How many rows go, by table, children first."""
        return self._counted(lambda each: each.there - len(self.kept[each.range.number]))

    @property
    def going(self) -> list[Selection]:
        """The rows that go, parents first."""
        return [_selection(each, self.kept[each.range.number], self.keys) for each in self.surveys]

    @property
    def refusal(self) -> str:
        """Why nothing may be deleted; empty if nothing stands in the way."""
        if self.dependents and self.on_dependents == "abort":
            listed = "; ".join(map(str, self.dependents))
            return (
                f"revision {self.revision}: rows that were not seeded depend on its rows, so "
                f"nothing was deleted: {listed}. Move or remove those rows first, or keep what "
                "they need with -x on-dependents=keep"
            )
        if self.edited and self.on_edited == "abort":
            listed = ", ".join(f"{count} in {table}" for table, count in self.edited.items())
            return (
                f"revision {self.revision}: rows were edited since they were seeded ({listed}), "
                "so nothing was deleted; -x on-edited=delete removes them, -x on-edited=keep "
                "leaves them"
            )
        return ""

    def _counted(self, count: Callable[[Survey], int]) -> dict[str, int]:
        found: dict[str, int] = {}
        for each in reversed(self.surveys):
            number = count(each)
            if number:
                found[each.range.table] = found.get(each.range.table, 0) + number
        return found


@dataclass
class Rollback:
    """Takes revisions' rows out of one database; commits nothing."""

    session: Session
    environment: str
    backup: Callable[[Finding], None] = lambda finding: None
    """Called when nothing stands in the way, before the first delete."""

    def examine(
        self,
        step: PlannedRevision,
        removal: Removal,
        gone: Sequence[Selection] = (),
        *,
        hold: bool = False,
    ) -> Finding:
        """Survey the rows and what depends on them; does not write.

        ``gone`` are rows that will have been removed by then.  With ``hold``
        the rows are locked before anything else is looked at: nobody edits
        them, and no foreign key comes to point at their ids, until the
        transaction ends.
        """
        ledger, connection = ledger_of(self.session), self.session.connection
        every = {(of.revision, of.number): of for of in ledger.ranges(connection)}
        mine = _mine(step, removal, [of for of in every.values() if of.revision == step.revision])
        surveys = [survey(self.session, of, every, hold=hold) for of in mine]
        keys = {of.number: self._keys(of) for of in mine if of.id is None}
        on_dependents, on_edited = self._policies(removal)
        kept = {
            each.range.number: set(each.edited if on_edited == "keep" else ()) for each in surveys
        }

        def going() -> list[Selection]:
            return [_selection(each, kept[each.range.number], keys) for each in surveys]

        ours = [_selection(each, (), keys) for each in surveys]
        found = dependents(self.session, going(), [*gone, *ours])
        if not found or on_dependents == "keep":
            self._keep_needed(kept, found)
            # A row that stays is one more that others are needed by: until none is.
            while any(kept.values()) and (more := dependents(self.session, going(), gone)):
                self._keep_needed(kept, more)
        frozen = {number: frozenset(numbers) for number, numbers in kept.items()}
        return Finding(step.revision, surveys, found, frozen, keys, on_dependents, on_edited)

    def remove(self, step: PlannedRevision, removal: Removal) -> Removed:
        """Delete rows of a revision, children first; return how many by table.

        Raises `RollbackError` before the first delete if rows that were not
        seeded depend on them, or if rows were edited, where the policy is to
        abort.  Rows that are kept stay in the ledger as kept.
        """
        found = self.examine(step, removal, hold=True)
        if found.refusal:
            raise RollbackError(found.refusal)
        self.backup(found)
        removed: dict[str, int] = {}
        for each in reversed(found.surveys):
            stay = found.kept[each.range.number]
            count = self._delete(each, stay)
            _refuse_more(each, count)
            removed[each.range.table] = removed.get(each.range.table, 0) + count
            if stay:
                self.session.stream.run(ledger_of(self.session).keep(each.range, sorted(stay)))
        return Removed(removed, found.staying)

    def leave(self, step: PlannedRevision) -> Removed:
        """Keep all rows of a revision, in the ledger as kept: it declares no rollback."""
        ledger, stream = ledger_of(self.session), self.session.stream
        kept: Counter[str] = Counter()
        for of in ledger.ranges(self.session.connection, step.revision):
            kept[of.table] += of.count
        stream.run(ledger.keep_all(step.revision), what="ledger")
        listed = ", ".join(f"{count:,} {table}" for table, count in kept.items()) or "none"
        logger.warning(f"revision {step.revision} declares no rollback; its rows stay: {listed}")
        return Removed({}, kept)

    def _policies(self, removal: Removal) -> tuple[str, str]:
        """What to do with dependents and with edited rows: flag, revision, default."""
        settings = self.session.settings
        default = "abort" if careful(self.environment) else "delete"
        return (
            settings.on_dependents or removal.on_dependents or "abort",
            settings.on_edited or removal.on_edited or default,
        )

    def _keep_needed(self, kept: dict[int, set[int]], found: Iterable[Dependents]) -> None:
        for pointing in found:
            kept[pointing.rows.range.number] |= pointed_at(self.session, pointing)

    def _keys(self, of: SeededRange) -> dict[int, Sequence[str]]:
        blocks = ledger_of(self.session).blocks(self.session.connection, of)
        return {
            number: key
            for block in blocks
            for number, key in enumerate(block.row_keys or (), start=block.first_row)
        }

    def _delete(self, found: Survey, stay: Iterable[int]) -> int:
        of = found.range
        if of.id is None:
            return self._delete_keyed(of, {*found.foreign, *stay})
        with child_indexes(self.session, of):
            return self._delete_numbered(of, sorted({*found.foreign, *stay}))

    def _delete_numbered(self, of: SeededRange, spared: Sequence[int]) -> int:
        quote, order = self.session.dialect.quote, self.session.dialect.last_first(str(of.id))
        first, key = of.first, quote(str(of.id))
        head = f"DELETE FROM {quote(of.table)} WHERE {key} "
        count = 0
        for group in () if order else referring_first(self.session, of):
            for rows in numbered(of, set(group).difference(spared), key):
                count += self._run(f"DELETE FROM {quote(of.table)} WHERE {rows}", of)
        for low in reversed(range(0, of.count, _ROWS)):
            high = min(low + _ROWS, of.count) - 1
            listed = ", ".join(str(first + n) for n in spared if low <= n <= high)
            spare = f" AND {key} NOT IN ({listed})" if listed else ""
            between = f"BETWEEN {first + low} AND {first + high}"
            count += self._run(head + between + spare + order, of)
        return count

    def _delete_keyed(self, of: SeededRange, stay: set[int]) -> int:
        quote = self.session.dialect.quote
        names = of.shape.key
        count = 0
        for digests in ledger_of(self.session).blocks(self.session.connection, of):
            for number, row in enumerate(digests.row_keys or (), start=digests.first_row):
                if number in stay:
                    continue
                pairs = zip(names, row, strict=True)
                where = " AND ".join(f"{quote(name)} = {text}" for name, text in pairs)
                count += self._run(f"DELETE FROM {quote(of.table)} WHERE {where}", of)
        return count

    def _run(self, sql: str, of: SeededRange) -> int:
        return self.session.stream.affected(sql, what=f"revision {of.revision}, table {of.table}")


def _selection(
    found: Survey, kept: Iterable[int], keys: Mapping[int, Mapping[int, Sequence[str]]]
) -> Selection:
    spared = frozenset({*found.foreign, *kept})
    return Selection(found.range, spared, keys.get(found.range.number))


def _refuse_more(found: Survey, count: int) -> None:
    """Refuse to have deleted more rows than were found to be ours: somebody has just added one."""
    if count > found.there:
        raise RollbackError(
            f"revision {found.range.revision}: while its rows were being removed, another program "
            f"put rows of its own in their place in {found.range.table}, so nothing was deleted; "
            "run the command again"
        )


def _mine(
    step: PlannedRevision, removal: Removal, ranges: Sequence[SeededRange]
) -> Sequence[SeededRange]:
    """The ranges that an ``op.unseed`` is about; `PlanError` if rows would stay behind."""
    tables = {of.table for of in ranges}
    named = {table for each in step.removals for table in each.tables}
    if ranges and named - tables:
        raise PlanError(
            f"revision {step.revision}: op.unseed: it seeded no rows in "
            f"{', '.join(sorted(named - tables))}; it did in {', '.join(sorted(tables))}"
        )
    if tables - named and all(each.tables for each in step.removals):
        raise PlanError(
            f"revision {step.revision}: op.unseed would leave its rows in "
            f"{', '.join(sorted(tables - named))} behind; name them too, or use op.unseed()"
        )
    return [of for of in ranges if not removal.tables or of.table in removal.tables]
