"""Where the chain stands, as a person and as a machine are told."""

from __future__ import annotations

from typing import Any

from toys import Toy


def states(found: dict[str, Any]) -> dict[str, str]:
    """The state of each revision."""
    return {each["revision"]: each["state"] for each in found["revisions"]}


def drift(found: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    """Intact, edited, replaced and missing rows of each table."""
    names = ("intact", "edited", "replaced", "missing")
    return {
        each["table"]: tuple(each[name] for name in names)
        for revision in found["revisions"]
        for each in revision["tables"]
    }


def inserted(revision: dict[str, Any]) -> dict[str, int]:
    return {each["table"]: each["inserted"] for each in revision["tables"]}


def test_a_chain_at_its_base(toy: Toy) -> None:
    before = toy.everything()
    found = toy.document("status", "--drift")
    assert states(found) == dict.fromkeys(("0001_labels", "0002_depots", "0003_crates"), "pending")
    assert (found["environment"], found["heads"], found["settings"]) == ("dev", [], {})
    assert toy.everything() == before


def test_what_stands_and_what_is_pending(toy: Toy) -> None:
    toy.upgrade("0002_depots", "size=small", "seed=7")
    before = toy.everything()
    found = toy.document("status")
    assert states(found) == {
        "0001_labels": "applied",
        "0002_depots": "applied",
        "0003_crates": "pending",
    }
    labels, depots, crates = found["revisions"]
    assert inserted(labels) == {"labels": 3, "pairs": 2}
    assert inserted(depots) == {"depots": 4}
    assert depots["by"]
    assert depots["at"]
    assert crates["by"] is None
    assert found["settings"]["root_seed"] == 7
    assert set(drift(found).values()) == {(0, 0, 0, 0)}  # not looked at
    assert toy.everything() == before
    said = toy.terp_seed("status").stdout
    assert "seeded with  size small, root seed 7, as of 2026-06-30\n" in said
    assert "***" in said or toy.sqlite  # never the password


def test_skipped_stamped_and_lost(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    toy.revision("0004_later", "pass", "pass", head='environments = ("production",)')
    toy.stamp("0003_crates")
    toy.upgrade("head")
    expected = ["applied", "stamped", "stamped", "skipped"]
    assert list(states(toy.document("status")).values()) == expected
    toy.execute("DELETE FROM terp_seed_ledger WHERE revision = '0001_labels'")
    assert states(toy.document("status"))["0001_labels"] == "lost"
    said = toy.terp_seed("verify", code=4).output
    assert "the ledger has no entry for that" in said


def test_drift_is_what_people_did_to_the_rows(toy: Toy) -> None:
    toy.upgrade()
    assert set(drift(toy.document("status", "--drift")).values()) == {
        (3, 0, 0, 0),
        (2, 0, 0, 0),
        (4, 0, 0, 0),
        (12, 0, 0, 0),
    }
    first = toy.value("SELECT MIN(id) FROM labels")
    toy.execute(
        f"UPDATE labels SET wording = 'ours' WHERE id = {first}",
        f"UPDATE labels SET code = 'another' WHERE id = {first + 1}",
        f"DELETE FROM labels WHERE id = {first + 2}",
        "UPDATE pairs SET weight = weight + 1",
    )
    done = toy.terp_seed("status", "--drift", code=8)
    assert "5 seeded rows have drifted" in done.stderr
    found = drift(toy.document("status", "--drift", code=8))
    assert found["labels"] == (0, 1, 1, 1)
    assert found["pairs"] == (0, 2, 0, 0)
    toy.terp_seed("status")  # without the flag nobody looks
    toy.terp_seed("verify")
    verified = toy.document("verify", "--drift", code=8)
    assert not verified["passed"]
    (labels,) = [each for each in verified["drift"] if each["table"] == "labels"]
    assert (labels["revision"], labels["edited"]) == ("0001_labels", 1)
    assert "5 seeded rows have drifted" in toy.terp_seed("verify", "--drift", code=8).stderr


def test_rows_that_a_rollback_kept(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    edited = toy.value("SELECT MIN(id) FROM labels")
    toy.execute(f"UPDATE labels SET wording = 'mine' WHERE id = {edited}")
    toy.downgrade("base", "on-edited=keep")
    found = toy.document("status")
    assert states(found)["0001_labels"] == "pending"
    (labels,) = found["revisions"][0]["tables"]
    assert (labels["table"], labels["retained"]) == ("labels", 1)
    assert "pending, a rollback retained 1 labels" in toy.terp_seed("status").stdout
