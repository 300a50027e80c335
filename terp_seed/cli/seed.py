"""``terp-seed seed`` and ``terp-seed rollback``."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from terp_seed.cli.interface import (
    as_json,
    document,
    dry_run,
    examples,
    run_options,
    with_options,
    yes,
)
from terp_seed.cli.plan import show_forecast
from terp_seed.database.consent import Confirm
from terp_seed.errors import UsageError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.run.live import RunOutcome

__all__ = ["rollback", "seed"]

Direction = Literal["upgrade", "downgrade"]

_GENERATION = ("url", "env", "size", "rows", "scenario", "seed", "as-of", "lock-timeout")
_REMOVAL = ("on-dependents", "on-edited", "backup")


@click.command(
    epilog=examples(
        "terp-seed seed",
        "terp-seed seed --table=clients",
        "terp-seed seed --size=medium --env=dev",
        "terp-seed seed --dry-run",
        "terp-seed seed --rollback",
    )
)
@click.argument("target", required=False)
@click.option("--table", metavar="TABLE", help="Seed this table and what it needs.")
@click.option("--rollback", "back", is_flag=True, help="Roll back everything (to base).")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    help="Apply only if this reviewed plan is still valid.",
)
@run_options(*_GENERATION, *_REMOVAL)
@dry_run
@yes
@as_json
def seed(
    project: Project,
    target: str | None,
    table: str | None,
    back: bool,
    plan_file: Path | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Seed up to TARGET, by default to the head."""
    if target and table:
        raise UsageError("give TARGET or --table, not both")
    if plan_file is not None and (target or table or back):
        raise UsageError("--plan says where to seed; leave out TARGET, --table and --rollback")
    where = _target(project, table, up=not back) or target or ("base" if back else "head")
    carry_out = partial(_carry_out, dry_run=dry_run, as_json=as_json)
    if back:
        carry_out(project, "downgrade", where, confirm=Confirm(always=True, yes=yes))
    elif plan_file is None:
        carry_out(project, "upgrade", where)
    else:
        from terp_seed.run.plan_file import PlanFile

        plan = PlanFile.read(plan_file)
        asked = {argument.partition("=")[0] for argument in project.x}
        project = with_options(project, {k: v for k, v in plan.options.items() if k not in asked})
        confirm = Confirm(planned=True)
        carry_out(project, "upgrade", plan.destination, expect=plan.expect, confirm=confirm)


@click.command(
    epilog=examples(
        "terp-seed rollback",
        "terp-seed rollback base",
        "terp-seed rollback --table=orders --dry-run",
    )
)
@click.argument("target", required=False)
@click.option("--table", metavar="TABLE", help="This table's seeds and all that depend on them.")
@run_options("url", "env", "lock-timeout", *_REMOVAL)
@dry_run
@yes
@as_json
def rollback(
    project: Project,
    target: str | None,
    table: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Roll back one revision, or down to TARGET.

    Deletes only rows that the seeds inserted.  Asks first; without a terminal, use --yes.
    """
    if target and table:
        raise UsageError("give TARGET or --table, not both")
    where = _target(project, table, up=False) or target or "-1"
    confirm = Confirm(always=True, yes=yes)
    _carry_out(project, "downgrade", where, dry_run=dry_run, as_json=as_json, confirm=confirm)


def _target(project: Project, table: str | None, *, up: bool) -> str | None:
    """The revision to go to for a table, after printing which revisions that includes."""
    if table is None:
        return None
    from terp_seed.project.status import table_target

    found = table_target(project, table, up=up)
    needs = f", and with it {', '.join(found.along)}" if found.along else ""
    verb = "is seeded by" if up else "goes with"
    click.echo(f"{table} {verb} {', '.join(found.seeding)}{needs}", err=True)
    return found.revision


def _carry_out(
    project: Project,
    direction: Direction,
    target: str,
    *,
    dry_run: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Print a forecast or run; ``options`` are those of `terp_seed.run.live.run_live`."""
    command = project.upgrade if direction == "upgrade" else project.downgrade
    if dry_run:
        show_forecast(command, target, as_json=as_json)
        return
    from terp_seed.run.live import run_live

    outcomes: list[RunOutcome] = []
    command(target, act=lambda *given: outcomes.append(run_live(*given, **options)))
    if as_json:
        document(
            "seed" if direction == "upgrade" else "rollback",
            environment=outcomes[0].environment,
            heads=list(outcomes[0].heads),
            revisions=[result.to_json() for result in outcomes[0].results],
        )
