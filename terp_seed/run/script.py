"""The ``--sql`` script: the stream of statements, complete and safe to hand on.

It pins the session, makes the bookkeeping tables, takes the lock or stops,
checks the environment's stamp and that the database stands where the script
begins, wraps every revision in a transaction, and releases.  Whatever fails
makes the engine's client stop.
"""

from __future__ import annotations

from io import TextIOBase
from typing import TextIO

from sqlalchemy.engine import Dialect as SADialect

from terp_seed.database.dialects import Dialect
from terp_seed.database.statements import Printed
from terp_seed.ledger.audit import Audit
from terp_seed.ledger.ledger import Ledger
from terp_seed.plan.plan import Plan
from terp_seed.plan.sql_guard import Gate

__all__ = ["Script", "Sink"]


class Sink(TextIOBase):
    """What Alembic prints into, made fit for a script of ours.

    Alembic writes one statement a call.  Its CREATE and DROP of the version
    table are left out, because they would commit a transaction on MySQL (the
    prologue makes the table); its BEGIN becomes the engine's own.  After a
    statement that moves the version comes a guard that it did: on SQLite a run
    can slip in before the script's transaction begins.
    """

    def __init__(self, out: TextIO, dialect: Dialect, version_table: str, gate: Gate) -> None:
        self._out = out
        self._dialect = dialect
        self._version_table = version_table
        self._gate = gate

    def write(self, text: str) -> int:
        """Pass a statement on, if it may be."""
        statement = text.strip()
        if statement == "BEGIN;":
            self._out.write(f"{self._dialect.begin};\n")
        elif not self._about_version_table(statement):
            self._gate.check(statement)
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


class Script:
    """Prologue and epilogue around the revisions' statements."""

    def __init__(self, out: TextIO, dialect: Dialect, ledger: Ledger, audit: Audit) -> None:
        self.stream: Printed = Printed(out, dialect)
        self._out = out
        self._dialect = dialect
        self._ledger = ledger
        self._audit = audit

    def begin(self, header: str, compiler: SADialect, clock: list[str], seconds: float) -> None:
        """Print the header and all that comes before the first revision."""
        self.stream.note(header)
        for line in self._dialect.prologue(seconds):
            self._out.write(f"{line}\n")
        self._section("one time zone, character set and mode")
        self._run(self._dialect.pin() + clock)
        self._section("the bookkeeping tables, if they are missing")
        self._run(self._ledger.books.create(compiler))
        self._section("one run at a time: stops here if another one holds the lock")
        self._run(self._dialect.take_lock(seconds))

    def check_stamp(self, environment: str) -> None:
        """Print the guard that the database is the environment it was made for."""
        table = self._quoted(self._ledger.books.environment.name)
        found = f"(SELECT name FROM {table} WHERE id = 1)"
        if not self._dialect.schemas and environment == "dev":
            found = f"COALESCE({found}, 'dev')"  # an unstamped SQLite file
        self._section(f"stops here unless this database is stamped {environment}")
        self.stream.run(self._dialect.guard(f"{found} = {self._dialect.text(environment)}"))

    def check_heads(self, heads: tuple[str, ...]) -> None:
        """Print the guard that the chain stands at these heads."""
        table = self._quoted(self._ledger.books.version.name)
        text = self._dialect.text
        condition = f"(SELECT COUNT(*) FROM {table}) = {len(heads)}"
        for head in heads:
            condition += f" AND EXISTS (SELECT 1 FROM {table} WHERE version_num = {text(head)})"
        self._section(f"stops here unless the chain stands at {', '.join(heads) or 'its base'}")
        self.stream.run(self._dialect.guard(condition))

    def check(self, condition: str, what: str) -> None:
        """Print a guard of any condition."""
        self._section(f"stops here unless {what}")
        self.stream.run(self._dialect.guard(condition))

    def started(self, plan: Plan) -> None:
        """Print the audit's ``started``, in a transaction of its own."""
        self._section("audit")
        self.stream.run(self._audit.event("started", plan_digest=plan.digest(), script=True))

    def end(self) -> None:
        """Print the audit's ``finished`` and let the lock go."""
        self._section("done")
        self.stream.run(self._audit.event("finished", script=True))
        self._run(self._dialect.drop_lock())

    def stop(self) -> None:
        """Print a statement that makes the client stop: the rest is missing."""
        self._section("this script is incomplete, and stops here")
        self.stream.run(self._dialect.guard("0 = 1"))

    def _section(self, text: str) -> None:
        self.stream.note(f"\n{text}")

    def _run(self, statements: list[str]) -> None:
        for sql in statements:
            self.stream.run(sql)

    def _quoted(self, name: str) -> str:
        schema = self._ledger.books.schema
        quote = self._dialect.quote
        return f"{quote(schema)}.{quote(name)}" if schema else quote(name)
