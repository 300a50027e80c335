"""The tests of docs/under-fire.md, and the tables in it; `tests/fire/run` uses both halves.

As a pytest plugin it leaves out the tests that cover no row: a test covers the rows whose ids stand
in its docstring. As a program, `python table.py ENGINE REPORT...`, it writes the table of an engine
from the JUnit reports of its runs; what the tests counted with `tally` is added up.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "under-fire.md"
ROWS: dict[str, dict[str, str]] = tomllib.loads((HERE / "rows.toml").read_text(encoding="utf-8"))
_ID = re.compile(r"\b[CU]-\d+\b")


# -- which tests


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Do not even import a file that names no row."""
    if collection_path.suffix != ".py":
        return None
    return None if _ID.search(collection_path.read_text(encoding="utf-8")) else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what covers no row."""
    for item in items:
        item.user_properties.append(("covers", " ".join(covered(item))))
    config.hook.pytest_deselected(items=[item for item in items if not covered(item)])
    items[:] = [item for item in items if covered(item)]


def covered(item: pytest.Item) -> list[str]:
    """The rows that a test covers."""
    text = getattr(getattr(item, "function", None), "__doc__", None) or ""
    return [each for each in dict.fromkeys(_ID.findall(text)) if each in ROWS]


# -- what became of them


@dataclass
class Result:
    """What the tests of a row came to."""

    outcomes: Counter[str] = field(default_factory=Counter)
    files: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)

    def add(self, case: ET.Element) -> None:
        """Add a test."""
        self.outcomes[outcome(case)] += 1
        self.files.add(f"{case.get('classname', '').rpartition('.')[2]}.py")
        for name, value in properties(case):
            if name.startswith("fire ") and value.isdecimal():
                self.counts[name.removeprefix("fire ")] += int(value)
            elif name.startswith("fire "):
                self.said.append(f"{name.removeprefix('fire ')}: {value}")

    @property
    def passed(self) -> bool:
        """Whether every test of the row was run and passed."""
        return set(self.outcomes) == {"passed"}

    def __str__(self) -> str:
        found = ", ".join(f"{number} {what}" for what, number in sorted(self.outcomes.items()))
        counted = [f"{number:,} {name.replace('_', ' ')}" for name, number in self.counts.items()]
        return "; ".join([found or "not run", *counted, *self.said])


def properties(case: ET.Element) -> Iterator[tuple[str, str]]:
    """What a test recorded."""
    for each in case.iter("property"):
        yield each.get("name", ""), each.get("value", "")


def outcome(case: ET.Element) -> str:
    """How a test ended."""
    ends = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    return next((word for tag, word in ends.items() if case.find(tag) is not None), "passed")


def results(reports: Iterable[str]) -> dict[str, Result]:
    """The result of each row that these reports have tests of."""
    found: dict[str, Result] = defaultdict(Result)
    for report in reports:
        for case in ET.parse(report).iter("testcase"):
            for row in dict(properties(case)).get("covers", "").split():
                found[row].add(case)
    return found


# -- the page


def table(engine: str, found: dict[str, Result]) -> str:
    """An engine's table, with a line that says when and with which numbers it was made."""
    prefix = "TERP_SEED_TEST_FIRE_"
    asked = [
        f"{name.removeprefix(prefix).lower()} {value}"
        for name, value in sorted(os.environ.items())
        if name.startswith(prefix) and value
    ]
    settings = ", ".join(asked) or "the short form"
    lines = [f"Run on {datetime.now(UTC):%Y-%m-%d} with {settings}.", ""]
    if engine == "mariadb":
        lines += [f"| {' | '.join(_HEAD)} |", f"|{' --- |' * len(_HEAD)}"]
    said: set[str] = set()
    for row, text in ROWS.items():
        result = found.get(row, Result())
        result.said = [each for each in result.said if each not in said]
        said.update(result.said)
        if engine == "mariadb":
            where = ", ".join(f"`{name}`" for name in sorted(result.files))
            cells = (f"{row}: {text['failure']}", text["cause"], text["must"], f"{where}: {result}")
            lines.append(f"| {' | '.join(cells)} |")
    if engine != "mariadb":  # one table tells what the rows mean
        lines += summary(found)
    return "\n".join(lines)


def summary(found: dict[str, Result]) -> Iterator[str]:
    """How many rows passed, and the others one by one; then what was measured."""
    others = [row for row in ROWS if not found.get(row, Result()).passed]
    yield f"{len(ROWS) - len(others)} of {len(ROWS)} rows passed.\n"
    yield from (f"* {row}: {found.get(row, Result())}" for row in others)
    yield from (f"* {row}: {text}" for row in ROWS for text in found.get(row, Result()).said)


_HEAD = ("failure", "how it is caused", "what must be true after", "tests and result")


def write(engine: str, reports: Iterable[str]) -> None:
    """Put an engine's table into the page."""
    begin, end = f"<!-- generated by tests/fire/run on {engine} -->\n", "\n<!-- end -->"
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(begin)
    after = after[after.index(end) :]
    PAGE.write_text(f"{before}{begin}\n{table(engine, results(reports))}\n{after}", "utf-8")


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2:])
