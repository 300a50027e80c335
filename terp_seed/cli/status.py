"""``terp-seed status``: the chain's current revision, and whether its rows have drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from terp_seed.cli.interface import as_json, document, examples, run_options, state, table
from terp_seed.errors import VerificationError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.project.status import ChainStatus, RevisionStatus

__all__ = ["print_drift", "read_status", "refuse_drift", "status"]


@click.command(epilog=examples("terp-seed status", "terp-seed status --drift --json"))
@click.option(
    "--drift",
    is_flag=True,
    help="Compare every seeded row with the ledger; exits with 8 if one has drifted.",
)
@run_options("url")
@as_json
def status(project: Project, drift: bool, as_json: bool) -> None:
    """Print the state of the chain, revision by revision.

    Reads only.
    """
    found = read_status(project, drift=drift)
    if as_json:
        document("status", **found.to_json())
    else:
        _print(found)
    refuse_drift(found)


def read_status(project: Project, *, drift: bool) -> ChainStatus:
    """The state of the chain in the project's database."""
    from terp_seed.database.session import opened
    from terp_seed.project.status import chain_status

    with opened(project.settings()) as session:
        return chain_status(session, project.directory(), drift=drift)


def refuse_drift(found: ChainStatus) -> None:
    """Raise `VerificationError` if a seeded row has drifted."""
    if found.drifted:
        raise VerificationError(
            f"{found.drifted} seeded rows have drifted (edited, deleted or replaced)"
        )


def _print(found: ChainStatus) -> None:
    from terp_seed.plan.chain import Generation

    click.echo(f"environment  {found.environment or 'not stamped'}")
    click.echo(f"database     {found.database}")
    click.echo(f"revision     {', '.join(found.heads) or 'base'}")
    if found.settings:
        click.echo(f"seeded with  {Generation.from_settings(found.settings)}")
    click.echo()
    table(
        ["revision", "state", "when (UTC)", "by", "rows"],
        [
            [step.revision, _state(step), (step.at or "")[:19], step.by, step.changed]
            for step in found.revisions
        ],
    )
    for message in filter(None, [found.skipped_elsewhere, *found.edited_files]):
        click.echo(f"\n{message}")
    if found.compared:
        click.echo()
        print_drift(found)


def _state(step: RevisionStatus) -> str:
    retained = ", ".join(f"{count:,} {name}" for name, count in step.rows("retained").items())
    return state(f"{step.state}, a rollback retained {retained}" if retained else step.state)


def print_drift(found: ChainStatus) -> None:
    """Print how many rows drifted, by revision and table."""
    table(
        ["revision", "table", "intact", "edited", "replaced", "missing"],
        [
            [step.revision, name, drift.intact, drift.edited, drift.replaced, drift.missing]
            for step in found.revisions
            for name, drift in step.tables.items()
            if step.state == "applied"
        ],
    )
    for step in found.revisions:
        for line in step.uncompared:
            click.echo(f"not compared: {line}")
