"""Rollback: the rows that the ledger holds for a revision come out, nothing else.

Before the first delete every reference to the rows is searched, whatever its
ON DELETE rule, because a cascade would take rows along that nobody seeded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terp_seed.errors import PlanError, RollbackError
from terp_seed.ledger import Range
from terp_seed.plan import PlannedRevision, Removal
from terp_seed.references import Dependents, dependents, needed_by, pointed_at
from terp_seed.session import Session
from terp_seed.survey import Ranges, Survey, survey

__all__ = ["Finding", "Rollback", "policies"]

_ROWS = 10_000
_CAREFUL = ("staging", "production")


def policies(session: Session, environment: str, removal: Removal) -> tuple[str, str]:
    """What to do with dependents and with edited rows: flag, revision, default."""
    settings = session.settings
    careful = "abort" if environment in _CAREFUL else "delete"
    return (
        settings.on_dependents or removal.on_dependents or "abort",
        settings.on_edited or removal.on_edited or careful,
    )


@dataclass(frozen=True)
class Finding:
    """All that is known about a revision's rows before the first delete."""

    surveys: list[Survey]
    dependents: list[Dependents]
    every: Ranges

    @property
    def edited(self) -> dict[str, int]:
        """How many rows were edited, by table."""
        return {found.range.table: len(found.edited) for found in self.surveys if found.edited}


@dataclass
class Rollback:
    """Takes revisions' rows out of one database; commits nothing."""

    session: Session
    environment: str

    def look(self, revision: str) -> Finding:
        """Survey a revision's rows and what depends on them; does not write."""
        ledger, connection = self.session.ledger, self.session.connection
        every = {(of.revision, of.number): of for of in ledger.ranges(connection)}
        mine = [of for of in every.values() if of.revision == revision]
        surveys = [survey(self.session, of, every) for of in mine]
        return Finding(surveys, dependents(self.session, mine), every)

    def remove(self, step: PlannedRevision, removal: Removal) -> dict[str, int]:
        """Delete a revision's rows, children first; return how many by table.

        Raises `RollbackError` before the first delete if rows that were not
        seeded depend on them, or if rows were edited, where the policy is to
        abort.  Rows that are kept stay in the ledger as kept.
        """
        found = self.look(step.revision)
        _refuse_half(step, removal, found.surveys)
        on_dependents, on_edited = policies(self.session, self.environment, removal)
        if on_dependents == "abort":
            _refuse_dependents(step.revision, found.dependents)
        if on_edited == "abort":
            _refuse_edited(step.revision, found.edited)
        kept = self._kept(found, on_dependents, on_edited)
        removed: dict[str, int] = {}
        for each in reversed(found.surveys):
            stay = kept.get(each.range.number, set())
            count = self._delete(each, stay)
            removed[each.range.table] = removed.get(each.range.table, 0) + count
            if stay:
                self.session.stream.run(self.session.ledger.keep(each.range, sorted(stay)))
        return removed

    def _kept(self, found: Finding, on_dependents: str, on_edited: str) -> dict[int, set[int]]:
        """The row numbers that stay, by range: and with each row what it refers to."""
        kept: dict[int, set[int]] = {each.range.number: set() for each in found.surveys}
        if on_edited == "keep":
            for each in found.surveys:
                kept[each.range.number].update(each.edited)
        if on_dependents == "keep":
            for pointing in found.dependents:
                kept[pointing.range.number] |= pointed_at(self.session, pointing)
        for each in reversed(found.surveys):  # children first: parents follow
            numbers = kept[each.range.number]
            if numbers:
                mine = [other.range for other in found.surveys]
                for parent, rows in needed_by(self.session, each.range, numbers, mine):
                    kept[parent.number] |= rows
        return kept

    def _delete(self, found: Survey, stay: Iterable[int]) -> int:
        of = found.range
        if of.id is None:
            return self._delete_keyed(of, set(stay))
        quote = self.session.dialect.quote
        first, key = of.first_key or 0, quote(of.id)
        spared = sorted({*found.foreign, *stay})
        count = 0
        order = self.session.dialect.last_first(of.id)
        for low in reversed(range(0, of.count, _ROWS)):
            high = min(low + _ROWS, of.count) - 1
            listed = ", ".join(str(first + n) for n in spared if low <= n <= high)
            sql = (
                f"DELETE FROM {quote(of.table)} WHERE {key} "
                f"BETWEEN {first + low} AND {first + high}"
            )
            spare = f" AND {key} NOT IN ({listed})" if listed else ""
            count += self._run(sql + spare + order, of)
        return count

    def _delete_keyed(self, of: Range, stay: set[int]) -> int:
        quote = self.session.dialect.quote
        names = (of.shape or {})["key"]
        count = 0
        for digests in self.session.ledger.blocks(self.session.connection, of):
            for number, row in enumerate(digests.row_keys or (), start=digests.first_row):
                if number in stay:
                    continue
                pairs = zip(names, row, strict=True)
                where = " AND ".join(f"{quote(name)} = {text}" for name, text in pairs)
                count += self._run(f"DELETE FROM {quote(of.table)} WHERE {where}", of)
        return count

    def _run(self, sql: str, of: Range) -> int:
        return self.session.stream.affected(sql, what=f"revision {of.revision}, table {of.table}")


def _refuse_half(step: PlannedRevision, removal: Removal, mine: Sequence[Survey]) -> None:
    named = {table for each in step.removals for table in each.tables}
    if not named or any(not each.tables for each in step.removals):
        return
    behind = [each.range.table for each in mine if each.range.table not in named]
    if behind:
        raise PlanError(
            f"revision {step.revision}: op.unseed{removal.tables} would leave its rows in "
            f"{', '.join(behind)} behind; name them too, or use op.unseed()"
        )


def _refuse_dependents(revision: str, found: Sequence[Dependents]) -> None:
    if found:
        raise RollbackError(
            f"revision {revision}: rows that were not seeded depend on its rows, so nothing was "
            f"deleted: {'; '.join(map(str, found))}. Move or remove those rows first, or keep what "
            "they need with -x on-dependents=keep"
        )


def _refuse_edited(revision: str, edited: dict[str, int]) -> None:
    if edited:
        listed = ", ".join(f"{count} in {table}" for table, count in edited.items())
        raise RollbackError(
            f"revision {revision}: rows were edited since they were seeded ({listed}), so nothing "
            "was deleted; -x on-edited=delete removes them, -x on-edited=keep leaves them"
        )
