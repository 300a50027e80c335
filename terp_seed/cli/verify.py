"""``terp-seed verify``: check the invariants that the seeds declare."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from terp_seed.cli.interface import as_json, document, examples, run_options, state
from terp_seed.cli.status import print_drift, read_status, refuse_drift
from terp_seed.errors import VerificationError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.project.status import Violations

__all__ = ["verify"]


@click.command(
    epilog=examples("terp-seed verify", "terp-seed verify --drift", "terp-seed verify --all --json")
)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Check all rows of the database, not only the seeded ones.",
)
@click.option(
    "--drift",
    is_flag=True,
    help="Also compare every seeded row with the ledger; exits with 8 if one has drifted.",
)
@run_options("url")
@as_json
def verify(project: Project, everything: bool, drift: bool, as_json: bool, **x: str | None) -> None:
    """Check every invariant that the applied seeds declare.

    Reads only.
    """
    from terp_seed.project.status import count_violations, neutralised_since

    since = neutralised_since(project)
    results = count_violations(project, everything=everything)
    broken = [result for result in results if result.broken]
    skipped = [result for result in results if result.skipped]
    found = read_status(project, drift=True) if drift else None
    if as_json:
        document(
            "verify",
            passed=not broken and not skipped and not (found and found.drifted),
            checks=[vars(result) for result in results],
            neutralised=since,
            drift=[
                {"revision": step.revision, **counts}
                for step in (found.revisions if found else ())
                for counts in step.to_json()["tables"]
                if step.state == "applied"
            ],
        )
    else:
        _show(results)
        if since:
            click.echo(f"neutralised {since} UTC")
        if found:
            click.echo()
            print_drift(found)
    if broken:
        raise VerificationError(
            f"{sum(result.broken for result in broken)} rows break {len(broken)} invariants"
        )
    if skipped:
        raise VerificationError(f"{len(skipped)} invariants could not be checked")
    if found:
        refuse_drift(found)


def _show(results: list[Violations]) -> None:
    for result in results:
        word = "skipped" if result.skipped else "BROKEN" if result.broken else "ok"
        found = result.skipped or result.broken or ""
        line = f"{word:<8}{result.table:<28}  {result.name}  {found}"
        click.echo(state(line.rstrip()))
    click.echo(f"{len(results)} checks, {sum(bool(result.broken) for result in results)} broken")
