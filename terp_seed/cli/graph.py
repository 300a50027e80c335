"""``terp-seed graph``: the chain as a picture."""

from __future__ import annotations

import click

from terp_seed.cli.output import as_json, document, examples
from terp_seed.project import Project

__all__ = ["graph"]


@click.command(
    epilog=examples("terp-seed graph > seeds.mmd", "terp-seed -x size=medium graph --env staging")
)
@click.option(
    "--env",
    "environment",
    default="dev",
    show_default=True,
    metavar="NAME",
    help="Where: a revision has no tables where it does not run.",
)
@as_json
@click.pass_obj
def graph(project: Project, environment: str, as_json: bool) -> None:
    """Print revisions and the tables that each seeds, as a Mermaid flowchart.

    Needs no database. GitHub, GitLab and most wikis draw it from a block that begins with
    ```mermaid.
    """
    from terp_seed.graph import mermaid, nodes
    from terp_seed.settings import environment_name

    found = nodes(project, environment_name(environment))
    if as_json:
        document(
            "graph",
            revisions=[
                {
                    "revision": each.revision,
                    "after": list(each.after),
                    "tables": [{"table": name, "rows": rows} for name, rows in each.tables.items()],
                }
                for each in found
            ],
        )
    else:
        click.echo(mermaid(found))
