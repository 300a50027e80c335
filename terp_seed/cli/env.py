"""``terp-seed env``: which environment a database is."""

from __future__ import annotations

import click

from terp_seed.cli.output import consent
from terp_seed.project import Project
from terp_seed.settings import ENVIRONMENTS, environment_name

__all__ = ["env"]


@click.group()
def env() -> None:
    """Which environment a database is: it says so itself, by its stamp."""


@env.command("show")
@click.pass_obj
def show(project: Project) -> None:
    """Print the environment that the database is stamped with."""
    from terp_seed.guards import stamped
    from terp_seed.session import opened

    with opened(project.settings()) as session:
        click.echo(stamped(session.connection, session.books) or "not stamped")


@env.command("stamp")
@click.argument("name", metavar=f"[{'|'.join(ENVIRONMENTS)}]")
@click.option("--yes", is_flag=True, help="Change a stamp without being asked.")
@click.pass_obj
def stamp(project: Project, name: str, yes: bool) -> None:
    """Stamp the database: from then on it is that environment."""
    from terp_seed.restamp import restamp

    settings = project.settings()
    restamp(settings, environment_name(name), consent(yes))
    click.echo(f"{settings.url.render_as_string()} is stamped {environment_name(name)}")
