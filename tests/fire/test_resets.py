"""Resets that die, and resets while others write: rows are as before, or as they were seeded."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

import pytest
from children import Child, Strike
from counts import count
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from toys import Toy

Start = Callable[..., Child]

DAMAGE = (
    "UPDATE labels SET wording = 'Edited'",
    "DELETE FROM crates WHERE id > 9",
    "DELETE FROM pairs",
    "INSERT INTO labels (code) VALUES ('MINE')",
    "UPDATE depots SET capacity = 7",
)


@pytest.mark.slow
def test_a_reset_that_dies_changes_nothing_or_everything(
    toy: Toy,
    start: Start,
    points: Callable[..., list[str]],
    tally: Callable[..., None],
) -> None:
    toy.upgrade()
    seeded = toy.digests(), toy.states(), toy.version()
    toy.execute(*DAMAGE)
    passed = points(toy, "reset", "--yes")
    last = {label: at for at, label in enumerate(passed, start=1)}
    strikes = range(1, len(passed) + 1) if count("points") else sorted(last.values())
    for at in strikes:
        assert (toy.digests(), toy.states(), toy.version()) == seeded
        toy.execute(*DAMAGE)
        damaged = toy.digests(), toy.states(), toy.version()
        number = signal.SIGINT if at % 3 == 0 else signal.SIGKILL
        child = start(toy, "reset", "--yes", strike=Strike(at, number))
        child.wait()
        found = toy.digests(), toy.states(), toy.version()
        assert found in (damaged, seeded), (at, passed[at - 1], child.said)
        if number == signal.SIGINT:
            assert "Traceback" not in child.said, child.said
        toy.terp_seed("reset", "--yes", x=("lock-timeout=10",))
    tally(kills=len(strikes))


@pytest.mark.parametrize("seconds", [2])
def test_a_reset_while_others_write_is_whole(toy: Toy, start: Start, seconds: int) -> None:
    """A reader never sees a seeded row missing that was not deleted, and the end is the seeds."""
    toy.upgrade()
    seeded, crates = toy.digests(), toy.value("SELECT COUNT(*) FROM crates")
    stop, seen, failed = threading.Event(), set[int](), list[BaseException]()

    def write() -> None:
        number = 0
        while not stop.wait(0.02):  # an embedded engine lets one in that waits
            number += 1
            try:
                with toy.db.begin() as connection:
                    connection.execute(text(f"INSERT INTO scans (crate_id) VALUES ({number})"))
                    connection.execute(text("UPDATE depots SET capacity = capacity + 1"))
            except DBAPIError:
                pass  # it lost a deadlock, or waited for too long
            except BaseException as error:
                failed.append(error)
                return

    def read() -> None:
        while not stop.wait(0.02):
            with toy.db.connect() as connection:
                found = connection.execute(text("SELECT COUNT(*) FROM crates")).scalar()
            seen.add(int(found or 0))

    threads = [threading.Thread(target=call) for call in (write, write, read)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(seconds * 2):
            child = start(toy, "reset", "--yes")
            code = child.wait()
            assert code in (0, 1, 4, 6, 8), child.said
            assert "Traceback" not in child.said, child.said
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not failed
    assert seen == {crates}
    toy.terp_seed("reset", "--yes")
    assert toy.digests() == seeded
