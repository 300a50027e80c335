"""``terp-seed ledger``: what is on record as seeded, and how to write it again if it was lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples, state, table
from terp_seed.ledger.ledger import ledger_of
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.database.session import Session
    from terp_seed.run.ledger_recovery import Rebuilt

__all__ = ["ledger"]


@click.group()
def ledger() -> None:
    """Which rows each revision inserted, as the ledger has it."""


@ledger.command("show", epilog=examples("terp-seed ledger show"))
@run_options("url")
@as_json
@click.pass_obj
def show(project: Project, /, as_json: bool, **x: str | None) -> None:
    """Print what the ledger holds, by revision and table.

    Reads only.
    """
    from terp_seed.database.session import opened

    with opened(with_options(project, x).settings()) as session:
        found = list(_entries(session))
    if as_json:
        document("ledger show", revisions=found)
    elif not found:
        click.echo("the ledger is empty", err=True)
    else:
        table(
            ["revision", "state", "table", "rows", "kept", "ids"],
            [
                [
                    each["revision"],
                    state(each["state"]),
                    of["table"],
                    of["rows"],
                    of["kept"],
                    _ids(of),
                ]
                for each in found
                for of in each["tables"] or [{"table": "", "rows": 0, "kept": 0, "ids": None}]
            ],
        )


def _entries(session: Session) -> Iterator[dict[str, Any]]:
    headers = ledger_of(session).headers(session.connection)
    kept = ledger_of(session).retained(session.connection)
    ranges = ledger_of(session).ranges(session.connection) if headers or kept else []
    for revision in sorted({*headers, *(of.revision for of in ranges)}):
        header = headers.get(revision)
        tables = [
            {
                "table": of.table,
                "rows": of.count,
                "kept": len(kept[of.revision, of.number][1])
                if (of.revision, of.number) in kept
                else 0,
                "ids": None
                if of.first_key is None
                else [of.first_key, of.first_key + of.count - 1],
            }
            for of in ranges
            if of.revision == revision
        ]
        yield {
            "revision": revision,
            "state": header.state if header else "kept",
            "settings": header.detail if header else None,
            "tables": tables,
        }


def _ids(of: dict[str, Any]) -> str:
    return "" if of["ids"] is None else f"{of['ids'][0]} to {of['ids'][1]}"


@ledger.command(
    "rebuild",
    epilog=examples("terp-seed ledger rebuild --dry-run", "terp-seed ledger rebuild --yes"),
)
@click.option("--dry-run", is_flag=True, help="Only look, and say what would be written.")
@click.option(
    "--claim",
    multiple=True,
    metavar="TABLE",
    help='Take its rows for seeded, although on_conflict="skip" may have left them out.',
)
@click.option("--yes", is_flag=True, help="Go on without being asked.")
@run_options("url")
@as_json
@click.pass_obj
def rebuild(
    project: Project,
    /,
    dry_run: bool,
    claim: tuple[str, ...],
    yes: bool,
    as_json: bool,
    **x: str | None,
) -> None:
    """Write a lost ledger again, from the rows in the database."""
    from terp_seed.database.consent import Confirm
    from terp_seed.database.session import opened
    from terp_seed.run.ledger_recovery import rebuild as run

    project = with_options(project, x)
    with opened(project.settings()) as session:
        confirm = Confirm(always=True, yes=yes)
        found = run(session, project.directory(), confirm, claim=claim, dry_run=dry_run)
    if as_json:
        document("ledger rebuild", written=found is not None and not dry_run, **_told(found))
    elif found is None:
        click.echo("nothing to rebuild: the ledger knows every applied revision", err=True)
    else:
        _print(found)
        click.echo("nothing was written" if dry_run else "the ledger is written again", err=True)


def _told(found: Rebuilt | None) -> dict[str, Any]:
    if found is None:
        return {"size": None, "root_seed": None, "as_of": None, "revisions": []}
    return {
        "size": found.generation.size,
        "root_seed": found.generation.root_seed,
        "as_of": found.generation.as_of,
        "revisions": [
            {
                "revision": each.revision,
                "state": each.state,
                "tables": [
                    {
                        "table": of.rows.table,
                        "intact": of.found.intact,
                        "edited": len(of.found.edited),
                        "foreign": len(of.found.replaced),
                        "missing": of.found.missing,
                        "first_id": of.range.first_key,
                    }
                    for of in each.tables
                ],
            }
            for each in found.revisions
        ],
    }


def _print(found: Rebuilt) -> None:
    told = _told(found)
    click.echo(f"size {told['size']}, root seed {told['root_seed']}, as of {told['as_of']}\n")
    counts = ("intact", "edited", "foreign", "missing")
    table(
        ["revision", "state", "table", *counts, "first id"],
        [
            [
                each["revision"],
                each["state"],
                of["table"],
                *(of[name] for name in counts),
                "" if of["first_id"] is None else str(of["first_id"]),
            ]
            for each in told["revisions"]
            for of in each["tables"]
            or [{"table": "", "first_id": None, **dict.fromkeys(counts, 0)}]
        ],
    )
