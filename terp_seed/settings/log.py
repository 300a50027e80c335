"""The run's log: readable on a terminal, JSON on request, always on stderr.

Importing the package configures nothing; a run does.  Records of Alembic and SQLAlchemy go the same
way.
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


def _add_file(path: str, options: dict[str, Any]) -> None:
    try:
        logger.add(path, format=_as_json, rotation="10 MB", retention="30 days", **options)
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


class _Adopted(logging.Handler):
    """Hands a standard log record to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "alembic.util.messaging" and record.levelno >= logging.ERROR:
            return  # Alembic prints the same line as FAILED
        message = record.getMessage()
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
