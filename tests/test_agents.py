"""The skill file for automated agents: one source, one version, nothing that destroys by itself."""

from __future__ import annotations

import re
import tomllib

import yaml
from click.testing import CliRunner
from docs_runner import REPOSITORY
from test_documents import COMMANDS

from terp_seed import errors
from terp_seed.cli import main

PAGE = (REPOSITORY / "docs" / "agents.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_front_matter_is_that_of_a_skill_in_this_version() -> None:
    """As https://agentskills.io/specification has it; its folder has the skill's name."""
    _, front, _ = PAGE.split("---\n", 2)
    fields = yaml.safe_load(front)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", fields["name"])
    assert 0 < len(fields["description"]) <= 1024
    assert fields["metadata"] == {"version": PROJECT["project"]["version"]}
    packed = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert packed["docs/agents.md"] == f"terp_seed/.agents/skills/{fields['name']}/SKILL.md"


def test_the_command_prints_the_page() -> None:
    assert CliRunner().invoke(main, ["agents"]).output == PAGE


def test_the_page_names_every_exit_code_and_only_commands_that_exist() -> None:
    (codes,) = re.findall(r"act on the exit code: (.*?)\.\n", PAGE, re.DOTALL)
    named = {int(code) for code in re.findall(r"\b\d+\b", codes)}
    kinds = [errors.SeedError, *errors.SeedError.__subclasses__()]
    assert named == {0} | {kind.exit_code for kind in kinds}
    (safe,) = re.findall(r"^\| (`plan`.*?), any `--dry-run` \|", PAGE, re.MULTILINE)
    assert {*re.findall("`(.+?)`", safe)} <= COMMANDS.keys()
