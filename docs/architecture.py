"""Draw docs/images/architecture.svg: the package's modules in bands, from their own imports.

::

    python docs/architecture.py           # draws it
    python docs/architecture.py --check   # draws nothing; fails if it is out of date

A module stands in the lowest band that its imports allow; those named in `BANDS` begin theirs.
What stands in a band imports from that band and from those below it, never from above.
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

# From the ground up: what a band is for, and the modules that begin it.
BANDS = (
    ("errors, types, drawing", "errors"),
    ("settings, engines, literals", "settings dialects literals sizes seeders"),
    ("masking, ledger, lock, audit", "masking guards ledger log lock audit session stream"),
    ("planning: before the first write", "plan preflight operations recorder references schema"),
    ("writing, rolling back", "writer rollback unseed performer script"),
    ("a run: online, script, masking", "backup online offline environment sanitise"),
    ("proofs, checks, new projects", "check prove scaffold pytest_plugin"),
    ("the command line; TERP's seeds", "cli terp sandbox"),
)
WIDTH, LEFT, LINE, CHARACTER = 980, 275, 26, 7.0
COLOURS = ("#f1f3f5", "#e7f5ff", "#e6fcf5", "#fff9db", "#fff4e6", "#f8f0fc", "#edf2ff", "#ffe3e3")


def parts() -> dict[str, set[str]]:
    """Each module at the top of the package, and each sub-package, with what it imports."""
    found: dict[str, set[str]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
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


def bands(imports: dict[str, set[str]]) -> list[list[str]]:
    """The parts by band; `SystemExit` if one that begins a band has to stand above it."""
    begins = {name: at for at, (_, names) in enumerate(BANDS) for name in names.split()}
    place = {name: begins.get(name, 0) for name in imports}
    for _ in imports:
        for name, named in imports.items():
            place[name] = max([place[name], *(place[each] for each in named)])
    moved = [name for name, at in begins.items() if place.get(name, at) != at]
    if moved:
        raise SystemExit(f"docs/architecture.py: BANDS has these too low: {', '.join(moved)}")
    return [sorted(n for n, at in place.items() if at == band) for band in range(len(BANDS))]


def picture() -> str:
    """The drawing."""
    drawn, top = [], 12
    for at, names in reversed(list(enumerate(bands(parts())))):
        rows = list(_rows(names))
        height = LINE * len(rows) + 16
        drawn.append(f'<rect x="12" y="{top}" width="{WIDTH - 24}" height="{height}" rx="8" ')
        drawn.append(f'fill="{COLOURS[at]}" stroke="#adb5bd"/>\n')
        drawn.append(_text(26, top + 25, BANDS[at][0], "bold"))
        for number, row in enumerate(rows):
            for x, name in row:
                drawn.append(_part(x, top + 10 + number * LINE, name))
        top += height + 8
    drawn.append(_text(26, top + 16, "A module imports from its own band and from those below it."))
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
    return CHARACTER * len(_label(name)) + 14


def _label(name: str) -> str:
    count = len(list((PACKAGE / name).rglob("*.py")))
    return f"{name}/ {count}" if count else name


def _part(x: float, y: int, name: str) -> str:
    weight = "bold" if (PACKAGE / name).is_dir() else "normal"
    box = f'<rect x="{x:g}" y="{y}" width="{_width(name):g}" height="20" rx="4" fill="#ffffff"/>\n'
    return box + _text(x + 7, y + 14, _label(name), weight)


def _text(x: float, y: int, text: str, weight: str = "normal") -> str:
    return f'<text x="{x:g}" y="{y}" font-weight="{weight}">{escape(text)}</text>\n'


if __name__ == "__main__":
    drawn_now = picture()
    if "--check" not in sys.argv[1:]:
        PICTURE.write_text(drawn_now, encoding="utf-8")
    elif PICTURE.read_text(encoding="utf-8") != drawn_now:
        raise SystemExit("docs/images/architecture.svg is out of date")
