"""PostgreSQL's COPY: what goes in is what an INSERT of the same rows would have put there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from projects import Project
from toys import Toy

from terp_seed.database.compare import database_digests, differing
from terp_seed.database.dialects import PostgreSQL
from terp_seed.database.session import opened
from terp_seed.database.statements import Live
from terp_seed.errors import PlanError, SeedError
from terp_seed.project.project import Project as Seeds
from terp_seed.rows.literals import (
    UnwritableError,
    copy_document,
    copy_fields,
    json_cells,
    json_text,
)
from terp_seed.rows.model import Cells, Lookup

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"\\": "\\", "t": "\t", "n": "\n", "r": "\r"}

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def read_field(field: str) -> str | None:
    """A field as PostgreSQL's documentation says that it is read."""
    assert not set(field) & set("\t\n\r")
    if field == r"\N":
        return None
    return _ESCAPED.sub(lambda found: _MEANING[found[1]], field)


@given(st.lists(TEXTS | st.sampled_from([r"\N", "\\.", "NULL", "a\tb", "\r\n"]) | st.none()))
def test_every_text_is_read_back_as_it_was(values: list[str | None]) -> None:
    assert [read_field(field) for field in copy_fields(Cells(values))] == values


@given(st.binary())
def test_bytes_are_read_back_as_they_were(value: bytes) -> None:
    (field,) = copy_fields(Cells([value]))
    assert read_field(field) == f"\\x{value.hex()}"


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_what_no_text_can_be_is_named_with_its_place(value: str) -> None:
    with pytest.raises(UnwritableError) as caught:
        copy_fields(Cells(["fine", value]))
    assert caught.value.args[1] == 1


def test_a_lookup_is_nothing_that_copy_takes() -> None:
    with pytest.raises(UnwritableError, match="sub-select"):
        copy_fields(Cells([Lookup("brands", (("name", "x"),)), 1]))


def test_no_document_is_three_fields_of_null() -> None:
    assert copy_document(None, {"orderId": "orders"}, {"orders": 1}) == [r"\N"] * 3


DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "orderId", "%s"]) | TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(TEXTS, DOCUMENTS, max_size=3), max_size=3), st.integers(0, 99))
def test_a_document_is_the_template_with_its_numbers(items: list[Any], number: int) -> None:
    value = [{"orderId": number, "lineId": number + 1}, *items]
    refs, places = {"orderId": "orders", "lineId": "lines"}, {"orders": 1, "lines": 2}
    (ready,) = json_cells(Cells([value])).values
    template, numbers, tables = copy_document(ready, refs, places)
    plain = read_field(template)
    assert plain is not None
    parts = zip(numbers.strip("{}").split(","), tables.strip("{}").split(","), strict=True)
    filled = iter([str(int(n) + 1000 * int(table)) for n, table in parts])
    made = re.sub("%%|%s", lambda found: "%" if found[0] == "%%" else next(filled), plain)

    def moved(part: Any) -> Any:
        if isinstance(part, list):
            return [moved(inner) for inner in part]
        if not isinstance(part, dict):
            return part
        return {
            name: inner + 1000 * places[refs[name]]
            if name in refs and type(inner) is int and inner >= 0
            else moved(inner)
            for name, inner in part.items()
        }

    assert json.loads(made) == moved(json.loads(json_text(value)))


# -- on a server

ROWS = """
odd = ["plain", r"\\N", "\\\\.", "a\\tb", "line\\nline", "carriage\\r", "\\\\", "'", "100 %s %%"]
odd += ["NULL", "", "\\U0001f600"]
rows = [
    {"code": f"C-{n:03}", "wording": odd[n % len(odd)] if n % 7 else None, "place": n,
     "extra": {"n": n, "text": odd[n % len(odd)]} if n % 5 else None}
    for n in range(250)
]
op.seed_rows("labels", rows, key=["code"])
"""


def stored(toy: Toy) -> list[Any]:
    return toy.rows("SELECT code, wording, place, extra::text FROM labels ORDER BY id")


def test_copied_rows_are_those_that_an_insert_would_have_put_there(
    postgresql_toy: Toy, client: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a run, by a script that psql applies, and as the text of INSERTs."""
    toy = postgresql_toy
    toy.only("0001_many", ROWS)
    script = toy.call("upgrade", "head", sql=True)
    assert "COPY pg_temp." in script
    toy.upgrade()
    by_run = stored(toy)
    assert len(by_run) == 250
    toy.document("status", "--drift")
    toy.downgrade("base")
    client(toy.url, script)
    assert stored(toy) == by_run
    toy.downgrade("base")
    monkeypatch.setattr(PostgreSQL, "stages_rows", False)
    assert "COPY" not in toy.call("upgrade", "head", sql=True)
    toy.upgrade()
    assert stored(toy) == by_run


def test_a_trigger_that_swallows_a_row_stops_the_run(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.only("0001_many", ROWS)
    toy.execute(
        "CREATE FUNCTION swallow() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN IF NEW.place = 7 THEN RETURN NULL; END IF; RETURN NEW; END'",
        "CREATE TRIGGER swallow BEFORE INSERT ON labels FOR EACH ROW EXECUTE FUNCTION swallow()",
    )
    with pytest.raises(PlanError, match=r"took 99 of 100 rows.*trigger"):
        toy.upgrade()
    assert toy.counts() == {}


def test_a_script_stops_at_a_row_too_few(
    postgresql_toy: Toy, client: Callable[..., object]
) -> None:
    """A script that lost a line of its data on the way is no whole one."""
    toy = postgresql_toy
    toy.only("0001_many", ROWS)
    script = toy.call("upgrade", "head", sql=True)
    lines = script.splitlines(keepends=True)
    (place,) = [n for n, line in enumerate(lines) if re.match(r"\d+\tC-007\t", line)]
    client(toy.url, "".join(lines[:place] + lines[place + 1 :]), check=False)
    assert toy.counts() == {}


def test_an_application_gets_keys_behind_the_copied_ones(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.only("0001_many", ROWS)
    toy.upgrade()
    toy.execute("INSERT INTO labels (code) VALUES ('MINE')")
    assert toy.value("SELECT MAX(id) FROM labels") == 251


def test_references_inside_documents_lead_where_those_of_an_insert_lead(
    project: Project, new_database: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """TERP's orders hold a document that names batches and products by id."""
    digests = []
    for stages in (True, False):
        url = new_database("postgresql")
        project.run("alembic", "-x", f"url={url}", "upgrade", "head")
        monkeypatch.setattr(PostgreSQL, "stages_rows", stages)
        seeds = Seeds(project.path / "alembic.ini", x=(f"url={url}", "size=medium"))
        seeds.upgrade("head")
        with opened(seeds.settings()) as session:
            session.connection.exec_driver_sql("SET timezone = 'UTC'")
            digests.append(database_digests(session.connection))
            assert session.scalar("SELECT COUNT(*) FROM orders WHERE items IS NOT NULL") > 100
    assert differing(*digests) == []


def test_rows_without_an_integer_key_are_copied_too(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.only(
        "0001_pairs",
        'rows = [{"left_code": f"L{n}", "right_code": "R", "weight": n} for n in range(150)]\n'
        'op.seed_rows("pairs", rows, key=["left_code", "right_code"], id=None)',
    )
    toy.upgrade()
    assert toy.value("SELECT SUM(weight) FROM pairs") == sum(range(150))
    toy.downgrade("base")
    assert toy.counts() == {}


FAMILY = """
from terp_seed import SeedContext, code, seeder
from terp_seed.rows.model import Column


@seeder("family")
def family(context: SeedContext):
    parents = Column(lambda span: [{parent} for row in span.rows()], ref="family")
    columns = {{"code": code("F-"), "parent": parents}}
    return [context.table("family", rows=450, key=("code",), columns=columns)]
"""


@pytest.mark.parametrize(
    ("parent", "inserts"),
    [
        ("row // 2 or None", 2),  # the second block begins at row 100
        ("row", 2),
        ("(row + 5) % 450", 1),
        ("150 if row == 3 else None", 1),
    ],
)
def test_rows_wait_for_those_of_their_table_that_they_refer_to(
    postgresql_toy: Toy, client: Callable[..., object], parent: str, inserts: int
) -> None:
    toy = postgresql_toy
    toy.only("0001_family", 'op.seed("family")', head=FAMILY.format(parent=parent))
    toy.execute(
        "CREATE TABLE family (id serial PRIMARY KEY, code text NOT NULL UNIQUE, "
        "parent int REFERENCES family)",
        "INSERT INTO family (code) VALUES ('MINE')",
    )
    script = toy.call("upgrade", "head", sql=True)
    assert script.count('INSERT INTO "family"') == inserts
    toy.upgrade()
    read = "SELECT code, parent - (SELECT MIN(id) FROM family WHERE code <> 'MINE') FROM family"
    by_run = toy.rows(f"{read} ORDER BY id")
    expected = [eval(parent, {"row": row}) for row in range(450)]
    assert [place for _, place in by_run] == [None, *expected]
    toy.downgrade("base")
    client(toy.url, script)
    assert toy.rows(f"{read} ORDER BY id") == by_run


def test_many_rows_of_two_tables_that_refer_to_each_other(
    postgresql_toy: Toy, client: Callable[..., object]
) -> None:
    toy = postgresql_toy
    toy.execute(
        "CREATE TABLE teams (id serial PRIMARY KEY, code text NOT NULL UNIQUE, head int)",
        "CREATE TABLE members (id serial PRIMARY KEY, code text NOT NULL UNIQUE, "
        "team int NOT NULL REFERENCES teams)",
        "ALTER TABLE teams ADD FOREIGN KEY (head) REFERENCES members",
    )
    toy.only(
        "0001_teams",
        'teams = [{"code": f"T{n}", "head": f"M{n}"} for n in range(300)]\n'
        'members = [{"code": f"M{n}", "team": f"T{299 - n}"} for n in range(300)]\n'
        'op.seed_rows("teams", teams, key=["code"], refs={"head": "members.code"}, '
        'later=["head"])\n'
        'op.seed_rows("members", members, key=["code"], refs={"team": "teams.code"})',
    )
    script = toy.call("upgrade", "head", sql=True)
    toy.upgrade()
    read = (
        "SELECT t.code, m.code, o.code FROM teams t JOIN members m ON m.id = t.head "
        "JOIN teams o ON o.id = m.team ORDER BY t.id"
    )
    by_run = toy.rows(read)
    assert by_run == [(f"T{n}", f"M{n}", f"T{299 - n}") for n in range(300)]
    toy.document("status", "--drift")
    toy.downgrade("base")
    client(toy.url, script)
    assert toy.rows(read) == by_run


def test_a_copy_that_fails_is_one_clear_error(postgresql_toy: Toy) -> None:
    with postgresql_toy.connect() as connection:
        connection.exec_driver_sql("CREATE TEMPORARY TABLE one (n integer)")
        stream = Live(connection)
        with pytest.raises(PlanError, match="took 1 of 2 rows"):
            stream.copy("COPY one FROM STDIN", "1\n", rows=2, what="table one")
        with pytest.raises(SeedError, match="table nowhere"):
            stream.copy("COPY nowhere FROM STDIN", "1\n", rows=1, what="table nowhere")
