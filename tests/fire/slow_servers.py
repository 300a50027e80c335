"""Servers of their own: restarted, turned read-only, full, or with names in small letters only."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from children import Child, until
from projects import Project
from servers import MariaDB, PostgreSQL, run_client, server_engine
from toys import HEAD, Toy

from terp_seed.database.compare import database_digests

SLOW = """
if not op.get_context().as_sql:
    (Path(__file__).parent.parent / "started").touch()
    while not (Path(__file__).parent.parent / "go").exists():
        time.sleep(0.01)
op.seed_rows("labels", [{"code": "SLOW"}], key=["code"])
"""
HEADERS = "import time\nfrom pathlib import Path"
BEFORE = """
op.seed_rows("labels", [{"code": f"B{n}"} for n in range(6000)], key=["code"])
"""


@pytest.mark.parametrize("graceful", [True, False])
def test_a_server_that_is_restarted_in_the_middle(
    start_server: Callable[..., MariaDB],
    new_toy: Callable[..., Toy],
    start: Callable[..., Child],
    graceful: bool,
) -> None:
    """C-4: durable or not, a revision is there as a whole or not at all."""
    server = start_server("--innodb-flush-log-at-trx-commit=1")
    toy = new_toy(server.create("restarted"))
    toy.revision("0004_slow", BEFORE + SLOW, head=HEADERS)
    (toy.path / "go").touch()
    toy.upgrade()
    whole = toy.digests()
    toy.downgrade()
    for each in ("started", "go"):
        (toy.path / each).unlink()
    child = start(toy, "upgrade", "head")
    until((toy.path / "started").exists)
    server.restart(graceful=graceful)
    (toy.path / "go").touch()
    assert child.wait() == 255
    assert "the connection to the server is gone" in child.said
    assert "Traceback" not in child.said
    assert toy.version() == HEAD
    toy.upgrade()
    assert toy.digests() == whole


def test_a_server_that_turns_read_only_in_the_middle(
    start_server: Callable[..., MariaDB], new_toy: Callable[..., Toy], start: Callable[..., Child]
) -> None:
    """C-14: as in a failover; nothing partial, and the audit cannot be told."""
    server = start_server()
    toy = new_toy(server.create("primary"))
    toy.upgrade("0001_labels")
    toy.revision("0004_slow", SLOW, head=HEADERS)
    child = start(toy, "upgrade", "head")
    until((toy.path / "started").exists)
    server.execute("SET GLOBAL read_only = 1")
    (toy.path / "go").touch()
    assert child.wait() == 255
    assert "the server is read-only (error 1290); use its primary" in child.said
    assert "failed; the event could not be written to terp_seed_audit" in child.said
    assert "Traceback" not in child.said
    assert toy.version() == HEAD
    server.execute("SET GLOBAL read_only = 0")
    toy.upgrade()
    assert toy.value("SELECT COUNT(*) FROM labels WHERE code = 'SLOW'") == 1


def test_names_in_small_letters_only(
    start_server: Callable[..., MariaDB], project: Project, mariadb_url: str
) -> None:
    """U-7: lower_case_table_names=1, as on Windows: TERP has a table `batchLocations`."""
    small = start_server("--lower-case-table-names=1").create("small")
    found = []
    for url in (small, mariadb_url):
        x = ("-x", f"url={url}")
        project.run("alembic", *x, "upgrade", "head")
        project.run("alembic", "-n", "seed", *x, "upgrade", "0004_inventory")
        script = project.run("alembic", "-n", "seed", *x, "upgrade", "0004_inventory:head", "--sql")
        run_client(url, script.stdout)
        project.run("terp-seed", *x, "verify")
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        with engine.connect() as connection:
            digests = database_digests(connection)
        found.append({name.lower(): each for name, each in digests.items()})
        project.run("alembic", "-n", "seed", *x, "downgrade", "base")
        with engine.connect() as connection:
            digests = database_digests(connection)
        found.append({name.lower(): each for name, each in digests.items()})
    assert found[0] == found[2]
    assert found[1] == found[3]


# -- a disk that is full: needs root, for a small file system of its own


@pytest.fixture
def small_disk() -> Iterator[Callable[[str], Path]]:
    """Mount small file systems, `small_disk("5M")`, and take them away again."""
    mounted: list[Path] = []

    def mount(size: str) -> Path:
        path = Path(tempfile.mkdtemp(prefix="disk-"))  # short: a socket's path has 107 characters
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", path], check=True)
        mounted.append(path)
        return path

    yield mount
    for path in mounted:
        subprocess.run(["umount", "-l", path], check=True)
        path.rmdir()


SMALL = {"mariadb": "--innodb-log-file-size=4M", "mysql": "--innodb-redo-log-capacity=8M"}
BULKY = """
op.seed_rows("labels", [{"code": f"B{n}", "body": str(n) * 20_000} for n in range(N)], key=["code"])
"""


def test_a_full_disk_under_sqlite(
    small_disk: Callable[[str], Path], new_toy: Callable[..., Toy], start: Callable[..., Child]
) -> None:
    """U-1: one clear line, and the database as it was; with room the same command completes."""
    disk = small_disk("4M")
    toy = new_toy(f"sqlite:///{disk}/full.db")
    toy.upgrade()
    before = toy.digests()
    toy.revision("0004_bulky", BULKY, head="N = 200")
    child = start(toy, "upgrade", "head")
    assert child.wait() == 255
    assert "disk" in child.said
    assert "full" in child.said
    assert "Traceback" not in child.said
    assert toy.digests() == before
    assert toy.version() == HEAD
    subprocess.run(["mount", "-o", "remount,size=64M", disk], check=True)
    toy.upgrade("head", "lock-timeout=0")
    assert toy.value("SELECT COUNT(*) FROM labels") == 203


def test_a_full_disk_under_the_server(
    small_disk: Callable[[str], Path],
    start_server: Callable[..., MariaDB],
    new_toy: Callable[..., Toy],
    start: Callable[..., Child],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """U-1: the server's own error, translated; nothing of the revision is left."""
    disk = small_disk("220M")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    server = start_server(SMALL[server_engine()], "--innodb-temp-data-file-path=ibtmp1:12M")
    monkeypatch.setattr(tempfile, "tempdir", None)
    toy = new_toy(server.create("full"))
    toy.upgrade()
    before = toy.digests()
    toy.revision("0004_bulky", BULKY, head="N = 3000")
    child = start(toy, "upgrade", "head")
    assert child.wait(300) == 255, child.said
    assert "full" in child.said
    assert "Traceback" not in child.said
    subprocess.run(["mount", "-o", "remount,size=1G", disk], check=True)
    assert toy.digests() == before
    assert toy.version() == HEAD
    toy.upgrade("head", "lock-timeout=10")
    assert toy.value("SELECT COUNT(*) FROM labels") == 3003


INCOMPRESSIBLE = """
op.seed_rows("labels", [{"code": f"B{n}", "body": "".join(
    sha256(f"{n}.{m}".encode()).hexdigest().translate(LETTERS) for m in range(300)
)} for n in range(N)], key=["code"])
"""


def test_a_full_disk_under_postgresql(
    small_disk: Callable[[str], Path],
    postgresql: PostgreSQL,
    new_toy: Callable[..., Toy],
    start: Callable[..., Child],
) -> None:
    """U-1: the database's own disk; the server goes on, and so does the command with room."""
    disk = small_disk("24M")
    disk.chmod(0o777)
    postgresql.execute(f"CREATE TABLESPACE small LOCATION '{_owned(postgresql, disk / 'space')}'")
    postgresql.execute("CREATE DATABASE full_disk OWNER seeder TABLESPACE small")
    try:
        toy = new_toy(postgresql.url("full_disk"))
        toy.upgrade()
        before = toy.digests()
        letters = 'LETTERS = str.maketrans("0123456789", "ghijklmnop")'
        head = f"from hashlib import sha256\nN = 2000\n{letters}"
        toy.revision("0004_bulky", INCOMPRESSIBLE, head=head)
        child = start(toy, "upgrade", "head")
        assert child.wait(300) == 255, child.said
        assert "the disk is full (error 53100)" in child.said
        assert "Traceback" not in child.said
        assert toy.digests() == before
        assert toy.version() == HEAD
        subprocess.run(["mount", "-o", "remount,size=256M", disk], check=True)
        toy.upgrade("head", "lock-timeout=10")
        assert toy.value("SELECT COUNT(*) FROM labels") == 2003
    finally:
        postgresql.drop("full_disk")
        postgresql.execute("DROP TABLESPACE small")


def _owned(server: PostgreSQL, path: Path) -> Path:
    """A folder of the server's user, which is not root."""
    path.mkdir()
    owner = (server.folder / "data").stat()
    os.chown(path, owner.st_uid, owner.st_gid)
    return path
