"""What was run, told run by run; and who holds the lock."""

from __future__ import annotations

import time

import pytest
from servers import run_client
from toys import Toy

from terp_seed.errors import PlanError

SLOW = """
op.seed_rows("labels", [{"code": "SLOW"}], key=["code"])
if not op.get_context().as_sql:
    (Path(__file__).parent.parent / "started").touch()
    time.sleep(60)
"""


def outcomes(toy: Toy, *args: str) -> list[tuple[str, str]]:
    """The command and the outcome of each run."""
    return [(run["command"], run["outcome"]) for run in toy.document("history", *args)["runs"]]


def test_a_database_that_nobody_seeded_has_no_history(toy: Toy) -> None:
    before = toy.everything()
    assert toy.document("history") == {"document": "history", "runs": []}
    done = toy.terp_seed("history")
    assert (done.stdout, done.stderr) == ("", "no runs yet\n")
    assert toy.document("lock", "status")["taken"] is False
    assert toy.everything() == before


def test_runs_are_told_newest_first(toy: Toy) -> None:
    toy.upgrade("+2")
    toy.revision("0004_broken", "op.get_context().as_sql or 1 / 0")
    with pytest.raises(PlanError, match="0004_broken"):
        toy.upgrade("head")
    toy.downgrade("0001_labels")
    down, up, first = toy.document("history")["runs"]
    assert (down["command"], down["direction"]) == ("downgrade 0001_labels", "downgrade")
    assert down["rows"] == {"depots": 4, "crates": 12, "scans": 12}
    assert down["revisions"] == ["0003_crates", "0002_depots"]
    assert (up["outcome"], up["revisions"]) == ("failed", ["0003_crates"])
    assert up["error"] == "PlanError"
    assert first["rows"] == {"labels": 3, "pairs": 2, "depots": 4}
    assert (first["outcome"], first["error"], first["environment"]) == ("finished", None, "dev")
    assert 0 <= first["seconds"] < 60
    lines = toy.terp_seed("history").stdout.splitlines()
    assert [line.split()[3:6] for line in lines[2:]] == [
        ["dev", "downgrade", "0001_labels"],
        ["dev", "upgrade", "head"],
        ["dev", "upgrade", "+2"],
    ]
    assert lines[3].endswith("failed: PlanError")


def test_filters(toy: Toy) -> None:
    toy.upgrade("+1")
    toy.upgrade("+1")
    toy.downgrade("-1")
    assert outcomes(toy, "--limit", "1") == [("downgrade -1", "finished")]
    assert len(outcomes(toy, "--revision", "0001_labels")) == 1
    assert len(outcomes(toy, "--revision", "0002_depots")) == 2
    assert outcomes(toy, "--outcome", "failed") == []
    assert len(outcomes(toy, "--since", "2020-01-01", "--until", "2999-01-01")) == 3
    assert outcomes(toy, "--until", "2020-01-01") == []
    assert outcomes(toy, "--user", "nobody-of-this-name") == []
    assert len(outcomes(toy, "--user", toy.document("history")["runs"][0]["os_user"])) == 3
    assert toy.terp_seed("history", "--outcome", "failed").stderr == "no run matches\n"
    events = toy.terp_seed("history", "--events", "--limit", "1").stdout.splitlines()[2:]
    assert ["reverted" in line for line in events] == [False, True, False]


def test_the_same_script_applied_twice_is_two_runs(toy: Toy) -> None:
    """They have one name, the plan's; and nobody knows who applied them."""
    up = toy.alembic("upgrade", "head", "--sql").stdout
    down = toy.alembic("downgrade", "0003_crates:base", "--sql").stdout
    for script in (up, down, up):
        run_client(toy.url, script)
    runs = toy.document("history")["runs"]
    assert [run["outcome"] for run in runs] == ["finished"] * 3
    assert runs[0]["run_id"] == runs[2]["run_id"]
    assert all(run["script"] and not run["os_user"] for run in runs)
    assert [run["revisions"][0] for run in runs] == ["0001_labels", "0003_crates", "0001_labels"]
    assert "script" in toy.terp_seed("history").stdout


def test_a_script_that_stopped_is_not_taken_for_its_repetition(toy: Toy) -> None:
    script = toy.alembic("upgrade", "head", "--sql").stdout
    cut = script.index("INSERT", script.index("crates: rows"))
    stop = "SELECT * FROM there_is_no_such_table;\n"
    run_client(toy.url, script[:cut] + stop, check=False)
    assert toy.version() == "0002_depots"
    assert outcomes(toy) == [("upgrade head", "crashed")]
    toy.downgrade()
    run_client(toy.url, script)
    assert [outcome for _, outcome in outcomes(toy)] == ["finished", "finished", "crashed"]


def test_running_then_crashed(toy: Toy) -> None:
    """While it holds the lock it runs; killed, it has crashed; the lock is looked at, not taken."""
    toy.revision("0004_slow", SLOW, head="import time\nfrom pathlib import Path")
    process = toy.start_alembic("upgrade", "head")
    deadline = time.monotonic() + 60
    while not (toy.path / "started").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert outcomes(toy) == [("upgrade head", "running")]
    found = toy.document("lock", "status")
    assert found["taken"] is True
    assert found["run"]["pid"] == process.pid
    assert found["seconds"] >= 0
    assert bool(found["holder"]) is not toy.sqlite
    assert f"process {process.pid}: upgrade head, since " in toy.terp_seed("lock", "status").stdout
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30  # a server takes a moment to see that the client is gone
    while toy.document("lock", "status")["taken"]:
        assert time.monotonic() < deadline
    assert toy.terp_seed("lock", "status").stdout == "free\n"
    assert outcomes(toy) == [("upgrade head", "crashed")]
    (toy.path / "seed_revisions" / "0004_slow.py").unlink()
    toy.downgrade()
    assert [outcome for _, outcome in outcomes(toy)] == ["finished", "crashed"]


def test_asking_makes_no_lock_file(sqlite_toy: Toy) -> None:
    sqlite_toy.terp_seed("lock", "status")
    sqlite_toy.terp_seed("history")
    assert not list(sqlite_toy.path.parent.glob("*.terp_seed.lock"))


def test_the_environment_stamp_is_a_run_of_one_event(toy: Toy) -> None:
    toy.terp_seed("env", "stamp", "test", "--yes")
    (run,) = toy.document("history")["runs"]
    assert (run["command"], run["outcome"], run["seconds"]) == ("env stamp test", "finished", None)
