"""Revisions that update and delete rows: killed at every point, and beside people who edit."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from children import Child, Strike
from counts import count
from toys import Toy

Start = Callable[..., Child]

ROWS = 40
SEED = f"""
op.seed_rows("t", [{{"code": f"c{{n}}", "name": f"n{{n}}", "hits": 0}} for n in range({ROWS})],
             key=["code"])
"""
CHANGE = f"""
op.update_rows("t", [{{"code": f"c{{n}}", "name": f"new{{n}}"}} for n in range({ROWS - 1})],
               key=["code"])
op.delete_rows("t", ["c{ROWS - 1}"], key=["code"], allow_delete=True)
"""


def lived(toy: Toy) -> None:
    """A seeded table, and a second revision that changes it."""
    toy.execute(
        f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(20) NOT NULL UNIQUE, "
        "name VARCHAR(40), hits INTEGER NOT NULL)"
    )
    toy.publish("t", ["code", "name", "hits"])
    toy.only("0001_a", SEED)
    toy.revision("0002_b", CHANGE, after="0001_a")
    toy.upgrade("0001_a")


def state(toy: Toy) -> tuple[str | None, Any, Any]:
    """Where the chain is, the rows, and what the ledger says of changes."""
    changes = toy.rows("SELECT revision, state, row_count FROM terp_seed_ledger WHERE range_no > 0")
    return toy.version(), toy.rows("SELECT * FROM t ORDER BY id"), sorted(map(str, changes))


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
def test_a_change_that_dies_is_whole_or_not_at_all(
    toy: Toy,
    start: Start,
    points: Callable[..., list[str]],
    tally: Callable[..., None],
    direction: str,
) -> None:
    """C-42: rows, kept rows, ledger and version commit together; the next run completes."""
    lived(toy)
    before = state(toy)
    toy.upgrade()
    after = state(toy)
    up = direction == "upgrade"
    away = toy.downgrade if up else toy.upgrade
    arguments = ("upgrade", "head") if up else ("downgrade", "0001_a")

    def back() -> None:
        away("0001_a" if up else "head")

    back() if up else None
    passed = points(toy, *arguments)
    last = {label: at for at, label in enumerate(passed, start=1)}
    strikes = range(1, len(passed) + 1) if count("points") else sorted(last.values())[up::2]
    for at in strikes:
        back()
        child = start(toy, *arguments, strike=Strike(at, signal.SIGKILL))
        child.wait()
        assert state(toy) in (before, after), at
        (toy.upgrade if up else toy.downgrade)("head" if up else "0001_a", "lock-timeout=10")
        assert state(toy) == (after if up else before)
    tally(kills=len(strikes))


@pytest.mark.long
def test_people_who_edit_meanwhile_lose_nothing(
    toy: Toy, start: Start, tally: Callable[..., None]
) -> None:
    """C-43: a counter in the same rows misses no step, and an edited cell is never overwritten."""
    lived(toy)
    stop, done, edited = threading.Event(), 0, set[int]()

    def people() -> None:
        nonlocal done
        number = 0
        while not stop.is_set():
            number = (number + 1) % (ROWS - 1)
            try:
                toy.execute(
                    f"UPDATE t SET hits = hits + 1 WHERE code = 'c{number}'",
                    f"UPDATE t SET name = 'mine' WHERE code = 'c{number}' AND {number % 7} = 3",
                )
            except Exception:  # a deadlock, or SQLite is busy: nothing of it is done
                continue
            done += 1
            if number % 7 == 3:
                edited.add(number)

    thread = threading.Thread(target=people)
    thread.start()
    try:
        for turn in range(max(4, count("racers") // 2)):
            up = turn % 2 == 0
            words = ("upgrade", "head") if up else ("downgrade", "0001_a")
            child = start(toy, "-x", "on-conflict=theirs", "-x", "on-edited=keep", *words)
            child.wait()
            assert "Traceback" not in child.said, child.said
    finally:
        stop.set()
        thread.join()
    assert done
    assert toy.value("SELECT SUM(hits) FROM t") == done
    mine = {code for (code,) in toy.rows("SELECT code FROM t WHERE name = 'mine'")}
    assert mine >= {f"c{number}" for number in edited}
    tally(races=1)
