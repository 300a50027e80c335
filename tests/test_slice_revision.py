"""A slice that becomes a revision goes up on any engine, is in the ledger, and goes down again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from production import KEY
from toys import Toy

FILLED = (
    "INSERT INTO depots (id, code, kind, capacity, price, opened) VALUES "
    "(7, 'D7', 'main', 5, 1.50, '2026-01-01'), (8, 'D8', 'branch', 6, 2.25, '2026-01-02'), "
    "(9, 'D9', 'branch', 7, 3.00, '2026-01-03')",
    "INSERT INTO crates (id, code, depot_id, weight) VALUES "
    "(11, 'C1', 9, 3), (12, 'C2', 9, 4), (13, 'C3', 7, 5)",
    "INSERT INTO scans (id, crate_id) VALUES (1, 11), (2, 12), (3, 13)",
    "INSERT INTO labels (id, code, wording, extra, parent_id) VALUES "
    """(1, 'L1', 'jane@real-corp.com', '{"a": [1, null]}', NULL), (2, 'L2', 'two', NULL, 1), """
    "(3, 'L3', 'three', NULL, 2)",
    "INSERT INTO pairs (left_code, right_code, weight) VALUES ('D9', 'C1', 1.25)",
)
MASKS = """
version = 1
defaults.unlisted = "detect"

[tables.labels]
wording = { class = "free_text", strategy = "scrub_text" }
not_personal = [{ columns = ["extra", "body", "blob"], reason = "what is printed on a label" }]
"""


@pytest.fixture
def source(toy: Toy, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """Production, in a project without revisions."""
    monkeypatch.setenv("TERP_SEED_MASK_KEY", KEY)
    toy.execute(*FILLED)
    for path in (toy.path / "seed_revisions").glob("*.py"):
        path.unlink()
    (toy.path / "seeds" / "masking.toml").write_text(MASKS)
    return toy


@pytest.fixture
def other_url(
    engine: str, new_database: Callable[[str], str], request: pytest.FixtureRequest
) -> str:
    """An empty database of another engine than the source's."""
    server = request.getfixturevalue("mariadb").engine
    return new_database({"sqlite": "postgresql", "postgresql": server}.get(engine, "sqlite"))


def elsewhere(source: Toy, new_toy: Callable[..., Toy], url: str) -> Toy:
    """Another database, with the project as the slice has left it."""
    other = new_toy(url)
    for folder in ("seed_revisions", "seeds"):
        shutil.rmtree(other.path / folder)
        shutil.copytree(source.path / folder, other.path / folder)
    return other


def folder(toy: Toy) -> str:
    return f"{toy.path}/seeds/datasets/heavy/"


def test_a_revision_goes_up_elsewhere_and_down_again(
    source: Toy, new_toy: Callable[..., Toy], other_url: str
) -> None:
    before = source.digests()
    where = ("--where", "code = 'D9'")
    source.terp_seed("slice", "depots", *where, "--depth", "2", "--to", folder(source))
    assert source.digests() == before
    (path,) = (source.path / "seed_revisions").glob("*.py")
    assert 'refs={"depot_id": "depots.code"}' in path.read_text()
    other = elsewhere(source, new_toy, other_url)
    other.execute(
        "INSERT INTO depots (id, code, kind, capacity, price, opened) VALUES "
        "(9, 'X', 'main', 1, 1, '2026-01-01')"
    )
    other.upgrade()
    assert other.rows(
        "SELECT c.code, d.code FROM crates c JOIN depots d ON d.id = c.depot_id ORDER BY c.code"
    ) == [("C1", "D9"), ("C2", "D9")]
    assert other.states() == {path.stem: "applied"}
    other.terp_seed("verify")
    other.downgrade()
    assert other.counts() == {"depots": 1}


def test_rows_that_refer_to_each_other_are_written_later(
    source: Toy, new_toy: Callable[..., Toy], other_url: str
) -> None:
    slice_toml = source.path / "seeds" / "slice.toml"
    slice_toml.write_text(
        '[roots.labels]\nwhere = "id = 3"\n[references]\n"labels.parent_id" = "labels.id"\n'
    )
    source.terp_seed("slice", "--depth", "0", "--to", folder(source))
    other = elsewhere(source, new_toy, other_url)
    other.upgrade()
    assert other.rows(
        "SELECT a.code, b.code FROM labels a LEFT JOIN labels b ON b.id = a.parent_id "
        "ORDER BY a.code"
    ) == [("L1", None), ("L2", "L1"), ("L3", "L2")]
    ((extra,),) = other.rows("SELECT extra FROM labels WHERE code = 'L1'")
    assert (json.loads(extra) if isinstance(extra, str) else extra) == {"a": [1, None]}
    assert "real-corp" not in "".join(
        each.read_text() for each in (source.path / "seeds" / "data" / "frozen").iterdir()
    )
    other.downgrade()
    assert other.counts() == {}


def test_a_table_without_a_natural_key_keeps_its_ids(
    source: Toy, new_toy: Callable[..., Toy], other_url: str
) -> None:
    (source.path / "seeds" / "slice.toml").write_text(
        '[references]\n"scans.crate_id" = "crates.id"\n"pairs.left_code" = "depots.code"\n'
    )
    source.terp_seed("slice", "depots", "--where", "id = 9", "--depth", "2", "--to", folder(source))
    other = elsewhere(source, new_toy, other_url)
    other.upgrade()
    assert other.rows("SELECT left_code, right_code FROM pairs") == [("D9", "C1")]
    assert other.rows(
        "SELECT c.code FROM scans s JOIN crates c ON c.id = s.crate_id ORDER BY 1"
    ) == [("C1",), ("C2",)]
    other.downgrade()
    assert other.counts() == {}


def test_a_revision_that_cannot_be_leaves_no_file(source: Toy) -> None:
    files = {*source.path.rglob("*")}
    where = ("--where", "1 = 1; SELECT 2")
    source.terp_seed("slice", "depots", "--to", str(source.path / "elsewhere") + "/", code=2)
    source.terp_seed("slice", "depots", *where, "--to", folder(source), code=2)
    source.terp_seed("slice", "nothing", "--to", folder(source), code=2)
    source.terp_seed("slice", "--to", folder(source), code=2)
    source.terp_seed("slice", "depots", code=2)
    source.terp_seed("slice", "depots", "--to", "x.txt", code=2)
    for wrong in (("--rate", "0"), ("--rate", "-3"), ("--orphans", "foo")):
        said = source.terp_seed("slice", "depots", "--dry-run", *wrong, code=2).output
        assert f"Invalid value for '{wrong[0]}'" in said
    source.terp_seed("slice", "depots", "--sample", "x", "--to", folder(source), code=2)
    source.terp_seed("slice", "depots", "--to", source.url, code=5)
    assert {path for path in source.path.rglob("*") if "__pycache__" not in path.parts} == {
        path for path in files if "__pycache__" not in path.parts
    }


def test_the_command_says_its_plan_as_text_and_as_json(source: Toy, tmp_path: Path) -> None:
    done = source.terp_seed("slice", "depots", "--limit", "2", "--dry-run")
    assert [line.split() for line in done.stdout.splitlines()[2:]] == [
        ["crates", "0", "1", "0", "1"],
        ["depots", "2", "0", "0", "2"],
    ]
    assert "schema = " in done.stderr
    found = source.document("slice", "depots", "--limit", "2", "--to", str(tmp_path / "slice.sql"))
    assert found["tables"][0] == {
        "table": "crates",
        "roots": 0,
        "children": 1,
        "parents": 0,
        "rows": 1,
    }
    assert found["proven"] == {"crates.depot_id -> depots.id": 1}
