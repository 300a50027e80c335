"""``requires_schema``: a seed revision waits for the schema that it needs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from toys import Toy

from terp_seed.errors import PlanError, UsageError

STREAM = {"aaaa1": None, "bbbb2": "aaaa1", "cccc3": "bbbb2"}


def stream(toy: Toy, *at: str) -> None:
    """A schema stream of three revisions, and a database that is at some of them."""
    folder = toy.path / "schema" / "versions"
    folder.mkdir(parents=True)
    (toy.path / "schema" / "env.py").write_text("")
    for revision, below in STREAM.items():
        text = f"revision = {revision!r}\ndown_revision = {below!r}\n"
        (folder / f"{revision}.py").write_text(
            f"{text}def upgrade(): pass\ndef downgrade(): pass\n"
        )
    toy.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    moved(toy, *at)


def moved(toy: Toy, *at: str) -> None:
    toy.execute("DELETE FROM alembic_version")
    toy.execute(*(f"INSERT INTO alembic_version VALUES ('{revision}')" for revision in at))


def requiring(toy: Toy, schema: str = "bbbb2", *, section: bool = True) -> Path:
    """The toy with a first revision that requires a schema."""
    if section:
        toy.ini("schema_section = schema", "", "[schema]", "script_location = %(here)s/schema")
    row = "op.seed_rows('labels', [{'code': 'A'}], key=['code'])"
    return toy.only("0001_a", row, head=f"requires_schema = {schema!r}")


@pytest.mark.parametrize("at", [(), ("aaaa1",), ("zzzz9",)])
def test_an_older_schema_is_refused_before_the_first_write(toy: Toy, at: tuple[str, ...]) -> None:
    stream(toy, *at)
    requiring(toy)
    before = toy.everything()
    said = (
        f"revision 0001_a needs the schema at bbbb2, and it is at {', '.join(at) or 'its base'}: "
        "alembic -n schema upgrade bbbb2"
    )
    with pytest.raises(PlanError) as caught:
        toy.upgrade()
    assert said in str(caught.value)
    assert said in toy.document("plan", code=4)["findings"][0]
    assert toy.everything().items() >= before.items()


@pytest.mark.parametrize("at", [("bbbb2",), ("cccc3",), ("zzzz9", "cccc3")])
def test_the_schema_or_a_later_one_will_do(toy: Toy, at: tuple[str, ...]) -> None:
    stream(toy, *at)
    requiring(toy)
    toy.upgrade()
    moved(toy, "aaaa1")
    toy.downgrade()  # needs nothing
    assert toy.counts().keys() <= {"alembic_version"}


def test_a_script_stops_where_the_run_would(toy: Toy, client: Any) -> None:
    stream(toy, "aaaa1")
    requiring(toy)
    script = toy.upgrade("head", sql=True)
    assert "stops here unless the schema is at bbbb2 or later, for 0001_a" in script
    assert client(toy.url, script, check=False).returncode != 0
    assert "labels" not in toy.counts()
    moved(toy, "cccc3")
    client(toy.url, script)
    assert toy.counts()["labels"] == 1


def test_check_knows_whether_it_exists(sqlite_toy: Toy) -> None:
    stream(sqlite_toy, "cccc3")
    requiring(sqlite_toy)
    checks = {one["check"]: one for one in sqlite_toy.document("check")["checks"]}
    assert checks["required schema"]["detail"] == "bbbb2 in [schema]"
    assert checks["up, down, up"]["state"] == "ok"
    requiring(sqlite_toy, "bbbb", section=False)
    checks = {one["check"]: one for one in sqlite_toy.document("check", code=4)["checks"]}
    assert checks["required schema"]["detail"] == (
        "revision 0001_a: section [schema] has no schema revision bbbb; correct requires_schema"
    )


def test_a_section_that_is_missing(sqlite_toy: Toy) -> None:
    requiring(sqlite_toy, section=False)
    with pytest.raises(UsageError, match="add schema_section = alembic"):
        sqlite_toy.upgrade()
    sqlite_toy.ini("schema_section = absent")
    with pytest.raises(UsageError, match="schema_section = absent: "):
        sqlite_toy.upgrade()


@pytest.mark.parametrize("wrong", ["7", "('a', 'b')", "''"])
def test_it_is_one_id(sqlite_toy: Toy, wrong: str) -> None:
    sqlite_toy.only("0001_a", "pass", head=f"requires_schema = {wrong}")
    with pytest.raises(PlanError, match="must be the id of one revision of the schema"):
        sqlite_toy.upgrade()


def test_another_version_table(sqlite_toy: Toy) -> None:
    stream(sqlite_toy, "cccc3")
    requiring(sqlite_toy)
    sqlite_toy.execute("ALTER TABLE alembic_version RENAME TO app_version")
    with pytest.raises(PlanError, match="it is at its base"):
        sqlite_toy.upgrade()
    path = sqlite_toy.path / "alembic.ini"
    line = "schema_section = schema\n"
    path.write_text(path.read_text().replace(line, f"{line}schema_version_table = app_version\n"))
    sqlite_toy.upgrade()
