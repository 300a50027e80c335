"""A project's seed revisions and what they would do, without its database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alembic.script import Script, ScriptDirectory

from terp_seed.errors import UsageError
from terp_seed.plan.chain import Step, ancestors
from terp_seed.plan.generation import choose_generation
from terp_seed.plan.plan import Plan, make_plan
from terp_seed.plan.recorder import Recorder
from terp_seed.plan.revisions import read_attributes
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings

__all__ = ["Chain", "chain_of"]

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
        return [each for each in self.scripts if read_attributes(each).online_only]

    def plan(self, environment: str) -> Plan:
        """What all revisions would do there, up and down again; reads no database.

        Imported rows are in it as they stand in their files.  Raises what a
        run would raise.
        """
        scripts = [each for each in self.scripts if each not in self.unplanned]
        generation = choose_generation(self.settings, environment, scripts, {})
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
            if each.retains_rows and plan.history[each.revision].tables
        }


def chain_of(project: Project) -> Chain:
    """Load every revision; `PlanError` names the file that cannot be loaded.

    The database is not opened, and need not be known.
    """
    known, settings = True, None
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
