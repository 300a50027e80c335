"""``terp-seed init``: seeds for a project that has none."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from terp_seed.cli.interface import as_json, document, examples
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.project.init import Scaffold

__all__ = ["init"]


@click.command(
    epilog=examples(
        "terp-seed init                          in a project that has Alembic, or in a new folder",
        "terp-seed init --table customers        with a first row for your table",
        "terp-seed init --section demo           a second chain, run with: alembic -n demo ...",
        "terp-seed init --edit-env               later: spare our tables from autogenerate",
        "terp-seed init --terp                   TERP's seeds, without its repository",
    )
)
@click.option(
    "--section",
    metavar="NAME",
    help="Another chain, with its own section, revisions and version table.",
)
@click.option(
    "--folder",
    default="seeds",
    show_default=True,
    metavar="NAME",
    help="The folder for env.py, masking policy, sizes and data.",
)
@click.option(
    "--table",
    metavar="NAME",
    help="A table of the database: the first revision seeds one row of it.",
)
@click.option(
    "--edit-env/--no-edit-env",
    default=None,
    help="Add include_name to the env.py of your schema, so that its autogenerate leaves the "
    "tables of terp_seed alone; also later. Asked on a terminal.",
)
@click.option("--terp", is_flag=True, help="Write TERP's seeds, into an empty folder.")
@as_json
@click.pass_obj
def init(
    project: Project,
    section: str | None,
    folder: str,
    table: str | None,
    edit_env: bool | None,
    terp: bool,
    as_json: bool,
) -> None:
    """Add seeds to this project.

    Adds a section to alembic.ini, an environment and a first revision.  Overwrites no file, changes
    no existing line but with --edit-env, and writes nothing to the database.
    """
    from terp_seed.errors import UsageError
    from terp_seed.project.init import Scaffold, has_section, scaffold, scaffold_terp

    if terp and (section or table or edit_env or folder != "seeds"):
        raise UsageError(
            "--terp cannot be combined with --section, --folder, --table or --edit-env"
        )
    project = Project(project.ini, section or project.section, project.x)
    if terp:
        made = scaffold_terp(project.ini.parent)
    elif edit_env and not table and has_section(project.ini, project.section):
        made = Scaffold(url=True)
    else:
        made = scaffold(project, folder=folder, table=table)
    edited, left = ([], []) if terp else _edit(project, edit_env)
    steps = _next_steps(project, made, left, terp=terp)
    if as_json:
        document(
            "init",
            section=project.section,
            written=made.written,
            kept=made.kept,
            edited=edited,
            next=steps,
        )
        return
    for word, names in (("wrote", made.written), ("kept", made.kept), ("edited", edited)):
        for name in names:
            click.echo(f"{word:<7}{name}")
    click.echo("\n".join(["\nNext:", *(f"  {step}" for step in steps)]), err=True)


def _edit(project: Project, edit_env: bool | None) -> tuple[list[str], list[str]]:
    """Add the hook to the schema's env.py files that lack it, if that is wanted.

    Returns the names of those that were edited, and of those that lack it still.
    """
    from terp_seed.project.schema_env import (
        add_hook,
        environments_without_hook,
        short_name,
    )

    edited, left = [], []
    for env in environments_without_hook(project.ini):
        name = short_name(env, project.ini)
        question = f"{name}: add include_name, so that autogenerate keeps the tables of terp_seed?"
        wanted = edit_env
        if wanted is None and sys.stdin.isatty() and sys.stderr.isatty():
            wanted = click.confirm(question, default=True, err=True)
        if wanted and add_hook(env):
            edited.append(name)
        else:
            left.append(name)
    return edited, left


def _next_steps(project: Project, made: Scaffold, left: list[str], *, terp: bool) -> list[str]:
    if terp:
        return ["alembic upgrade head", "alembic -n seed upgrade head"]
    steps = [made.findings] if made.findings else []
    if not made.url:
        steps.append(
            f"set the database: sqlalchemy.url in section [{project.section}] (your [alembic] "
            "section has none), TERP_SEED_DATABASE_URL, or -x url=..."
        )
    if made.books:
        steps.append(
            "if a tool pushes your schema and drops tables that it does not know: make the schema "
            f"{made.books}, and set bookkeeping_schema = {made.books} in section "
            f"[{project.section}] before the first run"
        )
    steps += [
        f"in {name}, so that autogenerate ignores the tables of terp_seed: from terp_seed import "
        "include_name; context.configure(..., include_name=include_name); or: terp-seed init "
        "--edit-env"
        for name in left
    ]
    if made.server or not made.url:
        condition = "" if made.server else "if it is on a server: "
        what = "or what the database is: test, staging, production"
        steps.append(f"{condition}{project.terp_seed('env', 'stamp', 'dev')}   ({what})")
    return [*steps, project.alembic("upgrade", "head")]
