"""How easily a person is singled out in a slice: its groups of rows that are alike.

What is counted are masked values.  A slice is small, so its groups are: the numbers say how small.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from types import TracebackType

from terp_seed.errors import MaskingError
from terp_seed.mask_database.risk import USUAL_K, TableRisk
from terp_seed.masking.policy import Policy, TableRules
from terp_seed.rows.literals import canonical
from terp_seed.rows.model import Value

__all__ = ["SliceRisk"]


@dataclass
class SliceRisk:
    """Counts the groups of each table with quasi-identifiers, outside of memory."""

    policy: Policy
    _db: sqlite3.Connection = field(
        default_factory=lambda: sqlite3.connect("", isolation_level=None)
    )
    _tables: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = field(default_factory=dict)

    def __enter__(self) -> SliceRisk:
        self._db.execute("PRAGMA journal_mode = OFF")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def add(self, table: str, columns: Mapping[str, Sequence[Value]]) -> None:
        """Count masked rows in; `MaskingError` for a quasi-identifier that the table lacks."""
        rules = self.policy.table(table)
        if not rules.quasi:
            return
        if table not in self._tables:
            self._begin(rules, table, columns)
        name, quasi, sensitive = self._tables[table]
        groups = [_digest(row) for row in zip(*(columns[n] for n in quasi), strict=True)]
        told = [[_digest([value]) for value in columns[n]] for n in sensitive]
        marks = ", ".join("?" * (1 + len(sensitive)))
        self._db.execute("BEGIN")
        self._db.executemany(
            f"INSERT INTO {name} VALUES ({marks})", zip(groups, *told, strict=True)
        )
        self._db.execute("COMMIT")

    def _begin(self, rules: TableRules, table: str, columns: Mapping[str, Sequence[Value]]) -> None:
        known = {name.casefold(): name for name in columns}
        for name in (*rules.quasi, *rules.sensitive):
            if name.casefold() not in known:
                raise MaskingError(
                    f"{table} has no column {name}, which quasi or sensitive names in "
                    "masking.toml; correct the policy"
                )
        name = f"t{len(self._tables)}"
        quasi, sensitive = (
            tuple(known[each.casefold()] for each in names)
            for names in (rules.quasi, rules.sensitive)
        )
        listed = ", ".join(["g", *(f"s{at}" for at in range(len(sensitive)))])
        self._db.execute(f"CREATE TABLE {name} ({listed})")
        self._tables[table] = name, quasi, sensitive

    def tables(self) -> list[TableRisk]:
        """The risk of each table that has quasi-identifiers and rows."""
        return [self._risk(table) for table in self._tables]

    def _risk(self, table: str) -> TableRisk:
        name, quasi, sensitive = self._tables[table]
        different = "".join(f", COUNT(DISTINCT s{at}) AS s{at}" for at in range(len(sensitive)))
        groups = f"SELECT COUNT(*) AS n{different} FROM {name} GROUP BY g"
        fewest = "".join(f", MIN(s{at})" for at in range(len(sensitive)))
        sql = (
            "SELECT SUM(n), COUNT(*), MIN(n), SUM(CASE WHEN n = 1 THEN 1 ELSE 0 END), "
            f"SUM(CASE WHEN n < {USUAL_K} THEN n ELSE 0 END){fewest} FROM ({groups})"
        )
        (row,) = self._db.execute(sql)
        rows, number, k, alone, small, *least = (int(value or 0) for value in row)
        found = dict(zip(sensitive, least, strict=True))
        return TableRisk(table, list(quasi), rows, number, k, alone, small, found)


def _digest(values: Sequence[Value]) -> int:
    text = "\0".join("" if value is None else f"={canonical(value)}" for value in values)
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), signed=True)
