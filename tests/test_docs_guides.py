"""The pages that name tests, commands and options name what there is."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import click
import pytest
from docs_runner import PAGES, REPOSITORY, blocks

from terp_seed.cli import main

DOCS = REPOSITORY / "docs"
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
_COMMAND = re.compile(r"`((?:terp-seed|alembic) [^`]+)`")


def script(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a script of `docs/`."""
    command = [sys.executable, str(DOCS / name), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, cwd=REPOSITORY)


def test_every_test_that_the_initiative_names_exists() -> None:
    named = _TEST.findall((DOCS / "initiative.md").read_text())
    assert len(named) > 30
    for file, name in named:
        path = REPOSITORY / file
        assert path.exists(), file
        assert f"\ndef {name}(" in path.read_text(), f"{file}::{name}"


def test_the_picture_of_the_architecture_is_up_to_date() -> None:
    done = script("architecture.py", "--check")
    assert done.returncode == 0, f"run python docs/architecture.py: {done.stderr}"


# -- the validation of staging


@pytest.mark.slow
def test_the_validation_of_staging_runs(mariadb_url: str) -> None:
    """On a small size, so that the page cannot name a step that does not work."""
    done = script("staging_validation.py", mariadb_url, "--size=small", "--out=-")
    assert done.returncode == 0, done.stderr
    named = [steps_of(text) for text in (done.stdout, (DOCS / "staging-validation.md").read_text())]
    assert named[0] == named[1]
    total = re.search(
        r"^total .* ([\d,]+) +\d", (REPOSITORY / "README.md").read_text(), re.MULTILINE
    )
    assert total is not None
    assert f"{total[1]} rows seeded" in done.stdout
    assert f"{total[1]} rows removed" in done.stdout


def steps_of(page: str) -> list[tuple[str, str]]:
    """The steps of the page, whatever the database and the size."""
    lines = re.findall(r"^\| ([\w: ]+) \| `(.*?)` \|", page, re.MULTILINE)
    return [(name, re.sub(r"(yes=|--size=)\w+", r"\1...", command)) for name, command in lines]


def test_the_validation_names_commands_that_exist() -> None:
    named = _COMMAND.findall((DOCS / "staging-validation.md").read_text())
    assert len(named) > 10
    for line in named:
        program, *words = line.split()
        if program == "terp-seed":
            command_of(words)


def command_of(words: list[str]) -> click.Command:
    """The command that these words name; every option among them must exist."""
    command: click.Command = main
    context = click.Context(main)
    before = ""
    for word in words:
        if word.startswith("-"):
            name = word.partition("=")[0]
            assert any(name in each.opts for each in command.params), f"{name} of {words}"
        elif isinstance(command, click.Group) and not before.startswith("-x"):
            found = command.get_command(context, word)
            assert found is not None, words
            command = found
        before = word
    return command


# -- every option is on the page of commands, and has been typed


def options(group: click.Group, path: str) -> Iterator[tuple[str, click.Option]]:
    """Every option, with the full name of its command."""
    context = click.Context(group)
    yield from ((path, each) for each in group.params if isinstance(each, click.Option))
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from options(command, f"{path} {name}")
        elif command is not None:
            found = [each for each in command.params if isinstance(each, click.Option)]
            yield from ((f"{path} {name}", option) for option in found)


OPTIONS = [
    (path, spelling)
    for path, option in options(main, "terp-seed")
    for spelling in option.opts
    if spelling not in {"-h", "--help"}
]


@pytest.mark.parametrize("command", sorted({command for command, _ in OPTIONS}))
def test_every_option_is_with_its_command(command: str) -> None:
    """And says what it does, there or where the shared ones are."""
    page = (DOCS / "commands.md").read_text()
    heading = "## Shared options" if command == "terp-seed" else f"### {command}"
    part = page.partition(f"\n{heading}\n")[2].partition("\n##")[0]
    said = set(re.findall(r"`(--?[a-z][\w-]*)`", part))
    for line in re.findall(r"^\* (.*All commands.*)$", page, re.MULTILINE):
        if command != "terp-seed" and f"`{command}`" not in line:
            said |= set(re.findall(r"^`(--[\w-]+)`", line))
    assert {option for owner, option in OPTIONS if owner == command} <= said
    shared = re.search(r"^\* shared: (.*)$", part, re.MULTILINE)
    for option in re.findall(r"`(--[\w-]+)`", shared[1] if shared else ""):
        assert re.search(rf"^\* `{option}`.*: \w", page, re.MULTILINE), option


@pytest.mark.parametrize("option", sorted({option for _, option in OPTIONS}))
def test_every_option_has_been_typed(option: str) -> None:
    """By a shell block of a page, or by a test that runs the command."""
    pattern = re.compile(rf"(?<![\w-]){option}(?![\w-])")
    assert any(pattern.search(text) for text in typed()), option


@cache
def typed() -> list[str]:
    pages = [each.text for page in PAGES for each in blocks(page) if each.language == "sh"]
    here = Path(__file__)
    tests = [each.read_text() for each in (REPOSITORY / "tests").rglob("*.py") if each != here]
    return [*pages, *tests]


# -- the pictures of a terminal


def test_a_screen_is_drawn_as_a_terminal_shows_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    import terminal

    screen = terminal.Screen()
    screen.write("10 %\r\x1b[K\x1b[32mdone\x1b[0m <1>\n" + "x" * (terminal.COLUMNS + 1))
    texts = ["".join(cell[0] for cell in line) for line in screen.lines]
    assert texts == ["done <1>", "x" * terminal.COLUMNS, "x"]
    picture = terminal.drawn(screen.lines)
    assert '"#2f9e44" textLength="31.4" xml:space="preserve">done<' in picture
    assert "&lt;1&gt;" in picture


def test_the_pictures_show_the_first_minutes() -> None:
    page = (DOCS / "first-minutes.md").read_text()
    for name in re.findall(r"images/(first-[\w-]+\.svg)", page):
        assert "terp-seed" in (DOCS / "images" / name).read_text()
