"""A new seed revision: its id, its body, its file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from alembic.script import Script, ScriptDirectory

from terp_seed.errors import PlanError, UsageError
from terp_seed.plan.revisions import ID_LENGTH, clear_load_errors
from terp_seed.rows.files import read_rows
from terp_seed.rows.seeders import seeder_named

__all__ = ["Body", "FromFile", "FromRows", "FromSeeder", "revision_id", "write_revision"]

_ID = re.compile(r"[a-z0-9_]+")
_NUMBERED = re.compile(r"(\d+)_")


class Body(Protocol):
    """What a revision does when it goes up."""

    def lines(self, data: Path) -> str:
        """The body of ``upgrade()``; `UsageError` for what could not run.

        ``data`` is the folder that ``op.seed_file`` reads from.
        """


class FromSeeder:
    """The rows of a registered seeder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def lines(self, data: Path) -> str:
        seeder_named(self.name)
        return f"op.seed({_literal(self.name)})"


class FromFile:
    """The rows of a CSV or JSON file for one table, known by a natural key."""

    def __init__(self, path: str, table: str, key: Sequence[str]) -> None:
        self.path = path
        self.table = table
        self.key = key

    def lines(self, data: Path) -> str:
        rows = read_rows(data, self.path)
        missing = [name for name in self.key if any(name not in row for row in rows)]
        if missing:
            raise UsageError(f"{self.path}: has no column {', '.join(missing)} to be the key")
        key = f", key={_listed(self.key)}" if self.key else ""
        return f"op.seed_file({_literal(self.table)}, {_literal(self.path)}{key})"


class FromRows:
    """Rows that stand in the revision."""

    def __init__(
        self, table: str, rows: Sequence[Mapping[str, object]], key: Sequence[str], id_: str | None
    ) -> None:
        self.table = table
        self.rows = rows
        self.key = key
        self.id = id_

    def lines(self, data: Path) -> str:
        options = [f"key={_listed(self.key)}"] if self.key else []
        options += [] if self.id == "id" else [f"id={_literal(self.id)}"]
        rows = "".join(
            "            {"
            + ", ".join(f"{_literal(k)}: {_literal(v)}" for k, v in row.items())
            + "},\n"
            for row in self.rows
        )
        more = "".join(f"        {option},\n" for option in options)
        table = _literal(self.table)
        return f"op.seed_rows(\n        {table},\n        [\n{rows}        ],\n{more}    )"


def revision_id(taken: Iterable[str], message: str, wanted: str | None = None) -> str:
    """The id of the chain's next revision: its next number, and the message in few letters.

    Raises `UsageError` if that is longer than the version table holds, is
    taken, or has other characters than a-z, 0-9 and _.
    """
    ids = list(taken)
    name = _numbered(ids, message) if wanted is None else wanted
    if not _ID.fullmatch(name):
        raise UsageError(
            f"revision id {name!r}: only a-z, 0-9 and _ are safe; give another --rev-id"
        )
    if len(name) > ID_LENGTH:
        raise UsageError(
            f"revision id {name!r}: has {len(name)} characters, the version table holds "
            f"{ID_LENGTH}; shorten the message, or give --rev-id"
        )
    if name in ids:
        raise UsageError(f"revision id {name!r}: is taken; give another --rev-id")
    return name


def _numbered(ids: Sequence[str], message: str) -> str:
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")
    if not slug:
        raise UsageError(f"message {message!r}: has no letter that an id can have; give --rev-id")
    found = [match[1] for each in ids if (match := _NUMBERED.match(each))]
    if ids and not found:
        return slug  # the chain does not number its revisions
    width = max(map(len, found), default=4)
    return f"{max(map(int, found), default=0) + 1:0{width}}_{slug}"


def write_revision(
    directory: ScriptDirectory, data: Path, name: str, message: str, body: Body | None = None
) -> Path:
    """Write the file from ``script.py.mako``, after the chain's one head, and load it.

    Raises `UsageError` or `PlanError`, and then no new file is left.
    """
    heads = directory.get_heads()
    if len(heads) > 1:
        raise PlanError(
            f"the chain has {len(heads)} heads, {', '.join(heads)}; make it one line again before "
            "you add to it"
        )
    upgrades = body.lines(data) if body is not None else ""
    before = _files(directory)
    try:
        with clear_load_errors():
            made = directory.generate_revision(
                name, _plain(message), upgrades=upgrades, downgrades="", imports=""
            )
        assert isinstance(made, Script)
    except BaseException:
        for path in _files(directory) - before:
            path.unlink()
        raise
    return Path(made.path)


def _plain(message: str) -> str:
    """The message as it may stand in a docstring."""
    return " ".join(message.replace("\\", "/").replace('"', "'").split())


def _files(directory: ScriptDirectory) -> set[Path]:
    folders = map(Path, directory.version_locations or [f"{directory.dir}/versions"])
    return {path for folder in folders if folder.is_dir() for path in folder.rglob("*.py")}


def _literal(value: object) -> str:
    """A Python literal; a text in double quotes."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _listed(names: Sequence[str]) -> str:
    return f"[{', '.join(map(_literal, names))}]"
