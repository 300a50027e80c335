"""How far a run is: a bar on a terminal, lines in JSON logs, nothing in a pipe."""

from __future__ import annotations

import io
import json
from collections.abc import Callable

import pytest
from projects import Project
from terminals import typed

from terp_seed.settings.log import Bar, Lines, Progress, configure_logging, progress_of_run

_MANY = ("-n", "seed", "-x", "rows=clients:40000", "upgrade", "0002_clients")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def every(seconds: float) -> Callable[[], float]:
    """A clock that goes on by so much each time it is looked at."""
    now = [0.0]

    def look() -> float:
        now[0] += seconds
        return now[0]

    return look


def test_a_bar_shows_rows_pace_and_time_left() -> None:
    out = Terminal()
    bar = Bar(out, every(1.0))
    for done in (0, 2000, 4000, 8000):
        bar("clients", done, 8000)
    drawn = [" ".join(line.split()) for line in out.getvalue().split("\r")[1:]]
    assert drawn == [
        "clients ###--------- 2,000 of 8,000 2,000 rows/s 0:03 left",
        "clients ######------ 4,000 of 8,000 2,000 rows/s 0:02 left",
        "clients ############ 8,000 of 8,000 2,667 rows/s 0:00 left",
    ]
    assert out.getvalue().endswith("\n")


def test_a_bar_never_wraps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    out = Terminal()
    bar = Bar(out, every(1.0))
    for done in (0, 2000, 8000):
        bar("clients", done, 8000)
    assert [len(line) for line in out.getvalue().rstrip("\n").split("\r")[1:]] == [30, 30]


def test_a_table_that_is_done_at_once_has_no_bar() -> None:
    out = Terminal()
    bar = Bar(out, every(0.01))
    for done in (0, 2000, 4000):
        bar("clients", done, 4000)
    assert not out.getvalue()


def test_a_run_that_ends_early_leaves_a_line_for_its_error() -> None:
    out = Terminal()
    bar = Bar(out, every(1.0))
    bar("clients", 0, 8000)
    bar("clients", 2000, 8000)
    bar.end()
    assert out.getvalue().endswith("\n")


def test_json_logs_get_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging({"TERP_SEED_LOG": "json"})
    lines = Lines(every(2.0))
    for done in range(0, 10_001, 1000):
        lines("orders", done, 10_000)
    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(each["event"], each["table"], each["rows"], each["total"]) for each in said] == [
        ("progress", "orders", done, 10_000) for done in (3000, 6000, 9000)
    ]
    assert said[0]["rows_per_second"] == 500
    assert said[0]["seconds_left"] == 14.0


def test_a_pipeline_gets_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging({})
    lines = progress_of_run(io.StringIO(), {"CI": "true"})
    assert isinstance(lines, Lines)
    lines._clock = every(4.0)
    for done in range(0, 10_001, 1000):
        lines("orders", done, 10_000)
    said = capsys.readouterr().err.splitlines()
    assert [line.partition("orders: ")[2] for line in said] == [
        "3,000 of 10,000 rows, 250 rows/s  0:28 left",
        "6,000 of 10,000 rows, 250 rows/s  0:16 left",
        "9,000 of 10,000 rows, 250 rows/s  0:04 left",
    ]


def test_the_place_decides() -> None:
    assert type(progress_of_run(io.StringIO(), {})) is Progress
    assert type(progress_of_run(Terminal(), {})) is Bar
    assert type(progress_of_run(Terminal(), {"CI": "true"})) is Bar
    assert type(progress_of_run(Terminal(), {"TERP_SEED_LOG": "json"})) is Lines


@pytest.mark.slow
def test_a_run_on_a_terminal_has_a_bar_and_one_in_a_pipe_has_none(
    project: Project, sqlite_url: str
) -> None:
    project.env = {"TERP_SEED_DATABASE_URL": sqlite_url}
    project.run("alembic", "upgrade", "head")
    shown = typed(project, "alembic", *_MANY, after="\0", answer="")
    assert shown.code == 0
    assert "clients  " in shown.text
    assert "#-" in shown.text
    assert " of 40,000  " in shown.text
    assert " left" in shown.text
    assert "\x1b[" in shown.text
    project.env |= {"NO_COLOR": "1"}
    plain = typed(project, "alembic", "-n", "seed", "downgrade", "base", after="\0", answer="")
    assert "0002_clients" in plain.text
    assert "\x1b[" not in plain.text
    del project.env["NO_COLOR"]
    piped = project.run("alembic", *_MANY)
    assert "\r" not in piped.stderr
    assert "\x1b[" not in piped.stderr
    assert "rows/s" not in piped.stderr + piped.stdout
