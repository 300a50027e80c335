"""The proof that the preview is the run, for a given target.

The target is copied twice.  The script goes to one copy, by the engine's own
client; the other is seeded online.  Every table must be equal, the ledger and
the version included; then the same on the way back.  The target itself is
only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from terp_seed.plan.chain import ancestors, current_heads
from terp_seed.plan.generation import recorded_settings
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings

__all__ = ["Proof", "prove"]

Look = Callable[[URL], dict[str, TableDigest]]
_NOT_COMPARED = {"terp_seed_audit"}  # who and when differ by nature


@dataclass(frozen=True)
class Proof:
    """One comparison: what was compared, how many tables and rows."""

    what: str
    tables: int
    rows: int


@dataclass(frozen=True)
class _Start:
    heads: tuple[str, ...]
    x: list[str]
    """What makes the script's settings those of the target."""

    @property
    def name(self) -> str:
        return self.heads[0] if self.heads else "base"


def prove(project: Project) -> list[Proof]:
    """Prove upgrade and downgrade from where the target stands to the head.

    Raises `VerificationError` naming the tables that differ.
    """
    settings = project.settings()
    start = _start(project, settings)
    head = project.directory().get_current_head() or "base"
    if start.name == head:
        raise UsageError(f"the target is at {head} already: there is no upgrade to preview")
    look = partial(_digests, settings, datetime.now(UTC))
    with _two_copies(settings.url) as (scripted, online):
        before = look(scripted)
        _script(project, start, f"{start.name}:{head}", scripted, up=True)
        project.upgrade("head", url=online)
        proofs = [_equal(look, scripted, online, f"upgrade {start.name} to {head}")]
        _script(project, start, f"{head}:{start.name}", scripted, up=False)
        project.downgrade(start.name, url=online)
        proofs.append(_equal(look, scripted, online, f"downgrade {head} to {start.name}"))
        after = look(scripted)
    left = [name for name in differing(before, after) if not name.startswith("terp_seed_")]
    if left:
        raise VerificationError(f"after the way back, {', '.join(left)} are not as before")
    return proofs


def _start(project: Project, settings: Settings) -> _Start:
    with opened(settings) as session:
        environment = environment_of(session.connection, settings, session.books)
        heads = current_heads(session)
        headers = ledger_of(session).headers(session.connection)
        applied = ancestors(project.directory(), heads)
        kept: Any = recorded_settings(headers, applied)
    x = [] if settings.env else [f"env={environment}"]
    given = settings.explicit
    wanted = {
        "size": kept.get("size"),
        "rows": ",".join(f"{name}:{count}" for name, count in kept.get("rows", {}).items()),
        "seed": kept.get("root_seed"),
        "as-of": kept.get("as_of"),
    }
    x += [f"{key}={value}" for key, value in wanted.items() if value and key not in given]
    return _Start(heads, x)


def _script(project: Project, start: _Start, span: str, target: URL, *, up: bool) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        x = start.x if up else [*start.x, "on-edited=delete"]
        with path.open("w", encoding="utf-8") as out:
            project.script(span, out, up=up, x=x)
        complaint = dialect_named(target.get_backend_name()).clients.apply(target, path)
    if complaint:
        raise VerificationError(f"the script for {span} did not run through: {complaint}")


def _equal(look: Look, one: URL, other: URL, what: str) -> Proof:
    ours, theirs = look(one), look(other)
    unequal = differing(ours, theirs)
    if unequal:
        raise VerificationError(f"{what}: script and run differ in {', '.join(unequal)}")
    return Proof(what, len(ours), sum(each.rows for each in ours.values()))


def _digests(settings: Settings, since: datetime, url: URL) -> dict[str, TableDigest]:
    """SQLite's clock goes on between script and run: its times since then count as one."""
    with opened(replace(settings, url=url)) as session:
        return database_digests(
            session.connection, leave_out=_NOT_COMPARED, exact=True, since=since
        )


@contextmanager
def _two_copies(target: URL) -> Iterator[tuple[URL, URL]]:
    dialect = dialect_named(target.get_backend_name())
    scratch = _scratch_file if dialect.embedded else _scratch_database
    with scratch(dialect, target, "script") as one, scratch(dialect, target, "run") as two:
        dialect.clients.copy(target, one)
        dialect.clients.copy(target, two)
        yield one, two


@contextmanager
def _scratch_file(dialect: Dialect, target: URL, name: str) -> Iterator[URL]:
    with TemporaryDirectory() as folder:
        yield target.set(database=f"{folder}/{name}.db")


@contextmanager
def _scratch_database(dialect: Dialect, target: URL, name: str) -> Iterator[URL]:
    """A database of its own beside the target, which must not exist yet."""
    scratch = f"{str(target.database)[:40]}_prove_{name}"
    engine = dialect.engine(target).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        try:
            connection.exec_driver_sql(
                f"CREATE DATABASE {dialect.quote(scratch)}{dialect.database_options}"
            )
        except DBAPIError as error:
            raise UsageError(
                f"scratch database {scratch}: {translated(error, 'CREATE DATABASE')}; the proof "
                "needs a user who may create and drop databases of that name"
            ) from None
        try:
            yield target.set(database=scratch)
        finally:
            try:
                connection.exec_driver_sql(f"DROP DATABASE {dialect.quote(scratch)}")
            except DBAPIError as error:
                raise UsageError(
                    f"scratch database {scratch}: {translated(error, 'DROP DATABASE')}; it is "
                    "left behind, drop it by hand"
                ) from None
