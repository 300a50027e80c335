"""A CSV file of twenty columns, one of which is a reference: up, as a script, down."""

from __future__ import annotations

import contextlib
import copy
import csv
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from benchmarks.lab import Database, Lab

GROUPS = 500
COLUMNS = {
    "code": sa.String(20),
    **{f"word{n}": sa.String(40) for n in range(7)},
    **{f"number{n}": sa.Integer() for n in range(5)},
    **{f"amount{n}": sa.Numeric(12, 2) for n in range(3)},
    **{f"day{n}": sa.Date() for n in range(2)},
    "moment": sa.DateTime(),
}
_TABLES = sa.MetaData()
_GROUPS = sa.Table(
    "wide_groups",
    _TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(20), nullable=False, unique=True),
    sqlite_autoincrement=True,
)
_WIDE = sa.Table(
    "wide",
    _TABLES,
    sa.Column("id", sa.Integer, primary_key=True),
    *(sa.Column(name, kind, unique=name == "code") for name, kind in COLUMNS.items()),
    sa.Column("group_id", sa.ForeignKey("wide_groups.id"), nullable=False),
    sqlite_autoincrement=True,
)

_POLICY = f"""version = 1
defaults.unlisted = "detect"
[tables.wide]
not_personal = [{{ columns = [{", ".join(f'"{name}"' for name in COLUMNS)}], reason = "made up" }}]
[tables.wide_groups]
not_personal = [{{ columns = ["name"], reason = "made up" }}]
"""
_REVISION = f'''"""Twenty columns."""

from alembic import op

revision = "0001_wide"
down_revision = None


def upgrade() -> None:
    names = [{{"name": f"group {{n}}"}} for n in range({GROUPS})]
    op.seed_rows("wide_groups", names, key=["name"])
    op.seed_file("wide", "wide.csv", key=["code"], refs={{"group_id": "wide_groups.name"}})


def downgrade() -> None:
    op.unseed()
'''


class FileLab(Lab):
    """The same laboratory with a project that reads a file, and the table for it everywhere."""

    def __init__(self, lab: Lab, rows: int) -> None:
        self.__dict__.update(copy.copy(lab).__dict__)
        self.project = lab.folder / f"files_{rows}"
        (self.project / "seed_revisions").mkdir(parents=True)
        shutil.copy(lab.project / "alembic.ini", self.project)
        shutil.copytree(lab.project / "seeds", self.project / "seeds")
        (self.project / "seed_revisions" / "0001_wide.py").write_text(_REVISION)
        (self.project / "seeds" / "masking.toml").write_text(_POLICY)
        _write_rows(self.project / "seeds" / "data" / "wide.csv", rows)

    @contextlib.contextmanager
    def database(self, engine: str) -> Iterator[Database]:
        """A sandbox database with the two tables too."""
        with super().database(engine) as database:
            there = sa.create_engine(database.url, poolclass=sa.NullPool)
            _TABLES.create_all(there)
            there.dispose()
            yield database


def _write_rows(path: Path, rows: int) -> None:
    """The rows of a file; the same every time."""
    draw = random.Random(7)
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow([*COLUMNS, "group_id"])
        for row in range(rows):
            words = ["".join(draw.choices("abcdefghij ", k=16)).strip() for _ in range(7)]
            numbers = [draw.randrange(1_000_000) for _ in range(5)]
            amounts = [f"{draw.randrange(10_000)}.{draw.randrange(10, 100)}" for _ in range(3)]
            days = [f"20{draw.randrange(10, 30)}-0{draw.randrange(1, 10)}-15" for _ in range(2)]
            moment = f"2026-01-{draw.randrange(10, 29)} 08:{draw.randrange(10, 60)}:00"
            group = f"group {draw.randrange(GROUPS)}"
            lines.writerow([f"W-{row}", *words, *numbers, *amounts, *days, moment, group])
