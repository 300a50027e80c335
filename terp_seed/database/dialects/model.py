"""What an engine is asked about and what it answers with: plain values, no SQL."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

__all__ = [
    "Canonical",
    "Copy",
    "KeptTable",
    "Kind",
    "Loaded",
    "Piece",
    "Problem",
    "Reference",
    "Staged",
    "TransactionLimit",
    "Trigger",
    "Written",
    "gather_references",
    "join_table",
    "split_table",
]


def split_table(name: str) -> tuple[str | None, str]:
    """The schema that a table's name says, None for the connection's own, and the rest of it."""
    schema, dot, table = name.partition(".")
    return (schema, table) if dot else (None, name)


def join_table(schema: str | None, table: str) -> str:
    """The name of a table in a schema; None is the connection's own."""
    return table if schema is None else f"{schema}.{table}"


@dataclass(frozen=True, slots=True)
class TransactionLimit:
    """The largest transaction that a server takes."""

    bytes: int
    name: str
    """The variable that says so."""
    texts: bool
    """Whether the texts of statements count."""
    images: bool
    """Whether the rows themselves count."""


@dataclass(frozen=True, slots=True)
class KeptTable:
    """Where rows of a table are kept as they were before one operation changed them."""

    name: str
    table: str
    match: tuple[str, ...]
    """The columns by which a row is found again."""
    key: tuple[str, ...]
    """The natural key, which messages name."""
    columns: tuple[str, ...]
    """The columns that are updated, or compared before a deletion."""
    updates: bool
    """Whether rows are updated; deleted ones are kept whole."""
    numbered: tuple[str, ...] = ()
    """All columns of the operation, if the table has lost some of them since."""
    renamed: tuple[tuple[str, str], ...] = ()
    """Columns that the table calls otherwise now: the name here, and there."""

    @property
    def aliases(self) -> Sequence[str]:
        return ("live", "ours", "given") if self.updates else ("live", "ours")

    def ours(self, column: str) -> str:
        """The column with the value that the chain says there is."""
        return f"terp_seed_ours_{self._number(column)}"

    def given(self, column: str) -> str:
        """The column with the value that the operation gives."""
        return f"terp_seed_given_{self._number(column)}"

    def live(self, column: str) -> str:
        """The column's name in the table."""
        return dict(self.renamed).get(column, column)

    def _number(self, column: str) -> int:
        return (self.numbered or self.columns).index(column) + 1


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
    lookup: tuple[str, str] | None = None
    """The table and the column in which the literals are looked up, for the row's id there."""


@dataclass(frozen=True, slots=True)
class Staged:
    """One column of rows that are copied to a staging table, on their way to the real one."""

    name: str
    keys: Sequence[str] = ()
    """The named keys from which the numbers in it count; none for plain values."""
    is_document: bool = False
    """Whether the numbers are inside of a JSON text: it takes three fields."""
    lookup: tuple[str, str] | None = None
    """The table and the column in which the values are looked up."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """One column of a CSV file that an engine's client loads."""

    name: str
    """Its name, quoted."""
    is_binary: bool = False
    """Whether some of its fields are bytes, written as ``\\x`` and hexadecimal digits."""
    is_boolean: bool = False


@dataclass(frozen=True, slots=True)
class Canonical:
    """A column whose canonical text the database is to make."""

    column: str
    kind: TypeEngine[Any]
    first: int | None = None
    """The first key of what a reference refers to, so that it counts as a row number."""


@dataclass(frozen=True)
class Reference:
    """``columns`` of ``table`` hold the ``targets`` of a row of ``target_table``.

    A table outside the connection's own schema is named with its schema.
    """

    table: str
    columns: tuple[str, ...]
    target_table: str
    targets: tuple[str, ...]

    @property
    def column(self) -> str:
        """The first of the columns, which is the only one of most."""
        return self.columns[0]

    @property
    def target(self) -> str:
        """What the first of the columns holds."""
        return self.targets[0]


def gather_references(rows: Iterable[Sequence[Any]]) -> list[Reference]:
    """References of a catalogue's rows: table, key's name, target table, column, target.

    The rows of one key follow each other, in the order of its columns.
    """
    return [
        Reference(table, tuple(row[3] for row in pairs), target, tuple(row[4] for row in pairs))
        for (table, _, target), group in groupby(rows, key=lambda row: tuple(row[:3]))
        for pairs in [list(group)]
    ]


@dataclass(frozen=True)
class Trigger:
    """A trigger of a table, with the text of what it does."""

    name: str
    table: str
    text: str


@dataclass(frozen=True)
class Copy:
    """One place that may still hold originals after masking in place, and what to do about it."""

    where: str
    now: str
    """What the database says of it."""
    duty: str


class Kind(Enum):
    """What a database error means for a run."""

    RETRYABLE = "the transaction was undone because of another one; the revision may be repeated"
    KEY_TAKEN = "another program took a key of a reserved range"
    GONE = "the connection is lost"
    READ_ONLY = "the server takes no writes"
    DENIED = "a privilege is missing"
    BEING_CREATED = "another run is creating the table"
    REFUSED = "the statement is wrong, or a value does not fit"


@dataclass(frozen=True)
class Problem:
    """A database error in words that hold no value of a row."""

    kind: Kind
    meaning: str
    code: int | str | None = None
    """The server's number or SQLSTATE, where the engine has them."""
    name: str = ""
    """The table, column, key or privilege that the error is about."""
