"""What an engine must say for itself; adding an engine is adding a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from terp_seed.rows.literals import literal
from terp_seed.rows.model import Lookup, Value

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Connection, Engine
    from sqlalchemy.types import TypeEngine

__all__ = [
    "STATEMENT_CHARACTERS",
    "Canonical",
    "Dialect",
    "Lock",
    "Piece",
    "Reference",
    "Written",
]

STATEMENT_CHARACTERS = 512 * 1024
"""A statement's usual length: well under every server's default packet."""


Piece = tuple[str, str | None, int]
"""A part of a JSON text: a text, then a key's name and the number to add to it."""


@dataclass(frozen=True, slots=True)
class Written:
    """One column of an INSERT: its literals, one for each row.

    ``texts`` may be several sequences, of whose names ``value`` makes one SQL
    expression; without it the one literal is the value.
    """

    name: str
    texts: Sequence[Sequence[str]]
    value: Callable[[Sequence[str]], str] | None = None


@dataclass(frozen=True, slots=True)
class Canonical:
    """A column whose canonical text the database is to make."""

    column: str
    kind: TypeEngine[Any]
    first: int | None = None
    """The first key of what a reference refers to: it is told by row number."""


@dataclass(frozen=True)
class Reference:
    """``columns`` of ``table`` hold the ``targets`` of a row of ``target_table``."""

    table: str
    columns: tuple[str, ...]
    target_table: str
    targets: tuple[str, ...]
    schema: str | None = None
    """Where ``table`` is, if that is not the database's own schema."""

    @property
    def column(self) -> str:
        """The first of the columns, which is the only one of most."""
        return self.columns[0]

    @property
    def target(self) -> str:
        """What the first of the columns holds."""
        return self.targets[0]


class Lock(ABC):
    """An advisory lock on one database, gone when its process is."""

    @abstractmethod
    def acquire(self, seconds: float) -> bool:
        """Take the lock, waiting at most so long; False if it stays taken."""

    @abstractmethod
    def owned(self) -> bool:
        """Whether the lock is still ours."""

    @abstractmethod
    def release(self) -> None:
        """Give the lock back; harmless if it is not ours any more."""

    @abstractmethod
    def taken(self) -> bool:
        """Whether anybody holds the lock; does not take it, and does not wait."""


class Dialect(ABC):
    """One engine: literals, session, guards, keys, lock and limits."""

    names: ClassVar[tuple[str, ...]]
    """The SQLAlchemy dialect names that this engine answers to."""
    rows_per_statement: ClassVar[int]
    begin: ClassVar[str]
    """How a transaction begins that may write."""
    now: ClassVar[str]
    """The server's own clock, UTC, whatever the session's is pinned to."""
    user: ClassVar[str]
    """The database user, as the server knows it."""
    affected: ClassVar[str]
    """How many rows the last statement of a script touched."""
    script_name: ClassVar[str]
    """The client that runs a script, for its header."""
    backslash_escapes: ClassVar[bool]
    """Whether a backslash in a quoted text escapes what follows it."""
    ddl_commits: ClassVar[bool]
    """Whether CREATE TABLE commits the transaction that it is run in."""
    for_update: ClassVar[str]
    """What makes a SELECT hold the rows it finds until the transaction ends."""
    indexes_foreign_keys: ClassVar[bool]
    """Whether each foreign key has an index, without which it searches its table for every row."""
    schemas: ClassVar[bool]
    """Whether bookkeeping may live in another schema."""
    integer_bits: ClassVar[Mapping[str, int]]
    """How many bits each integer type holds, beside its sign; 63 if it is not here."""

    by_name: ClassVar[dict[str, type[Dialect]]] = {}

    def __init_subclass__(cls) -> None:
        """Declaring ``names`` registers an engine."""
        for name in cls.names:
            Dialect.by_name[name] = cls

    @abstractmethod
    def quote(self, name: str) -> str:
        """An identifier, quoted whatever it is."""

    @abstractmethod
    def text(self, value: str) -> str:
        """The literal of a text; `ValueError` if the engine cannot hold it."""

    @abstractmethod
    def binary(self, value: bytes) -> str:
        """The literal of bytes."""

    def literal(self, value: Value) -> str:
        """The literal of any value; `ValueError` if the engine cannot hold it."""
        return literal(value, self.text, self.binary, self.lookup)

    def lookup(self, wanted: Lookup) -> str:
        """A sub-select of the key of the row that a natural key names.

        The derived table lets MySQL look into the table it is inserting into.
        """
        where = " AND ".join(
            f"{self.quote(name)} = {self.literal(value)}" for name, value in wanted.where
        )
        return (
            f"(SELECT seeded.{self.quote(wanted.id)} FROM (SELECT {self.quote(wanted.id)} "
            f"FROM {self.quote(wanted.table)} WHERE {where}) AS seeded)"
        )

    @abstractmethod
    def pin(self) -> list[str]:
        """Statements that give the session one time zone, character set and mode."""

    @abstractmethod
    def give_back(self, connection: Connection) -> list[str]:
        """Statements that undo `pin` and `set_clock` on a session that is not ours."""

    @abstractmethod
    def set_clock(self, moment: datetime) -> list[str]:
        """Statements that fix the session's clock, where the engine can."""

    @abstractmethod
    def prologue(self, seconds: float = 30) -> list[str]:
        """Lines a script begins with so that its client stops at an error.

        ``seconds`` is how long it may wait for others, where that is the
        client's to know.
        """

    @abstractmethod
    def guard(self, condition: str) -> str:
        """A statement that fails unless ``condition`` is true."""

    @abstractmethod
    def take_lock(self, seconds: float) -> list[str]:
        """Script statements that take the lock or stop."""

    @abstractmethod
    def drop_lock(self) -> list[str]:
        """Script statements that release the lock."""

    @abstractmethod
    def name_key(self, name: str, first_key: str) -> list[str]:
        """Statements after which ``name`` stands for the value of a sub-select."""

    @abstractmethod
    def numbers(self, column: str, texts: Sequence[str], name: str) -> Written:
        """A column of row numbers, to which the value of a named key is to be added."""

    @abstractmethod
    def documents(self, column: str, rows: Sequence[Sequence[Piece] | None]) -> Written:
        """A column of texts in which keys stand that only the database knows."""

    @abstractmethod
    def insert(
        self,
        table: str,
        columns: Sequence[Written],
        lines: Sequence[str],
        keys: Mapping[str, str],
    ) -> str:
        """One INSERT of rows whose literals are joined already, one row a line.

        ``keys`` are the sub-selects of the named keys that the columns use.
        """

    @abstractmethod
    def insert_missing(
        self,
        table: str,
        columns: Sequence[Written],
        row: Sequence[str],
        keys: Mapping[str, str],
        taken: str,
    ) -> str:
        """An INSERT of one row, unless a row exists for which ``taken`` is true."""

    def exactly(self, column: str, kind: TypeEngine[Any]) -> str:
        """An expression of a column whose value, read and written again, is the same."""
        return column

    @abstractmethod
    def canonical(self, columns: Sequence[Canonical], separator: str) -> str:
        """An expression of the canonical texts of columns, joined, as UTF-8 bytes.

        A rare value may be written in another way than `literals.canonical`
        writes it, but never two different values alike.
        """

    @abstractmethod
    def same(self, one: str, other: str) -> str:
        """A condition: two values are the same to the last byte, or both NULL."""

    @abstractmethod
    def temporary_copy(self, name: str, key: str, select: str) -> list[str]:
        """Statements that make an empty temporary table of a SELECT's columns; names are quoted."""

    @abstractmethod
    def update_from(
        self, table: str, source: str, values: Sequence[tuple[str, str]], where: str
    ) -> str:
        """An UPDATE of ``table``, called ``live``, from ``source``, called ``kept``."""

    @abstractmethod
    def update(
        self,
        table: str,
        key: Sequence[str],
        columns: Sequence[str],
        rows: Sequence[Sequence[str]],
        still: Sequence[str],
    ) -> str:
        """One UPDATE of many rows; each of ``rows`` is its key, then its new values.

        ``still`` are columns that must not move by themselves on the way.
        """

    def moving_columns(self, connection: Connection, table: str) -> list[str]:
        """The columns that an UPDATE moves by itself."""
        return []

    def triggers(self, connection: Connection, table: str) -> list[str]:
        """The triggers that an UPDATE of the table sets off."""
        return []

    @abstractmethod
    def refuse_dependents(
        self,
        target: str,
        declared: Sequence[tuple[str, str, str]],
        going: str,
        ours: Mapping[str, str],
    ) -> list[str]:
        """Script statements that stop if anything points at rows to be deleted.

        ``target`` is their table, ``going`` their condition; ``declared``
        lists the table and the column that refer to it without a constraint,
        and the column that they hold; ``ours`` maps tables to the condition of
        their rows that go as well.
        """

    @abstractmethod
    def last_first(self, key: str) -> str:
        """What makes a DELETE go from the last row to the first, where that matters."""

    @abstractmethod
    def delete_exactly(self, delete: str) -> list[str]:
        """A DELETE, and what stops the script if it touched rows of other tables."""

    @abstractmethod
    def days_between(self, later: str, earlier: str) -> str:
        """The whole days from one SQL expression to another."""

    @abstractmethod
    def engine(self, url: URL) -> Engine:
        """An engine with one unpooled connection, pinned on connect."""

    def missing_file(self, url: URL) -> str | None:
        """The file of a database that is not there; connecting would make an empty one."""
        return None

    @abstractmethod
    def lock(self, connection: Connection) -> Lock:
        """The lock on the database that the connection is in."""

    def readable(self, connection: Connection) -> bool:
        """Whether a SELECT gets through at once, where writers keep readers out."""
        return True

    @abstractmethod
    def statement_characters(self, connection: Connection) -> int:
        """How long a statement may be on this server."""

    def largest_statement(self, connection: Connection) -> int | None:
        """How many bytes the server takes in a statement; None where it does not matter."""
        return None

    def foreign_keys(self, connection: Connection) -> list[Reference]:
        """All foreign keys to tables of this database, whatever their ON DELETE rule."""
        from sqlalchemy import inspect

        found = inspect(connection).get_multi_foreign_keys()
        return [
            Reference(
                name,
                tuple(key["constrained_columns"]),
                key["referred_table"],
                tuple(key["referred_columns"]),
            )
            for (_, name), keys in found.items()
            for key in keys
        ]

    def folds_names(self, connection: Connection) -> bool:
        """Whether the server keeps every table's name in small letters, however it is written."""
        return False

    @abstractmethod
    def charsets(self, connection: Connection, table: str) -> dict[str, str]:
        """The character set of each text column, where columns have their own."""

    @abstractmethod
    def holder(self, connection: Connection) -> str:
        """Who holds the lock, as far as the engine tells; empty if it does not."""
