"""A test of every engine takes one of them in the short suite, and misses none in the long one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from engine_choice import left_to_the_slow_suite
from servers import server_engine

ENGINES = ("sqlite", server_engine(), "postgresql")


def rounds(test: str, *marks: str) -> list[Any]:
    """A test once on each engine."""
    return [
        SimpleNamespace(
            nodeid=f"tests/test_it.py::{test}[{engine}-1]",
            callspec=SimpleNamespace(params={"engine": engine, "n": 1}),
            get_closest_marker=marks.__contains__,
        )
        for engine in ENGINES
    ]


def chosen(items: list[Any]) -> list[str]:
    left = [item.nodeid for item in left_to_the_slow_suite(items)]
    return [engine for item, engine in zip(items, ENGINES, strict=True) if item.nodeid not in left]


@pytest.fixture(autouse=True)
def _short_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TERP_SEED_TEST_EVERY_ENGINE", raising=False)


def test_each_takes_one_and_together_they_take_all() -> None:
    taken = [chosen(rounds(f"test_{number}")) for number in range(30)]
    assert {len(engines) for engines in taken} == {1}
    assert {engine for engines in taken for engine in engines} == {*ENGINES}
    assert taken == [chosen(rounds(f"test_{number}")) for number in range(30)]


def test_marks_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen(rounds("test_a", "long")) == ["sqlite"]
    assert chosen(rounds("test_a", "every_engine")) == [*ENGINES]
    monkeypatch.setenv("TERP_SEED_TEST_EVERY_ENGINE", "1")
    assert chosen(rounds("test_a")) == [*ENGINES]


def test_a_test_of_one_engine_or_of_none_stays() -> None:
    one, *_ = rounds("test_a")
    none = SimpleNamespace(nodeid="tests/test_it.py::test_b", get_closest_marker=().__contains__)
    items: list[Any] = [one, none]
    assert [*left_to_the_slow_suite(items)] == []
