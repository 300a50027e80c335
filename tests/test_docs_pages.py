"""Every page of the documentation does what it says."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet
from docs_runner import PAGES, REPOSITORY, URL, Reader, blocks, copy_project, not_shown
from servers import HOST, USER, MariaDB
from sqlalchemy.engine import make_url

README = REPOSITORY / "README.md"
SEEDER = REPOSITORY / "docs" / "howto-seeder.md"
ELSEWHERE = {README, SEEDER, REPOSITORY / "docs" / "runbook.md"}  # read by tests of their own
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def _page(page: Path) -> ParameterSet:
    """A page whose commands are run; a guide has many."""
    marks = [pytest.mark.slow] if page.stem.startswith("howto-") or page.stem == "agents" else []
    return pytest.param(page, id=page.stem, marks=marks)


@pytest.mark.parametrize("page", [_page(each) for each in PAGES if each not in ELSEWHERE])
def test_the_commands_of_a_page_work(page: Path, tmp_path: Path, request) -> None:
    url = ""
    if URL in page.read_text(encoding="utf-8"):
        url = request.getfixturevalue("mariadb_url")
    Reader(copy_project(tmp_path / "project"), url=url).read(page)


@pytest.mark.slow
def test_the_seeder_of_ones_own_works(
    tmp_path: Path, engine: str, database_url: str, request: pytest.FixtureRequest
) -> None:
    """The worked example, up and down, on each engine."""
    if engine != "sqlite":
        may_prove(request.getfixturevalue("mariadb"), database_url)
    (tmp_path / "project").mkdir()
    reader = Reader(tmp_path / "project", replace={"sqlite:///rental.db": database_url})
    reader.read(SEEDER)


def may_prove(server: MariaDB, url: str) -> None:
    """Let the ordinary user make the two scratch databases of a proof."""
    name = str(make_url(url).database).replace("_", r"\_")
    server.execute(rf"GRANT ALL ON `{name}\_prove\_%`.* TO '{USER}'@'{HOST}'")


@pytest.mark.slow
def test_the_readme_works_on_a_machine_that_has_python_alone(
    tmp_path: Path, mariadb_url: str
) -> None:
    """From a fresh copy, in a fresh virtual environment; takes as long as pip takes."""
    reader = Reader(copy_project(tmp_path / "clone", "terp_seed"), url=mariadb_url, fresh=True)
    reader.read(README)
    assert (reader.folder / ".venv" / "bin" / "alembic").exists()
    assert reader.asked.read_text().splitlines() == [
        "apt-get update",
        "apt-get install -y python3-venv",
        "apt-get install -y gcc pkg-config python3-dev libmariadb-dev",
    ]


def test_the_second_command_is_what_ci_runs() -> None:
    commands = [each.text for each in blocks(README) if each.language == "sh"]
    assert commands[1] == "tests/run\n"
    assert os.access(REPOSITORY / "tests" / "run", os.X_OK)
    assert "exec tests/run" in (REPOSITORY / ".ci" / "run").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_every_block_is_of_a_kind_that_the_tests_know(page: Path) -> None:
    found = blocks(page)
    assert len(found) * 2 == len(re.findall("^ *```", page.read_text(), re.MULTILINE))
    for block in found:
        known = (
            {"sh", "text"}
            if not block.file
            else {"python", "csv", "json", "ini", "toml", "yaml", "sh"}
        )
        assert block.language in known | {"sql"}, f"{page.name}, line {block.line}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in _anchors(target), f"{page.name}: {link}"


def _anchors(page: Path) -> set[str]:
    headings = _HEADING.findall(page.read_text(encoding="utf-8"))
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


def test_the_site_has_the_groups_of_the_map() -> None:
    conf = (REPOSITORY / "docs" / "site" / "conf.py").read_text(encoding="utf-8")
    (groups,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(conf).body
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "GROUPS"
    )
    parts = (REPOSITORY / "docs" / "index.md").read_text(encoding="utf-8").split("\n## ")[1:]
    named = {part.partition("\n")[0]: re.findall(r"\]\(([\w-]+)\.md\)", part) for part in parts}
    assert {name: text.replace("index ", "").split() for name, text in groups.items()} == named


# Words of all pages that a person writes, code included; what follows from the code has no limit.
BUDGET = 29_150
_FROM_POLICY = "pii-inventory.md"
_GENERATED = re.compile(r"<!-- generated.*?<!-- end", re.DOTALL)


def test_the_pages_stay_short() -> None:
    written = {page.name: _GENERATED.sub("", page.read_text(encoding="utf-8")) for page in PAGES}
    del written[_FROM_POLICY]
    words = {name: len(text.split()) for name, text in written.items()}
    assert sum(words.values()) <= BUDGET, sorted(words.items(), key=lambda item: -item[1])


def test_the_map_names_every_page() -> None:
    linked = set(_LINK.findall((REPOSITORY / "docs" / "index.md").read_text()))
    assert {each.name for each in PAGES[1:]} - {"index.md"} <= linked


def test_the_generated_parts_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, REPOSITORY / "docs" / "generate.py", "--check"],
        check=False,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, f"run python docs/generate.py: {done.stdout}{done.stderr}"


def test_the_figures_of_the_picture_are_those_of_the_database(
    project, load: Callable[[str], object]
) -> None:
    """One picture is worth its numbers: they add up to what the tables hold."""
    import sqlalchemy as sa

    project.run("alembic", "upgrade", "head")
    project.run("alembic", "-n", "seed", "upgrade", "head")
    engine = sa.create_engine(f"sqlite:///{project.path}/terp.db")
    with engine.connect() as connection:

        def query(sql: str):
            return connection.exec_driver_sql(sql).all()

        shown = load("business").business(query)
        ((invoiced, due),) = query(
            "SELECT SUM(totalAmount), SUM(amountDue) FROM invoices WHERE status <> 'VOID'"
        )
        ((owed,),) = query("SELECT SUM(amountDue) FROM bills")
    engine.dispose()
    assert sum(shown.months.values()) == pytest.approx(invoiced)
    assert sum(revenue for _, _, revenue in shown.clients) == pytest.approx(invoiced)
    assert sum(shown.ages.values()) == pytest.approx(due)
    assert sum(number for number, _ in shown.stock.values()) == 30
    assert all(number for number, _ in shown.stock.values())
    assert shown.ages["over 120"] > 0
    assert sum(shown.owed.values()) == pytest.approx(owed)
    assert sum(shown.talk["returns"].values()) == 7
    assert (REPOSITORY / "docs" / "images" / "business.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Import a script of `docs/`."""
    import importlib

    monkeypatch.syspath_prepend(str(REPOSITORY / "docs"))
    return importlib.import_module


@pytest.mark.parametrize(
    ("shown", "printed", "missing"),
    [
        ("a  1  0.01", "x\na 1     7.30\n", None),
        ("b\na", "a\nb", "a"),
        ("Error: ... of x", "Error: line 7 of x", None),
        ("0", "10", "0"),
    ],
)
def test_what_a_page_shows_is_looked_for(shown: str, printed: str, missing: str | None) -> None:
    assert not_shown(shown, printed) == missing
