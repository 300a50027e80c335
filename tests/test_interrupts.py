"""A signal ends a command in one way, wherever it strikes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import pytest
from sqlalchemy.engine.base import RootTransaction
from toys import Toy

from terp_seed.errors import InterruptedRunError, PlanError
from terp_seed.interrupts import interruptible


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
    toy.upgrade("head")
    assert toy.audit()[-1][0] == "finished"
