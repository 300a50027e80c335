"""TERP's own chain: the script leaves what the run leaves, and takes it out again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from projects import Project
from servers import run_client

from terp_seed.database.compare import BOOKKEEPING, TableDigest, database_digests, differing

MOMENTS = {"terp_seed_audit", "terp_seed_environment", "terp_seed_lock"}


def digests(url: str, leave_out: set[str]) -> dict[str, TableDigest]:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = database_digests(connection, leave_out=leave_out)
    engine.dispose()
    return found


@pytest.mark.slow
def test_terps_chain_as_a_script_and_as_a_run(
    project: Project, engine: str, new_database: Callable[[str], str]
) -> None:
    by_script, by_run = new_database(engine), new_database(engine)
    for url in (by_script, by_run):
        project.run("alembic", "-x", f"url={url}", "upgrade", "head")
    empty = digests(by_script, set(BOOKKEEPING))
    seed = ("alembic", "-n", "seed", "-x", f"url={by_script}")
    run_client(by_script, project.run(*seed, "upgrade", "base:head", "--sql").stdout)
    project.run("alembic", "-n", "seed", "-x", f"url={by_run}", "upgrade", "head")
    left, right = digests(by_script, MOMENTS), digests(by_run, MOMENTS)
    assert differing(left, right) == []
    assert left["orders"].rows > 0
    assert left["terp_seed_ledger"].rows > 0
    run_client(by_script, project.run(*seed, "downgrade", "head:base", "--sql").stdout)
    assert differing(digests(by_script, set(BOOKKEEPING)), empty) == []
