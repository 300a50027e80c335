"""How an engine spells what changes rows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import ClassVar

from terp_seed.database.dialects.model import Piece, Staged, Written
from terp_seed.database.dialects.values import Values
from terp_seed.rows.model import Cells

__all__ = ["Writes"]


class Writes(Values):
    """INSERT, UPDATE and DELETE, and the keys that only the database knows."""

    rows_per_statement: ClassVar[int]
    stages_rows: ClassVar[bool] = False
    """Whether many rows go in by COPY, through a staging table."""
    for_update: ClassVar[str] = " FOR UPDATE"
    """What makes a SELECT hold the rows it finds until the transaction ends."""

    overriding: ClassVar[str] = ""
    """What lets an INSERT give keys that the database always counts itself."""

    def take_keys(self, table: str, key: str, count: int) -> str:
        """A SELECT of the first of ``count`` keys, none of which the table holds or will give out.

        What the server itself gives out next is moved on behind them.
        """
        return f"SELECT COALESCE(MAX({self.quote(key)}), 0) + 1 FROM {self.quote_table(table)}"

    @abstractmethod
    def name_key(self, name: str, first_key: str) -> list[str]:
        """Statements after which ``name`` stands for the value of a sub-select."""

    @abstractmethod
    def numbers(self, column: str, texts: Sequence[str], name: str) -> Written:
        """A column of row numbers, to which the value of a named key is to be added."""

    @abstractmethod
    def documents(self, column: str, rows: Sequence[Sequence[Piece] | None]) -> Written:
        """A column of JSON texts with keys in them that only the database knows."""

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
        rows = "),\n(".join(lines)
        return f"INSERT INTO {self.target(table, columns)} VALUES\n({rows})"

    def join_lookup(self, lookup: tuple[str, str], value: str, number: int) -> tuple[str, str]:
        """An expression of the id of the row that a value leads to, and join ``number`` for it."""
        (table, name), alias = lookup, f"lookup_{number}"
        same = f"{alias}.{self.quote(name)} = {value}"
        return (
            f"{alias}.{self.quote('id')}",
            f"LEFT JOIN {self.quote_table(table)} {alias} ON {same}",
        )

    def derived_literals(self, cells: Cells, texts: Sequence[str]) -> Sequence[str]:
        """Literals of a column that may stand in a derived table, which has one type for all."""
        return texts

    def selected(self, columns: Sequence[Written], names: Iterator[str]) -> tuple[str, str]:
        """What each column gets, said with the names of its literals, and the joins for it."""
        values, joins = [], list[str]()
        for column in columns:
            own = list(islice(names, len(column.texts)))
            if column.lookup is not None:
                value, join = self.join_lookup(column.lookup, own[0], len(joins))
                joins.append(f"\n{join}")
            else:
                value = column.value(own) if column.value else own[0]
            values.append(value)
        return ", ".join(values), "".join(joins)

    def stage(self, table: str, columns: Sequence[Staged]) -> str:
        """The statement that makes the staging table for rows of ``table``."""
        raise NotImplementedError

    def copy_to_stage(self) -> str:
        """The COPY whose rows go to the staging table, all fields in order."""
        raise NotImplementedError

    def insert_staged(self, table: str, columns: Sequence[Staged]) -> str:
        """The INSERT that takes all staged rows, their keys added to the numbers."""
        raise NotImplementedError

    def empty_stage(self) -> str:
        """The statement that makes room in the staging table for other rows."""
        raise NotImplementedError

    def drop_stage(self) -> str:
        """The statement that drops the staging table."""
        raise NotImplementedError

    def insert_missing(
        self,
        table: str,
        columns: Sequence[Written],
        row: Sequence[str],
        keys: Mapping[str, str],
        taken: str,
    ) -> str:
        """An INSERT of one row, unless a row exists for which ``taken`` is true."""
        return (
            f"INSERT INTO {self.target(table, columns)}\nSELECT {', '.join(row)} "
            f"WHERE NOT EXISTS (SELECT 1 FROM {self.quote_table(table)} WHERE {taken})"
        )

    def target(self, table: str, columns: Sequence[Written]) -> str:
        """A table and the columns of it that an INSERT fills."""
        names = [self.quote(column.name) for column in columns]
        return f"{self.quote_table(table)} ({', '.join(names)})"

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

    @abstractmethod
    def temporary_copy(self, name: str, key: str, select: str) -> list[str]:
        """Statements that make an empty temporary table of a SELECT's columns; names are quoted."""

    def drop_temporary(self, name: str) -> list[str]:
        """Statements that drop a temporary table whose savepoint was rolled back, if it is left."""
        return []

    def update_from(
        self, table: str, source: str, values: Sequence[tuple[str, str]], where: str
    ) -> str:
        """An UPDATE of ``table``, called ``live``, from ``source``, called ``kept``; in quotes."""
        given = ", ".join(f"{self.quote(name)} = {value}" for name, value in values)
        return f"UPDATE {table} AS live SET {given} FROM {source} AS kept WHERE {where}"

    def last_first(self, key: str) -> str:
        """What makes a DELETE go from the last row to the first, where that matters."""
        return ""

    def advance_counter(self, table: str, key: str) -> Sequence[str]:
        """Statements after which the next key is above the highest, if rows came with their keys.

        None where the engine sees to it by itself.
        """
        return ()

    def reset_counter(self, table: str, key: str) -> Sequence[str]:
        """Statements that let the next key be the one above the highest.

        They commit where DDL does.
        """
        return ()
