"""What a command loads: looking costs hardly more than plain Alembic, so it loads little more."""

from __future__ import annotations

import pytest
from toys import Toy

_LOADED = """
import sys
from alembic.config import main
try:
    main({argv!r})
finally:
    print("loaded", *sorted(sys.modules))
"""
#: What only a run needs.
_HEAVY = (
    "faker",
    "filelock",
    "loguru",
    "terp_seed.masking",
    "terp_seed.run.script",
    "terp_seed.run.live",
    "terp_seed.plan.preflight",
    "terp_seed.terp.seeders",
    "terp_seed.run.writer",
    "toy_seeders",
)


def loaded(toy: Toy, *argv: str) -> set[str]:
    """The modules that an Alembic command has loaded when it ends."""
    code = _LOADED.format(argv=["-n", "seed", "-x", f"url={toy.url}", *argv])
    done = toy.run("python", "-c", code)
    names = next(line for line in done.stdout.splitlines() if line.startswith("loaded "))
    return set(names.split())


@pytest.mark.parametrize("command", ["current", "heads", "history"])
def test_looking_loads_no_seeder(sqlite_toy: Toy, command: str) -> None:
    assert not loaded(sqlite_toy, command) & set(_HEAVY)


def test_a_run_does(sqlite_toy: Toy) -> None:
    """Else the test above would prove nothing."""
    found = loaded(sqlite_toy, "upgrade", "head")
    assert {"loguru", "terp_seed.run.live", "terp_seed.run.writer", "toy_seeders"} <= found
