"""Runs of `alembic` in processes of their own, forked from one that has imported everything.

They start at the same moment, which makes a race a race, and they can be struck between any two
statements: what passes between a run and its database is counted where SQLAlchemy hands it to the
driver, so the product knows nothing of it.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

_PRELOAD = (
    "alembic.config",
    "MySQLdb.cursors",
    "sqlalchemy.dialects.mysql.mysqldb",
    "filelock",
    "terp_seed.environment",
    "__main__",
)
_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(list(_PRELOAD))
_numbers = count(1)


@dataclass(frozen=True)
class Strike:
    """A signal that a run gives itself at the so-many-th point that it passes."""

    number: int
    signal: int


@dataclass
class Child:
    """A run on its way."""

    process: BaseProcess
    out: Path

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self, timeout: float = 120) -> int:
        """Return what it ended with; a signal's number below zero."""
        self.process.join(timeout)
        code = self.process.exitcode
        if code is None:
            self.process.kill()
            raise AssertionError(f"did not end in {timeout} s: {self.said}")
        return code

    def send(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.process.is_alive():
            os.kill(self.pid, number)

    @property
    def said(self) -> str:
        """All that it printed, on either stream."""
        return self.out.read_text(encoding="utf-8") if self.out.exists() else ""


def until(happened: Callable[[], object], seconds: float = 120) -> None:
    """Wait for something to happen; so long only where nothing would ever end the wait."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def start(
    folder: Path,
    *argv: str,
    strike: Strike | None = None,
    points: Path | None = None,
    env: dict[str, str] | None = None,
    at: float | None = None,
) -> Child:
    """Start `alembic ARGV`, or `terp-seed ARGV` for a reset, an export or an adoption, in a folder.

    `points` is a file that the passed points are listed in.
    """
    out = folder / f"said-{next(_numbers)}"
    process = _forks.Process(target=_run, args=(folder, argv, out, strike, points, env or {}, at))
    process.start()
    return Child(process, out)


def _run(
    folder: Path,
    argv: tuple[str, ...],
    out: Path,
    strike: Strike | None,
    points: Path | None,
    env: dict[str, str],
    at: float | None,
) -> None:
    from servers import clean_environment

    handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    clean = {**clean_environment(), **env}
    os.environ.clear()
    os.environ.update(clean)
    os.chdir(folder)
    if strike is not None or points is not None:
        _listen(Points(strike, points))
    from alembic.config import CommandLine

    from terp_seed.cli import run

    if at is not None:
        time.sleep(max(0.0, at - time.time()))
    if {"reset", "export", "adopt"} & {*argv}:  # alembic does not have them
        sys.argv = ["terp-seed", *argv]
        run()
    else:
        sys.argv = ["alembic", *argv]
        CommandLine(prog="alembic").main(list(argv))


class Points:
    """Counts what passes, lists it, and strikes."""

    def __init__(self, strike: Strike | None, listed: Path | None) -> None:
        self._strike = strike
        self._listed = listed
        self._passed = 0

    def __call__(self, when: str, label: str) -> None:
        if not label:
            return
        self._passed += 1
        if self._listed is not None:
            with self._listed.open("a") as file:
                file.write(f"{when} {label}\n")
        if self._strike is not None and self._strike.number == self._passed:
            os.kill(os.getpid(), self._strike.signal)


_LABELS = (
    ("lock", re.compile(r"SELECT GET_LOCK")),
    ("release", re.compile(r"SELECT RELEASE_LOCK")),
    ("books", re.compile(r"\s*CREATE TABLE")),
    ("ledger", re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) .?terp_seed_ledger")),
    ("audit", re.compile(r"INSERT INTO .?terp_seed_audit")),
    ("version", re.compile(r"(INSERT INTO|UPDATE|DELETE FROM) .?terp_seed_version")),
    ("block", re.compile(r"INSERT INTO|DELETE FROM")),
    ("derived", re.compile(r"UPDATE")),
)


def label_of(statement: str) -> str:
    """What a statement does, in a word; nothing for one that only reads."""
    for label, pattern in _LABELS:
        if pattern.match(statement):
            return label
    return ""


def _listen(points: Points) -> None:
    from filelock import BaseFileLock
    from sqlalchemy import event
    from sqlalchemy.engine import Engine
    from sqlalchemy.engine.default import DefaultDialect

    def before(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        points("before", label_of(statement))

    def after(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        points("after", label_of(statement))

    event.listen(Engine, "before_cursor_execute", before)
    event.listen(Engine, "after_cursor_execute", after)
    for owner, name, label in (
        (DefaultDialect, "do_commit", "commit"),
        (BaseFileLock, "acquire", "lock"),
        (BaseFileLock, "release", "release"),
    ):
        setattr(owner, name, _around(getattr(owner, name), label, points))


def _around(function: Callable[..., Any], label: str, points: Points) -> Callable[..., Any]:
    def around(*arguments: Any, **named: Any) -> Any:
        points("before", label)
        result = function(*arguments, **named)
        points("after", label)
        return result

    return around


SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
