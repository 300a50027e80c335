"""The preview is the run: the script, applied by the engine's own client, leaves what a run leaves.

Tables are compared to the last byte and by the digests that the package itself takes; the ledger
and the version are compared like any other table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import MariaDB
from torture.bench import BASE, REVISIONS, Contents, Torture, Workshop, differences, statements

HEAD = REVISIONS[-1]
PLACES = (BASE, *REVISIONS)
FEW = "rows=makers:45,parts:12,moves:20"


@pytest.fixture
def workshop(tmp_path: Path, new_database: Callable[[str], str], engine: str) -> Iterator[Workshop]:
    """Makes torture databases, once on each engine."""
    made = Workshop(tmp_path, new_database, engine)
    yield made
    made.close()


def _go(bench: Torture, place: str, *x: str) -> None:
    if place != BASE:
        bench.upgrade(place, *x)


@pytest.mark.parametrize("foreign", [False, True], ids=["empty", "foreign rows"])
def test_a_script_leaves_what_a_run_leaves(workshop: Workshop, foreign: bool) -> None:
    by_script, by_run = workshop.new(foreign=foreign), workshop.new(foreign=foreign)
    before = by_run.contents()
    by_script.apply(by_script.script(BASE, "head"))
    by_run.upgrade("head")
    left, right = by_script.contents(), by_run.contents()
    assert differences(left, right) == []
    assert by_script.table_digests() == by_run.table_digests()
    assert by_script.version() == HEAD
    assert by_script.states() == {
        **dict.fromkeys(REVISIONS, "applied"),
        "0004_elsewhere": "skipped",
    }
    counts = {name: len(rows) - len(before.get(name, [])) for name, rows in left.items()}
    taken = 2 if foreign else 0
    assert counts["makers"] == 700
    assert counts["things"] == counts["order"] == counts["notes"] == 66
    assert counts["options"] == 4 - taken
    for name, rows in before.items():
        if not name.startswith("terp_seed_"):
            assert set(rows) <= set(left[name]), name


@pytest.mark.slow
def test_from_each_revision_to_each_later_one(workshop: Workshop) -> None:
    """The start is reached by a run and by a script in turn: they are the same place."""
    walked, bench = workshop.new(foreign=True), workshop.new(foreign=True)
    there: dict[str, Contents] = {}
    for place in PLACES:
        _go(walked, place, FEW)
        there[place] = walked.contents()
    for start in PLACES[:-1]:
        if start in REVISIONS[::2]:
            bench.apply(bench.script(BASE, start, FEW))
        else:
            _go(bench, start, FEW)
        for end in PLACES[PLACES.index(start) + 1 :]:
            bench.apply(bench.script(start, end, FEW))
            assert differences(bench.contents(), there[end]) == [], f"{start}:{end}"
            bench.downgrade(start)
            bench.rewind()
        bench.downgrade(BASE)
        bench.rewind()


@pytest.mark.slow
def test_back_down_from_each_revision_to_each_earlier_one(workshop: Workshop) -> None:
    by_script, by_run = workshop.new(foreign=True), workshop.new(foreign=True)
    base = by_run.contents()
    for start in REVISIONS[::-1]:
        at = BASE
        for end in PLACES[PLACES.index(start) - 1 :: -1]:
            by_script.apply(by_script.script(at, start, FEW))
            by_run.upgrade(start, FEW)
            by_script.apply(by_script.downgrade(f"{start}:{end}", FEW, sql=True))
            by_run.downgrade(end)
            assert differences(by_script.contents(), by_run.contents()) == [], f"{start}:{end}"
            assert by_script.version() == (None if end == BASE else end)
            at = end
        left = {name: rows for name, rows in by_script.contents().items() if rows}
        assert left == {name: rows for name, rows in base.items() if rows}, start


def test_counters_that_stand_elsewhere_do_not_matter(workshop: Workshop) -> None:
    by_script, by_run = workshop.new(foreign=True), workshop.new(foreign=True)
    for table in ("things", "makers", "parts", "moves"):
        if table == "moves":
            by_run.execute("INSERT INTO moves (id, part_id, qty) VALUES (99999, 400, 1)")
        else:
            column = "label" if table == "things" else "code"
            by_run.execute(f"INSERT INTO {table} (id, {column}) VALUES (99999, 'gone')")
        by_run.execute(f"DELETE FROM {table} WHERE id = 99999")
    by_script.apply(by_script.script(BASE, "head", FEW))
    by_run.upgrade("head", FEW)
    assert differences(by_script.contents(), by_run.contents()) == []


def test_ids_are_taken_above_what_the_target_holds_by_then(workshop: Workshop) -> None:
    """The script is older than rows that came in since it was made."""
    bench = workshop.new()
    script = bench.script(BASE, "head", FEW)
    bench.execute("INSERT INTO makers (id, code) VALUES (123456, 'THEIRS')")
    bench.apply(script)
    assert bench.value("SELECT MIN(id) FROM makers WHERE code <> 'THEIRS'") == 123457
    linked = "SELECT COUNT(*) FROM parts WHERE maker_id > 123456 AND maker_id <= 123456 + 45"
    assert bench.value(linked) == bench.value(
        "SELECT COUNT(*) FROM parts WHERE maker_id IS NOT NULL"
    )
    assert bench.value("SELECT COUNT(*) FROM links WHERE maker_id = 123457") == 1
    found = [doc for (doc,) in bench.rows("SELECT doc FROM parts")]
    documents = [json.loads(doc) if isinstance(doc, str) else doc for doc in found]
    assert all(doc["l"] == [{"maker": 123457}] for doc in documents)
    assert {123456 < doc["maker"] <= 123456 + 45 for doc in documents} == {True}


@pytest.mark.parametrize(
    "options",
    [
        ("--sql-mode=NO_BACKSLASH_ESCAPES", "--default-time-zone=+05:30"),
        ("--sql-mode=ANSI_QUOTES,PIPES_AS_CONCAT", "--character-set-server=latin1"),
    ],
    ids=["no backslash escapes", "ANSI quotes, latin1"],
)
def test_a_servers_own_modes_change_nothing(
    options: tuple[str, ...],
    start_server: Callable[..., MariaDB],
    mariadb_url: str,
    tmp_path: Path,
) -> None:
    server = start_server(*options)
    charset = "latin1" if "--character-set-server=latin1" in options else "utf8mb4"
    workshop = Workshop(tmp_path, lambda name: server.create(name, charset), server.engine)
    usual = workshop.new(mariadb_url, foreign=True)
    by_script = workshop.new(server.create("by_script", charset), foreign=True)
    by_run = workshop.new(server.create("by_run", charset), foreign=True)
    usual.upgrade("head", FEW)
    by_script.apply(by_script.script(BASE, "head", FEW))
    by_run.upgrade("head", FEW)
    assert differences(by_script.contents(), by_run.contents()) == []
    assert differences(by_script.contents(), usual.contents()) == []
    by_script.apply(by_script.downgrade(f"head:{BASE}", FEW, sql=True))
    by_run.downgrade(BASE)
    assert differences(by_script.contents(), by_run.contents()) == []
    workshop.close()


# -- the text


def test_the_script_is_the_same_every_time(workshop: Workshop) -> None:
    bench = workshop.new()
    here = bench.script(BASE, "head")
    assert here == bench.script(BASE, "head")
    for seed in ("1", "2"):
        printed = bench.alembic("upgrade", "base:head", "--sql", env={"PYTHONHASHSEED": seed})
        assert printed.stdout == here


def test_nothing_but_sql_is_on_stdout(workshop: Workshop) -> None:
    bench = workshop.new()
    printed = bench.alembic("upgrade", "base:head", "--sql")
    assert "Running upgrade" in printed.stderr
    starts = ("--", ".bail", ".timeout", "SET ", "PRAGMA ", "CREATE ", "INSERT ", "UPDATE ", "DO ")
    starts += ("\\set ", "\\o ", "COPY pg_temp.", "\\.")
    more = (
        "BEGIN",
        "START TRANSACTION",
        "COMMIT",
        "DROP TABLE temp.",
        "DROP TABLE pg_temp.",
        "TRUNCATE pg_temp.",
        "SELECT ",
        "DELETE ",
    )
    for statement in statements(_COPIED.sub("", printed.stdout)):
        first = next(line for line in statement.splitlines() if not line.startswith("--"))
        assert first.startswith(starts + more), first
    applied = bench.apply(printed.stdout)
    assert applied.stderr.replace(_PASSWORD_WARNING, "") == ""


_COPIED = re.compile(r"(?<=FROM STDIN;\n)(?:\d[^\n]*\n)*")  # the rows, each from its number on
_PASSWORD_WARNING = (
    "mysql: [Warning] Using a password on the command line interface can be insecure.\n"
)


def test_one_row_is_one_line_and_blocks_say_which_rows(workshop: Workshop) -> None:
    script = workshop.new().script(BASE, "head")
    assert "-- makers: 700 rows, synthetic" in script
    last_first = "-- makers: rows 700 to 700" in script  # it moves the counter
    assert last_first or "COPY pg_temp." in script  # which was moved before
    assert re.search(r"^-- makers: rows 1 to \d+$", script, re.MULTILINE)
    lines = [line for line in script.splitlines() if "TORTURE'M%-000005" in line.replace("''", "'")]
    assert len(lines) == 1
    assert re.match(r"\(|\d+\t", lines[0])


def test_a_script_holds_masked_values_only(workshop: Workshop) -> None:
    bench = workshop.new()
    script = bench.script(BASE, "0001_values")
    assert "big-firm" not in script
    bench.apply(script)
    mails = [mail for (mail,) in bench.rows("SELECT mail FROM options ORDER BY id")]
    assert mails[1] is None
    assert all("@" in mail for mail in mails if mail)


def test_a_plan_shows_in_the_header(workshop: Workshop) -> None:
    bench = workshop.new()
    header = bench.script(BASE, "head").split("\n\n")[0]
    for word in (*REVISIONS, "dev", "size small", "root seed 1", "2026-06-30", "not checked"):
        assert word in header
    again = bench.script(BASE, "head", "size=medium")
    assert "size medium" in again
    assert again != bench.script(BASE, "head")
