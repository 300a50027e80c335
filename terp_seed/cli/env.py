"""``terp-seed env``: which environment a database is."""

from __future__ import annotations

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, consent, document, examples
from terp_seed.project.project import Project
from terp_seed.settings.options import ENVIRONMENTS, environment_name

__all__ = ["env"]


@click.group()
def env() -> None:
    """Which environment a database is, by its own stamp."""


@env.command("show", epilog=examples("terp-seed env show"))
@run_options("url")
@as_json
@click.pass_obj
def show(project: Project, /, as_json: bool, **x: str | None) -> None:
    """Print the environment that the database is stamped with."""
    from terp_seed.database.environment_stamp import origin, stamped
    from terp_seed.database.session import opened

    settings = with_options(project, x).settings()
    with opened(settings) as session:
        name = stamped(session.connection, session.books)
        made_by = origin(session.connection, session.books)
    if as_json:
        database = settings.url.render_as_string()
        document("env show", database=database, environment=name, origin=made_by)
    else:
        click.echo(name or "not stamped")


@env.command(
    "stamp", epilog=examples("terp-seed env stamp dev", "terp-seed env stamp staging --yes")
)
@click.argument("name", metavar=f"[{'|'.join(ENVIRONMENTS)}]")
@click.option("--yes", is_flag=True, help="Change a stamp without being asked.")
@run_options("url")
@as_json
@click.pass_obj
def stamp(project: Project, /, name: str, yes: bool, as_json: bool, **x: str | None) -> None:
    """Stamp the database: from then on it is that environment."""
    from terp_seed.ledger.restamp import restamp

    settings = with_options(project, x).settings()
    environment = environment_name(name)
    restamp(settings, environment, consent(yes))
    database = settings.url.render_as_string()
    if as_json:
        document("env stamp", database=database, environment=environment)
    else:
        click.echo(f"{database} is stamped {environment}")
