"""The proof that the preview does what the run does, for the project's own database.

The database is copied twice.  One copy gets the script, through the engine's own client; the other
is seeded online.  Every table must be equal, ledger and version included; then the same for the
way back.  The database itself is only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from terp_seed.database.compare import TableDigest, database_digests, differing
from terp_seed.database.dialects import Dialect, dialect_named
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import translated
from terp_seed.database.session import opened
from terp_seed.errors import UsageError, VerificationError
from terp_seed.ledger.ledger import ledger_of
from terp_seed.plan.chain import ancestors, current_heads, recorded_settings
from terp_seed.project.check import chain_of
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings

__all__ = ["prove"]

_NOT_COMPARED = {"terp_seed_audit"}  # its times and process ids always differ


@dataclass(frozen=True)
class Comparison:
    """One comparison that found no difference: of what, and how many tables and rows."""

    what: str
    tables: int
    rows: int


def prove(project: Project) -> list[Comparison]:
    """Prove upgrade and downgrade between the database's revision and the head.

    Raises `VerificationError` naming the tables that differ.
    """
    settings = project.settings()
    _refuse_other_databases(project, settings)
    start, x = _start(project, settings)
    head = project.directory().get_current_head() or "base"
    if start == head:
        raise UsageError(f"the database is at {head} already, so an upgrade has nothing to preview")
    digests = partial(_digests, settings, datetime.now(UTC))
    with _two_copies(settings.url) as (scripted, online):
        before = digests(scripted)
        _apply(project, f"{start}:{head}", scripted, x=x)
        project.upgrade("head", url=online)
        up = _compare(digests(scripted), digests(online), f"upgrade {start} to {head}")
        _apply(project, f"{head}:{start}", scripted, x=[*x, "on-edited=delete"], up=False)
        project.downgrade(start, url=online)
        after = digests(scripted)
        down = _compare(after, digests(online), f"downgrade {head} to {start}")
    left = [name for name in differing(before, after) if not name.startswith("terp_seed_")]
    if left:
        raise VerificationError(f"after the way back, {', '.join(left)} are not as before")
    return [up, down]


def _refuse_other_databases(project: Project, settings: Settings) -> None:
    """Refuse a chain that would write beside the copies, to the databases themselves."""
    if not dialect_named(settings.url.get_backend_name()).schemas_are_databases:
        return
    others = chain_of(project).schemas(settings.env or "dev")
    others += filter(None, [settings.bookkeeping_schema])
    if others:
        raise UsageError(
            f"the proof copies {settings.url.database} alone, and the chain writes to "
            f"{', '.join(others)} too; prove it where one database holds all tables"
        )


def _start(project: Project, settings: Settings) -> tuple[str, list[str]]:
    """The database's revision, and the ``-x`` arguments that give a script its settings."""
    with opened(settings) as session:
        environment = environment_of(session.connection, settings, session.books)
        heads = current_heads(session)
        headers = ledger_of(session).headers(session.connection)
        applied = ancestors(project.directory(), heads)
        stored: Any = recorded_settings(headers, applied)
    rows = ",".join(f"{name}:{count}" for name, count in stored.get("rows", {}).items())
    wanted = {
        "env": None if settings.env else environment,
        "size": stored.get("size"),
        "rows": rows,
        "seed": stored.get("root_seed"),
        "as-of": stored.get("as_of"),
    }
    x = [f"{k}={value}" for k, value in wanted.items() if value and k not in settings.explicit]
    return heads[0] if heads else "base", x


def _apply(project: Project, span: str, target: URL, *, x: Sequence[str], up: bool = True) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        with path.open("w", encoding="utf-8") as out:
            project.script(span, out, up=up, x=x)
        complaint = dialect_named(target.get_backend_name()).clients.apply(target, path)
    if complaint:
        raise VerificationError(f"the script for {span} did not run to its end: {complaint}")


def _compare(
    scripted: dict[str, TableDigest], online: dict[str, TableDigest], what: str
) -> Comparison:
    unequal = differing(scripted, online)
    if unequal:
        raise VerificationError(f"{what}: script and run differ in {', '.join(unequal)}")
    return Comparison(what, len(scripted), sum(table.rows for table in scripted.values()))


def _digests(settings: Settings, since: datetime, url: URL) -> dict[str, TableDigest]:
    """The digests of a copy.

    SQLite's clock moves between script and run: its times after ``since`` count as one.
    """
    with opened(replace(settings, url=url)) as session:
        return database_digests(
            session.connection, leave_out=_NOT_COMPARED, exact=True, since=since
        )


@contextmanager
def _two_copies(original: URL) -> Iterator[tuple[URL, URL]]:
    dialect = dialect_named(original.get_backend_name())
    scratch = _scratch_file if dialect.embedded else _scratch_database
    with scratch(dialect, original, "script") as one, scratch(dialect, original, "run") as two:
        dialect.clients.copy(original, one)
        dialect.clients.copy(original, two)
        yield one, two


@contextmanager
def _scratch_file(dialect: Dialect, original: URL, name: str) -> Iterator[URL]:
    with TemporaryDirectory() as folder:
        yield original.set(database=f"{folder}/{name}.db")


@contextmanager
def _scratch_database(dialect: Dialect, original: URL, name: str) -> Iterator[URL]:
    """A database beside the original, which must not exist yet."""
    scratch = f"{str(original.database)[:40]}_prove_{name}"
    quoted = dialect.quote(scratch)
    engine = dialect.engine(original).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(f"CREATE DATABASE {quoted}{dialect.database_options}")
        except DBAPIError as error:
            raise UsageError(
                f"scratch database {scratch}: {translated(error, 'CREATE DATABASE')}; the proof "
                "needs a user that may create and drop databases of that name"
            ) from None
        try:
            yield original.set(database=scratch)
        finally:
            try:
                connection.exec_driver_sql(f"DROP DATABASE {quoted}")
            except DBAPIError as error:
                raise UsageError(
                    f"scratch database {scratch}: {translated(error, 'DROP DATABASE')}; drop it "
                    "yourself"
                ) from None
