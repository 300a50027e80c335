"""A file that an applied revision has read is pinned: an edit since then is named."""

from __future__ import annotations

import gzip
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from toys import Toy

from terp_seed.errors import PlanError, UsageError

EDITED = "code,wording,place\nFRAGILE,Careful,1\nCOLD,Keep cold,2\nPLAIN,,3\n"
MESSAGE = "seeds/data/labels.csv: was edited since revision 0001_labels seeded labels from it: "


def refusal(toy: Toy, target: str = "head") -> str:
    with pytest.raises(PlanError) as caught:
        toy.upgrade(target)
    return str(caught.value)


def test_an_edited_file_is_named_by_every_command(toy: Toy, client: Any) -> None:
    """With something pending, with nothing pending, in status and in check; on each engine."""
    toy.upgrade("0002_depots")
    before = toy.everything()
    toy.data("labels.csv", EDITED)
    for target in ("head", "0002_depots"):
        said = refusal(toy, target)
        assert said.startswith(f"{MESSAGE}2 rows differ. Restore the file")
        assert "terp-seed revision --from-database labels" in said
    for plan in (("plan",), ("plan", "0002_depots")):
        assert f"{MESSAGE}2 rows differ" in toy.terp_seed(*plan, code=4).stderr
    assert f"{MESSAGE}2 rows differ" in toy.terp_seed("status").stdout
    (found,) = toy.document("status")["edited_files"]
    assert found.startswith(MESSAGE)
    checks = {each["check"]: each for each in toy.document("check", code=4)["checks"]}
    assert checks["applied files"]["state"] == "failed"
    assert checks["applied files"]["detail"].startswith(MESSAGE)
    assert toy.everything() == before


def test_a_rollback_does_not_need_the_file(toy: Toy) -> None:
    toy.upgrade()
    toy.data("labels.csv", EDITED)
    toy.downgrade()
    assert toy.counts() == {}
    toy.upgrade()
    assert toy.document("status")["edited_files"] == []


def test_a_script_pins_as_a_run_does(toy: Toy, client: Any) -> None:
    client(toy.url, toy.upgrade("head", sql=True))
    toy.document("status")
    toy.data("labels.csv", EDITED)
    assert refusal(toy).startswith(f"{MESSAGE}2 rows differ")


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (EDITED + "NEW,x,4\n", "3 rows differ"),
        ("code,wording,place\nPLAIN,,3\n", "2 rows differ"),
        ('code,wording,place\nFRAGILE,"Handle with care, 100%",1\nCOLD,x,2\nPLAIN,,3\n', "1 row "),
    ],
)
def test_how_many_rows_differ(sqlite_toy: Toy, text: str, count: str) -> None:
    sqlite_toy.upgrade()
    sqlite_toy.data("labels.csv", text)
    assert f"{MESSAGE}{count}" in refusal(sqlite_toy)


def test_line_ends_are_no_edit(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    path = sqlite_toy.path / "seeds" / "data" / "labels.csv"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    sqlite_toy.upgrade()
    assert sqlite_toy.document("status")["edited_files"] == []


def test_a_file_that_is_gone_is_named(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    (sqlite_toy.path / "seeds" / "data" / "pairs.json").unlink()
    said = refusal(sqlite_toy)
    assert said.startswith("seeds/data/pairs.json: cannot be read, and revision 0001_labels")


def test_a_new_database_gets_the_rows_that_were_reviewed(toy: Toy) -> None:
    """With the file's digest in the revision an edit is refused where it was never applied too."""
    toy.data("more.csv", "code,wording\nM-1,one\n")
    digest = sha256(b"code,wording\nM-1,one\n").hexdigest()
    call = 'op.seed_file("labels", "more.csv", key=["code"], sha256="{}")'
    toy.only("0001_more", call.format(digest))
    toy.upgrade()
    toy.downgrade()
    toy.data("more.csv", "code,wording\nM-1,one\nM-2,two\n")
    for sql in (False, True):
        with pytest.raises(UsageError) as caught:
            toy.upgrade("head", sql=sql)
        assert "more.csv: is not the file that the revision was written for" in str(caught.value)
    assert toy.counts() == {}
    assert "more.csv: is not the file" in toy.terp_seed("check", code=2).stdout
    other = str(caught.value).partition('sha256="')[2][:64]
    toy.only("0001_more", call.format(other))
    toy.upgrade()
    assert toy.value("SELECT COUNT(*) FROM labels") == 2


@pytest.mark.parametrize("digest", ["", "abc", 5, "g" * 64])
def test_a_digest_that_is_none_is_refused(sqlite_toy: Toy, digest: object) -> None:
    call = f'op.seed_file("labels", "labels.csv", key=["code"], sha256={digest!r})'
    sqlite_toy.only("0001_labels", call)
    with pytest.raises(UsageError, match="sha256 must be the 64 characters of a digest"):
        sqlite_toy.upgrade()


def test_an_edit_after_the_upgrade_does_not_hold_a_rollback_up(sqlite_toy: Toy) -> None:
    sqlite_toy.data("more.csv", "code,wording\nM-1,one\n")
    digest = sha256(b"code,wording\nM-1,one\n").hexdigest()
    seeding = f'op.seed_file("labels", "more.csv", key=["code"], sha256="{digest}")'
    sqlite_toy.only("0001_more", seeding)
    sqlite_toy.upgrade()
    sqlite_toy.data("more.csv", "code,wording\nM-1,two\n")
    assert "more.csv" in sqlite_toy.terp_seed("status").stdout
    sqlite_toy.downgrade()
    assert sqlite_toy.counts() == {}


def test_a_packed_file_counts_its_lines(sqlite_toy: Toy) -> None:
    sqlite_toy.data("labels.csv.gz", gzip.compress(EDITED.encode()))
    sqlite_toy.only("0001_a", 'op.seed_file("labels", "labels.csv.gz", key=["code"])')
    sqlite_toy.upgrade()
    sqlite_toy.data("labels.csv.gz", gzip.compress(EDITED.replace("cold", "cool").encode()))
    assert "labels.csv.gz: was edited since revision 0001_a" in refusal(sqlite_toy)
    assert "1 row differs" in refusal(sqlite_toy)


def test_where_there_is_a_dataset_it_is_the_place_to_edit(sqlite_toy: Toy) -> None:
    sqlite_toy.upgrade()
    seeds = sqlite_toy.path / "seeds"
    (seeds / "datasets.toml").write_text('[words]\ntable = "labels"\nkey = ["code"]\n')
    sqlite_toy.data("labels.csv", EDITED)
    said = refusal(sqlite_toy)
    assert "Change the rows in datasets/words instead" in said
    assert 'terp-seed revision --autogenerate -m "..."' in said


def test_the_pins_of_a_revision_go_with_it(toy: Toy) -> None:
    toy.upgrade("0001_labels")
    pins = "SELECT COUNT(*) FROM terp_seed_ledger WHERE state = 'file'"
    assert toy.value(pins) == 2
    toy.downgrade()
    assert toy.value(pins) == 0


def test_a_line_of_a_file_cannot_be_read_from_its_pin(sqlite_toy: Toy) -> None:
    """Two bytes a line: of any text, one in 65,536 has the same."""
    sqlite_toy.upgrade("0001_labels")
    (marks,) = sqlite_toy.rows(
        "SELECT digests FROM terp_seed_ledger WHERE state = 'file' AND block_no = 1"
    )[0]
    text = Path(sqlite_toy.path / "seeds/data/labels.csv").read_text()
    assert len(marks) == 2 * len(text.splitlines())


@pytest.mark.parametrize("kind", ["folder", "fifo"])
def test_what_has_taken_the_place_of_a_file_is_named(sqlite_toy: Toy, kind: str) -> None:
    """Nothing waits for a FIFO, and status goes on."""
    sqlite_toy.upgrade()
    path = sqlite_toy.path / "seeds" / "data" / "labels.csv"
    path.unlink()
    path.mkdir() if kind == "folder" else os.mkfifo(path)
    (found,) = sqlite_toy.document("status")["edited_files"]
    assert found.startswith("seeds/data/labels.csv: cannot be read, and revision 0001_labels")
    assert refusal(sqlite_toy) == found
