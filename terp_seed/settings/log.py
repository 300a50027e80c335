"""The run's log: readable on a terminal, JSON on request, always on stderr.

Importing the package configures nothing; a run does.  Alembic's and
SQLAlchemy's records come out the same way.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TextIO

from loguru import logger

from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from loguru import Record

__all__ = ["AUDIT", "coloured", "configure_logging", "logger", "quiet_statements"]

_LEVELS = ("TRACE", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
AUDIT = "terp_seed.audit"
"""The name under which events of the audit are logged: as JSON, and never as text."""

_FORMAT = "<green>{time:HH:mm:ss}</green> <level>{level: <7}</level> {message}"


def configure_logging(environ: Mapping[str, str] = os.environ) -> None:
    """Send the log to stderr, and to ``TERP_SEED_LOG_FILE`` if that is set.

    ``TERP_SEED_LOG=json`` writes one JSON object a line; a file always holds
    JSON, is rotated at 10 MB and expires after 30 days.  The level is
    ``TERP_SEED_LOG_LEVEL``, by default INFO.
    """
    level = environ.get("TERP_SEED_LOG_LEVEL", "INFO").upper()
    style = environ.get("TERP_SEED_LOG", "text")
    if level not in _LEVELS:
        raise UsageError(f"TERP_SEED_LOG_LEVEL: {level!r} is not a level; use {', '.join(_LEVELS)}")
    if style not in ("text", "json"):
        raise UsageError(f"TERP_SEED_LOG: {style!r} is not possible; one of text, json")
    logger.remove()
    # A record's own values, and never the variables of a traceback: they hold rows.
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
    """Log no statement from now on: some name rows by keys that are personal themselves."""
    logging.getLogger("sqlalchemy").setLevel(logging.WARNING)


def _add_file(path: str, options: dict[str, Any]) -> None:
    try:
        logger.add(path, format=_as_json, rotation="10 MB", retention="30 days", **options)
    except OSError as error:
        raise UsageError(
            f"TERP_SEED_LOG_FILE: {path} cannot be written: {error.strerror}"
        ) from None


def coloured(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream wants colours: a terminal that has them, without ``NO_COLOR``."""
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _for_people(record: Record) -> bool:
    """Whether a record is more than an event of the audit, which only machines read."""
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


class _Adopted(logging.Handler):
    """Hands a standard log record to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "alembic.util.messaging" and record.levelno >= logging.ERROR:
            return  # the same line is printed as FAILED
        message = record.getMessage()
        level: str | int = record.levelname
        if record.name == "alembic.runtime.migration" and not message.startswith("Running "):
            level = "DEBUG"  # which dialect class it took is nobody's concern
        logger.bind(logger=record.name).log(level, "{}", message)


def _adopt_standard_logging(level: str) -> None:
    handler = _Adopted()
    verbose = level in ("TRACE", "DEBUG")
    # SQLAlchemy says at INFO what it runs, and at DEBUG what came back: rows, so never that.
    for name, usual, most in (
        ("alembic", logging.INFO, logging.DEBUG),
        ("sqlalchemy", logging.WARNING, logging.INFO),
    ):
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.propagate = False
        target.setLevel(most if verbose else max(getattr(logging, level, usual), usual))
