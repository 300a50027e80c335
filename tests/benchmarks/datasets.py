"""A dataset of many rows, a few of which differ from the chain."""

from __future__ import annotations

import copy
import csv
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.lab import Lab

COLUMNS = ("code", "name", "country", "price", "listed", "note")

_REVISION = '''"""Items."""

from alembic import op

revision = "0001_items"
down_revision = None


def upgrade() -> None:
    op.seed_file("items", "items.csv", key=["code"])


def downgrade() -> None:
    op.unseed()
'''
_POLICY = f"""version = 1
defaults.unlisted = "detect"
[tables.items]
not_personal = [{{ columns = [{", ".join(f'"{name}"' for name in COLUMNS)}], reason = "made up" }}]
"""


class DatasetLab(Lab):
    """The same laboratory with a project whose dataset differs in every hundredth row."""

    def __init__(self, lab: Lab, rows: int) -> None:
        self.__dict__.update(copy.copy(lab).__dict__)
        self.project = lab.folder / f"datasets_{rows}"
        self.revisions = self.project / "seed_revisions"
        self.revisions.mkdir(parents=True)
        shutil.copy(lab.project / "alembic.ini", self.project)
        shutil.copytree(lab.project / "seeds", self.project / "seeds")
        seeds = self.project / "seeds"
        (self.revisions / "0001_items.py").write_text(_REVISION)
        (seeds / "masking.toml").write_text(_POLICY)
        (seeds / "datasets.toml").write_text('[items]\ntable = "items"\nkey = ["code"]\n')
        (seeds / "datasets").mkdir()
        _write(seeds / "data" / "items.csv", _rows(rows, every=0))
        _write(seeds / "datasets" / "items.csv", _rows(rows, every=100))

    def clear(self) -> None:
        """Take away the revision that was written, and its file."""
        for path in self.revisions.glob("0002_*.py"):
            path.unlink()
        shutil.rmtree(self.project / "seeds" / "data" / "frozen", ignore_errors=True)


def _write(path: Path, rows: Iterator[list[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        lines.writerows(rows)


def _rows(count: int, every: int) -> Iterator[list[object]]:
    """The rows of a file; every so many of them has another price."""
    draw = random.Random(7)
    for number in range(count):
        name = "".join(draw.choices("abcdefghij ", k=16)).strip()
        price = draw.randrange(100, 10_000) / 100
        note = "".join(draw.choices("abcdefghij ", k=24)).strip() or None
        if every and not number % every:
            price += 10_000
        country = draw.choice(["DE", "FR", "IT", "ES"])
        day = f"20{draw.randrange(10, 30)}-0{draw.randrange(1, 10)}-15"
        yield [f"I-{number}", name, country, f"{price:.2f}", day, note]
