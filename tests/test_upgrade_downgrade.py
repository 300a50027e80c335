"""Seeding and unseeding: what each of Alembic's commands does to the rows and to the version."""

from __future__ import annotations

import re

import pytest
from toys import HEAD, Toy

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}


def test_upgrade_head_seeds_everything(toy: Toy) -> None:
    done = toy.alembic("upgrade", "head")
    assert toy.counts() == FULL
    assert toy.version() == HEAD
    assert toy.states() == dict.fromkeys(("0001_labels", "0002_depots", HEAD), "applied")
    assert done.stdout == ""


def test_the_end_of_a_run_is_a_short_table(toy: Toy) -> None:
    said = toy.alembic("upgrade", "head").stderr
    table = said[said.index("revision ") :].splitlines()
    assert re.split(r"  +", table[0]) == ["revision", "table", "seeded", "seconds"]
    assert [line.split()[:2] for line in table[2:4]] == [["0001_labels", "labels"], ["pairs", "2"]]
    assert table[-1].startswith("total")
    assert "environment dev, size small" in table[-1]
    assert f" {sum(FULL.values())} " in table[-1]


def test_seeded_rows_are_linked(toy: Toy) -> None:
    toy.upgrade()
    linked = "SELECT COUNT(*) FROM scans JOIN crates c ON c.id = crate_id JOIN depots d ON d.id = depot_id"
    assert toy.value(linked) == 12
    assert toy.value("SELECT SUM(crate_count) FROM depots") == 12


def test_a_second_upgrade_says_so_and_changes_nothing(toy: Toy) -> None:
    """C-7."""
    toy.upgrade()
    before = toy.everything()
    again = toy.alembic("upgrade", "head")
    assert "nothing to do" in again.stderr
    assert toy.everything() == before


def test_upgrade_by_one_and_to_a_revision(toy: Toy) -> None:
    toy.upgrade("+1")
    assert toy.counts() == {"labels": 3, "pairs": 2}
    toy.upgrade("0002_depots")
    assert toy.version() == "0002_depots"
    toy.upgrade("+1")
    assert toy.counts() == FULL


def test_downgrade_step_by_step_leaves_nothing(toy: Toy) -> None:
    toy.upgrade()
    toy.alembic("downgrade", "-1")
    assert toy.counts() == {"labels": 3, "pairs": 2, "depots": 4}
    assert toy.value("SELECT SUM(crate_count) FROM depots") == 0  # derived again
    toy.downgrade("0001_labels")
    assert toy.counts() == {"labels": 3, "pairs": 2}
    toy.downgrade("base")
    assert toy.counts() == {}
    assert toy.version() is None
    assert toy.states() == {}
    assert toy.value("SELECT COUNT(*) FROM terp_seed_ledger") == 0


def test_downgrade_at_the_base_has_nothing_to_do(toy: Toy) -> None:
    toy.downgrade("base")
    assert "nothing to do" in toy.said
    with pytest.raises(Exception, match="-1"):
        toy.downgrade("-1")


def test_down_and_up_again_gives_the_same_rows(toy: Toy) -> None:
    toy.upgrade()
    before = {name: each.rows for name, each in toy.digests().items()}
    codes = toy.rows("SELECT code, kind, capacity, price, opened FROM depots ORDER BY code")
    toy.downgrade("base")
    toy.upgrade()
    assert {name: each.rows for name, each in toy.digests().items()} == before
    again = toy.rows("SELECT code, kind, capacity, price, opened FROM depots ORDER BY code")
    assert again == codes


def test_both_engines_hold_the_same_rows(new_toy, new_database, mariadb) -> None:
    one, other = new_toy(new_database("sqlite")), new_toy(new_database(mariadb.engine))
    one.upgrade()
    other.upgrade()
    assert one.digests() == other.digests()


def test_the_looking_commands(toy: Toy) -> None:
    assert toy.alembic("current").stdout == ""
    assert toy.call("heads").strip() == "0003_crates (head)"
    history = toy.call("history").splitlines()
    assert history[0] == "0002_depots -> 0003_crates (head), Crates and scans."
    assert history[-1] == "<base> -> 0001_labels, Labels, read from files."
    assert "Depots." in toy.call("show", "0002_depots")
    toy.upgrade("0002_depots")
    assert toy.alembic("current").stdout == "0002_depots\n"
    assert "0002_depots (current)" in toy.call("history", indicate_current=True)
    assert "Depots." in toy.call("show", "current")
    toy.upgrade()
    assert toy.current() == "0003_crates (head)"


@pytest.mark.parametrize("look", ["current", "history -i", "show current", "heads", "branches"])
def test_a_look_writes_nothing(toy: Toy, look: str) -> None:
    before = toy.everything()
    toy.alembic(*look.split())
    assert toy.everything() == before
