"""``terp-seed mcp``: the commands that read, as tools of the Model Context Protocol."""

from __future__ import annotations

from pathlib import Path

import click

from terp_seed.cli.interface import examples
from terp_seed.errors import UsageError
from terp_seed.project.project import Project

__all__ = ["mcp"]


@click.command(epilog=examples("terp-seed mcp", "terp-seed mcp --plan plan.json"))
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A plan that a person has read: there is a tool to apply this one, and no other.",
)
@click.pass_obj
def mcp(project: Project, plan_file: Path | None) -> None:
    """Serve automated agents (MCP) with tools that only read.

    It speaks over stdin and stdout.  With --plan, also one that applies that plan; the file is
    read once, at the start.
    """
    try:
        from terp_seed.cli.mcp_server import make_server
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types", "anyio"):
            raise
        raise UsageError('MCP needs its SDK: pip install "terp_seed[mcp]"') from None
    from terp_seed.run.plan_file import PlanFile

    plan = None if plan_file is None else PlanFile.read(plan_file)
    make_server(project, plan).run("stdio")
