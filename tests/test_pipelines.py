"""The recipes for pipelines: held to their schemas, and their commands are run."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex
from typing import Any

import click
import pytest
import yaml
from check_jsonschema import main as check_jsonschema
from click.testing import CliRunner
from docs_runner import REPOSITORY
from sqlalchemy.engine import make_url
from toys import HEAD, Toy

from terp_seed.cli import main

RECIPES = REPOSITORY / "docs" / "pipelines"
KEY = token_hex(32)


def recipe(name: str) -> Any:
    """Parse a recipe."""
    return yaml.safe_load((RECIPES / name).read_text(encoding="utf-8"))


def ours(lines: list[str]) -> list[str]:
    """The lines that are commands of ours."""
    return [line for line in lines if line.startswith(("terp-seed ", "alembic "))]


def github(job: str) -> list[str]:
    steps = recipe("github-actions.yml")["jobs"][job]["steps"]
    return ours([step["run"] for step in steps if "run" in step])


PINNED = """\
rules:
  unpinned-uses:
    config: {policies: {"*": ref-pin}}  # a tag is enough for a recipe
"""


@pytest.mark.parametrize(
    ("name", "linter"),
    [
        ("Dockerfile", "hadolint"),
        ("kubernetes-job.yaml", "kubernetes-validate --strict"),
        ("github-actions.yml", "zizmor --offline --config=pinned.yml"),
    ],
)
def test_a_recipe_passes_its_linter(name: str, linter: str, tmp_path: Path) -> None:
    (tmp_path / "pinned.yml").write_text(PINNED)
    program, *options = linter.split()
    done = subprocess.run(
        [Path(sys.executable).parent / program, *options, RECIPES / name],
        check=False,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("github-actions.yml", "vendor.github-workflows"),
        ("gitlab-ci.yml", "vendor.gitlab-ci"),
        ("compose.yaml", "vendor.compose-spec"),
    ],
)
def test_a_recipe_is_what_its_service_reads(name: str, schema: str) -> None:
    result = CliRunner().invoke(check_jsonschema, ["--builtin-schema", schema, str(RECIPES / name)])
    assert result.exit_code == 0, result.output


def test_the_review_needs_no_database(sqlite_toy: Toy) -> None:
    commands = github("check")
    assert commands == ours(recipe("gitlab-ci.yml")["check seeds"]["script"])
    for command in commands:
        shell(sqlite_toy, command)
    assert "INSERT INTO" in (sqlite_toy.path / "seed.sql").read_text()
    assert not (sqlite_toy.path / "toy.db").exists()


def shell(toy: Toy, command: str) -> str:
    """Run a line as the pipeline's shell does."""
    words = ["sh", "-ec", command]
    return toy.run("python", "-c", f"import os; os.execvp('sh', {words!r})").stdout


def test_the_deployment_seeds_staging(mariadb_url: str, new_toy: Callable[..., Toy]) -> None:
    """With the variables that the recipes set, and no others."""
    toy = new_toy(mariadb_url, stamp="staging")
    toy.ini("consent = plan")  # as `terp-seed init` writes it
    commands = github("plan") + github("staging")
    gitlab = recipe("gitlab-ci.yml")
    assert commands == gitlab["plan staging"]["script"] + gitlab["seed staging"]["script"]
    values = {
        "TERP_SEED_DATABASE_URL": mariadb_url,
        "TERP_SEED_MASK_KEY": KEY,
        "TERP_SEED_ENV": "staging",
        "TERP_SEED_YES": str(make_url(mariadb_url).database),
    }
    assert set(recipe("github-actions.yml")["jobs"]["staging"]["env"]) == set(values)
    for command in commands:
        program, *args = command.split()
        done = toy.run(program, *args, env=values)
    assert "0 broken" in done.stdout
    assert toy.version() == HEAD


def test_several_pods_at_once_seed_once(mariadb_toy: Toy, tmp_path: Path) -> None:
    job = recipe("kubernetes-job.yaml")
    pod = job["spec"]["template"]["spec"]
    assert pod["restartPolicy"] == "Never"
    (container,) = pod["containers"]
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in pod["volumes"]}
    key = tmp_path / "key"
    key.write_text(KEY)
    key.chmod(0o600)
    given = {each["name"]: each.get("value", mariadb_toy.url) for each in container["env"]}
    given["TERP_SEED_MASK_KEY_FILE"] = str(key)
    program, *args = container["command"]
    pods = [mariadb_toy.start(program, *args, env=given) for _ in range(job["spec"]["parallelism"])]
    for each in pods:
        _, said = each.communicate(timeout=60)
        assert each.returncode == 0, said
    assert mariadb_toy.counts()["crates"] == 12
    assert mariadb_toy.version() == HEAD
    assert [event for event, _ in mariadb_toy.audit()].count("started") == 1


def test_compose_stamps_and_seeds(mariadb_url: str, new_toy: Callable[..., Toy]) -> None:
    toy = new_toy(mariadb_url, stamp=None)
    service = recipe("compose.yaml")["services"]["seeds"]
    command = re.fullmatch(r'sh -c "(.*)"', service["command"])
    assert command
    (variable,) = service["environment"]
    for _ in range(2):  # up again is harmless
        for each in command[1].split(" && "):
            program, *args = each.split()
            toy.run(program, *args, env={variable: mariadb_url})
    assert toy.version() == HEAD


def test_the_hook_of_pre_commit(sqlite_toy: Toy) -> None:
    (hook,) = yaml.safe_load((REPOSITORY / ".pre-commit-hooks.yaml").read_text())
    assert {"id", "name", "entry", "language"} <= set(hook)
    assert hook["pass_filenames"] is False
    for name, wanted in {
        "seed_revisions/0001_labels.py": True,
        "demo_revisions/0001_start.py": True,
        "seeds/masking.toml": True,
        "alembic.ini": True,
        "alembic/versions/0001.py": False,
        "README.md": False,
    }.items():
        assert bool(re.search(hook["files"], name)) == wanted, name
    program, *args = hook["entry"].split()
    url = {"TERP_SEED_DATABASE_URL": sqlite_toy.url}
    assert "no trace" in sqlite_toy.run(program, *args, env=url).stdout
    sqlite_toy.revision("0004_x", "pass", "pass", head="import absent")
    assert sqlite_toy.run(program, *args, env=url, check=False).returncode == 4


def test_npm_reaches_us(sqlite_toy: Toy) -> None:
    """The application's own words: ``pnpm seed --table=depots``; npm wants a ``--`` before them."""
    package = json.loads((RECIPES / "package.json").read_text())
    (sqlite_toy.path / "package.json").write_text(json.dumps(package))
    sqlite_toy.env["TERP_SEED_DATABASE_URL"] = sqlite_toy.url
    shell(sqlite_toy, "npm run seed -- --table=depots")
    assert sqlite_toy.version() == "0002_depots"
    shell(sqlite_toy, "npm run seed -- --rollback --yes")
    assert sqlite_toy.version() is None
    for script in package["scripts"].values():
        program, *args = script.split()
        assert program == "terp-seed"
        assert main.get_command(click.Context(main), args[0]), script
