"""The reference says what the code does."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from docs_runner import REPOSITORY, blocks
from projects import CHAIN, Project
from servers import HOST, MariaDB, run_client
from sqlalchemy.engine import make_url

from terp_seed import errors
from terp_seed.masking.keys import FILE_VARIABLE, KEY_VARIABLE
from terp_seed.settings import log
from terp_seed.settings import options as settings

PAGE = REPOSITORY / "docs" / "reference.md"
TEXT = PAGE.read_text(encoding="utf-8")


def rows(heading: str) -> list[list[str]]:
    """Return the lines of the first table below a heading, without its head."""
    _, _, below = TEXT.partition(f"\n## {heading}\n")
    lines = re.findall(r"^\|(.*)\|$", below.partition("\n## ")[0], re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines[2:]]


def names(cell: str) -> list[str]:
    """Return what a cell has in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def test_every_setting_is_there_with_its_shell_variable() -> None:
    found = {names(key)[0]: names(shell)[0] for key, shell, _, _ in rows("Settings")}
    assert found == settings._KEYS


def test_every_setting_says_its_key_in_the_ini_file() -> None:
    expected = {
        key: [] if key in settings._NOT_IN_INI else [settings._INI_NAMES.get(key, name)]
        for key, name in ((key, key.replace("-", "_")) for key in settings._KEYS)
    }
    assert {names(row[0])[0]: names(row[2]) for row in rows("Settings")} == expected


def test_every_choice_of_a_setting_is_there() -> None:
    said = {names(row[0])[0]: set(names(row[3])) for row in rows("Settings")}
    for key, choices in settings._CHOICES.items():
        assert set(choices) == said[key] & {*choices, *said[key]}, key
    assert set(settings.ENVIRONMENTS) <= said["env"]


def test_the_defaults_are_the_codes() -> None:
    said = {names(row[0])[0]: row[3] for row in rows("Settings")}
    assert f"Default {settings.Settings.lock_timeout:g}." in said["lock-timeout"]
    assert "Default 1." in said["seed"]


def test_the_shells_other_variables_are_there() -> None:
    logged = {names(row[0])[0] for row in rows("Log")}
    assert logged | {KEY_VARIABLE, FILE_VARIABLE} == settings._SHELL_ONLY
    assert set(log._LEVELS) <= set(names(rows("Log")[1][1]))


def test_every_error_is_there_with_its_exit_code() -> None:
    found = {names(error)[0]: int(code) for code, error, _ in rows("Errors and exit codes")[1:]}
    there = [errors.SeedError, *errors.SeedError.__subclasses__()]
    assert found == {
        kind.__name__: kind.exit_code for kind in there if kind.__module__ == errors.__name__
    }


@pytest.fixture
def granted(mariadb: MariaDB, project: Project, mariadb_url: str) -> Iterator[str]:
    """A sandbox, and the URL of a user with the documented privileges only."""
    project.run("alembic", "-x", f"url={mariadb_url}", "upgrade", "head")
    name = str(make_url(mariadb_url).database)
    pattern = name.replace("_", r"\_")
    user = f"'granted'@'{HOST}'"
    statements = [each.text.strip() for each in blocks(PAGE) if each.language == "sql"]
    assert len(statements) == 2
    mariadb.execute(
        f"CREATE USER {user} IDENTIFIED BY 'granted'",
        *(
            each.replace("'seeder'@'app.example'", user)
            .replace("ON terp.*", f"ON `{pattern}`.*")
            .replace(r"`terp\_prove", rf"`{pattern}\_prove")
            for each in statements
        ),
    )
    yield mariadb.url(name, user="granted", password="granted")
    mariadb.execute(f"DROP USER {user}")


@pytest.mark.long
def test_the_privileges_are_enough(project: Project, granted: str, tmp_path: Path) -> None:
    """To seed, to take back, to apply a script, and to prove it."""
    seed = ("alembic", "-n", "seed", "-x", f"url={granted}")
    proof = project.run("terp-seed", "-x", f"url={granted}", "preview", "--prove").stdout
    assert len(proof.splitlines()) == 2
    project.run(*seed, "upgrade", "head")
    project.run(*seed, "downgrade", "base")
    run_client(granted, project.run(*seed, "upgrade", "head", "--sql").stdout)
    down = project.run(*seed, "downgrade", f"{CHAIN[-1]}:base", "--sql").stdout
    run_client(granted, down)
    assert project.run(*seed, "current").stdout == ""


def test_a_run_needs_create_the_first_time_only(
    mariadb: MariaDB, project: Project, granted: str
) -> None:
    seed = ("alembic", "-n", "seed", "-x", f"url={granted}")
    project.run(*seed, "upgrade", "+1")
    name = str(make_url(granted).database).replace("_", r"\_")
    mariadb.execute(f"REVOKE CREATE ON `{name}`.* FROM 'granted'@'{HOST}'")
    project.run(*seed, "upgrade", "head")
    project.run(*seed, "downgrade", "base")
    script = project.run(*seed, "upgrade", "head", "--sql").stdout
    assert "CREATE command denied" in run_client(granted, script, check=False).stderr
