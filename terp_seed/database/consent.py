"""Consent: before something is destroyed, or staging is touched, a person says yes.

In staging and production the database's name is said: typed on a terminal, or
``-x yes=NAME`` where there is none, or ``-x yes=NAME@DIGEST`` for one plan alone.
Elsewhere a destructive command of ``terp-seed`` asks for a yes, or takes
``--yes``.  Without a terminal and without consent the run refuses at once and
never waits for an answer.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from terp_seed.database.environment_stamp import careful
from terp_seed.errors import GuardError, Look
from terp_seed.settings.options import Settings

__all__ = [
    "UNASKED",
    "Confirm",
    "RunPlan",
    "Will",
    "database_name",
    "require_consent",
    "require_stamp_consent",
]

Will = Callable[[], Sequence[str]]

_SHORTEST = 8
_HOW = "as docs/troubleshooting.md says"
_PRINTS = "terp-seed plan, or terp-seed plan --rollback, prints"


@dataclass(frozen=True)
class Confirm:
    """How a command wants to be confirmed, beside what the environment wants."""

    always: bool = False
    """Ask in dev and test, too: the command destroys, and was not typed as such."""
    yes: bool = False
    """``--yes``: the answer was given on the command line."""
    then: Sequence[str] = ()
    """What the command does after this run, line by line."""
    planned: bool = False
    """A plan file that a person made says what may be done."""


@dataclass(frozen=True)
class RunPlan:
    """The plan of a run, for consent that names it."""

    digest: Callable[[], str]
    """What ``yes=NAME@DIGEST`` has to begin."""
    look: Look
    """The command that shows the plan."""


UNASKED = Confirm()
"""As plain ``alembic`` is: what was typed is the consent, where no name has to be said."""


def require_consent(
    settings: Settings,
    environment: str,
    will: Will,
    confirm: Confirm = UNASKED,
    plan: RunPlan | None = None,
) -> None:
    """Return if the run may continue; `GuardError` without consent.

    A command without a ``plan`` takes the name alone.

    ``will`` says, line by line, what is going to happen: what is done, how
    many rows of which table, where the backup goes.  It is called only if
    a person is asked, because counting may take time.
    """

    def lines() -> Sequence[str]:
        return [*will(), *confirm.then]

    if careful(environment):
        if confirm.then and (settings.consent == "plan" or "@" in (settings.yes or "")):
            _refuse_two_runs()
        _require_name(
            replace(settings, consent="name") if confirm.planned else settings,
            environment,
            lines,
            plan,
        )
    elif confirm.always and not confirm.yes and settings.yes != database_name(settings):
        _require_yes(settings, environment, lines)


def _require_name(settings: Settings, environment: str, will: Will, plan: RunPlan | None) -> None:
    name, look = database_name(settings), plan.look if plan else None
    if settings.yes == name:
        if plan is not None and settings.consent == "plan":
            raise GuardError(
                f"database {name!r} is stamped {environment}, and consent = plan in the section of "
                f"alembic.ini: the name alone is not enough. A person approves one plan, by its "
                f"digest or as a file; {_PRINTS} it",
                look=look,
            )
        return
    if settings.yes is not None and settings.yes.startswith(f"{name}@"):
        _require_plan(settings.yes.removeprefix(f"{name}@"), plan)
        return
    if settings.yes is not None:
        raise _other_name(settings)
    if not _terminal():
        raise GuardError(
            f"database {name!r} is stamped {environment}, and there is no terminal to ask on; a "
            f"person who has read the plan consents to it, {_HOW}",
            look=look,
        )
    if _answer(name, environment, will, f"Type the database's name to go on ({name}): ") != name:
        raise GuardError("The name does not match. Nothing was changed")


def _other_name(settings: Settings) -> GuardError:
    name = database_name(settings)
    return GuardError(
        f"the run was to be on {settings.yes!r}, and this database is called {name!r}; nothing was "
        "done. Check the URL"
    )


def _refuse_two_runs() -> None:
    raise GuardError(
        "reseed is a rollback and a seed, and a digest is of one plan; roll back and seed one by "
        "one, each with its digest"
    )


def _require_plan(approved: str, plan: RunPlan | None) -> None:
    """`GuardError` unless the digest of the run's plan begins as the approved one."""
    if plan is None:
        raise GuardError("a digest was given, and this command has no plan; give the name alone")
    if len(approved) < _SHORTEST:
        raise GuardError(f"digest {approved!r}: give at least {_SHORTEST} characters of it")
    if not plan.digest().startswith(approved.lower()):
        raise GuardError(
            f"digest {approved}: the plan, its options or the rows that it meets are not those "
            f"that were approved; nothing was done. Read it again: {_PRINTS} its digest",
            look=plan.look,
        )


def require_stamp_consent(
    settings: Settings, environment: str, signs: Sequence[str], *, typed: bool
) -> None:
    """Return if the database was named; `GuardError` with what makes it look like production.

    ``typed`` says that the name is part of the command line: a job exports it for all of its
    commands.
    """
    name = database_name(settings)
    if typed and settings.yes == name:
        return
    if typed and settings.yes is not None:
        raise _other_name(settings)
    why = "; ".join(signs)
    if not _terminal():
        raise GuardError(
            f"database {name!r} may be production: {why}. If it is a copy, a person stamps it "
            f"{environment} by its name, {_HOW}"
        )
    print(f"Database {name!r} may be production: {why}.", file=sys.stderr)
    print(
        f"Type its name to stamp it {environment} ({name}): ", end="", file=sys.stderr, flush=True
    )
    if sys.stdin.readline().strip() != name:
        raise GuardError("The name does not match. Nothing was changed")


def _require_yes(settings: Settings, environment: str, will: Will) -> None:
    name = database_name(settings)
    if not _terminal():
        raise GuardError(
            f"database {name!r}: this command asks before it goes on, and there is no terminal to "
            f"ask on; answer beforehand, {_HOW}"
        )
    if _answer(name, environment, will, "Go on? [y/N]: ").lower() not in ("y", "yes"):
        raise GuardError("not confirmed; nothing was done")


def database_name(settings: Settings) -> str:
    """What has to be typed, or said with ``-x yes=``, in staging and production."""
    return Path(str(settings.url.database or "")).name


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _answer(name: str, environment: str, will: Will, question: str) -> str:
    lines = [f"Database {name!r} is stamped {environment}. This run will:"]
    lines += [f"  {line}" for line in will()]
    print("\n".join([*lines, question]), end="", file=sys.stderr, flush=True)
    answer = ""
    try:
        answer = sys.stdin.readline()
    finally:
        if not answer.endswith("\n"):  # Ctrl-C and Ctrl-D leave the cursor in the line
            print(file=sys.stderr)
    return answer.strip()
