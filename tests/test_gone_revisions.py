"""An applied revision whose file is gone: each command says which one, and the way out works."""

from __future__ import annotations

import pytest
from alembic.util import CommandError
from toys import HEAD, Toy

SAID = f"revision {HEAD} is applied in this database, and the chain has no file for it"


@pytest.fixture
def without_file(toy: Toy) -> Toy:
    """A seeded toy whose last revision is on another branch."""
    toy.upgrade()
    (toy.path / "seed_revisions" / f"{HEAD}.py").unlink()
    return toy


@pytest.mark.parametrize(
    "command",
    [
        ("status",),
        ("status", "--drift"),
        ("verify",),
        ("verify", "--drift"),
        ("ledger", "rebuild", "--yes"),
        ("plan",),
        ("plan", "--rollback"),
        ("seed",),
        ("rollback", "--yes"),
        ("seed", "--rollback", "--yes"),
        ("backup", "create"),
    ],
    ids=" ".join,
)
def test_a_command_says_which_file_is_gone(without_file: Toy, command: tuple[str, ...]) -> None:
    before = without_file.everything()
    done = without_file.terp_seed(*command, code=4)
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"Error: {SAID}")
    assert without_file.everything() == before


@pytest.mark.parametrize("command", ["upgrade", "downgrade", "stamp"])
def test_so_does_alembic(without_file: Toy, command: str) -> None:
    with pytest.raises(CommandError, match=SAID):
        without_file.call(command, "0002_depots")
    with pytest.raises(CommandError, match=SAID):
        without_file.current()


def test_the_past_runs_are_listed_all_the_same(without_file: Toy) -> None:
    (run,) = without_file.document("history")["runs"]
    assert HEAD in run["revisions"]
    assert without_file.document("ledger", "show")["revisions"][-1]["revision"] == HEAD


def test_a_lost_file_is_replaced_by_one_that_only_unseeds(toy: Toy) -> None:
    empty = toy.digests()
    toy.upgrade()
    toy.revision(HEAD, "pass", after="0002_depots")
    toy.terp_seed("rollback", "--yes")
    assert toy.counts().keys() == {"labels", "pairs", "depots"}
    toy.downgrade("base", "on-edited=abort")
    assert toy.digests() == empty


def test_a_file_that_is_missing_in_the_middle(toy: Toy) -> None:
    toy.upgrade()
    (toy.path / "seed_revisions" / "0002_depots.py").unlink()
    for command in ("status", "verify", "seed"):
        done = toy.terp_seed(command, code=4)
        assert "Revision 0002_depots referenced from" in done.stderr
        assert "bring its file back" in done.stderr
