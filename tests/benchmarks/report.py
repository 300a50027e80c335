"""The tables and the picture, written where the docs show them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.bars import Bar, Figures, bars

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "speed.md"
PICTURE = DOCS / "images" / "speed.svg"
_BEGIN, _END = "<!-- generated: tests/benchmarks/run -->", "<!-- end -->"

Table = list[tuple[str, ...]]


def write(results: list[dict[str, Any]], *, quick: bool) -> str:
    """Make the report of all parts; write it into the page unless it is a quick try."""
    figures = Figures([record for part in results for record in part["records"]])
    text = _text(figures, results)
    if not quick and not any(part["quick"] for part in results):
        _into_page(text)
        _draw(figures)
    return text


def _text(figures: Figures, results: list[dict[str, Any]]) -> str:
    parts = [_conditions(results), _bars(bars(figures))]
    if figures.rows("clients", "mariadb"):
        parts.append(f"![Cost of a row by number, and peers](images/{PICTURE.name})")
    for part, title in (
        ("clients", "Clients, by number"),
        ("load", "The linked set, by order lines"),
        ("files", "Rows of a CSV file with twenty columns, by number"),
    ):
        if any(figures.rows(part, engine) for engine in ("mariadb", "postgresql", "sqlite")):
            parts.append(f"### {title}\n\n{_markdown(_sizes(figures, part))}")
    if figures.rows("peers", "mariadb"):
        parts.append(f"### Peers\n\n{_markdown(_peers(figures))}")
    return "\n\n".join(parts)


def _conditions(results: list[dict[str, Any]]) -> str:
    said = {
        f"Python {each['python']}, MariaDB {each['server'].partition('-')[0]} and PostgreSQL "
        f"{each['postgresql']} with the settings they ship with, {each['machine']}"
        for each in results
    }
    return f"Measured on: {'; '.join(sorted(said))}. Medians, whole processes."


_RECORDS = re.compile(r"([\d,]+ records) by (\w+ on \w+)")


def _bars(found: list[Bar]) -> str:
    """The bars one by one, but those of a seeder's records by number of records."""
    records = [bar for bar in found if _RECORDS.fullmatch(bar.text)]
    lines = [_line(bar) for bar in found if bar not in records]
    return "\n\n".join(["\n".join(lines), *_records_table(records)])


def _line(bar: Bar) -> str:
    side = "at least" if bar.least else "at most"
    missed = "" if bar.holds else " **missed**"
    return f"* {bar.text}: {bar.value:.2f}{_unit(bar)} ({side} {bar.limit:g}){missed}"


def _records_table(records: list[Bar]) -> Iterator[str]:
    """Seconds by number of records, a column for each seeder and engine."""
    if not records:
        return
    found = [(*_RECORDS.fullmatch(bar.text).groups(), bar) for bar in records]  # type: ignore[union-attr]
    seeders = list(dict.fromkeys(seeder for _, seeder, _ in found))
    lines: Table = [("seconds", "bar", *seeders)]
    for number in dict.fromkeys(number for number, _, _ in found):
        row = {seeder: bar for each, seeder, bar in found if each == number}
        limit = next(iter(row.values())).limit
        lines.append((number, f"{limit:g}", *(_reached(row[seeder]) for seeder in seeders)))
    yield _markdown(lines)


def _reached(bar: Bar) -> str:
    return f"{bar.value:.2f}" if bar.holds else f"**{bar.value:.2f}**"


def _unit(bar: Bar) -> str:
    return " x" if bar.unit == "x" else bar.unit


def _sizes(figures: Figures, part: str) -> Table:
    lines: Table = [
        (
            "engine",
            "rows",
            "up, s",
            "x floor",
            "peak, MB",
            "`--sql`, s",
            "down, s",
            "x floor",
        )
    ]
    for engine in ("mariadb", "postgresql", "sqlite"):
        for rows in figures.rows(part, engine):
            get = partial(figures.get, part, engine, rows)
            ratio = partial(figures.ratio, part, engine, rows)
            lines.append(
                (
                    engine,
                    f"{rows:,}",
                    f"{get('upgrade'):.2f}",
                    _if_taken(ratio),
                    f"{get('upgrade', 'peak'):.0f}",
                    _if_taken(partial(get, "script")),
                    _if_taken(partial(get, "downgrade")),
                    _if_taken(partial(ratio, "downgrade")),
                )
            )
    return lines


def _if_taken(figure: Callable[[], float]) -> str:
    try:
        return f"{figure():.2f}"
    except LookupError:
        return ""


def _peer_records(figures: Figures) -> list[dict[str, Any]]:
    rows = max(figures.rows("peers", "mariadb"))
    return [r for r in figures.records if r["part"] == "peers" and r["rows"] == rows and r["wall"]]


def _peers(figures: Figures) -> Table:
    records = _peer_records(figures)
    rows = records[0]["rows"]
    wall = {r["what"]: figures.get("peers", "mariadb", rows, r["what"]) for r in records}
    lines: Table = [(f"{rows:,} clients", "seconds", "x terp_seed", "peak, MB")]
    for record in sorted(records, key=lambda each: wall[each["what"]]):
        what = record["what"]
        peak = (
            f"{figures.get('peers', 'mariadb', rows, what, 'peak'):.0f}" if record["peak"] else ""
        )
        lines.append(
            (
                "floor: LOAD DATA" if what == "floor load" else what,
                f"{wall[what]:.2f}",
                f"{wall[what] / wall['terp_seed']:.1f}",
                peak,
            )
        )
    return lines


def _markdown(lines: Table) -> str:
    head, *rest = lines
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join(f"| {' | '.join(line)} |" for line in [head, tuple(rule), *rest])


def _into_page(text: str) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(_BEGIN)
    after = rest.partition(_END)[2]
    PAGE.write_text(f"{before}{_BEGIN}\n\n{text}\n\n{_END}{after}", encoding="utf-8")


def _draw(figures: Figures) -> None:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "terp_seed"  # the same picture from the same figures
    from matplotlib import pyplot as plt

    picture, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2))
    for engine, colour in (
        ("mariadb", "tab:blue"),
        ("postgresql", "tab:green"),
        ("sqlite", "tab:orange"),
    ):
        sizes = figures.rows("clients", engine)
        for what, style in (("upgrade", "o-"), ("floor load", "s--")):
            costs = [figures.get("clients", engine, n, what) / n * 1e6 for n in sizes]
            left.loglog(sizes, costs, style, color=colour, label=f"{engine}, {what}")
    left.set(xlabel="clients", ylabel="microseconds a row", title="Cost of a row, by number")
    left.legend()
    if figures.rows("peers", "mariadb"):
        rows = _peers(figures)[1:]
        right.barh([row[0] for row in rows], [float(row[1]) for row in rows], color="tab:blue")
        right.set(xscale="log", xlabel="seconds", title=_peers(figures)[0][0])
    picture.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    picture.savefig(PICTURE, metadata={"Date": None})
