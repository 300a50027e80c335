"""Whether anything but `seeded` happens between two tests.

An idle transaction has locks.  A fixture that writes to the same database by another way would
wait for them, so between two tests there must be none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from fnmatch import fnmatch
from typing import Any

import pytest

__all__ = ["follow_each_other", "use_seeded"]

_SEEDED = "seeded"
_QUIET = ("_pytest.", "terp_seed.testing.")
_CLASSIC = ("_xunit", "_unittest")  # pytest's own names for setup_method() and the like


def use_seeded(*items: pytest.Item | None) -> bool:
    """Whether all of these tests use `seeded`."""
    return all(item is not None and _SEEDED in _fixtures(item) for item in items)


def follow_each_other(
    item: pytest.Item, following: pytest.Item | None, apart: Collection[str]
) -> bool:
    """Whether two tests use `seeded`, and no fixture of others runs in between.

    Fixtures that build on `seeded` run while the transaction is in use; those whose names match
    one of ``apart`` are known not to write to its database.
    """
    if following is None or not use_seeded(item, following) or item.parent is not following.parent:
        return False
    started = {name for name, _ in _foreign(item)}
    return all(
        _SEEDED in _needed(test, name) or (fixture.scope != "function" and name in started)
        for test in (item, following)
        for name, fixture in _foreign(test)
        if not any(fnmatch(name, pattern) for pattern in apart)
    )


def _foreign(item: pytest.Item) -> Iterator[tuple[str, Any]]:
    """The fixtures of a test that may do anything."""
    for name, fixture in _fixtures(item).items():
        quiet = str(fixture.func.__module__).startswith(_QUIET)
        if name.startswith(_CLASSIC) or not quiet:
            yield name, fixture


def _fixtures(item: pytest.Item) -> dict[str, Any]:
    """The fixtures of a test by name; none for an item without a function."""
    info: Any = getattr(item, "_fixtureinfo", None)
    found = {} if info is None else info.name2fixturedefs
    return {name: definitions[-1] for name, definitions in found.items() if definitions}


def _needed(item: pytest.Item, name: str) -> set[str]:
    """The fixtures that a fixture asks for, directly or not."""
    fixtures, found, waiting = _fixtures(item), set[str](), [name]
    while waiting:
        fixture = fixtures.get(waiting.pop())
        new = {*(fixture.argnames if fixture else ())} - found
        found |= new
        waiting += new
    return found
