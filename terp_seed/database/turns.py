"""Whose turn it is to write: a row that each revision's transaction writes first.

Where the nodes of a cluster share no lock, they let one of two transactions commit that both wrote
the row; the other is undone by its node.  A run reads the row before it reads where the chain is,
so one that another run has overtaken sees so at its first statement, whatever it has planned.

No run holds the row between two transactions, so what a dead node leaves behind needs no hand.
"""

from __future__ import annotations

from dataclasses import dataclass

from terp_seed.database.bookkeeping import Books
from terp_seed.database.dialects import Dialect
from terp_seed.database.failures import OvertakenError
from terp_seed.database.session import Session
from terp_seed.database.statements import Stream
from terp_seed.errors import LockError

__all__ = ["Turns"]

_WHAT = "lock row"


@dataclass
class Turns:
    """The turns of one run, or of a script, which cannot look.  Nothing where a lock is enough."""

    dialect: Dialect
    books: Books
    session: Session | None = None
    _last: int = 0
    _mine: int = 0

    @property
    def _table(self) -> str:
        return self.dialect.quote_table(self.books.lock.fullname)

    def begin(self) -> None:
        """Note whose turn it was last; call before the heads are read that a plan is made from."""
        self._last = self._read()

    def moved(self) -> bool:
        """Whether another run has written since this one looked."""
        return self._read() != self._last

    def take(self, stream: Stream) -> None:
        """Write the row, first in a transaction; `OvertakenError` if another run was first."""
        if not self.dialect.takes_turns:
            return
        stream.note("\nthe lock row: on a cluster, one of two revisions that write it commits")
        for sql in self.dialect.take_turn(self._table):
            stream.run(sql, what=_WHAT)
        self._mine = self._read()
        if self.session is not None and self._mine != self._last + 1:
            raise OvertakenError("another run was first")

    def confirm(self) -> None:
        """Raise `LockError` unless the row is as this transaction wrote it; before its commit."""
        if self.session is None or not self.dialect.takes_turns:
            return
        if not self.session.scalar(f"SELECT {self.dialect.has_turn(self._table)}"):
            raise LockError(
                "statements of this run went through different connections, so nothing of this "
                "revision was kept; a proxy spreads them: connect to one server, past the proxy"
            )

    def ended(self) -> None:
        """The transaction that took the turn is committed."""
        self._last = self._mine

    def confirmation(self) -> str:
        """What a script says before a COMMIT; empty on an engine without the row."""
        if not self.dialect.takes_turns:
            return ""
        return self.dialect.guard(self.dialect.has_turn(self._table))

    def _read(self) -> int:
        if self.session is None or not self.dialect.takes_turns:
            return 0
        return int(self.session.scalar(f"SELECT MAX(turn) FROM {self._table}") or 0)
