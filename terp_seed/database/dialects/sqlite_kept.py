"""Kept rows on SQLite, which prepares no statement in a script: a copy loses our own columns."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from terp_seed.database.dialects.kept import NO_PATH, KeptRows, path_where
from terp_seed.database.dialects.model import KeptTable

__all__ = ["SQLiteKeptRows"]

_READ = ("json_extract", "json_type")
_COPY = "temp.terp_seed_restored"


class SQLiteKeptRows(KeptRows, ABC):
    """The statements of kept tables."""

    def merge_json(
        self, live: str, keys: Sequence[str], said: str, given: str, *, insist: bool
    ) -> tuple[str, str]:
        sets, gone, moves = "", "", []
        for key in keys:
            path = self.text(f'$."{key}"')
            moves.append("1 = 1" if insist else _same(live, said, path))
            there = f"json_type({given}, {path})"
            sets += f", {path_where(path, f'{moves[-1]} AND {there} IS NOT NULL')}"
            # json_extract alone makes a number of true
            sets += (
                f", CASE {there} WHEN 'true' THEN json('true') WHEN 'false' THEN json('false') "
                f"ELSE json_extract({given}, {path}) END"
            )
            gone += f"{path_where(path, f'{moves[-1]} AND {there} IS NULL')}, "
        merged = f"json_remove(json_set({live}{sets}), {gone}{NO_PATH})"
        holds = f"json_valid({live}) AND json_type({live}) = 'object'"
        return merged, f"({holds} AND ({' OR '.join(moves)}))"

    def restore_all_deleted(self, kept: KeptTable) -> list[str]:
        source = self.quote_table(kept.name)
        own = ["terp_seed_row", *map(kept.ours, kept.columns)]
        return [
            "CREATE TEMP TABLE terp_seed_restored AS\n"
            f"SELECT * FROM {source} ORDER BY terp_seed_row",
            *(f"ALTER TABLE {_COPY} DROP COLUMN {name}" for name in own),
            f"INSERT INTO {self.quote_table(kept.table)} SELECT * FROM {_COPY}",
            f"DROP TABLE {_COPY}",
        ]


def _same(live: str, said: str, path: str) -> str:
    pairs = ((f"{name}({live}, {path})", f"{name}({said}, {path})") for name in _READ)
    return " AND ".join(f"{there} IS {wanted}" for there, wanted in pairs)
