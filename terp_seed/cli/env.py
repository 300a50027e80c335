"""``terp-seed env``: the environment that a database is stamped with."""

from __future__ import annotations

import sys

import click

from terp_seed.cli.interface import as_json, document, examples, run_options
from terp_seed.project.project import Project
from terp_seed.settings.options import ENVIRONMENTS, environment_name

__all__ = ["env"]


@click.group()
def env() -> None:
    """The environment that a database is stamped with."""


@env.command("show", epilog=examples("terp-seed env show"))
@run_options("url")
@as_json
def show(project: Project, as_json: bool) -> None:
    """Print the environment that the database is stamped with, and when it was neutralised."""
    from terp_seed.database.environment_stamp import neutralised, origin, stamped
    from terp_seed.database.session import opened

    settings = project.settings()
    with opened(settings) as session:
        name = stamped(session.connection, session.books)
        made_by = origin(session.connection, session.books)
        since = neutralised(session.connection, session.books)
    if as_json:
        database = settings.url.render_as_string()
        document(
            "env show",
            database=database,
            environment=name,
            origin=made_by,
            neutralised=since and since[0],
        )
    else:
        click.echo(name or "not stamped")
        if since:
            click.echo(f"neutralised {since[0]} UTC")


@env.command(
    "stamp",
    epilog=examples("terp-seed env stamp dev", "terp-seed -x yes=terp_copy env stamp staging"),
)
@click.argument("name", metavar=f"[{'|'.join(ENVIRONMENTS)}]")
@click.option("--yes", is_flag=True, help="Change an existing stamp without asking.")
@run_options("url")
@as_json
def stamp(project: Project, name: str, yes: bool, as_json: bool) -> None:
    """Stamp the database as an environment.

    One that is production or staging, or looks like production, wants its name: -x yes=NAME.
    """
    from terp_seed.project.restamp import restamp

    def ask(question: str) -> bool:
        return yes or (sys.stdin.isatty() and click.confirm(question, err=True))

    settings = project.settings()
    environment = environment_name(name)
    typed = any(given.startswith("yes=") for given in project.x)
    restamp(settings, environment, ask, typed=typed)
    database = settings.url.render_as_string()
    if as_json:
        document("env stamp", database=database, environment=environment)
    else:
        click.echo(f"{database} is stamped {environment}")
