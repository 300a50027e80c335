"""``terp-seed verify``: whether the declared invariants hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from terp_seed.cli.options import run_options, with_options
from terp_seed.cli.output import as_json, document, examples, state
from terp_seed.errors import VerificationError
from terp_seed.project import Project

if TYPE_CHECKING:
    from terp_seed.verify import Verified

__all__ = ["verify"]


@click.command(epilog=examples("terp-seed verify", "terp-seed verify --all --json"))
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Check all rows of the database, not only the seeded ones.",
)
@run_options("url")
@as_json
@click.pass_obj
def verify(project: Project, /, everything: bool, as_json: bool, **x: str | None) -> None:
    """Check every invariant that the applied seeds declare.

    Reads only.
    """
    from terp_seed.verify import verify as check

    results = check(with_options(project, x), everything=everything)
    broken = [each for each in results if each.broken]
    if as_json:
        document("verify", passed=not broken, checks=[vars(each) for each in results])
    else:
        _show(results)
    if broken:
        raise VerificationError(
            f"{sum(each.broken for each in broken)} rows break {len(broken)} invariants"
        )


def _show(results: list[Verified]) -> None:
    for each in results:
        word = "BROKEN" if each.broken else "ok"
        line = f"{word:<8}{each.table:<28}  {each.name}  {each.broken or ''}"
        click.echo(state(line.rstrip()))
    click.echo(f"{len(results)} checks, {sum(bool(each.broken) for each in results)} broken")
