"""A scenario is a setting of the chain, as its size is; what it means is the seeders' matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import toy_seeders  # noqa: F401 - registers the seeders of the toy project
from exports import load_all
from toys import Toy

from terp_seed.errors import UsageError
from terp_seed.rows import seeders
from terp_seed.rows.model import TableRows


@pytest.fixture(autouse=True)
def declared() -> Iterator[None]:
    before = dict(seeders._SCENARIOS)
    seeders._SCENARIOS.clear()
    seeders.scenarios(seeders.TYPICAL, "flooded")
    yield
    seeders._SCENARIOS.clear()
    seeders._SCENARIOS.update(before)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The scenarios that the seeder of depots was called with."""
    asked: list[str] = []
    depots = seeders.seeder_named("depots")

    def build(context: seeders.SeedContext) -> Sequence[TableRows]:
        asked.append(context.scenario)
        return depots.build(context)

    monkeypatch.setitem(seeders._SEEDERS, "depots", replace(depots, build=build))
    return asked


def settings(toy: Toy) -> dict[str, object]:
    found: dict[str, object] = toy.document("status")["settings"]
    return found


def test_the_chain_keeps_the_scenario(toy: Toy) -> None:
    """The ledger knows it; a later revision takes it over, and another is refused."""
    toy.upgrade("0001_labels", "scenario=flooded")
    assert settings(toy)["scenario"] == "flooded"
    toy.upgrade("0002_depots")
    assert settings(toy)["scenario"] == "flooded"
    with pytest.raises(UsageError, match="this chain was seeded with flooded, and you ask for typ"):
        toy.upgrade("head", "scenario=typical")


def test_a_seeder_is_told(sqlite_toy: Toy, told: list[str]) -> None:
    sqlite_toy.upgrade("head", "scenario=flooded")
    assert {*told} == {"flooded"}


def test_a_default_of_the_section_is_no_request(sqlite_toy: Toy) -> None:
    sqlite_toy.ini("scenario = flooded")
    sqlite_toy.upgrade("0001_labels")
    assert settings(sqlite_toy)["scenario"] == "flooded"
    ini = sqlite_toy.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("scenario = flooded", "scenario = typical"))
    sqlite_toy.upgrade("head")
    assert settings(sqlite_toy)["scenario"] == "flooded"


def test_the_usual_scenario_leaves_no_trace(sqlite_toy: Toy) -> None:
    """A chain that was seeded before there were scenarios has the same settings and plan."""
    told = sqlite_toy.document("plan")["digest"]
    assert sqlite_toy.document("plan", "--scenario=typical")["digest"] == told
    assert sqlite_toy.document("plan", "--scenario=flooded")["digest"] != told
    sqlite_toy.upgrade("head", "scenario=typical")
    assert "scenario" not in settings(sqlite_toy)
    assert "with  size small, root seed 1, as of" in sqlite_toy.terp_seed("status").stdout


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("floded", "'floded' is not a scenario; did you mean 'flooded'? known: typical, flooded"),
        ("x", "'x' is not a scenario; known: typical, flooded"),
    ],
)
def test_a_scenario_that_nobody_declared(sqlite_toy: Toy, name: str, said: str) -> None:
    with pytest.raises(UsageError, match=said.replace("?", r"\?")):
        sqlite_toy.upgrade("head", f"scenario={name}")


def test_people_read_of_it(sqlite_toy: Toy) -> None:
    done = sqlite_toy.terp_seed("plan", "--scenario=flooded").stdout
    assert "size small, scenario flooded" in done
    sqlite_toy.upgrade("head", "scenario=flooded")
    assert "size small, scenario flooded, root seed 1" in sqlite_toy.terp_seed("status").stdout


def test_a_reseed_tells_another_story_and_else_the_same(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade("head", "scenario=flooded")
    sqlite_toy.terp_seed("reseed", "--size=medium", "--yes")
    assert (settings(sqlite_toy)["size"], settings(sqlite_toy)["scenario"]) == ("medium", "flooded")
    sqlite_toy.terp_seed("reseed", "--scenario=typical", "--yes")
    assert "scenario" not in settings(sqlite_toy)


def test_a_reviewed_plan_has_it(sqlite_toy: Toy) -> None:
    plan = sqlite_toy.path / "plan.json"
    sqlite_toy.terp_seed("plan", "--scenario=flooded", "--out", plan)
    sqlite_toy.terp_seed("seed", "--plan", plan, "--yes")
    assert settings(sqlite_toy)["scenario"] == "flooded"


def test_a_script_says_it(sqlite_toy: Toy) -> None:
    assert "scenario flooded" in sqlite_toy.upgrade("base:head", "scenario=flooded", sql=True)


def test_an_export_and_its_adoption_keep_it(
    sqlite_toy: Toy, told: list[str], tmp_path: Path
) -> None:
    load_all(sqlite_toy, tmp_path / "whole", 2, "--scenario=flooded")
    sqlite_toy.terp_seed("ledger", "adopt", str(tmp_path / "whole"))
    assert {*told} == {"flooded"}
    assert settings(sqlite_toy)["scenario"] == "flooded"
