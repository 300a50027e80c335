"""Kept rows on SQLite, which prepares no statement in a script: a copy loses our own columns."""

from __future__ import annotations

from abc import ABC

from terp_seed.database.dialects.kept import KeptRows
from terp_seed.database.dialects.model import KeptTable

__all__ = ["SQLiteKeptRows"]

_COPY = "temp.terp_seed_restored"


class SQLiteKeptRows(KeptRows, ABC):
    """The statements of kept tables."""

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
