"""What masking costs: in place on a million rows, and on the way in.

::

    python tests/benchmarks/masking.py                       # a million rows on each engine
    python tests/benchmarks/masking.py --rows 100000 --engine sqlite

In place: seconds and the peak memory of the process, for a tenth of the rows
and for all of them; memory must not grow with the table.  On the way in: the
seconds of seeding the same file with its columns masked, and declared not
personal; the target is a quotient of at most 1.25.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

import sqlalchemy as sa

TESTS = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TESTS))

from servers import MariaDB, clean_environment  # noqa: E402 - from the folder above

from terp_seed.database.environment_stamp import stamp  # noqa: E402

KEY = "9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"
IN_PLACE = """
defaults.unlisted = "detect"
[tables.people]
subject = "code"
code = { class = "code" }
name = { class = "person_name" }
mail = { class = "email" }
phone = { class = "phone" }
address = { class = "postal_address" }
notes = { class = "free_text", strategy = "scrub_text" }
doc = { class = "json", paths = { "$.mail" = "email" }, other = "redact" }
seen = { class = "date" }
"""
PEOPLE = (
    "CREATE TABLE people (id INTEGER PRIMARY KEY, code VARCHAR(20) NOT NULL UNIQUE, "
    "name VARCHAR(80), mail VARCHAR(80), phone VARCHAR(20), address VARCHAR(120), notes TEXT, "
    "doc TEXT, seen DATETIME)"
)
CLIENTS = ("name", "email", "phone", "address", "wishlist")
REVISION = """
from alembic import op
revision = "0001_people"
down_revision = None
as_of = "2026-06-30"
def upgrade():
    op.seed_file("clients", "clients.csv", key=["teri_code"])
def downgrade():
    op.unseed()
"""


def main() -> None:
    """Measure, and print one line for each measurement."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engine", choices=("sqlite", "mariadb"), action="append")
    parser.add_argument("--seeded", type=int, default=50_000, help="rows of the seeded file")
    asked = parser.parse_args()
    for engine in asked.engine or ("sqlite", "mariadb"):
        for rows in (asked.rows // 10, asked.rows):
            with database(engine) as (url, folder):
                in_place(engine, url, folder, rows)
        if asked.seeded:
            on_the_way_in(engine, asked.seeded)


class database(ExitStack):
    """An empty database, and a folder for a project; gone afterwards."""

    def __init__(self, engine: str) -> None:
        super().__init__()
        self._engine = engine

    def __enter__(self) -> tuple[str, Path]:  # type: ignore[override]
        folder = Path(self.enter_context(TemporaryDirectory()))
        project = folder / "project"
        project.mkdir()
        shutil.copy(TESTS.parent / "alembic.ini", project)
        shutil.copytree(TESTS.parent / "seeds", project / "seeds")
        (project / "seed_revisions").mkdir()
        if self._engine == "sqlite":
            return f"sqlite:///{folder}/db", project
        return self.enter_context(MariaDB()).create("bench"), project


def in_place(engine: str, url: str, project: Path, rows: int) -> None:
    """Mask a table of so many rows, then look for what is left."""
    (project / "seeds" / "masking.toml").write_text(IN_PLACE)
    fill(url, rows)
    for options in ([], ["--verify"]):
        seconds, own, peak = measured(project, url, "terp-seed", "mask", *options)
        what = f"mask in place {' '.join(options)}".strip()
        speed = f"{seconds:7.1f} s ({own:.1f} s of our own) {rows / seconds:>8,.0f} rows/s"
        print(f"{engine:<8} {what:<24} {rows:>9,} rows {speed} {peak:5.0f} MB", flush=True)


def fill(url: str, rows: int) -> None:
    """Fill the table, a few thousand rows at a time."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql(PEOPLE)
        stamp(connection, "staging", origin="benchmark")
    table = sa.Table("people", sa.MetaData(), autoload_with=engine)
    with engine.connect() as connection:
        for block in blocks(rows):
            connection.execute(table.insert(), block)
            connection.commit()
    engine.dispose()


def blocks(rows: int) -> Iterator[list[dict[str, object]]]:
    """People who are all different."""
    from datetime import datetime, timedelta

    for start in range(0, rows, 5000):
        yield [
            {
                "id": n + 1,
                "code": f"C{n:09d}",
                "name": f"Jane{n % 5000} Canary{n % 77777}",
                "mail": f"jane.{n}@real-corp.com",
                "phone": f"+1 415-867-{n % 10_000:04d}",
                "address": f"{n} Canary Row, Oakland, CA 94607",
                "notes": f"call jane.{n}@real-corp.com about order {n}, then ship it"
                + " as usual" * 5,
                "doc": f'{{"mail": "jane.{n}@real-corp.com", "tags": ["a", "b{n % 9}"]}}',
                "seen": datetime(2024, 1, 1) + timedelta(minutes=n % 500_000),
            }
            for n in range(start, min(start + 5000, rows))
        ]


def on_the_way_in(engine: str, rows: int) -> None:
    """Seed one file twice: its columns masked, and declared not personal."""
    took = {}
    for what in ("not personal", "masked"):
        with database(engine) as (url, project):
            data = project / "seeds" / "data"
            with (data / "clients.csv").open("w") as out:
                out.write(f"teri_code,{','.join(CLIENTS)}\n")
                for n in range(rows):
                    mail = f"client-{n}@example.com"
                    out.write(f"S{n:06d},Client {n},{mail},555-0123,{n} No Road,likes {n} things\n")
            if what == "not personal":
                listed = ", ".join(f'"{name}"' for name in CLIENTS)
                text = f'not_personal = [{{ columns = [{listed}], reason = "made up" }}]'
                policy = (
                    f'[tables.clients]\n{text}\nteri_code = {{ pii = false, reason = "a code" }}\n'
                )
                (project / "seeds" / "masking.toml").write_text(policy)
            (project / "seed_revisions" / "0001_people.py").write_text(REVISION)
            run(project, url, "alembic", "upgrade", "head")
            run(project, url, "terp-seed", "env", "stamp", "dev", "--yes")
            seconds, own, peak = measured(project, url, "alembic", "-n", "seed", "upgrade", "head")
            took[what] = (seconds, own)
            speed = f"{seconds:7.1f} s ({own:.1f} s of our own) {peak:5.0f} MB"
            print(f"{engine:<8} seed a file, {what:<12} {rows:>9,} rows {speed}", flush=True)
    wall, own = (a / b for a, b in zip(took["masked"], took["not personal"], strict=True))
    print(f"{engine:<8} masked / not: {wall:.2f} by the clock, {own:.2f} of our own", flush=True)


def measured(project: Path, url: str, *command: str) -> tuple[float, float, float]:
    """Run a command; seconds by the clock and of the processor, and peak memory in megabytes."""
    started = monotonic()
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=project,
        env=environment(url),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    scale = 1 if sys.platform == "linux" else 1024
    own = used.ru_utime + used.ru_stime
    return monotonic() - started, own, used.ru_maxrss / 1024 / scale


def run(project: Path, url: str, *command: str) -> None:
    """Run a command that is not measured."""
    program = str(Path(sys.executable).parent / command[0])
    more = ["-x", f"url={url}"] if command[0] == "alembic" else []
    subprocess.run(
        [program, *more, *command[1:]],
        check=True,
        cwd=project,
        env=environment(url),
        capture_output=True,
    )


def environment(url: str) -> dict[str, str]:
    """The environment of a command: this database, this key, and consent."""
    name = Path(str(sa.make_url(url).database)).name
    return {
        **clean_environment(),
        "TERP_SEED_DATABASE_URL": url,
        "TERP_SEED_YES": name,
        "TERP_SEED_MASK_KEY": KEY,
    }


if __name__ == "__main__":
    main()
