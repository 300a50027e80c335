"""Which engine a test of every engine runs on in the short suite; on the others it is slow.

Three times the tests would take three times as long, and most that differ from engine to engine
have a test of their own.  The choice follows from the test's name and parameters, so that a commit
is judged by what it changed, and every engine has a third of the tests.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from zlib import crc32

import pytest
from servers import server_engine

__all__ = ["left_to_the_slow_suite"]


def left_to_the_slow_suite(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """The rounds of tests on engines that were not chosen for them.

    A test that is marked ``long`` takes SQLite, one that is marked ``every_engine`` takes all, as
    do all tests with TERP_SEED_TEST_EVERY_ENGINE=1.
    """
    rounds: defaultdict[str, dict[str, pytest.Item]] = defaultdict(dict)
    for item in items:
        engine = _engine_of(item)
        if item.get_closest_marker("long"):
            if "sqlite" not in item.nodeid:
                yield item
        elif engine and not item.get_closest_marker("every_engine"):
            rounds[item.nodeid.replace(engine, "*")][engine] = item
    if os.environ.get("TERP_SEED_TEST_EVERY_ENGINE"):
        return
    for name, engines in rounds.items():
        chosen = sorted(engines)[crc32(name.encode()) % len(engines)]
        yield from (item for engine, item in engines.items() if engine != chosen)


def _engine_of(item: pytest.Item) -> str | None:
    """The engine of a round, if it is a parameter of the test."""
    parameters = getattr(item, "callspec", None)
    values = parameters.params.values() if parameters else ()
    known = ("sqlite", server_engine(), "postgresql")
    return next((value for value in values if value in known), None)
