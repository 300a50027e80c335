"""What becomes of values, by column type, source and engine: what the tests have measured."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from parts.markdown import rows_of

RESULTS = Path(__file__).parent / "types_found"
ENGINES = {"sqlite": "SQLite", "mariadb": "MariaDB", "mysql": "MySQL", "postgresql": "PostgreSQL"}
SOURCES = ("csv", "json", "python")


def types() -> str:
    """Every value that was tried; a line that MariaDB and MySQL share is one."""
    lines: dict[tuple[str, ...], list[str]] = {}
    for name, engine in ENGINES.items():
        for line in _lines(name):
            family = "mysql" if name == "mariadb" else name
            lines.setdefault((family, *line), []).append(engine)
    header = ["engine", "type", "CSV", "JSON", "Python"]
    return rows_of(header, *([", ".join(on), *line] for (_, *line), on in lines.items()))


def _lines(engine: str) -> Iterator[tuple[str, ...]]:
    for line in json.loads((RESULTS / f"{engine}.json").read_text(encoding="utf-8")):
        kind, _, declared = line["type"].partition(", declared ")
        name = f"`{kind}`" + (f', `types={{"v": "{declared}"}}`' if declared else "")
        yield (name, *(_outcome(line.get(source, "")) for source in SOURCES))


def _outcome(text: str) -> str:
    """``GIVEN: exact``, ``GIVEN: normalised to STORED`` or ``GIVEN: refused (WHY)``."""
    given, _, became = text.replace("|", r"\|").rpartition("`: ")
    kind, _, detail = became.partition(": ")
    if kind == "normalised":
        return f"{given}`: normalised to `{detail}`"
    if kind == "refused":
        return f"{given}`: refused ({detail})"
    return f"{given}`: {kind}" if given else ""
