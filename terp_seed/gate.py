"""Keeps statements out of a revision that pass neither masking nor ledger.

While a revision's own code runs, every statement that is not ours is looked
at: reading is allowed, writing needs the revision's ``raw_sql`` reason, and a
statement that commits implicitly is refused whatever the revision says,
because it would tear the revision's transaction in two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

from terp_seed.errors import PlanError

__all__ = ["Gate"]

_COMMENT = re.compile(r"\s*(?:--[^\n]*(?:\n|$)|/\*.*?\*/|#[^\n]*(?:\n|$))", re.DOTALL)
_NEVER = re.compile(r"(?!)")
_READS = {  # a verb, and the words that turn it into writing after all
    "SELECT": re.compile(r"\bINTO\b", re.IGNORECASE),
    "WITH": re.compile(r"\b(INSERT|UPDATE|DELETE|REPLACE)\s", re.IGNORECASE),
    **dict.fromkeys(("SHOW", "EXPLAIN", "DESCRIBE", "DESC", "VALUES", "TABLE"), _NEVER),
}
_WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CALL", "DO", "SET", "PRAGMA"}


class Gate:
    """Open to everything, until a revision's code runs behind it."""

    def __init__(self) -> None:
        self._revision: str | None = None
        self._raw_sql: str | None = None

    @contextmanager
    def closed(self, revision: str, raw_sql: str | None) -> Iterator[None]:
        """Watch the statements of a revision's own code."""
        self._revision, self._raw_sql = revision, raw_sql
        try:
            yield
        finally:
            self._revision = None

    @contextmanager
    def ours(self) -> Iterator[None]:
        """Let our own statements through, on behalf of the revision's operations."""
        revision, self._revision = self._revision, None
        try:
            yield
        finally:
            self._revision = revision

    @contextmanager
    def watching(self, connection: Connection) -> Iterator[None]:
        """Watch what goes through a connection, too."""

        def look(*arguments: Any) -> None:
            _, _, statement, _, context, _ = arguments
            ours = context is not None and context.execution_options.get("terp_seed")
            if not ours:
                self.check(statement)

        event.listen(connection, "before_cursor_execute", look)
        try:
            yield
        finally:
            event.remove(connection, "before_cursor_execute", look)

    def check(self, statement: str) -> None:
        """Raise `PlanError` if the revision may not run the statement."""
        if self._revision is None:
            return
        verb = _verb(statement)
        if not verb or (verb in _READS and not _READS[verb].search(statement)):
            return
        if verb not in _WRITES and verb not in _READS:
            raise PlanError(
                f"revision {self._revision}: {verb} commits the transaction on MySQL, so it cannot "
                "be part of a seed; schema changes belong into a schema revision"
            )
        if self._raw_sql is None:
            raise PlanError(
                f"revision {self._revision}: {verb} passes neither masking nor ledger; use "
                'op.seed_rows, or state the reason in the revision as raw_sql = "..." and write '
                "its downgrade yourself"
            )


def _verb(statement: str) -> str:
    text = statement
    while (found := _COMMENT.match(text)) is not None:
        text = text[found.end() :]
    words = re.match(r"[\s(;]*([A-Za-z]+)", text)
    return words[1].upper() if words else ""
