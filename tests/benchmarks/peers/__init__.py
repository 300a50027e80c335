"""What a user would run instead, each in an environment of its own; MariaDB, table `clients`.

A peer fills the columns of the same table that we fill, with values of the same kinds. We fill two
more tables, the ledger and the audit, behind the lock, the preflight and the masking boundary.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from sqlalchemy.engine import make_url

from benchmarks.cases import Record
from benchmarks.floors import Floor
from benchmarks.lab import Database, Lab
from benchmarks.measure import BenchmarkError, Cost, measured

HERE = Path(__file__).parent
PLACE = HERE / "installed"
PYTHON = ("faker", "factory_boy", "mimesis", "sqlalchemy", "mysqlclient", "alembic")
NODE = ("knex", "mysql2", "@faker-js/faker", "drizzle-orm", "drizzle-seed")

#: Names by script; those that take half a minute are run once.
PEERS = {
    "knex_faker.mjs": "knex batchInsert + @faker-js/faker",
    "drizzle_seed.mjs": "drizzle-seed",
    "mimesis_core.py": "mimesis + SQLAlchemy Core",
    "faker_core.py": "Faker + SQLAlchemy Core",
    "faker_alembic.py": "Faker + Alembic op.bulk_insert",
    "factory_orm.py": "factory_boy create_batch",
    "faker_orm.py": "Faker + ORM add",
}
QUICK = ("knex_faker.mjs", "drizzle_seed.mjs", "mimesis_core.py")


def peers(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """50,000 clients by each peer and by us, in turns, and the floor of ours."""
    rows = 5_000 if quick else 50_000
    programs = _installed()
    scripts = [each for each in PEERS if each.endswith(".py") or "node" in programs]
    walls: dict[str, list[Cost]] = {name: [] for name in ["terp_seed", *scripts]}
    floors = []
    for turn in range(runs):
        with lab.database("mariadb") as database:
            walls["terp_seed"].append(_ours(lab, database, rows))
            floor = Floor(lab, database)
        with lab.database("mariadb") as empty:
            floors += floor.seconds(empty, take=False)
        floor.close()
        for script in scripts:
            if turn == 0 or script in QUICK:
                walls[script].append(_peer(lab, script, rows, programs))
                print(f"peers {script}: {walls[script][-1].wall:.2f} s", file=sys.stderr)
    found = [
        {
            "part": "peers",
            "engine": "mariadb",
            "rows": rows,
            "what": PEERS.get(name, name),
            "wall": [round(cost.wall, 4) for cost in costs],
            "cpu": [round(cost.cpu, 4) for cost in costs],
            "peak": [round(cost.peak, 1) for cost in costs],
        }
        for name, costs in walls.items()
    ]
    floor_record = {"what": "floor load", "wall": floors, "cpu": [], "peak": []}
    versions = {"what": "versions", "wall": [], "cpu": [], "peak": [], "text": _versions(programs)}
    shared = {"part": "peers", "engine": "mariadb", "rows": rows}
    return [*found, shared | floor_record, shared | versions]


def _ours(lab: Lab, database: Database, rows: int) -> Cost:
    settings = ["-x", f"rows=clients:{rows}"]
    return lab.alembic(database, "-n", "seed", *settings, "upgrade", "0002_clients")


def _peer(lab: Lab, script: str, rows: int, programs: dict[str, str]) -> Cost:
    with lab.database("mariadb") as database:
        url = make_url(database.url)
        if script.endswith(".py"):
            command = [programs["python"], str(HERE / script), database.url, str(rows)]
        else:
            own = PLACE / script  # modules are looked for beside the script
            shutil.copy(HERE / script, own)
            at = [str(url.host), str(url.port), str(url.username), str(url.password)]
            command = [programs["node"], str(own), *at, database.name, str(rows)]
        cost = measured(command, cwd=PLACE, env=lab.environment())
        (count,) = lab.server.execute(f"SELECT COUNT(*) FROM `{database.name}`.clients")[0]
        if count != rows:
            raise BenchmarkError(f"{script} left {count} rows, not {rows}")
        return cost


def _installed() -> dict[str, str]:
    """Install the peers beside this file, once; without Node, those from npm are left out."""
    PLACE.mkdir(exist_ok=True)
    python = PLACE / "venv" / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(PLACE / "venv")], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PYTHON], check=True)
    found = {"python": str(python)}
    node, npm = shutil.which("node"), shutil.which("npm")
    if node and npm:
        if not (PLACE / "node_modules" / "drizzle-seed").exists():
            quiet = ["--no-audit", "--no-fund", "--silent", "--prefix", str(PLACE)]
            subprocess.run([npm, "install", *quiet, *NODE], check=True)
        found["node"] = node
    return found


def _versions(programs: dict[str, str]) -> str:
    frozen = subprocess.run(
        [programs["python"], "-m", "pip", "freeze"],
        check=True,
        capture_output=True,
        encoding="utf-8",
    ).stdout.split()
    wanted = {name.replace("_", "-").lower() for name in PYTHON}
    said = [
        line.replace("==", " ")
        for line in frozen
        if line.partition("==")[0].replace("_", "-").lower() in wanted
    ]
    if "node" in programs:
        import json

        for name in NODE:
            package = PLACE / "node_modules" / name / "package.json"
            said.append(f"{name} {json.loads(package.read_text())['version']}")
        said.append(
            "Node "
            + subprocess.run(
                [programs["node"], "--version"], check=True, capture_output=True, encoding="utf-8"
            ).stdout.strip()
        )
    return ", ".join(said)
