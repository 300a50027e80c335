"""Statements of a revision's own: what is refused, when, and what a stated reason allows."""

from __future__ import annotations

import json

import pytest
from toys import Toy

from terp_seed.database.dialects import dialect_named
from terp_seed.errors import PlanError, SeedError
from terp_seed.plan.sql_guard import SqlGuard

ADD = "INSERT INTO labels (code) VALUES ('RAW')"
TAKE = "DELETE FROM labels WHERE code = 'RAW'"
REASON = 'raw_sql = "one row that op.seed_rows cannot say"'

DML = {
    "op.execute": f'op.execute("{ADD}")',
    "op.bulk_insert": (
        'op.bulk_insert(sa.table("labels", sa.column("code", sa.String)), [{"code": "RAW"}])'
    ),
    "op.get_bind": f'op.get_bind().execute(sa.text("{ADD}"))',
    "exec_driver_sql": f'op.get_context().connection.exec_driver_sql("{ADD}")',
}
IN_THE_RUN_ONLY = "if not op.get_context().as_sql:\n    "


@pytest.mark.parametrize("call", DML.values(), ids=DML)
@pytest.mark.parametrize("prefix", ["", IN_THE_RUN_ONLY], ids=["plan", "run"])
def test_rows_that_pass_neither_masking_nor_ledger_are_refused(
    toy: Toy, call: str, prefix: str
) -> None:
    toy.only("0001_raw", prefix + call, "pass", head="import sqlalchemy as sa")
    with pytest.raises(PlanError, match="revision 0001_raw") as caught:
        toy.upgrade()
    assert "VALUES" not in str(caught.value)
    assert toy.counts() == {}
    assert toy.version() is None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE more (id INTEGER)",
        "ALTER TABLE labels ADD COLUMN more INTEGER",
        "DROP TABLE labels",
        "TRUNCATE TABLE labels",
        "CREATE INDEX more ON labels (wording)",
        "LOCK TABLES labels WRITE",
        "COMMIT",
        "BEGIN",
        "START TRANSACTION",
        "GRANT ALL ON *.* TO seeder",
        "RENAME TABLE labels TO more",
        "ANALYZE TABLE labels",
        "SELECT RELEASE_ALL_LOCKS()",
        "SELECT release_lock ('terp_seed:x')",
        "SELECT 1 FROM (SELECT GET_LOCK('mine', 1)) x",
        "DO RELEASE_ALL_LOCKS()",
        "SET autocommit = 1",
        "SET SESSION autocommit=ON",
        "SET foreign_key_checks = 0",
        "/* harmless */ DROP TABLE labels",
        "-- harmless\nDROP TABLE labels",
        "/*!50000 DROP TABLE labels */",
        "/*M! DROP TABLE labels */",
        "SELECT 1; DROP TABLE labels",
        "INSERT INTO labels (code) VALUES (';'); DROP TABLE labels",
        "(((DROP TABLE labels)))",
    ],
)
@pytest.mark.parametrize("reason", ["", REASON], ids=["", "raw_sql"])
@pytest.mark.parametrize("prefix", ["", IN_THE_RUN_ONLY], ids=["plan", "run"])
def test_what_commits_is_refused_whatever_the_revision_says(
    mariadb_toy: Toy, statement: str, reason: str, prefix: str
) -> None:
    """C-5."""
    mariadb_toy.only("0001_raw", f"{prefix}op.execute({statement!r})", "pass", head=reason)
    before = mariadb_toy.digests()
    with pytest.raises(PlanError, match="revision 0001_raw: "):
        mariadb_toy.upgrade()
    assert mariadb_toy.digests() == before
    assert mariadb_toy.version() is None


def test_the_operations_that_make_tables_are_refused(toy: Toy) -> None:
    """C-5."""
    for prefix in ("", IN_THE_RUN_ONLY):
        toy.only("0001_raw", f'{prefix}op.drop_table("labels")', "pass", head=REASON)
        with pytest.raises(PlanError, match="DROP can end or split the transaction"):
            toy.upgrade()
    assert "labels" in toy.digests()


@pytest.mark.parametrize("call", ["commit()", "rollback()"])
def test_a_revision_may_not_end_its_transaction(toy: Toy, call: str) -> None:
    toy.only(
        "0001_raw",
        f"""
        op.seed_rows("labels", [{{"code": "HALF"}}], key=["code"])
        if not op.get_context().as_sql:
            op.get_bind().{call}
        op.seed_rows("labels", [{{"code": "OTHER HALF"}}], key=["code"])
        """,
        head=REASON,
    )
    with pytest.raises(SeedError, match=f"revision 0001_raw: .*{call[:-2]}"):
        toy.upgrade()
    assert toy.counts() == {}
    assert toy.version() is None


@pytest.mark.parametrize("prefix", ["", IN_THE_RUN_ONLY], ids=["plan", "run"])
def test_a_block_without_a_transaction_is_refused(toy: Toy, prefix: str) -> None:
    """Alembic would commit what came before it."""
    block = "with op.get_context().autocommit_block():\n        pass"
    if not prefix:
        block = block.replace("        ", "    ")
    rows = 'op.seed_rows("labels", [{"code": "A"}], key=["code"])'
    toy.only("0001_raw", f"{rows}\n{prefix}{block}", head=REASON)
    with pytest.raises(SeedError, match=r"(?i)commit"):
        toy.upgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT COUNT(*) FROM labels",
        "SELECT 'INTO' AS word, 'a; DROP TABLE labels'",
        "SELECT code FROM labels -- ; DROP TABLE labels",
        "WITH x AS (SELECT 1 AS n) SELECT n FROM x",
        "SELECT REPLACE('INSERT', 'I', 'i')",
        "EXPLAIN SELECT 1",
        "EXPLAIN ANALYZE SELECT 1",
        "WITH x AS (SELECT 1 AS a) SELECT REPLACE (a, '1', '2') FROM x",
        "WITH x AS (SELECT 1 AS a) SELECT a FROM x FOR UPDATE",
        "SELECT 'RELEASE_ALL_LOCKS()'",
        "SELECT 1;",
        "",
    ],
)
def test_reading_is_allowed(statement: str) -> None:
    gate = SqlGuard(dialect_named("mysql"))
    with gate.enforce("0001_raw", None):
        gate.check(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO labels VALUES (1)",
        "update labels set code = ''",
        " ( DELETE FROM labels)",
        "REPLACE INTO labels VALUES (1)",
        "WITH x AS (SELECT 1) DELETE FROM labels",
        "WITH x AS (SELECT 1) REPLACE INTO labels VALUES (1)",
        "EXPLAIN ANALYZE DELETE FROM labels",
        "explain analyze update labels set code = ''",
        "DESC ANALYZE INSERT INTO labels VALUES (1)",
        "SELECT * FROM labels INTO OUTFILE 'x'",
        "SELECT code FROM labels INTO @code",
        "CALL fill()",
        "DO SLEEP(1)",
        "SET @x = 1",
        "/* x */ -- y\n INSERT INTO labels VALUES (1)",
        "SELECT 1; DELETE FROM labels",
    ],
)
def test_writing_needs_a_reason(statement: str) -> None:
    gate = SqlGuard(dialect_named("mysql"))
    with (
        gate.enforce("0001_raw", None),
        pytest.raises(PlanError, match="bypasses masking"),
    ):
        gate.check(statement)
    with gate.enforce("0001_raw", "a reason"):
        gate.check(statement)


def test_a_revision_with_a_reason_runs_and_the_audit_keeps_it(toy: Toy) -> None:
    toy.only("0001_raw", f'op.execute("{ADD}")', f'op.execute("{TAKE}")', head=REASON)
    toy.upgrade()
    assert toy.counts() == {"labels": 1}
    detail = toy.value("SELECT detail FROM terp_seed_audit WHERE event = 'applied'")
    assert json.loads(detail)["raw_sql"] == "one row that op.seed_rows cannot say"
    toy.downgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize("call", DML.values(), ids=DML)
def test_each_way_works_with_a_reason(toy: Toy, call: str) -> None:
    head = f"import sqlalchemy as sa\n{REASON}"
    prefix = IN_THE_RUN_ONLY if "exec_driver_sql" in call else ""
    toy.only("0001_raw", prefix + call, f'op.execute("{TAKE}")', head=head)
    toy.upgrade()
    assert toy.counts() == {"labels": 1}
    toy.downgrade()
    assert toy.counts() == {}


def test_seeded_rows_and_raw_sql_in_one_revision(toy: Toy) -> None:
    toy.only(
        "0001_raw",
        f'op.seed_rows("labels", [{{"code": "A"}}], key=["code"])\nop.execute("{ADD}")',
        f'op.execute("{TAKE}")\nop.unseed()',
        head=REASON,
    )
    toy.upgrade()
    assert toy.counts() == {"labels": 2}
    toy.downgrade()
    assert toy.counts() == {}


def test_raw_sql_must_be_a_reason(sqlite_toy: Toy) -> None:
    for value in ("True", "''", "' '"):
        sqlite_toy.only("0001_raw", f'op.execute("{ADD}")', head=f"raw_sql = {value}")
        with pytest.raises(PlanError, match="raw_sql must be the reason why"):
            sqlite_toy.upgrade()


def test_a_revision_may_read_the_database_while_it_runs(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code) VALUES ('mine')")
    toy.only(
        "0001_read",
        """
        (found,) = op.get_bind().execute(sa.text("SELECT COUNT(*) FROM labels")).one()
        op.seed_rows("labels", [{"code": f"after {found}"}], key=["code"])
        """,
        head="import sqlalchemy as sa\nonline_only = True",
    )
    toy.upgrade()
    assert toy.value("SELECT code FROM labels WHERE code <> 'mine'") == "after 1"
    toy.downgrade()
    assert toy.rows("SELECT code FROM labels") == [("mine",)]


def test_reading_without_saying_so_names_the_attribute(toy: Toy) -> None:
    toy.only(
        "0001_read",
        'op.get_bind().execute(sa.text("SELECT 1")).scalar()',
        head="import sqlalchemy as sa",
    )
    with pytest.raises(PlanError, match="online_only = True"):
        toy.upgrade()


def test_a_raw_online_revision_with_seeded_rows(toy: Toy) -> None:
    """It is not run while it is planned, since its SQL would run twice."""
    toy.only(
        "0001_raw",
        f'op.execute("{ADD}")\nop.seed_rows("labels", [{{"code": "A"}}], key=["code"])',
        f'op.unseed()\nop.execute("{TAKE}")',
        head=f"{REASON}\nonline_only = True",
    )
    with pytest.raises(PlanError, match="revision 0001_raw: "):
        toy.upgrade()
    assert toy.counts() == {}


def test_a_backslash_is_an_escape_where_the_engine_takes_it_for_one() -> None:
    """Else what is a text to the guard is a DELETE to the engine, or the other way round."""
    hidden = r"WITH x AS (SELECT '\' a) DELETE FROM labels WHERE code = 'x'"
    escaped = r"SELECT 'it\'s; DROP TABLE labels'"
    sqlite, mysql = SqlGuard(dialect_named("sqlite")), SqlGuard(dialect_named("mysql"))
    with sqlite.enforce("0001_raw", None), pytest.raises(PlanError, match="bypasses masking"):
        sqlite.check(hidden)
    with mysql.enforce("0001_raw", None):
        mysql.check(escaped)


@pytest.mark.parametrize(
    ("engine", "hidden"),
    [
        ("postgresql", "SELECT $$'$$; DELETE FROM labels; SELECT $$'$$"),
        ("postgresql", "SELECT $a$ $$ ' $a$; DELETE FROM labels; SELECT ''"),
        ("postgresql", "SELECT E'\\''; DELETE FROM labels; SELECT ''"),
        ("postgresql", "SELECT 1 # 2; DELETE FROM labels"),
        ("postgresql", "SELECT 1 --x\n; DELETE FROM labels"),
        ("sqlite", "SELECT 1 --x\n; DELETE FROM labels"),
        ("sqlite", "SELECT [']; DELETE FROM labels; SELECT [']"),
        ("mysql", "SELECT 1 --x\n; DELETE FROM labels"),
        ("mysql", "SELECT `'`; DELETE FROM labels; SELECT `'`"),
    ],
)
def test_a_write_behind_what_the_engine_takes_for_a_quote_is_found(
    engine: str, hidden: str
) -> None:
    guard = SqlGuard(dialect_named(engine))
    with guard.enforce("0001_raw", None), pytest.raises(PlanError, match="bypasses masking"):
        guard.check(hidden)


@pytest.mark.parametrize(
    ("engine", "harmless"),
    [
        ("postgresql", "SELECT $x$; DELETE FROM labels $x$"),
        ("postgresql", "SELECT E'it\\'s; DELETE FROM labels'"),
        ("sqlite", "SELECT [; DELETE FROM labels]"),
        ("mysql", "SELECT `; DELETE FROM labels`"),
    ],
)
def test_a_quoted_text_is_no_statement(engine: str, harmless: str) -> None:
    guard = SqlGuard(dialect_named(engine))
    with guard.enforce("0001_raw", None):
        guard.check(harmless)


@pytest.mark.parametrize(
    ("engine", "call"),
    [
        ("mysql", "SELECT `RELEASE_ALL_LOCKS`()"),
        ("postgresql", 'SELECT "pg_advisory_unlock_all" ()'),
    ],
)
def test_a_function_of_locks_is_found_behind_quotes(engine: str, call: str) -> None:
    guard = SqlGuard(dialect_named(engine))
    with guard.enforce("0001_raw", "a reason"), pytest.raises(PlanError, match="locks"):
        guard.check(call)


def test_a_delete_behind_a_backslash_is_refused_on_the_engine_itself(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade("0001_labels")
    before = sqlite_toy.counts()
    raw = r"WITH x AS (SELECT '\' a) DELETE FROM labels WHERE code <> 'x'"
    sqlite_toy.revision("0004_raw", f"op.execute({raw!r})", "pass", after="0001_labels")
    with pytest.raises(PlanError, match="revision 0004_raw"):
        sqlite_toy.upgrade("0004_raw")
    assert sqlite_toy.counts() == before
