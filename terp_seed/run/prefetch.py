"""Makes the next items in a thread while one is in use."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar, cast

__all__ = ["prefetch"]

T = TypeVar("T")

_END = object()
_AHEAD = 2

_SWITCH_SECONDS = 0.00003
"""How long the thread may keep the interpreter when an answer has come."""


@contextmanager
def prefetch(source: Iterator[T]) -> Iterator[Iterator[T]]:
    """The items of ``source`` in order, the next two made in a thread while one is in use.

    What ``source`` raises is raised in its place.  When the block is left, for
    whatever reason, the thread has ended.
    """
    interval = sys.getswitchinterval()
    sys.setswitchinterval(min(interval, _SWITCH_SECONDS))
    try:
        with ThreadPoolExecutor(1, "terp_seed prefetch") as thread:
            yield _items(source, thread)
    finally:
        sys.setswitchinterval(interval)


def _items(source: Iterator[T], thread: ThreadPoolExecutor) -> Iterator[T]:
    coming = deque(thread.submit(next, source, _END) for _ in range(_AHEAD))
    while (item := coming.popleft().result()) is not _END:
        coming.append(thread.submit(next, source, _END))
        yield cast("T", item)
