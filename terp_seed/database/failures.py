"""Database errors without values.

A driver's message carries what it stumbled over ("Duplicate entry '...'",
"Key (email)=(...)"), which may be personal data.  What leaves here names
the table, the column or key and the kind of failure, and nothing else.
"""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import Kind, Problem, problem_of
from terp_seed.errors import LockError, PlanError, SeedError

__all__ = ["OvertakenError", "RetryableError", "problem_behind", "translated"]


class RetryableError(SeedError):
    """The database undid the transaction because of another one; try again."""


class OvertakenError(RetryableError):
    """Another run wrote a revision since this one was planned; plan again."""


def problem_behind(error: DBAPIError, key: str | None = None) -> Problem:
    """What the driver's error means, without a value of a row.

    ``key`` is the reserved integer key of the rows being written, if they have one.
    """
    return problem_of(error.orig or error, key)


def translated(error: DBAPIError, what: str, key: str | None = None) -> SeedError:
    """The error to raise in its place, without a value of a row.

    Raise it ``from None``: the original holds the values.
    """
    problem = problem_behind(error, key)
    prefix = f"{what}: " if what else ""
    code = f" (error {problem.code})" if problem.code else ""
    if problem.kind is Kind.RETRYABLE:
        return RetryableError(f"{prefix}{problem.meaning}{code}")
    if problem.kind is Kind.GONE or error.connection_invalidated:
        return LockError(f"{prefix}the connection to the server is gone{code}; {_left(error)}")
    if problem.kind is Kind.READ_ONLY:
        return PlanError(f"{prefix}the server is read-only{code}; use its primary")
    if problem.kind is Kind.DENIED:
        return PlanError(f"{prefix}{problem.meaning or _DENIED}{code}")
    if problem.kind is Kind.KEY_TAKEN:
        return RetryableError(
            f"{prefix}another program took one of the keys that these rows were to get{code}; run "
            "the command again"
        )
    name = f": {problem.name}" if problem.name else ""
    return PlanError(f"{prefix}{problem.meaning}{name}{code}")


_DENIED = "the database user may not do this; docs/reference.md lists the privileges to grant"


def _left(error: DBAPIError) -> str:
    """What became of the transaction: a COMMIT whose answer was lost may have been carried out."""
    if error.statement is None:
        return (
            "whether the revision that was being committed was kept, nobody can say from here: "
            "run the command again, it finds out and goes on from there"
        )
    return "nothing of this revision is left, run the command again"
