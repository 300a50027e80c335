"""Go once through everything on a server stamped `staging`, and write down what happened.

::

    python docs/staging_validation.py URL                       # writes docs/staging-validation.md
    python docs/staging_validation.py URL --size small --out -  # prints it

URL is an empty database of yours on MySQL or MariaDB.  Everything is done by the commands that a
person types, in a scratch folder; if one fails, the script stops and writes nothing.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "staging-validation.md"
IMPORTED = (
    "INSERT INTO clients (teri_code, name, email, phone, wishlist) VALUES "
    "('WHL0001', 'Smith Hill Farms', 'ann@smithhill.internal', '415-867-5309', 'says Ann Smith'), "
    "('WHL0002', 'Harbor and Sons', 'bo@harbor.internal', '212-867-5310', NULL)",
    "INSERT INTO supplier_profiles (client_id, contact_name, contact_email) "
    "SELECT id, 'Ann Smith', 'ann@smithhill.internal' FROM clients WHERE teri_code = 'WHL0001'",
)
LEFT = (
    "SELECT COUNT(*) FROM clients WHERE teri_code IN ('WHL0001', 'WHL0002') "
    "AND (name LIKE '%%Smith%%' OR email LIKE '%%internal%%' OR phone LIKE '%%867-53%%')"
)
INTRODUCTION = """\
# Staging, validated

`python docs/staging_validation.py URL` runs these commands in this order on an empty database,
stamps it `staging`, and writes this page if every step succeeds.
"""


@dataclass(frozen=True)
class Step:
    """One command, and which part of what it prints is its result."""

    name: str
    command: str
    shows: str
    """A pattern that what is printed must hold."""
    result: str = "{}"
    """How the page shows it."""


@dataclass(frozen=True)
class Outcome:
    """What a step came to."""

    step: Step
    result: str
    seconds: float


def steps(database: str, size: str) -> Iterator[Step]:
    """The steps; between seeding and masking two parties of a made-up production are imported."""
    yes = f"-x yes={database}"
    total = r"^total.*?([\d,]+)\s+[\d.]+$"
    yield Step(
        "schema", "alembic upgrade head", r"Running upgrade\s+-> (\w+)", "the tables of `{}`"
    )
    yield Step("stamp", "terp-seed env stamp staging --yes", r"is (stamped staging)")
    plan = f"terp-seed plan --size={size} --out plan.json"
    yield Step("plan", plan, r"([\d,]+ rows, about [\d.]+ s);")
    seed = f"terp-seed {yes} seed --size={size} --plan plan.json"
    yield Step("seed", seed, total, "{} rows seeded")
    yield Step("verify", "terp-seed verify", r"^(\d+ checks, 0 broken)$")
    yield Step("drift", "terp-seed status --drift", r"\A", "every row as it was seeded")
    look = "terp-seed mask --dry-run"
    yield Step("mask: look", look, r"^(clients +phone +phone +\w+ +\d+)", "`{}` and others")
    yield Step("mask", f"terp-seed {yes} mask", r"\A", "no imported value is left")
    yield Step("mask: leaks", "terp-seed mask --verify", r"^(0 finds in .*)$")
    yield Step("mask: evidence", "terp-seed mask --report", r"^# (.*)$")
    yield Step("roll back", f"terp-seed {yes} rollback base", total, "{} rows removed")
    yield Step("restore", f"terp-seed {yes} restore BACKUP", r"^restored .*; (the rows match .*)$")
    yield Step("verify again", "terp-seed verify", r"^(\d+ checks, 0 broken)$")
    yield Step("who ran what", "terp-seed history --limit 1", r"(finished)")


class Validation:
    """The steps, carried out in a folder of their own."""

    def __init__(self, url: str, size: str, folder: Path) -> None:
        self.url, self.size, self.folder = sa.make_url(url), size, folder
        for name in ("seeds", "seed_revisions"):
            shutil.copytree(DOCS.parent / name, folder / name)
        shutil.copy(DOCS.parent / "alembic.ini", folder)
        self._environment = {
            **{name: v for name, v in os.environ.items() if not name.startswith("TERP_SEED_")},
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
            "TERP_SEED_DATABASE_URL": url,
            "TERP_SEED_BACKUP_FOLDER": str(folder / "backups"),
            "TERP_SEED_MASK_KEY": secrets.token_hex(32),
        }

    def outcomes(self) -> Iterator[Outcome]:
        """Carry out one step after the other; `SystemExit` at the first that fails."""
        for step in steps(str(self.url.database), self.size):
            if step.name == "mask: look":
                self._sql(*IMPORTED)
            yield self._carried_out(step)
            if step.name == "mask" and self._sql(LEFT):
                raise SystemExit("mask: an imported row is as it was")

    def server(self) -> str:
        """Which server that was, in its own words."""
        return str(self._sql("SELECT VERSION()"))

    def _carried_out(self, step: Step) -> Outcome:
        backups = sorted((self.folder / "backups").glob("*"), key=lambda path: path.stat().st_mtime)
        words = step.command.replace("BACKUP", str(backups[-1]) if backups else "")
        begun = time.perf_counter()
        done = subprocess.run(  # noqa: S603 - the steps above
            words.split(),
            check=False,
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        )
        seconds = time.perf_counter() - begun
        found = re.search(step.shows, done.stdout, re.MULTILINE)
        if done.returncode or found is None:
            raise SystemExit(f"{step.name}: ended with {done.returncode}\n{done.stdout}")
        shown = re.sub(r" +", " ", found[1]) if found.groups() else ""
        return Outcome(step, step.result.format(shown), seconds)

    def _sql(self, *statements: str) -> object:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            done = [connection.exec_driver_sql(statement) for statement in statements]
            return done[-1].scalar() if done[-1].returns_rows else None


def page(server: str, size: str, outcomes: list[Outcome]) -> str:
    """The page: when, on what, and a line for each step."""
    lines = [
        INTRODUCTION,
        f"On {datetime.now(UTC):%Y-%m-%d}, on {server}, in size `{size}`. Times are those of "
        "whole commands, the start of the program included.\n",
        "| step | command | result | seconds |",
        "| --- | --- | --- | ---: |",
    ]
    for outcome in outcomes:
        step = outcome.step
        lines.append(
            f"| {step.name} | `{step.command}` | {outcome.result} | {outcome.seconds:.1f} |"
        )
    return "\n".join(lines) + "\n" + CLOSING


CLOSING = """
Before masking, two parties with real-looking names, addresses and numbers are inserted, as in a
copy of production. Masking leaves the seeded rows alone; the rollback removes exactly those and
keeps the imported ones; `BACKUP`, its backup, restores every row.
"""


def main() -> None:
    """Read the command line, go through the steps, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url", help="an empty database on MySQL or MariaDB")
    parser.add_argument("--size", default="medium")
    parser.add_argument("--out", default=str(PAGE), help="a file, or - to print")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        validation = Validation(given.url, given.size, Path(folder))
        outcomes = list(validation.outcomes())
        text = page(validation.server(), given.size, outcomes)
    if given.out == "-":
        print(text, end="")
    else:
        Path(given.out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
