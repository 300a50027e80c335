"""Where statements go: one text, executed or printed.

A run executes the stream, ``--sql`` prints it.  What writes to a stream does not ask which; what
depends on a database asks the `Target` of the run.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, TextIO

from sqlalchemy.engine import Connection, CursorResult
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import EXACT, Dialect
from terp_seed.database.failures import translated
from terp_seed.errors import PlanError

__all__ = ["Live", "Printed", "Stream"]


class Stream(ABC):
    """A sequence of statements on their way to a database or a script."""

    @abstractmethod
    def run(
        self, sql: str, *, rows: int | None = None, what: str = "", key: str | None = None
    ) -> int | None:
        """Pass a statement on; return how many rows it affected, if that is known.

        ``rows`` is how many rows it must affect; ``what`` says what it does and
        ``key`` which reserved key its rows have, for the error's sake.
        """

    @abstractmethod
    def copy(self, sql: str, data: str, *, rows: int, what: str = "") -> None:
        """Pass on a COPY with its rows, ``rows`` of them, one a line."""

    @abstractmethod
    def must_be_zero(self, count: str, what: str) -> int:
        """Hold a SELECT that counts against zero; return what it found.

        A script stops by itself there, and 0 is returned.
        """

    @abstractmethod
    def note(self, text: str) -> None:
        """Write a comment (scripts only)."""


class Live(Stream):
    """Executes on a connection, inside the caller's transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def run(
        self, sql: str, *, rows: int | None = None, what: str = "", key: str | None = None
    ) -> int:
        affected = self._execute(sql, what, key).rowcount
        if rows is not None and affected != rows:
            raise PlanError(
                f"{what}: the database took {affected} of {rows} rows and said nothing; "
                "look for a trigger on the table"
            )
        return affected

    def affected(self, sql: str, *, what: str = "") -> int:
        """Run a statement and tell how many rows it touched."""
        return self._execute(sql, what).rowcount

    def copy(self, sql: str, data: str, *, rows: int, what: str = "") -> None:
        driver = self._connection.dialect.dbapi
        assert driver is not None
        cursor = self._connection.connection.cursor()
        try:
            with cursor.copy(sql) as copy:
                copy.write(data)
            taken = cursor.rowcount
        except driver.Error as error:
            wrapped = DBAPIError.instance(sql, None, error, driver.Error)
            assert isinstance(wrapped, DBAPIError)
            raise translated(wrapped, what) from None
        finally:
            cursor.close()
        if taken != rows:
            raise PlanError(f"{what}: the database took {taken} of {rows} rows")

    def must_be_zero(self, count: str, what: str) -> int:
        return int(self._execute(count, what).scalar_one())

    def _execute(self, sql: str, what: str, key: str | None = None) -> CursorResult[Any]:
        try:
            return self._connection.exec_driver_sql(sql, execution_options=EXACT)
        except DBAPIError as error:
            raise translated(error, what, key) from None

    def note(self, text: str) -> None:
        pass


class Printed(Stream):
    """Prints a script, one statement after the other."""

    def __init__(self, out: TextIO, dialect: Dialect) -> None:
        self._out = out
        self._dialect = dialect

    def run(
        self, sql: str, *, rows: int | None = None, what: str = "", key: str | None = None
    ) -> None:
        self._out.write(f"{sql};\n")

    def copy(self, sql: str, data: str, *, rows: int, what: str = "") -> None:
        self._out.write(f"{sql};\n{data}\\.\n")
        self.run(self._dialect.guard(f"{self._dialect.affected} = {rows}"))

    def must_be_zero(self, count: str, what: str) -> int:
        self.note(f"stops here unless this holds: {what}")
        self.run(self._dialect.guard(f"({count}) = 0"))
        return 0

    def note(self, text: str) -> None:
        for line in text.splitlines():
            self._out.write(f"-- {line}\n" if line else "--\n")
