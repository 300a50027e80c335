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
    └── InterruptedRunError  130  stopped by SIGINT, SIGTERM or SIGHUP

A message says what, where (revision, table, column, row number) and what to
do next.  It never carries a row's value, and never proposes a command that
destroys: that is for a person to decide.  All of them derive from Alembic's
``CommandError``, which the ``alembic`` command prints as ``FAILED: ...``
without a traceback.

For programs an error carries the same in parts: ``kind``, ``where``, and in
``looks`` the commands that show more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import ClassVar, Literal

from alembic.util import CommandError

__all__ = [
    "ConflictError",
    "GuardError",
    "InterruptedRunError",
    "LockError",
    "Look",
    "MaskingError",
    "PlanError",
    "RollbackError",
    "SeedError",
    "UsageError",
    "VerificationError",
    "Where",
    "located",
]

Look = Literal[
    "--help",
    "check",
    "env show",
    "history",
    "lock status",
    "plan",
    "plan --rollback",
    "plan --rollback base",
    "status",
    "status --drift",
    "verify",
]
"""What ``terp-seed`` can be asked next, whatever has gone wrong: these commands only read.

``--help`` is that of the command that failed.
"""

Where = Mapping[str, str | int]
"""The place of an error: ``revision``, ``table``, ``column``, ``row``, ``file``."""


class SeedError(CommandError):
    """Base of all errors of this package; ``exit_code`` is ``terp-seed``'s.

    ``look`` is a better next command than those of the class; ``where`` has the place in parts.
    """

    exit_code = 1
    kind: ClassVar[str] = "unexpected"
    looks: tuple[Look, ...] = ("status", "history")
    """What to run next, the best first; a command that failed itself is passed over."""

    def __init__(
        self, message: str, *, look: Look | None = None, where: Where | None = None
    ) -> None:
        super().__init__(message)
        self.where: Where = where or {}
        if look is not None:
            self.looks = (look, *self.looks)


class UsageError(SeedError):
    """An option, a setting or a file is not usable as given."""

    exit_code = 2
    kind = "usage"
    looks = ("--help",)


class LockError(SeedError):
    """The advisory lock is taken, was lost, or keeps no other run out here."""

    exit_code = 3
    kind = "lock"
    looks = ("lock status", "history")


class PlanError(SeedError):
    """The live schema or the planned rows do not fit each other."""

    exit_code = 4
    kind = "plan"
    looks = ("plan", "check", "status")


class GuardError(SeedError):
    """A guard refused: wrong environment, missing stamp or consent."""

    exit_code = 5
    kind = "guard"
    looks = ("env show", "plan")


class RollbackError(SeedError):
    """Removing the seeded rows would touch rows that were not seeded."""

    exit_code = 6
    kind = "rollback"
    looks = ("plan --rollback", "status --drift")


class MaskingError(SeedError):
    """A personal column has no policy, or a policy cannot be met."""

    exit_code = 7
    kind = "masking"
    looks = ("check", "plan")


class VerificationError(SeedError):
    """Rows break an invariant that their revision declared."""

    exit_code = 8
    kind = "verification"
    looks = ("status --drift", "verify", "history")


class ConflictError(SeedError):
    """The run is done, and left alone what was edited and the seed gives other values."""

    exit_code = 9
    kind = "conflict"
    looks = ("status --drift", "plan")


class InterruptedRunError(SeedError):
    """The run was stopped; what was under way is rolled back."""

    exit_code = 130
    kind = "interrupted"
    looks = ("status", "history")


@contextmanager
def located(**where: str | int) -> Iterator[None]:
    """Say of every `SeedError` from here where it was; what it says itself is more exact."""
    try:
        yield
    except SeedError as error:
        error.where = {**where, **error.where}
        raise
