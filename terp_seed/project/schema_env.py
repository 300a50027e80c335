"""The ``env.py`` of the application's schema: does its autogenerate leave our tables alone?

``alembic revision --autogenerate`` proposes to drop the tables that the application's models do
not have, the bookkeeping tables among them.  The file is read and, on request, edited; never run.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from alembic.config import Config

__all__ = [
    "add_hook",
    "environments_without_hook",
    "find_drops",
    "schema_environments",
    "short_name",
]

_HOOK = "include_name"
_ARGUMENT = f"{_HOOK}={_HOOK}"
_LINE = f"from terp_seed import {_HOOK}"
_OURS = ("terp_seed.environment", "terp_seed.terp")  # what an env.py of this package imports
_DROP = re.compile(r"""drop_table\(\s*["'](terp_seed_\w+)""")
_NO_SOURCES = {"node_modules", "site-packages", "venv", "env", "build", "dist"}


def schema_environments(ini: Path) -> list[Path]:
    """The ``env.py`` of each section that is not terp_seed's; else Flask-Migrate's."""
    home = ini.parent
    toml = home / "pyproject.toml"
    config = Config(str(ini), toml_file=str(toml) if toml.exists() else None)
    sections = {"alembic", *config.file_config.sections()}
    located = [_located(config, section, home) for section in sorted(sections)]
    return _foreign(located) or _foreign([home / "migrations" / "env.py", home / "env.py"])


def _foreign(paths: Sequence[Path | None]) -> list[Path]:
    existing = {path for path in paths if path is not None and path.is_file()}
    return sorted(path for path in existing if not any(name in _source(path) for name in _OURS))


def _located(config: Config, section: str, home: Path) -> Path | None:
    config.config_ini_section = section
    location = config.get_alembic_option("script_location")
    if not location:
        return None
    package, colon, folder = location.partition(":")
    if colon and package.replace(".", "").isidentifier() and len(package) > 1:
        return home.joinpath(*package.split("."), folder, "env.py")  # none of an installed one
    return home / location / "env.py"


def short_name(path: Path, ini: Path) -> str:
    """A file's name for a message: from the project's folder, if it is in there."""
    path, home = path.resolve(), ini.parent.resolve()
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else str(path)


def environments_without_hook(ini: Path, *, in_use: bool = False) -> list[Path]:
    """The ``env.py`` files whose autogenerate would look at the tables of terp_seed.

    With ``in_use`` only those that have models to compare with.
    """
    found = [
        path
        for path in schema_environments(ini)
        if _lacks_hook(_source(path)) and not (in_use and _has_no_models(_source(path)))
    ]
    return [] if found and _is_named(ini.parent, found) else found


def _source(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _lacks_hook(source: str) -> bool:
    """Whether a ``context.configure`` gets no hook, or the hook knows nothing of terp_seed."""
    calls = _configurations(source)
    passed = all(_keywords(call) & {_HOOK, "include_object", None} for call in calls)
    return bool(calls) and not (passed and "terp_seed" in source)


def _has_no_models(source: str) -> bool:
    """Whether no call gets metadata, as in the file that ``alembic init`` writes."""
    given = {
        ast.unparse(keyword.value)
        for call in _configurations(source)
        for keyword in call.keywords
        if keyword.arg in (None, "target_metadata")
    }
    empty = {
        ast.unparse(target)
        for node in _nodes(source)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in ("None", "{}")
        for target in node.targets
    }
    return all(value.partition(".")[0] in {"None", *empty} for value in given)


def _nodes(source: str | bytes) -> list[ast.AST]:
    try:
        return [*ast.walk(ast.parse(source))]
    except (SyntaxError, ValueError):
        return []


def _configurations(source: str | bytes) -> list[ast.Call]:
    """The calls of ``context.configure`` that are not for a script; none if it cannot be read."""
    return [
        node
        for node in _nodes(source)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) == "context.configure"
        and "url" not in _keywords(node)
    ]


def _keywords(call: ast.Call) -> set[str | None]:
    """The names of the keyword arguments; None for ``**`` of any."""
    return {keyword.arg for keyword in call.keywords}


def _is_named(home: Path, but: list[Path]) -> bool:
    """Whether another source file of the project names the hook, and may pass it on."""
    for folder, folders, names in os.walk(home):
        folders[:] = [name for name in folders if name[0] != "." and name not in _NO_SOURCES]
        for name in names:
            path = Path(folder) / name
            if path.suffix == ".py" and path not in but:
                text = _source(path)
                if _HOOK in text and "terp_seed" in text:
                    return True
    return False


def add_hook(env: Path) -> bool:
    """Import the hook and pass it to ``context.configure``; changes no other line.

    False, and nothing is changed, if the file has a hook of that name already.
    """
    source = env.read_bytes()
    calls = _configurations(source)
    if not calls or _HOOK.encode() in source:
        return False
    newline = b"\r\n" if b"\r\n" in source else b"\n"
    lines = source.splitlines(keepends=True)
    edits = [_argument(call, lines, newline) for call in calls]
    edits.append((_end_of_imports(source), 0, _LINE.encode() + newline))
    for row, column, text in sorted(edits, reverse=True):
        line = lines[row] if row < len(lines) else b""
        lines[row : row + 1] = [line[:column] + text + line[column:]]
    env.write_bytes(b"".join(lines))
    return True


Edit = tuple[int, int, bytes]


def _argument(call: ast.Call, lines: list[bytes], newline: bytes) -> Edit:
    """Where the argument goes: in front of the first named one, on a line like it."""
    if call.keywords:
        first = call.keywords[0]
        before = lines[first.lineno - 1][: first.col_offset]
        gap = b" " if before.strip() else newline + before
        return first.lineno - 1, first.col_offset, _ARGUMENT.encode() + b"," + gap
    end, column = call.end_lineno or call.lineno, call.end_col_offset or 0
    if call.args:
        last = call.args[-1]
        return (last.end_lineno or end) - 1, last.end_col_offset or 0, f", {_ARGUMENT}".encode()
    return end - 1, column - 1, _ARGUMENT.encode()


def _end_of_imports(source: bytes) -> int:
    """The number of the line behind the imports that the file begins with."""
    end = 0
    for node in ast.parse(source).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if not isinstance(node, ast.Import | ast.ImportFrom) and not docstring:
            break
        end = node.end_lineno or end
    return end


def find_drops(env: Path) -> Iterator[tuple[Path, list[str]]]:
    """The schema's revisions beside an ``env.py`` whose upgrade drops tables of terp_seed."""
    for path in sorted((env.parent / "versions").rglob("*.py")):
        text = _source(path).partition("def downgrade")[0]
        names = _DROP.findall(text)
        if names:
            yield path, sorted(set(names))
