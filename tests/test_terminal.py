"""What a person gets on a terminal, and a program in a pipe."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner
from terminals import shown, typed
from toys import Toy

from terp_seed.cli import main

GREEN, YELLOW, RED = ("\x1b[32m{}\x1b[0m", "\x1b[33m{}\x1b[0m", "\x1b[31m\x1b[1m{}\x1b[0m")
BROKEN = "\x1b[31mBROKEN\x1b[0m"


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.mark.parametrize(
    ("command", "coloured"),
    [
        ("status", [GREEN.format("applied"), YELLOW.format("pending")]),
        ("check --no-round-trip", [GREEN.format("ok"), YELLOW.format("skipped")]),
        ("history", [GREEN.format("finished"), "\x1b[1mwhen (UTC)"]),
        ("ledger show", [GREEN.format("applied"), "\x1b[1mrevision"]),
        ("plan", ["\x1b[1mrevision"]),
        ("seed --table=absent", [RED.format("Error:")]),
    ],
)
def test_colours_are_for_a_terminal_that_wants_them(
    sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch, command: str, coloured: list[str]
) -> None:
    """The words and the widths of a table are the same with them and without."""
    sqlite_toy.upgrade("0002_depots")
    plain = sqlite_toy.terp_seed(*command.split(), code=None).output
    assert plain == click.unstyle(plain)
    seen = shown(sqlite_toy, *command.split())
    for each in coloured:
        assert each in seen
    assert click.unstyle(seen) == plain
    monkeypatch.setenv("NO_COLOR", "1")
    assert shown(sqlite_toy, *command.split()) == plain
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert shown(sqlite_toy, *command.split()) == plain


@pytest.mark.parametrize(("size", "target"), [("small", "0001_labels"), ("large", "head")])
@pytest.mark.parametrize(
    ("command", "code"),
    [("alembic -n seed upgrade {} --sql", 255), ("terp-seed preview {}", 1)],
)
def test_a_reader_who_has_seen_enough_ends_a_script(
    sqlite_toy: Toy, command: str, code: int, size: str, target: str
) -> None:
    """`... | head`: without a word, and not as a success; also when it all fits in a buffer."""
    sqlite_toy.env = {
        "TERP_SEED_DATABASE_URL": sqlite_toy.url,
        "TERP_SEED_LOG_LEVEL": "WARNING",
        "TERP_SEED_SIZE": size,
    }
    line = f"{command.format(target)} | true; exit ${{PIPESTATUS[0]}}"
    done = sqlite_toy.run(
        "python", "-c", f"import os; os.execvp('bash', {['bash', '-c', line]})", check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("env stamp staging", 130, "interrupted; no run was in progress"),
        ("rollback", 5, "not confirmed; nothing was done"),
    ],
)
def test_a_question_that_gets_no_answer(
    sqlite_toy: Toy, command: str, code: int, said: str
) -> None:
    """Ctrl-D: nothing is done, and the error has a line of its own."""
    sqlite_toy.upgrade("0001_labels")
    line = sqlite_toy.words(*command.split())
    done = typed(sqlite_toy, "terp-seed", *line, after="[y/N]", answer="\x04")
    assert done.code == code
    assert click.unstyle(done.text).splitlines()[-1] == f"Error: {said}"
    assert sqlite_toy.version() == "0001_labels"


def test_a_broken_invariant_stands_out(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    assert f"{GREEN.format('ok')}      crates" in shown(sqlite_toy, "verify")
    sqlite_toy.execute("UPDATE crates SET weight = 0")
    assert f"{BROKEN}  crates" in shown(sqlite_toy, "verify")


def test_the_list_of_commands_fits_a_terminal() -> None:
    said = CliRunner().invoke(main, ["--help"], terminal_width=80).stdout
    assert "..." not in said.partition("Commands:")[2]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("sed", "did you mean 'seed'?"),
        ("seed --tabel=x", "'--table'"),
        ("seed --dryrun", "'--dry-run'"),
        ("history --outcome=finnished", "'finished'"),
        ("env stamp stagin", "did you mean 'staging'?"),
    ],
)
def test_what_was_meant_is_named(sqlite_toy: Toy, words: str, meant: str) -> None:
    assert meant in sqlite_toy.terp_seed(*words.split(), code=2).stderr


@pytest.mark.parametrize(
    ("shell", "words", "at", "reply"),
    [
        ("bash", "terp-seed hist", 1, "plain,history\n"),
        ("bash", "terp-seed check --round", 2, "plain,--round-trip\n"),
        ("zsh", "terp-seed roll", 1, "plain\nrollback\nRoll back one revision"),
        ("fish", "terp-seed sta", None, "plain,status\tPrint the state of the chain"),
    ],
)
def test_a_shell_completes_commands_and_options(
    shell: str, words: str, at: int | None, reply: str
) -> None:
    source = CliRunner().invoke(
        main, env={"_TERP_SEED_COMPLETE": f"{shell}_source"}, prog_name="terp-seed"
    )
    assert f"_TERP_SEED_COMPLETE={shell}_complete" in source.stdout
    current = words.rpartition(" ")[2] if at is None else str(at)
    asked = {
        "_TERP_SEED_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": words.rpartition(" ")[0] if at is None else words,
        "COMP_CWORD": current,
    }
    answer = CliRunner().invoke(main, env=asked, prog_name="terp-seed").stdout
    assert answer.startswith(reply)
