"""A copy of the whole of TERP, with a canary for each of its people, masked by TERP's policy."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import terp_full
import terp_people
from copies import Copy
from servers import find_program

from terp_seed.database.dialects import dialect_named
from terp_seed.masking.policy import Policy
from terp_seed.masking.policy_file import load_policy

POLICY = Path(__file__).resolve().parent.parent / "seeds" / "masking.toml"


@pytest.mark.long
@pytest.mark.parametrize("clients", [250, pytest.param(5000, marks=pytest.mark.slow)])
def test_no_one_of_terp_is_left_in_a_masked_copy(
    new_copy: Callable[..., Copy], tmp_path: Path, clients: int
) -> None:
    copy, policy = new_copy("staging"), load_policy(POLICY)
    (copy.home / "masking.toml").write_bytes(POLICY.read_bytes())
    people = terp_people.People(policy, clients)
    off, on = terp_people.unchecked(copy.name)
    with copy.db.begin() as connection:
        made = terp_full.create(connection)
        connection.exec_driver_sql(off)
        people.fill(connection, made)
        connection.exec_driver_sql(on)
    assert len(made.tables) == 233
    assert terp_people.keys(made) == 407
    before = _look(copy, made, policy)
    planted = {f"{table}.{column}" for table, column in people.planted.columns}
    assert planted == people.planted.survivors(_dump(copy, tmp_path)).keys()

    copy.mask()
    assert people.planted.survivors(_dump(copy, tmp_path)) == {}
    assert _look(copy, made, policy) == before
    assert copy.leaks() == set()
    assert copy.mask() == {}


def _look(copy: Copy, made: sa.MetaData, policy: Policy) -> dict[str, list[Any]]:
    """What masking must not touch: whole foreign keys, and what the policy keeps, row by row."""
    with copy.db.connect() as connection:
        assert list(terp_people.orphans(connection, made)) == []
        return terp_people.kept(connection, made, policy)


def _dump(copy: Copy, folder: Path) -> str:
    """What the engine's own dump writes."""
    path = folder / "dump.sql"
    if copy.name == "sqlite":
        with path.open("wb") as file:
            program = find_program("sqlite3")
            subprocess.run([program, str(copy.db.url.database), ".dump"], stdout=file, check=True)
    else:
        dialect_named(copy.db.url.get_backend_name()).clients.dump(copy.settings.url, path)
    return path.read_text(encoding="utf-8", errors="replace")
