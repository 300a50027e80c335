"""``terp-seed reseed``: roll everything back, and seed again."""

from __future__ import annotations

import click

from terp_seed.cli.interface import as_json, document, dry_run, examples, run_options, yes
from terp_seed.cli.plan import show_forecast
from terp_seed.database.consent import Confirm
from terp_seed.project.project import Project

__all__ = ["reseed"]


@click.command(
    epilog=examples(
        "terp-seed reseed",
        "terp-seed reseed --size=large",
        "terp-seed reseed --as-of=2026-12-31 --dry-run",
    )
)
@click.argument("target", required=False)
@run_options(
    *("url", "env", "size", "rows", "scenario", "seed", "as-of", "lock-timeout"),
    *("on-dependents", "on-edited", "backup"),
)
@dry_run
@yes
@as_json
def reseed(project: Project, target: str | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Roll back everything, and seed again up to TARGET (the head).

    Settings that you do not give stay as they were.  Asks once; without a terminal, use --yes.
    """
    from terp_seed.project.reseed import plan_reseed

    plan = plan_reseed(project, target or "head")
    if dry_run:
        show_forecast(plan.rollback, "base", as_json=as_json)
        for line in plan.seeds:
            click.echo(line, err=as_json)
        return
    done = plan.run(Confirm(always=True, yes=yes))
    if as_json:
        document(
            "reseed",
            environment=done.seeded.environment,
            heads=list(done.seeded.heads),
            removed=[result.to_json() for result in done.removed.results],
            seeded=[result.to_json() for result in done.seeded.results],
        )
