"""Checks of a project's seeds before a run; they write to no database.

Every check is made as far as earlier ones allow, and reports one line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from alembic.util import CommandError

from terp_seed.database.consent import careful
from terp_seed.database.dialects import dialect_named
from terp_seed.database.schema import Schema
from terp_seed.database.session import opened
from terp_seed.errors import MaskingError, PlanError, SeedError, UsageError
from terp_seed.masking.boundary import boundary
from terp_seed.plan.chain import ID_LENGTH, read_attributes
from terp_seed.project.offline_plan import Chain, chain_of
from terp_seed.project.project import Project
from terp_seed.project.round_trip import round_trip, transaction
from terp_seed.project.scratch import Scratch, scratch
from terp_seed.settings.options import ENVIRONMENTS

__all__ = ["CheckResult", "run_checks"]

_ID = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class CheckResult:
    """The result of one check: its name, what it found, and the error if it failed."""

    name: str
    detail: str
    error: SeedError | None = None
    made: bool = True
    """Whether the check could be made."""

    @property
    def state(self) -> str:
        """``ok``, ``failed`` or ``skipped``."""
        if not self.made:
            return "skipped"
        return "ok" if self.error is None else "failed"


def run_checks(project: Project, *, round_trip: bool = True) -> Iterator[CheckResult]:
    """Make the checks, one after the other.

    With ``round_trip`` the seeds go up, down and up again on a scratch SQLite file.
    """
    try:
        chain = chain_of(project)
    except CommandError as error:
        yield CheckResult("revisions load", str(error), _seed_error(error))
        return
    yield CheckResult("revisions load", f"{len(chain.scripts)} revisions")
    yield _result("one head", lambda: _one_head(chain))
    yield _result("revision ids", lambda: _ids(chain))
    planned = _result("plan and rollbacks", lambda: _plans(chain))
    yield planned
    if planned.error is None:
        yield from _on_scratch(project, chain, round_trip)


def _on_scratch(project: Project, chain: Chain, round_trip: bool) -> Iterator[CheckResult]:
    try:
        with scratch(project, chain) as made:
            yield _result("masking policy", lambda: _policy(chain, made))
            if round_trip:
                yield _result("up, down, up", lambda: _round_trip(project, chain, made))
            else:
                yield CheckResult("up, down, up", "not asked for", made=False)
    except UsageError as error:
        yield _result("masking policy", lambda: _policy(chain, None))
        yield CheckResult("up, down, up", f"not possible: {error}", made=False)


def _result(name: str, function: Callable[[], str]) -> CheckResult:
    """The result of a function that returns what it found, or raises what is wrong."""
    try:
        return CheckResult(name, function())
    except CommandError as error:
        return CheckResult(name, str(error), _seed_error(error))


def _seed_error(error: CommandError) -> SeedError:
    return error if isinstance(error, SeedError) else PlanError(str(error))


def _one_head(chain: Chain) -> str:
    heads = chain.directory.get_heads()
    if len(heads) > 1:
        raise PlanError(f"there are {len(heads)}: {', '.join(heads)}; merge them")
    return heads[0] if heads else "the chain is empty"


def _ids(chain: Chain) -> str:
    for script in chain.scripts:
        read_attributes(script)
        if not _ID.fullmatch(script.revision):
            raise PlanError(f"revision {script.revision}: only a-z, 0-9 and _ are safe in an id")
    longest = max((len(script.revision) for script in chain.scripts), default=0)
    return f"at most {longest} of {ID_LENGTH} characters"


def _plans(chain: Chain) -> str:
    staying: set[str] = set()
    for environment in ENVIRONMENTS:
        staying |= chain.staying(environment)
    stays = f"; declare no rollback: {', '.join(sorted(staying))}" if staying else ""
    names = ", ".join(script.revision for script in chain.unplanned)
    left_out = f"; need a database: {names}" if names else ""
    return f"up and down in {', '.join(ENVIRONMENTS)}{left_out}{stays}"


def _policy(chain: Chain, made: Scratch | None) -> str:
    """Every column that a seed writes is classified, or does not look personal."""
    findings: dict[str, None] = {}
    columns: set[tuple[str, str]] = set()
    with _schema(chain, made) as schema:
        for environment in ENVIRONMENTS:
            border = boundary(chain.settings, environment, {})
            for step in chain.plan(environment).history.values():
                for planned in step.tables:
                    rows = planned.rows
                    facts = schema.table(rows.table) if schema else None
                    columns |= {(rows.table, name) for name in rows.columns}
                    found = border.unclassified(rows, facts)
                    findings |= {f"revision {step.revision}, {text}": None for text in found}
    if findings:
        raise MaskingError("\n  ".join(findings))
    return f"{len(columns)} columns of {len({table for table, _ in columns})} tables"


@contextmanager
def _schema(chain: Chain, made: Scratch | None) -> Iterator[Schema | None]:
    if made is None:
        yield None
        return
    with opened(replace(chain.settings, url=made.url, bookkeeping_schema=None)) as session:
        yield Schema(session)


def _round_trip(project: Project, chain: Chain, made: Scratch) -> str:
    """Up, down and up again; `VerificationError` if a rollback leaves rows, or others come back."""
    if chain.settings.bookkeeping_schema:
        raise PlanError("bookkeeping_schema is set in the section, and SQLite has no schemas")
    environment = chain.settings.env or "dev"
    x = ["backup=none"]  # a scratch file is not worth a backup
    if careful(environment):
        x.append(f"yes={Path(str(made.url.database)).name}")
    engine = dialect_named("sqlite").engine(made.url)
    with transaction(engine, replace(chain.settings, env=environment)) as connection:
        there = project.without("url", "yes", "env", "backup")
        rows = round_trip(there, connection, x, chain.staying(environment))
    return f"{rows:,} rows and no trace, on {made.origin}"
