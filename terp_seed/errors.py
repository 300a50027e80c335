"""Every error that a person can cause, and the exit code that it owns.

::

    SeedError                1  unexpected
    ├── UsageError           2  usage or configuration
    ├── LockError            3  another run is seeding, or the lock was lost
    ├── PlanError            4  the schema or the plan does not fit
    ├── GuardError           5  refused by a guard: environment, consent
    ├── RollbackError        6  a rollback would take more than the seeds
    ├── MaskingError         7  a personal column without a policy
    ├── VerificationError    8  what was written breaks a declared invariant
    ├── ConflictError        9  done, and rows that were edited were left as they are
    └── InterruptedRunError  130  stopped by SIGINT or SIGTERM

A message says what, where (revision, table, column, row number) and what to
do next.  It never carries a row's value.  All of them derive from Alembic's
``CommandError``, which the ``alembic`` command prints as ``FAILED: ...``
without a traceback.
"""

from __future__ import annotations

from alembic.util import CommandError

__all__ = [
    "ConflictError",
    "GuardError",
    "InterruptedRunError",
    "LockError",
    "MaskingError",
    "PlanError",
    "RollbackError",
    "SeedError",
    "UsageError",
    "VerificationError",
]


class SeedError(CommandError):
    """Base of all errors of this package; ``exit_code`` is ``terp-seed``'s."""

    exit_code = 1


class UsageError(SeedError):
    """An option, a setting or a file is not usable as given."""

    exit_code = 2


class LockError(SeedError):
    """The advisory lock is taken, was lost, or keeps no other run out here."""

    exit_code = 3


class PlanError(SeedError):
    """The live schema or the planned rows do not fit each other."""

    exit_code = 4


class GuardError(SeedError):
    """A guard refused: wrong environment, missing stamp or consent."""

    exit_code = 5


class RollbackError(SeedError):
    """Removing the seeded rows would touch rows that were not seeded."""

    exit_code = 6


class MaskingError(SeedError):
    """A personal column has no policy, or a policy cannot be met."""

    exit_code = 7


class VerificationError(SeedError):
    """Rows break an invariant that their revision declared."""

    exit_code = 8


class ConflictError(SeedError):
    """The run is done, and left alone what was edited and the seed gives other values."""

    exit_code = 9


class InterruptedRunError(SeedError):
    """The run was stopped; what was under way is rolled back."""

    exit_code = 130
