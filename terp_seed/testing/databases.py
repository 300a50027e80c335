"""Seeded databases of a test's own: one template is seeded, and every database is a copy of it.

A template's name has the digest of all that its rows and tables are made from.  So one that is out
of date is not found any more: it is made again, and the old one is dropped.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import replace
from hashlib import sha256
from io import StringIO
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine

from terp_seed.database import environment_stamp
from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.dialects import dialect_named
from terp_seed.database.environment_stamp import careful
from terp_seed.database.session import books_of
from terp_seed.errors import GuardError, UsageError
from terp_seed.ledger.ledger import Ledger
from terp_seed.project.check import chain_of, schemas_of
from terp_seed.project.project import Project
from terp_seed.project.round_trip import fitted
from terp_seed.testing.seeded_rows import NamedRows
from terp_seed.testing.seeded_transaction import write_x
from terp_seed.testing.sources import Sources, seed_environment

__all__ = ["SeededDatabase", "SeededDatabases"]

_ATTEMPTS = 3


class SeededDatabase(NamedRows):
    """A database that nothing else uses, seeded and committed."""

    def __init__(self, url: URL, ledger: Ledger) -> None:
        super().__init__(ledger)
        self.url = url
        """Where it is, with the password: ``str(url)`` hides that."""
        self.engine: Engine = sa.create_engine(url)
        """An engine for it, disposed of when the test ends."""
        self._reader: Connection | None = None

    @property
    def connection(self) -> Connection:
        """A connection that sees what was committed, for `row` and `one`."""
        if self._reader is None:
            engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
            self._reader = engine.connect()
        return self._reader

    def close(self) -> None:
        """Close what is open here."""
        if self._reader is not None:
            self._reader.close()
        self.engine.dispose()


class SeededDatabases:
    """Makes seeded databases with the tables of an engine's database.

    Refuses a database that is stamped staging or production.  ``folder`` is where templates are
    that are files, ``scratch`` where their copies are.
    """

    def __init__(self, project: Project, engine: Engine, folder: Path, scratch: Path) -> None:
        dialect = dialect_named(engine.dialect.name)
        project = fitted(project, engine)
        if dialect.schemas_are_databases:  # the bookkeeping goes where the copy goes
            project = replace(project, one_schema=True)
        self._project, self._engine = project, engine
        self._chain = chain_of(project)
        self._sources = Sources(self._chain)
        self._templates = dialect.templates(
            engine, dialect.engine, dialect.clients, folder, scratch
        )
        self._ledger = Ledger(
            dialect, books_of(self._chain.settings, dialect), self._chain.settings.chain
        )
        self._ready: dict[tuple[str, Sequence[str], object], str] = {}

    def take(self, target: str, x: Mapping[str, object]) -> SeededDatabase:
        """A database seeded to a revision; the first call anywhere seeds its template.

        Raises what the seeds raise, and `GuardError` for a database that tests must not copy.
        """
        for _ in range(_ATTEMPTS):
            key = (target, write_x(x), self._sources.stamp())
            template = self._ready.get(key) or self._prepare(target, key[1])
            try:
                url = self._templates.take(template)
            except LookupError:  # another run with other seeds has dropped it
                self._ready.pop(key, None)
                continue
            self._ready[key] = template
            return SeededDatabase(url, self._ledger)
        raise UsageError("the template was dropped each time; does another run have other seeds?")

    def give_back(self, database: SeededDatabase) -> None:
        """End the use of a database."""
        database.close()
        self._templates.give_back(database.url)

    def close(self) -> None:
        """Close what was kept open for the next copy."""
        self._templates.close()

    def _prepare(self, target: str, x: Sequence[str]) -> str:
        """The name of the template, which is ready; what is not in use any more is dropped."""
        self._refuse()
        prefix = f"terp_seed_{self._digest_of_request(target, x)[:8]}_"
        template = prefix + self._digest_of_content()[:12]
        with self._templates.lock(template):
            if not self._templates.has(template):
                self._build(template, target, x)
            self._templates.sweep(prefix, template)
        return template

    def _build(self, template: str, target: str, x: Sequence[str]) -> None:
        url = self._templates.begin(template)
        try:
            self._stamp(url)
            project = self._project.without("url")
            with redirect_stderr(StringIO()):
                replace(project, x=(*project.x, *x)).upgrade(target, url=url)
            self._templates.finish(template)
        except BaseException:
            self._templates.abandon(template)
            raise

    def _digest_of_request(self, target: str, x: Sequence[str]) -> str:
        place = (self._project.ini.resolve(), self._project.section, self._project.x)
        return sha256(repr((place, target, x)).encode()).hexdigest()

    def _digest_of_content(self) -> str:
        """What changes with the plan, the schema, the settings and the number of rows before."""
        table = sa.table(self._chain.settings.schema_version_table, sa.column("version_num"))
        with self._engine.connect() as connection:
            there = sa.inspect(connection).has_table(table.name)
            heads = sorted(connection.scalars(sa.select(table.c.version_num))) if there else []
            rows = _counts(connection)
        settings = (self._engine.url.get_backend_name(), heads, seed_environment())
        content = (self._sources.digest(), self._templates.shape(), rows, *settings)
        return sha256(repr(content).encode()).hexdigest()

    def _refuse(self) -> None:
        settings, dialect = self._chain.settings, self._ledger.dialect
        with self._engine.connect() as connection:
            stamp = environment_stamp.stamped(connection, self._ledger.books)
        if stamp is not None and careful(stamp):
            raise GuardError(
                f"database {self._engine.url.database!r} is stamped {stamp}: tests do not copy it"
            )
        others = dialect.schemas_are_databases and schemas_of(
            self._chain.tables(stamp or settings.env or "test")
        )
        if others:
            raise UsageError(
                f"the seeds write to other databases, {', '.join(others)}, of which a test cannot "
                "have its own"
            )

    def _stamp(self, url: URL) -> None:
        """Stamp a copy of an unstamped database as the one of a test."""
        with self._ledger.dialect.engine(url).begin() as connection:
            if environment_stamp.stamped(connection, self._ledger.books) is None:
                environment_stamp.stamp(
                    connection,
                    self._chain.settings.env or "test",
                    origin="test",
                    tables=self._ledger.books,
                )


def _counts(connection: Connection) -> list[tuple[str, int]]:
    """How many rows the tables of the database have that a copy gets, but for bookkeeping."""
    names = sorted(sa.inspect(connection).get_table_names())
    count = sa.select(sa.func.count())
    return [
        (name, connection.scalar(count.select_from(sa.table(name))) or 0)
        for name in names
        if not is_bookkeeping(name)
    ]
