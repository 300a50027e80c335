"""Random sequences of datasets as revisions: up, down, by script, edited between, as a model."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable
from typing import Any

import pytest
from toys import Toy

REGISTER = """[labels]
table = "labels"
key = ["code"]
vanished = "delete"
allow_delete = true
types = { place = "int", amount = "decimal", day = "date" }
"""
COLUMNS = ("wording", "place", "amount", "day")
Cells = tuple[str | None, ...]
Rows = dict[str, Cells]

SEEDS = range(3)
RELEASES = 6


class Model:
    """The rows there shall be, release by release, and who wrote which cell last."""

    def __init__(self, seed: int) -> None:
        self.draw = random.Random(seed)
        self.releases: list[Rows] = []

    def release(self) -> Rows:
        """The next state of the file: some rows new, some changed, some gone."""
        rows = dict(self.releases[-1]) if self.releases else {}
        codes = [f"C{number}" for number in range(12)]
        for code in self.draw.sample(codes, 5):
            if code in rows and self.draw.random() < 0.4 and len(rows) > 1:
                del rows[code]
            else:
                rows[code] = self.cells()
        self.releases.append(rows)
        return rows

    def cells(self) -> Cells:
        draw = self.draw
        return (
            draw.choice([None, "x", "it's", 'say "so"', "50 %", "a\\b", "grün 🌱", " "]),
            draw.choice([None, "0", "7", "-12"]),
            draw.choice([None, "0", "1.50", "-99.99"]),
            draw.choice([None, "2026-01-31", "1999-12-01"]),
        )


def write(toy: Toy, rows: Rows) -> None:
    path = toy.path / "seeds" / "datasets" / "labels.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(["code", *COLUMNS])
        lines.writerows([code, *cells] for code, cells in rows.items())


def stored(toy: Toy) -> Rows:
    found = toy.rows(f"SELECT code, {', '.join(COLUMNS)} FROM labels")
    return {code: tuple(map(_text, cells)) for code, *cells in found}


def _text(value: Any) -> str | None:
    return None if value is None else str(value)


def same(found: Rows, wanted: Rows) -> bool:
    """Whether rows are the same, with decimals by value."""
    return {code: _plain(cells) for code, cells in found.items()} == {
        code: _plain(cells) for code, cells in wanted.items()
    }


def _plain(cells: Cells) -> tuple[object, ...]:
    wording, place, amount, day = cells
    return (wording, place, None if amount is None else float(amount), day)


@pytest.fixture
def chain(toy: Toy) -> Toy:
    """A project whose chain is empty, with a register."""
    for path in (toy.path / "seed_revisions").glob("*.py"):
        path.unlink()
    (toy.path / "seeds" / "datasets").mkdir()
    (toy.path / "seeds" / "datasets.toml").write_text(REGISTER)
    policy = toy.path / "seeds" / "masking.toml"
    known = policy.read_text().replace('"wording"]', '"wording", "place", "amount", "day"]')
    policy.write_text(known)
    return toy


def generate(toy: Toy, model: Model) -> None:
    for number in range(RELEASES):
        write(toy, model.release())
        toy.call("revision", message=f"release {number}", autogenerate=True)
        toy.call("check")


def names(toy: Toy) -> list[str]:
    return sorted(path.stem for path in (toy.path / "seed_revisions").glob("*.py"))


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_every_release_up_and_down(chain: Toy, seed: int) -> None:
    model = Model(seed)
    generate(chain, model)
    before = chain.digests()
    for revision, rows in zip(names(chain), model.releases, strict=True):
        chain.upgrade(revision)
        assert same(stored(chain), rows), revision
    for rows in [*reversed(model.releases[:-1]), {}]:
        chain.downgrade("-1")
        assert same(stored(chain), rows)
    assert chain.digests() == before


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_a_script_leaves_what_a_run_leaves(
    chain: Toy, new_toy: Callable[..., Toy], second_database_url: str, client: Any, seed: int
) -> None:
    model = Model(seed)
    generate(chain, model)
    other = new_toy(second_database_url)
    chain.upgrade()
    client(other.url, chain.upgrade("head", sql=True))
    assert other.digests() == chain.digests()
    assert same(stored(other), model.releases[-1])
    chain.downgrade()
    client(other.url, chain.downgrade(f"{names(chain)[-1]}:base", sql=True))
    assert chain.counts() == other.counts() == {}


@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_edits_between_stay_and_the_rest_moves(chain: Toy, seed: int) -> None:
    """People edit a cell of a row that no release deletes."""
    model = Model(seed)
    generate(chain, model)
    lasting = set(model.releases[0])
    for rows in model.releases:
        lasting &= rows.keys()
    edited: dict[str, str] = {}
    for number, revision in enumerate(names(chain)):
        chain.upgrade(revision, "on-conflict=theirs")
        for code in sorted(lasting)[:2]:
            edited[code] = f"edit {number}"
            chain.execute(f"UPDATE labels SET wording = 'edit {number}' WHERE code = '{code}'")
    wanted = {
        code: (edited.get(code, cells[0]), *cells[1:]) for code, cells in model.releases[-1].items()
    }
    assert same(stored(chain), wanted)
