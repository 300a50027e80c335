"""``terp-seed ledger``: show which rows are recorded as seeded, and rebuild a lost ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from terp_seed.cli.interface import (
    as_json,
    document,
    examples,
    run_options,
    state,
    table,
    with_options,
)
from terp_seed.cli.interface import yes as yes_option
from terp_seed.ledger.ledger import ledger_of
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.database.session import Session
    from terp_seed.ledger.ledger import SeededRange
    from terp_seed.run.ledger_rebuild import Rebuilt
    from terp_seed.run.live import RunOutcome

__all__ = ["ledger"]

_COUNTS = ("intact", "edited", "replaced", "missing", "unclaimed")


@click.group()
def ledger() -> None:
    """The record of which rows each revision inserted."""


@ledger.command("show", epilog=examples("terp-seed ledger show"))
@run_options("url")
@as_json
def show(project: Project, as_json: bool) -> None:
    """Print the contents of the ledger, by revision and table.

    Reads only.
    """
    from terp_seed.database.session import opened

    with opened(project.settings()) as session:
        revisions = list(_entries(session))
    if as_json:
        document("ledger show", revisions=revisions)
    elif not revisions:
        click.echo("the ledger is empty", err=True)
    else:
        _print_by_table(revisions, ["rows", "retained", "ids"])


def _entries(session: Session) -> Iterator[dict[str, Any]]:
    headers = ledger_of(session).headers(session.connection)
    retained = ledger_of(session).retained(session.connection)
    ranges = ledger_of(session).ranges(session.connection) if headers or retained else []
    for revision in sorted({*headers, *(seeded.revision for seeded in ranges)}):
        header = headers.get(revision)
        yield {
            "revision": revision,
            "state": header.state if header else "retained",
            "settings": header.detail if header else None,
            "tables": [
                _entry(seeded, retained.get(seeded.place, (seeded, ()))[1])
                for seeded in ranges
                if seeded.revision == revision
            ],
        }


def _entry(seeded: SeededRange, retained: Collection[int]) -> dict[str, Any]:
    ids = None if seeded.ids is None else list(seeded.ids)
    return {"table": seeded.table, "rows": seeded.count, "retained": len(retained), "ids": ids}


def _print_by_table(revisions: Sequence[dict[str, Any]], columns: Sequence[str]) -> None:
    """Print a line for each table of each revision, and one for a revision without tables."""
    table(
        ["revision", "state", "table", *(name.replace("_", " ") for name in columns)],
        [
            [
                revision["revision"],
                state(revision["state"]),
                seeded.get("table"),
                *(_cell(seeded.get(name)) for name in columns),
            ]
            for revision in revisions
            for seeded in revision["tables"] or [{}]
        ],
    )


def _cell(value: object) -> object:
    return " to ".join(map(str, value)) if isinstance(value, list) else value


@ledger.command(
    "rebuild",
    epilog=examples("terp-seed ledger rebuild --dry-run", "terp-seed ledger rebuild --yes"),
)
@click.option("--dry-run", is_flag=True, help="Print what would be written; write nothing.")
@click.option(
    "--claim",
    multiple=True,
    metavar="TABLE",
    help='Count its rows as seeded, even where on_conflict="skip" may have left some out.',
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@run_options("url")
@as_json
def rebuild(
    project: Project,
    dry_run: bool,
    claim: tuple[str, ...],
    yes: bool,
    as_json: bool,
) -> None:
    """Rebuild a lost ledger from the rows in the database."""
    from terp_seed.database.consent import Confirm
    from terp_seed.database.session import opened
    from terp_seed.run.ledger_rebuild import rebuild as rebuild_ledger

    with opened(project.settings()) as session:
        confirm = Confirm(always=True, yes=yes)
        found = rebuild_ledger(session, project.directory(), confirm, claim=claim, dry_run=dry_run)
    if as_json:
        document("ledger rebuild", written=found is not None and not dry_run, **_fields(found))
    elif found is None:
        click.echo("nothing to rebuild: the ledger lists every applied revision", err=True)
    else:
        fields = _fields(found)
        click.echo(f"{found.generation}\n")
        _print_by_table(fields["revisions"], [*_COUNTS, "first_id"])
        _name_unclaimed(fields["revisions"])
        click.echo("nothing was written" if dry_run else "the ledger was rebuilt", err=True)


@ledger.command("adopt", epilog=examples("terp-seed ledger adopt files"))
@click.argument("folder", type=click.Path(path_type=Path))
@yes_option
@run_options("url", "env", "lock-timeout")
@as_json
def adopt(project: Project, folder: Path, yes: bool, as_json: bool) -> None:
    """Put rows on record that were exported to FOLDER and loaded since.

    Compares them with what the seeds make, writes the tables that were not exported, and moves the
    chain; all of it or nothing.
    """
    from terp_seed.database.consent import Confirm
    from terp_seed.plan.plan import summary, total
    from terp_seed.run.export.adopt import adopt as adopt_rows
    from terp_seed.run.export.manifest import ExportSet

    exported = ExportSet.read(folder)
    outcomes: list[RunOutcome] = []
    confirm = Confirm(yes=yes)
    asked = {argument.partition("=")[0] for argument in project.x}
    settings = {k: v for k, v in exported.options.items() if k not in asked}
    with_options(project, settings).upgrade(
        exported.first.revision,
        act=lambda session, request: outcomes.append(
            adopt_rows(session, request, exported, confirm)
        ),
    )
    (outcome,) = outcomes
    if as_json:
        results = [result.to_json() for result in outcome.results]
        heads = list(outcome.heads)
        document("ledger adopt", environment=outcome.environment, heads=heads, revisions=results)
    elif outcome.results:
        size = str(exported.first.settings["size"])
        click.echo(summary(outcome.results, outcome.environment, size), err=True)
        click.echo(f"{total(outcome.results):,} rows are on record", err=True)


def _name_unclaimed(revisions: Sequence[dict[str, Any]]) -> None:
    """Say of which tables nothing tells whether ``on_conflict="skip"`` left their rows out."""
    unclaimed: Counter[str] = Counter()
    for revision in revisions:
        for seeded in revision["tables"]:
            unclaimed[seeded["table"]] += seeded["unclaimed"]
    for name, rows in (+unclaimed).items():
        click.echo(
            f'{name}: {rows:,} rows of on_conflict="skip" do not count as seeded, because nothing '
            f"says that the seed inserted them; if it did, add --claim {name}",
            err=True,
        )


def _fields(found: Rebuilt | None) -> dict[str, Any]:
    if found is None:
        return {"size": None, "scenario": None, "root_seed": None, "as_of": None, "revisions": []}
    return {
        "size": found.generation.size,
        "scenario": found.generation.scenario,
        "root_seed": found.generation.root_seed,
        "as_of": found.generation.as_of,
        "revisions": [
            {
                "revision": revision.revision,
                "state": revision.state,
                "tables": [
                    {
                        "table": located.rows.table,
                        "intact": located.drift.intact,
                        "edited": len(located.drift.edited),
                        "replaced": len(located.drift.replaced),
                        "missing": 0 if located.rows.skip_taken else located.drift.missing,
                        "unclaimed": located.unclaimed,
                        "first_id": located.range.first_key if located.present else None,
                    }
                    for located in revision.tables
                ],
            }
            for revision in found.revisions
        ],
    }
