"""The recorder: runs revisions' functions, and writes nothing."""

from __future__ import annotations

import re
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from io import TextIOBase
from pathlib import Path
from typing import Any

from alembic import op
from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation, Operations
from alembic.script import Script
from alembic.util import CommandError
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import dialect_named
from terp_seed.database.failures import translated
from terp_seed.database.names import LiveNames
from terp_seed.errors import GuardError, PlanError, located
from terp_seed.ledger.ledger import Range
from terp_seed.plan.chain import Generation, Step, read_attributes
from terp_seed.plan.changes import IsPersonal, deleted_rows, updated_rows
from terp_seed.plan.fold import FoldedTable, apply_operation, fold
from terp_seed.plan.operations import (
    OPTION,
    DeleteRowsOp,
    GivenRows,
    RenameOp,
    SeedOp,
    SeedRowsOp,
    UnseedOp,
    UpdateRowsOp,
)
from terp_seed.plan.plan import (
    LazyMapping,
    Plan,
    PlannedChange,
    PlannedRevision,
    PlannedTable,
    Removal,
    RowChanges,
)
from terp_seed.plan.sql_guard import SqlGuard
from terp_seed.rows.imported import imported
from terp_seed.rows.model import TableRows
from terp_seed.rows.renamed import Naming
from terp_seed.rows.seeders import SeedContext, seeder_named

__all__ = [
    "Recorder",
    "call_function",
    "install_operations",
    "make_plan",
    "remove_operations",
]


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
    is_personal: IsPersonal = lambda table, column: False
    """Whether the masking policy classifies a column."""
    build: bool = True
    """Whether seeders are called; without, their derived columns and checks alone are known."""
    load_files: bool = True
    """Whether imported rows are read; a rollback goes by the ledger instead."""
    connection: Connection | None = None
    """For revisions that read the database while they run."""
    names: LiveNames = field(default_factory=LiveNames)
    """What tables and columns are called now."""
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
    folded: dict[str, FoldedTable] | None = None
    """What all revisions until now add up to, once something asked for it."""

    def upgrade(self, script: Script) -> PlannedRevision:
        planned = self._record(script, script.module.upgrade, upgrade=True)
        self.planned[script.revision] = planned
        return planned

    def fresh(self, **changes: Any) -> Recorder:
        """A recorder like this one, but for these changes, that has recorded nothing yet."""
        return replace(
            self, earlier={}, planned={}, shared=set(), recalled=None, folded=None, **changes
        )

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
            stamped=state == "stamped",
            raw_sql=attributes.raw_sql,
            source=Path(script.path).read_bytes() if attributes.raw_sql else b"",
            online_only=attributes.online_only,
        )
        if not planned.skipped and not (planned.raw_sql and planned.online_only):
            with located(revision=script.revision):
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

    def add_tables(self, operation: SeedOp | GivenRows, planned: PlannedRevision) -> None:
        """Add an operation's tables to the plan of its revision."""
        planned.operations.append([])
        planned.declared.append(operation.declaration(self.data))
        if isinstance(operation, GivenRows) and self.load_files:
            operation.refuse_edited_file(self.data)
            for changes in self._changes(operation, planned):
                for renamed in self._renamed_changes(planned, changes):
                    self._add_change(renamed, planned)
        if isinstance(operation, SeedOp | SeedRowsOp):
            for rows in self._tables(operation, planned):
                self._add(rows, planned)
        if isinstance(operation, GivenRows):
            planned.given.append(operation)
            if operation.path is not None:
                planned.files.append((operation.table, operation.path))
            if self.folded is not None:
                apply_operation(self.folded, operation, self.data)

    def add_renaming(self, operation: RenameOp, planned: PlannedRevision) -> None:
        """Rename what the revisions add up to; what was said of the past is in ``names``."""
        planned.given.append(operation)
        if self.folded is not None:
            apply_operation(self.folded, operation, self.data)

    def _tables(
        self, operation: SeedOp | SeedRowsOp, planned: PlannedRevision
    ) -> Sequence[TableRows]:
        """The tables that an operation fills."""
        if isinstance(operation, SeedOp):
            self._refuse_in_production(planned.revision)
            seeder = seeder_named(operation.seeder)
            tables = seeder.build(self._context(operation.seeder)) if self.build else []
            planned.derives += seeder.derives
            planned.checks += seeder.checks
            return self._renamed(planned, tables)
        if not self.load_files:
            return []
        if self.numbers_rows(self.names.table(planned.revision, operation.table) or ""):
            self.recall()
        return [*map(self.mask, self._renamed(planned, [self._imported(operation)]))]

    def _naming(self, revision: str) -> Naming:
        return Naming(partial(self.names.table, revision), partial(self.names.columns, revision))

    def _renamed(self, planned: PlannedRevision, tables: Sequence[TableRows]) -> list[TableRows]:
        """The tables under the names that they have now, without what is gone."""
        if not self.names.concern(planned.revision):
            return [*tables]
        found: list[TableRows] = []
        for rows in tables:
            renamed, left_out = self._naming(planned.revision).rename(rows)
            planned.left_out += left_out
            if renamed is not None:
                found.append(renamed)
                if rows.provenance == "synthetic" and rows.table != renamed.table:
                    self.earlier.setdefault(rows.table, renamed)  # what other seeders call it
        return found

    def _renamed_changes(
        self, planned: PlannedRevision, changes: RowChanges
    ) -> Iterator[RowChanges]:
        """The changes under the names that table and columns have now; none if all are gone."""
        revision, rows = planned.revision, changes.rows
        if not self.names.concern(revision):
            yield changes
            return
        renamed, left_out = self._naming(revision).rename(rows)
        planned.left_out += left_out
        held = {name for values in changes.ours for name in values}
        found = self.names.columns(revision, rows.table, [*changes.columns, *held])
        now = {name: present for name, present in found.items() if present is not None}
        columns = tuple(now[name] for name in changes.columns if name in now)
        if renamed is not None and (columns or changes.kind == "deleted"):
            ours = [{now[n]: v for n, v in values.items() if n in now} for values in changes.ours]
            yield replace(changes, rows=renamed, columns=columns, ours=ours)

    def _changes(self, operation: GivenRows, planned: PlannedRevision) -> Iterator[RowChanges]:
        """The rows that an operation changes."""
        if isinstance(operation, SeedRowsOp) and not operation.updates_taken:
            return
        folded = self._fold(planned).get(operation.table)
        if isinstance(operation, DeleteRowsOp):
            yield deleted_rows(operation, folded, self.data, self.is_personal)
        elif isinstance(operation, SeedRowsOp | UpdateRowsOp):
            yield from updated_rows(operation, folded, self.data, self.is_personal)

    def _fold(self, planned: PlannedRevision) -> dict[str, FoldedTable]:
        """What the revisions before, and this one so far, add up to."""
        if self.folded is None:
            reader = self.fresh(build=False, load_files=False)
            past = [reader.upgrade(script) for script in self.past]
            self.folded = fold([*past, *self.planned.values(), planned], self.data)
        return self.folded

    def _add_change(self, changes: RowChanges, planned: PlannedRevision) -> None:
        rows = self.mask(changes.rows)
        range_ = self._next_range(rows, planned)
        planned.operations[-1].append(PlannedChange(replace(changes, rows=rows), range_))

    def _next_range(self, rows: TableRows, planned: PlannedRevision) -> Range:
        number = sum(map(len, planned.operations)) + 1
        return Range(planned.revision, number, rows.table, rows.count, rows.id)

    def _context(self, seeder: str) -> SeedContext:
        generation = self.generation
        return SeedContext(
            seeder,
            generation.root_seed,
            generation.as_of,
            generation.rows,
            LazyMapping(dict(self.earlier), lambda: self.recall().earlier),
            generation.scenario,
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
        planned.operations[-1].append(PlannedTable(rows, self._next_range(rows, planned)))

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
                f"revision {planned.revision}: call op.unseed in downgrade(), and all other "
                "operations that write rows in upgrade()"
            )
        if isinstance(operation, UnseedOp):
            names = self._recorder.names
            tables = [names.table(planned.revision, name) or name for name in operation.tables]
            removal = Removal(tuple(tables), operation.on_dependents, operation.on_edited)
            planned.removals.append(removal)
        elif isinstance(operation, GivenRows):
            file = {} if operation.path is None else {"file": operation.path}
            with located(table=operation.table, **file):
                self._recorder.add_tables(operation, planned)
        elif isinstance(operation, SeedOp):
            self._recorder.add_tables(operation, planned)
        elif isinstance(operation, RenameOp):
            self._recorder.add_renaming(operation, planned)


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
    """Make ``alembic.op`` speak to a context, and to the one before when it is over.

    A revision that is being recorded, or executed, may make the recorder
    record earlier ones.
    """
    before: Operations | None = vars(op).get("_proxy")
    manager = Operations.context(context)
    try:
        yield manager.__enter__()
    finally:
        manager.__exit__(None, None, None)
        if before is not None:
            before._install_proxy()


def remove_operations(context: MigrationContext) -> None:
    """Take ``alembic.op`` away, which Alembic leaves behind after an error."""
    with Operations.context(context):
        pass


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


def make_plan(scripts: Sequence[Script], steps: Sequence[Step], recorder: Recorder) -> Plan:
    """Record the steps, oldest first, and what came before them when it is asked for.

    ``scripts`` are the steps' revisions and all that they build on, oldest
    first.  Writes nothing.
    """
    pending = {step.script.revision for step in steps}
    recorder.past = [script for script in scripts if script.revision not in pending]
    own = [script for script in scripts if script.revision in pending]
    recorded = {script.revision: recorder.upgrade(script) for script in own}
    past = LazyMapping(recorded, lambda: recorder.recall().planned)
    plan = Plan(past, scenario=recorder.generation.scenario)
    for step in steps:
        revision = step.script.revision
        if step.upgrade:
            plan.steps.append(recorded[revision])
            continue
        planned = recorder.downgrade(step.script)
        planned.derives = list(recorded[revision].derives)
        plan.steps.append(planned)
    return plan
