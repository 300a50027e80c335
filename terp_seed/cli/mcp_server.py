"""The server of ``terp-seed mcp``: a tool for each command that reads, and one for a given plan.

A tool runs its command in a new process: nothing that a revision or a driver prints gets
into the protocol, and a call that is cancelled is killed, which leaves nothing behind.  Consent
does not come through here: ``yes`` is taken out of the options and the environment, and what an
agent passes is never read as an option.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib.metadata import version
from subprocess import DEVNULL
from tempfile import NamedTemporaryFile
from typing import Literal

import anyio
from mcp.server import MCPServer
from mcp_types import CallToolResult, TextContent, ToolAnnotations

from terp_seed.project.project import Project
from terp_seed.run.plan_file import PlanFile

__all__ = ["make_server"]

_PROGRAM = (sys.executable, "-P", "-c", "from terp_seed.cli import run; run()")
_INSTRUCTIONS = """\
Seeds of one project and database, as versioned revisions. These tools only read. Nothing here
seeds, rolls back, masks or stamps; if a tool fails, its `error` says what, where, and what to look
at next.
{apply} Everything else that writes is done by a person."""
_APPLY = "`apply` carries out the one plan that a person gave to this server, if it still holds."
_MOST_CHARACTERS = 200_000
"""Of a script; a longer one is for a file."""

Tool = Callable[..., Awaitable[CallToolResult]]


def make_server(project: Project, plan: PlanFile | None = None) -> MCPServer:
    """The server of a project; with a plan that a person made, it has a tool to apply that."""
    tools = _Tools(project.without("yes"), plan)
    server: MCPServer = MCPServer(
        "terp-seed",
        version=version("terp_seed"),
        instructions=_INSTRUCTIONS.format(apply=_APPLY if plan else "You cannot apply a plan."),
        log_level="ERROR",
    )
    reading = ToolAnnotations(read_only_hint=True, destructive_hint=False, open_world_hint=False)
    tool: Tool
    for tool in (
        *(tools.plan, tools.preview, tools.status),
        *(tools.check, tools.verify, tools.history),
    ):
        server.add_tool(tool, annotations=reading)
    if plan is not None:
        writing = ToolAnnotations(read_only_hint=False, destructive_hint=True, idempotent_hint=True)
        server.add_tool(tools.apply, annotations=writing)
    return server


@dataclass(frozen=True)
class _Tools:
    """The tools; the text of each is what an agent reads of it."""

    project: Project
    approved: PlanFile | None

    async def plan(
        self, target: str = "", rollback: bool = False, size: str = ""
    ) -> CallToolResult:
        """Say what seeding up to a revision (the head) would do, or a rollback (of one step).

        The counts are true, table by table, with what is in the way. Writes nothing.
        """
        flags = [*(["--rollback"] if rollback else []), *([f"--size={size}"] if size else [])]
        return await self._document("plan", *flags, *_argument(target))

    async def preview(self, target: str = "head") -> CallToolResult:
        """Print the SQL script of an upgrade up to a revision, without connecting."""
        code, printed, said = await self._run("preview", *_argument(target))
        if code == 0 and len(printed) > _MOST_CHARACTERS:
            code, said = 2, f"the script has {len(printed):,} characters; preview fewer revisions"
        return _result(said if code else printed, failed=code != 0)

    async def status(self, drift: bool = False) -> CallToolResult:
        """Say which revisions are applied; with drift, also which seeded rows were edited since."""
        return await self._document("status", *(["--drift"] if drift else []))

    async def check(self, round_trip: bool = True) -> CallToolResult:
        """Check the seeds as a pipeline does; a round trip runs on a scratch file."""
        return await self._document("check", "--round-trip" if round_trip else "--no-round-trip")

    async def verify(self, all_rows: bool = False, drift: bool = False) -> CallToolResult:
        """Check every invariant that applied seeds declare, on seeded rows or on all."""
        flags = [*(["--all"] if all_rows else []), *(["--drift"] if drift else [])]
        return await self._document("verify", *flags)

    async def history(
        self,
        limit: int = 20,
        events: bool = False,
        outcome: Literal["", "finished", "failed", "interrupted", "crashed", "running"] = "",
    ) -> CallToolResult:
        """Say what was run on the database, newest first."""
        flags = [f"--limit={limit}", *(["--events"] if events else [])]
        return await self._document(
            "history", *flags, *([f"--outcome={outcome}"] if outcome else [])
        )

    async def apply(self) -> CallToolResult:
        """Carry out the plan that a person gave to this server.

        Refused if the database, its rows, the revisions or the options are not those of the plan.
        """
        assert self.approved is not None
        with NamedTemporaryFile("w", encoding="utf-8", suffix=".json") as file:
            file.write(self.approved.text)
            file.flush()
            return await self._document(
                "seed", f"--plan={file.name}", consent=self.approved.database
            )

    async def _document(self, *words: str, consent: str = "") -> CallToolResult:
        """Run a command with ``--json``; its document is the result."""
        command, *rest = words
        code, printed, said = await self._run(command, "--json", *rest, consent=consent)
        try:
            fields = json.loads(printed)
        except ValueError:
            return _result(said or f"the command ended with {code}", failed=True)
        return _result(printed, failed=code != 0, fields=fields)

    async def _run(self, *words: str, consent: str = "") -> tuple[int, str, str]:
        """The code of a command, what it printed, and what it said on stderr."""
        project = self.project
        x = [part for argument in project.x for part in ("-x", argument)]
        x += ["-x", f"yes={consent}"] if consent else []
        done = await anyio.run_process(
            [*_PROGRAM, "-c", str(project.ini), "-n", project.section, *x, *words],
            stdin=DEVNULL,
            check=False,
            env={name: value for name, value in os.environ.items() if name != "TERP_SEED_YES"},
        )
        said = done.stderr.decode("utf-8", "replace").strip()
        return done.returncode, done.stdout.decode("utf-8", "replace"), said


def _argument(target: str) -> list[str]:
    """A target as an argument, whatever it begins with."""
    return ["--", target] if target else []


def _result(text: str, *, failed: bool, fields: object = None) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(text=text)],
        structured_content=fields if isinstance(fields, dict) else None,
        is_error=failed,
    )
