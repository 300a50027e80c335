"""A database that holds personal data, for tests of masking in place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from production import KEY

from terp_seed.database.environment_stamp import stamp
from terp_seed.mask_database.leaks import find_leaks
from terp_seed.mask_database.run import MaskOptions, mask_in_place
from terp_seed.settings.options import Settings

PLAIN = {"no_parameters": True}


class Copy:
    """A database that holds personal data, and masking in this process."""

    def __init__(self, url: str, home: Path, keys: pytest.MonkeyPatch, stamped: str) -> None:
        self.db = sa.create_engine(url, poolclass=sa.NullPool)
        self.keys, self.home = keys, home
        name = Path(str(self.db.url.database)).name
        self.settings = Settings("seed", self.db.url, home, yes=name)
        with self.db.begin() as connection:
            stamp(connection, stamped, origin="test")
        self.key(KEY)

    @property
    def name(self) -> str:
        """SQLAlchemy's name of the engine."""
        return self.db.dialect.name

    def key(self, key: str | None) -> None:
        """Mask with this key from now on."""
        self.keys.delenv("TERP_SEED_MASK_KEY", raising=False)
        if key is not None:
            self.keys.setenv("TERP_SEED_MASK_KEY", key)

    def policy(self, *lines: str) -> None:
        """Write the policy, which leaves columns without an entry to the detector."""
        text = "\n".join(lines)
        if "unlisted" not in text:
            text = f'defaults.unlisted = "detect"\n{text}'
        (self.home / "masking.toml").write_text(text)

    def run(self, *statements: str) -> None:
        with self.db.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement, execution_options=PLAIN)

    def all(self, sql: str) -> list[tuple[Any, ...]]:
        with self.db.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, execution_options=PLAIN)]

    def mask(self, *tables: str, **more: Any) -> dict[str, int]:
        """Mask; how many rows of each table that took."""
        plans = mask_in_place(self.settings, MaskOptions(tables, yes=True, **more))
        return {plan.table: plan.rows for plan in plans}

    def leaks(self, *tables: str) -> set[tuple[str, str, str]]:
        return {
            (leak.table, leak.column, leak.found)
            for leak in find_leaks(self.settings, tables).leaks
        }

    def audit(self) -> list[str]:
        where = "direction = 'mask' ORDER BY id"
        return [event for (event,) in self.all(f"SELECT event FROM terp_seed_audit WHERE {where}")]


def add_people(copy: Copy, numbers: range) -> None:
    rows = ", ".join(f"({n}, 'Jane Canary{n}', 'canary-{n}@real-corp.com')" for n in numbers)
    copy.run(f"INSERT INTO people VALUES {rows}")
