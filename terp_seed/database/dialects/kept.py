"""How an engine keeps rows as they were before a seed changed them, and puts them back.

A *kept table* has the types of the table whose rows it keeps: whatever the columns are, a value
comes back to the last byte, and a literal is what the column makes of it before it is compared.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from terp_seed.database.dialects.model import KeptTable
from terp_seed.database.dialects.writes import Writes

__all__ = ["KEPT_PREFIX", "NO_PATH", "KeptRows", "path_where"]

KEPT_PREFIX = "terp_seed_before_"
"""How the names of kept tables begin."""

NO_PATH = "'$.\"terp_seed_nothing\"'"
"""A path that no document has."""


class KeptRows(Writes, ABC):
    """Statements in which a row of the table is called ``live``, and ``kept`` as it was before."""

    def create_kept(self, kept: KeptTable) -> list[str]:
        """Statements that make the table, empty."""
        return [f"CREATE TABLE {self.quote_table(kept.name)} AS\n{self.kept_columns(kept)}"]

    def drop_kept(self, kept: KeptTable) -> str:
        """The statement that drops it; it need not exist."""
        return f"DROP TABLE IF EXISTS {self.quote_table(kept.name)}"

    def kept_columns(self, kept: KeptTable, more: str = "") -> str:
        """A SELECT of no row that gives the columns their names and types.

        Everything comes from a LEFT JOIN, so that no column takes over NOT NULL or a default.
        """
        quote, target = self.quote, self.quote_table(kept.table)
        columns = ["numbered.terp_seed_row", *self._live(kept)]
        columns += [f"ours.{quote(n)} AS {kept.ours(n)}" for n in kept.columns]
        columns += [f"given.{quote(n)} AS {kept.given(n)}" for n in kept.columns if kept.updates]
        joins = "".join(f"\nLEFT JOIN {target} {name} ON 1 = 0" for name in kept.aliases)
        return (
            f"SELECT {', '.join(columns)}{more}\nFROM (SELECT 0 AS terp_seed_row) numbered{joins}\n"
            "WHERE 1 = 0"
        )

    def capture(
        self, kept: KeptTable, number: int, where: str, ours: Sequence[str], given: Sequence[str]
    ) -> str:
        """Keep one row, locked to the transaction's end, beside what the chain says of it.

        ``ours`` and ``given`` are literals or expressions of ``live``, one for each column.
        """
        values = ", ".join([str(number), *self._live(kept), *ours, *given])
        return (
            f"INSERT INTO {self.quote_table(kept.name)}\nSELECT {values}\n"
            f"FROM {self.quote_table(kept.table)} live WHERE {where}{self.for_update}"
        )

    @abstractmethod
    def merge_json(
        self, live: str, keys: Sequence[str], said: str, given: str, *, insist: bool
    ) -> tuple[str, str]:
        """A document whose top ``keys`` are as ``given`` has them, and whether any moves.

        ``live`` is an expression, ``said`` and ``given`` are literals of JSON objects.  A key moves
        if it is as ``said`` has it, with ``insist`` always; none does if ``live`` holds none.
        """

    def update_live(self, kept: KeptTable, values: Sequence[tuple[str, str]], where: str) -> str:
        """Update rows of the table from their kept ones."""
        live, source = self.quote_table(kept.table), self.quote_table(kept.name)
        return self.update_from(live, source, values, f"{self.match(kept)} AND ({where})")

    def update_kept(self, kept: KeptTable, values: Sequence[tuple[str, str]]) -> str:
        """Update kept rows from those of the table; the columns' names need no quotes."""
        given = ", ".join(f"{name} = {value}" for name, value in values)
        return (
            f"UPDATE {self.quote_table(kept.name)} AS kept SET {given}\n"
            f"FROM {self.quote_table(kept.table)} AS live WHERE {self.match(kept)}"
        )

    def keep_moments(self, kept: KeptTable) -> list[str]:
        """Statements that keep what the engine itself changes in an updated row."""
        return []

    def restore_moments(self, kept: KeptTable, where: str) -> list[str]:
        """Statements that put that back."""
        return []

    def delete_live(self, kept: KeptTable) -> str:
        """Delete the rows of the table that are kept."""
        table = self.quote_table(kept.table)
        return f"DELETE FROM {table} WHERE {self.is_kept(kept, table)}"

    def restore_deleted(self, kept: KeptTable, columns: Sequence[str]) -> str:
        """The statement that inserts the kept rows again, with columns that it names as kept."""
        into = ", ".join(self.quote(kept.live(name)) for name in columns)
        listed = ", ".join(map(self.quote, columns))
        return (
            f"INSERT INTO {self.quote_table(kept.table)} ({into}){self.overriding}\n"
            f"SELECT {listed} FROM {self.quote_table(kept.name)} ORDER BY terp_seed_row"
        )

    @abstractmethod
    def restore_all_deleted(self, kept: KeptTable) -> list[str]:
        """Statements that insert the kept rows again, for a script.

        It has to find out by itself which columns both tables have and an INSERT may fill.
        """

    def is_kept(self, kept: KeptTable, live: str) -> str:
        """A condition on a row of the table, called ``live``: it is kept."""
        pairs = [f"was.{self.quote(n)} = {live}.{self.quote(kept.live(n))}" for n in kept.match]
        table = self.quote_table(kept.name)
        return f"EXISTS (SELECT 1 FROM {table} was WHERE {' AND '.join(pairs)})"

    def match(self, kept: KeptTable) -> str:
        """The condition that ``live`` is the row that was kept."""
        pairs = (f"live.{self.quote(kept.live(n))} = kept.{self.quote(n)}" for n in kept.match)
        return " AND ".join(pairs)

    def _live(self, kept: KeptTable) -> list[str]:
        """What is kept of a row of the table."""
        if not kept.updates:
            return ["live.*"]
        names = dict.fromkeys([*kept.match, *kept.key, *kept.columns])
        return [f"live.{self.quote(name)}" for name in names]


def path_where(path: str, condition: str) -> str:
    """A path where the condition holds, else one that no document has."""
    return f"CASE WHEN {condition} THEN {path} ELSE {NO_PATH} END"
