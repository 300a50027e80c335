"""``terp-seed agents``: what an automated agent has to know, in the version that is installed.

A wheel has the page where agents look for skills of an installed package,
``.agents/skills/NAME/SKILL.md``; its one source is ``docs/agents.md``.
"""

from __future__ import annotations

from importlib.metadata import version
from importlib.resources import files
from pathlib import Path

import click

from terp_seed.cli.interface import as_json, document, examples

__all__ = ["agents", "skill_file"]

_SKILL = ".agents/skills/terp-seed/SKILL.md"


@click.command(epilog=examples("terp-seed agents", "terp-seed agents > SKILL.md"))
@as_json
def agents(as_json: bool) -> None:
    """Print the skill file for automated agents.

    It says what is safe to run, what needs a person, and how to read errors.
    """
    path = skill_file()
    text = path.read_text(encoding="utf-8")
    if as_json:
        document("agents", version=version("terp_seed"), path=str(path), skill=text)
    else:
        click.echo(text, nl=False)


def skill_file() -> Path:
    """The skill file of this installation."""
    package = Path(str(files("terp_seed")))
    packed = package / _SKILL
    return packed if packed.exists() else package.parent / "docs" / "agents.md"
