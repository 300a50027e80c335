"""A run that is printed instead of executed: ``--sql``.  It never connects."""

from __future__ import annotations

from typing import TextIO

from alembic.runtime.migration import MigrationContext

from terp_seed.database.dialects import Dialect, dialect_named
from terp_seed.database.environment_stamp import refuse_protected
from terp_seed.database.session import books_of
from terp_seed.errors import MaskingError, PlanError, RollbackError
from terp_seed.ledger.audit import Audit
from terp_seed.ledger.ledger import Ledger
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.plan.operations import OPTION
from terp_seed.plan.plan import Plan
from terp_seed.plan.planner import (
    Step,
    clock_of,
    direction_of,
    generation_of,
    make_plan,
    revision_steps,
    settings_of,
)
from terp_seed.plan.recorder import Generation, Recorder
from terp_seed.plan.request import Request
from terp_seed.plan.revisions import attributes
from terp_seed.run.executor import Performer
from terp_seed.run.rollback_script import ScriptedRollback
from terp_seed.run.script import Script, Sink
from terp_seed.run.steps import wrapped
from terp_seed.settings.options import Settings

__all__ = ["write"]


def write(settings: Settings, request: Request, start: tuple[str, ...], out: TextIO) -> None:
    """Print the script that takes a database from ``start`` to the destination.

    Whatever fails, what was already printed ends in a statement that makes
    the engine's client stop.
    """
    dialect = dialect_named(settings.url.get_backend_name())
    compiler = settings.url.get_dialect()()
    environment = settings.env or "dev"
    refuse_protected(settings, environment)
    context = MigrationContext.configure(dialect_name=compiler.name, opts={"as_sql": True})
    steps = request.steps(start, context)
    wanted = revision_steps(steps)
    _refuse_online_only(wanted)
    _refuse_unscriptable(settings, environment, wanted)
    lineage = request.lineage({*start, *(step.script.revision for step in wanted)})
    generation = generation_of(settings, environment, lineage, {})
    border = boundary(settings, environment)
    recorder = _recorder(settings, environment, generation, border)
    plan = make_plan(lineage, wanted, recorder)
    _refuse_unclassified(plan, border)
    direction = direction_of(steps)
    audit = _audit(settings, dialect, environment, plan, direction, request.destination)
    performer, script = _writers(settings, dialect, audit, generation, plan, border, out)
    header = _header(settings, dialect, environment, generation, plan)
    clock = dialect.set_clock(clock_of(generation))
    try:
        script.begin(header, compiler, clock, settings.lock_timeout)
        _guards(script, environment, start, performer)
        script.started(plan)
        request.configure(
            output_buffer=Sink(out, dialect, settings.version_table, performer.gate),
            fn=wrapped(steps, performer),
            **{OPTION: performer},
        )
        request.migrate()
        script.end()
    except BrokenPipeError:
        raise
    except BaseException:
        script.stop()
        raise


def _recorder(
    settings: Settings, environment: str, generation: Generation, border: Boundary
) -> Recorder:
    return Recorder(
        generation,
        environment,
        settings.data,
        settings.url.get_dialect()().name,
        mask=border.mask,
        numbers_rows=border.numbers_rows,
    )


def _guards(script: Script, environment: str, start: tuple[str, ...], performer: Performer) -> None:
    """Stop a script in a database that it was not made for."""
    script.check_stamp(environment)
    script.check_heads(start)
    if start:
        script.check(
            performer.ledger.settings_are(start[0], performer.detail),
            "the chain was seeded with the settings above",
        )


def _audit(
    settings: Settings,
    dialect: Dialect,
    environment: str,
    plan: Plan,
    direction: str,
    destination: str,
) -> Audit:
    return Audit(
        dialect,
        books_of(settings, dialect),
        settings.chain,
        environment,
        direction,
        str(settings.url.database or ""),
        plan.digest()[:32],
        f"{direction} {destination}",
        scripted=True,
    )


def _writers(
    settings: Settings,
    dialect: Dialect,
    audit: Audit,
    generation: Generation,
    plan: Plan,
    border: Boundary,
    out: TextIO,
) -> tuple[Performer, Script]:
    ledger = Ledger(dialect, audit.books, settings.chain)
    script = Script(out, dialect, ledger, audit)
    performer = Performer(
        stream=script.stream,
        ledger=ledger,
        audit=audit,
        plan=plan,
        masks=border.prove,
        generation=generation,
        detail=settings_of(generation, border.key_id),
        remover=ScriptedRollback(script.stream, ledger, plan),
    )
    return performer, script


def _refuse_online_only(steps: list[Step]) -> None:
    for step in steps:
        if attributes(step.script).online_only:
            raise PlanError(
                f"revision {step.script.revision}: reads the database while it runs "
                "(online_only = True), so there is no script of it; run it online"
            )


def _refuse_unscriptable(settings: Settings, environment: str, steps: list[Step]) -> None:
    """A script cannot tell an edited row from a seeded one."""
    if all(step.upgrade for step in steps):
        return
    if "keep" in (settings.on_edited, settings.on_dependents):
        raise RollbackError("a script cannot keep some rows of a rollback; run it online")
    careful = environment in ("staging", "production")
    if settings.on_edited == "abort" or (careful and settings.on_edited != "delete"):
        raise RollbackError(
            "a script cannot see which rows were edited since they were seeded; run the rollback "
            "online, or say -x on-edited=delete"
        )


def _refuse_unclassified(plan: Plan, border: Boundary) -> None:
    found = [
        finding
        for step in plan.steps
        if step.upgrade and not step.skipped
        for planned in step.tables
        for finding in border.findings(planned.rows, None)
    ]
    if found:
        raise MaskingError("; ".join(dict.fromkeys(found)))


def _header(
    settings: Settings, dialect: Dialect, environment: str, generation: Generation, plan: Plan
) -> str:
    revisions = ", ".join(step.revision for step in plan.steps) or "none"
    return (
        f"terp_seed, chain {settings.chain}: {revisions}\n"
        f"for a database stamped {environment}; size {generation.size}, root seed "
        f"{generation.root_seed}, as of {generation.as_of}\n"
        f"plan {plan.digest()}\n\n"
        f"Hand it to {dialect.script_name}. It stops at the first error and leaves no revision\n"
        "half done. Made without a database, so not checked: whether tables and columns\n"
        "exist and take these values, and whether rows there own a seeded natural key.\n"
    )
