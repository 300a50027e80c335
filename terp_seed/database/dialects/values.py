"""How an engine spells values and expressions over them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from terp_seed.database.dialects.model import Canonical
from terp_seed.rows import literals as texts
from terp_seed.rows.model import Cells, Lookup, Value

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

__all__ = ["Values", "equal_to"]

_NAME = re.compile(r"\{([^\W\d]\w*(?:\.[^\W\d]\w*)*)\}")


class Values(ABC):
    """Names, literals and expressions; standard SQL unless an engine says otherwise."""

    now: ClassVar[str]
    """The server's own clock as a text, UTC, whatever the session's is pinned to."""
    user: ClassVar[str] = "CURRENT_USER"
    """The database user, as the server knows it."""
    keeps_nul: ClassVar[bool] = True
    """Whether a text may hold the character NUL."""
    version: ClassVar[str] = "VERSION()"
    """The server's version, as a text."""

    def quote(self, name: str) -> str:
        """An identifier, quoted whatever it is."""
        return '"' + name.replace('"', '""') + '"'

    def quote_table(self, name: str) -> str:
        """A table's name, quoted; ``schema.table`` is one in another schema or database."""
        return ".".join(map(self.quote, name.split(".", 1)))

    def named(self, sql: str) -> str:
        """SQL of a `Check` or `Derived`, in which ``{column}`` and ``{table.column}`` are names.

        A name is quoted as the engine does it, so that it keeps its capitals.
        """
        return _NAME.sub(lambda found: ".".join(map(self.mark, found[1].split("."))), sql)

    def mark(self, name: str) -> str:
        """A name in SQL that a person wrote, quoted so that a wrong one is an error."""
        return self.quote(name)

    @abstractmethod
    def text(self, value: str) -> str:
        """The literal of a text; `ValueError` if the engine cannot hold it."""

    def binary(self, value: bytes) -> str:
        """The literal of bytes."""
        return f"x'{value.hex()}'"

    def literal(self, value: Value) -> str:
        """The literal of any value; `ValueError` if the engine cannot hold it."""
        return texts.literal(value, self.text, self.binary, self.lookup)

    def literals(self, cells: Cells) -> Sequence[str]:
        """The literals of a column; references stay plain row numbers."""
        return texts.literals(cells, self.text, self.binary, self.lookup)

    def lookup(self, wanted: Lookup) -> str:
        """A sub-select of the key of the row that a natural key names.

        The derived table lets MySQL look into the table it is inserting into.
        """
        where = " AND ".join(
            f"{self.quote(name)} = {self.literal(value)}" for name, value in wanted.where
        )
        return (
            f"(SELECT seeded.{self.quote(wanted.id)} FROM (SELECT {self.quote(wanted.id)} "
            f"FROM {self.quote_table(wanted.table)} WHERE {where}) AS seeded)"
        )

    def exactly(self, column: str, kind: TypeEngine[Any]) -> str:
        """An expression of a column whose value, read and written again, is the same."""
        return column

    def comparable(self, column: str, kind: TypeEngine[Any]) -> str:
        """An expression of a column whose value can be held against the one that was written."""
        return column

    def read_values(self, table: str, column: str, literals: Sequence[str]) -> str | None:
        """A SELECT that fails if a column cannot read one of these literals; None if none does."""
        return None

    def size(self, column: str) -> str:
        """The length of a column's value, at least roughly in bytes; NULL for NULL."""
        return f"LENGTH({column})"

    @abstractmethod
    def canonical(self, columns: Sequence[Canonical], separator: str) -> str:
        """An expression of the canonical texts of columns, joined, as UTF-8 bytes.

        A rare value may be written in another way than `literals.canonical`
        writes it, but never two different values alike.
        """

    address_types: ClassVar[frozenset[str]] = frozenset()
    """What its own types of network addresses are called, which take the text of one."""

    digests_rows: ClassVar[bool] = False
    """Whether `row_digest` can be asked: the database makes digests of the values it stores."""

    def row_digest(self, columns: Sequence[str]) -> str:
        """An expression of 8 bytes of a SHA-256 over expressions of any type, as the row has them.

        Two rows that differ anywhere have different ones, but for numbers of MySQL's FLOAT that
        differ behind the sixth digit.
        """
        raise NotImplementedError

    def join_digests(self, digest: str, order: str) -> str:
        """An aggregate: the digests of many rows behind each other, ordered by an expression."""
        raise NotImplementedError

    @abstractmethod
    def same(self, one: str, other: str) -> str:
        """A condition: two values are the same to the last byte, or both NULL."""

    def one_of(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
        """The condition that columns, quoted, hold the literals of one of these rows."""
        if len(columns) == 1:
            return f"{columns[0]} IN ({', '.join(row[0] for row in rows)})"
        # The first column alone lets every server use an index on them.
        first = ", ".join(dict.fromkeys(row[0] for row in rows))
        listed = self.row_list([f"({', '.join(row)})" for row in rows])
        return f"{columns[0]} IN ({first}) AND ({', '.join(columns)}) IN ({listed})"

    def row_list(self, rows: Sequence[str]) -> str:
        """Rows of literals as the right side of an IN."""
        return ", ".join(rows)

    def days_between(self, later: str, earlier: str) -> str:
        """The whole days from one SQL expression to another."""
        return f"(CAST({later} AS DATE) - CAST({earlier} AS DATE))"


def equal_to(columns: Iterable[str], literals: Sequence[str]) -> str:
    """The condition that columns, quoted, hold these values, none of them NULL."""
    return " AND ".join(
        f"{column} = {literal}" for column, literal in zip(columns, literals, strict=True)
    )
