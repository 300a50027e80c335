"""The production runbook, rehearsed: nothing but its own commands, while things go wrong for real.

What goes wrong is arranged here; how it is met is read from the page, block by block.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from docs_runner import REPOSITORY, Block, Reader, blocks, copy_project
from projects import CHAIN
from servers import HOST, MariaDB, server_engine
from sqlalchemy.engine import make_url

pytestmark = pytest.mark.slow

PAGE = REPOSITORY / "docs" / "runbook.md"
_HEADING = re.compile(r"^##+ +(.+)$", re.MULTILINE)


class Operator(Reader):
    """An operator who has a terminal and the page."""

    def __init__(self, folder: Path, server: MariaDB, url: str, environment: str) -> None:
        self.server, self.url = server, url
        self.name = str(make_url(url).database)
        # What the page shows is that of TERP's seeds in staging.
        self.looks = environment == "staging"
        super().__init__(
            folder,
            url=url,
            replace={
                "yes=terp": f"yes={self.name}",
                "TERP_SEED_ENV=staging": f"TERP_SEED_ENV={environment}",
            },
        )
        self.sections = sections(PAGE)
        self.done: list[str] = []
        self.write(next(each for each in blocks(PAGE) if each.file))
        with (folder / "deploy.env").open("a") as settings:
            settings.write("export TERP_SEED_SIZE=small\n")  # as many commands, in less time

    def section(self, heading: str, first: int = 0, last: int | None = None) -> None:
        """Follow a section's blocks, or some of them."""
        commands = [at for at, each in enumerate(self.sections[heading]) if _runs(each)]
        for at in commands[first:last]:
            self.follow(self.sections[heading][at], self._shown(heading, at), PAGE)
        self.done.append(heading)

    def _shown(self, heading: str, at: int) -> str:
        after = self.sections[heading][at + 1 : at + 2]
        return after[0].text if self.looks and after and after[0].language == "text" else ""

    def fails(self, heading: str, number: int, message: str, code: int) -> None:
        """Follow one block while something is wrong; it says so, as the page's table does."""
        process = self.begin(heading, number)
        said, _ = process.communicate(timeout=120)
        assert process.returncode == code, said
        assert f"(code {code})" in PAGE.read_text().partition(message)[2].partition("\n")[0]
        assert message in said, said

    def begin(self, heading: str, number: int) -> subprocess.Popen[str]:
        """Start one block of a section, in a new process group."""
        block = [each for each in self.sections[heading] if _runs(each)][number]
        return subprocess.Popen(
            ["bash", "-euo", "pipefail", "-c", self._replaced(block.text)],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            start_new_session=True,
        )

    def at(self, url: str) -> None:
        """Let the settings of the night name another address of the database."""
        path = self.folder / "deploy.env"
        path.write_text(path.read_text().replace(self.url, url))
        self.url = url

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        return self.server.execute(f"USE `{self.name}`", *statements)

    def brands(self) -> list[str]:
        """Everything that production has: nothing of TERP's mock data."""
        assert self.sql("SELECT COUNT(*) FROM clients") == self.sql("SELECT 0")
        return [_text(name) for (name,) in self.sql("SELECT name FROM brands ORDER BY name")]


def sections(page: Path) -> dict[str, list[Block]]:
    """The blocks of a page by the heading that they stand below."""
    text = page.read_text(encoding="utf-8")
    starts = [(text.count("\n", 0, each.start()) + 1, each[1]) for each in _HEADING.finditer(text)]
    found: dict[str, list[Block]] = {heading: [] for _, heading in starts}
    for block in blocks(page):
        above = [heading for line, heading in starts if line < block.line]
        if above:
            found[above[-1]].append(block)
    return found


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def _runs(block: Block) -> bool:
    return block.language == "sh" and not block.file


@contextmanager
def table_locked(server: MariaDB, name: str, table: str) -> Iterator[None]:
    """A run stops at this table, and stays there."""
    connection = MySQLdb.connect(
        host=HOST, port=server.port, user="root", passwd=server.root_password, database=name
    )
    try:
        connection.cursor().execute(f"LOCK TABLES `{table}` READ")
        yield
    finally:
        connection.close()


def until(happened: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def waits(operator: Operator) -> bool:
    """Whether a statement of a run waits for a table."""
    rows = operator.server.execute("SHOW FULL PROCESSLIST")
    return any("metadata lock" in str(row) and operator.name in str(row) for row in rows)


def free(operator: Operator) -> bool:
    name = f"terp_seed:{operator.name}"
    return operator.server.execute(f"SELECT IS_USED_LOCK('{name}')")[0][0] is None


def in_the_middle(operator: Operator, heading: str, number: int) -> subprocess.Popen[str]:
    process = operator.begin(heading, number)
    until(lambda: waits(operator) or process.poll() is not None)
    assert process.poll() is None, process.communicate()
    return process


@pytest.fixture
def operator(tmp_path: Path, mariadb: MariaDB, mariadb_url: str) -> Operator:
    return new_operator(tmp_path, mariadb, mariadb_url, "staging")


def new_operator(tmp_path: Path, server: MariaDB, url: str, environment: str) -> Operator:
    operator = Operator(copy_project(tmp_path / "project"), server, url, environment)
    for command in (
        f"alembic -x url='{url}' upgrade head",
        f"terp-seed -x url='{url}' env stamp {environment} --yes",
    ):
        subprocess.run(
            ["bash", "-ec", command], cwd=operator.folder, env=operator.environment(), check=True
        )
    return operator


def test_a_night_in_staging(operator: Operator, load: Callable[[str], object]) -> None:
    operator.section("Before")
    killed_in_the_middle(operator)
    operator.section("After")
    operator.section("Take it back")
    lock_held(operator)
    answer_lost(operator, load)
    blocked(operator)
    operator.section("Put rows back")
    ledger_lost(operator)
    assert set(operator.done) == {name for name, found in operator.sections.items() if found} - {
        "The disk is full"
    }


HOUSE_BRANDS = f"""
from alembic import op

revision = "9999_house_brands"
down_revision = "{CHAIN[-1]}"
environments = ("staging", "production")


def upgrade() -> None:
    op.seed_rows("brands", [{{"name": "Tin Roof"}}, {{"name": "Old Mill"}}], key=["name"])


def downgrade() -> None:
    op.unseed()
"""


def test_reference_data_in_production(tmp_path: Path, mariadb: MariaDB, mariadb_url: str) -> None:
    """The same page; TERP's mock data is skipped there, and other rows are left alone."""
    operator = new_operator(tmp_path, mariadb, mariadb_url, "production")
    (operator.folder / "seed_revisions" / "9999_house_brands.py").write_text(HOUSE_BRANDS)
    operator.sql("INSERT INTO brands (name) VALUES ('Real')")
    operator.section("Before")
    operator.section("During", 0, 1)
    operator.section("After")
    assert operator.brands() == ["Old Mill", "Real", "Tin Roof"]
    operator.section("Take it back", 0, 1)
    assert operator.brands() == ["Real"]


def killed_in_the_middle(operator: Operator) -> None:
    with table_locked(operator.server, operator.name, "orders"):
        run = in_the_middle(operator, "During", 0)
        operator.section("During", 1)
        os.killpg(run.pid, signal.SIGKILL)
        run.communicate()
        assert run.returncode == -signal.SIGKILL
    until(lambda: free(operator))
    operator.section("The run was killed")


def lock_held(operator: Operator) -> None:
    operator.section("Take it back", 0, 1)
    with table_locked(operator.server, operator.name, "orders"):
        run = in_the_middle(operator, "Take it back", 1)
        operator.section("The lock is held")
        said, _ = run.communicate(timeout=60)
    assert run.returncode == 3, said


def answer_lost(operator: Operator, load: Callable[[str], object]) -> None:
    straight = operator.url
    with load("proxy").Proxy(operator.server.port) as proxy:
        operator.at(proxy.url(straight))
        proxy.cut_at("COMMIT", answered=True, after=1)  # the first is the start's
        operator.fails("Take it back", 1, "nobody can say from here", 3)
        operator.at(straight)
    operator.section("The answer to a COMMIT was lost")


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A small disk for temporary files, with room for a server and little else."""
    disk = tmp_path / "disk"
    disk.mkdir()
    size = "250m" if server_engine() == "mariadb" else "700m"
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(disk)]
    mounted = subprocess.run(mount, check=False)
    if mounted.returncode:
        pytest.skip("only root can make a small disk")
    monkeypatch.setattr(tempfile, "tempdir", str(disk))
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_the_disk_is_full(
    small_disk: Path, tmp_path: Path, start_server: Callable[..., MariaDB]
) -> None:
    server = start_server()
    operator = new_operator(tmp_path, server, server.create("night"), "staging")
    filler = small_disk / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], check=False)
    assert shutil.disk_usage(small_disk).free == 0
    operator.fails("Take it back", 1, "disk is full", 4)
    filler.unlink()
    operator.section("The disk is full")


def blocked(operator: Operator) -> None:
    operator.sql(
        "INSERT INTO supplier_profiles (client_id, contact_name) SELECT id, 'Somebody' FROM clients"
        " WHERE id NOT IN (SELECT client_id FROM supplier_profiles) LIMIT 1"
    )
    operator.section("A rollback is blocked")
    operator.sql("UPDATE clients SET wishlist = 'more of the blue one' ORDER BY id DESC LIMIT 1")
    operator.section("Rows were edited")


def ledger_lost(operator: Operator) -> None:
    operator.sql("DROP TABLE terp_seed_ledger")
    operator.fails("Take it back", 0, "the ledger has no entry for that", 4)
    operator.section("The ledger is lost")


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    """Import a module of `tests/fire/`."""
    import importlib

    monkeypatch.syspath_prepend(str(REPOSITORY / "tests" / "fire"))
    return importlib.import_module
