"""Making the next thing while this one is being used: generation beside the server's work."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import TypeVar

__all__ = ["prefetch"]

T = TypeVar("T")

_SWITCH_SECONDS = 0.00003
"""How long the maker may keep the interpreter when an answer has come."""


@contextmanager
def prefetch(source: Iterator[T]) -> Iterator[Iterator[T]]:
    """The items of ``source`` in their order, each made in a thread while the last is in use.

    At most two items exist that were not taken yet.  What ``source`` raises
    is raised in its place.  When the block is left, for whatever reason, the
    thread has ended.
    """
    made: Queue[tuple[bool, T | BaseException]] = Queue(1)
    enough = Event()

    def make() -> None:
        try:
            for item in source:
                made.put((True, item))
                if enough.is_set():
                    return
            made.put((False, StopIteration()))
        except BaseException as error:  # whoever takes the items raises it
            made.put((False, error))

    thread = Thread(target=make, name="terp_seed prefetch", daemon=True)
    switching = sys.getswitchinterval()
    sys.setswitchinterval(min(switching, _SWITCH_SECONDS))
    thread.start()
    try:
        yield _taken(made)
    finally:
        enough.set()
        with suppress(Empty):  # room for the one item that the maker may have in its hands
            made.get_nowait()
        sys.setswitchinterval(switching)
        thread.join()


def _taken(made: Queue[tuple[bool, T | BaseException]]) -> Iterator[T]:
    while True:
        is_item, what = made.get()
        if is_item:
            yield what  # type: ignore[misc]
        elif isinstance(what, StopIteration):
            return
        else:
            raise what  # type: ignore[misc]
