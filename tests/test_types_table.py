"""The documentation's table of column types is what the engines do."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable

import pytest
from toys import Toy
from types_table import RESULTS, Trial, engine, stored, table

# The tests' own look at the tables; a run is quiet by itself.
pytestmark = pytest.mark.filterwarnings("ignore:Did not recognize type")

WRITE = "TERP_SEED_TEST_WRITE_TYPES" in os.environ


@pytest.mark.slow
def test_the_table_says_what_becomes_of_each_value(
    toy: Toy, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """And what is taken is not drift, leaves when an edited row would stay, and the script's."""

    def prove(taken: list[Trial]) -> None:
        by_run = [stored(toy, trial) for trial in taken]
        toy.terp_seed("status", "--drift")
        toy.downgrade("base", "on-edited=abort")
        assert toy.counts() == {}
        toy.rewind()
        client(toy.url, toy.upgrade("base:head", sql=True))
        assert [stored(toy, trial) for trial in taken] == by_run
        toy.terp_seed("verify", "--drift")
        client(toy.url, toy.downgrade("head:base", sql=True))
        assert toy.counts() == {}

    found = table(toy, prove)
    path = RESULTS / f"{engine(toy).lower()}.json"
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    assert json.loads(path.read_text()) == found
