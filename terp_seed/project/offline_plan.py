"""A project's seed revisions and what they would do, without its database."""

from __future__ import annotations

from dataclasses import dataclass, replace

from alembic.script import Script, ScriptDirectory

from terp_seed.errors import UsageError
from terp_seed.plan.chain import Step, ancestors, choose_generation, read_attributes
from terp_seed.plan.plan import Plan, make_plan
from terp_seed.plan.recorder import Recorder
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
    """Whether the database is configured."""

    @property
    def unplanned(self) -> list[Script]:
        """Revisions that read the database while they run, so that they cannot be planned here."""
        return [script for script in self.scripts if read_attributes(script).online_only]

    def plan(self, environment: str) -> Plan:
        """What all revisions would do in an environment, up and down again; reads no database.

        Imported rows are as in their files, not masked.  Raises what a run would raise.
        """
        scripts = [script for script in self.scripts if script not in self.unplanned]
        generation = choose_generation(self.settings, environment, scripts, {})
        engine = self.settings.url.get_backend_name()
        recorder = Recorder(generation, environment, self.settings.data, engine)
        down = [Step(script, upgrade=False) for script in reversed(scripts)]
        return make_plan(scripts, down, recorder)

    def staying(self, environment: str) -> set[str]:
        """The revisions that seed rows in an environment and declare that they cannot roll back."""
        plan = self.plan(environment)
        return {
            step.revision
            for step in plan.steps
            if step.retains_rows and plan.history[step.revision].tables
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
        project = project.without("url")
        project = replace(project, x=(*project.x, _NOWHERE))
    settings = settings or project.settings()
    directory = project.directory()
    scripts = ancestors(directory, directory.get_heads())
    return Chain(settings, directory, scripts, known)
