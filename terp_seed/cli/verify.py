"""``terp-seed verify``: whether the declared invariants hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples, state
from terp_seed.cli.status import drift_of, look, print_drift, refuse_drift
from terp_seed.errors import VerificationError
from terp_seed.project.project import Project

if TYPE_CHECKING:
    from terp_seed.project.verify import Verified

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
    help="Compare every seeded row with the ledger, too; ends with 8 if one is not as it was.",
)
@run_options("url")
@as_json
@click.pass_obj
def verify(
    project: Project, /, everything: bool, drift: bool, as_json: bool, **x: str | None
) -> None:
    """Check every invariant that the applied seeds declare.

    Reads only.
    """
    from terp_seed.project.verify import verify as check

    project = with_options(project, x)
    results = check(project, everything=everything)
    broken = [each for each in results if each.broken]
    found = look(project, drift=True) if drift else None
    if as_json:
        document(
            "verify",
            passed=not broken and not (found and found.drifted),
            checks=[vars(each) for each in results],
            drift=[
                {"revision": each.revision, **of}
                for each in (found.revisions if found else ())
                for of in drift_of(each)
            ],
        )
    else:
        _show(results)
        if found:
            click.echo()
            print_drift(found)
    if broken:
        raise VerificationError(
            f"{sum(each.broken for each in broken)} rows break {len(broken)} invariants"
        )
    if found:
        refuse_drift(found)


def _show(results: list[Verified]) -> None:
    for each in results:
        word = "BROKEN" if each.broken else "ok"
        line = f"{word:<8}{each.table:<28}  {each.name}  {each.broken or ''}"
        click.echo(state(line.rstrip()))
    click.echo(f"{len(results)} checks, {sum(bool(each.broken) for each in results)} broken")
