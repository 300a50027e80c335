"""``terp-seed export``: the rows of an upgrade as files, for the engine's own loader."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.interface import as_json as with_json
from terp_seed.cli.interface import document, examples, run_options, short_path, table
from terp_seed.errors import UsageError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.run.export.manifest import ExportManifest

__all__ = ["export"]


@click.command(
    epilog=examples(
        "terp-seed export --format csv --to files",
        "terp-seed export 0005_orders --size load --format csv --to files --shard 3/16",
        "terp-seed export --format parquet --to files --first-id orders=50001",
    )
)
@click.argument("revision", default="head")
@click.option(
    "--format", "kind", type=click.Choice(["csv", "parquet"]), required=True, help="csv or parquet."
)
@click.option("--to", required=True, metavar="FOLDER", help="A new or empty folder.")
@click.option("--shard", metavar="N/M", help="Only part N of M parts of each table.")
@click.option(
    "--first-id",
    "first_ids",
    multiple=True,
    metavar="TABLE=ID",
    help="Where a table's ids begin, if it will hold others.  [default: 1]",
)
@run_options("url", "env", "size", "rows", "scenario", "seed", "as-of")
@with_json
def export(project: Project, **given: Any) -> None:
    """Write the rows of an upgrade to REVISION (the head) as files.

    The upgrade begins at the base.  Needs no database; the URL says which engine is to load the
    files.  Once they are loaded, `terp-seed ledger adopt` puts the rows on record.
    """
    from terp_seed.run.export.files import Export
    from terp_seed.run.export.shards import WHOLE, Shard

    asked = Export(
        Path(given["to"]),
        given["kind"],
        Shard.parse(given["shard"]) if given["shard"] else WHOLE,
        dict(map(_first_id, given["first_ids"])),
    )
    project.unconnected(given["revision"], asked.act)
    if asked.manifest is None:
        raise UsageError("there is nothing to export")
    if given["as_json"]:
        document("export", folder=given["to"], manifest=asked.manifest.to_json())
    else:
        _show(asked.folder, asked.manifest)


def _first_id(text: str) -> tuple[str, int]:
    name, _, number = text.rpartition("=")
    if not name or not (number.isascii() and number.isdigit() and int(number)):
        raise UsageError(f"--first-id {text}: write the table and a number from 1, as orders=50001")
    return name, int(number)


def _show(folder: Path, manifest: ExportManifest) -> None:
    rows = [[each.table, each.shard_rows, each.file] for each in manifest.tables]
    table(["table", "rows", "file"], rows)
    total = sum(each.shard_rows for each in manifest.tables)
    click.echo(f"{total:,} rows are in {short_path(folder)}", err=True)
    reasons: Counter[tuple[str, str]] = Counter(
        (each["table"], each["reason"]) for each in manifest.left
    )
    for name, reason in reasons:
        click.echo(f"left to terp-seed ledger adopt: {name}: {reason}", err=True)
