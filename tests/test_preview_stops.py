"""A script stops rather than do half of something: guards, errors, cuts, second applications."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep

import pytest
import sqlalchemy as sa
from servers import client_command, client_environment
from torture.bench import (
    BASE,
    REVISIONS,
    Contents,
    Torture,
    Workshop,
    differences,
    foreign_rows,
    statements,
)

from terp_seed.database.dialects.postgresql_locks import HOLDER, AdvisoryLock
from terp_seed.errors import PlanError, VerificationError

HEAD = REVISIONS[-1]
FEW = "rows=makers:43,parts:3,moves:4"
BOOKS = ("terp_seed_version", "terp_seed_ledger")


@pytest.fixture
def workshop(tmp_path: Path, new_database: Callable[[str], str], engine: str) -> Iterator[Workshop]:
    """Makes torture databases, once on each engine."""
    made = Workshop(tmp_path, new_database, engine)
    yield made
    made.close()


def rows_of(contents: Contents) -> Contents:
    """Leave out tables without rows: a script that stops may have made the books."""
    return {name: rows for name, rows in contents.items() if rows}


def refused(bench: Torture, script: str) -> str:
    """Apply a script that must stop and change nothing; return what the client said."""
    before = rows_of(bench.contents())
    applied = bench.apply(script, check=False)
    assert applied.returncode != 0
    assert differences(rows_of(bench.contents()), before) == []
    return applied.stderr


# -- where it may not go


@pytest.mark.parametrize("end", ["0001_values", "head"])
def test_applied_twice_it_stops_and_changes_nothing(workshop: Workshop, end: str) -> None:
    bench = workshop.new()
    script = bench.script(BASE, end, FEW)
    bench.apply(script)
    refused(bench, script)
    assert bench.audit()[-1] == ("finished", None)


def test_a_database_at_another_revision_is_left_alone(workshop: Workshop) -> None:
    bench = workshop.new()
    later = bench.script("0001_values", "0002_makers", FEW)
    down = bench.downgrade("0002_makers:0001_values", FEW, sql=True)
    refused(bench, later)
    refused(bench, down)
    bench.upgrade("0003_parts", FEW)
    refused(bench, bench.script(BASE, "0001_values", FEW))
    refused(bench, later)
    refused(bench, down)
    assert bench.version() == "0003_parts"


def test_other_settings_than_the_chains_are_refused(workshop: Workshop) -> None:
    bench = workshop.new()
    bench.upgrade("0001_values", FEW)
    refused(bench, bench.script("0001_values", "0002_makers"))
    refused(bench, bench.script("0001_values", "0002_makers", FEW, "seed=2"))
    bench.apply(bench.script("0001_values", "0002_makers", FEW))


def test_the_stamp_must_be_the_scripts(workshop: Workshop) -> None:
    bench = workshop.new()
    other = bench.script(BASE, "0001_values", FEW, "env=test")
    refused(bench, other)
    bench.execute("UPDATE terp_seed_environment SET name = 'test'")
    refused(bench, bench.script(BASE, "0001_values", FEW))
    bench.apply(other)
    assert bench.version() == "0001_values"


def test_without_a_stamp_only_a_sqlite_file_is_dev(workshop: Workshop) -> None:
    bench = workshop.new()
    bench.execute("DELETE FROM terp_seed_environment")
    script = bench.script(BASE, "0001_values", FEW)
    refused(bench, bench.script(BASE, "0001_values", FEW, "env=test"))
    if bench.sqlite:
        bench.apply(script)
    else:
        refused(bench, script)


def test_while_somebody_else_seeds_it_stops(workshop: Workshop) -> None:
    bench = workshop.new()
    script = bench.script(BASE, "0001_values", FEW, "lock-timeout=0.1")
    script = re.sub(r"^\.timeout .*", ".timeout 100", script, flags=re.MULTILINE)
    bench.apply(bench.script(BASE, "0001_values", FEW))
    bench.apply(bench.downgrade(f"0001_values:{BASE}", FEW, sql=True))
    before = rows_of(bench.contents())
    with bench.db.connect() as other:
        if bench.sqlite:
            other.exec_driver_sql("BEGIN IMMEDIATE")
        elif bench.postgresql:
            assert AdvisoryLock(other).acquire(0)
        else:
            database = sa.make_url(bench.url).database
            assert other.exec_driver_sql(f"SELECT GET_LOCK('terp_seed:{database}', 5)").scalar()
        stopped = bench.apply(script, check=False)
    assert stopped.returncode != 0
    assert rows_of(bench.contents()) == before
    bench.apply(script)


def test_the_lock_is_the_one_that_a_run_takes(workshop: Workshop) -> None:
    """A script that is under way keeps a run out, and the other way round."""
    bench = workshop.new()
    cut = statements(bench.script(BASE, "0001_values", FEW))
    begins = ("BEGIN", "START TRANS")
    if bench.postgresql:  # which takes its lock in the transaction
        begins = ("SET LOCAL lock_timeout = DEFAULT",)
    opened = next(n for n, each in enumerate(cut) if any(word in each for word in begins))
    client = subprocess.Popen(
        client_command(bench.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=client_environment(bench.url),
        text=True,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write("".join(cut[: opened + 1]) + "SELECT 'so far';\n")
    client.stdin.flush()
    if bench.sqlite:
        assert client.stdout.readline() == "so far\n"
        with bench.db.connect() as other:
            other.exec_driver_sql("PRAGMA busy_timeout = 100")
            with pytest.raises(sa.exc.OperationalError, match="locked"):
                other.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        _await_lock(bench)
        run = bench.alembic("-x", "lock-timeout=0.5", "upgrade", "head", check=False)
        assert run.returncode == 255
        assert "held the lock" in run.stdout + run.stderr
    _, errors = client.communicate("".join(cut[opened + 1 :]), timeout=60)
    assert client.returncode == 0, errors
    assert bench.version() == "0001_values"


def _await_lock(bench: Torture) -> None:
    database = sa.make_url(bench.url).database
    used = f"SELECT 1 WHERE IS_USED_LOCK('terp_seed:{database}')"
    for _ in range(200):
        if bench.rows(HOLDER if bench.postgresql else used):
            return
        sleep(0.05)
    pytest.fail("the script never took the lock")


# -- broken in the middle


def _places(workshop: Workshop) -> list[Contents]:
    """What a database holds at each whole revision."""
    walked = workshop.new(foreign=True)
    found = [rows_of(walked.contents())]
    for revision in REVISIONS:
        walked.upgrade(revision, FEW)
        found.append(rows_of(walked.contents()))
    return found


def _reset(bench: Torture) -> str:
    """Statements after which a torture database holds its foreign rows and nothing else."""
    tables = ("moves", "parts", "links", "makers", "words", "options", "tags", "notes", "things")
    names = [*tables, bench.quoted("order"), *BOOKS]
    known = set(bench.contents())
    found = [name for name in names if name.strip('`"') in known]
    rows = foreign_rows(bench.quoted, always=bench.postgresql)
    deletes = [f"DELETE FROM {name};" for name in found]
    if bench.sqlite:
        lines = ["BEGIN;", *deletes, "DELETE FROM sqlite_sequence;", rows, "COMMIT;"]
    elif bench.postgresql:
        empty = f"TRUNCATE {', '.join(found)} RESTART IDENTITY;"
        lines = [empty, "ALTER SEQUENCE counter RESTART;", rows]
    else:
        lines = ["SET time_zone = '+00:00';", *deletes, rows]
    return "\n".join(lines)


def _is_command(part: str) -> bool:
    """Whether this is a command of the sqlite3 client or of psql, which is no statement."""
    return part.splitlines()[-1].startswith((".", "\\"))


@pytest.mark.slow
@pytest.mark.parametrize("how", ["cut", "garbage"])
def test_broken_anywhere_it_leaves_whole_revisions(workshop: Workshop, how: str) -> None:
    """Each statement in turn is the one that fails, or the last that arrives."""
    places = _places(workshop)
    bench = workshop.new(foreign=True)
    parts = statements(bench.script(BASE, "head", FEW))
    bench.apply("".join(parts))
    assert rows_of(bench.contents()) == places[-1]
    reset = _reset(bench)
    reached: set[int] = set()
    for number in range(0, len(parts), 3 if how == "cut" else 1):
        if how == "cut":
            half = parts[number][: len(parts[number]) // 2]
            bench.apply("".join(parts[:number]) + half, check=False)
        else:
            broken = [*parts[:number], "GARBAGE of a statement;\n", *parts[number + 1 :]]
            if _is_command(parts[number]):
                continue
            assert bench.apply("".join(broken), check=False).returncode != 0, parts[number]
        now = rows_of(bench.contents())
        assert now in places, f"{number}: {parts[number][:200]}"
        reached.add(places.index(now))
        bench.apply(reset)
    assert reached == set(range(len(places)))


@pytest.mark.slow
def test_a_rollback_broken_anywhere_leaves_whole_revisions(workshop: Workshop) -> None:
    walked = workshop.new(foreign=True)
    walked.upgrade("head", FEW)
    places = [rows_of(walked.contents())]
    for revision in (*REVISIONS[-2::-1], BASE):
        walked.downgrade(revision)
        places.append(rows_of(walked.contents()))
    bench = workshop.new(foreign=True)
    again = bench.script(BASE, "head", FEW)
    bench.apply(again)
    parts = statements(bench.downgrade(f"head:{BASE}", FEW, sql=True))
    reset = _reset(bench)
    reached: set[int] = set()
    for number in range(0, len(parts), 2):
        if _is_command(parts[number]):
            continue
        broken = [*parts[:number], "GARBAGE of a statement;\n", *parts[number + 1 :]]
        assert bench.apply("".join(broken), check=False).returncode != 0, parts[number]
        now = rows_of(bench.contents())
        assert now in places, f"{number}: {parts[number][:200]}"
        reached.add(places.index(now))
        if now != places[0]:
            bench.apply(reset + again)
    assert reached == set(range(len(places)))


# -- back down


def test_rows_that_depend_on_seeded_ones_stop_a_rollback(workshop: Workshop) -> None:
    bench = workshop.new(foreign=True)
    bench.upgrade("0003_parts", FEW)
    seeded = bench.value("SELECT MIN(id) FROM makers WHERE code <> 'THEIRS'")
    bench.execute(f"INSERT INTO parts (id, code, maker_id) VALUES (9000, 'CHILD', {seeded})")
    script = bench.downgrade("0003_parts:0002_makers", FEW, sql=True)
    bench.apply(script)  # the child hangs on a maker, not on a part
    refused(bench, bench.downgrade("0002_makers:0001_values", FEW, sql=True))
    assert bench.value("SELECT COUNT(*) FROM parts WHERE code = 'CHILD'") == 1
    bench.execute("DELETE FROM parts WHERE code = 'CHILD'")
    bench.apply(bench.downgrade("0002_makers:0001_values", FEW, sql=True))


@pytest.mark.parametrize(
    ("start", "end", "meanwhile"),
    [
        ("0003_parts", "0002_makers", "0004_elsewhere"),
        ("0002_makers", "0001_values", "0003_parts"),
        ("0002_makers", "0001_values", "0001_values"),
        ("0003_parts", "0005_moves", "0004_elsewhere"),
        ("0003_parts", "0005_moves", "0002_makers"),
    ],
)
def test_a_script_stops_if_the_chain_moves_before_its_transaction(
    start: str, end: str, meanwhile: str, sqlite_url: str, tmp_path: Path
) -> None:
    """Nothing holds a run back from a SQLite file while a script is between transactions."""
    bench = Workshop(tmp_path, str, "sqlite").new(sqlite_url, foreign=True)
    bench.upgrade(start, FEW)
    if end < start:
        parts = statements(bench.downgrade(f"{start}:{end}", FEW, sql=True))
    else:
        parts = statements(bench.script(start, end, FEW))
    begun = next(number for number, part in enumerate(parts) if "BEGIN" in part)
    client = subprocess.Popen(
        client_command(bench.url),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert client.stdin is not None
    assert client.stdout is not None
    client.stdin.write("".join(parts[:begun]) + "SELECT 'so far';\n")
    client.stdin.flush()
    assert client.stdout.readline() == "so far\n"
    (bench.downgrade if meanwhile < start else bench.upgrade)(meanwhile)
    before = rows_of(bench.contents())
    client.communicate("".join(parts[begun:]), timeout=60)
    assert client.returncode != 0
    assert differences(rows_of(bench.contents()), before) == []


# -- while it is printed


def _seeder(bench: Torture, values: str, rows: int = 6000, more: str = "") -> None:
    """Add a revision whose seeder makes these values of ``options.content`` from a span."""
    bench.revision(
        "0006_odd",
        "op.seed('odd')",
        after=HEAD,
        head=f"""
            from terp_seed.rows.columns import code, computed
            from terp_seed.rows.seeders import Check, seeder

            @seeder("odd", {more})
            def odd(context):
                columns = {{"label": code("ODD-"), "content": computed(lambda span: {values})}}
                return [context.table("options", rows={rows}, columns=columns, key=("label",))]
        """,
    )


def test_an_error_in_the_middle_ends_the_text_in_a_stop(workshop: Workshop) -> None:
    bench = workshop.new()
    _seeder(bench, "['\\ud800' if row == 5500 else 'x' for row in span.rows()]")
    printed = bench.alembic("-x", FEW, "upgrade", "base:head", "--sql", check=False)
    assert printed.returncode == 255
    assert "table options, column content, row 5501" in printed.stderr
    assert "FAILED" not in printed.stdout
    assert "Traceback" not in printed.stderr
    assert "BEGIN" in printed.stdout or "START TRANSACTION" in printed.stdout
    last = statements(printed.stdout)[-1]
    assert "incomplete" in last
    stopped = bench.apply(printed.stdout, check=False)
    assert stopped.returncode != 0
    assert bench.version() == HEAD
    assert bench.value("SELECT COUNT(*) FROM options WHERE label LIKE 'ODD%%'") == 0
    alone = bench.apply(last, check=False)
    assert "division by zero" in alone.stderr if bench.postgresql else alone.returncode != 0


def test_an_invariant_that_does_not_hold_stops_the_script_and_the_run(workshop: Workshop) -> None:
    bench = workshop.new()
    bench.upgrade(HEAD, FEW)
    check = "SELECT id FROM options WHERE label LIKE 'ODD%3' -- the third"
    _seeder(
        bench, "['x' for row in span.rows()]", 4, f'checks=[Check("odd", "options", {check!r})]'
    )
    script = bench.script(HEAD, "head", FEW)
    refused(bench, script)
    with pytest.raises(VerificationError, match="odd"):
        bench.upgrade("head")
    bench.apply(re.sub("ODD%3", "ODD%5", script))


@pytest.mark.parametrize(
    ("upgrade", "head", "says"),
    [
        ("pass", "online_only = True", "online_only = True"),
        (
            "op.seed_rows('tags', [{'label': 'x', 'body': ''}, {'label': 'y', 'body': '\\ud800'}])",
            "",
            "tags, row 2, column body",
        ),
        (
            "op.seed_rows('tags', [{'label': 'x', 'amount': float('nan')}], key=['label'])",
            "",
            "tags, row 1, column amount",
        ),
        ("op.execute('DELETE FROM tags')", "", "DELETE"),
        ("op.create_table('t')", "", "CREATE"),
    ],
    ids=["online only", "surrogate", "NaN", "own SQL", "DDL"],
)
def test_what_cannot_be_a_script_is_refused_before_its_first_line(
    upgrade: str, head: str, says: str, workshop: Workshop
) -> None:
    bench = workshop.new()
    bench.revision("0006_odd", upgrade, after=HEAD, head=head)
    printed = bench.alembic("upgrade", f"{HEAD}:head", "--sql", check=False)
    assert printed.returncode == 255
    assert printed.stdout == ""
    (line,) = [line for line in printed.stderr.splitlines() if line.startswith("FAILED")]
    assert "0006_odd" in line or "table tags" in line
    assert says in line
    assert "Traceback" not in printed.stderr


@pytest.mark.parametrize("span", ["base:nowhere", "nowhere:head", "0001_values:0002x"])
def test_a_revision_that_is_not_there_is_said_on_stderr(span: str, workshop: Workshop) -> None:
    bench = workshop.new()
    printed = bench.alembic("upgrade", span, "--sql", check=False)
    assert printed.returncode == 255
    assert printed.stdout == ""
    assert "FAILED" in printed.stderr


def test_a_start_is_named_in_full(workshop: Workshop) -> None:
    """Alembic knows a revision by its first letters, the guard must know all of them."""
    bench = workshop.new()
    bench.upgrade("0001_values", FEW)
    bench.apply(bench.script("0001", "0002", FEW))
    assert bench.version() == "0002_makers"


def test_a_character_that_a_column_cannot_hold_is_refused_before_the_first_row(
    workshop: Workshop,
) -> None:
    bench = workshop.new()
    if not bench.mysql:  # every column holds all of Unicode there
        bench.upgrade("head", FEW)
        assert bench.counts()["notes"]
        return
    bench.execute("ALTER TABLE notes MODIFY body TEXT CHARACTER SET utf8mb3")
    run = bench.alembic("upgrade", "head", check=False)
    assert run.returncode == 255
    said = run.stdout + run.stderr
    assert "table notes, column body" in said
    assert re.search(r"utf8mb3.*\(row \d+\)", said)
    assert bench.version() is None
    assert bench.counts() == {}
    assert "\U0001f33f" not in said


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("tags", "amount", "[Decimal('1.5'), Decimal('0.0000001')]"),
        ("tags", "amount", "['1.50', '-0.0000001']"),
        ("tags", "amount", "[1.5, 1e14]"),
        ("things", "exact", "[Decimal('9' * 28), Decimal('9' * 28 + '.' + '9' * 11)]"),
        ("things", "code", "['fine', 'not fine ']"),
        ("things", "moment", "[datetime(2024, 1, 1), datetime(2024, 1, 1, 0, 0, 0, 500)]"),
        ("things", "clock", "[timedelta(hours=30), timedelta(microseconds=1)]"),
    ],
)
def test_what_a_server_would_change_without_a_word_is_refused(
    table: str, column: str, values: str, workshop: Workshop
) -> None:
    bench = workshop.new()
    bench.only(
        "0001_odd",
        f"op.seed_rows({table!r}, "
        f"[{{'label': str(n), {column!r}: v}} for n, v in enumerate({values})], key=['label'])",
        head="from datetime import datetime, timedelta\nfrom decimal import Decimal\n",
    )
    if bench.postgresql and column == "code":
        bench.modify("things", "code", "CHAR(12)")
    kept = {"clock"} if bench.postgresql else {"code", "moment", "clock"} if bench.sqlite else {}
    if column in kept:
        bench.upgrade("head")
        assert bench.counts()[table] == 2
        return
    with pytest.raises(PlanError, match=rf"table {table}, column {column}: .*\(row 2\)"):
        bench.upgrade("head")
    assert bench.counts() == {}


# -- how large it gets


def test_a_large_preview_is_printed_as_it_is_made(sqlite_url: str, tmp_path: Path) -> None:
    bench = Workshop(tmp_path, str, "sqlite").new(sqlite_url)
    peak, size = {}, {}
    for rows in (2_000, 80_000):
        made = bench.run(
            "python",
            "-c",
            "import resource, sys; from alembic.config import main\n"
            "main()\n"
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)",
            *("-n", "seed", "-x", f"url={sqlite_url}", "-x", f"rows=makers:{rows}"),
            *("upgrade", "0001_values:0002_makers", "--sql"),
        )
        unit = 1 if sys.platform == "darwin" else 1024
        peak[rows] = int(made.stderr.split()[-1]) * unit
        size[rows] = len(made.stdout)
    assert size[80_000] > 15_000_000
    assert peak[80_000] - peak[2_000] < 10_000_000
