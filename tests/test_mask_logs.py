"""A primary key that is masked shows in every UPDATE: no server may log the statements."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from copies import Copy

from terp_seed.database.dialects import MySQL, PostgreSQL, dialect_of
from terp_seed.errors import GuardError
from terp_seed.mask_database.evidence import evidence
from terp_seed.mask_database.run import MaskOptions, rehearse

SETTINGS = {
    "general_log": ("SET GLOBAL general_log = ON", "SET GLOBAL general_log = OFF"),
    "slow_query_log": ("SET GLOBAL slow_query_log = ON", "SET GLOBAL slow_query_log = OFF"),
    "log_statement": (
        "ALTER DATABASE {0} SET log_statement = 'mod'",
        "ALTER DATABASE {0} SET log_statement = 'none'",
    ),
    "log_min_duration_statement": (
        "ALTER DATABASE {0} SET log_min_duration_statement = 0",
        "ALTER DATABASE {0} SET log_min_duration_statement = '-1'",
    ),
}


@contextmanager
def setting(copy: Copy, server: Any, name: str) -> Iterator[str]:
    """A server that logs; gives the statement that ends it."""
    place = copy.db.dialect.identifier_preparer.quote_identifier(str(copy.db.url.database))
    on, off = (statement.format(place) for statement in SETTINGS[name])
    server.execute(on)
    try:
        yield off
    finally:
        server.execute(off)


@pytest.fixture
def logins(new_copy: Callable[..., Copy]) -> Copy:
    copy = new_copy(logins="mail VARCHAR(80) PRIMARY KEY, name VARCHAR(60)")
    copy.settings = replace(copy.settings, backup="none")
    copy.policy("[tables.logins]", 'mail = { class = "email" }', 'name = { class = "person_name" }')
    copy.run("INSERT INTO logins VALUES ('canary-1@real-corp.com', 'Jane Canary')")
    return copy


@pytest.mark.parametrize("name", SETTINGS)
def test_a_key_is_not_masked_while_the_server_logs_statements(
    logins: Copy, name: str, request: pytest.FixtureRequest
) -> None:
    mine = {"sqlite": (), "postgresql": ("log_statement", "log_min_duration_statement")}
    if name not in mine.get(logins.name, ("general_log", "slow_query_log")):
        return
    server = request.getfixturevalue("postgresql" if logins.name == "postgresql" else "mariadb")
    with setting(logins, server, name) as off:
        with pytest.raises(GuardError, match="the primary key of logins is masked, and") as told:
            rehearse(logins.settings, MaskOptions())
        assert f"{name}; turn that off while you mask: {off}" in str(told.value)
        logins.policy(
            "[tables.logins]",
            'mail = { pii = false, reason = "ours", false_alarms = ["email"] }',
            'name = { class = "person_name" }',
        )
        assert logins.mask() == {"logins": 1}  # no key of a person
    logins.policy(
        "[tables.logins]", 'mail = { class = "email" }', 'name = { class = "person_name" }'
    )
    assert logins.mask() == {"logins": 1}


@pytest.mark.parametrize("engine", [MySQL, PostgreSQL])
def test_what_cannot_be_read_is_in_the_evidence(
    logins: Copy, engine: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    if logins.name not in engine.names:
        return
    unread = {"a_log": None}
    monkeypatch.setattr(engine, "statement_logs", lambda self, connection: unread)
    logins.mask()
    assert evidence(logins.settings)["unread_logs"] == ["a_log"]


def test_a_quiet_server_logs_nothing(logins: Copy) -> None:
    with logins.db.connect() as connection:
        assert dialect_of(connection).statement_logs(connection) == {}
