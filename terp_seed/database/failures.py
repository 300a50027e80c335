"""Database errors without values.

A driver's message carries what it stumbled over ("Duplicate entry '...'",
"Key (email)=(...)"), which may be somebody's data.  What leaves here names
the table, the column or key and the kind of failure, and nothing else.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy.exc import DBAPIError

from terp_seed.errors import LockError, PlanError, SeedError

__all__ = ["RetryableError", "code_of", "translated"]


class RetryableError(SeedError):
    """The database undid our transaction for somebody else's sake; try again."""


_RETRYABLE = {1205, 1213, 1020}
_PRIVILEGE = re.compile(r"([A-Z, ]+) command denied")
_DUPLICATE = 1062
_PRIMARY = re.compile(r"for key '(?:[^']*\.)?PRIMARY'")
_GONE = {2006, 2013, 2055, 1053, 1927, 4031}
_READ_ONLY = {1290, 1836, 1792}
_DENIED = {1044, 1045, 1142, 1143, 1227}

# MySQL's errors by number: what it means, and where the name of a thing stands.
_MYSQL: dict[int, tuple[str, str | None]] = {
    1048: ("a column that must not be NULL got none", r"Column '([^']*)'"),
    1054: ("a column does not exist", r"Unknown column '([^']*)'"),
    1062: ("another row already owns a unique key", r"for key '([^']*)'$"),
    1146: ("a table does not exist", r"Table '([^']*)'"),
    1153: ("a row is larger than the server's max_allowed_packet", None),
    1264: ("a number is out of range", r"for column '?([^' ]*?)'? at row"),
    1265: ("a value is not one the column knows", r"for column '?([^' ]*?)'? at row"),
    1292: ("a date or number cannot be read", r"for column .*?`?([^`'. ]+)`? at row"),
    1317: ("somebody ended the statement on the server", None),
    1364: ("a column without default got no value", r"Field '([^']*)'"),
    1366: (
        "a value does not fit the column's type or character set",
        r"for column .*?`?([^`'. ]+)`? at row",
    ),
    1406: ("a value is too long", r"for column '?([^' ]*?)'? at row"),
    1451: ("another row still refers to it", r"CONSTRAINT `([^`]*)`"),
    1452: ("a row refers to one that does not exist", r"CONSTRAINT `([^`]*)`"),
    3819: ("a CHECK does not hold", r"Check constraint '([^']*)'"),
    4025: ("a CHECK does not hold", r"CONSTRAINT `([^`]*)`"),
    1114: ("the table or the disk is full", None),
    1021: ("the disk is full", None),
    1969: ("the statement took longer than the server's max_statement_time", None),
    3024: ("the statement took longer than the server's max_execution_time", None),
}
_SQLITE = re.compile(
    r"^(UNIQUE constraint failed|NOT NULL constraint failed|CHECK constraint failed|"
    r"FOREIGN KEY constraint failed|no such table|no such column|database is locked|"
    r"attempt to write a readonly database|database or disk is full|"
    r"file is not a database|database disk image is malformed|"
    r"table \S+ has no column named)(?::? ([\w., ]+))?"
)


def code_of(error: DBAPIError) -> int | None:
    """The server's error number, where the engine has them."""
    arguments = getattr(error.orig, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], int) else None


def translated(error: DBAPIError, what: str) -> SeedError:
    """The error to raise in its place, without a value of a row.

    Raise it ``from None``: the original holds the values.
    """
    prefix = f"{what}: " if what else ""
    number = code_of(error)
    if number is None:
        return _from_sqlite(error, prefix)
    if number in _RETRYABLE:
        return RetryableError(
            f"{prefix}the server undid the transaction, because another one held the rows it "
            f"needs (error {number})"
        )
    if number in _GONE or error.connection_invalidated:
        return LockError(
            f"{prefix}the connection to the server is gone (error {number}); {_left(error)}"
        )
    if number in _READ_ONLY:
        return PlanError(f"{prefix}the server is read-only (error {number}); use its primary")
    if number in _DENIED:
        return PlanError(f"{prefix}{_denied(error)} (error {number})")
    if number == _DUPLICATE and _PRIMARY.search(str(error.orig)):
        return RetryableError(
            f"{prefix}another program took one of the keys that these rows were to get (error "
            f"{number}); run the command again"
        )
    meaning, name = _MYSQL.get(number, ("the server refused the statement", None))
    return PlanError(f"{prefix}{meaning}{_named(name, error.orig)} (error {number})")


def _denied(error: DBAPIError) -> str:
    """Which privilege is missing, where the server says so."""
    found = _PRIVILEGE.search(str(error.orig))
    if found is None:
        return "the database user may not do this; docs/reference.md lists the privileges to grant"
    grant = f"the database user may not {found[1]}; grant it, as docs/reference.md says"
    if found[1] != "CREATE":
        return grant
    return f"{grant}, or let a user who may run this once: the tables are made only once"


def _left(error: DBAPIError) -> str:
    """What became of the transaction: a COMMIT whose answer was lost may have been carried out."""
    if error.statement is None:
        return (
            "whether the revision that was being committed was kept, nobody can say from here: "
            "run the command again, it finds out and goes on from there"
        )
    return "nothing of this revision is left, run the command again"


def _named(pattern: str | None, original: Any) -> str:
    found = re.search(pattern, str(original.args[-1])) if pattern else None
    return f": {found[1]}" if found else ""


def _from_sqlite(error: DBAPIError, prefix: str) -> SeedError:
    found = _SQLITE.match(str(error.orig))
    if found is None:
        return PlanError(
            f"{prefix}the database refused the statement ({type(error.orig).__name__})"
        )
    if "locked" in found[1]:
        return RetryableError(f"{prefix}another program holds the database file")
    return PlanError(f"{prefix}{found[0]}")
