"""Takes rows of a revision out, children first: the one place that deletes seeded rows.

`Rollback` finds out by the ledger's digests which rows may go;
`ScriptedRollback`, which cannot look, has the target find out by their keys.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace

from terp_seed.database.consent import careful
from terp_seed.database.statements import Stream
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.plan.plan import PlannedRevision, Removal
from terp_seed.plan.result import Counts
from terp_seed.settings.options import Settings

__all__ = ["Deletion", "Remover", "choose_policies"]


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
    def run(self, deletion: Deletion, where: str, delete: str) -> int:
        """Pass on the DELETE of some rows; return how many went."""

    @abstractmethod
    def count_leftovers(self, step: PlannedRevision) -> Mapping[str, Counts]:
        """The rows of a revision that declares no rollback."""

    def prepare(self, deletion: Deletion) -> AbstractContextManager[None]:
        """What the deletes of a range need around them."""
        return nullcontext()

    def remove(self, step: PlannedRevision, removal: Removal) -> Mapping[str, Counts]:
        """Delete what one ``op.unseed`` names; rows that stay are retained in the ledger."""
        removed: dict[str, Counts] = {}
        for deletion in reversed([*map(self._detached, self.find(step, removal))]):
            with self.prepare(deletion):
                deleted = sum(self._delete(deletion, where) for where in deletion.conditions)
            self.confirm(deletion, deleted)
            if deletion.retained:
                self.stream.run(
                    self.ledger.retain(deletion.range, deletion.retained), what="ledger"
                )
            removed.setdefault(deletion.range.table, Counts()).add(deletion.counts)
        return removed

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
            table = quote(deletion.range.table)
            self.stream.run(f"UPDATE {table} SET {empty} WHERE {where}", what=deletion.range.label)
        return replace(deletion, conditions=conditions)

    def _delete(self, deletion: Deletion, where: str) -> int:
        dialect, range_ = self.ledger.dialect, deletion.range
        order = "" if range_.id is None else dialect.last_first(range_.id)
        return self.run(
            deletion, where, f"DELETE FROM {dialect.quote(range_.table)} WHERE {where}{order}"
        )
