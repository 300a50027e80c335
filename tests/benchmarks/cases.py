"""What is measured, part by part; each returns its figures, run by run."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from servers import USER

from benchmarks.datasets import DatasetLab
from benchmarks.files import FileLab
from benchmarks.floors import Floor
from benchmarks.lab import ENGINES, Database, Lab
from benchmarks.masking import MaskingLab
from benchmarks.measure import Cost, measured
from benchmarks.own_tests import measure_tests
from benchmarks.slices import TARGETS, SliceLab

Record = dict[str, Any]
"""One figure: what, where, how many rows, and its costs or seconds, one for each run."""

_CLIENTS = (1_000, 10_000, 50_000, 500_000, 1_000_000)
_BIG = 200_000  # from here on one run fewer
_SEEDERS = {
    "clients": ("0001_catalogue", "0002_clients"),
    "batches": ("0002_clients", "0003_batches"),
    "inventory": ("0003_batches", "0004_inventory"),
    "orders": ("0004_inventory", "0005_orders"),
}


def clients(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """Clients by number: up, as a script, down; each beside its floor."""
    found = []
    for rows in _CLIENTS[: 3 if quick else None]:
        for engine in ENGINES:
            settings = ["-x", f"rows=clients:{rows}"]
            found += _against_floor(
                lab, engine, rows, settings, "0002_clients", _runs(rows, runs), "clients"
            )
    return found


def load(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """The whole linked set: a hundred thousand order lines, and up with a million."""
    found = []
    for engine in ENGINES:
        found += _against_floor(
            lab, engine, 100_000, _linked(20_000), "head", max(1, runs - 1), "load"
        )
    for engine in () if quick else ENGINES:
        with lab.database(engine) as database:
            cost = lab.alembic(database, "-n", "seed", *_linked(200_000), "upgrade", "head")
        print(f"load 1,000,000 {engine}: {cost.wall:.2f} s, {cost.peak:.0f} MB", file=sys.stderr)
        found.append(_record("load", engine, 1_000_000, "upgrade", [cost]))
    return found


def _linked(orders: int) -> list[str]:
    return ["-x", f"rows=clients:50000,batches:20000,orders:{orders}"]


def files(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """Rows of a CSV file of twenty columns, by number; each beside its floor."""
    found = []
    for rows in (100_000, 1_000_000)[: 1 if quick else None]:
        with_file = FileLab(lab, rows)
        for engine in ENGINES:
            found += _against_floor(
                with_file, engine, rows, [], "head", min(2, _runs(rows, runs)), "files"
            )
        shutil.rmtree(with_file.project)
    return found


def datasets(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """A dataset of a hundred thousand rows of which one in a hundred changed: autogenerate."""
    rows = 10_000 if quick else 100_000
    with_dataset, costs = DatasetLab(lab, rows), []
    with lab.database("sqlite") as database:
        for _ in range(runs):
            words = ("-n", "seed", "revision", "--autogenerate", "-m", "prices")
            costs.append(with_dataset.alembic(database, *words))
            with_dataset.clear()
    print(f"datasets {rows:,}: {costs[-1].wall:.2f} s, {costs[-1].peak:.0f} MB", file=sys.stderr)
    shutil.rmtree(with_dataset.project)
    return [_record("datasets", "none", rows, "autogenerate", costs)]


def masking(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """Masking in place, thirteen personal columns a row: beside one UPDATE, and its memory."""
    people, found = MaskingLab(lab), []
    for rows in (50_000, 1_000_000)[: 1 if quick else None]:
        for engine in ENGINES:
            costs, floors = [], []
            for _ in range(_runs(rows, runs)):
                with lab.database(engine) as database:
                    people.fill(database, rows)
                    floors.append(people.floor(database))
                    costs.append(people.mask(database, "-x", "backup=none"))
            cost, floor = costs[-1], floors[-1]
            said = f"{cost.wall:.2f} s ({cost.wall / floor:.2f} x floor {floor:.2f})"
            used = f"cpu {cost.cpu:.2f} s, peak {cost.peak:.0f} MB"
            print(f"masking {rows:,} {engine}: {said}, {used}", file=sys.stderr, flush=True)
            found.append(_record("masking", engine, rows, "mask", costs))
            found.append(_record("masking", engine, rows, "floor update", [], floors))
    shutil.rmtree(people.project)
    return found


def slices(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """A slice of a third of the rows into each target, beside the engine's own dump of them."""
    with_clients, found = SliceLab(lab), []
    for rows in (100_000, 1_000_000)[: 1 if quick else None]:
        for engine in ENGINES:
            with with_clients.source(engine, rows) as url:
                for target in TARGETS:
                    costs, floors = [], []
                    for _ in range(_runs(rows, runs)):
                        floors.append(with_clients.dump(url, engine, rows))
                        costs.append(with_clients.slice(url, engine, target, rows))
                    cost, floor = costs[-1], floors[-1]
                    said = f"{cost.wall:.2f} s ({cost.wall / floor:.2f} x dump {floor:.2f})"
                    used = f"cpu {cost.cpu:.2f} s, peak {cost.peak:.0f} MB"
                    print(f"slice {rows:,} {engine} {target}: {said}, {used}", file=sys.stderr)
                    found.append(_record("slice", engine, rows, target, costs))
                    found.append(_record("slice", engine, rows, f"dump {target}", [], floors))
    shutil.rmtree(with_clients.project)
    return found


def tests(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """The fixtures of the pytest plugin, in tests of an application."""
    lab.server.execute(rf"GRANT ALL ON `terp\_seed\_%`.* TO '{USER}'@'127.0.0.1'")
    lab.postgresql.execute(f"GRANT SET ON PARAMETER session_replication_role TO {USER}")
    found = []
    for engine in ENGINES:
        with lab.database(engine) as origin, lab.empty(engine) as empty:
            for what, costs in measure_tests(lab, origin, empty).items():
                record = {"part": "tests", "engine": engine, "rows": 0, "what": what}
                found.append({**record, **costs, "peak": []})
    return found


def current(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """`alembic -n seed current` beside the same of an Alembic environment without us."""
    plain = _plain_project(lab)
    found = []
    for engine in ENGINES:
        with lab.database(engine) as database:
            lab.alembic(database, "-n", "seed", "upgrade", "0001_catalogue")
            ours, theirs = [], []
            for _ in range(2 * runs + 1):
                theirs.append(_plain_current(lab, plain, database))
                ours.append(lab.alembic(database, "-n", "seed", "current"))
        found += [_record("current", engine, 0, "current", ours)]
        found += [_record("current", engine, 0, "plain current", theirs)]
    return found


def targets(lab: Lab, runs: int, quick: bool) -> list[Record]:
    """A hundred to fifty thousand records by each of the four seeders."""
    found = []
    for records in (100, 1_000, 10_000, 50_000)[: 2 if quick else None]:
        for seeder, (before, revision) in _SEEDERS.items():
            subject = "batches" if seeder == "inventory" else seeder
            counts = {"clients": min(records, 1_000), "batches": 200, "orders": 100}
            counts[subject] = records
            settings = ["-x", "rows=" + ",".join(f"{k}:{v}" for k, v in counts.items())]
            for engine in ENGINES:
                with lab.database(engine) as database:
                    lab.alembic(database, "-n", "seed", *settings, "upgrade", before)
                    cost = lab.alembic(database, "-n", "seed", "upgrade", revision)
                found.append(_record("targets", engine, records, seeder, [cost]))
    return found


PARTS: dict[str, Callable[[Lab, int, bool], list[Record]]] = {
    "current": current,
    "clients": clients,
    "targets": targets,
    "load": load,
    "files": files,
    "datasets": datasets,
    "masking": masking,
    "slice": slices,
    "tests": tests,
}


def _runs(rows: int, runs: int) -> int:
    return runs if rows < _BIG else max(1, runs - 1 - (rows >= 1_000_000))


def _against_floor(
    lab: Lab, engine: str, rows: int, settings: list[str], target: str, runs: int, part: str
) -> list[Record]:
    """Seed, load the same rows, print the script, delete; case and floor take turns."""
    costs: dict[str, list[Cost]] = {"upgrade": [], "downgrade": [], "script": []}
    floors: dict[str, list[float]] = {"load": [], "delete": []}
    script = lab.folder / "script.sql"
    # A plain DELETE on SQLite and PostgreSQL looks through all orders for each one that goes:
    # TERP's schema has no index on the column by which they refer to each other.  That floor takes
    # hours.
    take = engine == "mariadb" or part != "load"
    for _ in range(runs):
        with lab.database(engine) as database:
            costs["upgrade"].append(
                lab.alembic(database, "-n", "seed", *settings, "upgrade", target)
            )
            put, *taken = _floor(lab, database, take)
            floors["load"].append(put)
            floors["delete"] += taken
            costs["script"].append(
                lab.alembic(
                    database, "-n", "seed", *settings, "upgrade", target, "--sql", output=script
                )
            )
            costs["downgrade"].append(lab.alembic(database, "-n", "seed", "downgrade", "base"))
        _say(part, engine, rows, costs, floors)
    script.unlink()
    found = [_record(part, engine, rows, what, each) for what, each in costs.items()]
    for what, seconds in floors.items():
        found.append(_record(part, engine, rows, f"floor {what}", [], seconds))
    return found


def _floor(lab: Lab, seeded: Database, take: bool) -> list[float]:
    floor = Floor(lab, seeded)
    try:
        with lab.database(seeded.engine) as empty:
            return floor.seconds(empty, take)
    finally:
        floor.close()


def _plain_project(lab: Lab) -> Path:
    """An Alembic environment as `alembic init` makes it, with as many revisions as ours."""
    folder = lab.folder / "plain"
    if folder.exists():
        return folder
    folder.mkdir()
    alembic = str(Path(sys.executable).parent / "alembic")
    commands = [["init", "migrations"], *(["revision", "-m", f"r{n}"] for n in range(1, 6))]
    for command in commands:
        measured([alembic, *command], cwd=folder, env=lab.environment())
    ini = folder / "alembic.ini"
    shutil.copy(ini, folder / "template.ini")
    return folder


def _plain_current(lab: Lab, folder: Path, database: Database) -> Cost:
    text = (folder / "template.ini").read_text()
    url = database.url.replace("%", "%%")
    lines = [
        f"sqlalchemy.url = {url}" if line.startswith("sqlalchemy.url") else line
        for line in text.splitlines()
    ]
    (folder / "alembic.ini").write_text("\n".join(lines))
    command = [str(Path(sys.executable).parent / "alembic"), "current"]
    return measured(command, cwd=folder, env=lab.environment())


def _record(
    part: str,
    engine: str,
    rows: int,
    what: str,
    costs: list[Cost],
    seconds: list[float] | None = None,
) -> Record:
    walls = seconds if seconds is not None else [cost.wall for cost in costs]
    return {
        "part": part,
        "engine": engine,
        "rows": rows,
        "what": what,
        "wall": [round(wall, 4) for wall in walls],
        "cpu": [round(cost.cpu, 4) for cost in costs],
        "peak": [round(cost.peak, 1) for cost in costs],
    }


def _say(
    part: str, engine: str, rows: int, costs: dict[str, list[Cost]], floors: dict[str, list[float]]
) -> None:
    up, down, script = (costs[name][-1] for name in ("upgrade", "downgrade", "script"))
    put = floors["load"][-1]
    beside = "".join(f" ({down.wall / take:.2f} x {take:.2f})" for take in floors["delete"][-1:])
    print(
        f"{part} {rows:,} {engine}: up {up.wall:.2f} s ({up.wall / put:.2f} x floor {put:.2f}), "
        f"script {script.wall:.2f} s, down {down.wall:.2f} s{beside},"
        f" cpu {up.cpu:.2f} s, peak {up.peak:.0f} MB",
        file=sys.stderr,
        flush=True,
    )
