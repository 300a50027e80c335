"""A new seed revision: its id, the body of its ``upgrade()``, its file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from alembic.script import Script, ScriptDirectory

from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import opened
from terp_seed.errors import PlanError, UsageError
from terp_seed.masking.boundary import boundary
from terp_seed.masking.decisions import Context, Situation, decide_columns, decide_table
from terp_seed.masking.gaps import profile_of_values
from terp_seed.masking.policy_lines import TableDecisions
from terp_seed.plan.chain import ID_LENGTH, clear_load_errors
from terp_seed.project.operation_text import call, listed, python_literal
from terp_seed.rows.files import FROZEN, file_digest, read_batches
from terp_seed.rows.seeders import seeder_named
from terp_seed.settings.options import Settings

__all__ = [
    "all_or_nothing",
    "file_body",
    "propose_for_file",
    "revision_id",
    "row_body",
    "seeder_body",
    "write_revision",
]

_SAMPLES = 200  # values of a column, of each batch of a file
_ID = re.compile(r"[a-z0-9_]+")
_NUMBERED = re.compile(r"(\d+)_")


def seeder_body(name: str) -> str:
    """An ``upgrade()`` that seeds the rows of a registered seeder; `UsageError` if unknown."""
    seeder_named(name)
    return f"op.seed({python_literal(name)})"


def file_body(data: Path, path: str, table: str, key: Sequence[str]) -> str:
    """An ``upgrade()`` that seeds a CSV or JSON file, after reading it from the folder ``data``.

    Raises `UsageError` for a file that cannot be seeded or lacks a column of the natural ``key``.
    """
    columns = {name for batch in read_batches(data, path) for name in batch}
    missing = [name for name in key if name not in columns]
    if missing:
        raise UsageError(f"{path}: has no column {', '.join(missing)} to be the key")
    given = [python_literal(table), python_literal(path)]
    given += [f"key={listed(key)}"] if key else []
    given += [f'sha256="{file_digest(data, path)}"']
    return "\n        ".join(["op.seed_file(", *(f"{one}," for one in given)]) + "\n    )"


def propose_for_file(settings: Settings, path: str, table: str) -> TableDecisions:
    """Policy entries for a file's columns, and for the other columns of its table.

    The table is read if the database answers and has it; the file's values tell otherwise.
    """
    samples: dict[str, list[Any]] = {}
    rows = 0
    for batch in read_batches(settings.data, path):
        rows += max(map(len, batch.values()), default=0)
        for name, values in batch.items():
            samples.setdefault(name, []).extend(values[:_SAMPLES])
    policy = boundary(settings, "dev", {}).policy
    facts = _facts(settings, table)
    if facts is not None:
        return decide_columns(policy, facts, samples, Context(rows, given=samples))
    columns = [
        profile_of_values(name, values)
        for name, values in samples.items()
        if policy.rule(table, name) is None
    ]
    wanted = [column for column in columns if column.needs_entry]
    return decide_table(Situation(policy, table, rows, subjects=list(samples)[:1]), wanted)


def _facts(settings: Settings, table: str) -> TableFacts | None:
    with suppress(UsageError), opened(settings) as session:
        return Schema(session).table(table)
    return None


def row_body(
    table: str, row: Mapping[str, object], key: Sequence[str], integer_key: str | None
) -> str:
    """An ``upgrade()`` that seeds one row, written out in the revision."""
    options = {
        **({"key": key} if key else {}),
        **({} if integer_key == "id" else {"id": integer_key}),
    }
    return call("seed_rows", table, [python_literal(row)], options).replace("\n", "\n    ")


def revision_id(taken: Iterable[str], message: str, wanted: str | None = None) -> str:
    """The id of the chain's next revision: ``wanted``, or its next number and the message.

    Raises `UsageError` for an id that is too long for the version table, is taken, or has
    characters other than a-z, 0-9 and _.
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
        raise UsageError(f"message {message!r}: has no letters for an id; give --rev-id")
    numbers = [match[1] for revision in ids if (match := _NUMBERED.match(revision))]
    if ids and not numbers:
        return slug  # the chain does not number its revisions
    width = max(map(len, numbers), default=4)
    return f"{max(map(int, numbers), default=0) + 1:0{width}}_{slug}"


def write_revision(directory: ScriptDirectory, name: str, message: str, upgrades: str = "") -> Path:
    """Write a revision from ``script.py.mako`` after the chain's head, and load it.

    Raises `UsageError` or `PlanError`, and leaves no new file behind then.
    """
    heads = directory.get_heads()
    if len(heads) > 1:
        raise PlanError(
            f"the chain has {len(heads)} heads, {', '.join(heads)}; merge them before you "
            "add a revision"
        )
    with all_or_nothing(directory):
        made = directory.generate_revision(
            name, _plain(message), upgrades=upgrades, downgrades="", imports=""
        )
        assert isinstance(made, Script)
    return Path(made.path)


@contextmanager
def all_or_nothing(directory: ScriptDirectory) -> Iterator[None]:
    """Leave no new revision, and no file of one, behind what fails."""
    before = _files(directory)
    try:
        with clear_load_errors():
            yield
    except BaseException:
        for path in _files(directory) - before:
            path.unlink()
        raise


def _plain(message: str) -> str:
    """The message without what would end a docstring."""
    return " ".join(message.replace("\\", "/").replace('"', "'").split())


def _files(directory: ScriptDirectory) -> set[Path]:
    folders = [*map(Path, directory.version_locations or [f"{directory.dir}/versions"])]
    found = {path for folder in folders if folder.is_dir() for path in folder.rglob("*.py")}
    return found | {*Path(directory.dir).glob(f"data/{FROZEN}/*")}
