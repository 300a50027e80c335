"""Kept rows on MySQL and MariaDB, where the server alone knows some of a table's columns.

It is asked for them in the script itself, by a prepared statement: those that an UPDATE moves by
ON UPDATE CURRENT_TIMESTAMP, and those that an INSERT may fill.
"""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from terp_seed.database.dialects.kept import NO_PATH, KeptRows, path_where
from terp_seed.database.dialects.model import KeptTable, split_table

__all__ = ["MySQLKeptRows"]

_MOVES = "LOCATE('on update', LOWER(extra)) > 0"
_FILLED = "generation_expression IS NULL OR generation_expression = ''"
_QUOTED = "CONCAT('`', REPLACE(column_name, '`', '``'), '`')"


class MySQLKeptRows(KeptRows, ABC):
    """The statements of kept tables."""

    def create_kept(self, kept: KeptTable) -> list[str]:
        number = "(terp_seed_row INT NOT NULL PRIMARY KEY) ENGINE = InnoDB"
        head = f"CREATE TABLE {self.quote_table(kept.name)} {number}\n"
        if not kept.updates:
            return [head + self.kept_columns(kept)]
        before, rows = self.kept_columns(kept).split("\nFROM ", 1)
        known = ", ".join(map(self.text, dict.fromkeys([*kept.match, *kept.key, *kept.columns])))
        # By themselves they would move in the kept table too: an expression does not.
        moments = self._listed(
            kept.table,
            f"{_MOVES} AND column_name NOT IN ({known})",
            "', COALESCE(live.'",
            f"', NULL) AS ', {_QUOTED}",
            separator="",
        )
        parts = f"{self.text(head + before)}, {moments}, {self.text(f'{chr(10)}FROM {rows}')}"
        return self._prepared(f"CONCAT({parts})")

    def capture(
        self, kept: KeptTable, number: int, where: str, ours: Sequence[str], given: Sequence[str]
    ) -> str:
        if not kept.updates:
            return super().capture(kept, number, where, ours, given)
        names = [*dict.fromkeys([*kept.match, *kept.key, *kept.columns])]
        columns = ["terp_seed_row", *map(self.quote, names)]
        columns += map(kept.ours, kept.columns)
        columns += map(kept.given, kept.columns)
        insert = super().capture(kept, number, where, ours, given)
        table = self.quote_table(kept.name)
        return insert.replace(f"INTO {table}\n", f"INTO {table} ({', '.join(columns)})\n", 1)

    def merge_json(
        self, live: str, keys: Sequence[str], said: str, given: str, *, insist: bool
    ) -> tuple[str, str]:
        paths, moves = "", []
        for key in keys:
            path = self.text(f'$."{key}"')
            there, value = (f"JSON_EXTRACT({document}, {path})" for document in (live, given))
            # MariaDB compares the text inside one of two JSON strings with the other
            wanted = f"JSON_EXTRACT({said}, {path})"
            same = f"CAST({there} AS BINARY) <=> CAST({wanted} AS BINARY)"
            moves.append("1 = 1" if insist else same)
            paths += f", {path_where(path, f'{moves[-1]} AND {value} IS NOT NULL')}, {value}"
        gone = ", ".join(
            path_where(path, f"{move} AND JSON_EXTRACT({given}, {path}) IS NULL")
            for path, move in zip((self.text(f'$."{key}"') for key in keys), moves, strict=True)
        )
        merged = f"JSON_REMOVE(JSON_SET({live}{paths}), {gone}, {NO_PATH})"
        holds = f"JSON_VALID({live}) AND JSON_TYPE({live}) = 'OBJECT'"
        return merged, f"({holds} AND ({' OR '.join(moves)}))"

    def update_kept(self, kept: KeptTable, values: Sequence[tuple[str, str]]) -> str:
        sets = [f"kept.{name} = {value}" for name, value in values]
        sets += [f"kept.{self.quote(name)} = kept.{self.quote(name)}" for name in kept.columns]
        return f"UPDATE {self._joined(kept)} SET {', '.join(sets)}"

    def keep_moments(self, kept: KeptTable) -> list[str]:
        return self._move(kept, "'kept.'", "' = live.'", "")

    def restore_moments(self, kept: KeptTable, where: str) -> list[str]:
        return self._move(kept, "'live.'", "' = kept.'", f"\nWHERE {where}")

    def restore_all_deleted(self, kept: KeptTable) -> list[str]:
        both = (
            f"({_FILLED}) AND column_name IN (SELECT column_name FROM information_schema.columns "
            f"WHERE {self._columns_of(kept.name)})"
        )
        into = self._listed(kept.table, both, "''")
        head = self.text(f"INSERT INTO {self.quote_table(kept.table)} (")
        source = self.text(f"\nFROM {self.quote_table(kept.name)} ORDER BY terp_seed_row")
        return self._prepared(f"CONCAT({head}, {into}, ')\nSELECT ', {into}, {source})")

    def delete_live(self, kept: KeptTable) -> str:
        return f"DELETE live FROM {self._joined(kept)}"

    def _joined(self, kept: KeptTable) -> str:
        tables = self.quote_table(kept.table), self.quote_table(kept.name)
        return f"{tables[0]} live JOIN {tables[1]} kept ON {self.match(kept)}"

    def _move(self, kept: KeptTable, left: str, middle: str, where: str) -> list[str]:
        """Statements that set the columns which move by themselves, if there are any."""
        sets = self._listed(
            kept.table,
            f"{_MOVES} AND column_name IN (SELECT column_name FROM information_schema.columns "
            f"WHERE {self._columns_of(kept.name)})",
            left,
            f"{middle}, {_QUOTED}",
        )
        update = f"UPDATE {self._joined(kept)} SET "
        return self._prepared(
            f"COALESCE(CONCAT({self.text(update)}, NULLIF({sets}, ''), {self.text(where)}), 'DO 0')"
        )

    def _listed(
        self, table: str, where: str, before: str, after: str = "''", separator: str = ", "
    ) -> str:
        """A sub-select of the names of some of a table's columns, quoted, in one text."""
        name = f"CONCAT({before}, {_QUOTED}, {after})"
        return (
            f"(SELECT COALESCE(GROUP_CONCAT({name} ORDER BY ordinal_position "
            f"SEPARATOR {self.text(separator)}), '') FROM information_schema.columns "
            f"WHERE {self._columns_of(table)} AND ({where}))"
        )

    def _columns_of(self, table: str) -> str:
        schema, name = split_table(table)
        place = "DATABASE()" if schema is None else self.text(schema)
        return f"table_schema = {place} AND table_name = {self.text(name)}"

    def _prepared(self, text: str) -> list[str]:
        """Statements that execute the statement which an expression makes."""
        return [
            f"SET @terp_seed_kept = {text}",
            "PREPARE terp_seed_kept FROM @terp_seed_kept",
            "EXECUTE terp_seed_kept",
            "DEALLOCATE PREPARE terp_seed_kept",
        ]
