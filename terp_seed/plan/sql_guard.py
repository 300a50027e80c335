"""Keeps SQL that bypasses masking and the ledger out of a revision.

While a revision's own code runs, each of its statements is checked: reading is
allowed, writing needs the revision's ``raw_sql`` reason.  What commits
implicitly, ends the transaction or unpins the session is always refused,
because it would split the revision in two.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Connection

from terp_seed.database.dialects import Dialect
from terp_seed.errors import PlanError

__all__ = ["SqlGuard"]

_WRITING = re.compile(  # REPLACE(...) is a function, FOR UPDATE a lock of rows
    r"(?<!FOR\s)\b(INSERT|UPDATE|DELETE|REPLACE|MERGE)\b(?!\s*\()|\bINTO\b", re.IGNORECASE
)
_READS = {  # a verb, and the words that turn it into writing after all
    "SELECT": re.compile(r"\bINTO\b", re.IGNORECASE),
    # EXPLAIN ANALYZE runs what it explains.
    **dict.fromkeys(("WITH", "EXPLAIN", "DESCRIBE", "DESC"), _WRITING),
    **dict.fromkeys(("SHOW", "VALUES", "TABLE"), re.compile(r"(?!)")),
}
# The run holds a lock of its session, and relies on it to the last commit.
_LOCKS = re.compile(
    r"\b(GET_LOCK|RELEASE_LOCK|RELEASE_ALL_LOCKS|pg_(?:try_)?advisory_\w+)\s*\(", re.IGNORECASE
)
_WRITES = {"INSERT", "UPDATE", "DELETE", "REPLACE", "MERGE", "CALL", "COPY", "DO", "SET", "PRAGMA"}
_UNPINS = re.compile(
    r"SET\b.*\b(autocommit|password|role|foreign_key_checks|foreign_keys|sql_mode|names|time_zone|"
    r"character_?set\w*|collation_\w+|transaction|time\s+zone|timezone|datestyle|search_path|"
    r"session\s+authorization|row_security|standard_conforming_strings|session_replication_role)\b",
    re.IGNORECASE | re.DOTALL,
)


class SqlGuard:
    """Lets everything through, except while a revision's own code runs."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._revision: str | None = None
        self._raw_sql: str | None = None

    @contextmanager
    def enforce(self, revision: str, raw_sql: str | None) -> Iterator[None]:
        """Check the statements of a revision's own code."""
        self._revision, self._raw_sql = revision, raw_sql
        try:
            yield
        finally:
            self._revision = None

    @contextmanager
    def allow(self) -> Iterator[None]:
        """Let statements through that the revision's operations run."""
        revision, self._revision = self._revision, None
        try:
            yield
        finally:
            self._revision = revision

    @contextmanager
    def watch(self, connection: Connection) -> Iterator[None]:
        """Check what goes through a connection, too, and keep its transaction whole."""

        def look(*arguments: Any) -> None:
            _, _, statement, _, context, _ = arguments
            internal = context is not None and context.execution_options.get("terp_seed")
            if not internal:
                self.check(statement)

        event.listen(connection, "before_cursor_execute", look)
        for ending in (connection.commit, connection.rollback):
            setattr(connection, ending.__name__, self._only_ours(ending))
        try:
            yield
        finally:
            del connection.commit, connection.rollback  # the class's own again
            event.remove(connection, "before_cursor_execute", look)

    def _only_ours(self, ending: Callable[[], None]) -> Callable[[], None]:
        def end() -> None:
            if self._revision is not None:
                raise PlanError(
                    f"revision {self._revision}: {ending.__name__}() would end the transaction "
                    "of the revision, which commits as a whole or not at all; take it out"
                )
            ending()

        return end

    def check(self, text: str) -> None:
        """Raise `PlanError` if the revision may not run these statements."""
        if self._revision is None:
            return
        for statement in self._dialect.bare(text).split(";"):
            self._check(statement)

    def _check(self, statement: str) -> None:
        lock = _LOCKS.search(statement)
        if lock:
            raise PlanError(
                f"revision {self._revision}: {lock[1].upper()} takes or releases locks of the "
                "session, on which the run relies. Take it out"
            )
        words = re.match(r"[\s(]*([A-Za-z]+)", statement)
        verb = words[1].upper() if words else ""
        if not verb or (verb in _READS and not _READS[verb].search(statement)):
            return
        if verb not in _WRITES and verb not in _READS:
            raise PlanError(
                f"revision {self._revision}: {verb} can end or split the transaction, so it "
                "cannot be part of a seed. Put schema changes in a schema revision"
            )
        unpins = _UNPINS.match(statement.strip())
        if unpins:
            raise PlanError(
                f"revision {self._revision}: SET {unpins[1].lower()} changes the session on which "
                "the run relies; take it out"
            )
        if "\t" in statement:
            raise PlanError(
                f"revision {self._revision}: a TAB in raw SQL becomes four spaces in a script, so "
                "the script would differ from the run; write spaces, or CHAR(9)"
            )
        if self._raw_sql is None:
            raise PlanError(
                f"revision {self._revision}: {verb} bypasses masking and the ledger. Use "
                'op.seed_rows(), or set raw_sql = "reason" in the revision and write its '
                "downgrade() yourself"
            )
