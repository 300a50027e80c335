"""Kept rows on PostgreSQL, whose catalogue says which columns an INSERT may fill."""

from __future__ import annotations

from abc import ABC
from collections.abc import Sequence

from terp_seed.database.dialects.kept import KeptRows
from terp_seed.database.dialects.model import KeptTable

__all__ = ["PostgreSQLKeptRows"]


class PostgreSQLKeptRows(KeptRows, ABC):
    """The statements of kept tables."""

    def merge_json(
        self, live: str, keys: Sequence[str], said: str, given: str, *, insist: bool
    ) -> tuple[str, str]:
        there = merged = f"{live}::jsonb"
        moves = []
        for key in keys:
            name = self.text(key)
            same = f"({there} -> {name}) IS NOT DISTINCT FROM ({said}::jsonb -> {name})"
            moves.append("true" if insist else same)
            value = f"jsonb_build_object({name}, {given}::jsonb -> {name})"
            has = f"jsonb_exists({given}::jsonb, {name})"
            added = f"CASE WHEN {moves[-1]} AND {has} THEN {value} ELSE '{{}}' END"
            gone = f"CASE WHEN {moves[-1]} THEN ARRAY[{name}] ELSE ARRAY[]::text[] END"
            merged = f"({merged} - {gone} || {added})"
        # AND does not order its sides: what is no object would not be asked for its keys.
        holds = f"CASE WHEN jsonb_typeof({there}) = 'object' THEN {' OR '.join(moves)} END"
        return merged, f"({holds})"

    def restore_all_deleted(self, kept: KeptTable) -> list[str]:
        target, source = self.quote_table(kept.table), self.quote_table(kept.name)
        found = (
            "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO names\n"
            "FROM pg_attribute a JOIN pg_attribute b ON b.attname = a.attname AND NOT "
            f"b.attisdropped AND b.attrelid = {self.text(source)}::regclass\n"
            f"WHERE a.attrelid = {self.text(target)}::regclass AND a.attnum > 0 "
            "AND NOT a.attisdropped AND a.attgenerated = '';"
        )
        insert = self.text(f"INSERT INTO {target} (%s){self.overriding} SELECT %s FROM {source} ")
        order = self.text("ORDER BY terp_seed_row")
        code = (
            f"DECLARE names text;\nBEGIN\n{found}\n"
            f"EXECUTE format({insert}, names, names) || {order};\nEND"
        )
        return [f"DO $terp_seed$\n{code} $terp_seed$"]
