"""A signal ends a command in good order."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from terp_seed.errors import InterruptedRunError

__all__ = ["WHOLE", "interruptible"]

WHOLE = "every revision is there as a whole or not at all; run the command again to go on"


@contextmanager
def interruptible(left: str = WHOLE) -> Iterator[None]:
    """SIGINT and SIGTERM raise `InterruptedRunError`: rolled back, audited, released.

    They travel as a `KeyboardInterrupt`, because the libraries on their way
    swallow an `Exception`: loguru does where a sink is writing.  What fails
    because of one, such as an assertion of SQLAlchemy's in the middle of a
    COMMIT, is the interrupt, too.
    """
    came: list[str] = []

    def stop(number: int, frame: object) -> None:
        came.append(signal.Signals(number).name)
        raise KeyboardInterrupt

    before: dict[signal.Signals, Any] = {}
    try:
        for which in (signal.SIGINT, signal.SIGTERM):
            before[which] = signal.signal(which, stop)
    except ValueError:
        pass  # not the main thread: the host program has its own way
    try:
        yield
    except BaseException as error:
        if not came and not isinstance(error, KeyboardInterrupt):
            raise
        name = came[0] if came else "SIGINT"
        raise InterruptedRunError(f"interrupted by {name}: {left}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
