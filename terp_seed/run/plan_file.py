"""The reviewed plan as a file: made in one step of a pipeline, held against the database later.

What counts is what would be written and to what: the database and its environment, the chain's
heads, the tables' shape, every row, and the rows that it meets there.  How a revision's file is
laid out does not count.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from terp_seed.database.consent import database_name
from terp_seed.database.schema import Schema
from terp_seed.database.session import Session
from terp_seed.errors import PlanError, UsageError
from terp_seed.plan.chain import Generation, Request
from terp_seed.plan.plan import Plan
from terp_seed.plan.run import Run, Target, build_run, find_move
from terp_seed.run.dry_run import consent_digest, forecast_steps

__all__ = ["PlanFile", "write_plan_file"]

_VERSION = 2
_POLICIES = ("on-dependents", "on-edited", "on-conflict")
_CHANGED = {
    "database": "the database's name",
    "environment": "the environment",
    "heads": "the current heads",
    "revisions": "the revisions to go through",
    "settings": "the settings (size, rows, scenario, root seed, as-of)",
    "schema": "the shape of the tables",
    "rows": "the rows",
}


@dataclass(frozen=True)
class PlanFile:
    """What a review has agreed to."""

    chain: str
    database: str
    destination: str
    environment: str
    heads: list[str]
    revisions: list[str]
    settings: Mapping[str, Any]
    policies: Mapping[str, str | None]
    """What is done about edits and conflicts."""
    schema: str
    """SHA-256 of the shape of every table that the plan writes."""
    rows: str
    """SHA-256 of every row that the plan writes."""
    consent: str
    """SHA-256 of the plan, its options and the rows that it meets, as for ``yes=NAME@DIGEST``."""

    @classmethod
    def read(cls, path: Path) -> PlanFile:
        """Read a file that `write_plan_file` made; `UsageError` if it is not one."""
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise UsageError(f"plan {path}: cannot be read: {error.strerror}") from None
        except ValueError:
            fields = None
        if not isinstance(fields, dict) or fields.pop("document", "") != "plan artefact":
            raise UsageError(f"plan {path}: is not a plan; make one with terp-seed plan --out FILE")
        if fields.pop("version", None) != _VERSION:
            raise UsageError(f"plan {path}: was made by another version; make it again")
        try:
            return cls(**fields)
        except TypeError:
            raise UsageError(
                f"plan {path}: is incomplete; make it again with terp-seed plan --out FILE"
            ) from None

    @classmethod
    def of(cls, session: Session, run: Run) -> PlanFile:
        """What this run would do, here and now; makes every row once."""
        plan, move, settings = run.plan, run.move, session.settings
        return cls(
            settings.chain,
            database_name(settings),
            move.request.destination,
            run.environment,
            list(move.heads),
            [step.revision for step in plan.steps],
            run.detail,
            {key: getattr(settings, key.replace("-", "_")) for key in _POLICIES},
            Schema(session).fingerprint(_tables(plan)),
            plan.digest(sample=None),
            consent_digest(run, settings, forecast_steps(session, run)),
        )

    @property
    def text(self) -> str:
        """What is in the file."""
        fields = {"document": "plan artefact", "version": _VERSION, **asdict(self)}
        return f"{json.dumps(fields, indent=2)}\n"

    @property
    def options(self) -> dict[str, str | None]:
        """The settings as options of a run; a run that asks for others is refused."""
        return {**self.policies, **Generation.from_settings(self.settings).options}

    def expect(self, session: Session, run: Run) -> None:
        """Raise `PlanError` if anything has moved since the review."""
        now = PlanFile.of(session, run)
        moved = [
            what for name, what in _CHANGED.items() if getattr(now, name) != getattr(self, name)
        ]
        if not moved and now.consent != self.consent:
            moved = ["the rows that it meets, or what is done about them,"]
        if moved:
            raise PlanError(
                f"the reviewed plan is out of date: {', '.join(moved)} changed. Nothing was "
                "written; plan and review again"
            )


def write_plan_file(path: Path) -> Callable[[Session, Request], None]:
    """Write the plan of a request to a file; does not write to the database."""

    def act(session: Session, request: Request) -> None:
        environment, move = find_move(session, request)
        run = build_run(environment, Target.live(session), move)
        made = PlanFile.of(session, run)
        session.end_transaction()
        try:
            path.write_text(made.text, encoding="utf-8")
        except OSError as error:
            raise UsageError(f"plan {path}: cannot be written: {error.strerror}") from None

    return act


def _tables(plan: Plan) -> list[str]:
    return sorted({planned.rows.table for step in plan.steps for planned in step.tables})
