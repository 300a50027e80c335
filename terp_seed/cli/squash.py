"""``terp-seed squash``: the first revisions of a chain become one."""

from __future__ import annotations

import click

from terp_seed.cli.interface import as_json, document, examples
from terp_seed.project.project import Project

__all__ = ["squash"]


@click.command(epilog=examples("terp-seed squash 0005_brands"))
@click.argument("revision", metavar="TO")
@as_json
@click.pass_obj
def squash(project: Project, revision: str, as_json: bool) -> None:
    """Make one revision of all revisions up to TO.

    It keeps the id of TO, so what follows stays as it is.  Deletes the files of the others, which
    your version control has; touches no database.
    """
    from terp_seed.project.squash import squash as squash_revisions

    made = squash_revisions(project, revision)
    if as_json:
        document(
            "squash",
            revision=made.revision,
            replaces=list(made.replaces),
            rows=made.rows,
            written=[str(path) for path in made.written],
            deleted=[str(path) for path in made.deleted],
        )
        return
    for word, paths in (("wrote", made.written), ("deleted", made.deleted)):
        for path in paths:
            click.echo(f"{word:<9}{path}")
    listed = ", ".join(f"{count:,} {table}" for table, count in made.rows.items())
    click.echo(f"{made.revision} replaces {len(made.replaces)} revisions: {listed}", err=True)
