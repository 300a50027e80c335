"""Datasets: the rows there shall be, as files in ``seeds/datasets/`` that ``datasets.toml`` names.

A dataset changes with its file; a revision that brings a table there never reads the file itself.
"""

from __future__ import annotations

import tomllib
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from terp_seed.errors import UsageError
from terp_seed.plan.fold import Key, comparable
from terp_seed.rows.files import FileFormat, file_format, kind_of_file, read_batches
from terp_seed.rows.imported import find_repeated_hashes
from terp_seed.rows.model import Lookup, Value
from terp_seed.settings.options import ENVIRONMENTS, environment_name

__all__ = ["FOLDER", "REGISTER", "Dataset", "Row", "read_datasets"]

FOLDER = "datasets"
REGISTER = "datasets.toml"
_KINDS = (".csv", ".json", ".jsonl")

Row = Mapping[str, Value]


@dataclass(frozen=True)
class Dataset:
    """One file of rows, and what ``datasets.toml`` says of it."""

    name: str
    home: Path
    """The environment's folder, ``seeds/``."""
    file: str
    """The file's name in ``seeds/datasets/``."""
    table: str
    key: tuple[str, ...]
    id: str | None = "id"
    """The table's integer key, which a run fills; None for a table without one."""
    refs: Mapping[str, str] = field(default_factory=dict)
    environments: tuple[str, ...] = tuple(name for name in ENVIRONMENTS if name != "production")
    vanished: str = "leave"
    """What becomes of a row that the file no longer has: ``delete`` or ``leave``."""
    once: tuple[str, ...] = ()
    """Columns that are written with the row and never updated."""
    strict: str | None = None
    """``row``: a cell that a person edited keeps the whole row."""
    merge: tuple[str, ...] = ()
    """JSON columns whose keys are updated one by one."""
    on_conflict: str = "stop"
    later: tuple[str, ...] = ()
    allow_delete: bool = False
    """Whether a revision may delete more than a small share of the rows."""
    form: FileFormat = field(default_factory=FileFormat)

    @property
    def place(self) -> str:
        """What the file is called in messages."""
        return f"{FOLDER}/{self.file}"

    def rows(self) -> Iterator[tuple[Key, dict[str, Value]]]:
        """The rows of the file with their keys, a few thousand in memory at a time.

        `UsageError` names the row of an empty key, a column that is missing and, after the last
        row, the rows of a repeated key.
        """
        hashes = array("q")  # eight bytes a row, where a set of keys would cost a hundred
        for key, row in self._read():
            hashes.append(hash(key))
            yield key, row
        repeated = find_repeated_hashes(hashes)  # which hashes them again
        if repeated:
            self._refuse_repeated(repeated)

    def key_of(self, row: Row) -> Key:
        """The natural key of a row, as keys compare."""
        return tuple(comparable(self.plain(name, row[name])) for name in self.key)

    def plain(self, column: str, value: Value) -> Value:
        """The value that a file has in a column, for a reference that a chain looked up."""
        if not isinstance(value, Lookup) or column not in self.refs or len(value.where) > 1:
            return value
        ((name, wanted),) = value.where
        return wanted if f"{value.table}.{name}" == self.refs[column] else value

    def _check_columns(self, columns: Sequence[str]) -> None:
        named = {
            "key": self.key,
            "refs": self.refs,
            "once": self.once,
            "merge": self.merge,
            "later": self.later,
        }
        for setting, names in named.items():
            for name in names:
                if name not in columns:
                    raise UsageError(
                        f"{self.place}: has no column {name}, which {setting} in {REGISTER} names"
                        f"{_near(name, columns)}"
                    )

    def _read(self) -> Iterator[tuple[Key, dict[str, Value]]]:
        number = 0
        for batch in read_batches(self.home / FOLDER, self.file, self.form):
            if not number:
                self._check_columns(list(batch))
            for cells in zip(*batch.values(), strict=True):
                number += 1
                row = dict(zip(batch, cells, strict=True))
                empty = [name for name in self.key if row[name] is None]
                if empty:
                    raise UsageError(
                        f"{self.place}, row {number}: key column {', '.join(empty)} is empty; "
                        "every row needs a key"
                    )
                yield self.key_of(row), row

    def _refuse_repeated(self, hashes: Collection[int]) -> None:
        seen: dict[Key, int] = {}
        for number, (key, _) in enumerate(self._read(), start=1):
            if hash(hash(key)) in hashes and seen.setdefault(key, number) != number:
                raise UsageError(
                    f"{self.place}, row {number}: has the same key ({', '.join(self.key)}) as row "
                    f"{seen[key]}; keep one of them"
                )


def read_datasets(home: Path) -> list[Dataset]:
    """The datasets of an environment's folder in the order of ``datasets.toml``; none without one.

    `UsageError` for a setting that is not usable, an entry without a file, a file without an entry.
    """
    found = [_dataset(home, name, entry) for name, entry in _entries(home / REGISTER).items()]
    known = {dataset.file for dataset in found}
    for name in _files(home):
        if name not in known:
            stem = name.partition(".")[0]
            raise UsageError(
                f"{FOLDER}/{name}: has no entry in {REGISTER}; add one, as [{stem}] with table = "
                '"..." and key = ["..."]'
            )
    return found


def _entries(path: Path) -> Mapping[str, Mapping[str, Any]]:
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path.name}: cannot be read: {error}") from None
    for name, entry in entries.items():
        if not isinstance(entry, dict):
            raise UsageError(f"{path.name}: {name!r} must be a table, as [{name}]")
    return entries


def _files(home: Path) -> list[str]:
    folder = home / FOLDER
    if not folder.is_dir():
        return []
    return sorted(path.name for path in folder.iterdir() if kind_of_file(path.name) in _KINDS)


def _dataset(home: Path, name: str, entry: Mapping[str, Any]) -> Dataset:
    where = f"{REGISTER}, [{name}]"
    formats = [option.name for option in fields(FileFormat)]
    for setting in entry:
        if setting not in _SETTINGS and setting not in formats:
            known = [*_SETTINGS, *formats]
            near = _near(setting, known) or f"; known: {', '.join(known)}"
            raise UsageError(f"{where}: unknown setting {setting}{near}")
    for setting in ("table", "key"):
        if setting not in entry:
            raise UsageError(f"{where}: has no {setting}")
    given = {
        setting: check(entry[setting], f"{where}: {setting}")
        for setting, check in _SETTINGS.items()
        if setting in entry
    }
    form = {setting: value for setting, value in entry.items() if setting in formats}
    dataset = Dataset(name, home, _file(home, name), form=file_format(form, where), **given)
    _check_together(dataset, where)
    return dataset


def _file(home: Path, name: str) -> str:
    files = [file for file in _files(home) if file.partition(".")[0] == name]
    if not files:
        raise UsageError(
            f"{REGISTER}, [{name}]: has no file; add {FOLDER}/{name}.csv, .json or .jsonl"
        )
    if len(files) > 1:
        raise UsageError(f"{REGISTER}, [{name}]: has {len(files)} files: {', '.join(files)}")
    return files[0]


def _check_together(dataset: Dataset, where: str) -> None:
    wrong = [name for name in dataset.once if name in dataset.key]
    if wrong:
        raise UsageError(
            f"{where}: once: {', '.join(wrong)} is in the key, which never changes; leave it out"
        )
    wrong = [name for name in dataset.later if name not in dataset.refs or name in dataset.key]
    if wrong:
        raise UsageError(
            f"{where}: later: {', '.join(wrong)} must be a column of refs, other than the key"
        )


def _near(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _text(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise UsageError(f"{where}: must be a text")
    return value


def _columns(value: Any, where: str) -> tuple[str, ...]:
    listed = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    if not listed:
        raise UsageError(f'{where}: must be a list of columns, as ["name"]')
    return tuple(value)


def _key(value: Any, where: str) -> tuple[str, ...]:
    columns = _columns(value, where)
    if not columns or len(set(columns)) < len(columns):
        raise UsageError(f'{where}: must name each column of the key once, as ["name"]')
    return columns


def _integer_key(value: Any, where: str) -> str | None:
    return None if value is False else _text(value, f"{where} (false for a table without one)")


def _refs(value: Any, where: str) -> Mapping[str, str]:
    usable = isinstance(value, dict) and all(
        isinstance(target, str) and all(target.rpartition(".")[::2]) for target in value.values()
    )
    if not usable:
        raise UsageError(
            f'{where}: must map columns to "table.column", as {{ brandId = "brands.name" }}'
        )
    return cast("Mapping[str, str]", value)


def _environments(value: Any, where: str) -> tuple[str, ...]:
    try:
        names = {environment_name(name) for name in _columns(value, where)}
    except UsageError as error:
        raise UsageError(f"{where}: {str(error).removeprefix('env: ')}") from None
    if not names:
        raise UsageError(f'{where}: must name an environment, as ["dev", "staging"]')
    return tuple(name for name in ENVIRONMENTS if name in names)


def _one_of(*choices: str) -> Callable[[Any, str], str]:
    def check(value: Any, where: str) -> str:
        if value not in choices:
            raise UsageError(f"{where}: must be {' or '.join(map(repr, choices))}")
        return str(value)

    return check


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise UsageError(f"{where}: must be true or false")
    return value


_SETTINGS: dict[str, Callable[[Any, str], Any]] = {
    "table": _text,
    "key": _key,
    "id": _integer_key,
    "refs": _refs,
    "environments": _environments,
    "vanished": _one_of("delete", "leave"),
    "once": _columns,
    "strict": _one_of("row"),
    "merge": _columns,
    "on_conflict": _one_of("stop", "skip", "update"),
    "later": _columns,
    "allow_delete": _flag,
}
