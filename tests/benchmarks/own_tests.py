"""Tests of an application that measure what the fixtures cost them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median

from benchmarks.lab import Database, Lab
from benchmarks.measure import measured

_CONFTEST = """
import json, os, time
import pytest, sqlalchemy

FIGURES = {}

@pytest.fixture(scope="session")
def seed_engine():
    engine = sqlalchemy.create_engine(os.environ["ORIGIN"])
    yield engine
    engine.dispose()

@pytest.fixture
def clock():
    def measure(what, call):
        wall, cpu = time.perf_counter(), time.process_time()
        found = call()
        cost = FIGURES.setdefault(what, {"wall": [], "cpu": []})
        cost["wall"].append(time.perf_counter() - wall)
        cost["cpu"].append(time.process_time() - cpu)
        return found
    return measure

def pytest_sessionfinish():
    with open(os.environ["FIGURES"], "w") as file:
        json.dump(FIGURES, file)
"""
_TESTS = """
import os, pytest, sqlalchemy

N = range(20)

def test_warm(seeded):
    seeded("head", size="small")

def test_upgrade(clock, seed_project):
    # The tables too, since a template has to have them.
    url = sqlalchemy.make_url(os.environ["EMPTY"])
    def upgrade():
        seed_project.application_upgrade(url)
        seed_project.upgrade("head", url=url)
    clock("upgrade head", upgrade)

def test_first(clock, seeded_database):
    clock("first build", lambda: seeded_database("head", size="small"))

class TestSeeded:
    def test_first(self, seeded):
        seeded("head", size="small")

    @pytest.mark.parametrize("n", N)
    def test_seeded(self, clock, seeded, n):
        clock("seeded", lambda: seeded("head", size="small"))
        clock("row by name", lambda: seeded.one("orders"))
        seeded.connection.exec_driver_sql("DELETE FROM order_status_history")

@pytest.mark.parametrize("n", N)
def test_copy(clock, seeded_database, n):
    database = clock("copy", lambda: seeded_database("head", size="small"))
    with database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE clients SET name = 'X'")
"""


Costs = dict[str, dict[str, list[float]]]


def measure_tests(lab: Lab, origin: Database, empty: str) -> Costs:
    """Run the tests on one engine; the costs of each fixture, one for each test."""
    folder = lab.folder / f"tests_{origin.engine}"
    folder.mkdir()
    ini = lab.project / "alembic.ini"
    settings = f"[pytest]\nterp_seed_config = {ini}\nterp_seed_apart = clock\n"
    (folder / "pytest.ini").write_text(settings)
    (folder / "conftest.py").write_text(_CONFTEST)
    (folder / "test_fixtures.py").write_text(_TESTS)
    figures = folder / "figures.json"
    environment = lab.environment() | {
        "ORIGIN": origin.url,
        "EMPTY": empty,
        "FIGURES": str(figures),
    }
    measured([sys.executable, "-m", "pytest", "-q", "."], cwd=folder, env=environment)
    found: Costs = json.loads(Path(figures).read_text())
    for what, costs in found.items():
        wall, cpu = (median(costs[kind]) * 1000 for kind in ("wall", "cpu"))
        print(f"tests {origin.engine}: {what}: {wall:.1f} ms, {cpu:.1f} ms cpu", file=sys.stderr)
    return found
