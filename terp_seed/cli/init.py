"""``terp-seed init``: seeds for a project that has none."""

from __future__ import annotations

import click

from terp_seed.cli.interface import as_json, document, examples
from terp_seed.project.project import Project

__all__ = ["init"]


@click.command(
    epilog=examples(
        "terp-seed init                          in a project that has Alembic, or in a new folder",
        "terp-seed init --table customers        with a first row for your table",
        "terp-seed init --section demo           a second chain, run with: alembic -n demo ...",
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
@click.option("--terp", is_flag=True, help="Write TERP's seeds, into an empty folder.")
@as_json
@click.pass_obj
def init(
    project: Project, section: str | None, folder: str, table: str | None, terp: bool, as_json: bool
) -> None:
    """Add seeds to this project.

    Adds a section to alembic.ini, an environment and a first revision.  Overwrites no file, changes
    no existing line and writes nothing to the database.
    """
    from terp_seed.errors import UsageError
    from terp_seed.project.init import scaffold, scaffold_terp

    if terp:
        if section or table or folder != "seeds":
            raise UsageError("--terp cannot be combined with --section, --folder or --table")
        made = scaffold_terp(project.ini.parent)
    else:
        project = Project(project.ini, section or project.section, project.x)
        made = scaffold(project, folder=folder, table=table)
    steps = _next_steps(project, url=made.url, findings=made.findings, terp=terp)
    if as_json:
        document("init", section=project.section, written=made.written, kept=made.kept, next=steps)
        return
    for name in made.written:
        click.echo(f"wrote  {name}")
    for name in made.kept:
        click.echo(f"kept   {name}")
    click.echo("\n".join(["\nNext:", *(f"  {step}" for step in steps)]), err=True)


def _next_steps(project: Project, *, url: bool, findings: str, terp: bool) -> list[str]:
    if terp:
        return ["alembic upgrade head", "alembic -n seed upgrade head"]
    steps = [f"add to seeds/masking.toml: {line}" for line in findings.splitlines()]
    if not url:
        steps.append(
            f"set the database: sqlalchemy.url in section [{project.section}] (your [alembic] "
            "section has none), TERP_SEED_DATABASE_URL, or -x url=..."
        )
    return [
        *steps,
        "in the env.py of your schema, so that autogenerate ignores the tables of terp_seed: "
        "from terp_seed import include_name; "
        "context.configure(..., include_name=include_name)",
        project.alembic("upgrade", "head"),
    ]
