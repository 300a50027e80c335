"""``terp-seed init``: seeds in a project that has none, and nothing of the project touched."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from terp_seed.database.dialects import dialect_named
from terp_seed.errors import UsageError
from terp_seed.project import templates
from terp_seed.project.example_row import sample
from terp_seed.project.new_revision import write_revision
from terp_seed.project.project import Project
from terp_seed.settings.ini_file import add_section, has_section, url_of_the_application

__all__ = ["Made", "scaffold", "scaffold_terp"]

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_NO_URL = "# sqlalchemy.url = sqlite:///app.db"


@dataclass
class Made:
    """What was written, what was there already, and where the seeds will find their database."""

    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    url: bool = False
    """Whether the new section has a URL."""
    findings: str = ""
    """Lines that the masking policy needs, where the policy is the project's own."""


def scaffold(project: Project, *, folder: str = "seeds", table: str | None = None) -> Made:
    """Add a section, its environment and a first revision; no file is overwritten.

    The section goes to the end of ``alembic.ini``, which is made if it is not
    there.  With ``table`` the first revision has a row for that table, whose
    structure is read.  Raises `UsageError` if the section or another
    environment is there already, and then nothing has been written.
    """
    _refuse(project, folder)
    name, home = project.section, project.ini.parent
    made = Made()
    with _all_or_nothing(project.ini, made, name):
        _write(home, templates.generic(folder), made)
        add_section(project.ini, _section(project, folder, made))
        made.written.append(project.ini.name)
        revisions = home / _revisions(name)
        if not any(revisions.glob("*.py")):
            revisions.mkdir(exist_ok=True)
            _first_revision(project, folder, table, made)
    return made


def scaffold_terp(folder: Path) -> Made:
    """Write TERP's ``alembic.ini``, ``seeds/`` and ``seed_revisions/``; overwrites nothing.

    Raises `UsageError`, before it writes, if one of them is there.
    """
    files = dict(templates.terp())
    there = sorted({each.partition("/")[0] for each in files if (folder / each).exists()})
    if there:
        raise UsageError(
            f"{', '.join(there)}: is here already, and TERP's would go in its place; go to an "
            "empty folder"
        )
    made = Made(url=True)
    with _all_or_nothing(folder / "alembic.ini", made):
        _write(folder, files.items(), made)
    return made


def _refuse(project: Project, folder: str) -> None:
    name = project.section
    if not _NAME.fullmatch(name) or name == "alembic":
        raise UsageError(f"section {name!r}: take a name of a-z, 0-9 and _, such as seed")
    if has_section(project.ini, name):
        raise UsageError(
            f"{project.ini.name}: has a section [{name}] already, so nothing was written; "
            f"another chain takes another name: terp-seed init --section {name}_demo"
        )
    environment = project.ini.parent / folder / "env.py"
    if environment.exists() and "terp_seed" not in environment.read_text(encoding="utf-8"):
        raise UsageError(
            f"{folder}/env.py: is there and is not of terp_seed; take another folder: --folder "
            f"{folder}_data"
        )


def _section(project: Project, folder: str, made: Made) -> str:
    name = project.section
    url = url_of_the_application(project.ini)
    if url is not None:
        _refuse_engine(url)
        made.url = True
    default = "terp_seed_version" if name == "seed" else f"terp_seed_version_{name}"
    return templates.section(
        section=name,
        folder=folder,
        revisions=_revisions(name),
        version_table=default,
        url=f"sqlalchemy.url = {url}" if url else _NO_URL,
    )


def _refuse_engine(url: str) -> None:
    """`UsageError` for an engine that seeds cannot go to; a URL that cannot be read may pass."""
    try:
        backend = make_url(url.replace("%%", "%")).get_backend_name()
    except (ArgumentError, ValueError):
        return
    dialect_named(backend)


def _revisions(section: str) -> str:
    return "seed_revisions" if section == "seed" else f"{section}_revisions"


def _first_revision(project: Project, folder: str, table: str | None, made: Made) -> None:
    body = None
    if table is not None:
        found = sample(project.settings(), table)
        body = found.body
        _classify(project.ini.parent, f"{folder}/masking.toml", found.policy, made)
    name, message = ("0001_start", "Start") if body is None else ("0001_first_rows", "First rows")
    home = project.ini.parent
    path = write_revision(project.directory(), home / folder / "data", name, message, body)
    made.written.append(path.resolve().relative_to(home.resolve()).as_posix())


def _classify(home: Path, name: str, lines: str, made: Made) -> None:
    """Say in the policy what the row's columns look like, if the policy is the new one."""
    if name not in made.written:
        made.findings = lines
    elif lines:
        with (home / name).open("a", encoding="utf-8") as policy:
            policy.write(f"\n{lines}\n")


def _write(home: Path, files: Iterable[tuple[str, str]], made: Made) -> None:
    for name, text in files:
        path = home / name
        if path.exists():
            made.kept.append(name)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        made.written.append(name)


@contextmanager
def _all_or_nothing(ini: Path, made: Made, section: str = "seed") -> Iterator[None]:
    """Take everything away again if something fails: files, folders, the added section."""
    home = ini.parent
    before = ini.read_bytes() if ini.exists() else None
    folders = {each for each in home.iterdir() if each.is_dir()}
    try:
        yield
    except BaseException:
        for name in made.written:
            (home / name).unlink(missing_ok=True)
        if before is None:
            ini.unlink(missing_ok=True)
        else:
            ini.write_bytes(before)
        ours = {home / name.partition("/")[0] for name in made.written if "/" in name}
        for each in (ours | {home / _revisions(section)}) - folders:
            shutil.rmtree(each, ignore_errors=True)
        raise
