"""The server for automated agents: its tools read, and apply only what a person gave to it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.server import MCPServer
from mcp_types import CallToolResult
from toys import Toy

from terp_seed.cli.mcp_server import make_server
from terp_seed.project.project import Project
from terp_seed.run.plan_file import PlanFile

READING = {"plan", "preview", "status", "check", "verify", "history"}

Server = MCPServer | StdioServerParameters


def server(toy: Toy, *x: str, plan: Path | None = None) -> MCPServer:
    project = Project(toy.path / "alembic.ini", "seed", (f"url={toy.url}", *x))
    return make_server(project, None if plan is None else PlanFile.read(plan))


def over_stdio(toy: Toy, *words: str) -> StdioServerParameters:
    command, *arguments = toy.command("terp-seed", *toy.words(*words))
    return StdioServerParameters(
        command=command, args=arguments, env=toy.environment(), cwd=toy.path
    )


def call(server: Server, tool: str, arguments: Mapping[str, Any] | None = None) -> CallToolResult:
    async def main() -> CallToolResult:
        async with Client(server) as client:
            return await client.call_tool(tool, dict(arguments or {}))

    return anyio.run(main)


def names(server: Server) -> dict[str, Any]:
    async def main() -> dict[str, Any]:
        async with Client(server) as client:
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    return anyio.run(main)


def text(result: CallToolResult) -> str:
    (content,) = result.content
    return str(content.text)


@pytest.fixture
def approved(toy: Toy, tmp_path: Path) -> Path:
    """A plan that a person made."""
    toy.terp_seed("plan", "--out", str(tmp_path / "plan.json"))
    return tmp_path / "plan.json"


def test_the_tools_say_that_they_read(sqlite_toy: Toy) -> None:
    found = names(server(sqlite_toy))
    assert found.keys() == READING
    assert all(tool.annotations.read_only_hint for tool in found.values())
    assert all(tool.description for tool in found.values())


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("plan", {}),
        ("plan", {"rollback": True}),
        ("plan", {"target": "-1", "rollback": True}),
        ("preview", {"target": "0001_labels:head"}),
        ("status", {"drift": True}),
        ("check", {"round_trip": False}),
        ("verify", {"all_rows": True, "drift": True}),
        ("history", {"events": True, "outcome": "finished"}),
    ],
)
@pytest.mark.parametrize("stamp", ["dev", "production"])
def test_a_tool_answers_with_its_document_and_changes_nothing(
    sqlite_url: str, new_toy: Callable[..., Toy], stamp: str, tool: str, arguments: dict[str, Any]
) -> None:
    toy = new_toy(sqlite_url, stamp=stamp)
    toy.upgrade("0002_depots", toy.consent)
    before = toy.everything()
    result = call(server(toy), tool, arguments)
    assert not result.is_error, text(result)
    assert toy.everything() == before
    if tool == "preview":
        assert "terp_seed_version" in text(result)
    else:
        assert result.structured_content == json.loads(text(result))
        assert result.structured_content["document"] == tool


def test_an_error_is_the_document_of_the_error(sqlite_toy: Toy) -> None:
    sqlite_toy.execute("ALTER TABLE crates DROP COLUMN weight")
    result = call(server(sqlite_toy), "plan")
    assert result.is_error
    assert result.structured_content["document"] == "plan"
    assert result.structured_content["error"]["where"]["table"] == "crates"
    missing = call(server(sqlite_toy), "preview", {"target": "absent"})
    assert missing.is_error
    assert "absent" in text(missing)


@pytest.mark.parametrize(
    "target", ["--rollback", "--out=plan.json", "--help", "-x yes=x", "head --out x", "--", "$(id)"]
)
def test_what_an_agent_passes_is_no_option(sqlite_toy: Toy, target: str) -> None:
    sqlite_toy.upgrade("0002_depots")
    result = call(server(sqlite_toy), "plan", {"target": target})
    assert result.is_error
    assert not (sqlite_toy.path / "plan.json").exists()
    assert not Path("plan.json").exists()


@pytest.mark.parametrize("tool", ["seed", "apply", "rollback", "mask", "env_stamp"])
def test_nothing_that_writes_is_there(sqlite_toy: Toy, tool: str) -> None:
    before = sqlite_toy.everything()
    result = call(server(sqlite_toy), tool)
    assert result.is_error
    assert sqlite_toy.everything() == before


@pytest.mark.parametrize("stamp", ["dev", "staging"])
def test_the_plan_of_a_person_is_applied_once(
    database_url: str, new_toy: Callable[..., Toy], tmp_path: Path, stamp: str
) -> None:
    toy, file = new_toy(database_url, stamp=stamp), tmp_path / "plan.json"
    toy.ini("consent = plan")
    toy.terp_seed("plan", "0002_depots", "--size", "small", "--out", str(file))
    started = server(toy, plan=file)
    file.write_text("{}")  # what the file holds later does not count
    assert names(started).keys() == {*READING, "apply"}
    result = call(started, "apply")
    assert not result.is_error, text(result)
    assert result.structured_content["heads"] == ["0002_depots"]
    assert toy.version() == "0002_depots"
    again = call(started, "apply")
    assert not again.is_error  # nothing to do
    assert toy.audit().count(("applied", "0002_depots")) == 1


@pytest.mark.parametrize(
    ("move", "what"),
    [
        (lambda toy: toy.data("labels.csv", "code,wording\nL1,other\n"), "the rows"),
        (lambda toy: toy.execute("UPDATE terp_seed_environment SET name = 'test'"), "environment"),
        (lambda toy: toy.upgrade("0001_labels"), "the current heads"),
    ],
    ids=["rows", "stamp", "heads"],
)
def test_a_plan_that_has_moved_is_refused(
    toy: Toy, approved: Path, move: Callable[[Toy], object], what: str
) -> None:
    started = server(toy, plan=approved)
    move(toy)
    before = toy.digests()
    result = call(started, "apply")
    assert result.is_error
    assert what in result.structured_content["error"]["what"]
    assert toy.digests() == before


def test_a_plan_is_of_one_database(
    engine: str,
    new_database: Callable[[str], str],
    new_toy: Callable[..., Toy],
    tmp_path: Path,
) -> None:
    one, other = (new_toy(new_database(engine)) for _ in range(2))
    file = tmp_path / "plan.json"
    one.terp_seed("plan", "--out", str(file))
    result = call(server(other, plan=file), "apply")
    assert result.is_error
    assert "the database's name" in result.structured_content["error"]["what"]
    assert other.counts() == {}


def test_consent_of_the_shell_is_not_passed_on(
    sqlite_url: str, new_toy: Callable[..., Toy], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was exported for something else consents to nothing here; nor does an option."""
    toy = new_toy(sqlite_url, stamp="staging")
    monkeypatch.setenv("TERP_SEED_YES", toy.consent.removeprefix("yes="))
    result = call(server(toy, toy.consent), "plan")
    assert not result.is_error
    assert "yes=" not in text(result)


def test_over_stdio_only_the_protocol_is_on_stdout(sqlite_toy: Toy) -> None:
    """A revision that prints is no matter."""
    path = sqlite_toy.path / "seed_revisions" / "0001_labels.py"
    path.write_text(path.read_text() + "\nprint('noise')\n")
    result = call(over_stdio(sqlite_toy, "mcp"), "status")
    assert not result.is_error
    assert sqlite_toy.counts() == {}


def test_a_file_that_is_no_plan_stops_the_start(sqlite_toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text("{}")
    words = sqlite_toy.words("mcp", "--plan", str(tmp_path / "plan.json"))
    done = sqlite_toy.run("terp-seed", *words, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not a plan; make one with terp-seed plan --out FILE" in done.stderr


def test_without_the_extra_one_line_says_what_to_install(sqlite_toy: Toy) -> None:
    code = (
        "import sys; sys.modules['mcp'] = None; sys.argv = ['terp-seed', 'mcp']; "
        "from terp_seed.cli import run; run()"
    )
    done = sqlite_toy.run("python", "-c", code, check=False)
    assert done.returncode == 2
    assert done.stderr == 'Error: MCP needs its SDK: pip install "terp_seed[mcp]"\n'


def test_nothing_else_loads_the_sdk(sqlite_toy: Toy) -> None:
    code = (
        "import sys; sys.argv = ['terp-seed', '--help']; import terp_seed.cli\n"
        "try: terp_seed.cli.run()\n"
        "finally: print('loaded', 'mcp' in sys.modules, 'anyio' in sys.modules)"
    )
    assert "loaded False False" in sqlite_toy.run("python", "-c", code).stdout
    assert sys.modules["mcp"]
