"""What Alembic was asked to do, without Alembic's own context."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from alembic.runtime.migration import MigrationContext, MigrationStep
from alembic.script import Script, ScriptDirectory

__all__ = ["ACT", "Request", "ancestors"]

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
        """Whether the destination counts from where the chain stands."""
        return _RELATIVE.search(self.destination) is not None

    def steps(self, heads: tuple[str, ...], context: MigrationContext) -> list[MigrationStep]:
        """The steps from these heads; empty if there is nothing to do."""
        if not heads and self.destination.startswith("-"):
            return []  # below the base there is nothing; Alembic takes it for a mistake
        return list(self.steps_from(heads, context))

    def lineage(self, upto: set[str]) -> list[Script]:
        """Some revisions and all that they build on, oldest first."""
        return ancestors(self.directory, upto)

    def applied(self, heads: Sequence[str]) -> list[Script]:
        """The revisions that these heads stand for, oldest first."""
        return ancestors(self.directory, heads)


def ancestors(directory: ScriptDirectory, upto: Iterable[str]) -> list[Script]:
    """Some revisions and all that they build on, oldest first."""
    wanted = {
        script.revision
        for revision in upto
        for script in directory.iterate_revisions(revision, "base")
        if isinstance(script, Script)
    }
    walk = [*directory.walk_revisions()]
    return [script for script in reversed(walk) if script.revision in wanted]
