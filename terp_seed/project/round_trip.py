"""Seeds in a transaction that is rolled back: for tests, and to prove that rollbacks work."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import sha256
from io import StringIO

from alembic.script import Script, ScriptDirectory
from alembic.util import to_tuple
from sqlalchemy.engine import Connection, Engine

from terp_seed.database import environment_stamp
from terp_seed.database.compare import TableDigest, database_digests, differing
from terp_seed.database.dialects import Dialect, dialect_named, split_table
from terp_seed.database.environment_stamp import careful
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
                if begun.is_active:  # the caller may have ended it
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

    Where the chain has branches, each is also taken up alone, and all of them in another order.
    What is compared are the tables of the connection's own schema and of ``schemas``.
    ``connection`` is in a transaction, the chain at its base.  Revisions in ``staying`` declare no
    rollback: they only go up, and nothing goes below them.  Raises `VerificationError` for a
    revision whose rollback leaves a trace, or that seeds other rows the second time.
    """
    directory = project.directory()
    scripts = ancestors(directory, directory.get_heads())
    trip = _Trip(project, connection, x, tuple(schemas))
    first = start = trip.digests()
    floor = "base"
    for script in scripts:
        before = trip.digests()
        trip.up(script)
        seeded = trip.seeded()
        if script.revision in staying:
            floor, start = script.revision, trip.digests()
        else:
            trip.down(script)
            _require_equal(before, trip.digests(), f"after the rollback of {script.revision}")
            trip.up(script)
            _require_equal(seeded, trip.seeded(), f"with {script.revision} seeded again")
    rows = _rows(trip.digests()) - _rows(first)
    branched = not staying and not trip.dialect.digests_rows and _has_branches(directory, scripts)
    whole = trip.rows_by_number() if branched else {}
    trip.go(floor, up=False)
    _require_equal(start, trip.digests(), f"after the rollback to {floor}")
    if branched:
        _try_other_orders(trip, directory, scripts, whole)
    return rows


def _has_branches(directory: ScriptDirectory, scripts: Sequence[Script]) -> bool:
    return len(directory.get_bases()) > 1 or any(script.is_branch_point for script in scripts)


def _try_other_orders(
    trip: _Trip,
    directory: ScriptDirectory,
    scripts: Sequence[Script],
    whole: Mapping[str, TableDigest],
) -> None:
    """Seed each side of a branch alone, and all sides in another order: the rows are the same.

    By the ledger's digests, which must be of what the seed said: a stored id depends on the order.
    """
    lineages = {
        script.revision: {one.revision for one in ancestors(directory, [script.revision])}
        for script in scripts
    }
    for tip in _tips_of_branches(lineages):
        trip.go(tip, up=True)
        _require_equal(trip.of_same_ranges(whole), trip.rows_by_number(), f"with {tip} alone")
        trip.go("base", up=False)
    order = _other_order(lineages)
    for revision in order:
        trip.go(revision, up=True)
    _require_equal(whole, trip.rows_by_number(), f"seeded in the order {', '.join(order)}")
    trip.go("base", up=False)


def _tips_of_branches(lineages: Mapping[str, Collection[str]]) -> list[str]:
    """The last revisions of the sides of each branch, before they are merged."""
    beside = [
        one
        for one, below in lineages.items()
        if any(other not in below and one not in lineages[other] for other in lineages)
    ]
    return [
        one
        for one in beside
        if not any(other != one and one in lineages[other] for other in beside)
    ]


def _other_order(lineages: Mapping[str, Collection[str]]) -> list[str]:
    """The revisions, each after what it builds on, with the sides of a branch in reverse."""
    order: list[str] = []
    while len(order) < len(lineages):
        ready = [
            one for one, below in lineages.items() if one not in order and {*below} <= {one, *order}
        ]
        order.append(ready[-1])
    return order


@dataclass(frozen=True)
class _Trip:
    """One revision up or down, in the connection's transaction, and what is there then."""

    project: Project
    connection: Connection
    x: Sequence[str]
    schemas: Sequence[str] = ()
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def dialect(self) -> Dialect:
        return dialect_named(self.connection.dialect.name)

    def go(self, target: str, *, up: bool) -> None:
        seed_quietly(self.project, self.connection, target, self.x, up=up)

    def up(self, script: Script) -> None:
        self.go(script.revision, up=True)

    def down(self, script: Script) -> None:
        """Undo one revision, and nothing of the branches beside it."""
        self.go(_below(script), up=False)

    def digests(self) -> dict[str, TableDigest]:
        found = database_digests(self.connection, since=self.since, schemas=self.schemas)
        return {
            name: table
            for name, table in found.items()
            if not split_table(name)[1].startswith("terp_seed_")
        }

    def seeded(self) -> dict[str, TableDigest]:
        """What a second time must lead to: ids are counted on where the engine gives none twice."""
        return self.digests() if self.dialect.reuses_keys else self.rows_by_number()

    def rows_by_number(self) -> dict[str, TableDigest]:
        """The digests that the ledger keeps: ids are row numbers there, whichever they are."""
        url = self.connection.engine.url.render_as_string(hide_password=False)
        project = self.project.without("url")
        settings = replace(project, x=(*project.x, f"url={url}")).settings()
        ledger = Ledger(self.dialect, books_of(settings, self.dialect), settings.chain)
        found: dict[str, TableDigest] = {}
        for seeded in ledger.ranges(self.connection):
            blocks = b"".join(part.rows or b"" for part in ledger.blocks(self.connection, seeded))
            name = f"{seeded.table} ({seeded.revision}, {seeded.number})"
            found[name] = TableDigest(seeded.count, sha256(blocks).hexdigest())
        return found

    def of_same_ranges(self, whole: Mapping[str, TableDigest]) -> dict[str, TableDigest]:
        """Those of ``whole`` whose ranges are there now."""
        return {name: table for name, table in whole.items() if name in self.rows_by_number()}


def _below(script: Script) -> str:
    """The target that undoes this revision alone."""
    below, *_ = to_tuple(script.down_revision, ("base",))  # one side of a merge: the others stay
    return f"{script.revision}@{below}"


def _rows(digests: dict[str, TableDigest]) -> int:
    return sum(table.rows for table in digests.values())


def _require_equal(
    one: Mapping[str, TableDigest], other: Mapping[str, TableDigest], when: str
) -> None:
    unequal = differing({**one}, {**other})
    if unequal:
        verb = "is" if len(unequal) == 1 else "are"
        raise VerificationError(f"{when}, {', '.join(unequal)} {verb} not as before")
