"""The files that seeded rows are made from: whoever keeps rows has to notice when one changes."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Collection, Iterable, Iterator
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from terp_seed.project.check import Chain

__all__ = ["Sources", "seed_environment"]

_INSTALLED = {"site-packages", "dist-packages"}
_PACKAGES = ("terp_seed", "Faker", "SQLAlchemy", "alembic")
_DATA = {".csv", ".json", ".jsonl", ".ndjson", ".toml", ".tsv", ".txt", ".xml", ".yaml", ".yml"}
_LONGEST = 200  # characters of a text that may name a file


class Sources:
    """The seeds folder, the revisions, alembic.ini, and the seeders with what they import.

    Imports are followed through files that are not installed: those of installed packages change
    with a release, and the releases of the packages that make rows count too.  A data file counts
    when a seeder beside or above it has its name, or that of its folder, as a text.
    """

    def __init__(self, chain: Chain) -> None:
        settings = chain.settings
        ini = settings.ini or settings.home / "alembic.ini"
        self._folders = [settings.home, *map(Path, chain.directory.version_locations)]
        makers = [*settings.seeders, *(model.partition(":")[0] for model in settings.models)]
        revisions = [Path(script.path) for script in chain.scripts]
        used = [name for path in revisions for name in _imports("", path)]
        self._files = {ini, *_modules(makers, used)}

    def stamp(self) -> tuple[object, ...]:
        """What changes with any of the files; quick, for this process only."""
        found = ((str(path), path.stat()) for path in self._found())
        return (
            *((name, stat.st_mtime_ns, stat.st_size) for name, stat in found),
            *seed_environment(),
        )

    def digest(self) -> str:
        """SHA-256 of the files' contents, which is the same in every process."""
        total = sha256(f"python {sys.version_info[:2]}".encode())
        for package in _PACKAGES:
            total.update(f"{package} {_version(package)}\n".encode())
        for path in self._found():
            content = path.read_bytes()
            total.update(f"{path} {len(content)}\n".encode())
            total.update(content)
        return total.hexdigest()

    def _found(self) -> list[Path]:
        found = {path for folder in self._folders for path in _files_in(folder)}
        return sorted(found.union(path for path in self._files if path.is_file()))


def seed_environment() -> tuple[tuple[str, str], ...]:
    """The settings that the shell has."""
    return tuple(sorted(one for one in os.environ.items() if one[0].startswith("TERP_SEED_")))


def _files_in(folder: Path) -> Iterator[Path]:
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(path, name) for name in files)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _modules(makers: Collection[str], used: Iterable[str]) -> set[Path]:
    """The files of modules and packages that make rows, and of what they and others use."""
    found: set[Path] = set()
    waiting, seen = [*makers, *used], set[str]()
    while waiting:
        name = waiting.pop()
        path = _path_of(name)
        top = name.split(".")[0]
        if name in seen or path is None or top in sys.stdlib_module_names:
            continue
        seen.add(name)
        engine = top in _PACKAGES or not _INSTALLED.isdisjoint(path.parts)
        if engine and name not in makers:
            continue
        files = [*path.parent.rglob("*.py")] if path.name == "__init__.py" else [path]
        found.update(files)
        if not engine:
            waiting += _imports(name, path)
            found.update(data for file in files for data in _data_of(file))
    return found


def _path_of(name: str) -> Path | None:
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file) if file and file.endswith(".py") else None


def _data_of(path: Path) -> Iterator[Path]:
    """The data files that a file of Python names."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        text = node.value if isinstance(node, ast.Constant) else None
        if not isinstance(text, str) or len(text) > _LONGEST or "\0" in text:
            continue
        named = path.parent / text
        if path.parent not in named.parents:
            continue
        files = named.rglob("*") if named.is_dir() else [named]
        yield from (file for file in files if file.suffix in _DATA and file.is_file())


def _imports(name: str, path: Path) -> Iterator[str]:
    """The names of modules that a file may import; some name no module."""
    parts = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = parts[: len(parts) - node.level + 1] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)
