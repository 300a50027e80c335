"""Tables in several schemas of PostgreSQL, and in several databases of a MySQL server."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers import PostgreSQL
from sqlalchemy.engine import make_url
from toys import Toy

from terp_seed.errors import PlanError, RollbackError, SeedError, VerificationError
from terp_seed.project.project import Project as Seeds
from terp_seed.project.round_trip import round_trip, transaction

ROWS = """[
    {"code": "A", "parent": None, "label_id": None, "weight": "1.5"},
    {"code": "B", "parent": None, "label_id": "one", "weight": "2"},
]"""


@dataclass
class Sales:
    """A toy with two tables in another schema, and one beside it that points there."""

    toy: Toy
    schema: str

    @property
    def items(self) -> str:
        """The table's name, as a revision says it."""
        return f"{self.schema}.Items"

    @property
    def place(self) -> str:
        """The table's name, as SQL says it."""
        return self.sql(self.items)

    def sql(self, name: str) -> str:
        quote = self.toy.db.dialect.identifier_preparer.quote_identifier
        return ".".join(map(quote, name.split(".")))

    def digest(self) -> object:
        with self.toy.connect() as connection:
            rows = connection.exec_driver_sql(f"SELECT * FROM {self.place} ORDER BY id").all()
        return [tuple(row)[1:] for row in rows], self.toy.counts()

    def policy(self, key: str, rule: str) -> None:
        """What the masking policy says of the table."""
        path = self.toy.path / "seeds" / "masking.toml"
        head = f'\n[tables."{self.items}"]\n'
        value = f"[\n  {rule},\n]" if key == "not_personal" else rule
        path.write_text(f"{path.read_text().partition(head)[0]}{head}{key} = {value}\n")

    def seeds(self) -> None:
        """A chain of rows there, rows here that refer to them, and generated rows there."""
        self.toy.only("0001_labels", 'op.seed_rows("labels", [{"code": "one"}], key=["code"])')
        self.toy.revision(
            "0002_items",
            f"op.seed_rows({self.items!r}, {ROWS}, key=['code'], refs={{'label_id': "
            f"'labels.code', 'parent': {self.items + '.code'!r}}})\n"
            f"op.seed_rows({self.items!r}, [{{'code': 'C', 'parent': 'A', 'label_id': None}}], "
            f"key=['code'], refs={{'parent': {self.items + '.code'!r}}})",
            after="0001_labels",
        )
        self.toy.revision(
            "0003_notes",
            f"op.seed_rows('notes', [{{'text': 'n', 'item': 'B'}}], key=['text'], "
            f"refs={{'item': {self.items + '.code'!r}}})",
            after="0002_items",
        )
        self.toy.revision(
            "0004_many",
            f'op.seed("many{self.schema}")',
            after="0003_notes",
            head=MANY.format(items=self.items, name=f"many{self.schema}", place=self.place),
        )


MANY = '''
from terp_seed import Check, Derived, code, constant, reference, seeder


@seeder(
    "{name}",
    derives=[Derived({items!r}, {{"weight": "3"}})],
    checks=[Check("light", {items!r}, """SELECT id FROM {place} WHERE weight > 3""")],
)
def many(context):
    """Rows of two operations of which the second refers to the first."""
    yield context.table(
        {items!r},
        rows=600,
        key=("code",),
        derived=("weight",),
        columns={{"code": code("M-"), "weight": constant(0)}},
    )
    yield context.table(
        "notes",
        rows=600,
        key=("text",),
        columns={{"text": code("N-"), "item": reference({items!r}, 600)}},
    )
'''


@pytest.fixture(params=["mariadb", "postgresql"])
def sales(
    request: pytest.FixtureRequest, new_database: Callable[[str], str], new_toy: Callable[..., Toy]
) -> Iterator[Sales]:
    kind = request.param
    if kind == "mariadb":
        kind = request.getfixturevalue("mariadb").engine
    toy = new_toy(new_database(kind))
    schema = "Sales"
    if toy.mysql:
        schema = str(make_url(new_database(kind)).database)
    else:
        toy.execute('CREATE SCHEMA "Sales"')
    made = Sales(toy, schema)
    with toy.db.connect() as connection:
        tables = sa.MetaData()
        tables.reflect(connection, only=["labels"])
        items = sa.Table(
            "Items",
            tables,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("code", sa.String(40), nullable=False, unique=True),
            sa.Column("parent", sa.ForeignKey(f"{schema}.Items.id")),
            sa.Column("label_id", tables.tables["labels"].c.id.type),
            sa.Column("weight", sa.Numeric(8, 2)),
            schema=schema,
        )
        notes = sa.Table(
            "notes",
            tables,
            sa.Column("id", sa.Integer, primary_key=True),
            sa.Column("text", sa.String(20), nullable=False, unique=True),
            sa.Column("item", sa.ForeignKey(items.c.id)),
        )
        tables.create_all(connection, tables=[items, notes])
        connection.commit()
    made.seeds()
    made.policy("not_personal", '{ columns = ["code", "parent", "label_id"], reason = "ours" }')
    yield made
    toy.execute("DROP TABLE notes")  # it points into the other database, which goes first


def test_up_and_down_and_up_again(sales: Sales) -> None:
    toy = sales.toy
    before = sales.digest()
    toy.upgrade()
    rows, counts = sales.digest()
    assert len(rows) == 603
    assert counts == {"labels": 1, "notes": 601}
    (weights,) = toy.rows(f"SELECT MIN(weight), COUNT(*) FROM {sales.place} WHERE weight = 3")
    assert weights == (3, 600)
    toy.terp_seed("status", "--drift")
    toy.terp_seed("verify", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert sales.digest() == before
    toy.upgrade()
    assert [row[0] for row in sales.digest()[0]] == [row[0] for row in rows]


def test_the_script_is_the_run(
    sales: Sales, client: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    toy = sales.toy
    toy.upgrade()
    rows, counts = sales.digest()
    toy.downgrade()
    toy.rewind()
    before = sales.digest()
    client(toy.url, toy.upgrade("base:head", sql=True))
    scripted = sales.digest()
    assert ([row[0] for row in scripted[0]], scripted[1]) == ([row[0] for row in rows], counts)
    toy.terp_seed("status", "--drift")
    client(toy.url, toy.downgrade("head:base", sql=True))
    assert sales.digest() == before


@pytest.mark.parametrize("scripted", [False, True])
def test_a_row_that_points_there_keeps_the_seed(
    sales: Sales, client: Callable[..., subprocess.CompletedProcess[str]], scripted: bool
) -> None:
    toy = sales.toy
    toy.upgrade("0002_items")
    toy.execute(
        f"INSERT INTO {sales.place} (id, code, parent) SELECT 900, 'theirs', id "
        f"FROM {sales.place} WHERE code = 'B'"
    )
    before = sales.digest()
    if scripted:
        done = client(toy.url, toy.downgrade("head:base", sql=True), check=False)
        assert done.returncode
    else:
        with pytest.raises(RollbackError, match=rf"1 in {sales.items}.parent -> {sales.items}"):
            toy.downgrade()
    assert sales.digest() == before


def test_an_edited_row_is_found_and_a_plan_counts(sales: Sales) -> None:
    toy = sales.toy
    toy.upgrade("0002_items")
    toy.execute(f"UPDATE {sales.place} SET weight = 9 WHERE code = 'B'")
    drifted = toy.document("status", "--drift", code=8)
    found = {table["table"]: table for step in drifted["revisions"] for table in step["tables"]}
    assert (found[sales.items]["edited"], found[sales.items]["intact"]) == (1, 2)
    with pytest.raises(RollbackError, match=f"1 in {sales.items}"):
        toy.downgrade("base", "on-edited=abort")
    toy.downgrade("base", "on-edited=keep")
    assert [row[0] for row in sales.digest()[0]] == ["B"]


@pytest.mark.parametrize("kind", ["rows", "dump"])
def test_a_backup_holds_the_rows(sales: Sales, tmp_path: Path, kind: str) -> None:
    toy = sales.toy
    toy.upgrade("0002_items")
    before = sales.digest()
    keys = ("size=small", f"backup={kind}", f"backup-folder={tmp_path / 'kept'}")
    toy.downgrade("base", *keys)
    (folder,) = (tmp_path / "kept").iterdir()
    if kind == "rows":
        toy.terp_seed("restore", str(folder), "--yes")
        assert sales.digest() == before
        toy.terp_seed("status", "--drift")
    else:
        names = {path.name for path in folder.glob("*.sql")}
        assert names == {"dump.sql", *([f"{sales.schema}.sql"] if toy.mysql else [])}
        dumps = "".join(path.read_text() for path in folder.glob("*.sql"))
        assert "Items" in dumps


def test_the_ledger_is_rebuilt(sales: Sales) -> None:
    toy = sales.toy
    toy.upgrade()
    toy.execute("DROP TABLE terp_seed_ledger")
    toy.terp_seed("ledger", "rebuild", "--yes", x=("size=small",))
    toy.terp_seed("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert sales.digest()[0] == []


def test_the_proof_never_writes_beside_its_copies(sales: Sales) -> None:
    toy = sales.toy
    before = toy.everything(), sales.digest()
    done = toy.terp_seed("preview", "--prove", code=None)
    if toy.mysql:
        assert done.exit_code == 2
        assert f"the chain writes to {sales.schema} too" in done.output
    else:
        assert done.exit_code == 0, done.output
        assert "equal: upgrade base to 0004_many" in done.output
    assert (toy.everything(), sales.digest()) == before


def test_the_proof_compares_tables_of_every_schema(
    postgresql: PostgreSQL, new_database: Callable[[str], str], new_toy: Callable[..., Toy]
) -> None:
    """A revision that reads the clock gives script and run different rows, in another schema."""
    url = make_url(new_database("postgresql"))
    toy = new_toy(postgresql.root_url(str(url.database)))
    toy.execute(
        "CREATE SCHEMA sales",
        "CREATE TABLE sales.items (id SERIAL PRIMARY KEY, code TEXT NOT NULL UNIQUE, made TEXT)",
    )
    toy.only("0001_items", "op.seed_rows('sales.items', [{'code': 'a'}], key=['code'])")
    (first, _) = toy.document("preview", "--prove")["proofs"]
    toy.revision(
        "0002_clock",
        "op.execute(f\"UPDATE sales.items SET made = '{time_ns()}'\")",
        "pass",
        after="0001_items",
        head="from time import time_ns\nraw_sql = 'a test'",
    )
    said = toy.terp_seed("preview", "--prove", code=8).stderr
    assert "script and run differ in sales.items" in said
    assert "sales.items.made holds other values" in said
    assert first["tables"] == len(toy.everything()) + 1 + 2  # version and ledger


def test_what_a_rollback_leaves_in_another_schema_is_found(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute(
        "CREATE SCHEMA sales", "CREATE TABLE sales.items (id SERIAL PRIMARY KEY, code TEXT)"
    )
    toy.only(
        "0001_items",
        "op.execute(\"INSERT INTO sales.items (code) VALUES ('left')\")",
        "pass",
        head="raw_sql = 'a test'",
    )
    project = Seeds(toy.path / "alembic.ini", x=(f"url={toy.url}",))
    with (
        transaction(toy.db, project.settings()) as connection,
        pytest.raises(VerificationError, match=r"rollback of 0001_items, sales\.items is not"),
    ):
        round_trip(project, connection, schemas=["sales"])


def test_the_check_says_what_its_scratch_database_cannot_hold(sales: Sales) -> None:
    done = sales.toy.terp_seed("check")
    assert f"not possible: seeds fill tables of {sales.schema}" in done.output


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{schema}.Itms", "table {schema}.Itms: does not exist; did you mean {schema}.Items?"),
        ("nowhere.Items", "table nowhere.Items: does not exist"),
        ("{own}.notes", "table {own}.notes: {own} is the connection's own schema; write notes"),
    ],
)
def test_a_wrong_name_is_refused_before_the_first_row(
    sales: Sales, name: str, message: str
) -> None:
    toy = sales.toy
    own = str(toy.db.url.database) if toy.mysql else "public"
    name, message = (text.format(schema=sales.schema, own=own) for text in (name, message))
    toy.only("0001_wrong", f"op.seed_rows({name!r}, [{{'text': 'a'}}], key=['text'])")
    with pytest.raises(PlanError) as raised:
        toy.upgrade()
    assert message in str(raised.value)
    assert toy.counts() == {}


def test_sqlite_has_no_schemas(sqlite_toy: Toy) -> None:
    sqlite_toy.only("0001_far", "op.seed_rows('far.labels', [{'code': 'a'}], key=['code'])")
    with pytest.raises(SeedError, match=r"table far\.labels: does not exist"):
        sqlite_toy.upgrade()


def test_a_policy_names_the_schema(sales: Sales) -> None:
    toy = sales.toy
    row = "{'code': 'ada@example.com'}"
    toy.only("0001_people", f"op.seed_rows({sales.items!r}, [{row}], key=['code'])")
    sales.policy("code", '{ class = "email" }')
    toy.upgrade()
    ((code,),) = toy.rows(f"SELECT code FROM {sales.place}")
    assert code != "ada@example.com"


def test_masking_in_place_names_the_schemas_that_it_does_not_read(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute(
        "CREATE SCHEMA sales", "CREATE TABLE sales.people (id serial PRIMARY KEY, full_name text)"
    )
    policy = toy.path / "seeds" / "masking.toml"
    for what in ("--verify", "--report"):
        done = toy.run("terp-seed", *toy.words("mask", what))
        assert "schema sales is not read (tables in it: 1)" in done.stderr
    rule = '[tables."sales.people"]\nfull_name = { class = "person_name" }\n'
    policy.write_text(f"{policy.read_text()}\n{rule}")
    for command in (["mask", "--yes"], ["mask", "--dry-run"], ["mask", "--verify"]):
        done = toy.terp_seed(*command, code=7)
        assert "masking.toml classifies columns of sales.people" in done.output
    toy.terp_seed("mask", "--dry-run", "--table", "labels", code=None)
