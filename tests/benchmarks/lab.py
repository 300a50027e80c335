"""A private server, a copy of the project, and as many sandbox databases as are wanted."""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from servers import USER, MariaDB, PostgreSQL, clean_environment, find_program, run_client

from benchmarks.measure import Cost, measured

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINES = ("mariadb", "postgresql", "sqlite")
#: What a server ships with; the tests' own settings are quicker than that.
AS_SHIPPED = ("--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=128M")
POSTGRESQL_AS_SHIPPED = (
    *("-c", "fsync=on", "-c", "full_page_writes=on", "-c", "synchronous_commit=on"),
    *("-c", "shared_buffers=128MB"),
)


@dataclass(frozen=True)
class Database:
    """One sandbox database with nothing seeded in it."""

    engine: str
    name: str
    url: str


class Lab:
    """Where everything is measured; gone when it is left."""

    def __init__(self, folder: Path, server: MariaDB, postgresql: PostgreSQL) -> None:
        self.folder = folder
        self.server = server
        self.postgresql = postgresql
        self.project = folder / "project"
        self.project.mkdir()
        self._numbers = itertools.count(1)
        shutil.copy(REPOSITORY / "alembic.ini", self.project)
        for name in ("seeds", "seed_revisions"):
            shutil.copytree(
                REPOSITORY / name,
                self.project / name,
                ignore=shutil.ignore_patterns("__pycache__"),
            )
        self._template = folder / "template.db"
        self._dump = ""
        self._make_templates()

    def environment(self, url: str = "") -> dict[str, str]:
        """The environment that commands run in; compiled modules are kept, as users keep them."""
        clean = clean_environment()
        clean.pop("PYTHONDONTWRITEBYTECODE", None)
        clean["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{clean.get('PATH', os.defpath)}"
        return {**clean, "TERP_SEED_DATABASE_URL": url} if url else clean

    def alembic(self, database: Database, *args: str, output: Path | None = None) -> Cost:
        """Measure an `alembic` command on a database."""
        command = [str(Path(sys.executable).parent / "alembic"), *args]
        return measured(
            command, cwd=self.project, env=self.environment(database.url), output=output
        )

    @contextlib.contextmanager
    def database(self, engine: str) -> Iterator[Database]:
        """A sandbox database, stamped dev; removed when the block is left."""
        name = f"bench_{next(self._numbers)}"
        if engine == "sqlite":
            path = self.folder / f"{name}.db"
            shutil.copy(self._template, path)
            yield Database(engine, name, f"sqlite:///{path}")
            for each in self.folder.glob(f"{name}.db*"):
                each.unlink()
            return
        if engine == "postgresql":
            self.postgresql.execute(f'CREATE DATABASE "{name}" TEMPLATE template OWNER {USER}')
            yield Database(engine, name, self.postgresql.url(name))
            self.postgresql.drop(name)
            return
        url = self.server.create(name)
        run_client(url, self._dump)
        yield Database(engine, name, url)
        self.server.drop(name)

    @contextlib.contextmanager
    def empty(self, engine: str) -> Iterator[str]:
        """The URL of a database without tables."""
        name = f"empty_{next(self._numbers)}"
        if engine == "sqlite":
            yield f"sqlite:///{self.folder / name}.db"
            return
        server = self.postgresql if engine == "postgresql" else self.server
        yield server.create(name)
        server.drop(name)

    def _make_templates(self) -> None:
        url = self.server.create("template")
        copied = self.postgresql.create("template")
        for each in (f"sqlite:///{self._template}", url, copied):
            for command in (["alembic", "upgrade", "head"], ["terp-seed", "env", "stamp", "dev"]):
                subprocess.run(
                    command,
                    cwd=self.project,
                    env=self.environment(each),
                    check=True,
                    capture_output=True,
                )
        dump = [find_program("mariadb-dump"), *self.server.client_args("template")[1:]]
        self._dump = subprocess.run(dump, check=True, capture_output=True, encoding="utf-8").stdout


@contextlib.contextmanager
def opened() -> Iterator[Lab]:
    """Start a private server and make everything that the measurements need."""
    folder = Path(tempfile.mkdtemp(prefix="terp-seed-bench-"))
    try:
        with MariaDB(*AS_SHIPPED) as server, PostgreSQL(*POSTGRESQL_AS_SHIPPED) as postgresql:
            yield Lab(folder, server, postgresql)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class PolicyLab(Lab):
    """The same laboratory with a project that has no seeds, and a masking policy of its own."""

    def __init__(self, lab: Lab, name: str, policy: str) -> None:
        self.__dict__.update(copy.copy(lab).__dict__)
        self.project = lab.folder / name
        self.project.mkdir()
        shutil.copy(lab.project / "alembic.ini", self.project)
        shutil.copytree(lab.project / "seeds", self.project / "seeds")
        (self.project / "seed_revisions").mkdir()
        (self.project / "seeds" / "masking.toml").write_text(policy)
