"""How far a run is: a bar on a terminal, lines in JSON logs, nothing in a pipe."""

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
_BAR_SECONDS = 0.1  # between two looks of the bar
_QUICK_SECONDS = 0.5  # a table that is done sooner gets none
_LOG_SECONDS = 5.0

Clock = Callable[[], float]


class Progress:
    """Is told how far a table is; says nothing."""

    def __call__(self, table: str, done: int, total: int) -> None:
        """Take note that ``done`` of a table's rows are written."""

    def end(self) -> None:
        """Leave the terminal as it was, for whatever is said next."""


def progress_of_run(
    stream: TextIO | None = None, environ: Mapping[str, str] = os.environ
) -> Progress:
    """What suits the place that the run speaks to: standard error."""
    where = sys.stderr if stream is None else stream
    if environ.get("TERP_SEED_LOG") == "json":
        return Lines()
    return Bar(where) if where.isatty() else Progress()


class _Paced(Progress):
    """Measures a table's pace, and speaks when it is time to."""

    def __init__(self, first: float, again: float, clock: Clock = monotonic) -> None:
        self._first, self._again, self._clock = first, again, clock
        self._table = ""
        self._started = self._due = 0.0

    def __call__(self, table: str, done: int, total: int) -> None:
        now = self._clock()
        if table != self._table or not done:
            self._table, self._started, self._due = table, now, now + self._first
        last = done >= total and self._spoke()
        if done and (now >= self._due or last):
            self._due = now + self._again
            pace = done / max(now - self._started, 1e-6)
            self.say(table, done, total, pace, (total - done) / pace)
        if done >= total:
            self.end()
            self._table = ""

    def _spoke(self) -> bool:
        return False

    def say(self, table: str, done: int, total: int, pace: float, left: float) -> None:
        """Tell it: rows, rows a second, and the seconds that are left."""


class Bar(_Paced):
    """One line for each table that takes its time, redrawn in place."""

    def __init__(self, stream: TextIO, clock: Clock = monotonic) -> None:
        super().__init__(_QUICK_SECONDS, _BAR_SECONDS, clock)
        self._stream = stream
        self._open = False

    def _spoke(self) -> bool:
        return self._open

    def say(self, table: str, done: int, total: int, pace: float, left: float) -> None:
        """Draw the line again."""
        full = _BAR * done // total
        minutes, seconds = divmod(round(left), 60)
        text = (
            f" {'#' * full:-<{_BAR}} {done:,} of {total:,}  {pace:,.0f} rows/s  "
            f"{minutes}:{seconds:02d} left "
        )
        columns = shutil.get_terminal_size().columns
        name = max(0, columns - len(text))
        line = f"{table[:name]:<{name}}{text}"[:columns]  # one that wraps cannot be drawn again
        print(f"\r{line}", end="", file=self._stream, flush=True)
        self._open = True

    def end(self) -> None:
        """Go to a line of its own."""
        if self._open:
            print(file=self._stream, flush=True)
            self._open = False


class Lines(_Paced):
    """A log line every few seconds."""

    def __init__(self, clock: Clock = monotonic) -> None:
        super().__init__(_LOG_SECONDS, _LOG_SECONDS, clock)

    def say(self, table: str, done: int, total: int, pace: float, left: float) -> None:
        """Log it, with the numbers as fields of their own."""
        logger.bind(
            event="progress",
            table=table,
            rows=done,
            total=total,
            rows_per_second=round(pace),
            seconds_left=round(left, 1),
        ).info(f"{table}: {done:,} of {total:,} rows")
