"""What generated rows depend on: size, row counts, root seed and as-of day, kept by the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any

from alembic.script import Script

from terp_seed.errors import UsageError
from terp_seed.ledger.ledger import Header
from terp_seed.plan.revisions import read_attributes
from terp_seed.settings.options import Settings
from terp_seed.settings.sizes import default_size, preset

__all__ = ["Generation", "choose_generation", "recorded_settings", "refuse_other_key"]

_ROOT_SEED = 1
_AS_OF = date(2026, 1, 1)  # for a chain whose revisions do not say


@dataclass(frozen=True)
class Generation:
    """What a chain's generated rows depend on; the chain keeps one of them."""

    size: str
    rows: Mapping[str, int]
    root_seed: int
    as_of: date

    @property
    def clock(self) -> datetime:
        """The moment that a session's clock is fixed to: the evening of the as-of day."""
        return datetime.combine(self.as_of, time(18))

    def to_settings(self, mask_key: str | None = None) -> dict[str, Any]:
        """The settings as the ledger keeps them; ``mask_key`` is the key's id."""
        return {
            **({"mask_key": mask_key} if mask_key else {}),
            "size": self.size,
            "rows": dict(self.rows),
            "root_seed": self.root_seed,
            "as_of": self.as_of.isoformat(),
        }

    @classmethod
    def from_settings(cls, recorded: Mapping[str, Any]) -> Generation:
        as_of = date.fromisoformat(recorded["as_of"])
        return cls(recorded["size"], recorded["rows"], recorded["root_seed"], as_of)


def recorded_settings(
    headers: Mapping[str, Header], applied: Sequence[Script]
) -> Mapping[str, Any]:
    """The settings that the chain was seeded with; empty for a chain at its base.

    ``applied`` are its applied revisions, oldest first.
    """
    known = (headers[script.revision] for script in reversed(applied) if script.revision in headers)
    newest = next(known, None)
    return {} if newest is None else newest.detail


def choose_generation(
    settings: Settings,
    environment: str,
    scripts: Sequence[Script],
    recorded: Mapping[str, Any],
) -> Generation:
    """What the rows depend on: the chain's recorded settings, else those asked for.

    Raises `UsageError` if others are asked for explicitly on a seeded chain.
    """
    if recorded:
        generation = Generation.from_settings(recorded)
        _refuse_other(settings, generation)
        return generation
    size = settings.size or default_size(environment)
    as_of = settings.as_of or next(
        (day for day in (read_attributes(script).as_of for script in scripts) if day), _AS_OF
    )
    return Generation(
        size,
        preset(settings.home, size, settings.rows),
        _ROOT_SEED if settings.root_seed is None else settings.root_seed,
        as_of,
    )


def refuse_other_key(recorded: Mapping[str, Any], mask_key: str | None) -> None:
    """Raise `UsageError` if the chain's rows were masked with another key."""
    before = recorded.get("mask_key")
    if before and before != mask_key:
        raise UsageError(
            f"this chain was masked with key {before}, and this run has "
            f"{f'key {mask_key}' if mask_key else 'none'}: the same person would get two "
            "pseudonyms; set TERP_SEED_MASK_KEY to that key, or roll back and seed again"
        )


def _refuse_other(settings: Settings, generation: Generation) -> None:
    asked: dict[str, tuple[Any, Any]] = {
        "size": (settings.size, generation.size),
        "seed": (settings.root_seed, generation.root_seed),
        "as-of": (settings.as_of, generation.as_of),
    }
    if "rows" in settings.explicit:
        wanted = preset(settings.home, settings.size or generation.size, settings.rows)
        asked["rows"] = (_short(wanted), _short(generation.rows))
    for key, (wish, now) in asked.items():
        if key in settings.explicit and wish != now:
            raise UsageError(
                f"{key}: this chain was seeded with {now}, and you ask for {wish}; a chain keeps "
                f"one: roll it back (alembic -n {settings.chain} downgrade base) and seed again "
                f"(alembic -n {settings.chain} -x {key}={wish} upgrade head)"
            )


def _short(rows: Mapping[str, int]) -> str:
    return ",".join(f"{name}:{number}" for name, number in sorted(rows.items()))
