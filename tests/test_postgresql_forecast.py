"""What is said before a run on PostgreSQL: hidden rows, subscribers, keys without an index."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from servers import PostgreSQL
from toys import Toy

from terp_seed.errors import PlanError

HIDDEN = "row-level security hides rows of {} from the database user; run as a role with BYPASSRLS"


# -- row-level security


def _bypass(postgresql: PostgreSQL, toy: Toy, word: str) -> None:
    postgresql.execute(f"ALTER ROLE {sa.make_url(toy.url).username} {word}")


def test_a_user_from_whom_rows_are_hidden_is_refused(
    postgresql_toy: Toy, postgresql: PostgreSQL
) -> None:
    """A rollback would not see what depends on its rows, nor a seed the keys that are taken."""
    toy = postgresql_toy
    force = "ALTER TABLE {} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"
    toy.execute(force.format("depots"), "CREATE POLICY late ON depots USING (id > 9)")
    message = HIDDEN.format("depots")
    with pytest.raises(PlanError, match=message):
        toy.upgrade()
    assert message in toy.terp_seed("plan", code=4).output
    assert toy.version() is None
    _bypass(postgresql, toy, "BYPASSRLS")
    try:
        toy.upgrade()
    finally:
        _bypass(postgresql, toy, "NOBYPASSRLS")
    before = toy.everything()
    with pytest.raises(PlanError, match=message):
        toy.downgrade()
    assert toy.everything() == before
    assert message in toy.terp_seed("status", "--drift", code=4).output
    toy.execute("ALTER TABLE depots NO FORCE ROW LEVEL SECURITY")
    toy.downgrade()
    assert toy.counts() == {}


def test_a_table_that_may_refer_to_rows_that_go_is_to_be_seen(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.upgrade()
    toy.execute(
        "CREATE TABLE leases (id SERIAL PRIMARY KEY, depot_id INTEGER REFERENCES depots)",
        "ALTER TABLE leases ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    )
    before = toy.everything()
    with pytest.raises(PlanError, match=HIDDEN.format("leases")):
        toy.downgrade()
    assert toy.everything() == before


def test_policies_that_do_not_concern_the_user_are_no_hindrance(postgresql_toy: Toy) -> None:
    """The owner's own table, and one that the run does not touch."""
    toy = postgresql_toy
    toy.execute(
        "ALTER TABLE depots ENABLE ROW LEVEL SECURITY",
        "CREATE POLICY late ON depots USING (id > 9)",
        "CREATE TABLE others (id INTEGER)",
        "ALTER TABLE others ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    )
    toy.upgrade()
    toy.terp_seed("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.counts() == {}


# -- logical replication


def test_a_publication_is_named(postgresql_toy: Toy) -> None:
    toy = postgresql_toy
    toy.execute("CREATE PUBLICATION feed FOR TABLE depots, crates", "CREATE PUBLICATION no")
    whose = "to subscribers, whose sequences stay as they are"
    line = f"publication feed sends the rows of crates, depots {whose}"
    assert toy.document("plan")["warnings"] == [line]
    toy.upgrade()
    assert toy.said.count(line) == 1
    toy.downgrade("-1")
    assert "publication feed sends the rows of crates to subscribers" in toy.said
    assert "publication" not in toy.upgrade("0003_crates", sql=True)


# -- foreign keys without an index

NODES = """
op.seed_rows("nodes", [{"code": f"N{n}", "up": None} for n in range(ROWS)], key=["code"])
"""


def _nodes(toy: Toy, rows: int) -> None:
    toy.execute(
        "CREATE TABLE nodes (id SERIAL PRIMARY KEY, code TEXT NOT NULL UNIQUE, "
        "up INTEGER REFERENCES nodes)",
        "CREATE TABLE led (node INTEGER REFERENCES nodes, id INTEGER)",
        "CREATE INDEX ON led (node, id)",
        "CREATE TABLE partly (node INTEGER REFERENCES nodes, how INTEGER)",
        "CREATE INDEX ON partly (node) WHERE how = 1",
        "INSERT INTO partly SELECT NULL, n FROM generate_series(1, 1234) AS n",
        "CREATE SCHEMA beside",
        "CREATE TABLE beside.notes (node INTEGER REFERENCES nodes)",
    )
    toy.only("0001_nodes", NODES, head=f"ROWS = {rows}")
    toy.upgrade()


def test_a_foreign_key_without_an_index_is_named_before_a_rollback(postgresql_toy: Toy) -> None:
    """Each deleted row would have its table read; an index cannot be made in the transaction."""
    toy = postgresql_toy
    _nodes(toy, 300)
    before = toy.everything()
    lines = toy.document("plan", "--rollback")["warnings"]
    going = "which are read once for each of the 300 rows that go from nodes"
    assert sorted(line.split("; ")[0] for line in lines) == [
        f"foreign key without index: beside.notes.node, 0 rows, {going}",
        f"foreign key without index: nodes.up, 300 rows, {going}",
        f"foreign key without index: partly.node, 1,234 rows, {going}",
    ]
    printed = toy.terp_seed("plan", "--rollback").stdout
    assert f"warning: {lines[0]}\n" in printed
    assert toy.everything() == before
    toy.downgrade()
    assert f"WARNING {lines[0]}" in toy.said
    toy.upgrade()
    toy.execute(
        "CREATE INDEX ON nodes (up)",
        "CREATE INDEX ON partly (node)",
        "CREATE INDEX ON beside.notes (node)",
    )
    assert toy.document("plan", "--rollback")["warnings"] == []
    indexes = toy.rows("SELECT indexname FROM pg_indexes ORDER BY 1")
    toy.downgrade()
    assert "foreign key" not in toy.said
    assert toy.rows("SELECT indexname FROM pg_indexes ORDER BY 1") == indexes


def test_a_few_rows_are_read_quickly_enough(postgresql_toy: Toy) -> None:
    _nodes(postgresql_toy, 20)
    assert postgresql_toy.document("plan", "--rollback")["warnings"] == []
