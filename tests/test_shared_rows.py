"""A row that two chains have goes when the last one lets go."""

from __future__ import annotations

import pytest
from toys import Toy

from terp_seed.database.session import opened
from terp_seed.errors import PlanError, RollbackError
from terp_seed.ledger.ledger import chains_of
from terp_seed.project.project import Project

SECTION = """
[other]
script_location = %(here)s/seeds
version_locations = %(here)s/other
version_table = terp_seed_version_other
"""
HEAD = '"""{0}."""\nfrom alembic import op\nrevision = "{0}"\ndown_revision = {1!r}\n\n'
ADOPTING = """def upgrade() -> None:
    op.seed_rows("t", [{"code": "b", "word": "B2"}, {"code": "z", "word": "Z"}], key=["code"],
                 on_conflict="update")


def downgrade() -> None:
    op.unseed()
"""
ROWS = '[{"code": "a", "word": "A"}, {"code": "b", "word": "B"}]'


@pytest.fixture
def shared(toy: Toy) -> Toy:
    """Chain seed has rows a and b, chain other has b and z."""
    toy.execute(f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(9) UNIQUE, word VARCHAR(9))")
    toy.publish("t", ["code", "word"])
    toy.only("0001_a", f'op.seed_rows("t", {ROWS}, key=["code"])')
    ini = toy.path / "alembic.ini"
    ini.write_text(ini.read_text() + SECTION)
    other = toy.path / "other"
    other.mkdir()
    (other / "1001_b.py").write_text(HEAD.format("1001_b", None) + ADOPTING)
    toy.upgrade()
    go(toy, "upgrade", "head")
    return toy


def go(toy: Toy, command: str, target: str, *x: str) -> str:
    """Run alembic on the other chain."""
    given = [word for one in (f"url={toy.url}", *x) for word in ("-x", one)]
    return toy.run("alembic", "-n", "other", *given, command, target).stdout


def words(toy: Toy) -> dict[str, str]:
    return dict(toy.rows("SELECT code, word FROM t ORDER BY code"))


def test_a_row_goes_when_the_last_chain_lets_go(shared: Toy) -> None:
    assert words(shared) == {"a": "A", "b": "B2", "z": "Z"}
    said = "1 of t were updated by revision 1001_b of chain other: roll that one back first"
    with pytest.raises(RollbackError, match=said):
        shared.downgrade("base", "on-edited=delete")
    assert said in shared.terp_seed("rollback", "base", "--dry-run", code=None).output
    assert words(shared) == {"a": "A", "b": "B2", "z": "Z"}
    go(shared, "downgrade", "base")
    assert words(shared) == {"a": "A", "b": "B"}
    shared.downgrade()
    assert words(shared) == {}


def test_a_database_without_a_ledger_has_no_chains(sqlite_toy: Toy) -> None:
    project = Project(sqlite_toy.path / "alembic.ini", x=(f"url={sqlite_toy.url}",))
    with opened(project.settings()) as session:
        assert chains_of(session) == []


def test_a_shared_row_may_be_left(shared: Toy) -> None:
    shared.downgrade("base", "on-dependents=keep", "on-edited=delete")
    assert words(shared) == {"b": "B2", "z": "Z"}
    go(shared, "downgrade", "base")
    assert words(shared) == {"b": "B"}


def test_a_shared_row_is_not_deleted_by_a_revision(shared: Toy) -> None:
    deleting = 'op.delete_rows("t", ["b"], key=["code"], allow_delete=True)'
    shared.revision("0002_d", deleting, after="0001_a")
    with pytest.raises(PlanError, match="were updated by revision 1001_b of chain other"):
        shared.upgrade("head", "on-conflict=ours")
    assert words(shared) == {"a": "A", "b": "B2", "z": "Z"}


def test_what_two_chains_update_goes_back_in_the_order_of_the_chains(shared: Toy) -> None:
    """A row of the application's: neither chain's value is left, and its own is not lost."""
    go(shared, "downgrade", "base")
    shared.downgrade()
    shared.execute("INSERT INTO t (code, word) VALUES ('b', 'own')")
    update = 'op.update_rows("t", [{"code": "b", "word": "ours"}], key=["code"])'
    shared.only("0001_a", update)
    go(shared, "upgrade", "head")
    shared.upgrade()
    assert words(shared) == {"b": "ours", "z": "Z"}
    for x in ((), ("on-edited=keep",), ("on-edited=delete",)):
        given = [word for one in (f"url={shared.url}", *x) for word in ("-x", one)]
        done = shared.run("alembic", "-n", "other", *given, "downgrade", "base", check=False)
        assert done.returncode
        assert "revision 0001_a of chain seed was applied later" in done.stdout + done.stderr
    assert words(shared) == {"b": "ours", "z": "Z"}
    shared.downgrade()
    go(shared, "downgrade", "base")
    assert words(shared) == {"b": "own"}


def test_a_reset_leaves_the_rows_of_other_chains(shared: Toy) -> None:
    assert (
        "1001_b of chain other changes rows of t"
        in shared.terp_seed("reset", "--yes", code=5).output
    )
    shared.execute(
        "INSERT INTO t (code, word) VALUES ('mine', 'x')",
        "UPDATE t SET word = 'y' WHERE code = 'z'",
    )
    other = ("-n", "other", "-x", f"url={shared.url}", "reset", "--yes")
    if shared.mysql:
        assert "that takes a reseed" in shared.run("terp-seed", *other, check=False).stderr
        return
    assert "delete 1 rows of t" in shared.run("terp-seed", *other).stdout
    assert words(shared) == {"a": "A", "b": "B2", "z": "Z"}
    go(shared, "downgrade", "base")
    assert words(shared) == {"a": "A", "b": "B"}
    shared.execute("DELETE FROM t WHERE code = 'a'")
    shared.terp_seed("reset", "--yes")
    assert words(shared) == {"a": "A", "b": "B"}
