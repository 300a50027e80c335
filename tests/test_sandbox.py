"""The sandbox: TERP's very tables, and no hand laid on anybody else's."""

from __future__ import annotations

import io
import json
import re
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.engine import Connection, Engine

from terp_seed.database import environment_stamp as guards
from terp_seed.database.dialects import dialect_named
from terp_seed.errors import GuardError, SeedError, UsageError
from terp_seed.terp.schema import build
from terp_seed.terp.schema.tables import MYSQL_FAMILY, metadata

FACTS_OF: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((Path(build.__file__).parent / "versions").glob("*.json"))
}
FACTS = {name: facts for tables in FACTS_OF.values() for name, facts in tables.items()}
TABLES = sorted(FACTS)
HEAD = f"{list(FACTS_OF)[-1]} (head)"
FROZEN = {
    "0001_terp": "72aecf7716737f5779f8c08a883baff15905683e1fa0a16bc1ff8d3e6d86cb5d",
    "0002_payables": "a49cf9449c900e22d66127839f7c23ceab2e4a27a0e8cf1e011e7870d028ee66",
    "0003_sales": "7102691358edc1c4ad492873e8cd5610e2eedaaa09e3d1c8de9a2a441b930bf2",
    "0004_returns": "52af70d21f598d60dc686f629ca399df6c2f8e052189b9ef83b193ef3883996e",
    "0005_purchasing": "e0e31e25f381aa718b8fc0be29d8f2b36dcf7a158d00dfdba74afc8bead5fc10",
    "0006_samples": "a8ded8ec001e0b417b09f5ce486cdb58e7cd77de31992b355da7ff5e56da8d6d",
    "0007_house": "f1fea517e3f639b56a7ba5ea3fb9c3a8f5b58c8be67421dc83aa299b423958f4",
    "0008_people": "f53acf9a74a652b2860d98ed94ebaf51e39a97d9aac5fdc516550df2ea7ddc9b",
    "0009_calendar": "a197f239f97b4b3c3464691300f9fbafa8d6aecb0a3a8a0ec969504712ba4d38",
    "0010_talk": "c1c11cfec7e720a30f445a5972e789c598f4de7d5c8e954406b127cdf1cab371",
    "0011_matching": "d1af900f604676b142b12268992da2802c680300defc88a30b461f64134a76be",
    "0012_portal": "9894318d1456215104287fec84b39d4d42ef3199b19ebc7627696ed921826bbb",
    "0013_places": "505366b13ada89413e5dc77a7264e6bfccf498a67276c39a8fb71bc60751b132",
    "0014_books": "e55cd7a24ee18226d37c7b818675fad0469e49396ad96405db3cb8861977f26b",
    "0015_details": "c6145653b563c0ac242407e86a12fc1cab7a47b2aaa24e2352fbb522fc43099c",
}


class Sandbox:
    """Alembic's commands for one database, and a look at it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.engine: Engine = sa.create_engine(url, poolclass=sa.NullPool)

    def config(self, **attributes: object) -> Config:
        self.out = io.StringIO()
        config = Config(stdout=self.out, output_buffer=self.out, attributes=attributes)
        config.set_main_option("script_location", "terp_seed.terp:schema")
        config.set_main_option("path_separator", "os")
        config.set_main_option("sqlalchemy.url", self.url.replace("%", "%%"))
        return config

    def upgrade(self) -> None:
        command.upgrade(self.config(), "head")

    def downgrade(self) -> None:
        command.downgrade(self.config(), "base")

    def stamp(self, revision: str) -> None:
        command.stamp(self.config(), revision)

    def current(self) -> str:
        command.current(self.config())
        return self.out.getvalue().strip()

    def script(self) -> str:
        command.upgrade(self.config(), "head", sql=True)
        return self.out.getvalue()

    @property
    def name(self) -> str:
        """SQLAlchemy's name of the engine."""
        return self.engine.dialect.name

    @property
    def mysql(self) -> bool:
        """Whether the database is MySQL's or MariaDB's."""
        return self.name in MYSQL_FAMILY

    def columns(self, *names: str) -> str:
        """Column names in a list, as the engine's SQL writes them."""
        return ", ".join(map(self.engine.dialect.identifier_preparer.quote, names))

    def execute(self, *statements: str) -> None:
        with self.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)

    def tables(self) -> set[str]:
        return set(sa.inspect(self.engine).get_table_names())

    def origin(self) -> str | None:
        with self.engine.connect() as connection:
            return guards.origin(connection)

    def stamped(self) -> str | None:
        with self.engine.connect() as connection:
            return guards.stamped(connection)


@pytest.fixture
def sandbox(database_url: str) -> Sandbox:
    return Sandbox(database_url)


@pytest.fixture
def made(sandbox: Sandbox) -> Sandbox:
    sandbox.upgrade()
    return sandbox


# -- the shape


def test_every_fact_of_every_column(made: Sandbox) -> None:
    look = sa.inspect(made.engine)
    for name in TABLES:
        found = {c["name"]: _column_facts(made, name, dict(c)) for c in look.get_columns(name)}
        wanted = {
            column: {
                "type": _type_here(made, facts["type"]),
                "required": facts.get("required", False),
                "default": _default(facts.get("default")),
            }
            for column, facts in FACTS[name]["columns"].items()
        }
        assert found == wanted, name


def test_columns_stand_in_the_order_of_terp(made: Sandbox) -> None:
    look = sa.inspect(made.engine)
    for name in TABLES:
        assert [c["name"] for c in look.get_columns(name)] == list(FACTS[name]["columns"])


def test_every_key_and_index(made: Sandbox) -> None:
    look = sa.inspect(made.engine)
    for name in TABLES:
        facts = FACTS[name]
        assert look.get_pk_constraint(name)["constrained_columns"] == ["id"]
        unique = {u["name"]: u["column_names"] for u in look.get_unique_constraints(name)}
        also_unique = {n: i["columns"] for n, i in facts["indexes"].items() if i["unique"]}
        assert unique in (facts["unique"], {**facts["unique"], **also_unique}), name
        indexes = {i["name"]: i for i in look.get_indexes(name)}
        # Names that TERP uses on several tables; only MySQL can tell them apart.
        uses = Counter(index for each in _listed_by(name) for index in FACTS[each]["indexes"])
        shared = {index for index, number in uses.items() if number > 1}
        for index, wanted in facts["indexes"].items():
            here = f"{name}_{index}" if index in shared and not made.mysql else index
            assert indexes[here]["column_names"] == wanted["columns"]
            assert bool(indexes[here]["unique"]) == wanted["unique"]


def _whole(found: str | None, wanted: str) -> str:
    """The name of a key, which servers cut after 63 or 64 characters."""
    cut = found is not None and len(wanted) > 63 and found.startswith(wanted[:50])
    return wanted if found is None or cut else found


def test_foreign_keys_have_the_delete_rules_of_terp_and_no_others_exist(made: Sandbox) -> None:
    look = sa.inspect(made.engine)
    left_out = set()
    for name in TABLES:
        wanted = {}
        for key, facts in FACTS[name]["foreign_keys"].items():
            (column,) = facts["columns"]
            if facts["refers_to"] in _listed_by(name):
                wanted[column] = (key, facts["refers_to"], _rule(made, facts["on_delete"]))
            else:
                left_out.add((name, column, facts["refers_to"]))
        found = {
            key["constrained_columns"][0]: (
                # SQLAlchemy 2.0 does not read a quoted name back from SQLite
                _whole(key["name"], wanted[key["constrained_columns"][0]][0]),
                key["referred_table"],
                _rule(made, key["options"].get("ondelete", "NO ACTION")),
            )
            for key in look.get_foreign_keys(name)
        }
        assert found == wanted, name
    assert left_out == {
        ("batches", "photo_session_event_id", "calendar_events"),
        ("client_wants", "category_id", "categories"),
        ("orders", "intake_event_id", "calendar_events"),
        ("payments", "bankAccountId", "bankAccounts"),
        ("payments", "billId", "bills"),
    }


def _listed_by(table: str) -> set[str]:
    """The tables of the revision that creates a table, and of those before it."""
    listed: set[str] = set()
    for tables in FACTS_OF.values():
        listed |= set(tables)
        if table in tables:
            break
    return listed


def test_enums_can_be_read_back(made: Sandbox) -> None:
    look = sa.inspect(made.engine)
    for name in TABLES:
        kinds = {c["name"]: c["type"] for c in look.get_columns(name)}
        checks = {c["name"]: c["sqltext"] for c in look.get_check_constraints(name)}
        for column, facts in FACTS[name]["columns"].items():
            if "enum" not in facts:
                continue
            if made.mysql:
                assert kinds[column].enums == facts["enum"]  # type: ignore[attr-defined]
            else:
                check = checks[f"{name}_{column}_check"]
                found = dialect_named(made.name).choices(check)
                assert found == (column, frozenset(facts["enum"]))


def test_a_value_outside_an_enum_is_refused(made: Sandbox) -> None:
    insert = f"INSERT INTO users ({made.columns('openId', 'role')}) VALUES ('u', '{{0}}')"
    with pytest.raises((sa.exc.IntegrityError, sa.exc.DataError)):
        made.execute(insert.format("king"))
    made.execute(insert.format("admin"))


def test_stock_cannot_become_negative(made: Sandbox) -> None:
    columns = made.columns("code", "sku", "productId", "lotId", "paymentTerms", "onHandQty")
    insert = f"INSERT INTO batches ({columns}) VALUES ('{{0}}', '{{0}}', 1, 1, 'COD', {{1}})"
    made.execute(insert.format("a", "0"))
    with pytest.raises(sa.exc.DBAPIError):
        made.execute(insert.format("b", "-0.5"))


def test_an_id_is_never_given_twice(made: Sandbox) -> None:
    made.execute("INSERT INTO brands (name) VALUES ('one')", "DELETE FROM brands")
    made.execute("INSERT INTO brands (name) VALUES ('two')")
    with made.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT id FROM brands").scalar() == 2


@pytest.mark.parametrize("family", ["mysql", "mariadb"])
def test_a_latin1_server_makes_utf8mb4_tables_and_renews_only_what_terp_renews(
    mariadb: Any, family: str
) -> None:
    if family == "mariadb" != mariadb.engine:
        pytest.skip("a mariadb:// URL needs MariaDB")
    url = sa.make_url(mariadb.create("test_latin1", charset="latin1"))
    made = Sandbox(url.set(drivername=f"{family}+mysqldb").render_as_string(hide_password=False))
    assert made.engine.dialect.name == family
    made.upgrade()
    with made.engine.connect() as connection:
        sets = connection.exec_driver_sql(
            "SELECT DISTINCT CHARACTER_SET_NAME FROM information_schema.COLUMNS "
            "WHERE TABLE_SCHEMA = DATABASE() AND CHARACTER_SET_NAME IS NOT NULL "
            "AND TABLE_NAME NOT LIKE 'terp\\_%%'"
        )
        assert sets.scalars().all() == ["utf8mb4"]
        renewed = connection.exec_driver_sql(
            "SELECT TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS "
            "WHERE TABLE_SCHEMA = DATABASE() AND LOWER(EXTRA) LIKE '%%on update%%'"
        )
        assert {tuple(row) for row in renewed} == {
            (name, column)
            for name in TABLES
            for column, facts in FACTS[name]["columns"].items()
            if facts.get("on_update")
        }
    mariadb.drop("test_latin1")


# -- up, down, up


def test_up_down_up(sandbox: Sandbox) -> None:
    for _ in range(2):
        sandbox.upgrade()
        assert set(TABLES) <= sandbox.tables()
        assert (sandbox.stamped(), sandbox.origin()) == ("dev", "sandbox")
        assert sandbox.current() == HEAD
        sandbox.downgrade()
        assert sandbox.tables() <= {"terp_sandbox_version", "terp_seed_environment"}
        assert sandbox.stamped() is None
        assert sandbox.current() == ""


def test_a_second_upgrade_does_nothing(made: Sandbox) -> None:
    made.execute("INSERT INTO brands (name) VALUES ('kept')")
    made.upgrade()
    with made.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT COUNT(*) FROM brands").scalar() == 1


def test_looking_does_not_write(sandbox: Sandbox) -> None:
    assert sandbox.current() == ""
    command.history(sandbox.config())
    assert HEAD in sandbox.out.getvalue()
    assert sandbox.tables() == set()


def test_tables_of_others_stay(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE notes (id INTEGER PRIMARY KEY)")
    sandbox.upgrade()
    sandbox.downgrade()
    assert "notes" in sandbox.tables()


def test_a_handed_over_connection_is_the_callers_to_commit(sqlite_url: str) -> None:
    sandbox = Sandbox(sqlite_url)
    with sandbox.engine.connect() as connection:
        connection.exec_driver_sql("BEGIN")
        command.upgrade(sandbox.config(connection=connection), "head")
        assert connection.in_transaction()
        connection.rollback()
    assert sandbox.tables() == set()


# -- refusals


def test_up_is_refused_where_a_table_stands_already(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE clients (id INTEGER PRIMARY KEY)")
    with pytest.raises(GuardError, match="a table `clients` that the sandbox did not create"):
        sandbox.upgrade()
    assert sandbox.tables() == {"clients"}


def test_up_is_refused_where_a_view_stands_in_for_a_table(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE VIEW clients AS SELECT 1 AS id")
    with pytest.raises(GuardError, match="`clients`"):
        sandbox.upgrade()
    assert sandbox.tables() == set()


def test_the_next_tables_leave_a_foreign_one_alone(sandbox: Sandbox) -> None:
    command.upgrade(sandbox.config(), "0001_terp")
    sandbox.execute("CREATE TABLE bills (id INTEGER PRIMARY KEY)", "INSERT INTO bills VALUES (7)")
    with pytest.raises(GuardError, match="`bills` that the sandbox did not create, with rows"):
        sandbox.upgrade()
    assert sandbox.current() == "0001_terp"
    assert "vendor_payables" not in sandbox.tables()
    sandbox.execute("DROP TABLE bills")
    sandbox.upgrade()


def test_the_next_tables_go_one_by_one(made: Sandbox) -> None:
    command.downgrade(made.config(), "-1")
    left = {name for tables in list(FACTS_OF.values())[:-1] for name in tables}
    assert made.tables() & set(TABLES) == left
    assert (made.stamped(), made.origin()) == ("dev", "sandbox")


@pytest.mark.parametrize("environment", ["staging", "production"])
def test_up_is_refused_where_the_stamp_says_so(sandbox: Sandbox, environment: str) -> None:
    with sandbox.engine.begin() as connection:
        guards.stamp(connection, environment, origin="a person")
    with pytest.raises(GuardError, match=f"stamped {environment}"):
        sandbox.upgrade()
    assert sandbox.tables() == {"terp_seed_environment"}
    assert (sandbox.stamped(), sandbox.origin()) == (environment, "a person")


def test_a_test_database_stays_one(sandbox: Sandbox) -> None:
    with sandbox.engine.begin() as connection:
        guards.stamp(connection, "test", origin="a person")
    sandbox.upgrade()
    assert (sandbox.stamped(), sandbox.origin()) == ("test", "sandbox")
    sandbox.downgrade()


def test_down_never_drops_a_terp_that_was_only_stamped(sandbox: Sandbox) -> None:
    sandbox.execute("CREATE TABLE clients (id INTEGER PRIMARY KEY)")
    sandbox.stamp("head")
    with pytest.raises(GuardError, match="`alembic stamp base`"):
        sandbox.downgrade()
    assert "clients" in sandbox.tables()
    sandbox.stamp("base")
    assert sandbox.current() == ""


def test_down_is_refused_while_seeds_are_applied(made: Sandbox) -> None:
    for table, chain in (("terp_seed_version", "seed"), ("terp_seed_version_extra", "extra")):
        made.execute(f"CREATE TABLE {table} (version_num VARCHAR(32))")
        made.execute(f"INSERT INTO {table} VALUES ('0005_orders')")
        with pytest.raises(GuardError, match=f"roll chain {chain} back first"):
            made.downgrade()
        made.execute(f"DELETE FROM {table}")
    made.downgrade()


def test_down_is_refused_while_a_foreign_table_refers_to_ours(made: Sandbox) -> None:
    made.execute(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, who INTEGER, "
        "FOREIGN KEY (who) REFERENCES clients (id))"
    )
    with pytest.raises(GuardError, match="`notes` that the sandbox did not create refers"):
        made.downgrade()
    assert set(TABLES) <= made.tables()
    assert made.origin() == "sandbox"


def test_down_makes_one_line_of_the_databases_own_refusal(mariadb_url: str, mariadb: Any) -> None:
    """A reference from another database is in no list of ours."""
    made = Sandbox(mariadb_url)
    made.upgrade()
    mine = sa.make_url(mariadb_url).database
    mariadb.execute(
        f"CREATE DATABASE {mine}_other",
        f"CREATE TABLE {mine}_other.notes (id INTEGER PRIMARY KEY, who INTEGER, "
        f"FOREIGN KEY (who) REFERENCES {mine}.clients (id))",
    )
    try:
        with pytest.raises(SeedError, match="the database does not let") as refusal:
            made.downgrade()
        assert "\n" not in str(refusal.value)
    finally:
        mariadb.execute(f"DROP DATABASE {mine}_other")
    made.downgrade()  # it continues where it stopped
    assert not made.tables() & set(TABLES)


def test_no_database_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot connect"):
        Sandbox(f"sqlite:///{tmp_path / 'no' / 'such' / 'folder.db'}").upgrade()


# -- cut short


def _cut_short(monkeypatch: pytest.MonkeyPatch, table: str) -> None:
    """Fail after the table was created, before its indexes were."""
    create = sa.Index.create

    def fail(self: sa.Index, *args: Any, **options: Any) -> None:
        if self.table.name == table:
            raise KeyboardInterrupt
        create(self, *args, **options)

    monkeypatch.setattr(sa.Index, "create", fail)


def test_a_creation_that_was_cut_short_is_finished(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        _cut_short(patch, "batches")
        with pytest.raises(KeyboardInterrupt):
            sandbox.upgrade()
    half = sandbox.tables()
    if sandbox.mysql:
        assert "batches" in half
        assert sandbox.origin() == "sandbox"
    else:
        assert half == set()  # there, the whole creation is one transaction
    sandbox.upgrade()
    assert sandbox.current() == HEAD
    test_every_key_and_index(sandbox)


def test_a_creation_that_was_cut_short_can_be_taken_back(
    mariadb_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox = Sandbox(mariadb_url)
    with monkeypatch.context() as patch:
        _cut_short(patch, "batches")
        with pytest.raises(KeyboardInterrupt):
            sandbox.upgrade()
    sandbox.stamp("head")
    sandbox.downgrade()
    assert not sandbox.tables() & set(TABLES)


# -- the script


def test_the_script_makes_the_same_database(
    sandbox: Sandbox, second_database_url: str, client: Callable[..., Any]
) -> None:
    client(sandbox.url, sandbox.script())
    other = Sandbox(second_database_url)
    other.upgrade()
    assert sandbox.tables() == other.tables()
    assert _differences(sandbox) == _differences(other)
    assert sandbox.current() == HEAD
    assert (sandbox.stamped(), sandbox.origin()) == ("dev", "sandbox")
    sandbox.downgrade()


def test_the_script_is_the_same_every_time(sandbox: Sandbox) -> None:
    def without_clock(script: str) -> str:
        return re.sub(r"'\d{4}-\d\d-\d\d [\d:.]+'", "'now'", script)

    assert without_clock(sandbox.script()) == without_clock(sandbox.script())


def test_the_script_stops_at_a_foreign_table_and_claims_nothing(
    sandbox: Sandbox, client: Callable[..., Any]
) -> None:
    sandbox.execute("CREATE TABLE clients (id INTEGER PRIMARY KEY)")
    result = client(sandbox.url, sandbox.script(), check=False)
    assert result.returncode != 0
    assert sandbox.origin() is None
    assert sandbox.current() == ""


def test_no_script_drops_tables(sandbox: Sandbox) -> None:
    with pytest.raises(GuardError, match="without --sql"):
        command.downgrade(sandbox.config(), f"{list(FACTS_OF)[-1]}:base", sql=True)
    assert "DROP" not in sandbox.out.getvalue()


# -- how a fact looks on each engine


def _rule(sandbox: Sandbox, rule: str) -> str:
    """InnoDB knows no deferred check, so RESTRICT and NO ACTION are one rule to a server."""
    return "NO ACTION" if sandbox.mysql and rule == "RESTRICT" else rule


_RENAMED = {
    "sqlite": {"int": "INTEGER", "timestamp": "DATETIME", "enum": "VARCHAR"},
    "postgresql": {
        "int": "INTEGER",
        "timestamp": "TIMESTAMP WITHOUT TIME ZONE",
        "enum": "VARCHAR",
        "decimal": "NUMERIC",
    },
    "mysql": {"int": "INTEGER", "boolean": "TINYINT(1)", "json": "JSON or LONGTEXT"},
}


def _type_here(sandbox: Sandbox, kind: str) -> str:
    """A TERP type as the engine's inspector names it."""
    name, *size = kind.replace(",", ", ").partition("(")
    renamed = _RENAMED["mysql" if sandbox.mysql else sandbox.name]
    return "".join([renamed.get(name, name.upper()), *size])


def _column_facts(sandbox: Sandbox, table: str, column: dict[str, Any]) -> dict[str, Any]:
    kind = re.sub(
        r" (?:CHARACTER SET|COLLATE|CHARSET) \S+",
        "",
        column["type"].compile(sandbox.engine.dialect),
    )
    if "enum" in FACTS[table]["columns"].get(column["name"], {}):
        longest = max(map(len, FACTS[table]["columns"][column["name"]]["enum"]))
        kind = {f"VARCHAR({longest})": "VARCHAR"}.get(kind, kind.partition("(")[0])
    kind = kind.replace("INTEGER(11)", "INTEGER")
    if kind in ("JSON", "LONGTEXT") and sandbox.mysql:
        kind = "JSON or LONGTEXT"  # MariaDB's JSON is the latter
    return {
        "type": kind,
        "required": not column["nullable"],
        "default": _default(column["default"]),
    }


def _default(told: object) -> str | None:
    """A default without its engine's way of writing it: 0.0000 is '0' is 0."""
    if told is None or told == "NULL":
        return None
    text = re.sub(r"::[\w ]+$", "", str(told)).strip("'()").lower()
    if text.startswith("nextval"):  # a counted key
        return None
    if re.match(r"current_timestamp|now", text):
        return "now"
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return str(float(text))
    return {"true": "1.0", "false": "0.0"}.get(text, text)


def _differences(sandbox: Sandbox) -> list[Any]:
    """What Alembic's own comparison finds between the database and the metadata."""
    from alembic.autogenerate import compare_metadata

    def ours(item: object, name: str | None, kind: str, *_: object) -> bool:
        return kind != "table" or name in metadata.tables

    def configured(connection: Connection) -> MigrationContext:
        return MigrationContext.configure(
            connection, opts={"include_object": ours, "compare_type": True}
        )

    with sandbox.engine.connect() as connection:
        return [str(each) for each in compare_metadata(configured(connection), metadata)]


def test_the_facts_and_the_tables_name_each_other() -> None:
    assert set(metadata.tables) == set(FACTS)
    assert build.ORIGIN == "sandbox"


def test_the_facts_of_a_revision_are_frozen() -> None:
    """A change of TERP's schema is a new revision with a file of its own."""
    digests = {
        revision: sha256(json.dumps(tables, sort_keys=True).encode()).hexdigest()
        for revision, tables in FACTS_OF.items()
    }
    assert digests == FROZEN
