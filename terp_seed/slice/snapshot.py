"""The source of a slice: one state of it, read and never written, at a bounded pace.

The session is read-only, so the server itself refuses a write.  Nothing is created there, not even
a temporary table, no stamp is needed, and a user with SELECT alone will do.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from time import monotonic, sleep
from typing import Any

from sqlalchemy.exc import DBAPIError

from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.dialects import EXACT
from terp_seed.database.failures import translated
from terp_seed.database.schema import Schema
from terp_seed.database.session import Session, opened
from terp_seed.settings.log import quiet_statements
from terp_seed.settings.options import Settings

__all__ = ["BATCH_KEYS", "Key", "Snapshot", "open_snapshot", "table_names"]

Key = tuple[int | str, ...]
"""What a row is known by: whole numbers as they are, anything else as its SQL literal."""

BATCH_KEYS = 900
"""Keys of one question: MariaDB makes a subquery of a longer list."""

_STREAMED = 2_000
_MOST_LITERAL = 2**63


@dataclass
class ReadingPace:
    """Holds reading back to so many rows a second; None sets no bound."""

    rate: int | None
    _rows: int = 0
    _begun: float = field(default_factory=monotonic)

    def read(self, rows: int) -> None:
        """Count rows in, and wait if they came too soon."""
        if self.rate is None:
            return
        self._rows += rows
        ahead = self._rows / self.rate - (monotonic() - self._begun)
        if ahead > 0:
            sleep(ahead)


@dataclass(frozen=True)
class Snapshot:
    """An open snapshot."""

    session: Session
    schema: Schema
    pace: ReadingPace
    tables: Sequence[str]
    """The application's tables."""

    def rows(self, sql: str, what: str = "") -> Sequence[Any]:
        """All rows of a SELECT; an error of it holds no value."""
        try:
            found = self.session.rows(sql)
        except DBAPIError as error:
            raise translated(error, what) from None
        self.pace.read(len(found))
        return found

    def stream(
        self, sql: str, what: str = "", given: str = ""
    ) -> Generator[Sequence[Any], None, None]:
        """The rows of a SELECT, some thousand at a time.

        They must be taken to the end, or closed, before the next question.  An error says where in
        ``given``, which a person wrote into the SELECT, the server stopped reading.
        """
        options = {**EXACT, "stream_results": True}
        try:
            with self.session.connection.exec_driver_sql(sql, execution_options=options) as found:
                for rows in found.partitions(_STREAMED):
                    self.pace.read(len(rows))
                    yield rows
        except DBAPIError as error:
            raise translated(error, f"{what}{self._place(error, sql, given)}") from None

    def _place(self, error: DBAPIError, sql: str, given: str) -> str:
        stopped = self.session.dialect.stopped_at(error.orig or error, sql) if given else None
        start = sql.find(given)
        if stopped is None or not start <= stopped:
            return ""
        stopped -= start
        return f", character {stopped + 1}" if stopped < len(given) else ", at its end"

    def key(self, values: Sequence[Any]) -> Key:
        """The key that these values are."""
        literal = self.session.dialect.literal
        return tuple(
            value
            if type(value) is int and -_MOST_LITERAL <= value < _MOST_LITERAL
            else literal(value)
            for value in values
        )

    def keys(self, rows: Sequence[Sequence[Any]]) -> list[Key]:
        """The keys that rows of values are."""
        if {*map(type, chain.from_iterable(rows))} != {int}:
            return [*map(self.key, rows)]
        if max(map(max, rows)) >= _MOST_LITERAL or min(map(min, rows)) < -_MOST_LITERAL:
            return [*map(self.key, rows)]
        return [tuple(row) for row in rows]

    def among(self, columns: Sequence[str], keys: Sequence[Key]) -> str:
        """The condition that columns hold one of these keys."""
        dialect = self.session.dialect
        if len(columns) == 1 and (span := _span(keys)):
            return f"{dialect.quote(columns[0])} BETWEEN {span[0]} AND {span[1]}"
        literals = [[str(part) for part in key] for key in keys]
        return dialect.one_of([*map(dialect.quote, columns)], literals)

    def exactly(self, table: str, columns: Sequence[str]) -> list[str]:
        """Expressions of columns whose literals are the same values."""
        facts = self.schema.table(table)
        assert facts is not None
        dialect = self.session.dialect
        return [dialect.exactly(dialect.quote(n), facts.columns[n].type) for n in columns]


def _span(keys: Sequence[Key]) -> tuple[int, int] | None:
    """The first and last of keys that are all numbers between them."""
    numbers = [key[0] for key in keys]
    if not all(type(number) is int for number in numbers):
        return None
    first, last = min(numbers), max(numbers)
    assert isinstance(first, int)
    assert isinstance(last, int)
    return (first, last) if last - first + 1 == len(set(numbers)) else None


def table_names(session: Session, schema: Schema) -> list[str]:
    """The application's tables, in order; a partition's rows are those of its table."""
    parts = session.dialect.parts(session.connection)
    return sorted(name for name in schema.tables - parts if not is_bookkeeping(name))


@contextmanager
def open_snapshot(settings: Settings, rate: int | None = None) -> Iterator[Snapshot]:
    """Open the source for reading; `UsageError` if it cannot be reached.

    Statements are not logged meanwhile, because they hold keys.
    """
    quiet_statements()
    with opened(settings) as session:
        try:
            session.dialect.begin_snapshot(session.connection)
            schema = Schema(session)
            yield Snapshot(session, schema, ReadingPace(rate), table_names(session, schema))
        except DBAPIError as error:
            raise translated(error, "") from None
        finally:
            session.end_transaction()
