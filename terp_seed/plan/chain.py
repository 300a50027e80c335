"""The chain: its current heads, what Alembic was asked to do with it, and the steps that takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep, StampStep
from alembic.script import Script, ScriptDirectory

from terp_seed.database.session import Session

__all__ = [
    "ACT",
    "Move",
    "Request",
    "Step",
    "ancestors",
    "current_heads",
    "pending_move",
]

_RELATIVE = re.compile(r"[+-]\d+$")

ACT = "terp_seed_act"
"""The attribute of an Alembic configuration that says what is done with a `Request`."""

StepsFunction = Callable[[tuple[str, ...], MigrationContext], Iterable[MigrationStep]]


@dataclass(frozen=True)
class Request:
    """An upgrade, downgrade or stamp, and how to make Alembic do it."""

    directory: ScriptDirectory
    destination: str
    steps_from: StepsFunction
    """Alembic's own function from the present heads to the steps."""
    configure: Callable[..., MigrationContext]
    """``context.configure``, with the options that every run shares."""
    migrate: Callable[[], None]
    """``context.run_migrations``."""

    @property
    def relative(self) -> bool:
        """Whether the destination counts from the current revision."""
        return _RELATIVE.search(self.destination) is not None

    def steps(self, heads: tuple[str, ...], context: MigrationContext) -> list[MigrationStep]:
        """The steps from these heads; empty if there is nothing to do."""
        if not heads and self.destination.startswith("-"):
            return []  # there is nothing below the base; Alembic would call it an error
        return list(self.steps_from(heads, context))

    def lineage(self, heads: Iterable[str]) -> list[Script]:
        """The revisions with these heads and all that they build on, oldest first."""
        return ancestors(self.directory, heads)


@dataclass(frozen=True)
class Step:
    """One revision on the way, and the direction."""

    script: Script
    upgrade: bool


@dataclass(frozen=True)
class Move:
    """A request with the heads that it starts from, and Alembic's steps from there."""

    request: Request
    heads: tuple[str, ...]
    alembic_steps: Sequence[MigrationStep]

    def __bool__(self) -> bool:
        return bool(self.alembic_steps)

    @property
    def steps(self) -> list[Step]:
        """The steps that run a revision's code; a stamp runs none."""
        revision_steps = (step for step in self.alembic_steps if isinstance(step, RevisionStep))
        return [Step(step.revision, step.is_upgrade) for step in revision_steps]

    @property
    def upwards(self) -> bool:
        """Whether the run seeds; otherwise it rolls back."""
        return all(step.is_upgrade for step in self.alembic_steps)

    @property
    def seeds(self) -> bool:
        """Whether a revision is applied; a stamp runs none."""
        return any(step.upgrade for step in self.steps)

    @property
    def direction(self) -> str:
        """``upgrade``, ``downgrade`` or ``stamp``."""
        if any(isinstance(step, StampStep) for step in self.alembic_steps):
            return "stamp"
        return "upgrade" if self.upwards else "downgrade"

    @property
    def command(self) -> str:
        return f"{self.direction} {self.request.destination}"

    @property
    def applied(self) -> list[Script]:
        """The revisions that are applied before it, oldest first."""
        return self.request.lineage(self.heads)

    @cached_property
    def lineage(self) -> list[Script]:
        """The steps' revisions, the applied ones and all that they build on, oldest first."""
        goals = {step.script.revision for step in self.steps}
        for step in self.alembic_steps:
            if isinstance(step, StampStep) and step.is_upgrade:
                goals.update(step.to_)
        return self.request.lineage({*self.heads, *goals})


def ancestors(directory: ScriptDirectory, heads: Iterable[str]) -> list[Script]:
    """Some revisions and all that they build on, oldest first."""
    wanted = {
        script.revision
        for revision in heads
        for script in directory.iterate_revisions(revision, "base")
        if isinstance(script, Script)
    }
    walk = [*directory.walk_revisions()]
    return [script for script in reversed(walk) if script.revision in wanted]


def current_heads(session: Session) -> tuple[str, ...]:
    """The heads that the version table names."""
    return _reading_context(session).get_current_heads()


def pending_move(session: Session, request: Request, heads: tuple[str, ...]) -> Move:
    """What the request means with the chain at these heads."""
    return Move(request, heads, request.steps(heads, _reading_context(session)))


def _reading_context(session: Session) -> MigrationContext:
    version = session.books.version
    opts = {"version_table": version.name, "version_table_schema": version.schema}
    return MigrationContext.configure(session.connection, opts=opts)
