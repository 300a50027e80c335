"""What a run says while it runs: its log and its progress, readable or JSON, always on stderr.

Importing the package configures nothing; a run does.  Records of Alembic and SQLAlchemy go the same
way.
"""

from __future__ import annotations

import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from loguru import Record

__all__ = [
    "AUDIT",
    "Progress",
    "coloured",
    "configure_logging",
    "logger",
    "progress_of_run",
    "quiet_statements",
]

_LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
AUDIT = "terp_seed.audit"
"""The logger of audit events, which are printed only as JSON."""

_FORMAT = "<green>{time:HH:mm:ss}</green> <level>{level: <7}</level> {message}"


def configure_logging(environ: Mapping[str, str] = os.environ) -> None:
    """Send the log to stderr, and to ``TERP_SEED_LOG_FILE`` if that is set.

    ``TERP_SEED_LOG=json`` writes one JSON object a line; a file always holds JSON, is rotated
    at 10 MB and deleted after 30 days.  The level is ``TERP_SEED_LOG_LEVEL``, by default INFO.
    """
    level = environ.get("TERP_SEED_LOG_LEVEL", "INFO").upper()
    style = environ.get("TERP_SEED_LOG", "text")
    if level not in _LEVELS:
        raise UsageError(f"TERP_SEED_LOG_LEVEL: {level!r} is not a level; use {', '.join(_LEVELS)}")
    if style not in ("text", "json"):
        raise UsageError(f"TERP_SEED_LOG: {style!r} is not possible; one of text, json")
    logger.remove()
    # Never log the variables of a traceback: they hold rows.
    safe: dict[str, Any] = {"level": level, "backtrace": False, "diagnose": False}
    if style == "json":
        logger.add(lambda message: print(_json_line(message.record), file=sys.stderr), **safe)
    else:
        logger.add(
            lambda message: print(message, end="", file=sys.stderr),
            format=_FORMAT,
            colorize=coloured(sys.stderr, environ),
            filter=_for_people,
            **safe,
        )
    if environ.get("TERP_SEED_LOG_FILE"):
        _add_file(environ["TERP_SEED_LOG_FILE"], safe)
    _adopt_standard_logging(level)


def quiet_statements() -> None:
    """Stop logging statements, because some contain keys that are personal data."""
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _add_file(path: str, options: dict[str, Any]) -> None:
    try:
        logger.add(
            path,
            format=_as_json,
            rotation="10 MB",
            retention="30 days",
            opener=_private,
            **options,
        )
    except OSError as error:
        raise UsageError(
            f"TERP_SEED_LOG_FILE: {path} cannot be written: {error.strerror}"
        ) from None


def coloured(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to use colours: on a terminal that has them, without ``NO_COLOR``."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _for_people(record: Record) -> bool:
    """Whether a record is for people: an audit event is not, unless it is an error."""
    return record["extra"].get("logger") != AUDIT or record["level"].name == "ERROR"


def _json_line(record: Record) -> str:
    return json.dumps(
        {
            "time": record["time"].isoformat(),
            "level": record["level"].name,
            "logger": record["extra"].get("logger", "terp_seed"),
            "message": record["message"],
            **{key: value for key, value in record["extra"].items() if key != "logger"},
        },
        default=str,
        ensure_ascii=False,
    )


def _as_json(record: Record) -> str:
    record["extra"]["_line"] = _json_line(record)
    return "{extra[_line]}\n"


_VALUES = re.compile(r"'|\bVALUES\b")
_VALUELESS = ("SET ", "CREATE ", "DROP ", "ALTER ", "PRAGMA ")


def _without_values(statement: str) -> str:
    """A statement up to its first value: a log holds no row, masked or not."""
    found = None if statement.startswith(_VALUELESS) else _VALUES.search(statement)
    return statement if found is None else f"{statement[: found.start()].rstrip()} ..."


class _Adopted(logging.Handler):
    """Hands a standard log record to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "alembic.util.messaging" and record.levelno >= logging.ERROR:
            return  # Alembic prints the same line as FAILED
        message = record.getMessage()
        if record.name.startswith("sqlalchemy."):
            message = _without_values(message)
        level: str | int = record.levelname
        if record.name == "alembic.runtime.migration" and not message.startswith("Running "):
            level = "DEBUG"  # such as the class of the dialect
        logger.bind(logger=record.name).log(level, "{}", message)


def _adopt_standard_logging(level: str) -> None:
    handler = _Adopted()
    verbose = level in ("TRACE", "DEBUG")
    # SQLAlchemy logs statements at INFO and result rows at DEBUG: never allow the latter.
    for name, usual, most in (
        ("alembic", logging.INFO, logging.DEBUG),
        ("sqlalchemy", logging.WARNING, logging.INFO),
    ):
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.propagate = False
        target.setLevel(most if verbose else max(getattr(logging, level, usual), usual))


_BAR = 12
_BAR_SECONDS = 0.1  # between two drawings of the bar
_QUICK_SECONDS = 0.5  # a table that takes less has no bar
_LOG_SECONDS = 5.0
_CI_SECONDS = 10.0  # so that a pipeline that waits is not taken for one that hangs

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
    if where.isatty():
        return Bar(where)
    return Lines(seconds=_CI_SECONDS) if environ.get("CI") else Progress()


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
        text = f" {'#' * full:-<{_BAR}} {done:,} of {total:,}  {_left(done, total, pace)} "
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

    def __init__(self, clock: Clock = monotonic, seconds: float = _LOG_SECONDS) -> None:
        super().__init__(seconds, seconds, clock)

    def show(self, table: str, done: int, total: int, pace: float) -> None:
        """Log a line, with the numbers as fields."""
        logger.bind(
            event="progress",
            table=table,
            rows=done,
            total=total,
            rows_per_second=round(pace),
            seconds_left=round((total - done) / pace, 1),
        ).info(f"{table}: {done:,} of {total:,} rows, {_left(done, total, pace)}")


def _left(done: int, total: int, pace: float) -> str:
    minutes, seconds = divmod(round((total - done) / pace), 60)
    return f"{pace:,.0f} rows/s  {minutes}:{seconds:02d} left"
