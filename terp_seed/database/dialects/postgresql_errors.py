"""The errors of PostgreSQL by SQLSTATE: what each means, and where the name in it is."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from terp_seed.database.dialects.model import Kind, Problem

__all__ = ["explain_sqlstate", "hidden_rows", "place_shown", "problem", "unreachable"]

_UNDONE = "the server undid the transaction, because another one held the rows it needs"
_KINDS = {
    "40001": Kind.RETRYABLE,
    "40P01": Kind.RETRYABLE,
    "55P03": Kind.RETRYABLE,
    "25006": Kind.READ_ONLY,
    "42501": Kind.DENIED,
    "57P01": Kind.GONE,
    "57P02": Kind.GONE,
    "57P03": Kind.GONE,
    "57P05": Kind.GONE,
    "25P03": Kind.GONE,
    "25P04": Kind.GONE,
}
_MEANINGS = {
    "22001": "a value is too long",
    "22003": "a number is out of range",
    "22007": "a date or number cannot be read",
    "22008": "a date or number cannot be read",
    "22012": "a condition that was to hold does not hold, or a division by zero",
    "22021": "a value does not fit the column's type or character set",
    "22P02": "a value is not one the column knows",
    "22P05": "a document holds a NUL, which jsonb cannot keep",
    "23502": "a column that must not be NULL got none",
    "23503": "a row refers to one that does not exist",
    "23505": "another row already owns a unique key",
    "23514": "a CHECK does not hold, or no partition takes a row",
    "23P01": "an exclusion constraint does not hold",
    "2200H": "a sequence has given out all of its keys",
    "25P02": "an earlier statement failed, so the transaction takes no more",
    "3F000": "a schema does not exist",
    "42601": "the server refused the statement, which it cannot read",
    "42703": "a column does not exist",
    "42804": "a value does not have the column's type",
    "42883": "there is no such function or operator for these types",
    "42P01": "a table does not exist",
    "P0001": "a trigger or function refused it",
    "53100": "the disk is full",
    "53200": "the server is out of memory",
    "57014": "the statement was cancelled on the server",
}
_NO_PARTITION = (
    "no partition of {} takes one of the rows; create the partition, or give the rows other values"
)
_STILL_REFERRED = re.compile("update or delete on table")
_QUOTED = re.compile(r'"([^"]*)"')
_HIDDEN = "row-level security policy"
_IN_MESSAGE = ("3F000", "42703", "42P01")  # a name that stands in the message only, and is no value
_NOT_ALLOWED = re.compile(
    r"permission denied (?:for (?P<kind>table|sequence|schema|view) |to create temporary tables in "
    r'database )"?(?P<name>.+?)"?$'
)
_GRANTS = {
    "table": "GRANT SELECT, INSERT, UPDATE, DELETE ON {}",
    "view": "GRANT SELECT ON {}",
    "sequence": "GRANT USAGE, SELECT, UPDATE ON SEQUENCE {}",
    "schema": "GRANT USAGE, CREATE ON SCHEMA {}",
    "database": "GRANT TEMPORARY ON DATABASE {}",
}
_KEY = re.compile(r'\(("(?:[^"]|"")+"|[^"(),]+)\)=\(')  # (id)=(7), in every language
_SHOWN = re.compile(
    r"^(?P<head>\w+ (?P<line>\d+): (?:\.\.\.)?)(?P<text>.*)\n(?P<mark> *)\^", re.MULTILINE
)
_COPIED = re.compile(r"COPY [^,]+, line \d+, column ([^:]+): ")

_UNREACHABLE = (
    (
        r"server does not support SSL",
        "the server has no TLS; take sslmode out of the URL, or switch it on there (ssl = on)",
    ),
    (
        r"certificate|SSL error",
        "TLS failed; check sslmode, sslrootcert and sslcert of the URL against the server's "
        "certificate",
    ),
    (
        r"password authentication failed|no password supplied",
        "the server does not accept this user and password",
    ),
    (
        r"no pg_hba.conf entry",
        "the server's pg_hba.conf does not let this user in from here; add an entry there, or try "
        "another sslmode in the URL",
    ),
    (r"role .* does not exist", "the server does not accept this user and password"),
    (r"database .* does not exist", "the server has no such database"),
    (r"permission denied for database", "the user may not use this database"),
    (
        r"Connection refused|timeout|No such file|No route to host|starting up",
        "no server answers there; check host and port and whether it runs",
    ),
    (
        r"resolve|could not translate host name|not known",
        "the host name is not known",
    ),
)


def explain_sqlstate(code: str) -> str:
    """What the server means by a SQLSTATE."""
    return _MEANINGS.get(code, "the server refused the statement")


def problem(error: BaseException, key: str | None = None) -> Problem:
    """What an error of psycopg means, without a value of a row.

    ``key`` is the column whose values were reserved for the rows being written.
    """
    code: str | None = getattr(error, "sqlstate", None)
    if code is None:
        if type(error).__name__ == "OperationalError":
            return Problem(Kind.GONE, "the connection is gone")
        kind = type(error).__name__
        return Problem(Kind.REFUSED, f"the database refused the statement ({kind})")
    diagnosis: Any = getattr(error, "diag", None)
    text = str(getattr(diagnosis, "message_primary", None) or "")
    constraint = getattr(diagnosis, "constraint_name", None) or ""
    if code == "23505" and key and _named_key(diagnosis) == key:
        return Problem(Kind.KEY_TAKEN, "", code)
    found = _KINDS.get(code, Kind.GONE if code.startswith("08") else Kind.REFUSED)
    if found is Kind.RETRYABLE:
        return Problem(found, _UNDONE, code)
    if found is Kind.DENIED and _HIDDEN in text:
        return Problem(found, hidden_rows(_QUOTED.findall(text)[-1:]), code)
    if found is Kind.DENIED:
        return Problem(found, _explain_denial(text), code)
    if code == "23514":
        if constraint:
            return Problem(found, "a CHECK does not hold", code, constraint)
        table = getattr(diagnosis, "table_name", None) or "the table"
        return Problem(found, _NO_PARTITION.format(table), code)
    referred = code == "23503" and _STILL_REFERRED.match(text)
    means = "another row still refers to it" if referred else explain_sqlstate(code)
    name = constraint or getattr(diagnosis, "column_name", None) or _copied_column(diagnosis)
    if code in _IN_MESSAGE:
        name = "".join(_QUOTED.findall(text)[:1]) or "".join(text.split()[1:2])
    return Problem(found, means, code, name)


def _copied_column(diagnosis: Any) -> str:
    """The column of a COPY that a value does not fit, which comes before the value."""
    found = _COPIED.match(str(getattr(diagnosis, "context", None) or ""))
    return found[1] if found else ""


def place_shown(error: BaseException, sql: str) -> int | None:
    """Where in a statement the server stopped reading; None if it does not say."""
    shown = _SHOWN.search(str(error))  # its position counts in the cursor's declaration, too
    if shown is None:
        return None
    lines, number = sql.split("\n"), int(shown["line"])
    before = shown["text"][: len(shown["mark"]) - len(shown["head"])].rpartition(" CURSOR FOR ")[2]
    column = lines[number - 1].find(before) if number <= len(lines) else -1
    return (
        None
        if column < 0
        else sum(map(len, lines[: number - 1])) + number - 1 + column + len(before)
    )


def hidden_rows(tables: Iterable[str]) -> str:
    """That policies hide rows of these tables, and what to do; empty without a table."""
    listed = ", ".join(tables)
    return listed and (
        f"row-level security hides rows of {listed} from the database user; run as a role with "
        "BYPASSRLS, or as the tables' owner where it is not forced"
    )


def _explain_denial(text: str) -> str:
    """What the user may not do, and the statement that lets it; empty in another language."""
    denied = _NOT_ALLOWED.match(text)
    if denied is None:
        return ""
    kind = denied["kind"] or "database"
    grant = _GRANTS[kind].format(denied["name"])
    done = "use" if kind != "database" else "make temporary tables in"
    once = ", or let a user who may run this once: the bookkeeping tables are made only once"
    return (
        f"the database user may not {done} {kind} {denied['name']}; {grant} TO it"
        f"{once if kind == 'schema' else ''}"
    )


def _named_key(diagnosis: Any) -> str:
    """The columns of the unique key that was taken; their names come before the values."""
    found = _KEY.search(str(getattr(diagnosis, "message_detail", None) or ""))
    return found[1].strip('"').replace('""', '"') if found else ""


def unreachable(error: BaseException) -> str:
    """Why a connection failed, and what to do; empty if that is unknown."""
    text = str(error)
    return next((reason for pattern, reason in _UNREACHABLE if re.search(pattern, text)), "")
