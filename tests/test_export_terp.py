"""TERP's own chain as files: loaded and adopted, it is the chain of a run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from exports import load
from projects import CHAIN, Project
from test_preview_terp import digests

from terp_seed.database.compare import BOOKKEEPING, differing

SHARDS = 4


@pytest.mark.slow
def test_terps_chain_in_shards_and_as_a_run(
    project: Project, engine: str, new_database: Callable[[str], str], tmp_path: Path
) -> None:
    loaded, by_run = new_database(engine), new_database(engine)
    for url in (loaded, by_run):
        project.run("alembic", "-x", f"url={url}", "upgrade", "head")
    empty = digests(loaded, set(BOOKKEEPING))
    seed = ("terp-seed", "-x", f"url={loaded}")
    files = tmp_path / "files"
    files.mkdir()
    for number in range(1, SHARDS + 1):
        part = tmp_path / str(number)
        which = f"--shard={number}/{SHARDS}"
        project.run(*seed, "export", "--format=csv", "--to", str(part), which)
        for path in part.iterdir():
            path.rename(files / path.name)
    load(loaded, files)
    project.run(*seed, "ledger", "adopt", str(files))
    project.run("alembic", "-n", "seed", "-x", f"url={by_run}", "upgrade", "head")
    assert differing(digests(loaded, set(BOOKKEEPING)), digests(by_run, set(BOOKKEEPING))) == []
    assert CHAIN[-1] in project.run(*seed, "status").stdout
    project.run(*seed, "status", "--drift")
    project.run(*seed, "verify", "--all")
    project.run(*seed, "rollback", "base", "--yes")
    assert differing(digests(loaded, set(BOOKKEEPING)), empty) == []
