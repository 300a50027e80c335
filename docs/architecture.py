"""Draw docs/images/architecture.svg: the package's modules in bands, from their own imports.

::

    python docs/architecture.py           # draws it
    python docs/architecture.py --check   # draws nothing; fails if it is out of date

A band is a room, from the ground up. A room imports from itself and from rooms below it, never from
above; tests/test_rooms.py names the rooms that each may use.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

DOCS = Path(__file__).resolve().parent
PACKAGE = DOCS.parent / "terp_seed"
PICTURE = DOCS / "images" / "architecture.svg"

# From the ground up.
ROOMS = (
    *("errors", "settings", "rows", "database", "masking", "ledger", "plan", "run"),
    *("mask_database", "project", "slice", "testing", "environment", "cli", "terp"),
)
WIDTH, LEFT, LINE, CHARACTER = 980, 150, 26, 7.0
COLOURS = ("#f1f3f5", "#e7f5ff", "#e6fcf5", "#fff9db", "#fff4e6", "#f8f0fc", "#edf2ff", "#ffe3e3")


def parts() -> dict[str, set[str]]:
    """Each module at the top of the package, and each sub-package, with what it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name == "files":
            continue  # what `terp-seed init` writes
        name = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if name != "__init__":
            found.setdefault(name, set()).update(_imports(path))
    return {name: (named & found.keys()) - {name} for name, named in found.items()}


def _imports(path: Path) -> Iterator[str]:
    """The first names below the package that a file imports, lazily or not."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (_below(alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield _below(node.module)
            if node.module == PACKAGE.name:
                yield from (alias.name for alias in node.names)


def _below(name: str) -> str:
    return name.removeprefix(f"{PACKAGE.name}.").split(".")[0] if "." in name else ""


def names_in(room: str) -> list[str]:
    """The modules of a room, and its folders; a room that is one file has none."""
    return sorted(
        path.stem
        for path in (PACKAGE / room).glob("*")
        if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
    )


def refuse_imports_from_above() -> None:
    """`SystemExit` if a room uses one that is drawn above it."""
    for room, used in parts().items():
        above = [name for name in used if ROOMS.index(name) > ROOMS.index(room)]
        if above:
            raise SystemExit(f"docs/architecture.py: {room} imports from above: {above}")


def picture() -> str:
    """The drawing."""
    refuse_imports_from_above()
    drawn, top = [], 12
    for at, room in reversed(list(enumerate(ROOMS))):
        rows = list(_rows(names_in(room)))
        height = LINE * len(rows) + 16
        drawn.append(f'<rect x="12" y="{top}" width="{WIDTH - 24}" height="{height}" rx="8" ')
        drawn.append(f'fill="{COLOURS[at % len(COLOURS)]}" stroke="#adb5bd"/>\n')
        drawn.append(_text(26, top + 25, room, "bold"))
        for number, row in enumerate(rows):
            for x, name in row:
                drawn.append(_part(x, top + 10 + number * LINE, room, name))
        top += height + 8
    drawn.append(_text(26, top + 16, "A room imports from itself and from rooms below it."))
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top + 28}" '
    style = 'font-family="ui-monospace, \'DejaVu Sans Mono\', monospace" font-size="12">\n'
    ground = f'<rect width="{WIDTH}" height="{top + 28}" fill="#ffffff"/>\n'
    return f"{head}{style}{ground}{''.join(drawn)}</svg>\n"


def _rows(names: Iterable[str]) -> Iterator[list[tuple[float, str]]]:
    """The names in lines that fit, each with its place."""
    row: list[tuple[float, str]] = []
    x = float(LEFT)
    for name in names:
        if x + _width(name) > WIDTH - 24:
            yield row
            row, x = [], float(LEFT)
        row.append((x, name))
        x += _width(name) + 6
    yield row


def _width(name: str) -> float:
    return CHARACTER * len(name) + 14


def _part(x: float, y: int, room: str, name: str) -> str:
    weight = "bold" if (PACKAGE / room / name).is_dir() else "normal"
    box = f'<rect x="{x:g}" y="{y}" width="{_width(name):g}" height="20" rx="4" fill="#ffffff"/>\n'
    return box + _text(x + 7, y + 14, name, weight)


def _text(x: float, y: int, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:g}" y="{y}" font-weight="{weight}">{escape(text)}</text>\n'


if __name__ == "__main__":
    drawn_now = picture()
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(drawn_now, encoding="utf-8")
    elif PICTURE.read_text(encoding="utf-8") != drawn_now:
        raise SystemExit("docs/images/architecture.svg is out of date")
