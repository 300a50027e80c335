"""The proof that the preview does what the run does, for the project's own database.

The database is copied twice.  One copy gets the script, through the engine's own client; the other
is seeded online.  Every table must be equal, ledger and version included; then the same for the
way back.  The database itself is only read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.engine import URL
from sqlalchemy.exc import DBAPIError

from terp_seed.database.compare import (
    TableDigest,
    database_digests,
    differing,
    other_schemas,
)
from terp_seed.database.dialects import Dialect, dialect_named, split_table
from terp_seed.database.environment_stamp import careful, environment_of
from terp_seed.database.failures import translated
from terp_seed.database.session import Session, opened
from terp_seed.errors import SeedError, UsageError, VerificationError
from terp_seed.ledger.ledger import ledger_of
from terp_seed.plan.chain import ancestors, current_heads, recorded_settings
from terp_seed.project.causes import explain_columns, explain_triggers
from terp_seed.project.check import chain_of, schemas_of
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings, presets

__all__ = ["prove"]

# Times, process ids and connections always differ.
_NOT_COMPARED = {"terp_seed_audit", "terp_seed_lock"}


@dataclass(frozen=True)
class Comparison:
    """One comparison that found no difference: of what, and how many tables and rows."""

    what: str
    tables: int
    rows: int


def prove(project: Project) -> list[Comparison]:
    """Prove upgrade and downgrade between the database's revision and the head.

    At the head the copies are rolled back first, and the proof is from the base.  The run comes
    before the script, so that its preflight says what does not fit, in its own words.  Raises
    `VerificationError` naming the tables that differ, and what in the database may be the cause.
    """
    settings = project.settings()
    _refuse_other_databases(project, settings)
    start, environment, x = _start(project, settings)
    head = project.directory().get_current_head()
    if head is None:
        raise UsageError("the chain has no revisions, so there is nothing to prove")
    with _two_copies(settings.url) as copies:
        proof = _Proof(project, settings, environment, x, *copies)
        if start == head:
            start = proof.go_to_base()
        before = proof.digests(proof.scripted)
        up = proof.run(start, head, up=True)
        down = proof.run(head, start, up=False)
        proof.require_as_before(before)
    return [up, down]


@dataclass(frozen=True)
class _Proof:
    """Two copies of a database: one for the script, one for the run."""

    project: Project
    settings: Settings
    environment: str
    x: Sequence[str]
    scripted: URL
    online: URL
    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    """SQLite's clock moves between script and run: its times from here on count as one."""

    def go_to_base(self) -> str:
        """Roll both copies back to the base."""
        for copy in (self.scripted, self.online):
            try:
                self._go("base", copy, up=False)
            except SeedError as error:
                raise type(error)(
                    "the database is at the head, so the proof is from the base, and a copy of it "
                    f"cannot be rolled back: {error}"
                ) from None
        return "base"

    def run(self, start: str, target: str, *, up: bool) -> Comparison:
        """Take one copy from revision to revision by a run, the other by the script; compare."""
        self._go(target, self.online, up=up)
        x = self.x if up else [*self.x, "on-edited=delete"]
        _apply(self.project, f"{start}:{target}", self.scripted, x=x, up=up)
        scripted, online = self.digests(self.scripted), self.digests(self.online)
        unequal = differing(scripted, online)
        if unequal:
            what = f"{'upgrade' if up else 'downgrade'} {start} to {target}"
            raise _unequal(f"{what}: script and run differ in", unequal, self._causes(unequal))
        rows = sum(table.rows for table in scripted.values())
        return Comparison(
            f"{'upgrade' if up else 'downgrade'} {start} to {target}", len(scripted), rows
        )

    def require_as_before(self, before: dict[str, TableDigest]) -> None:
        """Raise `VerificationError` if the way back did not lead to where the proof began."""
        after = self.digests(self.scripted)
        left = [
            name
            for name in differing(before, after)
            if not split_table(name)[1].startswith("terp_seed_")
        ]
        if left:
            with self._open(self.scripted) as session:
                causes = list(explain_triggers(left, session.connection))
            raise _unequal("after the rollback, not as before:", left, causes)

    def digests(self, copy: URL) -> dict[str, TableDigest]:
        """The digests of a copy's tables, in all of its schemas."""
        with self._open(copy) as session:
            return database_digests(
                session.connection,
                leave_out=_NOT_COMPARED,
                exact=True,
                since=self.since,
                schemas=other_schemas(session.connection),
            )

    def _causes(self, tables: Sequence[str]) -> list[str]:
        with self._open(self.scripted) as one, self._open(self.online) as other:
            pair = one.connection, other.connection
            columns = explain_columns(tables, *pair, exact=True, since=self.since)
            return [*columns, *explain_triggers(tables, one.connection)]

    def _go(self, target: str, copy: URL, *, up: bool) -> None:
        given = {"backup": "none"}  # a copy is not worth one
        if careful(self.environment):
            given["yes"] = Path(str(copy.database)).name
        if not up:
            given["on-edited"] = "delete"
        project = self.project.without(*given)
        x = (f"{key}={value}" for key, value in given.items())
        project = replace(project, x=(*project.x, *self.x, *x))
        (project.upgrade if up else project.downgrade)(target, url=copy)

    def _open(self, copy: URL) -> AbstractContextManager[Session]:
        return opened(replace(self.settings, url=copy))


def _unequal(what: str, tables: Sequence[str], causes: Sequence[str]) -> VerificationError:
    return VerificationError("\n  ".join([f"{what} {', '.join(tables)}", *causes]))


def _refuse_other_databases(project: Project, settings: Settings) -> None:
    """Refuse a chain that would write beside the copies, to the databases themselves."""
    if not dialect_named(settings.url.get_backend_name()).schemas_are_databases:
        return
    others = schemas_of(chain_of(project).tables(settings.env or "dev"))
    others += filter(None, [settings.bookkeeping_schema])
    if others:
        raise UsageError(
            f"the proof copies {settings.url.database} alone, and the chain writes to "
            f"{', '.join(others)} too; prove it where one database holds all tables"
        )


def _start(project: Project, settings: Settings) -> tuple[str, str, list[str]]:
    """The database's revision and environment, and the ``-x`` arguments that it was seeded with."""
    with opened(settings) as session:
        environment = environment_of(session.connection, settings, session.books)
        heads = current_heads(session)
        headers = ledger_of(session).headers(session.connection)
        applied = ancestors(project.directory(), heads)
        stored: Any = recorded_settings(headers, applied)
    rows = ",".join(f"{name}:{count}" for name, count in stored.get("rows", {}).items())
    wanted = {
        "env": None if settings.env else environment,
        "size": stored.get("size") if stored.get("size") in presets(settings.home) else None,
        "rows": rows,
        "seed": stored.get("root_seed"),
        "as-of": stored.get("as_of"),
        "scenario": stored.get("scenario"),
    }
    x = [f"{k}={value}" for k, value in wanted.items() if value and k not in settings.explicit]
    return heads[0] if heads else "base", environment, x


def _apply(project: Project, span: str, target: URL, *, x: Sequence[str], up: bool = True) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "script.sql"
        with path.open("w", encoding="utf-8") as out:
            project.script(span, out, up=up, x=x)
        complaint = dialect_named(target.get_backend_name()).clients.apply(target, path)
    if complaint:
        raise VerificationError(f"the script for {span} did not run to its end: {complaint}")


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
                    f"scratch database {scratch}: {translated(error, 'its removal')}; remove it "
                    "by hand"
                ) from None
