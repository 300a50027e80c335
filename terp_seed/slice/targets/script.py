"""A slice as a script for the client of the source's engine.

It stops at the first error, in a database whose tables hold rows, and if a reference leads to no
row; what it did is one transaction.  The file has its name when it is whole.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

from terp_seed.database.dialects import Dialect
from terp_seed.database.statements import Printed
from terp_seed.errors import PlanError, UsageError
from terp_seed.slice.order import TableOrder, order_tables, require_order
from terp_seed.slice.targets.files import begin_file
from terp_seed.slice.targets.statements import RowStatements, orphan_count
from terp_seed.slice.targets.target import Columns, Content, SliceTarget

__all__ = ["ScriptTarget"]

_WAIT = 60.0


class ScriptTarget(SliceTarget):
    """The file of this path."""

    def __init__(self, path: Path) -> None:
        self.title = str(path)
        self._path = path
        self._partial = path.with_name(f"{path.name}.partial")
        self._file: TextIO | None = None

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            self._rows.close()
            with suppress(OSError):  # a full disk refuses what is left in the buffer, too
                self._file.close()
            self._partial.unlink(missing_ok=True)

    def takes_exactly(self, dialect: Dialect) -> bool:
        return True

    def check(self) -> None:
        if self._path.exists():
            raise UsageError(f"--to: {self._path} exists already; name another file")
        if not self._path.parent.is_dir():
            raise PlanError(f"--to: folder {self._path.parent} does not exist; make it first")

    def begin(self, content: Content) -> TableOrder:
        source = content.closure.source
        self._content = content
        self._dialect = dialect = source.session.dialect
        enforced = [each for each in content.references if each.enforced]
        self._order = order_tables(content.facts, enforced)
        require_order(self._order, enforced, dialect, "a database that is the target")
        self._file = begin_file(self._partial)
        self._stream = Printed(self._file, dialect)
        self._rows = RowStatements(self._stream, dialect, self._order)
        self._still = {
            table: dialect.moving_columns(source.session.connection, table)
            for table in self._order.later
        }
        self._stream.note(
            f"terp_seed: a slice of {content.plan.rows} rows, masked\n"
            f"Hand it to {dialect.script_name}. It stops at the first error and keeps nothing then."
        )
        for line in dialect.prologue(_WAIT):
            self._file.write(f"{line}\n")
        for sql in [*dialect.pin(), *dialect.take_lock(_WAIT), dialect.begin]:
            self._stream.run(sql)
        for sql in dialect.in_transaction(_WAIT):
            self._stream.run(sql)
        let, self._again = (
            dialect.defer_references(source.session.connection, self._order.tied)
            if self._order.tied
            else ((), ())
        )
        for sql in let:
            self._stream.run(sql)
        for table in self._order.tables:
            count = f"SELECT COUNT(*) FROM {dialect.quote_table(table)}"
            self._stream.must_be_zero(count, f"table {table} is empty")
        return self._order

    def write(self, table: str, columns: Columns) -> None:
        self._rows.insert(self._content.closure.facts(table), columns)

    def finish(self) -> None:
        assert self._file is not None
        dialect, content = self._dialect, self._content
        self._rows.complete(content.facts, self._still)
        for sql in self._again:
            self._stream.run(sql)
        for reference in content.references:
            if reference.enforced and not content.allowed_orphans(reference):
                count = orphan_count(dialect, reference)
                self._stream.must_be_zero(count, f"no row refers to nothing by {reference}")
        if not dialect.reuses_keys:  # a sequence does not follow the rows
            for facts in content.facts.values():
                for sql in dialect.reset_counter(facts.name, facts.integer_key or ""):
                    if facts.integer_key:
                        self._stream.run(sql)
        for sql in ["COMMIT", *dialect.drop_lock()]:
            self._stream.run(sql)
        self._file.close()
        self._partial.rename(self._path)
