"""JSON columns whose keys are updated one by one: what a person changed in a document stays."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toys import Toy

from terp_seed.errors import ConflictError, PlanError, RollbackError, UsageError
from terp_seed.rows.merge import merge_cells
from terp_seed.rows.model import Json

BEFORE = {"size": 10, "on": True, "nested": {"x": 1, "y": [1, 2]}, "gone": "x", "none": None}
AFTER = {"size": 20, "on": False, "nested": {"x": 2}, "none": 0, "new": "é'"}
TYPES = {
    "sqlite": ["JSON", "TEXT"],
    "mysql": ["JSON", "TEXT"],
    "postgresql": ["JSON", "JSONB", "TEXT"],
}


def seeded(toy: Toy, kind: str, before: Any = BEFORE, after: Any = AFTER, **more: Any) -> None:
    toy.execute(f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(9) UNIQUE, doc {kind})")
    toy.publish("t", ["code", "doc"])
    options = "".join(f", {name}={value!r}" for name, value in more.items())
    rows = f'[{{"code": "a", "doc": {before!r}}}, {{"code": "b", "doc": {before!r}}}]'
    toy.only("0001_a", f'op.seed_rows("t", {rows}, key=["code"])')
    change = f'[{{"code": "a", "doc": {after!r}}}, {{"code": "b", "doc": {after!r}}}]'
    update = f'op.update_rows("t", {change}, key=["code"], merge=["doc"]{options})'
    toy.revision("0002_b", update, after="0001_a")
    toy.upgrade("0001_a")


def documents(toy: Toy) -> list[Any]:
    rows = [doc for (doc,) in toy.rows("SELECT doc FROM t ORDER BY code")]
    return [json.loads(doc) if isinstance(doc, str | bytes) else doc for doc in rows]


def stored(toy: Toy) -> list[tuple[Any, ...]]:
    """The rows to the last byte."""
    return toy.rows("SELECT code, CAST(doc AS CHAR(500)) FROM t ORDER BY code")


def write(toy: Toy, document: Any) -> None:
    text = json.dumps(document, indent=1, ensure_ascii=False).replace("'", "''")
    toy.execute(f"UPDATE t SET doc = '{text}' WHERE code = 'a'")


def each_type(toy: Toy) -> list[str]:
    """The types that a document may have."""
    return TYPES["postgresql" if toy.postgresql else "sqlite" if toy.sqlite else "mysql"]


@pytest.mark.parametrize("number", [0, 1, -1])
def test_edited_keys_stay_and_others_move(toy: Toy, number: int, client: Any) -> None:
    """As run and as script; the plan says the same; each value comes back."""
    seeded(toy, each_type(toy)[number])
    edited = {**BEFORE, "on": "maybe", "nested": {"x": 9}, "own": [1]}
    del edited["gone"]
    write(toy, edited)
    before = stored(toy)
    plan = toy.document("plan")
    assert "doc.on, doc.nested edited, left as it is" in json.dumps(plan)
    with pytest.raises(ConflictError) as caught:
        toy.upgrade()
    assert "code = a, doc.on, doc.nested: edited since, left as it is" in str(caught.value)
    merged = {**edited, "size": 20, "none": 0, "new": AFTER["new"]}
    assert documents(toy) == [merged, AFTER]
    toy.downgrade("0001_a")
    assert stored(toy) == before
    client(toy.url, toy.upgrade("0001_a:head", sql=True))
    assert documents(toy) == [merged, AFTER]
    client(toy.url, toy.downgrade("head:0001_a", sql=True))
    assert stored(toy) == before


def test_a_document_that_is_none_any_more_stays(toy: Toy) -> None:
    seeded(toy, each_type(toy)[0])
    for document in ([1, 2], 5, None):
        write(toy, document)
        before = stored(toy)
        with pytest.raises(ConflictError, match="code = a, doc: edited since"):
            toy.upgrade()
        assert documents(toy) == [document, AFTER]
        toy.downgrade("0001_a")
        assert stored(toy) == before


def test_what_a_person_made_alike_is_no_conflict(toy: Toy) -> None:
    seeded(toy, each_type(toy)[0])
    write(toy, {**AFTER, "more": 1})
    toy.upgrade()
    assert documents(toy) == [{**AFTER, "more": 1}, AFTER]


def test_the_seed_may_insist(toy: Toy) -> None:
    seeded(toy, each_type(toy)[0])
    write(toy, {**BEFORE, "on": "maybe", "own": 1})
    toy.upgrade("head", "on-conflict=ours")
    assert documents(toy) == [{**AFTER, "own": 1}, AFTER]
    for document in (None, [1]):
        toy.downgrade("0001_a", "on-edited=delete")
        write(toy, document)
        toy.upgrade("head", "on-conflict=ours")
        assert documents(toy) == [AFTER, AFTER]


def test_a_document_that_was_edited_after_the_merge_stops_the_rollback(toy: Toy) -> None:
    seeded(toy, each_type(toy)[0])
    toy.upgrade()
    write(toy, {**AFTER, "own": 1})
    with pytest.raises(RollbackError, match="t code = a: doc"):
        toy.downgrade("0001_a", "on-edited=abort")
    toy.downgrade("0001_a", "on-edited=delete")
    assert documents(toy) == [BEFORE, BEFORE]


@pytest.mark.parametrize(
    ("more", "after", "complaint"),
    [
        ({"strict": "row"}, AFTER, 'strict="row" keeps the whole row'),
        ({}, {'"': 1}, "merge cannot name the key '\"'"),
    ],
)
def test_what_cannot_be_merged_is_refused(
    sqlite_toy: Toy, more: dict[str, str], after: Any, complaint: str
) -> None:
    toy = sqlite_toy
    toy.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, doc JSON)")
    toy.publish("t", ["code", "doc"])
    toy.only("0001_a", f'op.seed_rows("t", [{{"code": "a", "doc": {BEFORE!r}}}], key=["code"])')
    toy.upgrade()
    options = "".join(f", {name}={value!r}" for name, value in more.items())
    row = f'{{"code": "a", "doc": {after!r}}}'
    update = f'op.update_rows("t", [{row}], key=["code"], merge=["doc"]{options})'
    toy.revision("0002_b", update, after="0001_a")
    before = stored(sqlite_toy)
    with pytest.raises((PlanError, UsageError), match=complaint):
        sqlite_toy.upgrade()
    assert stored(sqlite_toy) == before


def test_an_adopted_document_keeps_its_own_keys(toy: Toy) -> None:
    """Keys that the dataset has get its values; both come back."""
    toy.execute(
        f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(9) UNIQUE, doc {each_type(toy)[0]})",
        """INSERT INTO t (code, doc) VALUES ('a', '{"own": 1, "size": 5}')""",
    )
    toy.publish("t", ["code", "doc"])
    rows = '[{"code": "a", "doc": {"size": 10, "new": True}}, {"code": "b", "doc": {"size": 1}}]'
    seeding = f'op.seed_rows("t", {rows}, key=["code"], on_conflict="update", merge=["doc"])'
    toy.only("0001_a", seeding)
    assert "doc: " in json.dumps(toy.document("plan"))
    toy.upgrade()
    assert documents(toy) == [{"own": 1, "size": 10, "new": True}, {"size": 1}]
    toy.downgrade()
    assert documents(toy) == [{"own": 1, "size": 5}]
    toy.only("0001_a", seeding.replace(', on_conflict="update"', ""))
    with pytest.raises(UsageError, match='add on_conflict="update"'):
        toy.upgrade()


def test_a_dataset_can_ask_for_it(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, doc JSON)")
    toy.publish("t", ["code", "doc"])
    datasets = toy.path / "seeds" / "datasets"
    datasets.mkdir()
    register = datasets.parent / "datasets.toml"
    register.write_text('[t]\ntable = "t"\nkey = ["code"]\nmerge = ["doc"]\n')
    for number, document in enumerate([BEFORE, AFTER], start=1):
        (datasets / "t.json").write_text(json.dumps([{"code": "a", "doc": document}]))
        toy.terp_seed("revision", "--autogenerate", "-m", "t", "--rev-id", f"9{number}_t")
        toy.upgrade()
        if number == 1:
            write(toy, {**BEFORE, "own": 1})
    assert documents(toy) == [{**AFTER, "own": 1}]
    register.write_text('[t]\ntable = "t"\nkey = ["code"]\nmerge = ["dok"]\n')
    assert "has no column dok, which merge" in toy.terp_seed("check", code=None).stdout


VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a"]) | st.just([1])
DOCUMENTS = st.dictionaries(st.sampled_from("abcd"), VALUES)


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_every_key_is_somebodys(live: Any, said: Any, given: Any) -> None:
    merged = merge_cells(Json(live), Json(said), Json(given))
    if merged is None:
        assert json.dumps(said, sort_keys=True) == json.dumps(given, sort_keys=True)
        return
    assert merged.document is not None
    for key in {**live, **said, **given}:
        now, was, new, made = (
            json.dumps(document[key]) if key in document else None
            for document in (live, said, given, merged.document)
        )
        assert made == (new if now == was != new else now)
        assert (key in merged.keys) == (was != new and now not in (was, new))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_the_engine_merges_as_the_plan_says(merging: Callable[..., Any], data: Any) -> None:
    live, said, new = (data.draw(DOCUMENTS) for _ in range(3))
    expected = merge_cells(Json(live), Json(said), Json(new))
    if expected is not None:
        assert merging(live, said, new) == expected.document


@pytest.fixture
def merging(toy: Toy) -> Callable[..., Any]:
    """What the engine makes of three documents."""
    from terp_seed.database.dialects import dialect_named
    from terp_seed.rows.merge import changed_keys

    dialect = dialect_named(toy.db.dialect.name)
    kind = each_type(toy)[0]
    toy.execute(f"CREATE TABLE merging (doc {kind})")

    def merge(live: Any, said: Any, new: Any) -> Any:
        texts = [dialect.literal(Json(document)) for document in (live, said, new)]
        toy.execute("DELETE FROM merging", f"INSERT INTO merging VALUES ({texts[0]})")
        keys = changed_keys(Json(said), Json(new))
        made, moves = dialect.merge_json("live.doc", keys, *texts[1:], insist=False)
        found = toy.value(f"SELECT CASE WHEN {moves} THEN {made} END FROM merging live")
        if found is None:
            return live
        return json.loads(found) if isinstance(found, str | bytes) else found

    return merge
