"""The chain: its revision files, the settings that it keeps, its heads, and the steps from there.

A chain has one `Generation`, on which all of its generated rows depend.
"""

from __future__ import annotations

import re
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.runtime.migration import MigrationContext, MigrationStep, RevisionStep, StampStep
from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError, to_tuple

from terp_seed.database.session import Session
from terp_seed.errors import PlanError, SeedError, UsageError
from terp_seed.rows.seeders import TYPICAL, refuse_unknown_scenario
from terp_seed.settings.options import (
    ENVIRONMENTS,
    Settings,
    default_size,
    environment_name,
    preset,
    presets,
)

if TYPE_CHECKING:
    from terp_seed.ledger.ledger import Header

__all__ = [
    "ACT",
    "ID_LENGTH",
    "RENAMING",
    "Generation",
    "Move",
    "Request",
    "Step",
    "ancestors",
    "choose_generation",
    "clear_load_errors",
    "current_heads",
    "find_skipped_elsewhere",
    "load_revisions",
    "mentions",
    "pending_move",
    "read_attributes",
    "recorded_settings",
    "refuse_gone",
    "refuse_other_key",
    "tells_of_the_past",
]

ID_LENGTH = 32  # Alembic's version column


@dataclass(frozen=True)
class Attributes:
    """The attributes of a revision file that matter to seeding."""

    environments: tuple[str, ...]
    online_only: bool
    raw_sql: str | None
    as_of: date | None
    requires_schema: str | None
    replaces: tuple[str, ...]


def read_attributes(script: Script) -> Attributes:
    """Read and check a revision's attributes; `PlanError` names what is wrong."""
    where = f"revision {script.revision}"
    if len(script.revision) > ID_LENGTH:
        raise PlanError(
            f"{where}: its id has {len(script.revision)} characters, the version table holds "
            f"{ID_LENGTH}; shorten it"
        )
    for function in ("upgrade", "downgrade"):
        if not callable(getattr(script.module, function, None)):
            raise PlanError(
                f"{where}: has no {function}(); if there is nothing to roll back, say so with a "
                "downgrade() that only passes"
            )
    get = script.module.__dict__.get
    return Attributes(
        environments=_environments(get("environments"), where),
        online_only=_flag(get("online_only", False), where),
        raw_sql=_reason(get("raw_sql"), where),
        as_of=_day(get("as_of"), where),
        requires_schema=_schema(get("requires_schema"), where),
        replaces=_replaced(get("replaces", ()), where),
    )


def find_skipped_elsewhere(
    scripts: Iterable[Script], headers: Mapping[str, Header], environment: str, chain: str
) -> str:
    """What to know of applied revisions that were skipped, and would not be here; else empty.

    A copy of production is at the head of a chain that has seeded little of it there.
    """
    skipped = [
        script
        for script in scripts
        if (header := headers.get(script.revision)) is not None
        and header.state == "skipped"
        and environment in read_attributes(script).environments
    ]
    if not skipped:
        return ""
    below = ", ".join(to_tuple(skipped[0].down_revision, default=())) or "base"
    return (
        f"revision {', '.join(script.revision for script in skipped)}: skipped in another "
        f"environment, before this database became {environment}, so their rows are not here; to "
        f"seed them, roll chain {chain} back to {below}, where nothing is removed, and upgrade it"
    )


def _environments(value: Any, where: str) -> tuple[str, ...]:
    if value is None:
        return tuple(name for name in ENVIRONMENTS if name != "production")
    listed = isinstance(value, tuple | list | set | frozenset)
    if not listed or not all(isinstance(name, str) for name in value):
        raise PlanError(f'{where}: environments must be a tuple of names, as ("dev", "staging")')
    try:
        return tuple(environment_name(name) for name in value)
    except UsageError as error:
        raise PlanError(f"{where}: environments: {str(error).removeprefix('env: ')}") from None


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise PlanError(f"{where}: online_only must be True or False")
    return value


def _reason(value: Any, where: str) -> str | None:
    if value is not None and not (isinstance(value, str) and value.strip()):
        raise PlanError(f"{where}: raw_sql must be the reason why it runs raw SQL")
    return value


def _replaced(value: Any, where: str) -> tuple[str, ...]:
    listed = isinstance(value, tuple | list)
    if not listed or not all(isinstance(name, str) and name for name in value):
        raise PlanError(f'{where}: replaces must be a tuple of revision ids, as ("0001_a",)')
    return tuple(value)


def _schema(value: Any, where: str) -> str | None:
    if value is not None and not (isinstance(value, str) and value):
        raise PlanError(f"{where}: requires_schema must be the id of one revision of the schema")
    return value


def _day(value: Any, where: str) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise PlanError(f'{where}: as_of must be a date in quotes, as "2026-06-30"') from None


def load_revisions(directory: ScriptDirectory) -> ScriptDirectory:
    """The directory, every revision of it imported; `PlanError` names the one that cannot be.

    Also where Alembic only warns: an id of two files, a ``down_revision`` of none.
    """
    with clear_load_errors(), warnings.catch_warnings():
        warnings.filterwarnings("error", module=r"alembic\.script\.revision")
        directory.get_heads()
    return directory


@contextmanager
def clear_load_errors() -> Iterator[None]:
    """A mistake in a revision file as one line; no value of a row is in it."""
    try:
        yield
    except (SeedError, CommandError):
        raise
    except (RevisionError, UserWarning) as error:
        said = re.sub(r"[\s,]+is not", " is not", str(error))
        raise PlanError(
            f"{said}; bring its file back, or correct revision or down_revision in the file that "
            "names it"
        ) from None
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        name, line = frames[-1].filename, frames[-1].lineno
        if isinstance(error, SyntaxError) and error.filename:
            name, line = error.filename, error.lineno
        what = type(error).__name__
        if isinstance(error, SyntaxError | ImportError | NameError):  # they speak of code alone
            what = f"{what}: {error.msg if isinstance(error, SyntaxError) else error}"
        raise PlanError(f"{Path(name).name}, line {line}: cannot be loaded: {what}") from None


_ROOT_SEED = 1
_AS_OF = date(2026, 1, 1)  # for a chain whose revisions do not say


class RowCounts(dict[str, int]):
    """How many rows each subject gets; `UsageError` for one that the size does not count."""

    def __init__(self, size: str, counts: Mapping[str, int]) -> None:
        super().__init__(counts)
        self._size = size

    def __missing__(self, subject: str) -> int:
        raise UsageError(
            f"size {self._size!r} does not say how many rows of {subject!r}; add {subject} = ... "
            f"under [{self._size}] of sizes.toml, or choose another size with -x size=..."
        )


@dataclass(frozen=True)
class Generation:
    """What a chain's generated rows depend on; the chain keeps one of them."""

    size: str
    rows: Mapping[str, int]
    root_seed: int
    as_of: date
    scenario: str = TYPICAL

    def __str__(self) -> str:
        """As people read it; the scenario only where it is not the usual one."""
        told = "" if self.scenario == TYPICAL else f", scenario {self.scenario}"
        return f"size {self.size}{told}, root seed {self.root_seed}, as of {self.as_of}"

    @property
    def clock(self) -> datetime:
        """The moment that a session's clock is fixed to: the evening of the as-of day."""
        return datetime.combine(self.as_of, time(18))

    @property
    def options(self) -> dict[str, str | None]:
        """What a run is given that is to have the same rows."""
        counts = ",".join(f"{name}:{count}" for name, count in self.rows.items())
        return {
            "size": self.size,
            "rows": counts or None,
            "seed": str(self.root_seed),
            "as-of": self.as_of.isoformat(),
            "scenario": self.scenario,
        }

    def to_settings(self, mask_key: str | None = None) -> dict[str, Any]:
        """The settings as the ledger keeps them; ``mask_key`` is the key's id.

        The usual scenario is left out, as by chains that know of none.
        """
        return {
            **({"mask_key": mask_key} if mask_key else {}),
            "size": self.size,
            "rows": dict(self.rows),
            "root_seed": self.root_seed,
            "as_of": self.as_of.isoformat(),
            **({} if self.scenario == TYPICAL else {"scenario": self.scenario}),
        }

    @classmethod
    def from_settings(cls, recorded: Mapping[str, Any]) -> Generation:
        as_of = date.fromisoformat(recorded["as_of"])
        rows = RowCounts(recorded["size"], recorded["rows"])
        scenario = recorded.get("scenario", TYPICAL)
        return cls(recorded["size"], rows, recorded["root_seed"], as_of, scenario)


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

    Raises `UsageError` if others are asked for explicitly on a seeded chain, and for a scenario
    that no seeder has declared.
    """
    refuse_unknown_scenario(settings.scenario or TYPICAL)
    if recorded:
        generation = Generation.from_settings(_with_new_counts(settings, recorded))
        _refuse_other(settings, generation)
        return generation
    size = settings.size or default_size(environment)
    as_of = settings.as_of or next(
        (day for day in (read_attributes(script).as_of for script in scripts) if day), _AS_OF
    )
    return Generation(
        size,
        RowCounts(size, _counts(settings, size)),
        _ROOT_SEED if settings.root_seed is None else settings.root_seed,
        as_of,
        settings.scenario or TYPICAL,
    )


def _counts(settings: Settings, size: str) -> Mapping[str, int]:
    """The preset; a chain that asks for none of its counts needs none by default."""
    if not (settings.size or settings.rows) and size not in presets(settings.home):
        return {}
    return preset(settings.home, size, settings.rows)


def _with_new_counts(settings: Settings, recorded: Mapping[str, Any]) -> Mapping[str, Any]:
    """The recorded settings, with what the preset has come to count since."""
    try:
        counts = preset(settings.home, recorded["size"], {})
    except UsageError:  # a seeded chain needs the preset no more
        counts = {}
    return {**recorded, "rows": {**counts, **recorded["rows"]}}


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
        "scenario": (settings.scenario, generation.scenario),
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
                f"one: roll chain {settings.chain} back to base and seed it again with {wish}. "
                "terp-seed plan --rollback base says what that removes",
                look="plan --rollback base",
            )


def _short(rows: Mapping[str, int]) -> str:
    return ",".join(f"{name}:{number}" for name, number in sorted(rows.items()))


RENAMING = ("seed_moved", "seed_gone")
"""The operations that say that the schema has moved on."""

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
    """Some revisions and all that they build on, oldest first; `PlanError` if a file is gone."""
    heads = refuse_gone(directory, heads)
    wanted = {
        script.revision
        for revision in heads
        for script in directory.iterate_revisions(revision, "base")
        if isinstance(script, Script)
    }
    walk = [*directory.walk_revisions()]
    return [script for script in reversed(walk) if script.revision in wanted]


def refuse_gone(directory: ScriptDirectory, applied: Iterable[str]) -> tuple[str, ...]:
    """The applied revisions, if each has a file here; `PlanError` names those without."""
    applied = tuple(applied)
    known = {script.revision for script in directory.walk_revisions()}
    gone = sorted({*applied} - known)
    if gone:
        _refuse_replaced(directory, gone)
        names, verb = ", ".join(gone), "is" if len(gone) == 1 else "are"
        raise PlanError(
            f"revision {names} {verb} applied in this database, and the chain has no file for it: "
            "switch to the branch that has the file, or restore it. If it is lost, write a file "
            "with this id whose upgrade() passes and whose downgrade() calls op.unseed(); its "
            "rollback goes by the ledger"
        )
    return applied


def tells_of_the_past(directory: ScriptDirectory) -> bool:
    """Whether a revision of the chain may say that the schema has moved on, or replace others."""
    scripts = ancestors(directory, directory.get_heads())
    return any(mentions(script, (*RENAMING, "replaces")) for script in scripts)


def mentions(script: Script, words: Sequence[str]) -> bool:
    """Whether a revision's file has one of these words."""
    try:
        text = Path(script.path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return True  # which its code then says
    return any(word in text for word in words)


def _refuse_replaced(directory: ScriptDirectory, gone: Iterable[str]) -> None:
    """Refuse a database that is in the middle of what was squashed."""
    for script in directory.walk_revisions():
        between = sorted({*gone} & {*read_attributes(script).replaces})
        if between:
            raise PlanError(
                f"this database is at {', '.join(between)}, which {script.revision} replaces: "
                f"bring the files from before the squash back, upgrade to {script.revision}, and "
                "then use the squashed revision"
            )


def current_heads(session: Session) -> tuple[str, ...]:
    """The heads that the version table names."""
    return _reading_context(session).get_current_heads()


def pending_move(session: Session, request: Request, heads: tuple[str, ...]) -> Move:
    """What the request means with the chain at these heads; `PlanError` if a file is gone."""
    refuse_gone(request.directory, heads)
    return Move(request, heads, request.steps(heads, _reading_context(session)))


def _reading_context(session: Session) -> MigrationContext:
    version = session.books.version
    opts = {"version_table": version.name, "version_table_schema": version.schema}
    return MigrationContext.configure(session.connection, opts=opts)
