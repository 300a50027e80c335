"""The tests of docs/under-fire.md, and the tables in it; `tests/fire/run` uses both halves.

As a pytest plugin it leaves out the tests that cover no row: a test covers the rows whose ids stand
in its docstring. As a program, `python table.py ENGINE REPORT...`, it writes the table of an engine
from the JUnit reports of its runs; what the tests counted with `tally` is added up. PostgreSQL is a
column of MariaDB's table, which can be written by itself.
"""

from __future__ import annotations

import os
import re
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent.parent / "docs" / "under-fire.md"
ROWS: dict[str, dict[str, Any]] = tomllib.loads((HERE / "rows.toml").read_text(encoding="utf-8"))
_ID = re.compile(r"\b[CU]-\d+\b")
_POSTGRESQL = re.compile("postgresql|test_pgb")


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
    counts: Counter[str] = field(default_factory=Counter)
    said: list[str] = field(default_factory=list)

    def add(self, case: ET.Element) -> None:
        """Add a test."""
        self.outcomes[outcome(case)] += 1
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
        if self.passed:
            found = str(self.outcomes.total())
        return "; ".join([found or "not run", *counted, *self.said])


def properties(case: ET.Element) -> Iterator[tuple[str, str]]:
    """What a test recorded."""
    for each in case.iter("property"):
        yield each.get("name", ""), each.get("value", "")


def outcome(case: ET.Element) -> str:
    """How a test ended."""
    ends = {"failure": "failed", "error": "failed", "skipped": "skipped"}
    return next((word for tag, word in ends.items() if case.find(tag) is not None), "passed")


def results(reports: Iterable[str], *, postgresql: bool) -> dict[str, Result]:
    """The result of each row that these reports have tests of, on PostgreSQL or elsewhere."""
    found: dict[str, Result] = defaultdict(Result)
    for report in reports:
        for case in ET.parse(report).iter("testcase"):
            if postgresql != bool(
                _POSTGRESQL.search(f"{case.get('classname')} {case.get('name')}")
            ):
                continue
            for row in dict(properties(case)).get("covers", "").split():
                found[row].add(case)
    return found


# -- the page


def settings() -> str:
    """When the tests were run, and with which numbers."""
    prefix = "TERP_SEED_TEST_FIRE_"
    asked = [
        f"{name.removeprefix(prefix).lower()} {value}"
        for name, value in sorted(os.environ.items())
        if name.startswith(prefix) and value
    ]
    return f"on {datetime.now(UTC):%Y-%m-%d} with {', '.join(asked) or 'the short form'}."


def table(reports: Sequence[str]) -> str:
    """MariaDB's table, in which SQLite's results count; PostgreSQL's are a column."""
    found = results(reports, postgresql=False)
    lines = [f"Run {settings()}", ""]
    lines += [f"| {' | '.join(_HEAD)} |", f"|{' --- |' * len(_HEAD)}"]
    said: set[str] = set()
    for row, text in ROWS.items():
        result = found.get(row, Result())
        result.said = [each for each in result.said if each not in said]
        said.update(result.said)
        cells = (f"{row}: {text['failure']}", text["cause"], text["must"], str(result), "not run")
        lines.append(f"| {' | '.join(cells)} |")
    return with_postgresql("\n".join(lines), reports)


def with_postgresql(page: str, reports: Sequence[str]) -> str:
    """The same table with PostgreSQL's column from these reports, and a line that says when."""
    found = results(reports, postgresql=True)
    lines, said = [], set[str]()
    for line in page.splitlines():
        row = line.removeprefix("| ").partition(":")[0]
        if row in ROWS:
            result = found.get(row, Result())
            result.said = [each for each in result.said if each not in said]
            said.update(result.said)
            result.counts.clear()
            cell = result if ROWS[row].get("postgresql", True) else "does not apply"
            line = f"{line.rpartition(' | ')[0]} | {cell} |"  # noqa: PLW2901
        if not line.startswith("PostgreSQL "):
            lines.append(line)
        if line.startswith("Run "):
            lines += ["", f"PostgreSQL {settings()}"] if found else []
    return re.sub("\n{3,}", "\n\n", "\n".join(lines))


def summary_table(reports: Sequence[str]) -> str:
    """The results on an engine whose rows another table explains."""
    return "\n".join([f"Run {settings()}", "", *summary(results(reports, postgresql=False))])


def summary(found: dict[str, Result]) -> Iterator[str]:
    """How many rows passed, and the others one by one; then what was measured."""
    others = [row for row in ROWS if not found.get(row, Result()).passed]
    yield f"{len(ROWS) - len(others)} of {len(ROWS)} rows passed.\n"
    yield from (f"* {row}: {found.get(row, Result())}" for row in others)
    yield from (f"* {row}: {text}" for row in ROWS for text in found.get(row, Result()).said)


_HEAD = ("failure", "how it is caused", "what must be true after", "tests passed", "PostgreSQL")


def write(engine: str, reports: Sequence[str]) -> None:
    """Put an engine's table, or PostgreSQL's column, into the page."""
    place = "mariadb" if engine == "postgresql" else engine
    begin, end = f"<!-- generated by tests/fire/run on {place} -->\n", "\n<!-- end -->"
    page = PAGE.read_text(encoding="utf-8")
    before, after = page.split(begin)
    now, after = after[: after.index(end)].strip(), after[after.index(end) :]
    if engine == "postgresql":
        now = with_postgresql(now, reports)
    else:
        now = table(reports) if engine == "mariadb" else summary_table(reports)
    PAGE.write_text(f"{before}{begin}\n{now}\n{after}", "utf-8")


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2:])
