"""What a slice is asked for and cannot do: one line each, and nothing is left of it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from copies import Copy, add_people
from production import KEY
from slices import into, request, script, tables_of

from terp_seed.errors import GuardError, PlanError, UsageError
from terp_seed.slice.choice import choose_target
from terp_seed.slice.request import SliceRequest, read_slice_file
from terp_seed.slice.run import plan_only

PEOPLE = "id INTEGER PRIMARY KEY, name VARCHAR(60), mail VARCHAR(80)"


@pytest.fixture(autouse=True)
def no_seeders(monkeypatch: pytest.MonkeyPatch) -> None:
    """What seeders of other tests in this process have said of references is not this source's."""
    monkeypatch.setattr("terp_seed.rows.seeders._REFERENCES", {})


@pytest.fixture
def source(new_copy: Callable[..., Copy]) -> Copy:
    """Fifty people."""
    copy = new_copy("production", people=PEOPLE)
    copy.policy("[tables.people]", 'name = { class = "person_name" }', 'mail = { class = "email" }')
    add_people(copy, range(1, 51))
    return copy


@pytest.mark.parametrize(
    ("condition", "place", "said"),
    [
        ("id = = 1", ", character 6", "cannot read"),
        ("name >", ", at its end", "cannot read"),
        ("name = 'Jane Canary1", "", "cannot read"),
        ("nme = 'Jane Canary1'", "", "no such column: nme|column does not exist: nme"),
        ("no_such(name) = 'Jane Canary1'", "", "no such function|not know a function"),
    ],
)
def test_a_condition_with_a_mistake_is_one_line_that_says_where(
    source: Copy, condition: str, place: str, said: str
) -> None:
    if source.name == "sqlite" and condition.count("=") > 1:
        place = ""  # it names a sign, and there are two
    with pytest.raises(UsageError, match=f"table people: where{place}.*({said})") as failed:
        plan_only(source.settings, request("people", where=condition))
    assert str(failed.value).endswith("; correct the condition")
    assert "\n" not in str(failed.value)
    assert "Canary" not in str(failed.value)


def test_what_the_target_refuses_names_table_and_column(
    source: Copy, second_database_url: str
) -> None:
    tables = {"people": "id INTEGER PRIMARY KEY, name VARCHAR(3), mail VARCHAR(80)"}
    if source.name == "sqlite":
        tables["people"] = (
            "id INTEGER PRIMARY KEY, name TEXT, mail TEXT, "
            "CONSTRAINT name_is_short CHECK (length(name) < 4)"
        )
    target = tables_of(source, second_database_url, tables)
    with pytest.raises(PlanError, match=r"table people, rows 1 to \d+: .*name") as failed:
        into(source, target, request("people"))
    assert "Compare the table with the source's, and look for a trigger" in str(failed.value)
    assert "Canary" not in str(failed.value)
    assert target.ids("people") == []


def test_what_a_trigger_refuses_has_a_next_step(source: Copy, second_database_url: str) -> None:
    target = tables_of(source, second_database_url, {"people": PEOPLE})
    texts = {
        "sqlite": ["SELECT RAISE(ABORT, 'Jane Canary'); END"],
        "postgresql": [
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'Jane Canary'; END $$",
            "EXECUTE FUNCTION no()",
        ],
    }
    *before, body = texts.get(
        source.name, ["SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'Jane Canary'; END"]
    )
    begin = "" if source.name == "postgresql" else "BEGIN "
    with target.db.begin() as connection:
        for sql in before:
            connection.exec_driver_sql(sql)
        connection.exec_driver_sql(
            f"CREATE TRIGGER no BEFORE INSERT ON people FOR EACH ROW {begin}{body}"
        )
    with pytest.raises(PlanError, match=r"table people, rows 1 to .*look for a trigger") as failed:
        into(source, target, request("people"))
    assert "Canary" not in str(failed.value)


def test_the_source_is_no_target_by_another_name(source: Copy, tmp_path: Path) -> None:
    url = source.settings.url
    if source.name == "sqlite":
        link = tmp_path / "other.db"
        path = Path(str(url.database))
        link.symlink_to(path)
        others = [f"sqlite:///{link}", f"sqlite:///{path.parent}/./{path.name}"]
    else:
        others = [url.set(host="localhost").render_as_string(hide_password=False)]
    for other in others:
        with pytest.raises(GuardError, match="--to: is the source itself"):
            choose_target(None, source.settings, other)  # type: ignore[arg-type]


def test_two_beginnings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "slice.toml"
    path.write_text("depth = 3\n[roots.orders]\nlimit = 5\n", encoding="utf-8")
    with pytest.raises(UsageError, match=r"TABLE and \[roots\] of the slice's file \(orders\)"):
        read_slice_file(path).with_root("clients", {"limit": 3})
    assert SliceRequest().with_root("clients", {"limit": 3}).roots[0].limit == 3


def test_a_server_that_is_read_only_is_a_source(source: Copy, tmp_path: Path, request: Any) -> None:
    from slices import request as asked

    if source.name == "sqlite":
        pytest.skip("a file has no replica")
    if source.name == "postgresql":
        name = source.db.url.database
        source.run(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        script(source, tmp_path / "slice.sql", asked("people"))
    else:
        server = request.getfixturevalue("mariadb")
        server.execute("SET GLOBAL read_only = ON")
        try:
            script(source, tmp_path / "slice.sql", asked("people"))
        finally:
            server.execute("SET GLOBAL read_only = OFF")
    assert "@example.com" in (tmp_path / "slice.sql").read_text()


_KILLED = """
import os, signal, sys
from terp_seed.cli import main
from terp_seed.slice.targets.database import DatabaseTarget
write = DatabaseTarget.write
def then_struck(self, table, columns):
    write(self, table, columns)
    os.kill(os.getpid(), signal.{signal})
DatabaseTarget.write = then_struck
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.parametrize("signal_name", ["SIGKILL", "SIGINT", "SIGTERM"])
def test_a_slice_that_is_struck_leaves_nothing(
    source: Copy, second_database_url: str, tmp_path: Path, signal_name: str
) -> None:
    """In a process of its own, which is killed when rows are on their way."""
    add_people(source, range(51, 1_500))
    target = tables_of(source, second_database_url, {"people": PEOPLE})
    temporary, project = tmp_path / "temporary", source.home.parent
    temporary.mkdir()
    (project / "alembic.ini").write_text(
        f"[seed]\nscript_location = {source.home}\nversion_locations = {tmp_path}/revisions\n"
    )
    done = subprocess.run(
        [
            *(sys.executable, "-c", _KILLED.format(signal=signal_name)),
            *("slice", "people", "--to", second_database_url),
        ],
        cwd=project,
        env={
            **os.environ,
            "TERP_SEED_MASK_KEY": KEY,
            "TERP_SEED_DATABASE_URL": source.db.url.render_as_string(hide_password=False),
            "TMPDIR": str(temporary),
            "SQLITE_TMPDIR": str(temporary),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    wanted = -signal.SIGKILL if signal_name == "SIGKILL" else 130
    assert done.returncode == wanted, done.stderr
    told = f"interrupted by {signal_name}: nothing of the slice was kept"
    assert (told in done.stderr) == (signal_name != "SIGKILL")
    assert "Canary" not in done.stdout + done.stderr
    assert target.ids("people") == []
    assert [*temporary.iterdir()] == []
    assert len(source.all("SELECT id FROM people")) == 1_499
    into(source, target, request("people"))  # no lock is left
    assert len(target.ids("people")) == 1_499
