"""psql, pg_dump and those of other engines: they connect as the run does, and tell no value."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from servers import PostgreSQL, server_engine
from toys import Toy

from terp_seed.database.dialects import clients, dialect_named
from terp_seed.errors import UsageError

TAKEN = "INSERT INTO labels (id, code) VALUES (1, 'secret'), (2, 'secret')"


@pytest.fixture
def script(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / "script.sql"
        path.write_text(text)
        return path

    return write


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], dict[str, str]]]:
    """The commands that were run, each with its environment."""
    found: list[tuple[list[str], dict[str, str]]] = []
    run = subprocess.run

    def note(command: list[str], **more: Any) -> Any:
        found.append((command, more.get("env") or {}))
        return run(command, **more)

    monkeypatch.setattr(clients.subprocess, "run", note)
    return found


def with_query(url: str, **query: str) -> sa.URL:
    return sa.make_url(url).update_query_dict(query)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ({"sslmode": "require"}, "server does not support SSL"),
        ({"options": "-c default_transaction_read_only=on"}, "the server refused .*error 25006"),
        ({"host": "127.0.0.1:1"}, "connection to server at .*, port 1 failed"),
    ],
)
def test_the_clients_connect_as_the_url_says(
    postgresql_url: str, script: Callable[[str], Path], query: dict[str, str], complaint: str
) -> None:
    url = with_query(postgresql_url, **query)
    if "host" in query:
        url = url.set(host=None, port=None)
    found = dialect_named("postgresql").clients.apply(url, script("CREATE TABLE x (id INT);"))
    assert re.search(complaint, found), found


def test_a_list_of_hosts_is_gone_through(
    postgresql_url: str, script: Callable[[str], Path], tmp_path: Path
) -> None:
    url = sa.make_url(postgresql_url)
    hosts = ("127.0.0.1:1", f"127.0.0.1:{url.port}")
    url = url.set(host=None, port=None).update_query_pairs([("host", host) for host in hosts])
    url = url.update_query_dict({"connect_timeout": "5"})
    psql = dialect_named("postgresql").clients
    assert psql.apply(url, script("CREATE TABLE there (id INT);")) == ""
    psql.dump(url, tmp_path / "dump.sql")
    assert "CREATE TABLE public.there" in (tmp_path / "dump.sql").read_text()


@pytest.mark.parametrize("place", ["password", "query"])
def test_the_urls_password_is_the_one_that_counts(
    postgresql_url: str,
    script: Callable[[str], Path],
    commands: list[tuple[list[str], dict[str, str]]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    place: str,
) -> None:
    monkeypatch.setenv("PGPASSWORD", "another database's")
    url = sa.make_url(postgresql_url)
    password = str(url.password)
    url = url.update_query_dict({"sslpassword": "secret", "passfile": str(tmp_path / "none")})
    if place == "query":
        url = sa.URL.create(**{**url._asdict(), "password": None}).update_query_dict(
            {"password": password}
        )
    psql = dialect_named("postgresql").clients
    assert psql.apply(url, script("SELECT 1;")) == ""
    psql.dump(url, tmp_path / "dump.sql")
    shown = [*(" ".join(command) for command, _ in commands), psql.restoring(url, tmp_path)]
    assert len(shown) == 3
    for text in shown:
        assert "dbname=test_" in text
        assert password not in text
        assert "secret" not in text


def test_a_passfile_of_the_url_serves_where_there_is_no_password(
    postgresql_url: str, script: Callable[[str], Path], tmp_path: Path
) -> None:
    url = sa.make_url(postgresql_url)
    escaped = str(url.password).replace(":", "\\:")
    (tmp_path / "pass").write_text(f"*:*:*:*:{escaped}\n")
    (tmp_path / "pass").chmod(0o600)
    url = sa.URL.create(**{**url._asdict(), "password": None})
    url = url.update_query_dict({"passfile": str(tmp_path / "pass")})
    assert dialect_named("postgresql").clients.apply(url, script("SELECT 1;")) == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"SELECT 1;\n{TAKEN};", ("line 2: another row already owns", "UNIQUE constraint failed")),
        ("SELECT 1;\nSELECT 'secret' FROM labels WHERE;", ("line 2: the server refused", "near")),
        ("SELECT secret FROM labels;", ("line 1: a column does not exist", "no such column")),
    ],
)
def test_a_complaint_says_where_and_no_value(
    toy: Toy, script: Callable[[str], Path], text: str, says: tuple[str, str]
) -> None:
    """A client shows the statement behind its error, and values in it."""
    tool = dialect_named(toy.db.dialect.name).clients
    found = tool.apply(toy.db.url, script(text))
    assert says[toy.sqlite] in found
    assert toy.sqlite or "secret" not in found
    assert "\n" not in found
    assert "^" not in found


@pytest.mark.parametrize("engine", [server_engine(), "postgresql"])
def test_a_dump_that_fails_says_why(database_url: str, tmp_path: Path) -> None:
    url = sa.make_url(database_url).set(database="absent")
    with pytest.raises(UsageError, match=r"failed on 'absent': .*(does not exist|denied|Unknown)"):
        dialect_named(url.get_backend_name()).clients.dump(url, tmp_path / "dump.sql")


def test_mysqls_clients_connect_as_the_url_says(
    mariadb_url: str, script: Callable[[str], Path]
) -> None:
    tool = dialect_named(sa.make_url(mariadb_url).get_backend_name()).clients
    absent = with_query(mariadb_url, ssl_ca="/absent/ca.pem", connect_timeout="5")
    assert "ca.pem" in tool.restoring(absent, Path("dump.sql"))
    fine = with_query(mariadb_url, connect_timeout="5", ssl_mode="PREFERRED")
    assert tool.apply(fine, script("SELECT 1;")) == ""


@pytest.mark.parametrize("schema", ["Books", 'odd "name*'])
def test_a_dump_holds_every_schema(
    postgresql: PostgreSQL, postgresql_url: str, tmp_path: Path, schema: str
) -> None:
    url = sa.make_url(postgresql_url)
    quoted = schema.replace('"', '""')
    postgresql.execute(
        f'CREATE SCHEMA "{quoted}" AUTHORIZATION seeder',
        f'CREATE TABLE "{quoted}".there (id INT)',
        f'ALTER TABLE "{quoted}".there OWNER TO seeder',
        "CREATE TABLE elsewhere (id INT)",
        "ALTER TABLE elsewhere OWNER TO seeder",
        database=str(url.database),
    )
    psql = dialect_named("postgresql").clients
    psql.dump(url, tmp_path / "dump.sql")
    assert psql.missing(tmp_path / "dump.sql", ["there", "elsewhere"]) == []
