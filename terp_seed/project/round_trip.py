"""Seeds in a transaction that is rolled back: for tests, and to prove that rollbacks work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from io import StringIO

from alembic.script import Script
from sqlalchemy.engine import Connection, Engine

from terp_seed.database import environment_stamp
from terp_seed.database.compare import TableDigest, database_digests, differing
from terp_seed.database.consent import careful
from terp_seed.database.dialects import dialect_named, split_table
from terp_seed.database.session import books_of
from terp_seed.errors import GuardError, VerificationError
from terp_seed.ledger.ledger import Ledger
from terp_seed.plan.chain import ancestors
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings

__all__ = ["fitted", "round_trip", "seed_quietly", "transaction"]


def fitted(project: Project, engine: Engine) -> Project:
    """The project on an engine, which may have no schema for its bookkeeping."""
    return replace(project, one_schema=not dialect_named(engine.dialect.name).schemas)


@contextmanager
def transaction(engine: Engine, settings: Settings) -> Iterator[Connection]:
    """A connection in a transaction that is always rolled back at the end.

    The bookkeeping tables are created and committed first, because creating them commits on MySQL;
    they stay.  In the transaction an unstamped database counts as ``test``.  Raises `GuardError`
    for a database that is stamped staging or production.
    """
    dialect = dialect_named(engine.dialect.name)
    books = books_of(settings, dialect)
    with engine.connect() as connection:
        for sql in dialect.pin() if dialect.embedded else ():
            connection.exec_driver_sql(sql)
        stamp = environment_stamp.stamped(connection, books)
        if stamp is not None and careful(stamp):
            raise GuardError(
                f"database {engine.url.database!r} is stamped {stamp}: tests do not go there"
            )
        for sql in books.create(connection.dialect):
            connection.exec_driver_sql(sql)
        connection.commit()
        with connection.begin() as begun:
            try:
                if stamp is None:
                    name = settings.env or "test"
                    environment_stamp.stamp(connection, name, origin="test", tables=books)
                yield connection
            finally:
                begun.rollback()


def seed_quietly(
    project: Project,
    connection: Connection,
    target: str = "head",
    x: Sequence[str] = (),
    *,
    up: bool = True,
) -> None:
    """Go up or down to a revision in the connection's transaction, printing nothing to stderr."""
    project = replace(project, x=(*project.x, *x))
    with redirect_stderr(StringIO()):
        (project.upgrade if up else project.downgrade)(target, connection=connection)


def round_trip(
    project: Project,
    connection: Connection,
    x: Sequence[str] = (),
    staying: Collection[str] = (),
    schemas: Iterable[str] = (),
) -> int:
    """Take each revision up, down and up again, then all of them down; return the rows seeded.

    What is compared are the tables of the connection's own schema and of ``schemas``.
    ``connection`` is in a transaction, the chain at its base.  Revisions in ``staying`` declare no
    rollback: they only go up, and nothing goes below them.  Raises `VerificationError` for a
    revision whose rollback leaves a trace, or that seeds other rows the second time.
    """
    directory = project.directory()
    digests = partial(_digests, connection, datetime.now(UTC), [*schemas])
    go = partial(seed_quietly, project, connection, x=x)
    by_number = not dialect_named(connection.dialect.name).reuses_keys
    first = start = digests()
    floor = "base"
    for script in ancestors(directory, directory.get_heads()):
        before = digests()
        go(script.revision)
        seeded = _rows_by_number(project, connection) if by_number else digests()
        if script.revision in staying:
            floor, start = script.revision, digests()
        elif not script.is_merge_point:
            go(_below(script), up=False)
            _require_equal(before, digests(), f"after the rollback of {script.revision}")
            go(script.revision)
            again = _rows_by_number(project, connection) if by_number else digests()
            _require_equal(seeded, again, f"with {script.revision} seeded again")
    rows = _rows(digests()) - _rows(first)
    go(floor, up=False)
    _require_equal(start, digests(), f"after the rollback to {floor}")
    return rows


def _below(script: Script) -> str:
    below = script.down_revision
    return below if isinstance(below, str) else "base"


def _rows(digests: dict[str, TableDigest]) -> int:
    return sum(table.rows for table in digests.values())


def _rows_by_number(project: Project, connection: Connection) -> dict[str, TableDigest]:
    """The digests that the ledger keeps: ids are row numbers there, whichever they are."""
    settings = project.settings()
    dialect = dialect_named(connection.dialect.name)
    ledger = Ledger(dialect, books_of(settings, dialect), settings.chain)
    found: dict[str, TableDigest] = {}
    for seeded in ledger.ranges(connection):
        blocks = b"".join(digests.rows or b"" for digests in ledger.blocks(connection, seeded))
        name = f"{seeded.table} ({seeded.revision}, {seeded.number})"
        found[name] = TableDigest(seeded.count, sha256(blocks).hexdigest())
    return found


def _require_equal(one: dict[str, TableDigest], other: dict[str, TableDigest], when: str) -> None:
    unequal = differing(one, other)
    if unequal:
        verb = "is" if len(unequal) == 1 else "are"
        raise VerificationError(f"{when}, {', '.join(unequal)} {verb} not as before")


def _digests(
    connection: Connection, since: datetime, schemas: Iterable[str]
) -> dict[str, TableDigest]:
    found = database_digests(connection, since=since, schemas=schemas)
    return {
        name: table
        for name, table in found.items()
        if not split_table(name)[1].startswith("terp_seed_")
    }
