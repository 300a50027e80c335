"""From a chain and where it stands to a plan, with or without a database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from alembic.runtime.migration import MigrationStep, RevisionStep, StampStep
from alembic.script import Script

from terp_seed.errors import UsageError
from terp_seed.ledger.ledger import Header
from terp_seed.plan.plan import Plan, PlannedRevision
from terp_seed.plan.recorder import Generation, Recorder
from terp_seed.plan.revisions import attributes
from terp_seed.settings.options import Settings
from terp_seed.settings.sizes import default_size, preset

__all__ = [
    "Step",
    "clock_of",
    "direction_of",
    "generation_of",
    "make_plan",
    "recorded",
    "revision_steps",
    "same_key",
    "settings_of",
]

_ROOT_SEED = 1
_AS_OF = date(2026, 1, 1)  # for a chain whose revisions do not say


@dataclass(frozen=True)
class Step:
    """One revision on the way, and the direction."""

    script: Script
    upgrade: bool


def recorded(headers: Mapping[str, Header], applied: Sequence[Script]) -> Mapping[str, Any]:
    """The settings that the chain was seeded with; empty for a chain at its base."""
    for script in applied:
        if script.revision in headers:
            return headers[script.revision].detail
    return {}


def generation_of(
    settings: Settings,
    environment: str,
    scripts: Sequence[Script],
    keep: Mapping[str, Any],
) -> Generation:
    """What the rows depend on: the chain's recorded settings, else those asked for.

    Raises `UsageError` if others are asked for explicitly on a seeded chain.
    """
    if keep:
        return _kept(settings, keep)
    size = settings.size or default_size(environment)
    given = settings.as_of or next(
        (day for day in (attributes(script).as_of for script in scripts) if day), _AS_OF
    )
    return Generation(
        size,
        preset(settings.home, size, settings.rows),
        _ROOT_SEED if settings.root_seed is None else settings.root_seed,
        given,
    )


def settings_of(generation: Generation, mask_key: str | None = None) -> dict[str, Any]:
    """The settings as the ledger keeps them; ``mask_key`` is the key's id."""
    key = {"mask_key": mask_key} if mask_key else {}
    return {
        **key,
        "size": generation.size,
        "rows": dict(generation.rows),
        "root_seed": generation.root_seed,
        "as_of": generation.as_of.isoformat(),
    }


def same_key(keep: Mapping[str, Any], mask_key: str | None) -> None:
    """Raise `UsageError` if the chain's rows were masked with another key."""
    before = keep.get("mask_key")
    if before and before != mask_key:
        raise UsageError(
            f"this chain was masked with key {before}, and this run has "
            f"{f'key {mask_key}' if mask_key else 'none'}: the same person would get two "
            "pseudonyms; set TERP_SEED_MASK_KEY to that key, or roll back and seed again"
        )


def _kept(settings: Settings, keep: Mapping[str, Any]) -> Generation:
    kept = Generation(
        keep["size"], keep["rows"], keep["root_seed"], date.fromisoformat(keep["as_of"])
    )
    asked: dict[str, tuple[Any, Any]] = {
        "size": (settings.size, kept.size),
        "seed": (settings.root_seed, kept.root_seed),
        "as-of": (settings.as_of, kept.as_of),
    }
    if "rows" in settings.explicit:
        wanted = preset(settings.home, settings.size or kept.size, settings.rows)
        asked["rows"] = (_short(wanted), _short(kept.rows))
    for key, (wish, now) in asked.items():
        if key in settings.explicit and wish != now:
            raise UsageError(
                f"{key}: this chain was seeded with {now}, and you ask for {wish}; a chain keeps "
                f"one: roll it back (alembic -n {settings.chain} downgrade base) and seed again "
                f"(alembic -n {settings.chain} -x {key}={wish} upgrade head)"
            )
    return kept


def _short(rows: Mapping[str, int]) -> str:
    return ",".join(f"{name}:{number}" for name, number in sorted(rows.items()))


def make_plan(scripts: Sequence[Script], steps: Sequence[Step], recorder: Recorder) -> Plan:
    """Record the steps, oldest first, and what came before them when it is asked for.

    ``scripts`` are the steps' revisions and all that they build on, oldest
    first.  Writes nothing.
    """
    pending = {step.script.revision for step in steps}
    recorder.past = [script for script in scripts if script.revision not in pending]
    own = [script for script in scripts if script.revision in pending]
    recorded = {script.revision: recorder.upgrade(script) for script in own}
    plan = Plan(History([script.revision for script in scripts], recorded, recorder))
    for step in steps:
        revision = step.script.revision
        if step.upgrade:
            plan.steps.append(recorded[revision])
            continue
        planned = recorder.downgrade(step.script)
        planned.derives = list(recorded[revision].derives)
        plan.steps.append(planned)
    return plan


class History(Mapping[str, PlannedRevision]):
    """The revisions of a plan; the past is recorded when one of its revisions is asked for."""

    def __init__(
        self, names: Sequence[str], recorded: dict[str, PlannedRevision], recorder: Recorder
    ) -> None:
        self._names, self._recorded, self._recorder = list(names), recorded, recorder

    def __getitem__(self, revision: str) -> PlannedRevision:
        if revision in self._recorded:
            return self._recorded[revision]
        return self._recorder.recall().planned[revision]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def clock_of(generation: Generation) -> datetime:
    """The moment that a session's clock is fixed to: the evening of the as-of day."""
    return datetime.combine(generation.as_of, time(18))


def revision_steps(steps: Sequence[MigrationStep]) -> list[Step]:
    """The steps that run a revision's code; a stamp runs none."""
    return [
        Step(step.revision, step.is_upgrade) for step in steps if isinstance(step, RevisionStep)
    ]


def direction_of(steps: Sequence[MigrationStep]) -> str:
    """What steps of Alembic's are: ``upgrade``, ``downgrade`` or ``stamp``."""
    if any(isinstance(step, StampStep) for step in steps):
        return "stamp"
    return "upgrade" if all(step.is_upgrade for step in steps) else "downgrade"
