"""The errors of MySQL and MariaDB by number: what each means, and where the name in it is."""

from __future__ import annotations

import re

from terp_seed.database.dialects.model import Kind, Problem

__all__ = ["UNREACHABLE", "explain_number", "problem", "unread_from"]

_KINDS = {
    Kind.RETRYABLE: (1205, 1213, 1020, 3101),
    Kind.GONE: (2006, 2013, 2055, 1053, 1927, 4031),
    Kind.READ_ONLY: (1290, 1836, 1792),
    Kind.DENIED: (1044, 1045, 1142, 1143, 1227),
    Kind.BEING_CREATED: (1684,),
}
_KIND_OF = {code: kind for kind, codes in _KINDS.items() for code in codes}
_UNDONE = "the server undid the transaction, because another one held the rows it needs"
_REFUSED = "the server refused the statement"
_DUPLICATE = 1062
# Numbers that mean this only with these words: a member of a group lost to another at its COMMIT.
_LOST = {1180: "error 149"}
_TOO_LARGE = {1105: "writeset size", 1180: "error 90"}
_WRITE_SET = "the transaction is larger than the cluster's wsrep_max_ws_size"
_PRIMARY = re.compile(r"for key '(?:[^']*\.)?PRIMARY'")
_NEAR = re.compile(r"near '(.*)' at line \d+$", re.DOTALL)
_DENIED = re.compile(r"([A-Z, ]+) command denied to user .*? for (?:column .*? in )?table (.*)$")

_MEANINGS: dict[int, tuple[str, str | None]] = {
    1048: ("a column that must not be NULL got none", r"Column '([^']*)'"),
    1054: ("a column does not exist", r"Unknown column '([^']*)'"),
    1062: ("another row already owns a unique key", r"for key '([^']*)'$"),
    1146: ("a table does not exist", r"Table '([^']*)'"),
    1197: ("the transaction is larger than the server's max_binlog_cache_size", None),
    1153: ("a row is larger than the server's max_allowed_packet", None),
    1264: ("a number is out of range", r"for column '?([^' ]*?)'? at row"),
    1265: ("a value is not one the column knows", r"for column '?([^' ]*?)'? at row"),
    1292: ("a date or number cannot be read", r"for column .*?`?([^`'. ]+)`? at row"),
    1317: ("the statement was cancelled on the server", None),
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
    1064: ("the server refused the statement, which it cannot read", None),
    1305: ("the server does not know a function", r"FUNCTION (?:\S*\.)?([^ .]+) does not exist"),
    1582: ("a function gets another number of values than it takes", r"function '([^']*)'"),
    1644: ("a trigger or procedure refused it", None),  # its own words may hold values
    1114: ("the table or the disk is full", None),
    1021: ("the disk is full", None),
    1047: ("this node is not in sync with its cluster; connect to one that is", None),
    3100: (
        "the group refused the transaction, as it does one that is larger than its "
        "group_replication_transaction_size_limit",
        None,
    ),
    1969: ("the statement took longer than the server's max_statement_time", None),
    3024: ("the statement took longer than the server's max_execution_time", None),
}

UNREACHABLE: dict[int | str, str] = {
    1044: "the user may not use this database",
    1045: "the server does not accept this user and password",
    1049: "the server has no such database",
    2002: "no server answers there; check host and port and whether it runs",
    2003: "no server answers there; check host and port and whether it runs",
    2005: "the host name is not known",
    2026: "TLS failed; check the ssl options of the URL, and whether the server has TLS",
}
"""Why a connection failed, and what to do."""


def explain_number(code: int) -> str:
    """What the server means by the number of an error."""
    return _MEANINGS.get(code, (_REFUSED, None))[0]


def problem(error: BaseException, key: str | None = None) -> Problem:
    """What an error of mysqlclient means, without a value of a row.

    ``key`` is the primary key, if its values were reserved for the rows being written.
    """
    code = error.args[0] if error.args and isinstance(error.args[0], int) else None
    text = str(error.args[-1]) if error.args else ""
    if code is None:
        kind = type(error).__name__
        return Problem(Kind.REFUSED, f"the database refused the statement ({kind})")
    if code == _DUPLICATE and key and _PRIMARY.search(text):
        return Problem(Kind.KEY_TAKEN, "", code)
    if code in _LOST and _LOST[code] in text:
        return Problem(Kind.RETRYABLE, _UNDONE, code)
    if code in _TOO_LARGE and _TOO_LARGE[code] in text:
        return Problem(Kind.REFUSED, _WRITE_SET, code)
    kind_of = _KIND_OF.get(code, Kind.REFUSED)
    if kind_of is Kind.RETRYABLE:
        return Problem(kind_of, _UNDONE, code)
    if kind_of is Kind.DENIED:
        return Problem(kind_of, _explain_denial(text), code)
    _, name = _MEANINGS.get(code, (_REFUSED, None))
    return Problem(kind_of, explain_number(code), code, _named(name, text))


def unread_from(error: BaseException, sql: str) -> int | None:
    """Where in a statement the server stopped reading; None if it does not say."""
    near = _NEAR.search(str(error.args[-1])) if error.args else None
    place = -1 if near is None else sql.rfind(near[1]) if near[1] else len(sql)
    return None if place < 0 else place


def _explain_denial(text: str) -> str:
    """What the user may not do, and the statement that lets it; empty if the server names none."""
    denied = _DENIED.search(text)
    if denied is None:
        return ""
    privilege, table = denied[1], denied[2].strip("'")
    once = ", or let a user who may run this once: the bookkeeping tables are made only once"
    return (
        f"the database user may not {privilege} on table {table}; GRANT {privilege} ON {table} TO "
        f"it{once if privilege == 'CREATE' else ''}"
    )


def _named(pattern: str | None, text: str) -> str:
    found = re.search(pattern, text) if pattern else None
    return found[1] if found else ""
