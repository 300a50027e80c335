"""What earlier revisions seeded is known in a later run as it was in one run with them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from toys import Toy

from terp_seed.errors import PlanError


def test_masks_that_count_rows_go_on_where_an_earlier_run_ended(sqlite_toy: Toy) -> None:
    """Without a key a masked value follows the row's number among all imports of its table."""
    toy = sqlite_toy
    policy = toy.path / "seeds" / "masking.toml"
    policy.write_text(
        'version = 1\ndefaults.unlisted = "detect"\n\n'
        '[tables.labels]\nwording = { class = "email" }\n'
        'not_personal = [{ columns = ["code"], reason = "a label" }]\n',
        encoding="utf-8",
    )
    rows = (
        '[{{"code": "{0}-1", "wording": "a@real.de"}}, {{"code": "{0}-2", "wording": "b@real.de"}}]'
    )
    toy.only("0001_one", f'op.seed_rows("labels", {rows.format("ONE")}, key=["code"])')
    more = f'op.seed_rows("labels", {rows.format("TWO")}, key=["code"])'
    toy.revision("0002_two", more, after="0001_one")
    select = "SELECT code, wording FROM labels ORDER BY code"

    toy.upgrade("0002_two")
    at_once = toy.rows(select)
    toy.downgrade("base")
    toy.upgrade("0001_one")
    toy.upgrade("0002_two")
    assert toy.rows(select) == at_once
    assert not {wording for _, wording in at_once} & {"a@real.de", "b@real.de"}


@pytest.mark.parametrize("applied", [[], ["0001_depots"], ["0001_depots", "0002_again"]])
def test_rows_of_a_table_that_two_seeders_fill_are_not_referred_to_by_number(
    sqlite_toy: Toy, applied: list[str]
) -> None:
    """Whether both are pending, or one or both were applied by an earlier run."""
    toy = sqlite_toy
    toy.only("0001_depots", 'op.seed("depots")')
    toy.revision("0002_again", 'op.seed("depots")', after="0001_depots")
    toy.revision("0003_crates", 'op.seed("crates")', after="0002_again")
    for revision in applied:
        toy.upgrade(revision)
        toy.execute("UPDATE depots SET code = 'OTHER-' || id")  # free for the next to take
    before = toy.counts()
    with pytest.raises(PlanError, match="several seeders fill that table"):
        toy.upgrade("0003_crates")
    assert toy.counts() == before


# -- an applied revision is held to what it declared

ROWS = '[{{"code": "A", "wording": {wording!r}}}, {{"code": "B", "wording": None}}]'


def declared(toy: Toy, wording: str, *, key: str = '["code"]') -> None:
    toy.only("0001_one", f'op.seed_rows("labels", {ROWS.format(wording=wording)}, key={key})')
    toy.revision(
        "0002_two", 'op.seed_rows("labels", [{"code": "C"}], key=["code"])', after="0001_one"
    )


@pytest.mark.parametrize("scripted", [False, True])
def test_a_value_that_changed_after_it_was_applied_is_noticed(
    toy: Toy, client: Callable[..., object], scripted: bool
) -> None:
    """As many rows as before, and still not the ones that are in the database."""
    declared(toy, "first")
    if scripted:
        client(toy.url, toy.call("upgrade", "base:0001_one", sql=True))
    else:
        toy.upgrade("0001_one")
    declared(toy, "second")
    before = toy.everything()
    with pytest.raises(PlanError, match="revision 0001_one was changed since it was applied"):
        toy.upgrade()
    assert toy.everything() == before
    declared(toy, "first")
    toy.upgrade()
    assert len(toy.rows("SELECT code FROM labels")) == 3


def test_a_revision_may_be_laid_out_anew(sqlite_toy: Toy) -> None:
    """What counts is what it declares, not how its file is written."""
    declared(sqlite_toy, "first")
    sqlite_toy.upgrade("0001_one")
    path = sqlite_toy.path / "seed_revisions" / "0001_one.py"
    path.write_text("# a comment\n" + path.read_text().replace('key=["code"]', "key=('code',)"))
    sqlite_toy.upgrade()
    assert len(sqlite_toy.rows("SELECT code FROM labels")) == 3


def test_the_line_ends_of_a_data_file_may_change(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade("0001_labels")
    path = sqlite_toy.path / "seeds" / "data" / "labels.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    sqlite_toy.upgrade()
    path.write_bytes(path.read_bytes().upper())
    sqlite_toy.revision("0004_last", 'op.seed_rows("labels", [{"code": "Z"}], key=["code"])')
    with pytest.raises(PlanError, match="was edited since revision 0001_labels seeded labels"):
        sqlite_toy.upgrade()


def test_a_rollback_does_not_need_the_file_that_was_applied(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade("0001_labels")
    (sqlite_toy.path / "seeds" / "data" / "labels.csv").unlink()
    sqlite_toy.downgrade("base")
    assert sqlite_toy.counts() == {}


SAME = [
    ('{"code": "A", "amount": 1.5}', '{"amount": Decimal("1.50"), "code": "A"}'),
    ('{"code": "A", "extra": {"a": 1, "b": 2}}', '{"code": "A", "extra": {"b": 2, "a": 1}}'),
    ('{"code": "A", "extra": [1, 2]}', '{"code": "A", "extra": [1, 2.0]}'),
    ('{"code": "A", "day": "2026-01-01"}', '{"code": "A", "day": date(2026, 1, 1)}'),
    ('{"code": "A", "extra": {"a": 1}}', '{"code": "A", "extra": defaultdict(lambda: 0, a=1)}'),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_the_same_rows_may_be_spelt_in_another_way(sqlite_toy: Toy, one: str, other: str) -> None:
    toy = sqlite_toy
    modules = ("collections", "defaultdict"), ("datetime", "date"), ("decimal", "Decimal")
    imports = "\n".join(f"from {module} import {name}" for module, name in modules)
    for row in (one, other):
        toy.only("0001_one", f'op.seed_rows("labels", [{row}], key=["code"])', head=imports)
        toy.revision("0002_two", SECOND, after="0001_one")
        toy.upgrade("0001_one" if row == one else "head")
    assert len(toy.rows("SELECT code FROM labels")) == 2


SECOND = 'op.seed_rows("labels", [{"code": "C"}], key=["code"])'
FIRST = 'op.seed_rows("labels", [{"code": "A"}, {"code": "B"}], key=["code"])'


@pytest.mark.parametrize(
    "changed",
    [
        FIRST.replace('"B"', '"X"'),
        FIRST.replace('key=["code"]', 'key=["code", "wording"]').replace(
            '{"code"', '{"wording": "w", "code"'
        ),
        FIRST.replace("key=", 'on_conflict="skip", key='),
        FIRST.replace("labels", "depots"),
        f"{FIRST}\n{SECOND.replace('C', 'D')}",
        "pass",
    ],
)
def test_whatever_changes_in_an_applied_revision_is_noticed(sqlite_toy: Toy, changed: str) -> None:
    for before, after in ((FIRST, changed), (changed, FIRST)):
        if before != FIRST and "depots" in before:
            continue  # it does not fit that table, so it was never applied
        toy = sqlite_toy
        toy.only("0001_one", before)
        toy.revision("0002_two", SECOND, after="0001_one")
        toy.upgrade("0001_one")
        toy.only("0001_one", after)
        toy.revision("0002_two", SECOND, after="0001_one")
        with pytest.raises(PlanError, match="0001_one was changed since it was applied"):
            toy.upgrade()
        toy.only("0001_one", before)
        toy.downgrade("base")


def test_a_revision_that_reads_the_database_is_held_to_its_number_of_rows(sqlite_toy: Toy) -> None:
    """What it declares may follow from rows that have changed since; how many may not."""
    toy = sqlite_toy
    toy.only("0001_one", FIRST, head="online_only = True")
    toy.revision("0002_two", SECOND, after="0001_one")
    toy.upgrade("0001_one")
    fewer = FIRST.replace(', {"code": "B"}', "")
    for rows, fits in ((FIRST.replace('"A"', '"Z"'), True), (fewer, False)):
        toy.only("0001_one", rows, head="online_only = True")
        toy.revision("0002_two", SECOND, after="0001_one")
        if fits:
            toy.upgrade()
            toy.downgrade("0001_one")
        else:
            with pytest.raises(PlanError, match="0001_one was changed since it was applied"):
                toy.upgrade()


def test_a_generated_table_that_lost_rows_is_noticed_where_the_past_is_asked_for(
    sqlite_toy: Toy,
) -> None:
    """Later rows refer to its rows by number."""
    toy = sqlite_toy
    toy.upgrade("0002_depots")
    path = toy.path / "toy_seeders.py"
    source = path.read_text(encoding="utf-8")
    path.write_text(source.replace('context.rows["depots"]', 'context.rows["depots"] - 1', 1))
    assert path.read_text(encoding="utf-8") != source
    done = toy.alembic("upgrade", "head", check=False)
    assert "revision 0002_depots was changed since it was applied" in done.stdout + done.stderr


def test_rows_that_are_others_each_time_are_refused_before_the_first(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    row = '{"code": str(uuid4())[:20]}'
    toy.only(
        "0001_one", f'op.seed_rows("labels", [{row}], key=["code"])', head="from uuid import uuid4"
    )
    with pytest.raises(PlanError, match="declares different rows each time it runs; replace"):
        toy.upgrade()
    assert toy.counts() == {}


def test_a_stamp_runs_no_revision_and_asks_for_none(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    declared(toy, "first")
    toy.upgrade("0001_one")
    declared(toy, "second")
    toy.stamp("0002_two")
    assert toy.states() == {"0001_one": "applied", "0002_two": "stamped"}


def test_a_stamp_keeps_the_day_that_the_revisions_say(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.only("0001_one", FIRST, head='as_of = "2026-06-30"')
    toy.stamp("0001_one")
    assert toy.document("status")["settings"]["as_of"] == "2026-06-30"
