"""Progress of a run: a bar on a terminal, lines in a JSON log, nothing in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TextIO

from terp_seed.settings.log import logger

__all__ = ["Progress", "progress_of_run"]

_BAR = 12
_BAR_SECONDS = 0.1  # between two drawings of the bar
_QUICK_SECONDS = 0.5  # a table that takes less has no bar
_LOG_SECONDS = 5.0

Clock = Callable[[], float]


class Progress:
    """Receives how many rows of a table are done, and shows nothing."""

    def __call__(self, table: str, done: int, total: int) -> None:
        """Report that ``done`` of a table's rows are done."""

    def end(self) -> None:
        """Let other output begin on a new line."""


def progress_of_run(
    stream: TextIO | None = None, environ: Mapping[str, str] = os.environ
) -> Progress:
    """The progress display that suits the stream, by default standard error."""
    where = sys.stderr if stream is None else stream
    if environ.get("TERP_SEED_LOG") == "json":
        return Lines()
    return Bar(where) if where.isatty() else Progress()


class _Paced(Progress):
    """Measures the pace of each table, and shows it first and again after some seconds."""

    def __init__(self, first: float, again: float, clock: Clock = monotonic) -> None:
        self._first, self._again, self._clock = first, again, clock
        self._table = ""
        self._started = self._due = 0.0
        self._open = False
        """Whether a line is drawn that has not ended."""

    def __call__(self, table: str, done: int, total: int) -> None:
        now = self._clock()
        if table != self._table or not done:
            self._table, self._started, self._due = table, now, now + self._first
        last = done >= total and self._open
        if done and (now >= self._due or last):
            self._due = now + self._again
            pace = done / max(now - self._started, 1e-6)
            self.show(table, done, total, pace)
        if done >= total:
            self.end()
            self._table = ""

    def show(self, table: str, done: int, total: int, pace: float) -> None:
        """Show how many rows are done, and how many a second."""


class Bar(_Paced):
    """One line for each table that takes its time, redrawn in place."""

    def __init__(self, stream: TextIO, clock: Clock = monotonic) -> None:
        super().__init__(_QUICK_SECONDS, _BAR_SECONDS, clock)
        self._stream = stream

    def show(self, table: str, done: int, total: int, pace: float) -> None:
        """Redraw the line."""
        full = _BAR * done // total
        minutes, seconds = divmod(round((total - done) / pace), 60)
        text = (
            f" {'#' * full:-<{_BAR}} {done:,} of {total:,}  {pace:,.0f} rows/s  "
            f"{minutes}:{seconds:02d} left "
        )
        columns = shutil.get_terminal_size().columns
        name = max(0, columns - len(text))
        line = f"{table[:name]:<{name}}{text}"[:columns]  # a line that wraps cannot be redrawn
        print(f"\r{line}", end="", file=self._stream, flush=True)
        self._open = True

    def end(self) -> None:
        """End the line, if one is drawn."""
        if self._open:
            print(file=self._stream, flush=True)
            self._open = False


class Lines(_Paced):
    """A log line every few seconds."""

    def __init__(self, clock: Clock = monotonic) -> None:
        super().__init__(_LOG_SECONDS, _LOG_SECONDS, clock)

    def show(self, table: str, done: int, total: int, pace: float) -> None:
        """Log a line, with the numbers as fields."""
        logger.bind(
            event="progress",
            table=table,
            rows=done,
            total=total,
            rows_per_second=round(pace),
            seconds_left=round((total - done) / pace, 1),
        ).info(f"{table}: {done:,} of {total:,} rows")
