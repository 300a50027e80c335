"""``terp-seed revision``: a new seed revision, and datasets of rows that exist."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from terp_seed.cli.interface import as_json, document, examples, short_path
from terp_seed.errors import UsageError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.project.dataset_import import Source

__all__ = ["revision"]


@click.command(
    epilog=examples(
        'terp-seed revision -m "House brands"',
        'terp-seed revision -m "House brands" --file house_brands.csv --table brands --key name',
        'terp-seed revision -m "Depots" --seeder depots',
        'terp-seed revision --autogenerate -m "Two brands more"',
        "terp-seed revision --from-database brands --where \"country = 'DE'\"",
    )
)
@click.option("-m", "--message", help="What the revision seeds; the id is made of it.")
@click.option("--rev-id", metavar="ID", help="The id to use instead: at most 32 of a-z, 0-9 and _.")
@click.option("--seeder", metavar="NAME", help="Seed the rows of this registered seeder.")
@click.option("--file", "file", metavar="FILE", help="Seed a CSV or JSON file of seeds/data/.")
@click.option("--table", metavar="NAME", help="With --file: the table to seed.")
@click.option(
    "--key",
    "keys",
    multiple=True,
    metavar="COLUMN",
    help="With --file or --from-database: a column of the natural key; repeat it for several.",
)
@click.option(
    "--autogenerate",
    is_flag=True,
    help="Write what differs between seeds/datasets/ and the chain.",
)
@click.option(
    "--allow-delete",
    is_flag=True,
    help="With --autogenerate: delete more than 5 % of a dataset's rows.",
)
@click.option(
    "--from-database",
    "from_table",
    metavar="TABLE",
    help="Make a dataset of this table's rows, masked; writes no revision.",
)
@click.option("--where", metavar="SQL", help="With --from-database: only rows that match.")
@as_json
@click.pass_obj
def revision(
    project: Project,
    message: str | None,
    rev_id: str | None,
    seeder: str | None,
    file: str | None,
    table: str | None,
    keys: tuple[str, ...],
    autogenerate: bool,
    allow_delete: bool,
    from_table: str | None,
    where: str | None,
    as_json: bool,
) -> None:
    """Write a new revision, or a dataset of rows that exist.

    Uses script.py.mako.  A revision that cannot be written or loaded leaves no file behind.
    """
    from terp_seed.project.dataset_import import Source

    kinds = {"--seeder": seeder, "--file": file, "--autogenerate": autogenerate}
    kinds["--from-database"] = from_table
    given = [name for name, value in kinds.items() if value]
    if len(given) > 1:
        raise UsageError(f"give {' or '.join(given)}, not both")
    if bool(file) != bool(table) or (keys and not (file or from_table)):
        raise UsageError("--file and --table go together; --key needs both, or --from-database")
    if (where and not from_table) or (allow_delete and not autogenerate):
        raise UsageError("--where needs --from-database, --allow-delete needs --autogenerate")
    if from_table:
        _import(project, Source(from_table, where, keys), as_json)
        return
    if message is None:
        raise UsageError('give the revision a message: -m "..."')
    if autogenerate:
        _autogenerate(project, message, rev_id, allow_delete, as_json)
        return
    _write(project, message, rev_id, _body(project, seeder, file, table, keys), as_json)
    if file and table:
        _classify(project, file, table)


def _body(
    project: Project,
    seeder: str | None,
    file: str | None,
    table: str | None,
    keys: tuple[str, ...],
) -> str:
    from terp_seed.project.new_revision import file_body, seeder_body

    settings = project.settings()
    if seeder:
        return seeder_body(seeder)
    return file_body(settings.data, file, table, keys) if file and table else ""


def _classify(project: Project, file: str, table: str) -> None:
    """Write what the masking policy needs for the file, so that its revision runs."""
    from terp_seed.masking.policy_lines import add_decisions
    from terp_seed.project.new_revision import propose_for_file

    settings = project.settings()
    path = settings.home / "masking.toml"
    columns = add_decisions(path, [propose_for_file(settings, file, table)])
    if columns:
        click.echo(
            f"wrote proposed entries for {columns} columns to {short_path(path)}; review them",
            err=True,
        )


def _write(project: Project, message: str, rev_id: str | None, body: str, as_json: bool) -> None:
    from terp_seed.project.new_revision import write_revision

    name = _name(project, message, rev_id)
    path = short_path(write_revision(project.directory(), name, message, body))
    if as_json:
        line = project.alembic("revision", "-m", message, "--rev-id", name)
        _document(name, [path], line)
    else:
        click.echo(path)


def _document(
    name: str | None,
    files: list[str],
    line: str | None,
    rows: int | None = None,
    notes: Sequence[str] = (),
) -> None:
    document(
        "revision",
        revision=name,
        file=files[0] if files else None,
        files=files,
        alembic=line,
        rows=rows,
        notes=list(notes),
    )


def _autogenerate(
    project: Project, message: str, rev_id: str | None, allow_delete: bool, as_json: bool
) -> None:
    from terp_seed.project.new_revision import all_or_nothing

    found = project.without_database()
    name = _name(found, message, rev_id)
    with all_or_nothing(found.directory()):
        made = found.autogenerate(message, name, allow_delete=allow_delete)
    paths = [short_path(path) for path in made]
    if as_json:
        line = project.alembic("revision", "--autogenerate", "-m", message, "--rev-id", name)
        _document(name if paths else None, paths, line)
    else:
        for path in paths:
            click.echo(path)


def _import(project: Project, source: Source, as_json: bool) -> None:
    from terp_seed.database.session import opened
    from terp_seed.project.autogenerate import fold_chain
    from terp_seed.project.dataset_import import import_dataset

    settings = project.settings()
    chain = fold_chain(settings, project.directory(), "dev")
    with opened(settings) as session:
        made = import_dataset(session, source, chain)
    path = short_path(made.path)
    if as_json:
        _document(None, [path], None, made.rows, made.notes)
        return
    click.echo(path)
    for note in [*made.notes, f"{made.rows:,} rows; review the file and datasets.toml beside it"]:
        click.echo(note, err=True)
    click.echo('then write the revision: terp-seed revision --autogenerate -m "..."', err=True)


def _name(project: Project, message: str, rev_id: str | None) -> str:
    from terp_seed.project.new_revision import revision_id

    taken = [script.revision for script in project.directory().walk_revisions()]
    return revision_id(taken, message, rev_id)
