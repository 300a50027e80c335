"""The audit: every event in the table, and each as one JSON object in the log."""

from __future__ import annotations

import json
import signal
import time
from typing import Any

import pytest
from toys import Toy

from terp_seed.database.bookkeeping import books

JSON = {"TERP_SEED_LOG": "json"}


def logged(text: str) -> list[dict[str, Any]]:
    """The events of the audit among the lines of a log."""
    lines = (json.loads(line) for line in text.splitlines() if line.startswith("{"))
    return [each for each in lines if each["logger"] == "terp_seed.audit"]


def stored(toy: Toy) -> list[dict[str, Any]]:
    """The events in the table, as the log says them."""
    names = books().audit.columns.keys()
    found = []
    for row in toy.rows(f"SELECT {', '.join(names)} FROM terp_seed_audit ORDER BY id"):
        event = dict(zip(names, row, strict=True))
        event["table_rows"] = json.loads(event["table_rows"]) if event["table_rows"] else None
        event["detail"] = json.loads(event["detail"])
        found.append(event)
    return found


def without(event: dict[str, Any]) -> dict[str, Any]:
    """An event of the log without what the log adds."""
    return {k: v for k, v in event.items() if k not in {*LINE, "committed"}}


LINE = ("time", "level", "logger", "message")


@pytest.mark.long
def test_each_event_is_logged_as_it_stands_in_the_table(toy: Toy) -> None:
    said = toy.alembic("upgrade", "head", env=JSON).stderr
    said += toy.alembic("downgrade", "-1", env=JSON).stderr
    said += toy.alembic("stamp", "head", env=JSON).stderr
    found = logged(said)
    assert [without(each) for each in found] == stored(toy)
    assert all(each["committed"] is True for each in found)
    assert [each["message"] for each in found] == [
        *("started", "applied 0001_labels", "applied 0002_depots", "applied 0003_crates"),
        *("finished", "started", "reverted 0003_crates", "finished"),
        *("started", "stamped 0003_crates", "finished"),
    ]


def test_an_event_says_who_what_and_how_long(toy: Toy) -> None:
    toy.upgrade("+2")
    started, _, depots, finished = stored(toy)
    assert started["detail"] == {
        "command": "upgrade +2",
        "lock_wait": started["detail"]["lock_wait"],
    }
    assert len(started["plan_digest"]) == 64
    assert all(started[name] for name in ("os_user", "host", "pid"))
    assert bool(started["db_user"]) is not toy.sqlite
    assert depots["table_rows"] == {"depots": 4}
    assert depots["detail"].keys() == {"command", "seconds"}
    assert finished["detail"] == {"command": "upgrade +2"}
    assert {each["direction"] for each in stored(toy)} == {"upgrade"}


def test_the_text_log_is_not_cluttered(sqlite_toy: Toy) -> None:
    said = sqlite_toy.alembic("upgrade", "+1", env={"TERP_SEED_LOG_FILE": "run.log"}).stderr
    assert "started" not in said
    assert len(logged((sqlite_toy.path / "run.log").read_text())) == 3


def test_a_failed_run_names_its_error_and_logs_no_event_that_was_rolled_back(toy: Toy) -> None:
    toy.revision(
        "0004_broken",
        'op.seed_rows("labels", [{"code": "x"}])\nop.get_context().as_sql or 1 / 0',
    )
    failed = toy.alembic("upgrade", "head", env=JSON, check=False)
    assert failed.returncode == 255
    found = logged(failed.stderr)
    assert [each["event"] for each in found] == ["started", *["applied"] * 3, "failed"]
    assert found[-1]["detail"] == {"command": "upgrade head", "error": "PlanError"}
    assert [without(each) for each in found] == stored(toy)


def test_an_interrupted_run_is_told_and_a_killed_one_is_not(toy: Toy) -> None:
    toy.revision(
        "0004_slow",
        'op.seed_rows("labels", [{"code": "x"}])\nop.get_context().as_sql or sleep(60)',
        head="from time import sleep",
    )
    for number in (signal.SIGTERM, signal.SIGKILL):
        toy.call("downgrade", "base")
        running = toy.start_alembic("upgrade", "head")
        deadline = time.monotonic() + 60
        while toy.version() != "0003_crates" and time.monotonic() < deadline:
            time.sleep(0.05)
        running.send_signal(number)
        running.wait(30)
    events = [event for event, _ in toy.audit()]
    assert events.count("interrupted") == 1
    assert events[-1] == "applied"


def test_in_a_transaction_of_the_callers_an_event_is_only_attempted(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqlite_toy.upgrade("+1")
    monkeypatch.setenv("TERP_SEED_LOG", "json")
    with sqlite_toy.connect() as connection, connection.begin():
        sqlite_toy.upgrade("head", attributes={"connection": connection})
        assert {each["committed"] for each in logged(sqlite_toy.said)} == {False}
        connection.rollback()
    assert sqlite_toy.version() == "0001_labels"


def test_a_script_names_nobody_and_is_the_same_twice(toy: Toy) -> None:
    env = {"TERP_SEED_TEST_ROUND": "1"}
    script = toy.alembic("upgrade", "head", "--sql").stdout
    assert script == toy.alembic("upgrade", "head", "--sql", env=env).stdout
    assert "seconds" not in script
    assert "upgrade head" in script


def test_the_environment_stamp_leaves_its_event(toy: Toy) -> None:
    said = toy.run(
        "terp-seed", "-x", f"url={toy.url}", "env", "stamp", "test", "--yes", env=JSON
    ).stderr
    (event,) = logged(said)
    assert event["detail"] == {"command": "env stamp test", "before": "dev"}
    assert [without(event)] == stored(toy)
