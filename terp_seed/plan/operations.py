"""The operations of a seed revision: ``from alembic import op`` is all it needs.

They are registered with Alembic when this module is imported, and hand
themselves to whatever is running the revision: the recorder that makes the
plan, or the executor.

The `Recorder` runs revisions' functions and writes nothing.
"""

from __future__ import annotations

import re
import traceback
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from io import TextIOBase
from pathlib import Path
from typing import Any, Protocol

from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation, Operations
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import dialect_named
from terp_seed.database.failures import translated
from terp_seed.errors import GuardError, PlanError, UsageError
from terp_seed.ledger.ledger import Range
from terp_seed.plan.chain import Generation, read_attributes
from terp_seed.plan.plan import LazyMapping, PlannedRevision, PlannedTable, Removal
from terp_seed.plan.sql_guard import SqlGuard
from terp_seed.rows.files import FileFormat, file_digest, file_format, read_batches
from terp_seed.rows.imported import Batch, Origin, imported, row_batches
from terp_seed.rows.literals import canonical
from terp_seed.rows.model import TableRows
from terp_seed.rows.seeders import SeedContext, seeder_named

__all__ = [
    "OPTION",
    "Recorder",
    "SeedOp",
    "SeedRowsOp",
    "Taker",
    "UnseedOp",
    "call_function",
    "install_operations",
]

OPTION = "terp_seed"
"""The option of a migration context that holds its `Taker`."""

_ON_CONFLICT = ("stop", "skip")


class Taker(Protocol):
    """What runs a revision: takes its operations one by one."""

    def take(self, operation: MigrateOperation) -> None:
        """Record the operation, or perform it."""


@Operations.register_operation("seed")
@dataclass
class SeedOp(MigrateOperation):
    """Insert the rows of a registered seeder."""

    seeder: str

    def declaration(self, data: Path) -> str:
        """What the operation says; the size of a run does not change it."""
        return f"seed {self.seeder}"

    @classmethod
    def seed(cls, operations: Operations, seeder: str) -> None:
        """Insert the rows of the seeder registered under this name.

        How many, and of which root seed and as-of day, the run's settings
        say.  The rows are synthetic to the masking boundary.
        """
        operations.invoke(cls(seeder))


@Operations.register_operation("seed_rows")
@Operations.register_operation("seed_file")
@dataclass
class SeedRowsOp(MigrateOperation):
    """Insert rows that are given, in the revision or in a file."""

    table: str
    rows: Sequence[Mapping[str, Any]] | None = None
    path: str | None = None
    key: Sequence[str] = ()
    id: str | None = "id"
    refs: Mapping[str, str] | None = None
    on_conflict: str = "stop"
    later: Sequence[str] = ()
    form: FileFormat = field(default_factory=FileFormat)

    def __post_init__(self) -> None:
        if self.on_conflict not in _ON_CONFLICT:
            raise UsageError(
                f"table {self.table}: on_conflict must be {' or '.join(_ON_CONFLICT)}, not "
                f"{self.on_conflict!r}"
            )

    @property
    def skip_taken(self) -> bool:
        """Whether rows are left out whose natural key is taken."""
        return self.on_conflict == "skip"

    def declaration(self, data: Path) -> str:
        """What the operation says, with a digest of its rows or of its file below ``data``."""
        refs = sorted((self.refs or {}).items())
        said = (self.table, tuple(self.key), self.id, refs, self.skip_taken, self.form.keep_empty)
        content = _content(self.rows) if self.path is None else _file(data, self.path)
        later = f" later={sorted(self.later)}" if self.later else ""
        return f"rows {said} {content}{later}{replace(self.form, keep_empty=())}"

    def batches(self, data: Path) -> Iterator[Batch]:
        """The rows, some at a time, from the revision or from the file below ``data``."""
        if self.path is not None:
            yield from read_batches(data, self.path, self.form)
            return
        origin = Origin(f"table {self.table}")
        yield from (batch for _, batch in row_batches(enumerate(self.rows or (), 1), origin))

    @classmethod
    def seed_rows(
        cls,
        operations: Operations,
        table: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        key: Sequence[str] = (),
        id: str | None = "id",  # noqa: A002 - the column is called so
        refs: Mapping[str, str] | None = None,
        on_conflict: str = "stop",
        later: Sequence[str] = (),
    ) -> None:
        """Insert these rows, dicts with the same columns.

        ``table`` may be ``schema.table``, on MySQL ``database.table``.
        ``key`` names the natural key.  A row that already owns one stops the
        run before it writes; ``on_conflict="skip"`` leaves it alone instead.
        ``id`` is the table's integer key, which the run fills; None for a
        table without one.  ``refs`` maps a column to ``"table.column"``,
        where its values are looked up; columns in ``later`` refer to rows
        that come later in the revision, and are NULL until then.
        """
        listed = list(rows)
        operations.invoke(cls(table, listed, None, key, id, refs, on_conflict, later))

    @classmethod
    def seed_file(
        cls,
        operations: Operations,
        table: str,
        path: str,
        *,
        key: Sequence[str] = (),
        id: str | None = "id",  # noqa: A002 - the column is called so
        refs: Mapping[str, str] | None = None,
        on_conflict: str = "stop",
        later: Sequence[str] = (),
        **form: Any,
    ) -> None:
        """Insert the rows of a file below ``seeds/data/``: CSV, JSON or JSON Lines.

        As ``seed_rows``.  Further parameters say how the file is to be read: ``delimiter``,
        ``quote``, ``encoding``, ``decimal``, ``columns``, ``null``, ``keep_empty``, ``rename``,
        ``omit``, ``types``.
        """
        read = file_format(form, path, others=("key", "id", "refs", "on_conflict", "later"))
        operations.invoke(cls(table, None, path, key, id, refs, on_conflict, later, read))


@Operations.register_operation("unseed")
@dataclass
class UnseedOp(MigrateOperation):
    """Delete the rows that this revision inserted."""

    tables: tuple[str, ...]
    on_dependents: str | None = None
    on_edited: str | None = None

    @classmethod
    def unseed(
        cls,
        operations: Operations,
        *tables: str,
        on_dependents: str | None = None,
        on_edited: str | None = None,
    ) -> None:
        """Delete all rows of this revision, children first, and nothing else.

        With table names, only those tables' rows; it is an error if others
        stay behind.  ``on_dependents`` ("abort", "keep") and ``on_edited``
        ("abort", "delete", "keep") are this revision's defaults; the
        command's options outrank them.
        """
        operations.invoke(cls(tables, on_dependents, on_edited))


def _content(rows: Sequence[Mapping[str, Any]] | None) -> str:
    digest = sha256()
    for row in rows or ():
        said = (
            sorted(row.items(), key=lambda item: str(item[0]))
            if isinstance(row, Mapping)
            else [("", row)]
        )
        for name, value in said:
            digest.update(f"{name!r}: {_text(value)!r}".encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def _text(value: Any) -> str:
    """One text for a value, however it is spelt; its type where it cannot be written anyway."""
    try:
        return canonical(value)
    except ValueError:
        return type(value).__name__


def _file(data: Path, path: str) -> str:
    try:
        return f"{path} {file_digest(data, path)}"
    except (OSError, EOFError, zlib.error):
        return f"{path} cannot be read"


def _take(operations: Operations, operation: MigrateOperation) -> None:
    taker: Taker | None = operations.migration_context.opts.get(OPTION)
    if taker is None:
        raise UsageError(
            "seed operations run in a seed environment only: alembic -n seed upgrade head"
        )
    taker.take(operation)


for _operation in (SeedOp, SeedRowsOp, UnseedOp):
    Operations.implementation_for(_operation)(_take)


@dataclass
class Recorder:
    """Records revisions in order, from the base of the chain on."""

    generation: Generation
    environment: str
    data: Path
    dialect_name: str
    mask: Callable[[TableRows], TableRows] = lambda rows: rows
    """The masking boundary, which imported rows pass before anything else."""
    numbers_rows: Callable[[str], bool] = lambda table: False
    """Whether the mask of a table's rows depends on how many were imported before."""
    build: bool = True
    """Whether seeders are called; without, their derived columns and checks alone are known."""
    load_files: bool = True
    """Whether imported rows are read; a rollback goes by the ledger instead."""
    connection: Connection | None = None
    """For revisions that read the database while they run."""
    states: Mapping[str, str] = field(default_factory=dict)
    """What the ledger says of revisions; only of others the file says whether they run here."""
    past: Sequence[Script] = ()
    """The revisions before the recorded ones, oldest first; they are recorded on demand."""
    earlier: dict[str, TableRows] = field(default_factory=dict)
    planned: dict[str, PlannedRevision] = field(default_factory=dict)
    shared: set[str] = field(default_factory=set)
    """Tables that several seeders fill: a row number says no single row there."""
    recalled: Recorder | None = None
    """What recorded the past, once something asked for it."""

    def upgrade(self, script: Script) -> PlannedRevision:
        planned = self._record(script, script.module.upgrade, upgrade=True)
        self.planned[script.revision] = planned
        return planned

    def fresh(self, **changes: Any) -> Recorder:
        """A recorder like this one, but for these changes, that has recorded nothing yet."""
        return replace(self, earlier={}, planned={}, shared=set(), recalled=None, **changes)

    def recall(self) -> Recorder:
        """Record the past, unless that was done; what its revisions seed is known then."""
        if self.recalled is None:
            self.recalled = self.fresh(past=())
            for script in self.past:
                self.recalled.upgrade(script)
        return self.recalled

    def downgrade(self, script: Script) -> PlannedRevision:
        return self._record(script, script.module.downgrade, upgrade=False)

    def _record(
        self, script: Script, function: Callable[[], None], *, upgrade: bool
    ) -> PlannedRevision:
        attributes = read_attributes(script)
        elsewhere = self.environment not in attributes.environments
        state = self.states.get(script.revision)
        planned = PlannedRevision(
            script.revision,
            upgrade,
            skipped=elsewhere if state is None else state != "applied",
            raw_sql=attributes.raw_sql,
            online_only=attributes.online_only,
        )
        if not planned.skipped and not (planned.raw_sql and planned.online_only):
            self._run(planned, function)
        return planned

    def _run(self, planned: PlannedRevision, function: Callable[[], None]) -> None:
        sql_guard = SqlGuard(dialect_named(self.dialect_name))
        script = _UnreadScript(sql_guard)
        opts = {
            OPTION: _Take(self, planned),
            "as_sql": True,
            "output_buffer": script,
            "transactional_ddl": True,  # so that an autocommit_block shows its COMMIT
        }
        connection = self.connection if planned.online_only else None
        if connection is not None:
            opts.update(as_sql=False, output_buffer=None)
        context = MigrationContext.configure(
            connection,
            dialect_name=None if connection is not None else self.dialect_name,
            opts=opts,
        )
        with install_operations(context), sql_guard.enforce(planned.revision, planned.raw_sql):
            if connection is None:
                call_function(function, planned.revision, script.hint)
            else:
                with sql_guard.watch(connection):
                    call_function(function, planned.revision)

    def add_tables(self, operation: SeedOp | SeedRowsOp, planned: PlannedRevision) -> None:
        """Add an operation's tables to the plan of its revision."""
        if isinstance(operation, SeedOp):
            self._refuse_in_production(planned.revision)
            seeder = seeder_named(operation.seeder)
            tables = list(seeder.build(self._context(operation.seeder))) if self.build else []
            planned.derives += seeder.derives
            planned.checks += seeder.checks
        else:
            if self.load_files and self.numbers_rows(operation.table):
                self.recall()
            tables = [self.mask(self._imported(operation))] if self.load_files else []
        if isinstance(operation, SeedRowsOp) and operation.path is not None:
            planned.files.append((operation.table, operation.path))
        planned.operations.append([])
        planned.declared.append(operation.declaration(self.data))
        for rows in tables:
            self._add(rows, planned)

    def _context(self, seeder: str) -> SeedContext:
        generation = self.generation
        return SeedContext(
            seeder,
            generation.root_seed,
            generation.as_of,
            generation.rows,
            LazyMapping(dict(self.earlier), lambda: self.recall().earlier),
        )

    def _imported(self, operation: SeedRowsOp) -> TableRows:
        return imported(
            operation.table,
            operation.batches(self.data),
            key=operation.key,
            id=operation.id,
            refs=operation.refs,
            later=operation.later,
            skip_taken=operation.skip_taken,
            source=operation.path or "",
        )

    def _add(self, rows: TableRows, planned: PlannedRevision) -> None:
        for name, column in rows.columns.items():
            if column.ref is not None and self._is_shared(column.ref):
                raise PlanError(
                    f"revision {planned.revision}: {rows.table}.{name} refers to rows of "
                    f"{column.ref} by number, and several seeders fill that table"
                )
        if rows.provenance == "synthetic":
            if rows.table in self.earlier:
                self.shared.add(rows.table)
            self.earlier[rows.table] = rows
        number = len(planned.tables) + 1
        range_ = Range(planned.revision, number, rows.table, rows.count, rows.id)
        planned.operations[-1].append(PlannedTable(rows, range_))

    def _is_shared(self, table: str) -> bool:
        past = self.recall()
        twice = table in self.earlier and table in past.earlier
        return twice or table in self.shared or table in past.shared

    def _refuse_in_production(self, revision: str) -> None:
        if self.environment == "production":
            raise GuardError(
                f"revision {revision}: generates data, which never enters production; take "
                "production out of its environments = (...)"
            )


class _Take:
    """The taker that records."""

    def __init__(self, recorder: Recorder, planned: PlannedRevision) -> None:
        self._recorder, self._planned = recorder, planned

    def take(self, operation: MigrateOperation) -> None:
        planned = self._planned
        if isinstance(operation, UnseedOp) == planned.upgrade:
            raise PlanError(
                f"revision {planned.revision}: call op.unseed in downgrade(), and op.seed, "
                "op.seed_rows and op.seed_file in upgrade()"
            )
        if isinstance(operation, UnseedOp):
            removal = Removal(operation.tables, operation.on_dependents, operation.on_edited)
            planned.removals.append(removal)
        elif isinstance(operation, SeedOp | SeedRowsOp):
            self._recorder.add_tables(operation, planned)


class _UnreadScript(TextIOBase):
    """A script that is thrown away; what is written to it passes the guard."""

    def __init__(self, sql_guard: SqlGuard) -> None:
        self._sql_guard = sql_guard
        self._read = False

    def write(self, text: str) -> int:
        self._sql_guard.check(text)
        self._read = self._read or bool(_READING.match(text))
        return len(text)

    def hint(self) -> str:
        """What to do about a revision that failed because nothing answered its SELECT."""
        return "; if the revision reads the database, set online_only = True" if self._read else ""


_READING = re.compile(r"[\s(]*(SELECT|WITH|SHOW|VALUES)\b", re.IGNORECASE)


@contextmanager
def install_operations(context: MigrationContext) -> Iterator[Operations]:
    """Make ``alembic.op`` speak to a context, and to none when it is over.

    Alembic's own context manager leaves the module behind when the code in it
    fails, so it is always left as if nothing had happened.
    """
    manager = Operations.context(context)
    try:
        yield manager.__enter__()
    finally:
        manager.__exit__(None, None, None)


def call_function(
    function: Callable[[], None], revision: str, hint: Callable[[], str] = lambda: ""
) -> None:
    """Call a revision's function; its own mistakes become one clear line."""
    try:
        function()
    except (BrokenPipeError, CommandError):  # whoever reads the script has seen enough
        raise
    except DBAPIError as error:
        raise translated(error, f"revision {revision}: {function.__name__}()") from None
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename == function.__code__.co_filename]
        frame = (own or frames)[-1]
        raise PlanError(
            f"revision {revision}: {function.__name__}() failed with {type(error).__name__} at "
            f"{Path(frame.filename).name}, line {frame.lineno}{hint()}"
        ) from error
