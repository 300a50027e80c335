"""``terp-seed preview``: the script of a run, and the proof that it does what the run does."""

from __future__ import annotations

import sys

import click

from terp_seed.cli.interface import as_json, document, examples, run_options
from terp_seed.errors import UsageError
from terp_seed.project.project import Project

__all__ = ["preview"]


@click.command(
    epilog=examples(
        "terp-seed preview > seed.sql",
        "terp-seed preview 0001_catalogue:head",
        "terp-seed preview --prove",
    )
)
@click.option(
    "--prove",
    "proving",
    is_flag=True,
    help="Apply the script to one copy of the database, run on another, and compare.",
)
@click.argument("target", default="head")
@run_options("url", "env", "size", "rows", "scenario", "seed", "as-of")
@as_json
def preview(project: Project, proving: bool, target: str, as_json: bool, **x: str | None) -> None:
    """Print the script of an upgrade, or prove that it equals a run."""
    if as_json and not proving:
        raise UsageError("--json needs --prove; without --prove the script itself is printed")
    if not proving:
        project.script(target, sys.stdout)
        return
    from terp_seed.project.prove import prove

    proofs = prove(project)
    if as_json:
        document("preview", proofs=[vars(proof) | {"equal": True} for proof in proofs])
    else:
        for proof in proofs:
            click.echo(f"equal: {proof.what}: {proof.tables} tables, {proof.rows:,} rows")
