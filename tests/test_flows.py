"""What a run goes through: only what the rows at hand need, whatever came before them."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
import sqlalchemy as sa
from projects import CHAIN, Project
from terminals import typed
from terp_harness import described

from terp_seed.database.compare import database_digests

REVISION = f'''
"""One row."""

from alembic import op

revision = "9999_one_row"
down_revision = "{CHAIN[-1]}"


def upgrade() -> None:
    op.seed_rows("brands", [{{"name": "Tin Roof"}}], key=["name"], id="id")


def downgrade() -> None:
    op.unseed()
'''

TRACE = """
import sys
from alembic.config import main

entered = {}

def loading(frame):
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "<module>" and module.startswith("terp_seed"):
            return True
        frame = frame.f_back
    return False

def note(frame, event, argument):
    module = frame.f_globals.get("__name__", "")
    if event == "call" and module.startswith("terp_seed.") and not loading(frame):
        place = f"{module}:{frame.f_code.co_name}"
        entered[place] = entered.get(place, 0) + 1

sys.setprofile(note)
try:
    main(argv=sys.argv[1:])
finally:
    sys.setprofile(None)
    for place, times in entered.items():
        print("entered", place, times)
"""

#: Budgets that only go down.
MOST_MODULES_UP = 50
MOST_MODULES_DOWN = 41

# Ranges of keys: one for each table that a seeder fills, and for each file: that of the reference
# data, two of rights, three of the catalogue and two of the books.
_FILES = 8
_RANGES = {name: len(made) for name, made in described("small").items()}
RANGES = _FILES + sum(_RANGES.values())
RANGES_AFTER_BATCHES = _FILES - 1 + sum(list(_RANGES.values())[3:])


@pytest.fixture
def seeded(project: Project) -> Project:
    """TERP's chain, applied, and a revision of one row that is not."""
    project.run("alembic", "upgrade", "head")
    project.run("alembic", "-n", "seed", "upgrade", "head")
    (project.path / "seed_revisions" / "9999_one_row.py").write_text(REVISION, encoding="utf-8")
    return project


def entered(project: Project, *argv: str) -> dict[str, int]:
    """How often each function was called by a command, as ``module:function``."""
    done = project.run("python", "-c", TRACE, "-n", "seed", *argv)
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("entered ")]
    return {place: int(times) for _, place, times in lines}


def modules(calls: dict[str, int]) -> set[str]:
    return {place.partition(":")[0] for place in calls}


def test_one_imported_row_goes_up_without_the_past_of_its_chain(seeded: Project) -> None:
    used = modules(entered(seeded, "upgrade", "head"))
    assert "terp_seed.run.writer" in used
    assert not {name for name in used if name.startswith("terp_seed.terp")}
    assert len(used) <= MOST_MODULES_UP, "\n".join(sorted(used))


@pytest.mark.long
def test_one_row_goes_down_without_masking_and_without_the_past(seeded: Project) -> None:
    seeded.run("alembic", "-n", "seed", "upgrade", "head")
    used = modules(entered(seeded, "downgrade", CHAIN[-1]))
    assert "terp_seed.run.rollback" in used
    assert not {name for name in used if name.startswith(("terp_seed.terp", "terp_seed.masking"))}
    assert len(used) <= MOST_MODULES_DOWN, sorted(used)


@pytest.mark.long
@pytest.mark.parametrize("way", [f"{CHAIN[-1]}:9999_one_row", f"9999_one_row:{CHAIN[-1]}"])
def test_a_script_of_one_row_costs_the_same_at_every_size(seeded: Project, way: str) -> None:
    """By calls, which no other work on the machine changes."""
    verb = "downgrade" if way.startswith("9999") else "upgrade"
    small, load = (
        sum(entered(seeded, "-x", f"size={size}", verb, way, "--sql").values())
        for size in ("small", "load")
    )
    assert small > 100
    assert load < 1.5 * small


def test_a_generated_table_still_builds_on_the_past(seeded: Project) -> None:
    seeded.run("alembic", "-n", "seed", "downgrade", "0004_inventory")
    used = modules(entered(seeded, "upgrade", "0005_orders"))
    assert "terp_seed.terp.simulation.simulation" in used


@pytest.mark.slow
def test_rows_are_in_step_whether_the_chain_goes_up_at_once_or_one_by_one(
    project: Project,
) -> None:
    digests = []
    for database, steps in (
        ("whole.db", [("base", CHAIN[-1])]),
        ("steps.db", pairwise(["base", *CHAIN])),
    ):
        url = f"url=sqlite:///{database}"
        project.run("alembic", "-x", url, "upgrade", "head")
        for _, target in steps:
            project.run("alembic", "-n", "seed", "-x", url, "upgrade", target)
        with sa.create_engine(f"sqlite:///{project.path}/{database}").connect() as connection:
            digests.append(database_digests(connection))
    assert digests[0] == digests[1]


def test_a_rollback_of_one_revision_compares_each_range_once(seeded: Project) -> None:
    seeded.run("alembic", "-n", "seed", "upgrade", "head")
    calls = entered(seeded, "downgrade", CHAIN[-1])
    assert calls["terp_seed.ledger.drift:find_drift"] == 1


def test_a_rollback_of_several_compares_each_range_before_the_first_goes_and_when_it_goes(
    seeded: Project,
) -> None:
    """One revision that cannot go stops them all, so they are looked at before the first."""
    calls = entered(seeded, "downgrade", "base")
    assert calls["terp_seed.ledger.drift:find_drift"] == 2 * RANGES


def test_what_was_found_to_ask_a_person_is_not_found_again(seeded: Project) -> None:
    trace = TRACE.replace("from alembic.config import main", "from terp_seed.cli import main")
    trace = trace.replace("main(argv=sys.argv[1:])", "main(sys.argv[1:])")
    said = typed(
        seeded,
        *("python", "-c", trace, "rollback", "0003_batches"),
        after="Go on? [y/N]: ",
        answer="y",
    )
    assert said.code == 0, said.text
    line = re.search(r"entered terp_seed\.ledger\.drift:find_drift (\d+)", said.text)
    assert line is not None, said.text
    assert int(line[1]) == 2 * RANGES_AFTER_BATCHES
