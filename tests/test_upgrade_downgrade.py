"""Seeding and unseeding: what each of Alembic's commands does to the rows and to the version."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from servers import MariaDB
from toys import HEAD, Toy

from terp_seed.errors import PlanError, SeedError, UsageError

pytestmark = pytest.mark.every_engine

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
    linked = (
        "SELECT COUNT(*) FROM scans JOIN crates c ON c.id = crate_id JOIN depots d ON d.id = "
        "depot_id"
    )
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
    toy.downgrade("-1")
    assert "nothing to do" in toy.said


def test_down_and_up_again_gives_the_same_rows(toy: Toy) -> None:
    toy.upgrade()
    before = {name: each.rows for name, each in toy.digests().items()}
    codes = toy.rows("SELECT code, kind, capacity, price, opened FROM depots ORDER BY code")
    toy.downgrade("base")
    toy.upgrade()
    assert {name: each.rows for name, each in toy.digests().items()} == before
    again = toy.rows("SELECT code, kind, capacity, price, opened FROM depots ORDER BY code")
    assert again == codes


def test_both_engines_hold_the_same_rows(
    new_toy: Callable[..., Toy], new_database: Callable[[str], str], mariadb: MariaDB
) -> None:
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


# -- stamp


def test_stamp_moves_the_version_and_leaves_a_header_that_says_so(toy: Toy) -> None:
    toy.alembic("stamp", "0002_depots")
    assert toy.counts() == {}
    assert toy.version() == "0002_depots"
    assert toy.states() == {"0001_labels": "stamped", "0002_depots": "stamped"}
    assert ("stamped", "0002_depots") in toy.audit()
    toy.downgrade()
    assert toy.version() is None
    assert toy.states() == {}


def test_the_rollback_of_a_stamped_revision_takes_nothing(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code) VALUES ('COLD')")
    toy.stamp("head")
    toy.downgrade()
    assert toy.counts() == {"labels": 1}


def test_stamp_down_over_stamped_revisions_takes_their_headers(toy: Toy) -> None:
    toy.stamp("head")
    toy.stamp("0001_labels")
    assert toy.version() == "0001_labels"
    assert toy.states() == {"0001_labels": "stamped"}
    toy.stamp("base")
    assert toy.version() is None
    assert toy.states() == {}


def test_stamp_down_over_applied_revisions_is_refused(toy: Toy) -> None:
    """Their rows would be nobody's."""
    toy.upgrade()
    before = {name: each for name, each in toy.everything().items() if name != "terp_seed_audit"}
    for target in ("0001_labels", "base"):
        with pytest.raises(PlanError, match="0003_crates"):
            toy.stamp(target)
    after = {name: each for name, each in toy.everything().items() if name != "terp_seed_audit"}
    assert after == before


def test_stamp_on_top_of_applied_revisions(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    toy.stamp("head")
    assert toy.states() == {
        "0001_labels": "applied",
        "0002_depots": "stamped",
        HEAD: "stamped",
    }
    toy.downgrade()
    assert toy.counts() == {}
    assert toy.states() == {}


def test_stamp_with_purge_is_refused_while_the_ledger_holds_rows(toy: Toy) -> None:
    """Purging deletes the version before any step, and would leave the ledger as it is."""
    toy.upgrade("0002_depots")
    before = {name: each for name, each in toy.everything().items() if name != "terp_seed_audit"}
    with pytest.raises(SeedError, match="purge"):
        toy.stamp("head", purge=True)
    after = {name: each for name, each in toy.everything().items() if name != "terp_seed_audit"}
    assert after == before


def test_a_seeder_that_builds_on_stamped_revisions_says_so(toy: Toy) -> None:
    toy.stamp("0002_depots")
    with pytest.raises(UsageError, match="builds on table 'depots', which no earlier revision"):
        toy.upgrade()
    assert toy.counts() == {}


def test_a_version_without_a_ledger_is_noticed(toy: Toy) -> None:
    toy.upgrade()
    before = toy.digests()
    toy.execute("DROP TABLE terp_seed_ledger")
    with pytest.raises(PlanError, match="0001_labels, 0002_depots, 0003_crates as applied, but"):
        toy.downgrade()
    assert toy.digests() == before


# -- a revision of one's own


@pytest.mark.long
def test_the_template_writes_a_revision_that_runs_as_it_is(toy: Toy) -> None:
    toy.upgrade()
    before = toy.digests()
    toy.alembic("revision", "-m", 'more "labels"', "--rev-id", "0004_more")
    toy.alembic("upgrade", "head")
    assert toy.version() == "0004_more"
    assert "0004_more" in toy.states()
    toy.alembic("downgrade", "-1")
    assert toy.digests() == before
    assert toy.version() == HEAD


def test_the_template_names_a_revision_by_itself(sqlite_toy: Toy) -> None:
    sqlite_toy.call("revision", message="labels of the north")
    (path,) = (sqlite_toy.path / "seed_revisions").glob("[0-9a-f]" * 12 + ".py")
    assert "labels of the north" in path.read_text()
    path.write_text(
        path.read_text().replace(
            "    pass", '    op.seed_rows("labels", [{"code": "N"}], key=["code"])'
        )
    )
    sqlite_toy.upgrade()
    assert sqlite_toy.version() == path.stem
    sqlite_toy.downgrade("-1")
    assert sqlite_toy.counts()["labels"] == 3


def test_a_branched_chain_is_refused_by_alembic_in_one_line(sqlite_toy: Toy) -> None:
    sqlite_toy.revision("0002_other", "pass", after="0001_labels")
    failed = sqlite_toy.alembic("upgrade", "head", check=False)
    assert failed.returncode == 255
    assert "Multiple head revisions" in failed.stdout
    assert "Traceback" not in failed.stderr


@pytest.mark.long
def test_an_unknown_revision_is_refused_in_one_line(toy: Toy) -> None:
    for args in (("upgrade", "0009_no"), ("downgrade", "0009_no"), ("upgrade", "+9")):
        failed = toy.alembic(*args, check=False)
        assert failed.returncode == 255
        assert failed.stdout.startswith("FAILED: ")
        assert "Traceback" not in failed.stderr


def test_a_second_chain_keeps_books_of_its_own(sqlite_toy: Toy) -> None:
    """Two histories in one database do not see each other."""
    sqlite_toy.upgrade()
    more = sqlite_toy.path / "more"
    more.mkdir()
    (more / "m1.py").write_text(
        "from alembic import op\nrevision, down_revision = 'm1', None\n"
        "def upgrade(): op.seed_rows('labels', [{'code': 'MORE'}], key=['code'])\n"
        "def downgrade(): op.unseed()\n"
    )
    text = (sqlite_toy.path / "alembic.ini").read_text()
    section = text[text.index("[seed]") :].replace("[seed]", "[more]")
    sqlite_toy.ini("", section.replace("/seed_revisions", "/more"))
    run = ("alembic", "-n", "more", "-x", f"url={sqlite_toy.url}")
    sqlite_toy.run(*run, "upgrade", "head")
    assert sqlite_toy.counts()["labels"] == 4
    assert sqlite_toy.version() == HEAD
    assert sqlite_toy.value("SELECT version_num FROM terp_seed_version_more") == "m1"
    sqlite_toy.run(*run, "downgrade", "base")
    assert sqlite_toy.counts() == FULL
