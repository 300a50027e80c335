"""Takes rows of a revision out, children first: the one place that deletes seeded rows.

`Rollback` finds out by the ledger's digests which rows may go;
`ScriptedRollback`, which cannot look, has the target find out by their keys.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from terp_seed.database.statements import Stream
from terp_seed.ledger.ledger import Ledger, Range
from terp_seed.plan.plan import PlannedRevision, Removal
from terp_seed.plan.result import Counts

__all__ = ["Going", "Remover"]


@dataclass(frozen=True)
class Going:
    """Rows of one range that are to be deleted, and how to tell them from all others."""

    range: Range
    counts: Counts
    conditions: Iterable[str]
    """Together they select each row once; the last rows come first."""
    retained: Sequence[int] = ()
    """The numbers of the rows that stay in the ledger as retained."""

    @property
    def what(self) -> str:
        """What is deleted, for an error's sake."""
        return f"revision {self.range.revision}, table {self.range.table}"


class Remover(ABC):
    """Takes revisions' rows out; commits nothing."""

    stream: Stream
    ledger: Ledger

    @abstractmethod
    def find(self, step: PlannedRevision, removal: Removal) -> Sequence[Going]:
        """The rows that one ``op.unseed`` takes out, parents first.

        Raises `RollbackError`, before anything is deleted, if they must not go.
        """

    @abstractmethod
    def run(self, going: Going, where: str, delete: str) -> int:
        """Pass on the DELETE of some rows; return how many went."""

    @abstractmethod
    def leftovers(self, step: PlannedRevision) -> Mapping[str, Counts]:
        """The rows of a revision that declares no rollback."""

    def preparing(self, going: Going) -> AbstractContextManager[None]:
        """What the deletes of a range need around them."""
        return nullcontext()

    def remove(self, step: PlannedRevision, removal: Removal) -> Mapping[str, Counts]:
        """Delete what one ``op.unseed`` names; rows that stay are retained in the ledger."""
        removed: dict[str, Counts] = {}
        for going in reversed(self.find(step, removal)):
            with self.preparing(going):
                deleted = sum(self._delete(going, where) for where in going.conditions)
            self.confirm(going, deleted)
            if going.retained:
                self.stream.run(self.ledger.retain(going.range, going.retained), what="ledger")
            removed.setdefault(going.range.table, Counts()).add(going.counts)
        return removed

    def retain(self, step: PlannedRevision) -> Mapping[str, Counts]:
        """Leave the rows of a revision that declares no rollback, in the ledger as retained."""
        left = self.leftovers(step)
        self.stream.run(self.ledger.retain_all(step.revision), what="ledger")
        return left

    def confirm(self, going: Going, deleted: int) -> None:
        """Raise `RollbackError` if other rows went than were found."""
        going.counts.deleted = deleted

    def _delete(self, going: Going, where: str) -> int:
        dialect, range_ = self.ledger.dialect, going.range
        order = "" if range_.id is None else dialect.last_first(range_.id)
        return self.run(
            going, where, f"DELETE FROM {dialect.quote(range_.table)} WHERE {where}{order}"
        )
