"""The files that ``terp-seed init`` writes, which are this project's own where they can be.

``env.py``, ``script.py.mako`` and all of TERP's seeds have one source, the
folders beside this package; a wheel carries them in ``terp_seed/own/``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

__all__ = ["generic", "own", "section", "terp"]

_PACKAGE = Path(str(files("terp_seed")))
_OWN = ("alembic.ini", "seeds", "seed_revisions")


def own() -> Path:
    """The folder with TERP's ``alembic.ini``, ``seeds/`` and ``seed_revisions/``."""
    packed = _PACKAGE / "own"
    return packed if packed.is_dir() else _PACKAGE.parent


def terp() -> Iterator[tuple[str, str]]:
    """Every file of TERP's seeds: its place below the project's folder, and its text."""
    for name in _OWN:
        top = own() / name
        for path in sorted(top.rglob("*") if top.is_dir() else [top]):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(own()).as_posix(), path.read_text(encoding="utf-8")


def generic(folder: str) -> Iterator[tuple[str, str]]:
    """The files of an environment that knows no tables yet, in a folder of this name."""
    for name in ("env.py", "script.py.mako"):
        yield f"{folder}/{name}", (own() / "seeds" / name).read_text(encoding="utf-8")
    for name in ("masking.toml", "sizes.toml"):
        yield f"{folder}/{name}", _template(name)
    yield f"{folder}/data/.gitkeep", ""


def section(**values: str) -> str:
    """The text of a section of ``alembic.ini``."""
    return _template("section.ini").format(**values)


def _template(name: str) -> str:
    return (_PACKAGE / "project" / "files" / name).read_text(encoding="utf-8")
