"""The lock of SQLite, which has none of its own: one on a file beside the database."""

from __future__ import annotations

import os
from pathlib import Path

import filelock

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

from terp_seed.database.dialects.sessions import Lock
from terp_seed.errors import LockError

__all__ = ["FileLock", "NoLock"]


class FileLock(Lock):
    """A lock on a file beside the database: gone when the process is."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._lock = filelock.FileLock(f"{database}.terp_seed.lock", timeout=0)

    def acquire(self, seconds: float) -> bool:
        try:
            self._lock.acquire(timeout=seconds, poll_interval=0.05)
        except filelock.Timeout:
            return False
        except OSError as error:
            raise LockError(
                f"cannot lock {self._database.name}: {error.strerror}; the lock is a file "
                "beside the database, so its folder must be writable"
            ) from None
        return True

    def owned(self) -> bool:
        return self._lock.is_locked

    def release(self) -> None:
        self._lock.release()

    def taken(self) -> bool:
        if fcntl is None:
            return self._taken_by_trial()
        try:
            file = os.open(self._lock.lock_file, os.O_RDONLY)  # and never make one
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(file)
        return False

    def _taken_by_trial(self) -> bool:
        if not Path(self._lock.lock_file).exists():
            return False
        try:
            with filelock.FileLock(self._lock.lock_file, timeout=0):
                return False
        except filelock.Timeout:
            return True


class NoLock(Lock):
    """In memory, on a connection that the caller handed over: nobody else can be there."""

    def acquire(self, seconds: float) -> bool:
        return True

    def owned(self) -> bool:
        return True

    def release(self) -> None:
        pass

    def taken(self) -> bool:
        return False
