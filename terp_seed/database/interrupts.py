"""A signal ends a command in good order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from terp_seed.errors import InterruptedRunError

__all__ = ["WHOLE", "interruptible", "signal_behind"]

WHOLE = "every revision is there as a whole or not at all; run the command again to go on"


class _Struck(KeyboardInterrupt):
    """A signal; its only argument is the signal's name."""


def _signals() -> list[signal.Signals]:
    found = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        found.append(hangup)
    return found


@contextmanager
def interruptible(left: str = WHOLE) -> Iterator[None]:
    """SIGINT, SIGTERM and SIGHUP raise `InterruptedRunError`: rolled back, audited, released.

    A lost terminal sends SIGHUP; under ``nohup`` it stays ignored.
    They travel as a `KeyboardInterrupt`, because the libraries on their way
    swallow an `Exception`: loguru does where a sink is writing.  What fails
    because of one is the interrupt, too: `signal_behind`.
    """

    def stop(number: int, frame: object) -> None:
        raise _Struck(signal.Signals(number).name)

    before: dict[signal.Signals, Any] = {}
    try:
        for which in _signals():
            before[which] = signal.signal(which, stop)
    except ValueError:
        pass  # not the main thread: the host program has its own way
    try:
        yield
    except InterruptedRunError:
        raise  # told already, by one within
    except BaseException as error:
        name = signal_behind(error)
        if name is None:
            raise
        raise InterruptedRunError(f"interrupted by {name}: {left}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def signal_behind(error: BaseException) -> str | None:
    """The name of the signal that an error comes of; None if it comes of none.

    What fails while an interrupt passes through comes of it: SQLAlchemy, for
    one, fails an assertion of its own when it is struck within a COMMIT.
    """
    passing: BaseException | None = error
    while passing is not None:
        if isinstance(passing, _Struck):
            return str(passing)
        passing = passing.__context__
    return "SIGINT" if isinstance(error, KeyboardInterrupt) else None  # the host's own handler
