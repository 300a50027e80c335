"""``terp-seed reseed``: rollback and seeds as one command, with the guards of both."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from toys import HEAD, Toy


def sizes(toy: Toy) -> tuple[object, ...]:
    found = toy.document("status")["settings"]
    return found["size"], found["root_seed"], found["as_of"], found["rows"]["depots"]


def test_another_size_and_all_else_as_it_was(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str
) -> None:
    """The rows are those of a fresh database that is seeded in that size at once."""
    other = new_toy(second_database_url)
    toy.upgrade("head", "seed=7")
    done = toy.document("reseed", "--size=medium", "--yes")
    assert done["removed"][0]["revision"] == HEAD
    assert done["heads"] == [HEAD]
    assert done["seeded"][1]["tables"][0]["inserted"] == 8
    assert sizes(toy) == ("medium", 7, "2026-06-30", 8)
    other.upgrade("head", "size=medium", "seed=7")
    assert toy.numbered_digests() == other.numbered_digests()
    assert [run["direction"] for run in toy.document("history")["runs"]] == [
        "upgrade",
        "downgrade",
        "upgrade",
    ]


def test_without_options_the_same_rows_come_back(toy: Toy) -> None:
    toy.upgrade("head", "size=medium", "rows=crates:13", "as-of=2026-02-03")
    before = toy.numbered_digests()
    toy.execute("DELETE FROM scans", "UPDATE depots SET capacity = 1")
    toy.terp_seed("reseed", "--yes", "--on-edited=delete")
    assert toy.numbered_digests() == before
    assert sizes(toy) == ("medium", 1, "2026-02-03", 8)
    toy.terp_seed("reseed", "--as-of=2026-05-05", "--yes")
    assert sizes(toy)[2] == "2026-05-05"


def test_a_target_and_a_chain_at_its_base(toy: Toy) -> None:
    done = toy.document("reseed", "0002_depots", "--size=medium")
    assert (done["removed"], done["heads"]) == ([], ["0002_depots"])
    assert toy.counts()["depots"] == 8


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (("--size=giant", "--yes"), 2, "'giant' is not a preset"),
        (("--size=large",), 5, "answer beforehand"),
        (("--on-edited=abort", "--yes"), 6, "rows were edited since they were seeded"),
        (("0009_absent", "--yes"), 2, "0009_absent"),
        (("--dry-run",), 0, ""),
    ],
)
def test_what_is_refused_leaves_every_row(
    toy: Toy, command: tuple[str, ...], code: int, said: str
) -> None:
    toy.upgrade()
    toy.execute("UPDATE labels SET wording = 'mine'")
    before = toy.everything()
    done = toy.terp_seed("reseed", *command, code=code)
    assert said in done.stderr
    assert toy.everything() == before


def test_a_seeder_that_fails_is_found_before_the_rollback(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    path = sqlite_toy.path / "seeds" / "data" / "labels.csv"
    path.write_text("code,wording\nA,fine,too many\n")
    before = sqlite_toy.everything()
    sqlite_toy.terp_seed("reseed", "--yes", code=2)
    assert sqlite_toy.everything() == before


def test_the_dry_run_says_both(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    done = sqlite_toy.terp_seed("reseed", "--size=medium", "--dry-run").stdout
    assert "nothing was written" in done
    assert "then seed again: size medium, root seed 1, as of 2026-06-30" in done
    assert "seed 0003_crates: insert 40 crates, 40 scans" in done


def test_seeds_that_do_not_fit_say_that_the_rollback_is_done(toy: Toy) -> None:
    toy.upgrade()
    taken = toy.value("SELECT MAX(code) FROM depots").replace("4", "7")
    toy.execute(f"INSERT INTO depots VALUES (90, '{taken}', 'main', 1, 1, 0, '2026-01-01')")
    done = toy.terp_seed("reseed", "--size=medium", "--yes", code=4)
    assert "already belong to rows that this seed did not insert" in done.stderr
    last = done.stderr.splitlines()[-1].strip()
    command = "terp-seed seed --size=medium --seed=1 --as-of=2026-06-30"
    assert last == f"the chain was rolled back before that; seed it with: {command}"
    assert toy.version() is None


def test_staging_wants_the_name_once_and_gets_a_backup(toy: Toy, tmp_path: Path) -> None:
    toy.upgrade()
    toy.execute("UPDATE terp_seed_environment SET name = 'staging'")
    before = toy.everything()
    backups = f"backup-folder={tmp_path / 'backups'}"
    toy.terp_seed("reseed", "--yes", x=(backups,), code=5)
    assert toy.everything() == before
    toy.terp_seed("reseed", "--size=medium", x=(backups, toy.consent))
    assert toy.counts()["depots"] == 8
    (folder,) = (tmp_path / "backups").iterdir()
    assert list(folder.glob("*.sql"))


def test_changes_are_in_the_plan_too(sqlite_toy: Toy) -> None:
    update = 'op.update_rows("labels", [{"code": "COLD", "wording": "ice"}], key=["code"])'
    sqlite_toy.revision("0004_d", update)
    sqlite_toy.upgrade()
    said = sqlite_toy.terp_seed("reseed", "--dry-run").output
    assert "seed 0004_d: update 1 labels" in said


def test_a_chain_that_is_of_today_is_moved_on(sqlite_toy: Toy) -> None:
    """A seeded chain keeps its day, whatever the section says, until it is seeded anew."""
    toy = sqlite_toy
    toy.upgrade("0002_depots", "as-of=2026-01-31")
    toy.ini("as_of = today")
    toy.upgrade("head")
    assert toy.document("status")["settings"]["as_of"] == "2026-01-31"
    before = date.today()
    toy.terp_seed("reseed", "--yes")
    found = date.fromisoformat(toy.document("status")["settings"]["as_of"])
    assert before <= found <= date.today()
    assert toy.value("SELECT MAX(opened) FROM depots") == found.isoformat()
