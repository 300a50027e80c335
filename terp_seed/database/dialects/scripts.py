"""What a script says so that its client stops where a run would."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from terp_seed.database.dialects.writes import Writes

__all__ = ["Scripts"]


class Scripts(Writes):
    """Prologue, guards and lock of a ``--sql`` script."""

    script_name: ClassVar[str]
    """The client that runs a script, for its header."""
    begin: ClassVar[str] = "BEGIN"
    """How a transaction begins that may write."""
    affected: ClassVar[str]
    """How many rows the last statement of a script touched."""

    def prologue(self, seconds: float = 30) -> list[str]:
        """Lines a script begins with so that its client stops at an error.

        ``seconds`` is how long it may wait for others, where that is the
        client's to know.
        """
        return []

    @abstractmethod
    def guard(self, condition: str) -> str:
        """A statement that fails unless ``condition`` is true."""

    def in_transaction(self, seconds: float) -> list[str]:
        """Script statements at the beginning of each transaction.

        Where a pooler may lend each its own connection they pin and lock it,
        waiting at most so long for another run.
        """
        return []

    @abstractmethod
    def take_lock(self, seconds: float) -> list[str]:
        """Script statements that take the lock or stop."""

    @abstractmethod
    def drop_lock(self) -> list[str]:
        """Script statements that release the lock."""

    takes_turns: ClassVar[bool] = False
    """Whether each revision writes the lock row, because nodes of a cluster may share no lock."""

    def nodes_share_locks(self) -> list[str]:
        """Script statements that stop on a cluster whose nodes share no lock."""
        return []

    def take_turn(self, table: str) -> list[str]:
        """Statements that write the lock row, first in the transaction of each revision."""
        return []

    def has_turn(self, table: str) -> str:
        """The condition that this transaction was the last to write the lock row."""
        return ""

    @abstractmethod
    def refuse_dependents(
        self,
        target: str,
        declared: Sequence[tuple[str, str, str]],
        going: str,
        ours: Mapping[str, str],
    ) -> list[str]:
        """Script statements that stop if a row that stays points at rows to be deleted.

        ``target`` is their table, ``going`` their condition; ``declared``
        lists the table and the column that refer to it without a constraint,
        and the column that they hold; ``ours`` maps tables to the condition of
        their rows that go as well.
        """

    def delete_exactly(self, delete: str) -> list[str]:
        """A DELETE, and what stops the script if it touched rows of other tables."""
        return [delete]
