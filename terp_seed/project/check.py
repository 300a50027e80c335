"""Checks of a project's seeds before a run; they write to no database.

Every check is made as far as earlier ones allow, and reports one line.  The chain is planned
without its database, and run on a scratch SQLite file with the tables that it needs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import sqlalchemy as sa
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine

from terp_seed.database.copy_structure import copy_structure
from terp_seed.database.dialects import dialect_named, split_table
from terp_seed.database.environment_stamp import careful
from terp_seed.database.schema import Schema
from terp_seed.database.session import Session, opened
from terp_seed.errors import MaskingError, PlanError, SeedError, UsageError, VerificationError
from terp_seed.ledger.pinned_files import read_pins, refuse_edited_files
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.masking.gaps import describe_gaps
from terp_seed.plan.chain import ID_LENGTH, Step, ancestors, choose_generation, read_attributes
from terp_seed.plan.plan import Plan
from terp_seed.plan.recorder import Recorder, make_plan
from terp_seed.plan.renaming import read_names
from terp_seed.plan.schema_stream import schema_stream
from terp_seed.project.autogenerate import find_differences
from terp_seed.project.datasets import REGISTER, read_datasets
from terp_seed.project.init import has_section
from terp_seed.project.project import Project
from terp_seed.project.round_trip import round_trip, transaction
from terp_seed.project.schema_env import (
    environments_without_hook,
    find_drops,
    schema_environments,
    short_name,
)
from terp_seed.settings.options import ENVIRONMENTS, Settings

__all__ = ["Chain", "chain_of", "run_checks", "schemas_of", "scratch"]

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
    ids = _result("revision ids", lambda: _ids(chain))
    yield ids
    if ids.error is None and chain.needed_schemas:
        yield _result("required schema", lambda: _required_schema(chain))
    planned = _result("plan and rollbacks", lambda: _plans(chain))
    yield planned
    if planned.error is None and (chain.settings.home / REGISTER).exists():
        yield _result("datasets", lambda: _datasets(chain))
    if chain.has_url:
        yield from _pinned_files(chain)
    if planned.error is None:
        yield from _on_scratch(project, chain, round_trip)
    if schema_environments(project.ini) and not chain.settings.bookkeeping_schema:
        yield _result("schema autogenerate", lambda: _autogenerate(project))


def _on_scratch(project: Project, chain: Chain, round_trip: bool) -> Iterator[CheckResult]:
    try:
        others = schemas_of(chain.tables("dev"))
        if others:
            raise UsageError(f"seeds fill tables of {', '.join(others)}, and SQLite has no schemas")
        with scratch(project, chain) as made:
            yield _result("masking policy", lambda: _policy(chain, made))
            if (chain.settings.home / REGISTER).exists():
                yield _result("dataset keys", lambda: _dataset_keys(chain, made))
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


def _required_schema(chain: Chain) -> str:
    """Every schema revision that a seed revision requires exists."""
    stream = schema_stream(chain.settings)
    for revision, schema in chain.needed_schemas.items():
        try:
            stream.at_or_after(schema)
        except PlanError as error:
            raise PlanError(f"revision {revision}: {error}; correct requires_schema") from None
    return f"{', '.join(dict.fromkeys(chain.needed_schemas.values()))} in [{stream.section}]"


def _plans(chain: Chain) -> str:
    staying: set[str] = set()
    for environment in ENVIRONMENTS:
        staying |= chain.staying(environment)
    stays = f"; declare no rollback: {', '.join(sorted(staying))}" if staying else ""
    names = ", ".join(script.revision for script in chain.unplanned)
    left_out = f"; need a database: {names}" if names else ""
    return f"up and down in {', '.join(ENVIRONMENTS)}{left_out}{stays}"


def _dataset_keys(chain: Chain, made: Scratch) -> str:
    """The tables hold the natural keys of their datasets unique."""
    findings, datasets = [], read_datasets(chain.settings.home)
    with _schema(chain, made) as schema:
        for dataset in datasets:
            facts = schema.table(dataset.table) if schema else None
            uniques = [] if facts is None else [facts.key, *facts.uniques]
            if facts is None:
                findings.append(
                    f"dataset {dataset.name}: the database has no table {dataset.table}"
                )
            elif not any(unique and {*unique} <= {*dataset.key} for unique in uniques):
                findings.append(
                    f"dataset {dataset.name}: {', '.join(dataset.key)} is not unique in "
                    f"{dataset.table}, so a key may mean several rows; name the columns of a "
                    "unique key"
                )
    if findings:
        raise PlanError("\n  ".join(findings))
    return f"unique in {len(datasets)} tables"


def _pinned_files(chain: Chain) -> Iterator[CheckResult]:
    """Compare the files with those that the database's revisions have read, if it answers."""
    try:
        with opened(chain.settings) as session:
            revisions = {pin.revision for pin in read_pins(session)}
            if revisions:
                yield _result("applied files", lambda: _unedited(session, revisions))
    except UsageError:
        return


def _unedited(session: Session, revisions: Collection[str]) -> str:
    refuse_edited_files(session, revisions)
    return f"as {len(revisions)} revisions have read them"


_WRITE = 'terp-seed revision --autogenerate -m "..."'


def _datasets(chain: Chain) -> str:
    """The datasets are what the chain adds up to."""
    differences = find_differences(chain.settings, chain.scripts)
    if differences:
        raise VerificationError("\n  ".join([*differences, f"write the revision: {_WRITE}"]))
    return f"{len(read_datasets(chain.settings.home))} files, no difference from the chain"


def _autogenerate(project: Project) -> str:
    """The autogenerate of the application's schema drops no table of terp_seed."""
    problems = [
        f"{short_name(env, project.ini)}: autogenerate would drop the bookkeeping tables, and the "
        "ledger with them; add include_name: terp-seed init --edit-env"
        for env in environments_without_hook(project.ini, in_use=True)
    ]
    for env in schema_environments(project.ini):
        problems += [
            f"{short_name(path, project.ini)}: drops {', '.join(names)}; delete those lines; if it "
            f"ran already: {project.alembic('stamp', 'REVISION')}, the last one that was applied, "
            "then terp-seed ledger rebuild"
            for path, names in find_drops(env)
        ]
    if problems:
        raise PlanError("\n  ".join(problems))
    return "spares the tables of terp_seed"


def _policy(chain: Chain, made: Scratch | None) -> str:
    """Every column that a seed writes has its entry, and so has every column of a listed table."""
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
                    found = describe_gaps(border.unclassified(rows, facts))
                    findings |= {f"revision {step.revision}, {text}": None for text in found}
            findings |= dict.fromkeys(_later_columns(border, schema))
    if findings:
        raise MaskingError("\n  ".join(findings))
    return f"{len(columns)} columns of {len({table for table, _ in columns})} tables"


def _later_columns(border: Boundary, schema: Schema | None) -> Iterator[str]:
    """Columns that were added to a table after the policy was made for it."""
    tables = filter(None, map(schema.table, border.policy.tables)) if schema else ()
    yield from describe_gaps(gap for facts in tables for gap in border.undecided(facts))


@contextmanager
def _schema(chain: Chain, made: Scratch | None) -> Iterator[Schema | None]:
    """The schema of the project's database; of the scratch file, where that does not answer."""
    with ExitStack() as stack:
        session = None
        if chain.has_url and (made is None or made.copied):
            with suppress(UsageError):
                session = stack.enter_context(opened(chain.settings))
        if session is None and made is not None:
            settings = replace(chain.settings, url=made.url, bookkeeping_schema=None)
            session = stack.enter_context(opened(settings))
        yield None if session is None else Schema(session)


def _round_trip(project: Project, chain: Chain, made: Scratch) -> str:
    """Up, down and up again; `VerificationError` if a rollback leaves rows, or others come back."""
    environment = chain.settings.env or "dev"
    x = ["backup=none"]  # a scratch file is not worth a backup
    if careful(environment):
        x.append(f"yes={Path(str(made.url.database)).name}")
    engine = dialect_named("sqlite").engine(made.url)
    settings = replace(chain.settings, env=environment, bookkeeping_schema=None)
    with transaction(engine, settings) as connection:
        there = replace(project.without("url", "yes", "env", "backup"), one_schema=True)
        rows = round_trip(there, connection, x, chain.staying(environment))
    return f"{rows:,} rows and no trace, on {made.origin}"


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

    @property
    def needed_schemas(self) -> dict[str, str]:
        """The schema revision that a revision requires, of those that require one."""
        needed = {one.revision: read_attributes(one).requires_schema for one in self.scripts}
        return {revision: schema for revision, schema in needed.items() if schema is not None}

    def plan(self, environment: str) -> Plan:
        """What all revisions would do in an environment, up and down again; reads no database.

        Imported rows are as in their files, not masked.  Raises what a run would raise.
        """
        scripts = [script for script in self.scripts if script not in self.unplanned]
        generation = choose_generation(self.settings, environment, scripts, {})
        engine = self.settings.url.get_backend_name()
        names = read_names(self.directory, engine)
        recorder = Recorder(generation, environment, self.settings.data, engine, names=names)
        down = [Step(script, upgrade=False) for script in reversed(scripts)]
        return make_plan(scripts, down, recorder)

    def tables(self, environment: str) -> list[str]:
        """The tables that are seeded."""
        steps = self.plan(environment).history.values()
        return sorted({planned.rows.table for step in steps for planned in step.tables})

    def staying(self, environment: str) -> set[str]:
        """The revisions that seed rows in an environment and declare that they cannot roll back."""
        plan = self.plan(environment)
        return {
            step.revision
            for step in plan.steps
            if step.retains_rows and plan.history[step.revision].tables
        }


def schemas_of(tables: Iterable[str]) -> list[str]:
    """The schemas, other than the connection's own, of some tables."""
    return sorted({schema for schema, _ in map(split_table, tables) if schema})


def chain_of(project: Project) -> Chain:
    """Load every revision; `PlanError` names the file that cannot be loaded.

    The database is not opened, and need not be known.
    """
    found = project.without_database()
    directory = found.directory()
    scripts = ancestors(directory, directory.get_heads())
    return Chain(found.settings(), directory, scripts, has_url=found is project)


@dataclass(frozen=True)
class Scratch:
    """A temporary database."""

    url: URL
    origin: str
    """Where its tables come from and what they cannot show, as text for a message."""
    copied: bool
    """Whether they are those of the project's database."""


@contextmanager
def scratch(project: Project, chain: Chain) -> Iterator[Scratch]:
    """Make the file, and delete it at the end; `UsageError` if its tables cannot be made.

    The tables are those of the project's database, if that answers and has any; it is only read.
    Otherwise the project's own ``alembic upgrade head`` makes them in the scratch file, and is
    stopped if it connects to anything else.
    """
    with TemporaryDirectory() as folder:
        url = sa.make_url(f"sqlite:///{Path(folder).resolve()}/scratch.db")
        Path(str(url.database)).touch()
        copied = _copy_tables(chain, url)
        yield Scratch(url, copied or _create_tables(project, url), bool(copied))


def _copy_tables(chain: Chain, url: URL) -> str:
    if not chain.has_url:
        return ""
    try:
        with (
            opened(chain.settings) as session,
            dialect_named("sqlite").engine(url).begin() as target,
        ):
            copied = copy_structure(session.connection, target)
            if chain.needed_schemas:
                _copy_version(chain, session.connection, target)
    except UsageError:
        return ""  # it does not answer, or its file does not exist yet
    seeded = chain.tables("dev")
    left_out = [name for name in copied.left_out if name in seeded]
    if left_out:
        raise UsageError(f"a scratch SQLite cannot have the tables {', '.join(left_out)}")
    where = chain.settings.url.render_as_string()
    untried = "; ".join(["", *copied.untried(seeded)]).replace("; ", "; not tried there: ", 1)
    origin = f"the {copied.tables} tables of {where}, without their rows{untried}"
    return origin if copied.tables else ""


def _copy_version(chain: Chain, source: Connection, target: Connection) -> None:
    """Copy where the schema is, which seed revisions may require."""
    heads = schema_stream(chain.settings).heads(source)
    table = sa.table(chain.settings.schema_version_table, sa.column("version_num"))
    for head in heads:
        target.execute(table.insert().values(version_num=head))


def _create_tables(project: Project, url: URL) -> str:
    if not has_section(project.ini, "alembic"):
        raise UsageError(
            "no database answers, and alembic.ini has no [alembic] section to make its tables"
        )
    try:
        with _nowhere_else(url), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            project.application_upgrade(url)
    except _ElsewhereError:
        raise UsageError(
            "no database answers, and the env.py of [alembic] reads neither -x url= nor "
            "sqlalchemy.url, so it cannot be sent to a scratch database"
        ) from None
    except (Exception, SystemExit) as error:
        reason = str(error).splitlines()[0] if isinstance(error, CommandError) else ""
        raise UsageError(
            "no database answers, and alembic upgrade head does not work on a scratch SQLite: "
            f"{reason or type(error).__name__}"
        ) from None
    return "alembic upgrade head"


class _ElsewhereError(Exception):
    """The application tried to connect to another database."""


@contextmanager
def _nowhere_else(url: URL) -> Iterator[None]:
    """Let an application's ``env.py`` open no database but this one."""

    def refuse(dialect: Any, record: Any, cargs: Any, cparams: Any) -> None:
        if dialect.name != "sqlite" or not cargs or cargs[0] != url.database:
            raise _ElsewhereError

    event.listen(Engine, "do_connect", refuse)
    try:
        yield
    finally:
        event.remove(Engine, "do_connect", refuse)
