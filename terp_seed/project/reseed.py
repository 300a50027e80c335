"""Reseed: every seeded row goes out and comes in again, as one command with one question.

The seeds are planned with their new settings first, so that what cannot be seeded is not rolled
back either.  What is not asked for stays as the chain was seeded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from terp_seed.database.consent import Confirm, database_name
from terp_seed.database.session import Session
from terp_seed.errors import SeedError
from terp_seed.ledger.ledger import Header
from terp_seed.plan.chain import Generation, Request, pending_move, recorded_settings
from terp_seed.plan.run import Run, Target, build_run, find_move
from terp_seed.project.project import Act, Project
from terp_seed.rows.seeders import TYPICAL
from terp_seed.run.live import RunOutcome, run_live
from terp_seed.settings.options import Settings, preset, presets

__all__ = ["Reseed", "Reseeded", "plan_reseed", "without_generation"]

_KEYS = frozenset(("size", "rows", "scenario", "seed", "as-of"))


@dataclass(frozen=True)
class Reseeded:
    """What a reseed did."""

    removed: RunOutcome
    seeded: RunOutcome


@dataclass(frozen=True)
class Reseed:
    """A rollback to the base, and the seeds that follow it."""

    project: Project
    target: str
    generation: Generation
    seeds: Sequence[str]
    """What is seeded, a line for each revision."""

    def rollback(self, target: str, act: Act) -> None:
        """Have Alembic roll back; ``act`` gets it with the settings that the chain has."""

        def act_as_seeded(session: Session, request: Request) -> None:
            act(replace(session, settings=without_generation(session.settings)), request)

        self.project.downgrade(target, act=act_as_seeded)

    def run(self, confirm: Confirm) -> Reseeded:
        """Do both; an error of the second says that the first is done.

        The question, or the consent that an environment wants, covers both, and is asked for before
        the first row goes.  Each has the guards and the backup that it has as a command.
        """
        outcomes: list[RunOutcome] = []
        asked = replace(confirm, then=self.seeds)

        def take_out(session: Session, request: Request) -> None:
            outcomes.append(run_live(session, request, asked))

        def put_in(session: Session, request: Request) -> None:
            settings = self.settings_from(session.settings)
            if outcomes[0].results:  # the question was about both
                settings = replace(settings, yes=database_name(settings))
            session = replace(session, settings=settings)
            outcomes.append(run_live(session, request, Confirm(planned=True)))

        self.rollback("base", take_out)
        try:
            self.project.upgrade(self.target, act=put_in)
        except SeedError as error:
            raise type(error)(
                f"{error}\n  the chain was rolled back before that; seed it with: {self._command}"
            ) from None
        return Reseeded(*outcomes)

    def settings_from(self, settings: Settings) -> Settings:
        """The settings of a run that seeds."""
        generation = self.generation
        return replace(
            settings,
            size=_known_size(settings, generation.size),
            rows=_counts_beside_preset(settings, generation.size, generation.rows),
            root_seed=generation.root_seed,
            as_of=generation.as_of,
            scenario=generation.scenario,
        )

    @property
    def _command(self) -> str:
        generation = self.generation
        told = generation.scenario != TYPICAL
        scenario = f" --scenario={generation.scenario}" if told else ""
        return (
            f"terp-seed seed --size={generation.size} --seed={generation.root_seed} "
            f"--as-of={generation.as_of}{scenario}"
        )


def plan_reseed(project: Project, target: str = "head") -> Reseed:
    """Plan the seeds as from the base, with what is asked for; does not write.

    Raises what planning them raises: for a size that does not exist, a revision that cannot be
    planned, or a column that the masking policy does not list.
    """
    made: list[Reseed] = []

    def plan(session: Session, request: Request) -> None:
        environment, move = find_move(session, request)
        target_now = Target.live(session)
        recorded = recorded_settings(target_now.headers(), move.applied)
        settings = _asked(session.settings, recorded)
        session = replace(session, settings=settings)
        fresh = pending_move(session, request, ())
        run = build_run(environment, _AtBase.live(session), fresh)
        session.end_transaction()
        run.refuse_unclassified()
        made.append(Reseed(project, target, run.generation, [*_lines(run)]))

    project.upgrade(target, act=plan)
    return made[0]


class _AtBase(Target):
    """A database as it will be: no revision is applied."""

    def headers(self) -> Mapping[str, Header]:
        return {}


def _lines(run: Run) -> Sequence[str]:
    generation = run.generation
    lines = [f"then seed again: {generation}"]
    lines += [str(step.planned) for step in run.plan.steps]
    return lines


def _asked(settings: Settings, recorded: Mapping[str, Any]) -> Settings:
    """The settings, with those that the chain was seeded with where nothing else is asked for."""
    if not recorded:
        return settings
    before, explicit = Generation.from_settings(recorded), settings.explicit
    keeps_size = "size" not in explicit
    rows = settings.rows
    if keeps_size and "rows" not in explicit:
        rows = _counts_beside_preset(settings, before.size, before.rows)
    return replace(
        settings,
        size=_known_size(settings, before.size) if keeps_size else settings.size,
        rows=rows,
        root_seed=settings.root_seed if "seed" in explicit else before.root_seed,
        as_of=settings.as_of if "as-of" in explicit or settings.as_of_moves else before.as_of,
        scenario=settings.scenario if "scenario" in explicit else before.scenario,
    )


def _known_size(settings: Settings, size: str) -> str | None:
    """The size, if it has a preset; a chain that asks for no counts needs none."""
    return size if size in presets(settings.home) else None


def _counts_beside_preset(
    settings: Settings, size: str, rows: Mapping[str, int]
) -> Mapping[str, int]:
    """The counts that are not those of the preset."""
    if _known_size(settings, size) is None:
        return {}
    counts = preset(settings.home, size, {})
    return {name: rows[name] for name in counts if rows.get(name, counts[name]) != counts[name]}


def without_generation(settings: Settings) -> Settings:
    """The settings of a rollback: it goes by what the chain was seeded with."""
    return replace(
        settings,
        size=None,
        rows={},
        root_seed=None,
        as_of=None,
        scenario=None,
        explicit=settings.explicit - _KEYS,
    )
