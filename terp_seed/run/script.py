"""A run that is printed instead of executed: ``--sql``.  It never connects.

The script guards itself, since it runs unwatched.  It pins the session
and takes the lock as a run does, stops in a database that is not stamped for
its environment, and stops if the chain is not where it was made for.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from io import TextIOBase
from typing import TextIO

from alembic.runtime.migration import MigrationContext

from terp_seed.database.dialects import Dialect
from terp_seed.database.environment_stamp import refuse_protected
from terp_seed.database.turns import Turns
from terp_seed.errors import PlanError, RollbackError
from terp_seed.ledger.audit import Audit
from terp_seed.plan.chain import Move, Request, read_attributes
from terp_seed.plan.operations import OPTION
from terp_seed.plan.run import Run, Target, build_run
from terp_seed.plan.schema_stream import schema_stream
from terp_seed.plan.sql_guard import SqlGuard
from terp_seed.run.executor import Executor, planned_steps
from terp_seed.run.rollback import choose_policies
from terp_seed.run.scripted_rollback import ScriptedRollback
from terp_seed.settings.options import Settings

__all__ = ["plan_script", "write_script"]

_ONE_AT_A_TIME = "one run at a time: stops here if another one holds the lock"
_ONE_SERVER = (
    "it makes or drops tables of kept rows: stops here on a cluster whose nodes share no lock"
)


def write_script(settings: Settings, request: Request, start: tuple[str, ...], out: TextIO) -> None:
    """Print the script that takes a database from ``start`` to the destination.

    Whatever fails, what was already printed ends in a statement that makes
    the engine's client stop.
    """
    run = plan_script(settings, request, start, out)
    _refuse_unscriptable(run)
    _Printer(run, out).write()


def plan_script(settings: Settings, request: Request, start: tuple[str, ...], out: TextIO) -> Run:
    """The run that takes a database from ``start`` to the destination, planned without one.

    Raises `MaskingError` for columns that the policy does not list.
    """
    target = Target.script(settings, out, request.directory)
    environment = settings.env or "dev"
    refuse_protected(settings, environment)
    context = MigrationContext.configure(dialect_name=target.dialect_name, opts={"as_sql": True})
    move = Move(request, start, request.steps(start, context))
    _refuse_online_only(move)
    run = build_run(environment, target, move)
    run.refuse_unclassified()
    return run


class _Printer:
    """Prints a run: prologue, guards, the revisions' statements, epilogue."""

    def __init__(self, run: Run, out: TextIO) -> None:
        self._run, self._out = run, out
        self._stream, self._ledger = run.target.stream, run.ledger
        self._dialect = run.ledger.dialect
        first = self._dialect.in_transaction(run.settings.lock_timeout)
        self._beginning = [self._dialect.begin, *first]
        self._audit = Audit(
            self._dialect,
            self._ledger.books,
            self._ledger.chain,
            run.environment,
            run.move.direction,
            str(run.settings.url.database or ""),
            run.plan.digest()[:32],
            run.move.command,
            scripted=True,
        )

    def write(self) -> None:
        run = self._run
        remover = partial(ScriptedRollback, self._stream, self._ledger, run.plan)
        turns = Turns(self._dialect, self._ledger.books)
        executor = Executor(run, self._audit, remover, turns)
        table = run.settings.version_table
        try:
            self._begin()
            self._guards()
            started = self._audit.event("started", plan_digest=run.plan.digest(), script=True)
            self._section("audit", started)
            self._close()
            run.move.request.configure(
                output_buffer=_Sink(
                    self._out,
                    self._dialect,
                    (self._beginning, turns.confirmation()),
                    table,
                    executor.sql_guard,
                ),
                fn=planned_steps(executor),
                **{OPTION: executor},
            )
            run.move.request.migrate()
            self._end()
        except BrokenPipeError:
            raise
        except BaseException:
            stop = self._dialect.guard("0 = 1")
            self._section("this script is incomplete, and stops here", stop)
            raise

    def _begin(self) -> None:
        """Print the header and all that comes before the first guard."""
        run, dialect, seconds = self._run, self._dialect, self._run.settings.lock_timeout
        compiler = run.settings.url.get_dialect()()
        self._stream.note(_header(run))
        for line in dialect.prologue(seconds):
            self._out.write(f"{line}\n")
        pins = dialect.pin() + dialect.set_clock(run.generation.clock)
        self._section("one time zone, character set and mode", *pins)
        self._open()
        tables = self._ledger.books.create(compiler)
        self._section("the bookkeeping tables, if they are missing", *tables)
        if run.plan.keeps_rows:
            self._section(_ONE_SERVER, *dialect.nodes_share_locks())
        self._section(_ONE_AT_A_TIME, *dialect.take_lock(seconds))

    def _open(self) -> None:
        """Begin a transaction, where each is pinned and locked."""
        if len(self._beginning) > 1:
            self._section(_ONE_AT_A_TIME, *self._beginning)

    def _close(self) -> None:
        if len(self._beginning) > 1:
            self._stream.run("COMMIT")

    def _guards(self) -> None:
        """Print what stops the script in a database that it was not made for."""
        run, dialect = self._run, self._dialect
        books = self._ledger.books
        stamp = f"(SELECT name FROM {dialect.quote_table(books.environment.fullname)} WHERE id = 1)"
        if not dialect.schemas and run.environment == "dev":
            stamp = f"COALESCE({stamp}, 'dev')"  # an unstamped SQLite file
        stamped = dialect.guard(f"{stamp} = {dialect.text(run.environment)}")
        self._section(f"stops here unless this database is stamped {run.environment}", stamped)
        heads = run.move.heads
        table = dialect.quote_table(books.version.fullname)
        condition = f"(SELECT COUNT(*) FROM {table}) = {len(heads)}"
        for head in heads:
            wanted = f"version_num = {dialect.text(head)}"
            condition += f" AND EXISTS (SELECT 1 FROM {table} WHERE {wanted})"
        place = ", ".join(heads) or "its base"
        self._section(f"stops here unless the chain is at {place}", dialect.guard(condition))
        self._schema_guards()
        self._retained_guards()
        if heads:
            same = dialect.guard(self._ledger.settings_are(heads[0], run.detail))
            self._section("stops here unless the chain was seeded with the settings above", same)

    def _retained_guards(self) -> None:
        """Print what stops the script where a rollback left rows in place: they are there still."""
        for step in self._run.plan.steps if self._run.move.upwards else ():
            self._stream.must_be_zero(
                self._ledger.count_retained(step.revision),
                f"no rollback of {step.revision} has left rows behind; else upgrade online, which "
                "knows them",
            )

    def _schema_guards(self) -> None:
        """Print what stops the script where the schema is older than a revision needs."""
        needed = self._run.needed_schemas
        if not needed:
            return
        stream = schema_stream(self._run.settings)
        for revision, schema in needed.items():
            listed = ", ".join(map(self._dialect.text, stream.at_or_after(schema)))
            table = self._dialect.quote_table(stream.version_table)
            there = f"EXISTS (SELECT 1 FROM {table} WHERE version_num IN ({listed}))"
            title = f"stops here unless the schema is at {schema} or later, for {revision}"
            self._section(title, self._dialect.guard(there))

    def _end(self) -> None:
        """Print the audit's ``finished`` and let the lock go."""
        self._open()
        finished = self._audit.event("finished", script=True)
        self._section("done", finished, *self._dialect.drop_lock())
        self._close()

    def _section(self, title: str, *statements: str) -> None:
        if statements:
            self._stream.note(f"\n{title}")
        for sql in statements:
            self._stream.run(sql)


class _Sink(TextIOBase):
    """What Alembic prints into, made fit for such a script.

    Alembic writes one statement a call.  Its CREATE and DROP of the version
    table are left out, because they would commit a transaction on MySQL (the
    prologue makes the table); its BEGIN becomes the first of ``ends``, and the
    second comes before its COMMIT.  After a statement that moves the version
    comes a guard that it did: on SQLite a run can slip in before the script's
    transaction begins.
    """

    def __init__(
        self,
        out: TextIO,
        dialect: Dialect,
        ends: tuple[Sequence[str], str],
        version_table: str,
        sql_guard: SqlGuard,
    ) -> None:
        self._out = out
        self._dialect = dialect
        self._beginning = "".join(f"{sql};\n" for sql in ends[0])
        self._ending = f"{ends[1]};\n" if ends[1] else ""
        self._version_table = version_table
        self._sql_guard = sql_guard

    def write(self, text: str) -> int:
        """Pass a statement on, if it may be."""
        statement = text.strip()
        if statement == "BEGIN;":
            self._out.write(self._beginning)
        elif statement == "COMMIT;":
            self._out.write(f"{self._ending}{statement}\n")
        elif not self._about_version_table(statement):
            self._sql_guard.check(statement)
            self._out.write(f"{statement}\n")
            if self._moves_version(statement):
                self._out.write(f"{self._dialect.guard(f'{self._dialect.affected} = 1')};\n")
        return len(text)

    def _about_version_table(self, statement: str) -> bool:
        first = statement.partition("(")[0].replace(";", " ").split()
        return first[:2] in (["CREATE", "TABLE"], ["DROP", "TABLE"]) and self._is_version(first[2:])

    def _moves_version(self, statement: str) -> bool:
        verb, *words = statement.partition("(")[0].replace(";", " ").split() or [""]
        if verb == "UPDATE":
            return self._is_version(words)
        return verb in {"INSERT", "DELETE"} and self._is_version(words[1:])

    def _is_version(self, words: list[str]) -> bool:
        return {w.strip("`\"'").rpartition(".")[2] for w in words[:1]} == {self._version_table}


def _refuse_online_only(move: Move) -> None:
    for step in move.steps:
        if read_attributes(step.script).online_only:
            raise PlanError(
                f"revision {step.script.revision}: reads the database while it runs "
                "(online_only = True), so it cannot be a script; run it online"
            )


def _refuse_unscriptable(run: Run) -> None:
    """A script cannot tell an edited row from a seeded one."""
    for removal in (removal for step in run.plan.steps for removal in step.removals):
        _, on_edited = choose_policies(run.settings, run.environment, removal)
        if "keep" in (on_edited, run.settings.on_dependents):
            raise RollbackError("a script cannot keep some rows of a rollback; run it online")
        if on_edited == "abort":
            raise RollbackError(
                "a script cannot see which rows were edited since they were seeded; run the "
                "rollback online, or say what to do with them (docs/troubleshooting.md)"
            )


def _assumed_names(run: Run) -> str:
    """A line for each table or column that the revisions know by another name."""
    steps = {step.revision for step in run.plan.steps}
    return "".join(
        f"for a schema of today: {renaming}\n"
        for renaming in run.ledger.names.renamings
        if steps & renaming.revisions
    )


def _header(run: Run) -> str:
    revisions = ", ".join(step.revision for step in run.plan.steps) or "none"
    return (
        f"terp_seed, chain {run.settings.chain}: {revisions}\n"
        f"for a database stamped {run.environment}; {run.generation}\n"
        f"plan {run.plan.digest()}\n{_assumed_names(run)}\n"
        f"Hand it to {run.ledger.dialect.script_name}. It stops at the first error and leaves no "
        "revision\n"
        "half done. Made without a database, so not checked: whether tables and columns\n"
        "exist and take these values, and whether rows there own a seeded natural key.\n"
    )
