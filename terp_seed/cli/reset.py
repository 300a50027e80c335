"""``terp-seed reset``: the database back to its seeds."""

from __future__ import annotations

import click

from terp_seed.cli.interface import as_json, document, dry_run, examples, run_options, yes
from terp_seed.database.consent import Confirm
from terp_seed.project.project import Project

__all__ = ["reset"]


@click.command(
    epilog=examples("terp-seed reset", "terp-seed reset --dry-run", "terp-seed reset --yes")
)
@run_options("url", "env", "lock-timeout")
@dry_run
@yes
@as_json
def reset(project: Project, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Put seeded tables back to what the seeds say.

    Rows of others go, and seeded ones are as they were.

    Only in dev and test.  One transaction.  Asks first; without a terminal, use --yes.
    """
    from terp_seed.project.reset import reset as reset_database

    done = reset_database(project, Confirm(always=True, yes=yes), dry_run=dry_run)
    if as_json:
        document(
            "reset",
            environment=done.environment,
            heads=list(done.heads),
            removed=done.removed,
            seeded=done.seeded,
            edited=done.edited,
            missing=done.missing,
            done=done.done,
        )
        return
    for line in done.lines():
        click.echo(line)
    click.echo("nothing was written" if dry_run else "the database is reset", err=True)
