"""Runs that die: at every point between a run and its database, and at random moments."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from children import SIGNALS, Child, Strike
from counts import count
from toys import HEAD, Toy

from terp_seed.database.compare import TableDigest

Start = Callable[..., Child]
MANY = ("-x", "rows=depots:40,crates:6000")


@dataclass(frozen=True)
class Place:
    """What an undisturbed database holds at a revision, ids included."""

    digests: dict[str, TableDigest]
    states: dict[str, str]
    ledger: list[tuple[Any, ...]]


def place(toy: Toy) -> Place:
    """Look at a database, its ledger included, but for the clock's own times."""
    ledger = toy.rows(
        "SELECT revision, range_no, block_no, state, table_name, row_count, detail"
        f"{'' if toy.postgresql else ', first_key'} "
        "FROM terp_seed_ledger ORDER BY revision, range_no, block_no"
    )
    return Place(toy.numbered_digests(), toy.states(), ledger)


def places(toy: Toy, *x: str) -> dict[str | None, Place]:
    """Seed undisturbed, one revision after the other, and take all of it back."""
    found: dict[str | None, Place] = {}
    for revision in ("0001_labels", "0002_depots", HEAD):
        toy.upgrade(revision, *x)
        found[revision] = place(toy)
    toy.downgrade()
    found[None] = place(toy)
    return found


def books(toy: Toy) -> bool:
    """Whether the run lived long enough to make its tables."""
    from sqlalchemy import inspect

    with toy.db.connect() as connection:
        names = set(inspect(connection).get_table_names())
    return names >= {"terp_seed_ledger", "terp_seed_audit", "terp_seed_version"}


def whole(toy: Toy, undisturbed: dict[str | None, Place]) -> None:
    """Assert that every revision is there as a whole or not at all."""
    if books(toy):
        assert place(toy) == undisturbed[toy.version()]
    else:
        assert toy.counts() == {}


def told(toy: Toy, child: Child, number: int, before: int = 0) -> None:
    """Assert that output and audit say how the run ended, which began behind that many events."""
    events = [event for event, _ in toy.audit()][before:] if books(toy) else []
    if number == signal.SIGKILL or child.process.exitcode == 0:
        return
    if events:
        assert events[-1] in ("interrupted", "finished"), (events, child.said)
        assert "interrupted by" in child.said
    if "interrupted by" in child.said:  # else it had not got as far as the seeds
        assert "Traceback" not in child.said, child.said


def alive(passed: list[str], at: int) -> bool:
    """Whether a run that dies at a point has started, by its own books, and has not ended."""
    start = passed.index("after commit", passed.index("after audit")) + 1
    end = len(passed) - passed[::-1].index("before commit")
    return start <= at <= end


def finish(toy: Toy, up: bool, undisturbed: dict[str | None, Place], *x: str) -> None:
    """Run again, as anybody would: it takes the lock at once and ends at the same place."""
    if up:
        toy.upgrade("head", "lock-timeout=10", *x)
    else:
        toy.downgrade("base", "lock-timeout=10")
    assert toy.version() == (HEAD if up else None)
    assert place(toy) == undisturbed[toy.version()]


def chosen(passed: list[str], up: bool) -> list[tuple[int, int]]:
    """Every point with every signal; or of every other kind the last, each signal in turn."""
    if count("points"):
        return [(at, number) for at in range(1, len(passed) + 1) for number in SIGNALS]
    last = {label: at for at, label in enumerate(passed, start=1)}
    return [(at, SIGNALS[turn % 3]) for turn, at in enumerate(last.values())][up::2]


@pytest.mark.slow
@pytest.mark.parametrize("direction", ["upgrade", "downgrade"])
def test_a_run_that_dies_at_a_point_leaves_whole_revisions(
    toy: Toy,
    start: Start,
    points: Callable[..., list[str]],
    tally: Callable[..., None],
    direction: str,
) -> None:
    """C-4, C-6, C-38: before and after lock, ledger, block, version, commit, audit, release."""
    undisturbed = places(toy)
    up = direction == "upgrade"
    target, away = ("head", toy.downgrade) if up else ("base", toy.upgrade)
    away()
    passed = points(toy, direction, target)
    strikes = chosen(passed, up)
    for at, number in strikes:
        away()
        before = len(toy.audit())
        child = start(toy, direction, target, strike=Strike(at, number))
        code = child.wait()
        assert (code == -signal.SIGKILL) == (number == signal.SIGKILL), (at, number, child.said)
        whole(toy, undisturbed)
        told(toy, child, number, before)
        if number == signal.SIGKILL and alive(passed, at):
            events = [event for event, _ in toy.audit()][before:]
            assert "started" in events
            assert "finished" not in events
        finish(toy, up, undisturbed)
    tally(kills=len(strikes))


@pytest.mark.long
def test_a_first_run_that_dies_leaves_nothing_to_clear(
    new_database: Callable[[str], str],
    new_toy: Callable[..., Toy],
    engine: str,
    start: Start,
    points: Callable[..., list[str]],
    tally: Callable[..., None],
) -> None:
    """C-2, C-4: before its own tables are there, or between two of them."""
    undisturbed = places(new_toy(new_database(engine)))
    passed = points(new_toy(new_database(engine)), "upgrade", "head")
    made = max(at for at, label in enumerate(passed, start=1) if label == "after books") + 3
    step = 1 if count("points") else 4
    for turn, at in enumerate(range(1, made, step)):
        toy = new_toy(new_database(engine))
        number = SIGNALS[turn % 3]
        child = start(toy, "upgrade", "head", strike=Strike(at, number))
        assert child.wait(), child.said
        told(toy, child, number)
        toy.upgrade("head", "lock-timeout=10")
        assert place(toy) == undisturbed[HEAD]
    tally(kills=turn + 1)


@pytest.mark.long
def test_runs_that_die_at_random_moments(
    toy: Toy, start: Start, tally: Callable[..., None]
) -> None:
    """C-4, C-13, C-40: kill -9, SIGTERM and SIGINT, in a run of many statements, up and down."""
    undisturbed = places(toy, *MANY[1:])
    dice = random.Random(count("kills"))  # the same moments, as far as a machine allows
    kinds = dict.fromkeys(("killed", "interrupted", "ended"), 0)
    for turn in range(count("kills")):
        up = turn % 2 == 0
        arguments = (*MANY, "upgrade", "head") if up else ("downgrade", "base")
        began = time.monotonic()
        before = len(toy.audit())
        child = start(toy, *arguments)
        number = SIGNALS[turn // 2 % 3]
        time.sleep(dice.uniform(0.05, 0.9))
        child.send(number)
        code = child.wait()
        kinds["ended" if code == 0 else "killed" if code < 0 else "interrupted"] += 1
        whole(toy, undisturbed)
        told(toy, child, number, before)
        finish(toy, up, undisturbed, *MANY[1:])
        assert time.monotonic() - began < 60
    tally(kills=kinds["killed"] + kinds["interrupted"], in_time=kinds["ended"])
