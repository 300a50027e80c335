"""``terp-seed lock``: who is seeding right now."""

from __future__ import annotations

import click

from terp_seed.cli.history import described
from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples
from terp_seed.project.project import Project

__all__ = ["lock"]


@click.group()
def lock() -> None:
    """The lock that lets one run at a time into a database."""


@lock.command("status", epilog=examples("terp-seed lock status"))
@run_options("url")
@as_json
@click.pass_obj
def status(project: Project, /, as_json: bool, **x: str | None) -> None:
    """Say whether the lock is free, or who holds it and how long; does not take it."""
    from terp_seed.database.session import opened
    from terp_seed.ledger.history import lock_status

    with opened(with_options(project, x).settings(), patient=False) as session:
        found = lock_status(session)
    if as_json:
        run = None if found.run is None else described(found.run)
        document(
            "lock status", taken=found.taken, holder=found.holder, run=run, seconds=found.seconds
        )
        return
    click.echo(str(found))
