"""``terp-seed preview --prove``: the script and the run leave the same rows, on copies."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from projects import Project
from sqlalchemy import create_engine, make_url

from terp_seed.database.compare import database_digests

if TYPE_CHECKING:
    from servers import MariaDB, PostgreSQL


@pytest.fixture
def target(engine: str, request: pytest.FixtureRequest, new_database: Callable[[str], str]) -> str:
    """A database whose user may make the scratch databases beside it."""
    url = new_database(engine)
    if engine == "sqlite":
        return url
    fixture = engine if engine == "postgresql" else "mariadb"
    server: MariaDB | PostgreSQL = request.getfixturevalue(fixture)
    return server.root_url(str(make_url(url).database))


def _digests(url: str) -> object:
    engine = create_engine(url)
    with engine.connect() as connection:
        found = database_digests(connection, leave_out=())
    engine.dispose()
    return found


@pytest.mark.parametrize("start", ["base", "0003_batches"])
def test_the_proof_holds_for_terp_and_leaves_the_target_alone(
    target: str, start: str, project: Project
) -> None:
    """From the base and from the middle of the chain, up and back, on copies only."""
    project.run("alembic", "-x", f"url={target}", "upgrade", "head")
    if start != "base":
        project.run("alembic", "-n", "seed", "-x", f"url={target}", "upgrade", start)
    before = _digests(target)

    done = project.run("terp-seed", "-x", f"url={target}", "preview", "--prove")

    lines = done.stdout.splitlines()
    assert [line.partition(" tables")[0].rpartition(":")[0] for line in lines] == [
        f"equal: upgrade {start} to 0005_orders",
        f"equal: downgrade 0005_orders to {start}",
    ]
    assert _digests(target) == before


def test_a_script_that_is_not_the_run_is_found_out(sqlite_url: str, project: Project) -> None:
    """A revision that reads the clock gives the script and the run different rows."""
    revision = project.path / "seed_revisions" / "0006_clock.py"
    revision.write_text(
        "from time import time_ns\n"
        "from alembic import op\n"
        'revision = "0006_clock"\n'
        'down_revision = "0005_orders"\n'
        'raw_sql = "a test"\n'
        "def upgrade():\n"
        "    op.execute(f\"UPDATE brands SET name = '{time_ns()}' WHERE id = 1\")\n"
        "def downgrade():\n"
        "    pass\n",
        encoding="utf-8",
    )
    project.run("alembic", "-x", f"url={sqlite_url}", "upgrade", "head")

    done = project.run("terp-seed", "-x", f"url={sqlite_url}", "preview", "--prove", check=False)

    assert done.returncode == 8
    assert "script and run differ in brands" in done.stderr


def test_nothing_to_preview_is_said(sqlite_url: str, project: Project) -> None:
    """At the head there is no upgrade to prove."""
    project.run("alembic", "-x", f"url={sqlite_url}", "upgrade", "head")
    project.run("alembic", "-n", "seed", "-x", f"url={sqlite_url}", "upgrade", "head")

    done = project.run("terp-seed", "-x", f"url={sqlite_url}", "preview", "--prove", check=False)

    assert done.returncode == 2
    assert "at 0005_orders already" in done.stderr
