"""``terp-seed check``: what a pipeline can know of the seeds before anybody runs them."""

from __future__ import annotations

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples, state
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
    help="Go up, down and up again on a scratch SQLite file.",
)
@run_options("url", "env", "size", "rows")
@as_json
@click.pass_obj
def check(project: Project, /, round_trip: bool, as_json: bool, **x: str | None) -> None:
    """Check the seeds, one line a check; for a pipeline.

    Writes to no database of yours.  The scratch file gets the tables of the configured database,
    without rows, if that answers; else those that the project's own alembic upgrade head makes.
    """
    from terp_seed.project.check import check as checks

    failed = []
    found = []
    for each in checks(with_options(project, x), round_trip=round_trip):
        found.append({"check": each.name, "state": each.state, "detail": each.detail})
        if each.error is not None:
            failed.append(each.error)
        if not as_json:
            click.echo(state(f"{each.state:<8}{each.name:<20}{each.detail}"))
    if as_json:
        document("check", passed=not failed, checks=found)
    if failed:
        raise type(failed[0])(f"{len(failed)} of {len(found)} checks failed")
