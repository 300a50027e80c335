"""``terp-seed check``: everything about the seeds that a pipeline can check before a run."""

from __future__ import annotations

import click

from terp_seed.cli.options import as_json, run_options
from terp_seed.cli.output import document, examples, state
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
@run_options("url", "env", "size", "rows")
@as_json
def check(project: Project, round_trip: bool, as_json: bool) -> None:
    """Check the seeds, one line for each check; for a pipeline.

    Writes to none of your databases.  The scratch file gets the tables of the configured database,
    without rows.  If that database does not answer, the project's own alembic upgrade head makes
    the tables.
    """
    from terp_seed.project.check import check as run_checks

    outcomes = []
    for outcome in run_checks(project, round_trip=round_trip):
        outcomes.append(outcome)
        if not as_json:
            click.echo(state(f"{outcome.state:<8}{outcome.name:<20}{outcome.detail}"))
    errors = [outcome.error for outcome in outcomes if outcome.error is not None]
    if as_json:
        checks = [
            {"check": outcome.name, "state": outcome.state, "detail": outcome.detail}
            for outcome in outcomes
        ]
        document("check", passed=not errors, checks=checks)
    if errors:
        raise type(errors[0])(f"{len(errors)} of {len(outcomes)} checks failed")
