"""A backup of revisions that updated and deleted rows is put back, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest
from toys import Toy

from terp_seed.database.consent import Confirm
from terp_seed.errors import VerificationError
from terp_seed.project.project import Project as Seeds
from terp_seed.run.backup.folder import list_backups
from terp_seed.run.backup.restore import restore_backup

YES = Confirm(always=True, yes=True)
ROWS = """op.seed_rows("t", [
    {"code": "a", "word": "A", "price": "1.50", "boss": None},
    {"code": "b", "word": "B", "price": None, "boss": None},
    {"code": "c", "word": "C", "price": "3", "boss": None},
], key=["code"])"""
SECOND = """op.update_rows("t", [{"code": "a", "word": "A2", "price": None},
                     {"code": "theirs", "word": "T2"}], key=["code"])
op.delete_rows("t", ["c"], key=["code"], allow_delete=True)
op.seed_rows("t", [{"code": "c", "word": "C again", "price": 7}], key=["code"])"""
THIRD = """op.update_rows("t", [{"code": "a", "word": "A3"}, {"code": "b", "word": None}],
               key=["code"])
op.delete_rows("t", ["theirs too"], key=["code"], foreign=True)"""


@pytest.fixture
def lived(toy: Toy) -> Toy:
    """Three revisions, of which two changed rows, among them others'."""
    toy.execute(
        f"CREATE TABLE t (id {toy.counted_key}, code VARCHAR(12) NOT NULL UNIQUE, "
        "word VARCHAR(12), price DECIMAL(6, 2), boss INTEGER)",
        "INSERT INTO t (code, word) VALUES ('theirs', 'T'), ('theirs too', 'TT')",
    )
    toy.publish("t", ["code", "word"])
    toy.only("0001_a", ROWS)
    toy.revision("0002_b", SECOND, after="0001_a")
    toy.revision("0003_c", THIRD, after="0002_b")
    toy.upgrade()
    return toy


def project(toy: Toy, folder: Path) -> Seeds:
    return Seeds(toy.path / "alembic.ini", x=(f"url={toy.url}", f"backup-folder={folder}"))


def restore(toy: Toy, folder: Path) -> None:
    seeds = project(toy, folder)
    newest = list_backups(seeds.settings())[0].folder
    restore_backup(seeds.settings(), seeds.directory(), newest, YES)


def state(toy: Toy) -> dict[str, object]:
    """All tables, the kept rows among them; the ledger's moments are new."""
    found = {n: d for n, d in toy.everything().items() if n != "terp_seed_audit"}
    names = [name for name in found if name.startswith("terp_seed_before_")]
    kept = {name: toy.rows(f"SELECT * FROM {name} ORDER BY terp_seed_row") for name in names}
    return {**found, **kept, "t": toy.rows("SELECT * FROM t ORDER BY id")}


@pytest.mark.long
@pytest.mark.parametrize("target", ["0002_b", "0001_a", "base"])
def test_changed_rows_come_back_with_what_the_ledger_knew(
    lived: Toy, tmp_path: Path, target: str
) -> None:
    before = state(lived)
    lived.downgrade(target, "backup=rows", f"backup-folder={tmp_path}")
    assert state(lived) != before
    restore(lived, tmp_path)
    assert state(lived) == before
    lived.downgrade()
    assert lived.rows("SELECT code, word FROM t ORDER BY code") == [
        ("theirs", "T"),
        ("theirs too", "TT"),
    ]


def test_a_backup_that_was_asked_for_has_them_too(lived: Toy, tmp_path: Path) -> None:
    lived.terp_seed("backup", "create", "--kind", "rows", x=(f"backup-folder={tmp_path}",))
    before = state(lived)
    lived.downgrade()
    restore(lived, tmp_path)
    assert state(lived) == before


@pytest.mark.parametrize(
    "edit",
    [
        "UPDATE t SET word = 'mine' WHERE code = 'a'",
        "UPDATE t SET price = 9 WHERE code = 'theirs too'",
        "UPDATE t SET word = 'mine' WHERE code = 'theirs'",
    ],
)
def test_a_row_that_was_edited_since_is_in_the_way(lived: Toy, tmp_path: Path, edit: str) -> None:
    """Nothing is restored, and no empty kept table is left."""
    lived.downgrade("0001_a", "backup=rows", f"backup-folder={tmp_path}")
    lived.execute(edit)
    before = state(lived)
    with pytest.raises(VerificationError, match=r"changed since the backup was made \(1 of t\)"):
        restore(lived, tmp_path)
    assert state(lived) == before
