"""The bars: what is promised of the figures, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Bar:
    """One promise: a figure and the most, or the least, that it may be."""

    text: str
    value: float
    limit: float
    least: bool = False
    unit: str = "x"

    @property
    def holds(self) -> bool:
        """Whether the figure keeps the promise."""
        return self.value >= self.limit if self.least else self.value <= self.limit


class Figures:
    """The medians of all records; a figure that was not measured is missing."""

    def __init__(self, records: list[dict[str, Any]]) -> None:
        self.records = records

    def get(self, part: str, engine: str, rows: int, what: str, kind: str = "wall") -> float:
        """A median; `LookupError` if it was not measured."""
        for record in self.records:
            found = (record["part"], record["engine"], record["rows"], record["what"])
            if found == (part, engine, rows, what) and record[kind]:
                return median(record[kind])
        raise LookupError(part, engine, rows, what)

    def rows(self, part: str, engine: str) -> list[int]:
        """The sizes that a part was measured at."""
        found = {r["rows"] for r in self.records if (r["part"], r["engine"]) == (part, engine)}
        return sorted(found)

    def ratio(self, part: str, engine: str, rows: int, what: str = "upgrade") -> float:
        """How many times its floor something took."""
        floor = "floor delete" if what == "downgrade" else "floor load"
        return self.get(part, engine, rows, what) / self.get(part, engine, rows, floor)


_NAMES = (("mariadb", "MariaDB"), ("postgresql", "PostgreSQL"), ("sqlite", "SQLite"))


def bars(figures: Figures) -> list[Bar]:
    """All bars that the figures can tell of."""
    found = []
    for make in _BARS:
        with suppress(LookupError, ValueError):  # that part was not measured
            found += list(make(figures))
    return found


def _server(f: Figures) -> Iterator[Bar]:
    ratio = f.ratio("clients", "mariadb", 500_000)
    yield Bar("500,000 clients on MariaDB, of LOAD DATA", ratio, 2.5)
    yield Bar("the same, the stretch", ratio, 2.0)


def _copied(f: Figures) -> Iterator[Bar]:
    ratio = f.ratio("clients", "postgresql", 500_000)
    yield Bar("500,000 clients on PostgreSQL, of COPY", ratio, 2.0)
    yield Bar("the same, the stretch", ratio, 1.5)
    peak = f.get("clients", "postgresql", 500_000, "upgrade", "peak")
    yield Bar("peak memory at 500,000 clients on PostgreSQL", peak, 100, unit=" MB")


def _embedded(f: Figures) -> Iterator[Bar]:
    for rows in (500_000, 50_000):
        yield Bar(
            f"{rows:,} clients on SQLite, of executemany", f.ratio("clients", "sqlite", rows), 2.5
        )


def _linked(f: Figures) -> Iterator[Bar]:
    rows = min(f.rows("load", "mariadb"))
    yield Bar(
        f"the linked set, {rows:,} order lines, on MariaDB, of its tables' floors",
        f.ratio("load", "mariadb", rows),
        3,
    )
    yield Bar("the same on SQLite", f.ratio("load", "sqlite", rows), 3)


def _downgrade(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        ratio = f.ratio("clients", engine, 500_000, "downgrade")
        yield Bar(f"downgrade of 500,000 clients on {name}, of DELETE by range", ratio, 2.0)


def _files(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        few, *_, many = f.rows("files", engine)
        cost = f.get("files", engine, many, "upgrade", "cpu") / many
        made = f.get("clients", engine, 500_000, "upgrade", "cpu") / 500_000
        what = f"{many:,} rows of a file on {name}"
        yield Bar(f"{what}, processor time of a row, of a client's", cost / made, 2)
        yield Bar("the same, of its floor", f.ratio("files", engine, many), 3)
        peak = f.get("files", engine, many, "upgrade", "peak")
        yield Bar(f"peak memory at {what}", peak, 150, unit=" MB")
        before = f.get("files", engine, few, "upgrade", "peak")
        yield Bar(f"the same, of the peak at {few:,}", peak / before, 1.2)


def _datasets(f: Figures) -> Iterator[Bar]:
    (rows,) = f.rows("datasets", "none")
    what = f"autogenerate of {rows:,} rows, 1 % of them changed"
    yield Bar(what, f.get("datasets", "none", rows, "autogenerate"), 5, unit=" s")
    peak = f.get("datasets", "none", rows, "autogenerate", "peak")
    yield Bar("peak memory of the same", peak, 150, unit=" MB")


def _slices(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        for rows in f.rows("slice", engine):
            for target in ("database", "script", "revision"):
                wall, dump = (f.get("slice", engine, rows, w) for w in (target, f"dump {target}"))
                text = f"a slice of {rows:,} rows on {name} into a {target}, of its own dump"
                yield Bar(text, wall / dump, 3.0)
                peak = f.get("slice", engine, rows, target, "peak")
                yield Bar("peak memory of that", peak, 200, unit=" MB")


def _masking(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        few, *_, many = f.rows("masking", engine)
        whole, floor = (f.get("masking", engine, few, what) for what in ("mask", "floor update"))
        place = f"masking {few:,} rows in place on {name}"
        yield Bar(f"{place}, of one UPDATE with SHA2", whole / floor, 5)
        peaks = [f.get("masking", engine, rows, "mask", "peak") for rows in (few, many)]
        yield Bar(f"peak memory at {many:,} rows, of the peak at {few:,}", peaks[1] / peaks[0], 1.2)


def _tests(f: Figures) -> Iterator[Bar]:
    def milliseconds(engine: str, what: str) -> float:
        return 1000 * f.get("tests", engine, 0, what)

    yield Bar("`seeded` on SQLite", milliseconds("sqlite", "seeded"), 20, unit=" ms")
    yield Bar("a copy of `small` on SQLite", milliseconds("sqlite", "copy"), 15, unit=" ms")
    yield Bar("a copy of `small` on PostgreSQL", milliseconds("postgresql", "copy"), 80, unit=" ms")
    yield Bar(
        "a repair of `small` after ten rows on MariaDB",
        milliseconds("mariadb", "copy"),
        100,
        unit=" ms",
    )
    for engine, name in _NAMES:
        build, upgrade = (f.get("tests", engine, 0, w) for w in ("first build", "upgrade head"))
        yield Bar(f"the first build on {name}, of tables and `upgrade head`", build / upgrade, 1.2)


def _script(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        script, run = (f.get("clients", engine, 500_000, what) for what in ("script", "upgrade"))
        yield Bar(f"`--sql` of 500,000 clients for {name}, of the run", script / run, 1.0)


def _growth(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        few, many = (f.get("clients", engine, n, "upgrade") / n for n in (10_000, 1_000_000))
        yield Bar(f"cost per row, 10,000 to 1,000,000 clients on {name}", many / few, 1.5)


def _start(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        ours = f.get("current", engine, 0, "current")
        plain = f.get("current", engine, 0, "plain current")
        yield Bar(f"`alembic -n seed current` on {name}, of plain Alembic's", ours / plain, 1.2)


def _few(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        ours = f.get("current", engine, 0, "current")
        least = ours + f.get("clients", engine, 1_000, "floor load")
        whole = f.get("clients", engine, 1_000, "upgrade")
        yield Bar(f"1,000 clients on {name}, of `current` and the floor", whole / least, 1.5)


def _memory(f: Figures) -> Iterator[Bar]:
    for engine, name in _NAMES:
        few, *_, many = f.rows("load", engine)
        peak = f.get("load", engine, many, "upgrade", "peak")
        yield Bar(f"peak memory at {many:,} order lines on {name}", peak, 150, unit=" MB")
        before = f.get("load", engine, few, "upgrade", "peak")
        yield Bar(f"the same, of the peak at {few:,}", peak / before, 1.2)


def _peers(f: Figures) -> Iterator[Bar]:
    rows = max(f.rows("peers", "mariadb"))
    ours = f.get("peers", "mariadb", rows, "terp_seed")
    for peer, least in (
        ("drizzle-seed", 2.0),
        ("knex batchInsert + @faker-js/faker", 2.0),
        ("mimesis + SQLAlchemy Core", 2.0),
        ("Faker + SQLAlchemy Core", 15.0),
        ("Faker + ORM add", 25.0),
    ):
        try:
            theirs = f.get("peers", "mariadb", rows, peer)
        except LookupError:
            continue
        yield Bar(f"{rows:,} clients, faster than {peer}", theirs / ours, least, least=True)


def _targets(f: Figures) -> Iterator[Bar]:
    for rows, seconds in ((100, 1), (1_000, 5), (10_000, 60), (50_000, 300)):
        for seeder in ("clients", "batches", "inventory", "orders"):
            for engine, name in _NAMES:
                value = f.get("targets", engine, rows, seeder)
                yield Bar(f"{rows:,} records by {seeder} on {name}", value, seconds, unit=" s")


_BARS: tuple[Callable[[Figures], Iterator[Bar]], ...] = (
    _server,
    _copied,
    _linked,
    _embedded,
    _peers,
    _start,
    _few,
    _memory,
    _growth,
    _files,
    _datasets,
    _masking,
    _slices,
    _tests,
    _script,
    _downgrade,
    _targets,
)
