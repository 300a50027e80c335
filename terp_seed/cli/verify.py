"""``terp-seed verify``: whether the declared invariants hold."""

from __future__ import annotations

import click

from terp_seed.errors import VerificationError
from terp_seed.project import Project

__all__ = ["verify"]


@click.command()
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Check all rows of the database, not only the seeded ones.",
)
@click.pass_obj
def verify(project: Project, everything: bool) -> None:
    """Check every invariant that the applied seeds declare; does not write."""
    from terp_seed.verify import verify as check

    results = check(project, everything=everything)
    broken = [each for each in results if each.broken]
    for each in results:
        click.echo(
            f"{'ok' if not each.broken else 'BROKEN':<8}{each.table:<28}  {each.name}  "
            f"{each.broken or ''}".rstrip()
        )
    click.echo(f"{len(results)} checks, {len(broken)} broken")
    if broken:
        raise VerificationError(
            f"{sum(each.broken for each in broken)} rows break {len(broken)} invariants"
        )
