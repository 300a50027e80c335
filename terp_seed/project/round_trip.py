"""Seeds inside a transaction that is rolled back: for tests, and to prove that nothing is left."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from io import StringIO

from alembic.script import Script
from sqlalchemy.engine import Connection, Engine

from terp_seed.database import environment_stamp as guards
from terp_seed.database.compare import TableDigest, database_digests, differing
from terp_seed.database.consent import careful
from terp_seed.database.dialects import dialect_named
from terp_seed.database.session import books_of
from terp_seed.errors import GuardError, VerificationError
from terp_seed.plan.chain import ancestors
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings

__all__ = ["round_trip", "seed", "transaction"]


@contextmanager
def transaction(engine: Engine, settings: Settings) -> Iterator[Connection]:
    """A connection in a transaction that is rolled back at the end, whatever happens in it.

    The bookkeeping tables are created and committed before it begins, since
    that would commit it on MySQL; they stay.  In the transaction an unstamped
    database is ``test``.  `GuardError` for one that is stamped staging or
    production.
    """
    dialect = dialect_named(engine.dialect.name)
    books = books_of(settings, dialect)
    with engine.connect() as connection:
        for sql in dialect.pin() if dialect.embedded else ():
            connection.exec_driver_sql(sql)
        found = guards.stamped(connection, books)
        if found is not None and careful(found):
            raise GuardError(
                f"database {engine.url.database!r} is stamped {found}: tests do not go there"
            )
        for sql in books.create(connection.dialect):
            connection.exec_driver_sql(sql)
        connection.commit()
        with connection.begin() as begun:
            try:
                if found is None:
                    guards.stamp(connection, settings.env or "test", origin="test", tables=books)
                yield connection
            finally:
                begun.rollback()


def seed(
    project: Project, connection: Connection, target: str = "head", x: Sequence[str] = ()
) -> None:
    """Bring the chain to a revision in the connection's transaction, without a word on stderr."""
    with redirect_stderr(StringIO()):
        replace(project, x=(*project.x, *x)).upgrade(target, connection=connection)


def round_trip(
    project: Project,
    connection: Connection,
    x: Sequence[str] = (),
    staying: Collection[str] = (),
) -> int:
    """Take each revision up, down and up again, then all of them down; return the rows seeded.

    ``connection`` is in a transaction, the chain at its base.  Revisions in
    ``staying`` declare no rollback: they only go up, and nothing goes below
    them.  Raises `VerificationError` for a revision that leaves a trace, or
    that comes out different the second time.
    """
    directory = project.directory()
    look = partial(_digests, connection, datetime.now(UTC))
    first = start = look()
    floor = "base"
    for script in ancestors(directory, directory.get_heads()):
        before = look()
        seed(project, connection, script.revision, x)
        seeded = look()
        if script.revision in staying:
            floor, start = script.revision, seeded
        elif not script.is_merge_point:
            _down(project, connection, _below(script), x)
            _same(before, look(), f"after the rollback of {script.revision}")
            seed(project, connection, script.revision, x)
            _same(seeded, look(), f"with {script.revision} seeded again")
    rows = _rows(look()) - _rows(first)
    _down(project, connection, floor, x)
    _same(start, look(), f"after the rollback to {floor}")
    return rows


def _down(project: Project, connection: Connection, target: str, x: Sequence[str]) -> None:
    with redirect_stderr(StringIO()):
        replace(project, x=(*project.x, *x)).downgrade(target, connection=connection)


def _below(script: Script) -> str:
    below = script.down_revision
    return below if isinstance(below, str) else "base"


def _rows(found: dict[str, TableDigest]) -> int:
    return sum(each.rows for each in found.values())


def _same(one: dict[str, TableDigest], other: dict[str, TableDigest], when: str) -> None:
    unequal = differing(one, other)
    if unequal:
        verb = "is" if len(unequal) == 1 else "are"
        raise VerificationError(f"{when}, {', '.join(unequal)} {verb} not as before")


def _digests(connection: Connection, since: datetime) -> dict[str, TableDigest]:
    found = database_digests(connection, since=since)
    return {name: each for name, each in found.items() if not name.startswith("terp_seed_")}
