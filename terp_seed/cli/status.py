"""``terp-seed status``: where the chain stands, and whether its rows are as they were seeded."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples, state, table
from terp_seed.errors import VerificationError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.project.status import ChainStatus, RevisionStatus

__all__ = ["look", "print_drift", "refuse_drift", "status"]


@click.command(epilog=examples("terp-seed status", "terp-seed status --drift --json"))
@click.option(
    "--drift",
    is_flag=True,
    help="Compare every seeded row with the ledger; ends with 8 if one is not as it was seeded.",
)
@run_options("url")
@as_json
@click.pass_obj
def status(project: Project, /, drift: bool, as_json: bool, **x: str | None) -> None:
    """Print the state of each revision.

    Reads only.
    """
    found = look(with_options(project, x), drift=drift)
    if as_json:
        document("status", **asdict(found))
    else:
        _print(found)
    refuse_drift(found)


def look(project: Project, *, drift: bool) -> ChainStatus:
    """Where the chain stands in the project's database."""
    from terp_seed.database.session import opened
    from terp_seed.project.status import status as read

    with opened(project.settings()) as session:
        return read(session, project.directory(), drift=drift)


def refuse_drift(found: ChainStatus) -> None:
    """Raise `VerificationError` if a seeded row is not as it was."""
    if found.drifted:
        raise VerificationError(
            f"{found.drifted} seeded rows have drifted (edited, deleted or replaced)"
        )


def _print(found: ChainStatus) -> None:
    click.echo(f"environment  {found.environment or 'not stamped'}")
    click.echo(f"database     {found.database}")
    click.echo(f"stands at    {', '.join(found.heads) or 'base'}")
    if found.settings:
        size, seed, as_of = (found.settings[key] for key in ("size", "root_seed", "as_of"))
        click.echo(f"seeded with  size {size}, root seed {seed}, as of {as_of}")
    click.echo()
    table(
        ["revision", "state", "when (UTC)", "by", "rows"],
        [
            [each.revision, _state(each), (each.at or "")[:19], each.by, sum(each.rows.values())]
            for each in found.revisions
        ],
    )
    if any(each.drift for each in found.revisions):
        click.echo()
        print_drift(found)


def _state(each: RevisionStatus) -> str:
    kept = ", ".join(f"{count:,} {name}" for name, count in each.kept.items())
    return state(f"{each.state}, a rollback kept {kept}" if kept else each.state)


def print_drift(found: ChainStatus) -> None:
    """Print what became of the rows, by revision and table."""
    table(
        ["revision", "table", "intact", "edited", "foreign", "missing"],
        [
            [each.revision, drift.table, drift.intact, drift.edited, drift.foreign, drift.missing]
            for each in found.revisions
            for drift in each.drift
        ],
    )
