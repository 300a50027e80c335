"""The command ``terp-seed``: the friendly face of the same engine."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from alembic.util import CommandError

from terp_seed.errors import SeedError, UsageError, VerificationError
from terp_seed.log import configure_logging
from terp_seed.project import Project
from terp_seed.settings import ENVIRONMENTS, environment_name

__all__ = ["main"]


class _Failing(click.ClickException):
    """An error of ours, with its own exit code."""

    def __init__(self, error: SeedError) -> None:
        super().__init__(str(error))
        vars(self)["exit_code"] = error.exit_code


def _translated(function: Callable[..., Any]) -> Callable[..., Any]:
    from functools import wraps

    @wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except SeedError as error:
            raise _Failing(error) from None
        except CommandError as error:  # Alembic's own: a revision that is not there
            raise _Failing(UsageError(str(error))) from None

    return run


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c",
    "--config",
    "ini",
    default="alembic.ini",
    show_default=True,
    metavar="FILE",
    help="The project's alembic.ini.",
)
@click.option(
    "-n",
    "--name",
    "section",
    default="seed",
    show_default=True,
    metavar="SECTION",
    help="The section that describes the seeds.",
)
@click.option(
    "-x",
    "x",
    multiple=True,
    metavar="KEY=VALUE",
    help="As alembic's -x: url, env, size, rows, seed, as-of, ...",
)
@click.version_option(package_name="terp_seed")
@click.pass_context
def main(context: click.Context, ini: str, section: str, x: tuple[str, ...]) -> None:
    """Versioned, reversible, previewable data: the seeds of this project."""
    context.obj = Project(Path(ini), section, x)


@main.group("env")
def env() -> None:
    """Which environment a database is: it says so itself, by its stamp."""


@env.command("show")
@click.pass_obj
@_translated
def env_show(project: Project) -> None:
    """Print the environment that the database is stamped with."""
    from terp_seed.guards import stamped
    from terp_seed.session import opened

    with opened(project.settings()) as session:
        click.echo(stamped(session.connection, session.books) or "not stamped")


@env.command("stamp")
@click.argument("name", metavar=f"[{'|'.join(ENVIRONMENTS)}]")
@click.option("--yes", is_flag=True, help="Change a stamp without being asked.")
@click.pass_obj
@_translated
def env_stamp(project: Project, name: str, yes: bool) -> None:
    """Stamp the database: from then on it is that environment."""
    from terp_seed.restamp import restamp

    settings = project.settings()
    restamp(settings, environment_name(name), _consent(yes))
    click.echo(f"{settings.url.render_as_string()} is stamped {environment_name(name)}")


@main.command()
@click.option(
    "--prove",
    "proving",
    is_flag=True,
    help="Apply the script to one copy of the database, run on another, and compare.",
)
@click.argument("target", default="head")
@click.pass_obj
@_translated
def preview(project: Project, proving: bool, target: str) -> None:
    """Print the script of an upgrade, or prove that it is the run."""
    if not proving:
        project.script(target, sys.stdout)
        return
    from terp_seed.prove import prove

    for proof in prove(project):
        click.echo(f"equal: {proof.what}: {proof.tables} tables, {proof.rows:,} rows")


@main.command()
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Check all rows of the database, not only the seeded ones.",
)
@click.pass_obj
@_translated
def verify(project: Project, everything: bool) -> None:
    """Check every invariant that the applied seeds declare; does not write."""
    from terp_seed.verify import verify as check

    results = check(project, everything=everything)
    broken = [each for each in results if each.broken]
    for each in results:
        click.echo(
            f"{'ok' if not each.broken else 'BROKEN':<8}{each.table:<28}  {each.name}  "
            f"{each.broken or ''}".rstrip()
        )
    click.echo(f"{len(results)} checks, {len(broken)} broken")
    if broken:
        raise VerificationError(
            f"{sum(each.broken for each in broken)} rows break {len(broken)} invariants"
        )


def _consent(yes: bool) -> Callable[[str], bool]:
    """Ask on a terminal; without one, only ``--yes`` is consent."""

    def ask(question: str) -> bool:
        if yes:
            return True
        return sys.stdin.isatty() and click.confirm(question, err=True)

    return ask


def run() -> None:
    """The console script: logging first, then Click."""
    try:
        configure_logging()
    except SeedError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(error.exit_code) from None
    main()
