"""What an engine's own catalogue says beside what SQLAlchemy's inspector reads."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from terp_seed.database.dialects.model import Copy, Reference, TransactionLimit, Trigger

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection
    from sqlalchemy.types import TypeEngine

__all__ = ["STATEMENT_CHARACTERS", "Catalogue"]

STATEMENT_CHARACTERS = 512 * 1024
"""A statement's usual length: well under every server's default packet."""

_IN_LIST = re.compile(
    r'^\(?\s*["`\[]?(\w+)["`\]]?\s+IN\s*\((.*)\)\s*\)?$', re.IGNORECASE | re.DOTALL
)
_TEXT = re.compile(r"'((?:[^']|'')*)'")


class Catalogue(ABC):
    """Facts about the engine and about the tables of a database; nothing here writes."""

    embedded: ClassVar[bool] = False
    """Whether a database is a file of its user's and no server: unstamped, it is ``dev``."""
    schemas: ClassVar[bool] = True
    """Whether tables, the bookkeeping among them, may live in another schema."""
    schemas_are_databases: ClassVar[bool] = False
    """Whether another schema is another database, which a copy of one does not hold."""
    ddl_commits: ClassVar[bool] = False
    """Whether CREATE TABLE commits the transaction that it is run in."""
    opaque: ClassVar[re.Pattern[str]] = re.compile(
        r"""'(?:[^']|'')*' | "(?:[^"]|"")*" | --[^\n]* | /\*.*?\*/""", re.DOTALL | re.VERBOSE
    )
    """Quoted texts, quoted names and comments, as the engine reads them."""
    reuses_keys: ClassVar[bool] = True
    """Whether the keys that a rollback frees are those that the next seed takes."""
    indexes_foreign_keys: ClassVar[bool] = False
    """Whether the engine itself gives each foreign key an index."""
    indexes_in_rollback: ClassVar[bool] = False
    """Whether a rollback may make and drop an index without keeping other writers out."""
    bits_are_numbers: ClassVar[bool] = False
    """Whether a BIT column holds a number, and not a text of noughts and ones."""
    last_timestamp: ClassVar[datetime | None] = None
    """The last moment that a TIMESTAMP column holds, if it ends before dates do."""
    integer_bits: ClassVar[Mapping[str, int]] = {}
    """How many bits each integer type holds, beside its sign; 63 if it is not here."""
    database_options: ClassVar[str] = ""
    """What CREATE DATABASE says of a new database, with a blank in front."""

    def bare(self, sql: str) -> str:
        """A text of SQL without what is quoted and without comments.

        A quoted name that is called like a function stays, without its quotes.
        """
        return self.opaque.sub(_emptied, sql)

    text_bytes: ClassVar[Mapping[str, int]] = {}
    """How many bytes each text type holds that says nothing of characters."""

    long_text: ClassVar[TypeEngine[Any] | None] = None
    """The type of bookkeeping texts that may be megabytes long; None: plain TEXT holds them."""
    long_binary: ClassVar[TypeEngine[Any] | None] = None
    """The same for bytes."""
    counter: ClassVar[TypeEngine[Any] | None] = None
    """The type of a key that the database counts itself; None: BIGINT."""
    table_options: ClassVar[Mapping[str, Any]] = {}
    """SQLAlchemy's options for a bookkeeping table, without the engine's name in front."""

    def statement_characters(self, connection: Connection) -> int:
        """How long a statement may be on this server."""
        return STATEMENT_CHARACTERS

    def largest_statement(self, connection: Connection) -> int | None:
        """How many bytes the server takes in a statement; None where it does not matter."""
        return None

    def transaction_limit(self, connection: Connection) -> TransactionLimit | None:
        """The largest transaction that the server takes; None if it sets no limit."""
        return None

    def folds_names(self, connection: Connection) -> bool:
        """Whether the server keeps every table's name in small letters, however it is written."""
        return False

    def charsets(self, connection: Connection, table: str) -> dict[str, str]:
        """The character set of each text column, where an engine has more than one."""
        return {}

    def choices(self, check: str) -> tuple[str, frozenset[str]] | None:
        """The column and the only values that a CHECK lets in; None for any other CHECK."""
        listed = _IN_LIST.match(check.strip())
        if listed is None:
            return None
        return listed[1], frozenset(text.replace("''", "'") for text in _TEXT.findall(listed[2]))

    def foreign_keys(self, connection: Connection, tables: Sequence[str]) -> list[Reference]:
        """All foreign keys to these tables, whatever their ON DELETE rule, and maybe to others."""
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

    def updates_cascade(self, connection: Connection, table: str, key: Mapping[str, Any]) -> bool:
        """Whether a foreign key, as SQLAlchemy's inspector read it, is ON UPDATE CASCADE."""
        return str(key.get("options", {}).get("onupdate", "")).upper() == "CASCADE"

    def parts(self, connection: Connection) -> frozenset[str]:
        """The tables whose rows are those of another one, as its partitions."""
        return frozenset()

    def unwritable(self, connection: Connection, table: str) -> dict[str, str]:
        """The columns that no text, number or bytes can be written to, with their types."""
        return {}

    def unsafe_storage(self, connection: Connection, table: str) -> str:
        """What stores the table, if that keeps rows of a transaction that is undone."""
        return ""

    def moving_columns(self, connection: Connection, table: str) -> list[str]:
        """The columns that an UPDATE moves by itself."""
        return []

    def triggers(self, connection: Connection, table: str) -> list[str]:
        """The triggers that an UPDATE of the table sets off."""
        return []

    cascades_fire_triggers: ClassVar[bool] = True
    """Whether rows that a foreign key takes along set off the triggers of their table."""

    def readable_elsewhere(self, connection: Connection) -> list[tuple[str, str]]:
        """The tables of other schemas of the database that the user may read, with the schemas."""
        return []

    @abstractmethod
    def all_triggers(self, connection: Connection) -> list[Trigger]:
        """The triggers of all tables of the database, whatever sets them off."""

    def as_spelt(self, name: str) -> str:
        """A text column for comparisons that no collation makes looser."""
        return name

    def as_document(self, expression: str) -> str:
        """A value of a column of JSON, for comparisons with another document."""
        return expression

    def interval(self, one: str, other: str) -> str:
        """How far two dates are apart, to the second; NULL where one is."""
        return f"{one} - {other}"

    def hidden(self, connection: Connection, tables: Sequence[str]) -> str:
        """Why the user may not see every row of these tables; empty if every row is seen."""
        return ""

    def publications(self, connection: Connection, tables: Sequence[str]) -> dict[str, list[str]]:
        """Those of these tables that each publication sends to other databases."""
        return {}

    def statement_logs(self, connection: Connection) -> dict[str, str | None]:
        """The settings by which the server writes this session's statements to a log.

        Each that is on, with the statement that turns it off; with None one that cannot be read.
        """
        return {}

    defers_references: ClassVar[bool] = True
    """Whether the engine can check foreign keys when all rows are there."""

    def defer_references(
        self, connection: Connection, tables: Sequence[str]
    ) -> tuple[Sequence[str], Sequence[str]]:
        """Statements between which rows of these tables may refer to rows that come later.

        The checks wait for the second ones, or for the end of the transaction.  Only where the
        engine `defers_references`.
        """
        raise NotImplementedError

    @abstractmethod
    def copies(self, connection: Connection, tables: Sequence[str]) -> list[Copy]:
        """Where the engine itself keeps originals after these tables were masked in place."""


def _emptied(piece: re.Match[str]) -> str:
    quote, quoted = piece[0][0], piece[0][1:-1]
    if quote in '"`' and piece.string[piece.end() :].lstrip().startswith("("):
        return quoted
    return quote * 2 if quote in "'\"`[" else " "
