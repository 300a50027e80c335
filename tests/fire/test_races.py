"""Many runs at once on one database, and runs beside the application that owns it."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa
from children import Child
from counts import count
from toys import HEAD, Toy

FULL = {"labels": 3, "pairs": 2, "depots": 4, "crates": 12, "scans": 12}
Start = Callable[..., Child]


def together(start: Start, runs: list[tuple[Toy, tuple[str, ...]]]) -> list[Child]:
    """Start these runs at one moment, and return them when all have ended."""
    at = time.time() + 0.5 + len(runs) / 50
    begun = [start(toy, *arguments, at=at) for toy, arguments in runs]
    for child in begun:
        child.wait(180)
    return begun


def racers() -> list[int]:
    """2 and 8; 32 where they are asked for."""
    return [number for number in (2, 8, 32) if number <= count("racers")]


@pytest.mark.parametrize("number", racers())
def test_first_runs_at_once(
    new_database: Callable[[str], str],
    new_toy: Callable[..., Toy],
    engine: str,
    start: Start,
    tally: Callable[..., None],
    number: int,
) -> None:
    """C-1, C-2: the tables of ours are not there yet, and everybody makes them."""
    toy = new_toy(new_database(engine))
    ended = together(start, [(toy, ("upgrade", "head"))] * number)
    assert [child.process.exitcode for child in ended] == [0] * number, [c.said for c in ended]
    assert toy.counts() == FULL
    assert toy.audit().count(("applied", HEAD)) == 1
    assert toy.audit().count(("started", None)) == toy.audit().count(("finished", None)) == 1
    assert (
        sum("nothing to do" in c.said or "nothing left to do" in c.said for c in ended)
        == number - 1
    )
    tally(races=1, processes=number)


@pytest.mark.long
@pytest.mark.parametrize("number", racers())
def test_up_and_down_at_once(
    toy: Toy, start: Start, tally: Callable[..., None], number: int
) -> None:
    """C-1, C-4: whatever comes last, every revision is there as a whole or not at all."""
    wholes: dict[str | None, object] = {}
    for revision in ("0001_labels", "0002_depots", HEAD):
        toy.upgrade(revision)
        wholes[revision] = toy.numbered_digests()
    toy.downgrade()
    wholes[None] = toy.numbered_digests()
    dice = random.Random(number)
    ways = [("upgrade", "head"), ("downgrade", "base"), ("upgrade", "0002_depots")]
    ended = together(start, [(toy, dice.choice(ways)) for _ in range(number)])
    assert [child.process.exitcode for child in ended] == [0] * number, [c.said for c in ended]
    assert toy.numbered_digests() == wholes[toy.version()]
    events = [event for event, _ in toy.audit()]
    assert events.count("started") == events.count("finished")
    tally(races=1, processes=number)


def test_relative_targets_at_once(toy: Toy, start: Start, tally: Callable[..., None]) -> None:
    """C-1: `downgrade -1` from many sides undoes one seeder, and the others are told."""
    toy.upgrade()
    ended = together(start, [(toy, ("downgrade", "-1"))] * 4)
    codes = [child.process.exitcode for child in ended]
    assert set(codes) <= {0, 255}
    steps = codes.count(0)
    assert toy.version() == [HEAD, "0002_depots", "0001_labels", None, None][steps]
    assert all("now means a different revision" in c.said for c in ended if c.process.exitcode)
    tally(races=1, processes=4)


def test_two_databases_at_once(
    toy: Toy,
    second_database_url: str,
    new_toy: Callable[..., Toy],
    start: Start,
    tally: Callable[..., None],
) -> None:
    """C-11: their locks have their own names."""
    other = new_toy(second_database_url)
    ended = together(start, [(each, ("upgrade", "head")) for each in (toy, other) * 3])
    assert [child.process.exitcode for child in ended] == [0] * 6, [c.said for c in ended]
    assert toy.counts() == other.counts() == FULL
    assert toy.numbered_digests() == other.numbered_digests()
    tally(races=1, processes=6)


# -- beside the application


@contextmanager
def inserting(toy: Toy, statement: str, most: int = 10**6) -> Iterator[list[str]]:
    """Insert into the same tables from another connection, one small transaction after another.

    Yields the kinds of errors that it got; `{n}` in the statement counts its rows.
    """
    errors: list[str] = []
    done = threading.Event()

    def work() -> None:
        with toy.db.connect() as connection:
            for number in range(most):
                if done.is_set():
                    return
                try:
                    connection.exec_driver_sql(statement.format(n=number))
                    connection.commit()
                except sa.exc.DBAPIError as error:
                    connection.rollback()
                    errors.append(f"{type(error.orig).__name__} {error.orig.args}")
                time.sleep(0.001)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield errors
    finally:
        done.set()
        worker.join()


@pytest.mark.long
def test_an_application_that_inserts_into_the_same_tables_loses_nothing(
    toy: Toy, start: Start, tally: Callable[..., None]
) -> None:
    """C-25: its rows and ours take keys from one counter, and neither takes the other's."""
    toy.upgrade("0002_depots")
    statement = "INSERT INTO depots (code, kind, capacity, price, opened) VALUES "
    statement += "('APP-{n}', 'main', 1, 1, '2026-01-01')"
    again = 0
    with inserting(toy, statement) as errors:
        for arguments in [("downgrade", "base"), ("upgrade", "head")] * (count("racers") // 4):
            child = start(toy, *arguments)
            while child.wait():
                again += 1
                assert "; run the command again" in child.said
                child = start(toy, *arguments)
    assert errors == []
    mine = toy.value("SELECT COUNT(*) FROM depots WHERE code LIKE 'APP-%%'")
    assert mine > 0
    toy.downgrade()
    assert toy.counts() == {"depots": mine}
    tally(races=1, clear_retryable_errors=again)


def test_an_application_that_takes_a_seeded_code(toy: Toy, start: Start) -> None:
    """C-25: a natural key that collides while we write is one clear error, and nothing is lost."""
    toy.upgrade("0002_depots")
    statement = "INSERT INTO labels (code) VALUES ('APP-{n}')"
    toy.revision(
        "0003_more",
        'op.seed_rows("labels", ROWS, key=["code"])',
        after="0002_depots",
        head='ROWS = [{"code": f"N{n}"} for n in range(20000)]',
    )
    (toy.path / "seed_revisions" / "0003_crates.py").unlink()
    with inserting(toy, statement.replace("APP-", "N"), most=300) as errors:
        child = start(toy, "upgrade", "head")
        code = child.wait()
    assert "Traceback" not in child.said
    if code:
        assert "already" in child.said or "UNIQUE" in child.said
        assert toy.value("SELECT COUNT(*) FROM labels WHERE code = 'N19999'") == 0
        assert toy.version() == "0002_depots"
    else:
        assert toy.value("SELECT COUNT(*) FROM labels") == 3 + 20000 + 300 - len(errors)


def test_the_schema_moves_while_we_seed(toy: Toy, start: Start, tally: Callable[..., None]) -> None:
    """C-30: the application's own migration runs beside us, and one waits for the other."""
    done = 0
    toy.upgrade("0001_labels")
    for turn in range(max(2, count("racers") // 4)):
        child = start(toy, "upgrade", "head")
        time.sleep(0.02 * turn)
        toy.execute(f"ALTER TABLE crates ADD COLUMN extra_{turn} INTEGER")
        code = child.wait()
        assert "Traceback" not in child.said
        assert code == 0 or "run the command again" in child.said or "1412" in child.said
        toy.upgrade()
        assert toy.counts() == FULL
        toy.downgrade("0001_labels")
        done += 1
    tally(races=done)
