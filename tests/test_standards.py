"""A standard's list, kept as a dataset through its releases, while people edit the table."""

from __future__ import annotations

import csv
import random
from typing import Any

import pytest
from standards import releases
from toys import Toy

REGISTER = """[countries]
table = "countries"
key = ["code"]
vanished = "delete"
once = ["note"]
"""
COLUMNS = ("code", "long_code", "name", "note")
Rows = dict[str, tuple[Any, ...]]


@pytest.fixture
def countries(toy: Toy) -> Toy:
    """A project with a table for the list, on each engine; its chain is empty."""
    for path in (toy.path / "seed_revisions").glob("*.py"):
        path.unlink()
    toy.publish("countries", COLUMNS)
    (toy.path / "seeds" / "datasets").mkdir()
    (toy.path / "seeds" / "datasets.toml").write_text(REGISTER)
    toy.execute(
        f"CREATE TABLE countries (id {toy.counted_key}, code VARCHAR(2) NOT NULL UNIQUE, "
        "long_code VARCHAR(3) NOT NULL, name VARCHAR(60) NOT NULL, note VARCHAR(60))"
    )
    return toy


def write(toy: Toy, rows: dict[str, tuple[str, str]]) -> None:
    path = toy.path / "seeds" / "datasets" / "countries.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        lines.writerows([code, *cells, "as published"] for code, cells in rows.items())


def stored(toy: Toy) -> Rows:
    found = toy.rows("SELECT code, long_code, name, note FROM countries")
    return {code: tuple(cells) for code, *cells in found}


def release(toy: Toy, name: str, rows: dict[str, tuple[str, str]]) -> None:
    """Write the file, let the revision be written, and check that nothing is left to write."""
    write(toy, rows)
    toy.call("revision", message=f"countries {name}", autogenerate=True)
    toy.call("check")


@pytest.mark.long
def test_every_release_reaches_the_table_and_goes_again(countries: Toy) -> None:
    before = countries.digests()
    for name, rows in releases():
        release(countries, name, rows)
        countries.upgrade()
        assert stored(countries) == {c: (*cells, "as published") for c, cells in rows.items()}
    revisions = sorted((countries.path / "seed_revisions").glob("*.py"))
    assert len(revisions) == 12
    lists = [{c: (*cells, "as published") for c, cells in rows.items()} for _, rows in releases()]
    for rows in [*reversed(lists[:-1]), {}]:
        countries.downgrade("-1")
        assert stored(countries) == rows
    assert countries.digests() == before


@pytest.mark.slow
def test_a_fresh_database_gets_what_an_old_one_has(
    countries: Toy, new_toy: Any, second_database_url: str, client: Any
) -> None:
    """One by one, all at once, and as one script: the same rows."""
    for name, rows in releases():
        release(countries, name, rows)
        countries.upgrade()
    old = stored(countries)
    countries.downgrade()
    countries.upgrade()
    assert stored(countries) == old
    countries.downgrade()
    client(countries.url, countries.upgrade("head", sql=True))
    assert stored(countries) == old


@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_no_edit_is_lost_and_no_default_is_missed(countries: Toy, seed: int) -> None:
    """People change names and notes between the releases, and add a row of their own."""
    draw = random.Random(seed)
    theirs: dict[tuple[str, str], str] = {}
    number = 0
    *_, (_, published) = releases()
    for name, rows in releases():
        release(countries, name, rows)
        countries.upgrade("head", "on-conflict=theirs")
        for code in draw.sample(sorted(rows.keys() & published.keys()), 3):
            column = draw.choice(["name", "note"])
            number += 1
            theirs[code, column] = f"edit {number}"
            countries.execute(
                f"UPDATE countries SET {column} = 'edit {number}' WHERE code = '{code}'"
            )
    now = stored(countries)
    for code, (long_code, name) in published.items():
        assert now[code] == (
            long_code,
            theirs.get((code, "name"), name),
            theirs.get((code, "note"), "as published"),
        )
