"""Seeds in a transaction that is rolled back, kept seeded for the next test where that is safe."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, suppress

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine, NestedTransaction
from sqlalchemy.exc import SQLAlchemyError

from terp_seed.database.dialects import dialect_named
from terp_seed.database.session import books_of
from terp_seed.errors import UsageError
from terp_seed.ledger.ledger import Ledger
from terp_seed.project.check import chain_of
from terp_seed.project.project import Project
from terp_seed.project.round_trip import fitted, seed_quietly, transaction
from terp_seed.testing.sources import Sources, seed_environment

__all__ = ["SeededTransaction", "write_x"]


class SeededTransaction:
    """The transaction of one test after the other.

    A test that seeds the same as the one before it gets its rows by a rollback to a savepoint.  In
    between, the transaction stays open and idle: it ends as soon as anything else takes a
    connection of the engine.
    """

    def __init__(self, project: Project, engine: Engine) -> None:
        self._place = self._found(project, engine)
        self._project, self._engine = fitted(project, engine), engine
        chain = chain_of(self._project)
        self._settings, self._sources = chain.settings, Sources(chain)
        self._open = ExitStack()
        self._connection: Connection | None = None
        self._kept: object = None
        """What the kept rows were seeded by; None if none are kept."""
        self._savepoint: NestedTransaction | None = None
        self._used = False
        """Whether the test that runs has its connection."""
        sa.event.listen(engine, "checkout", lambda *_: self.end_if_idle())

    @property
    def ledger(self) -> Ledger:
        dialect = dialect_named(self._engine.dialect.name)
        return Ledger(dialect, books_of(self._settings, dialect), self._settings.chain)

    @property
    def connection(self) -> Connection:
        """The connection of the test that runs; before it seeds, nothing is seeded there."""
        if not self._used:
            self._begin()
        assert self._connection is not None
        return self._connection

    def seed(self, target: str, x: Mapping[str, object]) -> Connection:
        """Seed to a revision."""
        given = write_x(x)
        if self._used:
            seed_quietly(self._project, self.connection, target, given)
            self.connection.commit = _refuse_commit  # type: ignore[method-assign]
            return self.connection
        key = (target, given, self._sources.stamp())
        if self._kept == key and self._connection is not None:
            self._used = True
        else:
            seed_quietly(self._project, self.connection, target, given)
            self._kept = key
        # An event would come too late: the transaction is marked as ended by then.
        self.connection.commit = _refuse_commit  # type: ignore[method-assign]
        self._savepoint = self.connection.begin_nested()
        return self.connection

    def fits(self, project: Project, engine: Engine) -> bool:
        """Whether it is one of this project and engine, and of the settings in the shell."""
        return self._place == self._found(project, engine)

    def end_test(self, *, keep: bool) -> None:
        """Undo what the test did; with ``keep`` its first seeds stay for the next test."""
        savepoint, self._savepoint, self._used = self._savepoint, None, False
        if keep and savepoint is not None and savepoint.is_active:
            with suppress(SQLAlchemyError):  # the test ended the transaction by itself
                savepoint.rollback()
                return
        self.close()

    def end_if_idle(self) -> None:
        """End the transaction if it is only kept for a test to come."""
        if not self._used and self._connection is not None:
            self.close()

    def refuse_in_use(self) -> None:
        """Raise `UsageError` while a test is in the transaction: a copy would wait for its end."""
        if self._used:
            raise UsageError(
                "seeded_database: this test has seeded a transaction before, by seeded, and the "
                "database cannot be copied meanwhile; call seeded_database first"
            )

    def close(self) -> None:
        """End the transaction, whatever it holds."""
        self._kept = self._savepoint = self._connection = None
        stack, self._open = self._open, ExitStack()
        stack.close()

    @staticmethod
    def _found(project: Project, engine: Engine) -> tuple[object, ...]:
        return project, engine, seed_environment()

    def _begin(self) -> None:
        self.close()
        self._used = True  # so that the checkout is known for our own
        self._connection = self._open.enter_context(transaction(self._engine, self._settings))


def _refuse_commit() -> None:
    raise UsageError(
        "seeded: its transaction is rolled back after the test and cannot be committed; let code "
        "that commits use a savepoint, or use seeded_database"
    )


def write_x(x: Mapping[str, object]) -> tuple[str, ...]:
    """Keywords as ``-x`` arguments."""
    return tuple(f"{key.replace('_', '-')}={value}" for key, value in x.items())
