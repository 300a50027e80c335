"""``terp-seed graph``: the chain as a picture."""

from __future__ import annotations

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples
from terp_seed.project.project import Project

__all__ = ["graph"]


@click.command(
    epilog=examples("terp-seed graph > seeds.mmd", "terp-seed graph --env=staging --size=medium")
)
@run_options("env", "size", "rows")
@as_json
@click.pass_obj
def graph(project: Project, /, as_json: bool, **x: str | None) -> None:
    """Print the chain and the tables it seeds, as a Mermaid chart.

    A revision has no tables in an environment where it does not run. Needs no database.
    GitHub, GitLab and most wikis draw it from a block that begins with ```mermaid.
    """
    from terp_seed.project.graph import mermaid, nodes

    found = nodes(with_options(project, x))
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
