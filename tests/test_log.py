"""The run's log, and what importing the package does not do."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import sqlalchemy as sa
from toys import Toy

KEYS = {"time", "level", "logger", "message"}


def lines(text: str) -> list[dict[str, str]]:
    """Read one JSON object from each line of a run's log, up to the table at its end."""
    log, _, _ = text.partition("\nrevision ")
    return [json.loads(line) for line in log.splitlines()]


def test_json_is_one_object_a_line(toy: Toy) -> None:
    done = toy.alembic("upgrade", "head", env={"TERP_SEED_LOG": "json"})
    found = lines(done.stderr)
    assert all(each.keys() >= KEYS for each in found)
    ran = [each["message"] for each in found if each["logger"] == "alembic.runtime.migration"]
    assert [message.split(",")[0] for message in ran] == [
        "Running upgrade  -> 0001_labels",
        "Running upgrade 0001_labels -> 0002_depots",
        "Running upgrade 0002_depots -> 0003_crates",
    ]


def test_every_line_of_an_idle_or_failed_run_is_json(toy: Toy) -> None:
    toy.upgrade()
    idle = toy.alembic("upgrade", "head", env={"TERP_SEED_LOG": "json"})
    assert [each["message"] for each in lines(idle.stderr)] == [
        "nothing to do: the chain is at 0003_crates"
    ]
    toy.revision("0004_broken", "1 / 0")
    failed = toy.alembic("upgrade", "head", env={"TERP_SEED_LOG": "json"}, check=False)
    assert failed.returncode == 255
    lines(failed.stderr)


def test_the_level_decides_what_is_said(sqlite_toy: Toy) -> None:
    env = {"TERP_SEED_LOG_LEVEL": "warning"}
    assert "Running upgrade" not in sqlite_toy.alembic("upgrade", "+1", env=env).stderr
    assert "Running upgrade" in sqlite_toy.alembic("upgrade", "+1").stderr
    env = {"TERP_SEED_LOG_LEVEL": "DEBUG", "TERP_SEED_LOG": "json"}
    said = sqlite_toy.alembic("upgrade", "+1", env=env).stderr
    assert {"DEBUG", "INFO"} <= {each["level"] for each in lines(said)}


@pytest.mark.parametrize("level", ["DEBUG", "TRACE"])
def test_no_statement_in_a_log_shows_a_value(sqlite_toy: Toy, level: str) -> None:
    body = 'op.seed_rows("labels", [{"code": "ours", "body": "Jane Canary"}], key=["code"])'
    sqlite_toy.only("0001_labels", body)
    env = {"TERP_SEED_LOG_LEVEL": level, "TERP_SEED_LOG_FILE": "run.log"}
    said = sqlite_toy.alembic("upgrade", "head", env=env).stderr
    said += sqlite_toy.alembic("downgrade", "base", env=env).stderr
    assert 'INSERT INTO "labels"' in said
    assert "Canary" not in said + (sqlite_toy.path / "run.log").read_text()
    assert (sqlite_toy.path / "run.log").stat().st_mode & 0o777 == 0o600


def test_a_log_file_holds_json_whatever_the_terminal_shows(sqlite_toy: Toy) -> None:
    for target in ("+1", "+1"):
        sqlite_toy.alembic("upgrade", target, env={"TERP_SEED_LOG_FILE": "run.log"})
    found = lines((sqlite_toy.path / "run.log").read_text())
    ran = [each["message"] for each in found if each["message"].startswith("Running upgrade")]
    assert len(ran) == 2  # the second run went on in the same file


def test_a_log_file_that_cannot_be_written_is_one_clear_line(sqlite_toy: Toy) -> None:
    failed = sqlite_toy.alembic(
        "upgrade", "head", env={"TERP_SEED_LOG_FILE": "/proc/no/run.log"}, check=False
    )
    assert failed.returncode == 255
    assert failed.stdout.startswith("FAILED: TERP_SEED_LOG_FILE: ")
    assert "Traceback" not in failed.stderr
    assert sqlite_toy.counts() == {}


@pytest.mark.long
@pytest.mark.parametrize("level", ["DEBUG", "TRACE"])
def test_no_password_in_any_output(mariadb_toy: Toy, level: str) -> None:
    password = str(sa.make_url(mariadb_toy.url).password)
    encoded = mariadb_toy.url.split("seeder:")[1].split("@127")[0]
    file = mariadb_toy.path / "run.log"
    said = ""
    for args in (["upgrade", "head"], ["current", "-v"], ["upgrade", "0009_no"]):
        done = mariadb_toy.alembic(
            *args,
            env={"TERP_SEED_LOG_LEVEL": level, "TERP_SEED_LOG_FILE": str(file)},
            check=False,
        )
        said += done.stdout + done.stderr
    said += file.read_text()
    said += str(mariadb_toy.rows("SELECT * FROM terp_seed_audit"))
    assert "Running upgrade" in said
    assert password not in said
    assert encoded not in said


def test_the_table_and_the_log_go_to_stderr(sqlite_toy: Toy) -> None:
    assert sqlite_toy.alembic("upgrade", "head").stdout == ""


# -- importing


def python(code: str) -> subprocess.CompletedProcess[str]:
    import sys

    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    )


def test_importing_the_package_configures_nothing_and_loads_no_driver() -> None:
    done = python(
        "import logging, signal, sys\n"
        "before = {s: signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)}\n"
        "from loguru import logger\n"
        "handlers = dict(logger._core.handlers)\n"
        "import terp_seed, terp_seed.run.live, terp_seed.run.script, terp_seed.plan.operations\n"
        "import terp_seed.database.dialects.mysql, terp_seed.settings.log\n"
        "import terp_seed.database.dialects.sqlite\n"
        "assert dict(logger._core.handlers) == handlers\n"
        "assert not logging.getLogger().handlers\n"
        "own = [type(h).__name__ for h in logging.getLogger('alembic').handlers]\n"
        "assert own in ([], ['NullHandler']), own\n"  # Alembic's, so that it is silent
        "assert not logging.getLogger('sqlalchemy').handlers\n"
        "assert {s: signal.getsignal(s) for s in before} == before\n"
        "loaded = {'MySQLdb', 'faker', 'click', 'filelock'} & sys.modules.keys()\n"
        "assert not loaded, loaded\n"
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_importing_the_package_alone_costs_nothing() -> None:
    python(
        "import sys, terp_seed\n"
        "heavy = {'sqlalchemy', 'alembic', 'loguru'} & sys.modules.keys()\n"
        "assert not heavy, heavy\n"
    )


def test_a_run_on_sqlite_loads_neither_faker_nor_a_driver_of_others(sqlite_toy: Toy) -> None:
    """The toy seeders draw no names, so nothing has to load the library for them."""
    Path(sqlite_toy.path / "look.py").write_text(
        "import sys\nfrom alembic.config import main\n"
        f"main(['-n', 'seed', '-x', 'url={sqlite_toy.url}', 'upgrade', 'head'])\n"
        "assert not {'MySQLdb', 'faker', 'click'} & sys.modules.keys()\n"
    )
    sqlite_toy.run("python", "look.py")
    assert sqlite_toy.counts()
