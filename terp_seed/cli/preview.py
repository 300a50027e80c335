"""``terp-seed preview``: the script of a run, and the proof that it is the run."""

from __future__ import annotations

import sys

import click

from terp_seed.project import Project

__all__ = ["preview"]


@click.command()
@click.option(
    "--prove",
    "proving",
    is_flag=True,
    help="Apply the script to one copy of the database, run on another, and compare.",
)
@click.argument("target", default="head")
@click.pass_obj
def preview(project: Project, proving: bool, target: str) -> None:
    """Print the script of an upgrade, or prove that it is the run."""
    if not proving:
        project.script(target, sys.stdout)
        return
    from terp_seed.prove import prove

    for proof in prove(project):
        click.echo(f"equal: {proof.what}: {proof.tables} tables, {proof.rows:,} rows")
