"""The recipe that takes TERP out of the package, followed to the letter."""

from __future__ import annotations

import ast
import re
import shutil
import sqlite3
from pathlib import Path

import pytest
from docs_runner import REPOSITORY
from projects import Project

TABLE = "[tool.hatch.build.targets.wheel.force-include]"


def recipe() -> str:
    text = (REPOSITORY / "terp_seed" / "terp" / "__init__.py").read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(text)) or ""


@pytest.fixture(scope="module")
def without_terp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository from which everything is gone that the recipe deletes."""
    copy = tmp_path_factory.mktemp("without") / "terp_seed"
    shutil.copytree(REPOSITORY / "terp_seed", copy / "terp_seed")
    for name in ("seeds", "seed_revisions"):
        shutil.copytree(REPOSITORY / name, copy / name)
    for name in ("alembic.ini", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, copy / name)
    files, table, _ = recipe().partition("To take TERP out, delete\n")[2].split("\n* ", 3)[1:]
    for name in re.findall(r"``([\w./]+)``", files):
        shutil.rmtree(copy / name) if name.endswith("/") else (copy / name).unlink()
    assert f"``{TABLE}``" in table
    return copy


@pytest.fixture
def app(without_terp: Path, tmp_path: Path) -> Project:
    """A project with one table, whose programs use that copy."""
    with sqlite3.connect(tmp_path / "app.db") as connection:
        connection.execute("CREATE TABLE brands (id INTEGER PRIMARY KEY, name TEXT NOT NULL)")
    connection.close()
    (tmp_path / "alembic.ini").write_text("[alembic]\nsqlalchemy.url = sqlite:///app.db\n")
    made = Project(tmp_path)
    made.env["PYTHONPATH"] = str(without_terp)
    return made


def brands(app: Project) -> int:
    with sqlite3.connect(app.path / "app.db") as connection:
        (number,) = connection.execute("SELECT COUNT(*) FROM brands").fetchone()
    connection.close()
    return int(number)


def test_the_recipe_deletes_every_trace_of_its_projects_files(without_terp: Path) -> None:
    assert sorted(path.name for path in without_terp.iterdir()) == ["pyproject.toml", "terp_seed"]
    assert not (without_terp / "terp_seed" / "terp").exists()
    after = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8").partition(TABLE)[2]
    packed = re.findall(r'^"([\w.]+)" = "terp_seed/own/', after, re.MULTILINE)
    assert not [name for name in packed if (without_terp / name).exists()]


def test_every_module_can_still_be_imported(without_terp: Path, app: Project) -> None:
    paths = (without_terp / "terp_seed").rglob("*.py")
    names = sorted(
        ".".join(path.relative_to(without_terp).with_suffix("").parts)
        for path in paths
        if path.parent.name != "files"
    )
    modules = ", ".join(name.removesuffix(".__init__") for name in names)
    done = app.run("python", "-c", f"import {modules}\nprint(terp_seed.__file__)")
    assert done.stdout.strip() == str(without_terp / "terp_seed" / "__init__.py")


def test_a_project_is_begun_seeded_and_rolled_back(app: Project) -> None:
    app.run("terp-seed", "init", "--table", "brands")
    app.run("alembic", "-n", "seed", "upgrade", "head")
    assert brands(app) == 1
    app.run("terp-seed", "revision", "-m", "More")  # from script.py.mako
    app.run("terp-seed", "check")
    app.run("alembic", "-n", "seed", "downgrade", "base")
    assert brands(app) == 0


def test_terps_own_seeds_are_refused(app: Project) -> None:
    (app.path / "empty").mkdir()
    refused = app.run("terp-seed", "-c", "empty/alembic.ini", "init", "--terp", check=False)
    assert refused.returncode == 2
    assert "comes without TERP's seeds" in refused.stderr
    assert not any((app.path / "empty").iterdir())
