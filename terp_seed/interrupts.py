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
    swallow an `Exception`: loguru does where a sink is writing.
    """

    def stop(number: int, frame: object) -> None:
        raise KeyboardInterrupt(signal.Signals(number).name)

    before: dict[signal.Signals, Any] = {}
    try:
        for which in (signal.SIGINT, signal.SIGTERM):
            before[which] = signal.signal(which, stop)
    except ValueError:
        pass  # not the main thread: the host program has its own way
    try:
        yield
    except KeyboardInterrupt as error:
        name = error.args[0] if error.args else "SIGINT"
        raise InterruptedRunError(f"interrupted by {name}: {left}") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
