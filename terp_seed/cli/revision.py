"""``terp-seed revision``: a new seed revision."""

from __future__ import annotations

from pathlib import Path

import click

from terp_seed.cli.interface import as_json, document, examples
from terp_seed.errors import UsageError
from terp_seed.project.project import Project

__all__ = ["revision"]


@click.command(
    epilog=examples(
        'terp-seed revision -m "House brands"',
        'terp-seed revision -m "House brands" --file house_brands.csv --table brands --key name',
        'terp-seed revision -m "Depots" --seeder depots',
    )
)
@click.option(
    "-m", "--message", required=True, help="What the revision seeds; the id is made of it."
)
@click.option("--rev-id", metavar="ID", help="The id to use instead: at most 32 of a-z, 0-9 and _.")
@click.option("--seeder", metavar="NAME", help="Seed the rows of this registered seeder.")
@click.option("--file", "file", metavar="FILE", help="Seed a CSV or JSON file of seeds/data/.")
@click.option("--table", metavar="NAME", help="With --file: the table to seed.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COLUMN",
    help="With --file: a column of the natural key; repeat it for several.",
)
@as_json
@click.pass_obj
def revision(
    project: Project,
    message: str,
    rev_id: str | None,
    seeder: str | None,
    file: str | None,
    table: str | None,
    keys: tuple[str, ...],
    as_json: bool,
) -> None:
    """Write a new revision at the end of the chain.

    Uses script.py.mako.  A revision that cannot be written or loaded leaves no file behind.
    """
    from terp_seed.project.new_revision import file_body, revision_id, seeder_body, write_revision

    if seeder and file:
        raise UsageError("give --seeder or --file, not both")
    if bool(file) != bool(table) or (keys and not file):
        raise UsageError("--file and --table go together; --key needs both")
    settings = project.settings()
    directory = project.directory()
    taken = [script.revision for script in directory.walk_revisions()]
    name = revision_id(taken, message, rev_id)
    body = ""
    if seeder:
        body = seeder_body(seeder)
    elif file and table:
        body = file_body(settings.data, file, table, keys)
    path = _short(write_revision(directory, name, message, body))
    if as_json:
        line = project.alembic("revision", "-m", message, "--rev-id", name)
        document("revision", revision=name, file=path, alembic=line)
    else:
        click.echo(path)


def _short(path: Path) -> str:
    """The path from the current folder, if it is below that."""
    current, full = Path.cwd(), path.resolve()
    return str(full.relative_to(current)) if full.is_relative_to(current) else str(full)
