"""What a rollback takes can be put back: rows by our own restore, a database by the engine's."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from servers import MariaDB
from sqlalchemy.engine import make_url
from toys import Toy

from terp_seed.database.consent import Confirm
from terp_seed.errors import GuardError, RollbackError, SeedError, UsageError, VerificationError
from terp_seed.project.project import Project as Seeds
from terp_seed.run.backup.folder import expire, list_backups, new_backup
from terp_seed.run.backup.restore import Restored, restore_backup

YES = Confirm(always=True, yes=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


def seeds(toy: Toy, folder: Path, *x: str) -> Seeds:
    return Seeds(toy.path / "alembic.ini", x=(f"url={toy.url}", f"backup-folder={folder}", *x))


def restore(project: Seeds, backup: Path, confirm: Confirm) -> Restored:
    return restore_backup(project.settings(), project.directory(), backup, confirm)


def down(toy: Toy, folder: Path, target: str = "base", *x: str, kind: str = "rows") -> Path:
    """Roll back with a backup, and return where it is."""
    toy.downgrade(target, f"backup={kind}", f"backup-folder={folder}", *x)
    return list_backups(seeds(toy, folder).settings())[0].folder


def books(toy: Toy) -> dict[str, object]:
    return {n: d for n, d in toy.everything().items() if n != "terp_seed_audit"}


@pytest.mark.parametrize("target", ["0002_depots", "base"])
def test_rows_come_back_and_the_chain_with_them(toy: Toy, folder: Path, target: str) -> None:
    """Every table, ledger and version included, is as it was before the rollback."""
    toy.upgrade()
    toy.execute(
        "INSERT INTO labels (code, wording) VALUES ('MINE', 'mine')",
        "UPDATE crates SET weight = 499 WHERE code = 'SEED-C-000002'",
    )
    before = books(toy)
    made = down(toy, folder, target)
    assert books(toy) != before

    done = restore(seeds(toy, folder), made, YES)

    assert books(toy) == before
    assert done.inserted["crates"] == 12
    assert done.revisions[-1] == "0003_crates"
    assert [event for event, _ in toy.audit()][-3:] == ["started", "restored", "finished"]
    assert toy.value("SELECT SUM(crate_count) FROM depots") == 12
    toy.downgrade()
    assert toy.counts() == {"labels": 1}


@pytest.mark.parametrize(
    "table",
    [
        "(code VARCHAR(20) NOT NULL UNIQUE, name VARCHAR(20))",
        "(code VARCHAR(20) NOT NULL UNIQUE, name TEXT)",
        "(code TEXT NOT NULL, name VARCHAR(20), PRIMARY KEY (code(50)))",
    ],
    ids=["no primary key", "no primary key, a long text", "a text for a key"],
)
def test_rows_come_back_into_a_table_without_an_integer_key(
    toy: Toy, folder: Path, table: str
) -> None:
    toy.execute(f"CREATE TABLE tags {table if toy.mysql else table.replace('code(50)', 'code')}")
    rows = '[{"code": "A", "name": None}, {"code": "B", "name": "b"}]'
    toy.only("0001_tags", f'op.seed_rows("tags", {rows}, key=["code"], id=None)')
    toy.upgrade()
    before = books(toy)
    made = down(toy, folder)
    restore(seeds(toy, folder), made, YES)
    assert books(toy) == before


def test_rows_too_long_for_one_statement_come_back(mariadb_toy: Toy, folder: Path) -> None:
    rows = '[{"code": f"L{n}", "body": "x" * 60_000} for n in range(400)]'
    mariadb_toy.only("0001_long", f'op.seed_rows("labels", {rows}, key=["code"])')
    mariadb_toy.upgrade()
    before = books(mariadb_toy)
    made = down(mariadb_toy, folder)
    restore(seeds(mariadb_toy, folder), made, YES)
    assert books(mariadb_toy) == before


def test_kept_rows_are_no_hindrance(toy: Toy, folder: Path) -> None:
    toy.upgrade()
    toy.execute("INSERT INTO scans (crate_id) SELECT MIN(id) FROM crates")
    before = books(toy)
    made = down(toy, folder, "base", "on-dependents=keep")
    assert toy.counts()["crates"] == 1
    restore(seeds(toy, folder), made, YES)
    assert books(toy) == before


def test_restoring_twice_changes_nothing(toy: Toy, folder: Path) -> None:
    toy.upgrade()
    made = down(toy, folder)
    restore(seeds(toy, folder), made, YES)
    before = books(toy)
    done = restore(seeds(toy, folder), made, YES)
    assert (dict(done.inserted), list(done.revisions)) == ({}, [])
    assert books(toy) == before


def test_a_row_that_was_changed_since_stops_it(toy: Toy, folder: Path) -> None:
    toy.upgrade()
    made = down(toy, folder)
    restore(seeds(toy, folder), made, YES)
    toy.execute(
        "DELETE FROM scans",
        "DELETE FROM crates WHERE code = 'SEED-C-000001'",
        "UPDATE depots SET price = 1 WHERE code = 'SEED-D-000001'",
    )
    before = toy.digests()
    with pytest.raises(VerificationError, match=r"1 of depots\); nothing was restored") as caught:
        restore(seeds(toy, folder), made, YES)
    assert caught.value.exit_code == 8
    assert toy.digests() == before
    assert toy.audit()[-1][0] == "failed"


def test_a_chain_that_was_seeded_again_is_not_restored_over(toy: Toy, folder: Path) -> None:
    """Its ledger says other things than the backup's."""
    toy.upgrade()
    made = down(toy, folder)
    toy.upgrade("head", "seed=7")
    before = toy.digests()
    with pytest.raises(VerificationError, match="terp_seed_ledger"):
        restore(seeds(toy, folder), made, YES)
    assert toy.digests() == before


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:-9]), "has changed since the backup"),
        (lambda path: path.unlink(), "is missing"),
    ],
    ids=["short", "gone"],
)
def test_a_backup_that_is_not_whole_is_refused(
    sqlite_toy: Toy, folder: Path, harm: Callable[[Path], object], words: str
) -> None:
    sqlite_toy.upgrade()
    made = down(sqlite_toy, folder)
    harm(made / "0002_depots-1.sql")
    before = books(sqlite_toy)
    with pytest.raises(GuardError, match=words):
        restore(seeds(sqlite_toy, folder), made, YES)
    assert books(sqlite_toy) == before


@pytest.mark.parametrize(
    "manifest",
    [
        "",
        "[]",
        '{"document": "backup", "version": 1}',
        '{"document": "backup", "version": 1, "files": 5}',
        '{"document": "backup", "version": 1, "files": [{"statements": [{}]}]}',
        '{"document": "backup", "version": 1, "files": [], "made_at": "yesterday"}',
    ],
)
def test_a_folder_that_is_no_backup_is_in_nobodys_way(
    sqlite_toy: Toy, folder: Path, manifest: str
) -> None:
    """It cannot be restored, and what lists or expires the others passes it over."""
    (folder / "odd").mkdir(parents=True)
    (folder / "odd" / "manifest.json").write_text(manifest)
    x = (f"backup-folder={folder}",)
    refused = sqlite_toy.terp_seed("restore", str(folder / "odd"), "--yes", x=x, code=2)
    said = ("manifest.json is not", "manifest.json has changed")
    assert any(words in refused.stderr for words in said)
    assert sqlite_toy.terp_seed("backup", "list", x=x).output == ""
    sqlite_toy.upgrade()
    down(sqlite_toy, folder)


def test_a_backup_that_a_killed_run_has_left_is_named(sqlite_toy: Toy, folder: Path) -> None:
    """It may hold what was to be masked, and nothing else would find it."""
    sqlite_toy.upgrade()
    x = (f"backup-folder={folder}",)
    sqlite_toy.terp_seed("backup", "create", x=x)
    (made,) = folder.iterdir()
    assert "unfinished" not in sqlite_toy.terp_seed("backup", "list", x=x).output
    (made / "manifest.json").unlink()
    listed = sqlite_toy.terp_seed("backup", "list", x=x)
    assert listed.stdout == ""
    assert f"{made} is unfinished: a run is writing it, or was killed" in listed.stderr


def test_a_backup_of_a_revision_that_is_gone_says_so(sqlite_toy: Toy, folder: Path) -> None:
    sqlite_toy.upgrade()
    made = down(sqlite_toy, folder)
    (sqlite_toy.path / "seed_revisions" / "0003_crates.py").unlink()
    with pytest.raises(UsageError, match="0003_crates, which this chain no longer has"):
        restore(seeds(sqlite_toy, folder), made, YES)


def test_unmasked_rows_do_not_wander_into_another_environment(
    sqlite_toy: Toy, folder: Path
) -> None:
    sqlite_toy.upgrade()
    made = down(sqlite_toy, folder)
    sqlite_toy.execute("UPDATE terp_seed_environment SET name = 'test'")
    with pytest.raises(GuardError, match="stamped dev, unmasked, and this one is stamped test"):
        restore(seeds(sqlite_toy, folder), made, YES)


def test_a_backup_of_another_chain_is_refused(sqlite_toy: Toy, folder: Path) -> None:
    sqlite_toy.upgrade()
    made = down(sqlite_toy, folder)
    ini = sqlite_toy.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("[seed]", "[other]"))
    before = books(sqlite_toy)
    x = (f"url={sqlite_toy.url}",)
    with pytest.raises(GuardError, match=r"is of chain seed, .* terp-seed -n seed"):
        restore(Seeds(ini, "other", x), made, YES)
    assert books(sqlite_toy) == before


def test_only_its_owner_can_read_a_backup(sqlite_toy: Toy, folder: Path) -> None:
    sqlite_toy.upgrade()
    made = down(sqlite_toy, folder, kind="both")
    assert made.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {0o600}
    manifest = json.loads((made / "manifest.json").read_text())
    assert {file["name"]: file["tables"] for file in manifest["files"]}["0002_depots-1.sql"] == {
        "depots": 4
    }
    assert manifest["tools"].keys() == {"terp_seed", "sqlite"}


def test_staging_makes_one_by_itself_and_says_where(
    new_toy: Callable[..., Toy], database_url: str
) -> None:
    toy = new_toy(database_url, stamp="staging")
    toy.upgrade("head", toy.consent)
    toy.downgrade("-1", toy.consent)
    place = seeds(toy, Path(os.environ["XDG_STATE_HOME"], "terp_seed/backups")).settings()
    name = toy.db.url.database  # others make theirs there, in the same second, too
    made = [each for each in list_backups(place) if each.manifest.database == name]
    assert made[0].manifest.rows == {"crates": 40, "scans": 40}
    said = toy.rows("SELECT detail FROM terp_seed_audit WHERE event = 'started' ORDER BY id")[-1][0]
    assert json.loads(said)["backup"] == str(made[0].folder)


@pytest.mark.parametrize("kind", ["rows", "dump", "both"])
@pytest.mark.parametrize("target", ["-1", "base"])
def test_a_rollback_that_is_refused_leaves_no_backup(
    toy: Toy, folder: Path, kind: str, target: str
) -> None:
    """Of one step or of several, by an edited row or by one that is needed."""
    toy.upgrade()
    x = (f"backup={kind}", f"backup-folder={folder}")
    toy.execute("UPDATE crates SET weight = weight + 1 WHERE code = 'SEED-C-000001'")
    with pytest.raises(RollbackError, match="were edited since"):
        toy.downgrade(target, "on-edited=abort", *x)
    assert not folder.exists()
    toy.execute("INSERT INTO scans (crate_id) SELECT MIN(id) FROM crates")
    with pytest.raises(RollbackError, match="depend on its rows"):
        toy.downgrade(target, *x)
    assert not folder.exists()


def test_a_rollback_that_fails_half_way_leaves_no_backup(sqlite_toy: Toy, folder: Path) -> None:
    """Nothing of it was committed; what was committed before keeps the backup."""
    toy = sqlite_toy
    toy.upgrade()
    for revision, targets in (("0003_crates", ["-1"]), ("0002_depots", ["base"])):
        table = {"0003_crates": "crates", "0002_depots": "depots"}[revision]
        toy.execute(
            f"CREATE TRIGGER no BEFORE DELETE ON {table} BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        for target in targets:
            with pytest.raises(SeedError):
                toy.downgrade(target, "backup=rows", f"backup-folder={folder}")
        toy.execute("DROP TRIGGER no")
    (made,) = list_backups(seeds(toy, folder).settings())
    assert made.manifest.rows == {"crates": 12, "scans": 12, "depots": 4}


def test_a_backup_that_cannot_be_made_stops_the_rollback(toy: Toy, tmp_path: Path) -> None:
    toy.upgrade()
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    before = toy.digests()
    for kind in ("rows", "dump"):
        with pytest.raises(GuardError, match=r"cannot be made: .*nothing was done"):
            toy.downgrade("base", f"backup={kind}", f"backup-folder={blocked}")
    assert toy.digests() == before


def test_a_dump_is_restored_by_the_command_that_is_printed(toy: Toy, folder: Path) -> None:
    toy.upgrade()
    before = toy.digests()
    made = down(toy, folder, kind="dump")
    assert toy.digests() != before
    with pytest.raises(UsageError, match="put it back with: ") as caught:
        restore(seeds(toy, folder), made, YES)
    command = str(caught.value).rpartition("put it back with: ")[2]
    password = make_url(toy.url).password
    assert password is None or password not in command
    done = subprocess.run(
        command.replace("--password ", ""),
        shell=True,
        env={**os.environ, "MYSQL_PWD": password or "", "PGPASSWORD": password or ""},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert toy.digests() == before
    assert toy.version() == "0003_crates"


def test_odd_names_of_files_and_folders(new_toy: Callable[..., Toy], tmp_path: Path) -> None:
    toy = new_toy(f"sqlite:///{tmp_path}/it's%23odd.db")
    toy.upgrade()
    made = down(toy, tmp_path / "what?#", kind="dump")
    database = Path(str(make_url(toy.url).database))  # SQLAlchemy 2.0 keeps the %23
    assert (made / "dump.db").stat().st_size == database.stat().st_size


def test_a_full_disk_stops_the_rollback(sqlite_toy: Toy, tmp_path: Path) -> None:
    """The backup's files may be at most so long here, as on a disk that is full."""
    sqlite_toy.upgrade()
    before = books(sqlite_toy)
    folder = f"backup-folder={tmp_path}"
    for kind in ("rows", "dump"):
        command = sqlite_toy.command(
            "alembic",
            "-n",
            "seed",
            "-x",
            f"url={sqlite_toy.url}",
            "-x",
            folder,
            "-x",
            f"backup={kind}",
            "downgrade",
            "base",
        )
        done = subprocess.run(
            ["bash", "-c", 'ulimit -f 1; exec "$@"', "bash", *command],
            cwd=sqlite_toy.path,
            # Python would cache modules, truncated, and stumble over them the next time
            env={**sqlite_toy.environment(), "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            check=False,
        )
        assert b"FAILED: backup: " in done.stderr + done.stdout
    assert books(sqlite_toy) == before


def test_a_dump_has_the_books_wherever_they_are(
    mariadb: MariaDB, mariadb_toy: Toy, new_database: Callable[[str], str], folder: Path
) -> None:
    books = str(make_url(new_database(mariadb.engine)).database)
    mariadb_toy.ini(f"bookkeeping_schema = {books}")
    mariadb_toy.execute(f"RENAME TABLE terp_seed_environment TO {books}.terp_seed_environment")
    mariadb_toy.upgrade()
    made = down(mariadb_toy, folder, kind="dump")
    assert "INSERT INTO `terp_seed_ledger`" in (made / f"{books}.sql").read_text()
    with pytest.raises(UsageError, match=rf"{books} < .*/{books}\.sql"):
        restore(seeds(mariadb_toy, folder), made, YES)


def test_backups_expire_by_age_and_number_but_for_the_newest(sqlite_toy: Toy, folder: Path) -> None:
    settings = seeds(sqlite_toy, folder).settings()
    for _ in range(23):
        new_backup(settings, "dev", "asked", ()).save()
    sqlite_toy.upgrade()
    made = down(sqlite_toy, folder)
    assert len(list_backups(settings)) == 20
    expire(settings, datetime.now(UTC) + timedelta(days=29))
    assert len(list_backups(settings)) == 20
    expire(settings, datetime.now(UTC) + timedelta(days=31))
    assert [each.folder for each in list_backups(settings)] == [made]


@pytest.mark.slow
def test_the_commands(toy: Toy, folder: Path) -> None:
    """create, list and restore, as a person types them; restore asks first."""
    toy.upgrade()
    x = ("-x", f"url={toy.url}", "-x", f"backup-folder={folder}")
    before = toy.digests()
    created = toy.run("terp-seed", *x, "backup", "create").stdout.strip()
    assert Path(created).parent == folder
    toy.execute("DELETE FROM scans", "DELETE FROM crates WHERE id > 3")
    refused = toy.run("terp-seed", *x, "restore", created, check=False)
    assert (refused.returncode, "answer beforehand" in refused.stderr) == (5, True)
    done = toy.run("terp-seed", *x, "restore", created, "--yes", "--json")
    assert json.loads(done.stdout)["inserted"]["scans"] == 12
    assert toy.digests() == before
    listed = json.loads(toy.run("terp-seed", *x, "backup", "list", "--json").stdout)["backups"]
    assert [each["reason"] for each in listed] == ["asked"]
    assert sum(listed[0]["rows"].values()) == sum(toy.counts().values())
    assert shlex.quote(created) in toy.run("terp-seed", *x, "backup", "list").stdout
