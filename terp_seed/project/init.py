"""``terp-seed init``: add seeds to a project without changing what it has.

``env.py``, ``script.py.mako`` and all of TERP's seeds have one source: the folders beside this
package, which a wheel carries in ``terp_seed/own/``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from terp_seed.database.dialects import dialect_named
from terp_seed.errors import UsageError
from terp_seed.project.example_row import example_row
from terp_seed.project.new_revision import write_revision
from terp_seed.project.project import Project
from terp_seed.settings.ini_file import add_section, application_url, has_section

__all__ = ["Scaffold", "generic_files", "scaffold", "scaffold_terp", "section_text"]

_PACKAGE = Path(str(files("terp_seed")))
_TERP = ("alembic.ini", "seeds", "seed_revisions")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NO_URL = "# sqlalchemy.url = sqlite:///app.db"


@dataclass
class Scaffold:
    """What ``init`` did."""

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Files that were there already."""
    url: bool = False
    """Whether the new section has a URL."""
    findings: str = ""
    """Lines to add to the masking policy, if the project already has a policy."""


def scaffold(project: Project, *, folder: str = "seeds", table: str | None = None) -> Scaffold:
    """Add a section to ``alembic.ini``, its environment and a first revision; overwrites no file.

    Creates ``alembic.ini`` if there is none.  With ``table`` the first revision seeds one row of
    that table, whose structure is read from the database.  Raises `UsageError`, and writes nothing,
    if the section or another environment exists already.
    """
    _refuse_existing(project, folder)
    name, home = project.section, project.ini.parent
    made = Scaffold()
    with _all_or_nothing(project.ini, made, name):
        _write(home, generic_files(folder), made)
        add_section(project.ini, _section(project, folder, made))
        made.written.append(project.ini.name)
        revisions = home / _revisions(name)
        if not any(revisions.glob("*.py")):
            revisions.mkdir(exist_ok=True)
            _write_first_revision(project, folder, table, made)
    return made


def scaffold_terp(folder: Path) -> Scaffold:
    """Write TERP's ``alembic.ini``, ``seeds/`` and ``seed_revisions/``; overwrites nothing.

    Raises `UsageError`, before it writes, if one of them exists already.
    """
    terp_files = dict(_terp_files())
    existing = sorted({name.partition("/")[0] for name in terp_files if (folder / name).exists()})
    if existing:
        raise UsageError(
            f"{', '.join(existing)}: exists already and would be overwritten; go to an empty folder"
        )
    made = Scaffold(url=True)
    with _all_or_nothing(folder / "alembic.ini", made):
        _write(folder, terp_files.items(), made)
    return made


def generic_files(folder: str) -> Iterator[tuple[str, str]]:
    """The files of an environment without tables, in a folder of this name, and their texts."""
    for name in ("env.py", "script.py.mako"):
        yield f"{folder}/{name}", (_source() / "seeds" / name).read_text(encoding="utf-8")
    for name in ("masking.toml", "sizes.toml"):
        yield f"{folder}/{name}", _template(name)
    yield f"{folder}/data/.gitkeep", ""


def section_text(**values: str) -> str:
    """The text of a section of ``alembic.ini``."""
    return _template("section.ini").format(**values)


def _terp_files() -> Iterator[tuple[str, str]]:
    for name in _TERP:
        top = _source() / name
        for path in sorted(top.rglob("*") if top.is_dir() else [top]):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(_source()).as_posix(), path.read_text(encoding="utf-8")


def _source() -> Path:
    """The folder with TERP's ``alembic.ini``, ``seeds/`` and ``seed_revisions/``."""
    packed = _PACKAGE / "own"
    return packed if packed.is_dir() else _PACKAGE.parent


def _template(name: str) -> str:
    return (_PACKAGE / "project" / "files" / name).read_text(encoding="utf-8")


def _refuse_existing(project: Project, folder: str) -> None:
    name = project.section
    if not _NAME.fullmatch(name) or name == "alembic":
        raise UsageError(f"section {name!r}: use a name of a-z, 0-9 and _, such as seed")
    if has_section(project.ini, name):
        raise UsageError(
            f"{project.ini.name}: has a section [{name}] already, so nothing was written; "
            f"to add another chain, use another name: terp-seed init --section {name}_demo"
        )
    environment = project.ini.parent / folder / "env.py"
    if environment.exists() and "terp_seed" not in environment.read_text(encoding="utf-8"):
        raise UsageError(
            f"{folder}/env.py: exists already and does not belong to terp_seed; use another "
            f"folder: --folder {folder}_data"
        )


def _section(project: Project, folder: str, made: Scaffold) -> str:
    name = project.section
    url = application_url(project.ini)
    if url is not None:
        _refuse_engine(url)
        made.url = True
    return section_text(
        section=name,
        folder=folder,
        revisions=_revisions(name),
        version_table="terp_seed_version" if name == "seed" else f"terp_seed_version_{name}",
        url=f"sqlalchemy.url = {url}" if url else _NO_URL,
    )


def _refuse_engine(url: str) -> None:
    """Raise `UsageError` for an unsupported engine; a URL that cannot be parsed passes."""
    try:
        backend = make_url(url.replace("%%", "%")).get_backend_name()
    except (ArgumentError, ValueError):
        return
    dialect_named(backend)


def _revisions(section: str) -> str:
    return "seed_revisions" if section == "seed" else f"{section}_revisions"


def _write_first_revision(project: Project, folder: str, table: str | None, made: Scaffold) -> None:
    name, message, body = "0001_start", "Start", ""
    if table is not None:
        name, message = "0001_first_rows", "First rows"
        body, policy = example_row(project.settings(), table)
        _classify(project.ini.parent, f"{folder}/masking.toml", policy, made)
    path = write_revision(project.directory(), name, message, body)
    made.written.append(path.resolve().relative_to(project.ini.parent.resolve()).as_posix())


def _classify(home: Path, name: str, lines: str, made: Scaffold) -> None:
    """Add lines to the masking policy if it is new, else hand them back."""
    if name not in made.written:
        made.findings = lines
    elif lines:
        with (home / name).open("a", encoding="utf-8") as policy:
            policy.write(f"\n{lines}\n")


def _write(home: Path, texts: Iterable[tuple[str, str]], made: Scaffold) -> None:
    for name, text in texts:
        path = home / name
        if path.exists():
            made.kept.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        made.written.append(name)


@contextmanager
def _all_or_nothing(ini: Path, made: Scaffold, section: str = "seed") -> Iterator[None]:
    """Undo everything if something fails: files, folders, the added section."""
    home = ini.parent
    before = ini.read_bytes() if ini.exists() else None
    folders = {path for path in home.iterdir() if path.is_dir()}
    try:
        yield
    except BaseException:
        for name in made.written:
            (home / name).unlink(missing_ok=True)
        if before is None:
            ini.unlink(missing_ok=True)
        else:
            ini.write_bytes(before)
        used = {home / name.partition("/")[0] for name in made.written if "/" in name}
        for path in (used | {home / _revisions(section)}) - folders:
            shutil.rmtree(path, ignore_errors=True)
        raise
