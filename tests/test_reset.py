"""`terp-seed reset`: others' rows go, seeded rows are as they were, or nothing has changed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import sqlalchemy as sa
from projects import Project
from toys import Toy

from terp_seed.database import environment_stamp
from terp_seed.database.compare import database_digests, differing

CHANGES = (
    "UPDATE labels SET wording = 'Edited' WHERE code = 'COLD'",
    "UPDATE depots SET code = 'RENAMED' WHERE id = (SELECT MIN(depot_id) FROM crates)",
    "DELETE FROM scans WHERE crate_id > 2",
    "DELETE FROM crates WHERE id > 9",
    "DELETE FROM pairs",
    "INSERT INTO labels (code) VALUES ('MINE')",
    "INSERT INTO crates (code, depot_id, weight) SELECT 'MINE', MAX(id), 1 FROM depots",
)
SESSIONS = (
    "CREATE TABLE sessions (id INTEGER PRIMARY KEY, depot INTEGER, parent INTEGER, "
    "FOREIGN KEY (depot) REFERENCES depots (id), FOREIGN KEY (parent) REFERENCES sessions (id))",
    "INSERT INTO sessions SELECT 1, MIN(id), NULL FROM depots",
    "INSERT INTO sessions VALUES (2, NULL, 1)",
    "INSERT INTO sessions VALUES (3, NULL, NULL)",
)


def test_rows_are_back_with_their_ids(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code) VALUES ('FIRST')")  # so that ids do not begin at 1
    toy.upgrade()
    toy.execute("DELETE FROM labels WHERE code = 'FIRST'")
    before, seeded = toy.digests(), toy.rows("SELECT id, code FROM labels ORDER BY id")
    assert seeded[0][0] == 2
    toy.execute(*CHANGES, *SESSIONS)
    said = toy.document("reset", "--yes")
    assert said["done"]
    # a row with another natural key may be anybody's
    assert said["removed"] == {"labels": 1, "crates": 1, "depots": 1, "sessions": 2}
    assert (said["seeded"]["labels"], said["edited"]["labels"]) == (3, 1)
    assert said["missing"]["pairs"] == said["seeded"]["pairs"]
    assert toy.rows("SELECT id FROM sessions") == [(3,)]
    toy.execute("DROP TABLE sessions")
    assert toy.digests() == before
    assert toy.rows("SELECT id, code FROM labels ORDER BY id") == seeded
    events = [event for event, _ in toy.audit()]
    assert events.count("reverted") == 3
    assert [event for event in events if event in ("started", "finished")][-1] == "finished"
    toy.execute("INSERT INTO labels (code) VALUES ('NEXT')")
    assert toy.value("SELECT id FROM labels WHERE code = 'NEXT'") == seeded[-1][0] + 1
    toy.execute("DELETE FROM labels WHERE code = 'NEXT'")
    toy.downgrade()
    assert toy.counts() == {}


def test_a_dry_run_says_what_would_go_and_writes_nothing(toy: Toy) -> None:
    toy.upgrade()
    toy.execute(*CHANGES)
    before = toy.everything()
    result = toy.terp_seed("reset", "--dry-run")
    assert "delete 1 rows of labels" in result.output
    assert "nothing was written" in result.output
    assert not toy.document("reset", "--dry-run")["done"]
    assert toy.everything() == before


def test_without_a_terminal_it_needs_a_yes(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    before = sqlite_toy.everything()
    assert "no terminal" in sqlite_toy.terp_seed("reset", code=5).output
    assert sqlite_toy.everything() == before
    name = sqlite_toy.url.rpartition("/")[2]
    sqlite_toy.terp_seed("reset", x=(f"yes={name}",))


def _stamp(name: str) -> Callable[[Toy], None]:
    def stamp(toy: Toy) -> None:
        with toy.db.begin() as connection:
            environment_stamp.stamp(connection, name, origin="test")

    return stamp


def _unstamp(toy: Toy) -> None:
    with toy.db.begin() as connection:
        environment_stamp.unstamp(connection)


def _change_labels(toy: Toy) -> None:
    path = toy.path / "seeds" / "data" / "labels.csv"
    path.write_text(path.read_text() + "NEW,New,9\n")


def _forget(toy: Toy) -> None:
    toy.downgrade()


def _stamp_revision(toy: Toy) -> None:
    toy.downgrade("0002_depots")
    toy.stamp("0003_crates")


def _forget_the_version(toy: Toy) -> None:
    toy.execute("DELETE FROM terp_seed_version")


def _go_back_by_hand(toy: Toy) -> None:
    toy.execute("UPDATE terp_seed_version SET version_num = '0002_depots'")


def _fails_on_its_way(toy: Toy) -> None:
    path = toy.path / "toy_seeders.py"
    path.write_text(path.read_text())
    revision = next(toy.path.rglob("0003_crates.py"))
    revision.write_text(revision.read_text().replace("op.unseed()", "pass"))


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (_stamp("staging"), 5, "is stamped staging"),
        (_stamp("production"), 5, "is stamped production"),
        (_unstamp, 5, "env stamp"),
        (_change_labels, 4, "was changed"),
        (_forget, 2, "nothing is seeded here"),
        (_stamp_revision, 2, "was stamped"),
        (_forget_the_version, 4, "the version table, at base, lists no such revision"),
        (_go_back_by_hand, 4, "the ledger has rows of 0003_crates"),
        (_fails_on_its_way, 2, "declares no rollback"),
    ],
)
def test_it_refuses_and_changes_nothing(
    toy: Toy, change: Callable[[Toy], None], code: int, said: str
) -> None:
    toy.upgrade()
    change(toy)
    toy.execute(*CHANGES[-2:-1])
    before = toy.digests(), toy.states()
    name = toy.url.rpartition("/")[2].partition("?")[0]
    assert said in toy.terp_seed("reset", "--yes", x=(f"yes={name}",), code=code).output
    assert (toy.digests(), toy.states()) == before


def test_what_a_seeder_imports_has_to_be_as_it_was(toy: Toy) -> None:
    """The digest of a revision does not see it; those of its rows do."""
    toy.alembic("upgrade", "head")
    (toy.path / "toy_seeders.py").write_text(
        (toy.path / "toy_seeders.py").read_text().replace("step=50", "step=25")
    )
    before = toy.digests(), toy.states()
    done = toy.run("terp-seed", "-x", f"url={toy.url}", "reset", "--yes", check=False)
    assert done.returncode == 4
    assert "the seeders give other rows of depots than were applied" in done.stderr
    assert (toy.digests(), toy.states()) == before


def test_another_size_is_a_reseed(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    assert "takes a reseed" in sqlite_toy.terp_seed("reset", x=("size=medium",), code=2).output


def test_updates_are_undone_and_done_again(toy: Toy) -> None:
    toy.execute("INSERT INTO labels (code, wording) VALUES ('THEIRS', 'before')")
    toy.revision(
        "0004_changes",
        """
        op.update_rows("labels", [{"code": "COLD", "wording": "Ice"}], key=["code"])
        op.update_rows("labels", [{"code": "THEIRS", "wording": "after"}], key=["code"])
        op.delete_rows("labels", [{"code": "PLAIN"}], key=["code"], allow_delete=True)
        """,
    )
    toy.upgrade()
    before = toy.everything()
    toy.execute("UPDATE labels SET wording = 'Edited'", "INSERT INTO labels (code) VALUES ('X')")
    if toy.mysql:
        said = toy.terp_seed("reset", "--yes", code=2).output
        assert "takes a reseed" in said
        return
    toy.terp_seed("reset", "--yes")
    after = toy.everything()
    unequal = {name for name in before if before[name] != after[name]}
    assert unequal <= {"terp_seed_audit", "terp_seed_ledger"}
    toy.downgrade()
    assert toy.rows("SELECT code, wording FROM labels") == [("THEIRS", "before")]


def test_terp_is_back_to_its_seeds(project: Project, database_url: str) -> None:
    """Tables that refer to each other and to themselves, and columns that follow from others."""
    project.env["TERP_SEED_DATABASE_URL"] = database_url
    project.run("alembic", "-x", f"url={database_url}", "upgrade", "head")
    project.run("terp-seed", "seed", "--size=small")
    engine = sa.create_engine(database_url)
    with engine.connect() as connection:
        before = database_digests(connection)
    preparer = engine.dialect.identifier_preparer
    with engine.begin() as connection:
        for table, column, value in (
            ("orders", "total", "1"),
            ("clients", "name", "'X'"),
            ("batches", "onHandQty", "0"),
            ("invoices", "amountDue", "0"),
        ):
            name = preparer.quote(column)
            connection.exec_driver_sql(f"UPDATE {table} SET {name} = {value}")
        connection.exec_driver_sql("DELETE FROM order_status_history")
    project.run("terp-seed", "reset", "--yes")
    with engine.connect() as connection:
        assert differing(before, database_digests(connection)) == []
    engine.dispose()
    project.run("terp-seed", "verify")
