"""``terp-seed check``: everything about the seeds that a pipeline can check before a run."""

from __future__ import annotations

import click

from terp_seed.cli.interface import as_json, document, examples, run_options, state
from terp_seed.project.project import Project

__all__ = ["check"]


@click.command(
    epilog=examples(
        "terp-seed check",
        "terp-seed check --json | jq .checks",
        "terp-seed check --url=mysql://app@db/app     with the tables of that database",
    )
)
@click.option(
    "--round-trip/--no-round-trip",
    default=True,
    show_default=True,
    help="Upgrade, downgrade and upgrade again on a scratch SQLite file.",
)
@run_options("url", "env", "size", "rows", "scenario")
@as_json
def check(project: Project, round_trip: bool, as_json: bool) -> None:
    """Check the seeds, one line for each check; for a pipeline.

    Writes to none of your databases.  The scratch file gets the tables of the configured database,
    without rows.  If that database does not answer, the project's own alembic upgrade head makes
    the tables.
    """
    from terp_seed.project.check import run_checks

    results = []
    for result in run_checks(project, round_trip=round_trip):
        results.append(result)
        if not as_json:
            click.echo(state(f"{result.state:<8}{result.name:<20}{result.detail}"))
    errors = [result.error for result in results if result.error is not None]
    if as_json:
        checks = [
            {"check": result.name, "state": result.state, "detail": result.detail}
            for result in results
        ]
        document("check", passed=not errors, checks=checks)
    if errors:
        raise type(errors[0])(f"{len(errors)} of {len(results)} checks failed")
