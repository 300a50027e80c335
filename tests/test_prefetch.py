"""Blocks made ahead of the server's work: their order, their errors, and the end of the thread."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest
from toys import Toy

from terp_seed.errors import PlanError
from terp_seed.rows.columns import code, computed
from terp_seed.rows.model import Span, TableRows
from terp_seed.rows.seeders import SeedContext, seeder
from terp_seed.run.prefetch import prefetch


def threads() -> set[str]:
    """The names of the threads that there are."""
    return {thread.name for thread in threading.enumerate()}


def counted(number: int, made: list[int]) -> Iterator[int]:
    """The first numbers, each noted when it is made."""
    for each in range(number):
        made.append(each)
        yield each


def test_items_come_in_their_order_and_few_are_waiting() -> None:
    """However slow the taker is, the maker is at most two ahead: memory stays flat."""
    made: list[int] = []
    taken = []
    with prefetch(counted(50, made)) as items:
        for item in items:
            taken.append(item)
            time.sleep(0.002)
            assert len(made) <= len(taken) + 2
    assert taken == list(range(50))
    assert not any(name.startswith("terp_seed prefetch") for name in threads())


def test_an_error_is_raised_in_its_place() -> None:
    """What was made before it still comes first."""

    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("the third")

    taken: list[int] = []
    with prefetch(failing()) as items, pytest.raises(LookupError, match="the third"):
        taken.extend(items)
    assert taken == [1, 2]
    assert not any(name.startswith("terp_seed prefetch") for name in threads())


def test_who_stops_taking_stops_the_maker() -> None:
    """Ctrl-C while the server works: no more items are made, and no thread is left."""
    made: list[int] = []
    interval = sys.getswitchinterval()
    with suppress(KeyboardInterrupt), prefetch(counted(10**9, made)) as items:
        next(items)
        raise KeyboardInterrupt
    assert len(made) < 10
    assert not any(name.startswith("terp_seed prefetch") for name in threads())
    assert sys.getswitchinterval() == interval


@seeder("late")
def late(context: SeedContext) -> list[TableRows]:
    """Labels whose seeder fails in a block that is made while another is written."""

    def made(span: Span) -> list[str]:
        if len(span) > 1 and 5000 in span.rows():
            raise ArithmeticError("too late")
        return [f"label {row}" for row in span.rows()]

    columns = {"code": code("L-"), "wording": computed(made, length=20)}
    return [context.table("labels", rows=context.rows["depots"], key=("code",), columns=columns)]


def test_what_fails_late_leaves_nothing(toy: Toy) -> None:
    """All or nothing holds for rows that were written while the failing ones were made."""
    toy.only("0001_late", 'op.seed("late")')
    with pytest.raises(PlanError, match="failed with ArithmeticError"):
        toy.upgrade("head", "rows=depots:6000")
    assert toy.value("SELECT COUNT(*) FROM labels") == 0
    assert toy.version() is None
    assert not any(name.startswith("terp_seed prefetch") for name in threads())


def test_rows_written_ahead_are_the_rows_of_their_numbers(toy: Toy) -> None:
    """Many blocks, a thread, and the last row first: every row is at its id."""
    toy.only("0001_late", 'op.seed("late")')
    toy.upgrade("head", "rows=depots:5000")
    rows = toy.rows("SELECT id, code, wording FROM labels ORDER BY id")
    assert rows == [(n + 1, f"L-{n + 1:06d}", f"label {n}") for n in range(5000)]
    toy.downgrade()
    assert toy.value("SELECT COUNT(*) FROM labels") == 0
