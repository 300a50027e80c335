"""How a run ends before it is done: by a signal, or by an error that the audit is told of."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy.exc import DBAPIError

from terp_seed.audit import Audit
from terp_seed.errors import InterruptedRunError, SeedError
from terp_seed.log import logger
from terp_seed.session import Session

__all__ = ["ended_badly", "interruptible"]


def ended_badly(session: Session, audit: Audit, error: BaseException) -> None:
    """Say so in the audit, in a transaction of its own; else in the log."""
    event = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
    logger.bind(run_id=audit.run_id, event=event, error=type(error).__name__).debug("run ended")
    if session.external:
        return
    for attempt in range(2):
        try:
            session.settle()
            if session.connection.invalidated or attempt:
                session.renew()
            session.stream.run(audit.event(event, error=type(error).__name__), what="audit")
            session.commit()
        except (SeedError, DBAPIError):
            session.drop()
        else:
            return
    logger.bind(run_id=audit.run_id, event=event, error=type(error).__name__).error(
        "the audit could not be told how this run ended"
    )


@contextmanager
def interruptible(left: str) -> Iterator[None]:
    """SIGINT and SIGTERM end the run in an orderly manner: rolled back, audited, released.

    They travel as a `KeyboardInterrupt`, because the libraries on their way
    swallow an `Exception`: loguru does where a sink is writing.  ``left`` says
    what is left of the run then.
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
