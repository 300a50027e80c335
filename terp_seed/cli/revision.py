"""``terp-seed revision``: a new seed revision."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from terp_seed.cli.options import as_json
from terp_seed.cli.output import document, examples
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.project.new_revision import Body

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
    from terp_seed.project.new_revision import revision_id, write_revision

    body = _body(seeder, file, table, keys)
    settings = project.settings()
    directory = project.directory()
    taken = [each.revision for each in directory.walk_revisions()]
    name = revision_id(taken, message, rev_id)
    line = project.alembic("revision", "-m", message, "--rev-id", name)
    path = write_revision(directory, settings.data, name, message, body)
    shown = _short(path)
    if as_json:
        document("revision", revision=name, file=shown, alembic=line)
    else:
        click.echo(shown)


def _body(
    seeder: str | None, file: str | None, table: str | None, keys: tuple[str, ...]
) -> Body | None:
    from terp_seed.errors import UsageError
    from terp_seed.project.new_revision import FromFile, FromSeeder

    if seeder and file:
        raise UsageError("--seeder and --file: one revision, one of them")
    if seeder:
        return FromSeeder(seeder)
    if bool(file) != bool(table) or (keys and not file):
        raise UsageError("--file, --table and --key go together: which file, to which table")
    return FromFile(file, table, keys) if file and table else None


def _short(path: Path) -> str:
    """The path as seen from here, where it is below."""
    here = Path.cwd()
    full = path.resolve()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)
