"""A seeded row whose natural key was edited, or changed by a trigger, is found by its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from servers import server_engine
from toys import Toy

from terp_seed.errors import RollbackError

ROWS = """op.seed_rows('labels', [
    {'code': 'a', 'wording': 'first', 'place': 1},
    {'code': 'b', 'wording': 'same', 'place': None},
    {'code': 'c', 'wording': 'same', 'place': None},
], key=['code'])"""


def seeded(toy: Toy) -> int:
    """A toy with three labels, and the id of the first."""
    toy.only("0001_labels", ROWS)
    toy.upgrade()
    return int(toy.value("SELECT MIN(id) FROM labels"))


def test_a_row_with_another_key_and_all_else_as_it_was(toy: Toy) -> None:
    """It is edited: abort refuses, keep retains it, delete removes it."""
    first = seeded(toy)
    toy.execute(f"UPDATE labels SET code = 'renamed' WHERE id = {first}")
    (table,) = toy.document("plan", "--rollback")["revisions"][0]["tables"]
    assert (table["deleted"], table["edited"], table["replaced"]) == (3, 1, 0)
    with pytest.raises(RollbackError, match=r"edited since they were seeded \(1 in labels"):
        toy.downgrade("base", "on-edited=abort")
    toy.downgrade("base", "on-edited=keep")
    assert toy.rows("SELECT code FROM labels") == [("renamed",)]
    toy.upgrade()
    assert toy.value("SELECT COUNT(*) FROM labels") == 3
    toy.downgrade("base", "on-edited=delete")
    assert toy.counts() == {}


def test_a_row_that_may_be_anothers_stays_and_is_named(toy: Toy) -> None:
    """Its other values are those of another row, too, or are not what was seeded."""
    first = seeded(toy)
    toy.execute(f"UPDATE labels SET code = 'renamed' WHERE id = {first + 1}")
    said = (
        "revision 0001_labels, table labels: 1 rows in the place of seeded ones have another "
        f"natural key (first: id {first + 1}): edited, or others'; they stay"
    )
    planned = toy.document("plan", "--rollback")["revisions"][0]
    assert (planned["tables"][0]["deleted"], planned["uncompared"]) == (2, [said])
    with pytest.raises(RollbackError) as caught:
        toy.downgrade("base", "on-edited=abort")
    assert said in str(caught.value)
    assert toy.value("SELECT COUNT(*) FROM labels") == 3
    toy.downgrade("base", "on-edited=delete")
    assert said in toy.said
    assert toy.rows("SELECT code FROM labels") == [("renamed",)]


def test_a_row_of_others_at_a_seeded_id_is_never_taken_for_one(toy: Toy) -> None:
    first = seeded(toy)
    toy.execute(
        f"DELETE FROM labels WHERE id = {first}",
        f"INSERT INTO labels (id, code, wording) VALUES ({first}, 'theirs', 'first')",
    )
    toy.downgrade("base", "on-edited=delete")
    assert toy.rows("SELECT code FROM labels") == [("theirs",)]


TRIGGERS = {
    "sqlite": "CREATE TRIGGER loud AFTER INSERT ON labels BEGIN "
    "UPDATE labels SET code = upper(new.code) WHERE id = new.id; END",
    "mysql": "CREATE TRIGGER loud BEFORE INSERT ON labels FOR EACH ROW "
    "SET new.code = upper(new.code)",
}


def trigger(toy: Toy) -> None:
    if toy.postgresql:
        toy.execute(
            "CREATE FUNCTION loud() RETURNS trigger LANGUAGE plpgsql AS "
            "'BEGIN new.code = upper(new.code); RETURN new; END'",
            "CREATE TRIGGER loud BEFORE INSERT ON labels FOR EACH ROW EXECUTE FUNCTION loud()",
        )
    else:
        toy.execute(TRIGGERS["sqlite" if toy.sqlite else "mysql"])


def test_a_trigger_changes_keys(toy: Toy) -> None:
    """What was inserted comes out, though its key was never what the seed said."""
    unlike = ROWS.replace("'b', 'wording': 'same'", "'b', 'wording': 'other'")
    trigger(toy)
    toy.only("0001_labels", unlike)
    toy.upgrade()
    assert toy.rows("SELECT code FROM labels ORDER BY code") == [("A",), ("B",), ("C",)]
    toy.downgrade("base", "on-edited=delete")
    assert toy.counts() == {}


def test_script_and_run_agree_under_a_collation(
    mariadb_toy: Toy, new_toy: Callable[..., Toy], new_database: Callable[[str], str], client: Any
) -> None:
    """A key that is equal to the column is the seeded row's, whatever its bytes."""
    other = new_toy(new_database(server_engine()))
    for place in (mariadb_toy, other):
        seeded(place)
        place.execute("UPDATE labels SET code = upper(code), wording = 'edited'")
    client(other.url, other.downgrade("0001_labels:base", "on-edited=delete", sql=True))
    mariadb_toy.downgrade("base", "on-edited=delete")
    assert mariadb_toy.counts() == other.counts() == {}
