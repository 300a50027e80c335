"""``terp-seed backup`` and ``terp-seed restore``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.interface import as_json, document, examples, run_options, table, yes
from terp_seed.database.consent import Confirm
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.run.backup.folder import Backup

__all__ = ["backup", "restore"]


@click.group()
def backup() -> None:
    """Backups of seeded rows, or of the whole database."""


@backup.command(
    "create", epilog=examples("terp-seed backup create", "terp-seed backup create --kind=both")
)
@click.option(
    "--kind",
    type=click.Choice(["rows", "dump", "both"]),
    default="rows",
    show_default=True,
    help="What to back up: the seeded rows, the whole database, or both.",
)
@run_options("url", "env", "lock-timeout")
@as_json
def create(project: Project, kind: str, as_json: bool) -> None:
    """Make a backup now.

    Writes only an audit event to the database.
    """
    from terp_seed.run.backup.run import create_backup

    made = create_backup(project.settings(), project.directory(), kind)
    if as_json:
        document("backup create", **_fields(made))
    else:
        click.echo(str(made.folder))


@backup.command("list", epilog=examples("terp-seed backup list"))
@run_options("url")
@as_json
def list_(project: Project, as_json: bool) -> None:
    """List the backups, newest first."""
    from terp_seed.run.backup.folder import find_unfinished, list_backups

    found = list_backups(project.settings())
    for folder in find_unfinished(project.settings()):
        click.echo(
            f"{folder} is unfinished: a run is writing it, or was killed meanwhile; it may hold "
            "rows, and cannot be restored",
            err=True,
        )
    if as_json:
        document("backup list", backups=[_fields(backup) for backup in found])
    elif found:
        head = ["made", "database", "environment", "reason", "kind", "rows", "folder"]
        table(head, [_line(backup) for backup in found])


@click.command(epilog=examples("terp-seed restore BACKUP", "terp-seed restore BACKUP --yes"))
@click.argument("folder", type=click.Path(path_type=Path), metavar="BACKUP")
@run_options("url", "env", "lock-timeout")
@yes
@as_json
def restore(project: Project, folder: Path, yes: bool, as_json: bool) -> None:
    """Restore the rows of a backup.

    Restores the rows that are missing and those that were masked.  BACKUP is the folder that the
    rollback named.  Asks first; without a terminal, use --yes.
    """
    from terp_seed.run.backup.restore import restore_backup

    confirm = Confirm(always=True, yes=yes)
    done = restore_backup(project.settings(), project.directory(), folder, confirm)
    if as_json:
        document(
            "restore",
            environment=done.environment,
            inserted=dict(done.inserted),
            written_back=dict(done.written_back),
            revisions=list(done.revisions),
        )
        return
    for verb, counts in (("inserted", done.inserted), ("written back", done.written_back)):
        for name, count in counts.items():
            click.echo(f"{verb} {count:,} {name}")
    click.echo(f"restored {', '.join(done.revisions) or 'rows only'}; the rows match the backup")


def _fields(backup: Backup) -> dict[str, Any]:
    manifest = backup.manifest
    return {
        "folder": str(backup.folder),
        "made_at": manifest.made_at,
        "made_by": manifest.made_by,
        "database": manifest.database,
        "environment": manifest.environment,
        "reason": manifest.reason,
        "kinds": manifest.kinds,
        "rows": dict(manifest.rows),
    }


def _line(backup: Backup) -> list[object]:
    manifest = backup.manifest
    return [
        manifest.made_at,
        Path(manifest.database).name,
        manifest.environment,
        manifest.reason,
        "+".join(manifest.kinds),
        sum(manifest.rows.values()),
        str(backup.folder),
    ]
