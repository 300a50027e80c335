"""The texts that a database joins are the canonical ones, so a survey need not fetch the values."""

from __future__ import annotations

from projects import Project
from test_rollback_terp import CHAIN, Terp
from toys import Toy

from terp_seed.database.session import opened
from terp_seed.ledger.drift import JoinedTexts, row_numbers
from terp_seed.ledger.ledger import SeededRange, Shape, ledger_of
from terp_seed.project.project import Project as Seeds

# Values of which a database may write a text of its own, kind by kind.
ODD = r"""[
    {"code": "nothing", "body": None},
    {"code": "007", "wording": "12.50", "place": -7, "amount": "-0.50", "extra": [1.0, None]},
    {"code": "midnight", "wording": "2026-01-01 00:00:00", "moment": "2026-01-01 00:00:00"},
    {"code": "noon", "day": "2026-01-01", "moment": "2026-01-01 12:00:00", "amount": 100},
    {"code": "text", "body": "it's \\ \t\x1f\0 \u00e9\n\U0001f600 at 00:00:00", "blob": b"\xff\0"},
    {"code": "json", "extra": {"b": [1, 2.5], "a": "\u00e9"}, "amount": "123456.78"},
]"""


def unlike(seeds: Seeds) -> list[str]:
    """The tables of which some block's digests are not the ledger's."""
    with opened(seeds.settings()) as session:
        ledger, connection = ledger_of(session), session.connection
        ranges = {(of.revision, of.number): of for of in ledger.ranges(connection)}
        found = []
        for of in (each for each in ranges.values() if not each.shape.stored):
            texts, first = JoinedTexts(session, of, ranges), of.first_key or 0
            for block in ledger.blocks(connection, of):
                low = first + block.first_row
                if texts.digests(low, low + block.count - 1) != block.rows:
                    found.append(of.table)
        assert len(ranges) > len(CHAIN)
        return found


def drift(toy: Toy, code: int = 0) -> tuple[int, int, int]:
    """How many rows are intact, edited and replaced."""
    (revision,) = toy.document("status", "--drift", code=code)["revisions"]
    (labels,) = revision["tables"]
    return labels["intact"], labels["edited"], labels["replaced"]


def test_every_table_of_terp_is_told_by_its_texts(
    project: Project, database_url: str, engine: str
) -> None:
    terp = Terp(project, database_url)
    terp.seeds.upgrade("head")
    # The documents of batches are written as TERP writes them, with spaces: their values are read.
    # MySQL, unlike MariaDB, writes every document with spaces.
    assert set(unlike(terp.seeds)) == {"batches", *(["clients"] if engine == "mysql" else [])}


def test_what_a_database_writes_otherwise_is_no_edit(toy: Toy) -> None:
    """Where the texts differ the values decide, and an edit of any column is still one."""
    names = ("wording", "place", "extra", "blob", "body", "amount", "day", "moment")
    odd = ODD.replace(r"\x1f\0 ", r"\x1f ") if toy.postgresql else ODD  # no text of it holds a NUL
    rows = f"[{{**dict.fromkeys({names}), **row}} for row in {odd}]"
    toy.only("0001_odd", f'op.seed_rows("labels", {rows}, key=["code"])')
    toy.upgrade()
    assert drift(toy) == (6, 0, 0)
    toy.execute("UPDATE labels SET moment = '2026-01-01 00:00:01' WHERE code = 'midnight'")
    toy.execute("UPDATE labels SET body = '' WHERE code = 'nothing'")
    toy.execute("UPDATE labels SET code = 'other' WHERE code = 'noon'")
    assert drift(toy, code=8) == (3, 2, 1)


def test_the_ids_that_rows_hold_are_row_numbers_again() -> None:
    """In columns and at any depth of a document; whatever else is there stays."""
    held = {"thingId": ("r0", 1), "goneId": ("r9", 9)}
    refs = {"thing": ("r0", 1), "gone": ("r9", 9)}
    shape = Shape("id", [], [], refs, {"items": held}, "synthetic", skip_taken=False)
    of = SeededRange("r1", 1, "orders", 2, "id", 1, shape)
    ranges = {("r0", 1): SeededRange("r0", 1, "things", 5, "id", 21, shape), ("r1", 1): of}
    documents = [
        '[{"thingId": 22, "lines": [{"thingId": 25, "count": 25}]}, 7]',
        b'{"thingId": "22", "goneId": 22}',
        '{"thingId": {"thingId": 21}}',
        "22",
        "no document",
        None,
    ]
    assert [
        value and str(value) for value in row_numbers(of, "items", documents, ranges).values
    ] == [
        '[{"lines":[{"count":25,"thingId":4}],"thingId":1},7]',
        '{"goneId":22,"thingId":"22"}',
        '{"thingId":{"thingId":0}}',
        "22",
        "no document",
        None,
    ]
    cells = row_numbers(of, "thing", [22, None, 21], ranges)
    assert ([*cells.values], cells.ref is not None) == ([1, None, 0], True)
    for name in ("gone", "plain"):
        cells = row_numbers(of, name, [22, None], ranges)
        assert ([*cells.values], cells.ref) == ([22, None], None)
