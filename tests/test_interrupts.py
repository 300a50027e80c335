"""A signal ends a command in one way, wherever it strikes."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from terp_seed.errors import InterruptedRunError, PlanError
from terp_seed.interrupts import interruptible


def _struck() -> None:
    signal.raise_signal(signal.SIGTERM)


def _struck_in_a_commit() -> None:
    """SQLAlchemy asserts, while it cleans up, that its transaction has ended."""
    try:
        signal.raise_signal(signal.SIGTERM)
    except KeyboardInterrupt as interrupt:
        raise AssertionError from interrupt


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
