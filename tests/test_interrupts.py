"""A signal ends a command in one way, wherever it strikes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine.base import RootTransaction
from toys import Toy

from terp_seed.database.interrupts import interruptible
from terp_seed.errors import InterruptedRunError, PlanError


def _struck() -> None:
    signal.raise_signal(signal.SIGTERM)


def _struck_in_a_commit() -> None:
    """SQLAlchemy asserts, while it cleans up, that its transaction has ended."""
    try:
        signal.raise_signal(signal.SIGTERM)
    finally:
        raise AssertionError


@pytest.mark.parametrize("work", [_struck, _struck_in_a_commit])
def test_whatever_a_signal_breaks_is_told_as_the_signal(work: Callable[[], None]) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    told = r"^interrupted by SIGTERM: half a row is left$"
    with pytest.raises(InterruptedRunError, match=told), interruptible("half a row is left"):
        work()
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def _refused_beside_an_interrupt_of_the_hosts() -> None:
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt:
        raise PlanError("another") from None


def test_an_error_without_a_signal_is_told_as_it_is() -> None:
    with pytest.raises(PlanError, match="another"), interruptible():
        _refused_beside_an_interrupt_of_the_hosts()


def test_a_word_from_within_is_not_told_again() -> None:
    told = pytest.raises(InterruptedRunError, match=r": within$")
    with told, interruptible("around"), interruptible("within"):
        _struck()


def test_the_audit_too_tells_a_signal_within_a_commit_as_the_signal(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLAlchemy fails an assertion of its own then."""
    deactivate = RootTransaction._deactivate_from_connection
    left = [3]

    def struck(self: RootTransaction) -> None:
        left[0] -= sys._getframe(1).f_code.co_name == "_do_commit"
        if left[0] == 0:
            left[0] -= 1
            _struck()
        deactivate(self)

    with monkeypatch.context() as patched:
        patched.setattr(RootTransaction, "_deactivate_from_connection", struck)
        with pytest.raises(InterruptedRunError, match="interrupted by SIGTERM"):
            toy.upgrade("head")
    assert toy.audit()[-1][0] == "interrupted"
    (last, *_) = toy.document("history")["runs"]
    assert (last["outcome"], last["error"]) == ("interrupted", "SIGTERM")
    toy.upgrade("head")
    assert toy.audit()[-1][0] == "finished"


@contextmanager
def struck_reading_the_audit(when: Callable[[], bool]) -> Iterator[None]:
    """SIGTERM while a run reads its own events, once it may be."""
    left = [1]

    def strike(connection: object, cursor: object, statement: str, *more: Any) -> None:
        if statement.startswith("SELECT terp_seed_audit") and left[0] and when():
            left[0] = 0
            _struck()

    sa.event.listen(sa.Engine, "after_cursor_execute", strike)
    try:
        yield
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", strike)


@pytest.mark.parametrize("given", [False, True], ids=["own", "handed over"])
def test_an_interrupt_is_audited_and_leaves_the_file_free(sqlite_toy: Toy, given: bool) -> None:
    """The cursor that it strikes would hold the lock for as long as somebody has the error."""
    toy = sqlite_toy
    with sa.create_engine(toy.url, poolclass=sa.NullPool).connect() as connection:
        more = {"attributes": {"connection": connection}} if given else {}
        with (
            struck_reading_the_audit(lambda: ("applied", "0001_labels") in toy.audit()),
            pytest.raises(InterruptedRunError) as caught,
        ):
            toy.upgrade("head", **more)
        toy.execute("CREATE TABLE others (id INTEGER)")
    assert toy.audit()[-1][0] == "interrupted"
    assert caught.value


def test_a_run_that_has_finished_was_not_interrupted(toy: Toy) -> None:
    """A signal that comes while it reads its last event."""
    done = struck_reading_the_audit(lambda: toy.audit()[-1][0] == "finished")
    with done, pytest.raises(InterruptedRunError):
        toy.upgrade("head")
    assert [event for event, _ in toy.audit()][-2:] == ["applied", "finished"]


def test_a_lost_terminal_interrupts_and_nohup_does_not() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests may run under nohup
    try:
        with pytest.raises(InterruptedRunError, match="interrupted by SIGHUP"), interruptible():
            signal.raise_signal(signal.SIGHUP)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with interruptible():
            signal.raise_signal(signal.SIGHUP)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
