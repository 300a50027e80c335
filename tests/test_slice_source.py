"""What the source of a slice notices: nothing is written, nobody waits, SELECT alone will do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from copies import Copy, add_people
from slices import Target, into, request, script
from sqlalchemy.engine import make_url

from terp_seed.database.compare import database_digests
from terp_seed.errors import SeedError
from terp_seed.slice.run import slice_into
from terp_seed.slice.snapshot import open_snapshot
from terp_seed.slice.targets.script import ScriptTarget

VISITS = "id INTEGER PRIMARY KEY, person_id INTEGER NOT NULL REFERENCES people (id)"


@pytest.fixture(autouse=True)
def no_seeders(monkeypatch: pytest.MonkeyPatch) -> None:
    """What seeders of other tests in this process have said of references is not this source's."""
    monkeypatch.setattr("terp_seed.rows.seeders._REFERENCES", {})


@pytest.fixture
def source(new_copy: Callable[..., Copy]) -> Copy:
    """Twenty people with a visit each."""
    copy = new_copy(
        "production",
        people="id INTEGER PRIMARY KEY, name VARCHAR(60), mail VARCHAR(80)",
        visits=VISITS,
    )
    copy.policy("[tables.people]", 'name = { class = "person_name" }', 'mail = { class = "email" }')
    add_people(copy, range(1, 21))
    copy.run("INSERT INTO visits VALUES " + ", ".join(f"({n}, {n})" for n in range(1, 21)))
    return copy


def everything(copy: Copy) -> Any:
    with copy.db.connect() as connection:
        return database_digests(connection, leave_out=(), exact=True)


def test_the_source_is_as_it_was(source: Copy, tmp_path: Path) -> None:
    before = everything(source)
    path = Path(str(source.db.url.database))
    content = path.read_bytes() if source.name == "sqlite" else b""
    script(source, tmp_path / "slice.sql", request("people", depth=2))
    assert everything(source) == before
    if source.name == "sqlite":
        assert path.read_bytes() == content


def test_a_server_counts_no_written_row(source: Copy, tmp_path: Path) -> None:
    if source.name == "sqlite":
        pytest.skip("a file counts nothing")
    if source.name == "postgresql":
        counters = (
            "SELECT SUM(n_tup_ins + n_tup_upd + n_tup_del), COUNT(*), "
            "(SELECT COUNT(*) FROM pg_class) FROM pg_stat_user_tables"
        )
    else:
        counters = (
            "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_update', 'Com_delete', "
            "'Com_create_table', 'Com_lock_tables', 'Innodb_row_lock_waits', 'Com_commit')"
        )
    before = source.all(counters)
    script(source, tmp_path / "slice.sql", request("people", depth=2))
    assert source.all(counters) == before


def test_a_session_of_a_slice_cannot_write(source: Copy) -> None:
    with pytest.raises(SeedError), open_snapshot(source.settings) as found:
        found.rows("DELETE FROM visits")
    assert len(source.all("SELECT * FROM visits")) == 20


def test_an_application_writes_meanwhile_and_waits_for_nothing(
    source: Copy, tmp_path: Path
) -> None:
    if source.name == "sqlite":
        source.all("PRAGMA journal_mode = WAL")
    patience = {
        "sqlite": "PRAGMA busy_timeout = 100",
        "postgresql": "SET lock_timeout = '100ms'",
    }.get(source.name, "SET innodb_lock_wait_timeout = 1")

    def write(plan: object) -> None:
        with source.db.begin() as connection:
            connection.exec_driver_sql(patience)
            connection.exec_driver_sql("UPDATE people SET name = 'Jane Canary99' WHERE id < 5")
            connection.exec_driver_sql("DELETE FROM visits WHERE id = 20")
            connection.exec_driver_sql("INSERT INTO visits VALUES (21, 1)")

    path = tmp_path / "slice.sql"
    before = script(source, tmp_path / "before.sql", request("people", depth=2))
    slice_into(source.settings, request("people", depth=2), ScriptTarget(path), write)
    assert path.read_text() == before
    assert len(source.all("SELECT * FROM visits WHERE id = 21")) == 1


@pytest.mark.parametrize("server", ["mariadb", "postgresql"])
def test_a_user_with_select_alone_will_do(
    server: str, new_copy: Callable[..., Copy], engine: str, request: Any, tmp_path: Path
) -> None:
    if engine.replace("mysql", "mariadb") != server:
        pytest.skip("the user is made on a server")
    from slices import request as asked

    copy = new_copy("production", people="id INTEGER PRIMARY KEY, name VARCHAR(60)")
    copy.policy("[tables.people]", 'name = { class = "person_name" }')
    copy.run("INSERT INTO people VALUES (1, 'Jane Canary1')")
    running, name = request.getfixturevalue(server), str(copy.db.url.database)
    if server == "mariadb":
        running.execute(
            "DROP USER IF EXISTS reader@'127.0.0.1'",
            "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'reads-9x'",
            f"GRANT SELECT ON `{name}`.* TO reader@'127.0.0.1'",
        )
    else:
        running.execute(
            "DROP OWNED BY reader" if running.execute(_READER) else "SELECT 1", database=name
        )
        running.execute(
            "DROP ROLE IF EXISTS reader", "CREATE ROLE reader LOGIN PASSWORD 'reads-9x'"
        )
        running.execute("GRANT SELECT ON people TO reader", database=name)
    url = make_url(running.url(name)).set(username="reader", password="reads-9x")
    copy.settings = replace(copy.settings, url=url)
    text = script(copy, tmp_path / "slice.sql", asked("people"))
    assert "INSERT" in text
    assert "anary" not in text
    reader = sa.create_engine(url, poolclass=sa.NullPool)
    with pytest.raises(sa.exc.DBAPIError), reader.begin() as connection:
        connection.exec_driver_sql("DELETE FROM people")


_READER = "SELECT 1 FROM pg_roles WHERE rolname = 'reader'"


def test_a_rate_is_kept(source: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By waiting, which the test counts instead of doing it."""
    waited: list[float] = []
    monkeypatch.setattr("terp_seed.slice.snapshot.sleep", waited.append)
    script(source, tmp_path / "slice.sql", request("people", rate=10))
    assert sum(waited) > 2
    waited.clear()
    script(source, tmp_path / "quick.sql", request("people"))
    assert waited == []


def test_no_value_is_in_an_error_or_on_the_terminal(
    source: Copy, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A mask that fails, and a text that the policy calls harmless and that is not."""
    source.policy(
        "[tables.people]", 'name = { class = "person_name" }', 'mail = { class = "json" }'
    )
    source.run("UPDATE people SET name = 'x@canary.de' WHERE id = 20")
    source.policy(
        "[tables.people]",
        'not_personal = [{ columns = ["name"], reason = "test" }]',
        'mail = { class = "email" }',
    )
    with pytest.raises(SeedError) as failed:
        script(source, tmp_path / "slice.sql", request("people"))
    said = str(failed.value) + "".join(capfd.readouterr())
    assert "people.name is declared pii = false, but its values hold" in said
    assert "anary" not in said
    assert not any(tmp_path.glob("slice.sql*"))


def test_a_late_value_that_looks_personal_undoes_the_slice(
    new_copy: Callable[..., Copy], tmp_path: Path
) -> None:
    """The plan looks at some rows; each block is looked at once more."""
    copy = new_copy("production", notes="id INTEGER PRIMARY KEY, word VARCHAR(60)")
    copy.policy("[tables.notes]", 'not_personal = [{ columns = ["word"], reason = "test" }]')
    rows = [f"({n}, 'plain')" for n in range(1, 1001)]
    rows[998] = "(999, 'ring +1 415-867-5309')"
    copy.run("INSERT INTO notes VALUES " + ", ".join(rows))
    target = Target(copy, f"sqlite:///{tmp_path}/late.db")
    with pytest.raises(SeedError, match="a value that looks personal came up"):
        into(copy, target, request("notes"))
    assert [*tmp_path.glob("late.db*")] == []
