"""``terp-seed init``: add seeds to a project without changing what it has.

The files of a new environment are in ``files/``.  The first revision can seed an example row of one
of the project's tables.

TERP's seeds have one source: the folders beside this package, which a wheel carries in
``terp_seed/own/``.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator
from configparser import Error, RawConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from terp_seed.database.dialects import dialect_named
from terp_seed.database.schema import ColumnFacts, Schema, TableFacts
from terp_seed.database.session import opened
from terp_seed.errors import UsageError
from terp_seed.masking.boundary import boundary
from terp_seed.masking.decisions import Context, decide_columns
from terp_seed.masking.policy_lines import TableDecisions, add_decisions
from terp_seed.project.new_revision import row_body, write_revision
from terp_seed.project.project import Project
from terp_seed.settings.options import Settings

__all__ = ["Scaffold", "generic_files", "has_section", "scaffold", "scaffold_terp", "section_text"]

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
    server: bool = False
    """Whether it leads to a server, whose database has to be stamped."""
    findings: str = ""
    """The command that adds entries to the masking policy, if the project already has a policy."""
    books: str = ""
    """A name for the schema of the bookkeeping, if the configured engine has schemas."""


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
        _add_section(project.ini, _section(project, folder, made))
        made.written.append(project.ini.name)
        revisions = home / _revisions(name)
        if not any(revisions.glob("*.py")):
            revisions.mkdir(exist_ok=True)
            _write_first_revision(project, folder, table, made)
    return made


def scaffold_terp(folder: Path) -> Scaffold:
    """Write TERP's ``alembic.ini``, ``seeds/`` and ``seed_revisions/``; overwrites nothing.

    Raises `UsageError`, before it writes, if one of them exists already, or if TERP's seeds are
    not part of this installation.
    """
    terp_files = dict(_terp_files())
    if not terp_files:
        raise UsageError("--terp: this installation of terp_seed comes without TERP's seeds")
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
    for name in ("env.py", "script.py.mako", "masking.toml", "sizes.toml"):
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
    url = _application_url(project.ini)
    if url is not None:
        made.books = _books_name(url)
        made.url, made.server = True, _is_server(url)
    return section_text(
        section=name,
        folder=folder,
        revisions=_revisions(name),
        version_table="terp_seed_version" if name == "seed" else f"terp_seed_version_{name}",
        url=f"sqlalchemy.url = {url}" if url else _NO_URL,
        books=made.books or "app_books",
    )


def _books_name(url: str) -> str:
    """A name for the schema of the bookkeeping, empty on an engine without schemas.

    Raises `UsageError` for an unsupported engine; a URL that cannot be parsed passes.
    """
    try:
        parsed = make_url(url.replace("%%", "%"))
    except (ArgumentError, ValueError):
        return ""
    dialect = dialect_named(parsed.get_backend_name())
    return f"{parsed.database or 'app'}_books" if dialect.schemas else ""


def _is_server(url: str) -> bool:
    """Whether a URL leads to a server; a URL that cannot be parsed does not.

    Raises `UsageError` for an unsupported engine.
    """
    try:
        parsed = make_url(url.replace("%%", "%"))
    except (ArgumentError, ValueError):
        return False
    return not dialect_named(parsed.get_backend_name()).embedded


def _revisions(section: str) -> str:
    return "seed_revisions" if section == "seed" else f"{section}_revisions"


def _write_first_revision(project: Project, folder: str, table: str | None, made: Scaffold) -> None:
    name, message, body = "0001_start", "Start", ""
    if table is not None:
        name, message = "0001_first_rows", "First rows"
        body, proposal = _example_row(project.settings(), table)
        _classify(project.ini.parent, f"{folder}/masking.toml", proposal, made)
    path = write_revision(project.directory(), name, message, body)
    made.written.append(path.resolve().relative_to(project.ini.parent.resolve()).as_posix())


def _classify(home: Path, name: str, proposal: TableDecisions, made: Scaffold) -> None:
    """Add entries to the masking policy if it is new, else say which command does."""
    if name in made.written:
        add_decisions(home / name, [proposal])
    elif proposal.decisions:
        made.findings = f"terp-seed mask --init --table {proposal.table}"


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


def _example_row(settings: Settings, name: str) -> tuple[str, TableDecisions]:
    """The ``upgrade()`` that seeds one row of a table, and the entries its masking policy needs.

    The row has a value for each column that must have one.  Reads the table's structure, writes
    nothing.  Raises `UsageError` for a table that does not exist or needs rows of another table.
    """
    with opened(settings) as session:
        facts = Schema(session).table(name)
        if facts is None:
            raise UsageError(f"table {name}: {settings.url.database!r} has no such table")
        columns = _needed_columns(facts)
        for reference in facts.references:
            if reference.column in {column.name for column in columns}:
                raise UsageError(
                    f"table {name}: needs a row of {reference.target_table} first (column "
                    f"{reference.column}); begin with a table that needs no other"
                )
    row = {column.name: _value(column) for column in columns}
    key = next((unique for unique in facts.uniques if set(unique) <= set(row)), tuple(row))
    samples: dict[str, list[Any]] = {name: [value] for name, value in row.items()}
    proposal = decide_columns(
        boundary(settings, "dev", {}).policy, facts, samples, Context(rows=1, given=row)
    )
    return row_body(name, row, key, facts.integer_key), proposal


def _needed_columns(facts: TableFacts) -> list[ColumnFacts]:
    """The columns that must have a value; if none must, the first that may."""
    free = [
        column
        for column in facts.columns.values()
        if not column.computed and column.name != facts.integer_key
    ]
    required = [column for column in free if not column.nullable and not column.filled]
    texts = [column for column in free if isinstance(column.type, sa.String)]
    columns = required or (texts or free)[:1]
    if not columns:
        raise UsageError(f"table {facts.name}: has no column that a seed could fill")
    return columns


_VALUES: tuple[tuple[type[sa.types.TypeEngine[Any]], object], ...]
_VALUES = (
    (sa.Boolean, True),
    (sa.JSON, {}),
    (sa.Uuid, "00000000-0000-4000-8000-000000000001"),
    (sa.ARRAY, "{}"),
    (sa.DateTime, "2026-01-01 00:00:00"),
    (sa.Date, "2026-01-01"),
    (sa.Time, "00:00:00"),
    (sa.Integer, 1),
    (sa.Numeric, 1),
    (sa.Float, 1),  # no Numeric in SQLAlchemy 2.1
)


def _value(column: ColumnFacts) -> object:
    """A value that fits the column's type."""
    if column.choices:
        return min(column.choices)
    for kind, value in _VALUES:
        if isinstance(column.type, kind):
            return value
    if isinstance(column.type, sa.LargeBinary):
        return b"seed"
    return f"Seed {column.name.replace('_', ' ')}"[: column.length or None]


_PLACEHOLDER = "driver://user:pass@localhost/dbname"  # what `alembic init` writes
_DRIVER = re.compile(r"^(\w+)\+\w+:")


def has_section(ini: Path, name: str) -> bool:
    """Whether the file exists and has the section."""
    return _parsed(ini).has_section(name)


def _application_url(ini: Path) -> str | None:
    """The URL in ``[alembic]``, unexpanded, with the driver of terp_seed.

    None if there is none, or if it refers to other keys of its section.
    """
    text = _parsed(ini).get("alembic", "sqlalchemy.url", fallback="").strip()
    if not text or text == _PLACEHOLDER or "%(" in text.replace("%(here)s", ""):
        return None
    return _DRIVER.sub(r"\1:", text)


def _add_section(ini: Path, text: str) -> None:
    """Append text to the file, with its line endings; changes nothing before it."""
    before = ini.read_bytes() if ini.exists() else b""
    newline = b"\r\n" if b"\r\n" in before else b"\n"
    gap = b"" if not before else newline if before.endswith(b"\n") else newline * 2
    ini.write_bytes(before + gap + text.encode().replace(b"\n", newline))


def _parsed(ini: Path) -> RawConfigParser:
    parser = RawConfigParser()
    if ini.exists():
        try:
            parser.read_string(ini.read_text(encoding="utf-8"))
        except (Error, UnicodeDecodeError) as error:
            reason = str(error).splitlines()[0]
            raise UsageError(f"{ini.name}: cannot be read: {reason}") from None
    return parser
