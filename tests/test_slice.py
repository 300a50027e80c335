"""A slice is closed: each row comes with what it refers to, in every shape that references have."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO

import pytest
import sqlalchemy as sa
from copies import Copy
from production import KEY, OTHER_KEY
from slices import Target, into, refers, request, script, tables_of

from terp_seed.errors import (
    GuardError,
    MaskingError,
    PlanError,
    SeedError,
    UsageError,
    VerificationError,
)
from terp_seed.slice.request import read_slice_file
from terp_seed.slice.run import plan_only

#: A shop, with a circle of its own, a table that refers to itself, links and a key of two columns.
SHOP = {
    "regions": "id INTEGER PRIMARY KEY, name VARCHAR(40)",
    "staff": "id INTEGER PRIMARY KEY, region_id INTEGER NOT NULL REFERENCES regions (id), "
    "boss_id INTEGER REFERENCES staff (id), grade VARCHAR(40)",
    "clients": "id INTEGER PRIMARY KEY, staff_id INTEGER REFERENCES staff (id), "
    "code VARCHAR(20) NOT NULL UNIQUE, name VARCHAR(60), mail VARCHAR(80), "
    "is_buyer INTEGER NOT NULL, born DATE",
    "orders": "id INTEGER PRIMARY KEY, client_id INTEGER NOT NULL REFERENCES clients (id), "
    "log_id INTEGER, total NUMERIC(10,2), placed TIMESTAMP NULL, note VARCHAR(200)",
    "order_lines": "order_id INTEGER NOT NULL REFERENCES orders (id), line INTEGER NOT NULL, "
    "client_code VARCHAR(20), PRIMARY KEY (order_id, line)",
    "parcels": "id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL, line INTEGER NOT NULL, "
    "FOREIGN KEY (order_id, line) REFERENCES order_lines (order_id, line)",
    "tags": "id INTEGER PRIMARY KEY, word VARCHAR(20)",
    "client_tags": "client_id INTEGER NOT NULL REFERENCES clients (id), "
    "tag_id INTEGER NOT NULL REFERENCES tags (id), PRIMARY KEY (client_id, tag_id)",
}
POLICY = (
    "[tables.clients]",
    'name = { class = "person_name" }',
    'mail = { class = "email" }',
    'not_personal = [{ columns = ["code", "born"], reason = "test" }]',
    "[tables.orders]",
    'note = { class = "free_text", strategy = "scrub_text" }',
)
CLOSED = (
    "SELECT COUNT(*) FROM {0} c LEFT JOIN {2} p ON p.{3} = c.{1} "
    "WHERE c.{1} IS NOT NULL AND p.{3} IS NULL"
)


def fill(copy: Copy) -> None:
    """Thirty clients, of whom each has two orders; client n has tag n % 5 + 1."""
    numbers = range(1, 31)
    copy.run(
        "INSERT INTO regions VALUES (1, 'north'), (2, 'south'), (3, 'east')",
        "INSERT INTO staff VALUES (1, 1, NULL, 'top')",
        "INSERT INTO staff VALUES (2, 2, 1, 'mid'), (3, 3, 1, 'other')",
        "INSERT INTO staff VALUES (4, 1, 2, 'low'), (5, 1, 3, 'low')",
        "INSERT INTO clients VALUES "
        + ", ".join(
            f"({n}, {4 + n % 2}, 'C{n}', 'Jane Canary{n}', 'canary-{n}@real-corp.com', {n % 2}, "
            f"'19{50 + n}-01-01')"
            for n in numbers
        ),
        "INSERT INTO orders VALUES "
        + ", ".join(
            f"({n * 10 + k}, {n}, {n}, {n}.50, '2026-01-{n:02d} 10:00:00', "
            f"'call Jane Canary{n} at canary-{n}@real-corp.com')"
            for n in numbers
            for k in (1, 2)
        ),
        "INSERT INTO order_lines VALUES "
        + ", ".join(
            f"({n * 10 + k}, {line}, 'C{n % 30 + 1}')"
            for n in numbers
            for k in (1, 2)
            for line in (1, 2)
        ),
        "INSERT INTO parcels VALUES " + ", ".join(f"({n}, {n * 10 + 1}, 2)" for n in numbers),
        "INSERT INTO tags VALUES (1, 'a'), (2, 'b'), (3, 'c'), (4, 'd'), (5, 'e')",
        "INSERT INTO client_tags VALUES " + ", ".join(f"({n}, {n % 5 + 1})" for n in numbers),
    )


@pytest.fixture(autouse=True)
def no_seeders(monkeypatch: pytest.MonkeyPatch) -> None:
    """What seeders of other tests in this process have said of references is not this source's."""
    monkeypatch.setattr("terp_seed.rows.seeders._REFERENCES", {})


@pytest.fixture
def shop(new_copy: Callable[..., Copy]) -> Copy:
    """Production, with canaries."""
    copy = new_copy("production", **SHOP)
    copy.policy(*POLICY)
    fill(copy)
    return copy


@pytest.fixture
def empty(shop: Copy, second_database_url: str) -> Target:
    """An empty database of the same engine."""
    return tables_of(shop, second_database_url, SHOP)


def orphans(target: Target) -> list[Any]:
    pairs = [
        ("staff", "region_id", "regions", "id"),
        ("staff", "boss_id", "staff", "id"),
        ("clients", "staff_id", "staff", "id"),
        ("orders", "client_id", "clients", "id"),
        ("order_lines", "order_id", "orders", "id"),
        ("client_tags", "client_id", "clients", "id"),
        ("client_tags", "tag_id", "tags", "id"),
    ]
    return [pair for pair in pairs if target.all(CLOSED.format(*pair)) != [(0,)]]


def test_each_row_brings_what_it_refers_to(shop: Copy, empty: Target) -> None:
    report = into(shop, empty, request("clients", where="is_buyer = 1", limit=3, depth=2))
    assert empty.ids("clients") == [1, 3, 5]
    assert empty.ids("orders") == [11, 12, 31, 32, 51, 52]
    assert len(empty.all("SELECT * FROM order_lines")) == 12
    assert empty.ids("staff") == [1, 3, 5]  # through the table's reference to itself
    assert empty.ids("regions") == [1, 3]
    assert empty.ids("tags") == [1, 2, 4]
    assert empty.all("SELECT boss_id FROM staff ORDER BY id") == [(None,), (1,), (3,)]
    assert orphans(empty) == []
    assert {(t.table, t.rows) for t in report.plan.tables} >= {("clients", 3), ("orders", 6)}
    assert sum(report.proven.values()) > 20


def test_a_row_that_is_referred_to_brings_no_children(shop: Copy, empty: Target) -> None:
    into(shop, empty, request("parcels", where="id = 7", depth=3))
    assert empty.all("SELECT order_id, line FROM order_lines") == [(71, 2)]
    assert empty.ids("orders") == [71]
    assert empty.ids("clients") == [7]
    assert empty.ids("client_tags", "client_id") == []


def test_many_to_many_is_followed_from_either_side(shop: Copy, empty: Target) -> None:
    into(shop, empty, request("tags", where="id = 3"))
    assert empty.ids("clients") == [2, 7, 12, 17, 22, 27]
    assert empty.ids("tags") == [3]
    assert orphans(empty) == []


def test_no_value_of_a_person_is_left(shop: Copy, empty: Target, tmp_path: Path) -> None:
    into(shop, empty, request("clients", depth=2))
    text = repr([empty.all(f"SELECT * FROM {table}") for table in SHOP])
    text += script(shop, tmp_path / "slice.sql", request("clients", depth=2))
    assert "anary" not in text
    assert "real-corp" not in text
    assert text.count("@example.com") >= 60


def test_two_slices_are_equal_and_join(shop: Copy, empty: Target, tmp_path: Path) -> None:
    first = script(shop, tmp_path / "one.sql", request("clients", limit=5, depth=2))
    assert first == script(shop, tmp_path / "two.sql", request("clients", limit=5, depth=2))
    into(shop, empty, request("clients", where="id > 3", limit=2))
    for (mail,) in empty.all("SELECT mail FROM clients"):
        assert mail in first


def test_a_script_does_what_a_slice_does(
    shop: Copy, empty: Target, tmp_path: Path, client: Any, new_database: Callable[[str], str]
) -> None:
    into(shop, empty, request("clients", limit=4, depth=2))
    other = tables_of(shop, new_database(shop_engine(shop)), SHOP)
    path = tmp_path / "slice.sql"
    text = script(shop, path, request("clients", limit=4, depth=2))
    client(other.settings.url.render_as_string(hide_password=False), text)
    for table in SHOP:
        assert sorted(other.all(f"SELECT * FROM {table}"), key=repr) == sorted(
            empty.all(f"SELECT * FROM {table}"), key=repr
        )
    done = client(other.settings.url.render_as_string(hide_password=False), text, check=False)
    assert done.returncode  # its tables hold rows now


def shop_engine(copy: Copy) -> str:
    return str(copy.db.url.get_backend_name())


@pytest.mark.parametrize("other", ["sqlite", "postgresql", "mariadb"])
def test_another_engine_takes_a_slice(
    shop: Copy, other: str, new_database: Callable[[str], str], mariadb: Any
) -> None:
    url = new_database(mariadb.engine if other == "mariadb" else other)
    target = tables_of(shop, url, SHOP)
    into(shop, target, request("clients", limit=6, depth=2))
    assert target.ids("clients") == [1, 2, 3, 4, 5, 6]
    assert orphans(target) == []
    assert [str(day) for (day,) in target.all("SELECT born FROM clients WHERE id = 2")] == [
        "1952-01-01"
    ]


def test_a_sqlite_file_is_made_with_the_tables(shop: Copy, tmp_path: Path) -> None:
    path = tmp_path / "slice.db"
    into(shop, f"sqlite:///{path}", request("clients", limit=2, depth=2))
    assert Target(shop, f"sqlite:///{path}").ids("clients") == [1, 2]
    assert not path.with_name("slice.db.partial").exists()


def test_a_limit_holds_for_children_alone(shop: Copy, empty: Target) -> None:
    into(shop, empty, request("clients", limit=5, depth=2, limits={"orders": 3}))
    assert empty.ids("orders") == [11, 12, 21]
    assert empty.ids("clients") == [1, 2, 3, 4, 5]


def test_a_table_is_never_taken(shop: Copy, empty: Target) -> None:
    into(shop, empty, request("clients", limit=2, depth=3, never=frozenset({"orders", "staff"})))
    assert empty.ids("orders") == empty.ids("staff") == []
    assert empty.all("SELECT staff_id FROM clients") == [(None,), (None,)]


def test_a_table_that_may_not_be_missed_is_named(shop: Copy, empty: Target) -> None:
    with pytest.raises(PlanError, match=r"orders\.client_id refers to clients, which is never"):
        into(shop, empty, request("orders", limit=2, never=frozenset({"clients"})))
    assert empty.ids("orders") == []


def test_declared_references_are_followed(shop: Copy, empty: Target) -> None:
    declared = (refers("order_lines.client_code", "clients.code"),)
    into(shop, empty, request("parcels", where="id = 7", references=declared))
    assert empty.ids("clients") == [7, 8]


def test_references_in_documents_are_followed(
    new_copy: Callable[..., Copy], second_database_url: str
) -> None:
    tables = {
        "batches": "id INTEGER PRIMARY KEY",
        "baskets": "id INTEGER PRIMARY KEY, items TEXT",
    }
    copy = new_copy("production", **tables)
    copy.policy(
        "[tables.baskets]", 'not_personal = [{ columns = ["items"], reason = "ids of batches" }]'
    )
    copy.run(
        "INSERT INTO batches VALUES (1), (2), (3), (4)",
        """INSERT INTO baskets VALUES (1, '[{"batchId": 3}, {"in": {"batchId": 2}}]'), (2, '[]')""",
    )
    target = tables_of(copy, second_database_url, tables)
    declared = (refers("baskets.items$..batchId", "batches.id"),)
    into(copy, target, request("baskets", references=declared))
    assert target.ids("batches") == [2, 3]


def test_orphans_are_reported_left_or_taken(shop: Copy, empty: Target) -> None:
    declared = (refers("orders.log_id", "tags.id"),)
    asked = {"where": "id IN (4, 6)", "references": declared}
    with pytest.raises(PlanError, match=r"2 rows refer by orders\.log_id to rows of tags"):
        into(shop, empty, request("clients", **asked))
    assert empty.ids("clients") == []
    plan = plan_only(shop.settings, request("clients", **asked))
    assert (plan.orphans, plan.stops) == ({"orders.log_id -> tags.id": 2}, True)
    into(shop, empty, request("clients", orphans="leave", **asked))
    assert empty.all("SELECT log_id FROM orders ORDER BY id") == [(4,), (4,), (None,), (None,)]


def test_orphans_are_taken_as_they_are(shop: Copy, empty: Target) -> None:
    declared = (refers("orders.log_id", "tags.id"),)
    asked = request("clients", where="id IN (4, 6)", references=declared, orphans="take")
    into(shop, empty, asked)
    assert empty.all("SELECT log_id FROM orders ORDER BY id") == [(4,), (4,), (6,), (6,)]


def test_a_circle_of_tables_is_taken(
    new_copy: Callable[..., Copy], second_database_url: str
) -> None:
    tables = {"houses": "id INTEGER PRIMARY KEY, owner_id INTEGER NULL"}
    tables["owners"] = "id INTEGER PRIMARY KEY, home_id INTEGER NOT NULL REFERENCES houses (id)"
    copy = new_copy("production", **tables)
    copy.policy("")
    copy.run(
        "INSERT INTO houses VALUES (1, NULL), (2, NULL), (3, NULL)",
        "INSERT INTO owners VALUES (1, 2), (2, 3), (3, 1)",
        "UPDATE houses SET owner_id = id",
    )
    if copy.name != "sqlite":
        copy.run("ALTER TABLE houses ADD FOREIGN KEY (owner_id) REFERENCES owners (id)")
    target = tables_of(copy, second_database_url, tables)
    declared = (refers("houses.owner_id", "owners.id"),)
    if copy.name != "sqlite":
        with target.db.begin() as connection:
            connection.exec_driver_sql(
                "ALTER TABLE houses ADD FOREIGN KEY (owner_id) REFERENCES owners (id)"
            )
    into(copy, target, request("houses", where="id = 1", depth=0, references=declared))
    assert target.all("SELECT id, owner_id FROM houses ORDER BY id") == [(1, 1), (2, 2), (3, 3)]


@pytest.fixture
def marriage(new_copy: Callable[..., Copy]) -> tuple[Copy, dict[str, str], list[str]]:
    """Two tables that refer to each other by columns that may not be NULL."""
    tables = {
        "stores": "id INTEGER PRIMARY KEY, manager_id INTEGER NOT NULL",
        "clerks": "id INTEGER PRIMARY KEY, store_id INTEGER NOT NULL REFERENCES stores (id)",
    }
    copy = new_copy("production")
    if copy.name == "sqlite":
        tables["stores"] += " REFERENCES clerks (id) DEFERRABLE INITIALLY DEFERRED"
    later = (
        "ALTER TABLE stores ADD CONSTRAINT manager FOREIGN KEY (manager_id) REFERENCES clerks (id)"
    )
    more = [] if copy.name == "sqlite" else [later]
    copy.policy("")
    copy.run(
        *(f"CREATE TABLE {name} ({columns})" for name, columns in tables.items()),
        "INSERT INTO stores VALUES (1, 2), (2, 1), (3, 3)",
        "INSERT INTO clerks VALUES (1, 1), (2, 2), (3, 3)",
        *more,
    )
    return copy, tables, more


def test_a_circle_without_null_is_taken(
    marriage: tuple[Copy, dict[str, str], list[str]],
    second_database_url: str,
    new_database: Callable[[str], str],
    tmp_path: Path,
    client: Any,
) -> None:
    """As the store and its manager of a well-known sample database."""
    copy, tables, more = marriage
    if copy.name not in ("sqlite", "postgresql"):
        pytest.skip("MySQL and MariaDB check each row at once")
    for to_script, url in ((False, second_database_url), (True, new_database(shop_engine(copy)))):
        target = tables_of(copy, url, tables)
        with target.db.begin() as connection:
            for sql in more:
                connection.exec_driver_sql(sql)
        asked = request("stores", where="id = 1", depth=0)
        if to_script:
            text = script(copy, tmp_path / "slice.sql", asked)
            client(target.settings.url.render_as_string(hide_password=False), text)
        else:
            into(copy, target, asked)
        assert target.all("SELECT id, manager_id FROM stores ORDER BY id") == [(1, 2), (2, 1)]
        if copy.name != "sqlite":
            with target.db.connect() as connection, pytest.raises(sa.exc.DatabaseError):
                connection.exec_driver_sql("INSERT INTO stores VALUES (9, 77)")  # checked again


def test_where_each_row_is_checked_at_once_one_of_a_circle_may_be_null(
    marriage: tuple[Copy, dict[str, str], list[str]], second_database_url: str, tmp_path: Path
) -> None:
    """Checks of foreign keys are never turned off; the target says which column waits."""
    copy, tables, more = marriage
    if copy.name in ("sqlite", "postgresql"):
        pytest.skip("checks can wait")
    target = tables_of(copy, second_database_url, tables)
    with target.db.begin() as connection:
        for sql in more:
            connection.exec_driver_sql(sql)
    asked = request("stores", where="id = 1", depth=0)
    with pytest.raises(
        PlanError, match=r"clerks\.store_id and stores\.manager_id .* be NULL"
    ) as no:
        into(copy, target, asked)
    assert "\n" not in str(no.value)
    with pytest.raises(PlanError, match="be NULL in a database that is the target"):
        script(copy, tmp_path / "slice.sql", asked)
    assert target.ids("stores") == [*tmp_path.glob("slice.sql*")] == []
    with target.db.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE stores MODIFY manager_id INTEGER NULL")
    into(copy, target, asked)
    assert target.all("SELECT id, manager_id FROM stores ORDER BY id") == [(1, 2), (2, 1)]


def test_a_sample_is_drawn_by_the_key(shop: Copy, tmp_path: Path) -> None:
    asked, drawn = request("clients", sample=Decimal("0.3"), depth=0), []
    for number, key in enumerate((KEY, KEY, OTHER_KEY)):
        shop.key(key)
        target = Target(shop, f"sqlite:///{tmp_path}/{number}.db")
        into(shop, target, asked)
        drawn.append(target.ids("clients"))
    assert drawn[0] == drawn[1] != drawn[2]
    assert 2 < len(drawn[0]) < 18


def test_since_begins_at_a_day(shop: Copy, empty: Target) -> None:
    into(shop, empty, request("orders", since=":2026-01-29", depth=0))
    assert empty.ids("orders") == [291, 292, 301, 302]
    assert empty.ids("clients") == [29, 30]


@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        (request("client"), UsageError, "no table client; did you mean clients?"),
        (request("clients", where="is_bier = 1"), UsageError, "correct the condition"),
        (request("clients", where="id = 0"), UsageError, "no row is one to begin with"),
        (request("clients", where="1 = 1; DELETE FROM tags"), UsageError, "one condition"),
        (request("clients", since="bron:2026-01-01"), UsageError, "did you mean born?"),
        (request("clients", never=frozenset({"log"})), UsageError, "no table log"),
        (request("clients", schema="0" * 64), PlanError, "not those that slice.toml was written"),
    ],
)
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    shop: Copy, empty: Target, wanted: Any, kind: type[SeedError], said: str
) -> None:
    with pytest.raises(kind, match=said.replace("?", r"\?")) as failed:
        into(shop, empty, wanted)
    assert "\n" not in str(failed.value)
    assert [empty.ids("clients"), empty.ids("tags")] == [[], []]
    assert len(shop.all("SELECT * FROM tags")) == 5


def test_a_slice_needs_key_policy_and_an_empty_target(shop: Copy, empty: Target) -> None:
    with empty.db.begin() as connection:
        connection.exec_driver_sql("INSERT INTO tags VALUES (1, 'x')")
    with pytest.raises(PlanError, match="table tags has rows"):
        into(shop, empty, request("clients"))
    with empty.db.begin() as connection:
        connection.exec_driver_sql("DELETE FROM tags")
    shop.policy('defaults.unlisted = "error"', *POLICY)
    with pytest.raises(MaskingError, match="staff has columns without an entry"):
        into(shop, empty, request("clients"))
    shop.key(None)
    with pytest.raises(UsageError, match="TERP_SEED_MASK_KEY"):
        into(shop, empty, request("clients"))


def test_a_trigger_of_the_target_undoes_the_slice(shop: Copy, sqlite_url: str) -> None:
    """It adds a row that nobody took: the proof at the end counts."""
    target = tables_of(shop, sqlite_url, SHOP)
    with target.db.begin() as connection:
        connection.exec_driver_sql(
            "CREATE TRIGGER more AFTER INSERT ON tags BEGIN "
            "INSERT INTO regions (id) VALUES (NEW.id + 100); END"
        )
    with pytest.raises(VerificationError, match="table regions: 0 rows were written, and 1 are"):
        into(shop, target, request("tags", limit=1, depth=0))
    assert target.ids("tags") == target.ids("regions") == []


def test_triggers_of_a_new_file_begin_when_the_rows_are_there(shop: Copy, tmp_path: Path) -> None:
    if shop.name != "sqlite":
        pytest.skip("a new file has triggers of a file alone")
    shop.run(
        "CREATE TRIGGER more AFTER INSERT ON tags BEGIN "
        "INSERT INTO regions (id) VALUES (NEW.id + 100); END"
    )
    url = f"sqlite:///{tmp_path}/slice.db"
    into(shop, url, request("tags", depth=0))
    target = Target(shop, url)
    assert target.ids("regions") == []
    with target.db.begin() as connection:
        connection.exec_driver_sql("INSERT INTO tags VALUES (77, 'x')")
    assert target.ids("regions") == [177]


def test_production_is_no_target(shop: Copy, second_database_url: str) -> None:
    target = tables_of(shop, second_database_url, SHOP, stamped="production")
    with pytest.raises(GuardError, match="stamped production"):
        into(shop, target, request("clients"))


def test_a_condition_may_end_in_a_comment(shop: Copy, empty: Target) -> None:
    into(shop, empty, request("tags", where="id = 2 -- of (two", depth=0))
    assert empty.ids("tags") == [2]


def test_the_risk_of_a_slice_is_said(shop: Copy, empty: Target) -> None:
    quasi = 'quasi = ["staff_id"]', 'sensitive = ["is_buyer"]'
    shop.policy(POLICY[0], *quasi, *POLICY[1:])
    (risk,) = into(shop, empty, request("clients", limit=9, depth=0)).risk
    assert (risk.table, risk.quasi, risk.rows, risk.groups, risk.k) == (
        "clients",
        ["staff_id"],
        9,
        2,
        4,
    )
    assert risk.l == {"is_buyer": 1}


def test_the_policy_says_how_many_have_to_be_alike(shop: Copy, empty: Target) -> None:
    shop.policy("defaults.min_k = 5", POLICY[0], 'quasi = ["staff_id"]', *POLICY[1:])
    with pytest.raises(MaskingError, match="singled out in clients: groups of fewer than 5 rows"):
        into(shop, empty, request("clients", limit=9, depth=0))
    assert empty.ids("clients") == []
    into(shop, empty, request("clients", limit=10, depth=0))
    assert len(empty.ids("clients")) == 10


def test_staging_wants_the_name_of_the_database(shop: Copy, second_database_url: str) -> None:
    target = tables_of(shop, second_database_url, SHOP, stamped="staging")
    with pytest.raises(GuardError, match="is stamped staging"):
        into(shop, target, request("tags", depth=0))
    assert target.ids("tags") == []
    name = Path(str(target.db.url.database)).name
    target.settings = replace(target.settings, yes=name)
    into(shop, target, request("tags", depth=0))
    assert target.ids("tags") == [1, 2, 3, 4, 5]


def test_the_plan_counts_before_anything_is_written(shop: Copy) -> None:
    plan = plan_only(shop.settings, request("clients", limit=3, depth=2))
    counts = {each.table: (each.roots, each.children, each.parents) for each in plan.tables}
    assert counts["clients"] == (3, 0, 0)
    assert counts["orders"] == (0, 6, 0)
    assert counts["staff"] == (0, 0, 5)
    again = plan_only(shop.settings, request("clients", limit=3, depth=2, schema=plan.schema))
    assert again == plan


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("depht = 2", "did you mean depth"),
        ("depth = -1", "whole number from 0"),
        ('orphans = "keep"', "one of report, leave, take"),
        ("[roots.clients]\nlimit = 0", "limit must be"),
        ('[roots.clients]\nsample = "5"', "as 1%"),
        ('[roots.clients]\nsince = "yesterday"', "must be a day"),
        ('[references]\n"a.b" = "c"', "write both sides as table.column"),
        ('[references]\n"a.b$x" = "c.id"', "the path is not one"),
        ("never = 1", "a list of tables"),
        ("[limits]\norders = -1", "whole number from 0"),
        ("depth = ", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "slice.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=said) as failed:
        read_slice_file(path)
    assert "\n" not in str(failed.value)


def test_a_full_disk_is_one_line_and_leaves_nothing(
    shop: Copy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def begin(path: Path) -> TextIO:
        path.touch()
        return Path("/dev/full").open("w", encoding="utf-8")

    monkeypatch.setattr("terp_seed.slice.targets.script.begin_file", begin)
    folder = tmp_path / "full"
    folder.mkdir()
    with pytest.raises(GuardError, match="No space left on device; nothing was kept") as failed:
        script(shop, folder / "slice.sql", request("clients"))
    assert "canary" not in str(failed.value)
    assert [*folder.iterdir()] == []


def test_a_table_is_not_both_a_root_and_never_taken(shop: Copy, empty: Target) -> None:
    with pytest.raises(UsageError, match="table clients: is to begin with, and is listed under"):
        into(shop, empty, request("clients", never=frozenset({"clients"})))
    assert empty.ids("clients") == []


@pytest.mark.parametrize(
    "condition",
    [
        "1 = 1) OR (1 = 1",
        "1 = 0) UNION SELECT id FROM staff WHERE (1 = 1",
        "(1 = 1",
        "1 = 1; DELETE FROM clients",
    ],
)
def test_a_condition_is_one_condition(shop: Copy, condition: str) -> None:
    with pytest.raises(UsageError, match="where must be one condition"):
        plan_only(shop.settings, request("clients", where=condition))


def test_parentheses_in_a_text_are_none(shop: Copy) -> None:
    plan = plan_only(shop.settings, request("clients", where="code <> ')('", depth=0))
    assert plan.tables[0].roots == 30


def test_a_reference_whose_two_sides_are_kept_joins(new_copy: Callable[..., Copy]) -> None:
    """As `mask --init` proposes for a foreign key that does not cascade."""
    keep = 'strategy = "keep", reason = "a foreign key joins by it'
    copy = new_copy(
        "production",
        people="mail VARCHAR(80) PRIMARY KEY",
        depts="id INTEGER PRIMARY KEY, head VARCHAR(80) REFERENCES people (mail)",
    )
    copy.policy(
        "[tables.people]",
        f'mail = {{ class = "email", {keep}" }}',
        "[tables.depts]",
        f'head = {{ class = "email", {keep} too" }}',
    )
    copy.run(
        "INSERT INTO people VALUES ('a@example.com')",
        "INSERT INTO depts VALUES (1, 'a@example.com')",
    )
    plan = plan_only(copy.settings, request("depts"))
    assert {each.table: each.parents for each in plan.tables} == {"depts": 0, "people": 1}
