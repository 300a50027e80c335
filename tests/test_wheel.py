"""What is built holds everything, and works where nothing else of the project is."""

from __future__ import annotations

import email
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from docs_runner import REPOSITORY
from servers import clean_environment

pytestmark = pytest.mark.slow

_LEFT_OUT = {".git", ".tox", "__pycache__", ".venv-tests", "dist", "build"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and with the wheel that was built from it."""
    source = tmp_path_factory.mktemp("source") / "terp_seed"
    ignored = shutil.ignore_patterns(*_LEFT_OUT, ".*_cache", "*.db", ".coverage*")
    shutil.copytree(REPOSITORY, source, ignore=ignored)
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "-o", folder, source],
        check=True,
        capture_output=True,
    )
    return folder


def package_files() -> set[str]:
    return {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "terp_seed").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def own_files() -> set[str]:
    folders = [REPOSITORY / "seeds", REPOSITORY / "seed_revisions"]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {
        f"terp_seed/own/{path.relative_to(REPOSITORY).as_posix()}"
        for path in [REPOSITORY / "alembic.ini", *paths]
        if "__pycache__" not in path.parts
    }


def test_the_wheel_holds_the_package_and_what_init_writes(built: Path) -> None:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
        (where,) = (name for name in wheel.namelist() if name.endswith("dist-info/METADATA"))
        metadata = email.message_from_bytes(wheel.read(where))
        assert any(name.endswith("/licenses/LICENSE") for name in wheel.namelist())
        page = wheel.read("terp_seed/.agents/skills/terp-seed/SKILL.md")
    assert page == (REPOSITORY / "docs" / "agents.md").read_bytes()
    assert f'version: "{metadata["Version"]}"'.encode() in page
    skill = "terp_seed/.agents/skills/terp-seed/SKILL.md"
    assert names == package_files() | own_files() | {skill}
    assert {"terp_seed/py.typed", "terp_seed/project/files/section.ini"} <= names
    assert metadata["License-Expression"] == "MIT"
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert metadata["Keywords"]
    assert metadata.get_all("Project-URL") is None


def test_the_sdist_holds_what_the_tests_need(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    for name in (
        "README.md",
        "LICENSE",
        "tox.ini",
        "tests/run",
        "tests/conftest.py",
        "seeds/env.py",
    ):
        assert name in names
    assert package_files() <= names


@pytest.fixture(scope="module")
def alone(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., str]:
    """Run a program of an environment that has the wheel and nothing else of ours."""
    home = tmp_path_factory.mktemp("alone")
    venv.create(home / "venv", with_pip=True)
    programs = home / "venv" / "bin"
    environment = {**clean_environment(), "PATH": f"{programs}{os.pathsep}{os.defpath}"}
    (wheel,) = built.glob("*.whl")

    def run(folder: Path, program: str, *args: str) -> str:
        done = subprocess.run(
            [programs / program, *args],
            check=False,
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{program} {args}: {done.stdout}{done.stderr}"
        return done.stdout

    run(home, "pip", "install", "-q", "--disable-pip-version-check", str(wheel))
    return run


def test_the_main_job_works_without_the_repository(
    alone: Callable[..., str], tmp_path: Path
) -> None:
    alone(tmp_path, "terp-seed", "init", "--terp")
    alone(tmp_path, "alembic", "upgrade", "head")
    alone(tmp_path, "alembic", "-n", "seed", "upgrade", "head")
    assert "0 broken" in alone(tmp_path, "terp-seed", "verify")
    assert "no trace" in alone(tmp_path, "terp-seed", "check")


def test_init_works_without_the_repository(alone: Callable[..., str], tmp_path: Path) -> None:
    alone(tmp_path, "alembic", "init", "alembic")
    alone(tmp_path, "terp-seed", "init")
    (tmp_path / "app.db").touch()
    url = f"url=sqlite:///{tmp_path}/app.db"
    alone(tmp_path, "alembic", "-n", "seed", "-x", url, "upgrade", "head")
    assert "0001_start" in alone(tmp_path, "alembic", "-n", "seed", "-x", url, "current")
    assert "init" in alone(tmp_path, "terp-seed", "--help")
