"""A project's seed revisions and what they would do, without its database."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError

from terp_seed.errors import PlanError, SeedError, UsageError
from terp_seed.plan import Plan
from terp_seed.planner import Step, generation_of, make_plan
from terp_seed.project import Project
from terp_seed.recorder import Recorder
from terp_seed.request import ancestors
from terp_seed.revisions import attributes
from terp_seed.settings import Settings

__all__ = ["Chain", "chain_of", "clear_load_errors"]

_NOWHERE = "url=sqlite:///nowhere.db"


@dataclass(frozen=True)
class Chain:
    """The revisions of a chain, oldest first, and the settings that they run with."""

    settings: Settings
    directory: ScriptDirectory
    scripts: list[Script]
    has_url: bool
    """Whether anybody says where the database is."""

    @property
    def unplanned(self) -> list[Script]:
        """Revisions that read the database while they run: nobody knows them without it."""
        return [each for each in self.scripts if attributes(each).online_only]

    def plan(self, environment: str) -> Plan:
        """What all revisions would do there, up and down again; reads no database.

        Imported rows are in it as they stand in their files.  Raises what a
        run would raise.
        """
        scripts = [each for each in self.scripts if each not in self.unplanned]
        generation = generation_of(self.settings, environment, scripts, {})
        engine = self.settings.url.get_backend_name()
        recorder = Recorder(generation, environment, self.settings.data, engine)
        down = [Step(each, upgrade=False) for each in reversed(scripts)]
        return make_plan(scripts, down, recorder)

    def staying(self, environment: str) -> set[str]:
        """The revisions that seed rows there and declare that there is no rollback of them."""
        plan = self.plan(environment)
        return {
            each.revision
            for each in plan.steps
            if each.leaves_rows and plan.history[each.revision].tables
        }


def chain_of(project: Project) -> Chain:
    """Load every revision; `PlanError` names the file that cannot be loaded.

    The database is not opened, and need not be known.
    """
    known, settings = True, None
    with clear_load_errors():
        try:
            settings = project.settings()
        except UsageError:
            known = False
            others = tuple(each for each in project.x if not each.startswith("url="))
            project = replace(project, x=(*others, _NOWHERE))
        settings = settings or project.settings()
        directory = project.directory()
        scripts = ancestors(directory, directory.get_heads())
        return Chain(settings, directory, scripts, known)


@contextmanager
def clear_load_errors() -> Iterator[None]:
    """A revision file's own mistake as one line."""
    try:
        yield
    except (SeedError, CommandError):
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        name, line = frames[-1].filename, frames[-1].lineno
        if isinstance(error, SyntaxError) and error.filename:
            name, line = error.filename, error.lineno
        where = f"{Path(name).name}, line {line}"
        raise PlanError(f"{where}: cannot be loaded: {type(error).__name__}") from None
