"""How a file of rows is to be read: what ``op.seed_file`` says of it beside table and keys."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any

from terp_seed.errors import UsageError
from terp_seed.rows.batches import Origin
from terp_seed.rows.file_types import FILE_TYPES, FileType, file_type
from terp_seed.rows.model import Value

__all__ = ["FileColumn", "FileFormat", "file_format"]


@dataclass(frozen=True, slots=True)
class FileColumn:
    """One column that is taken from a file."""

    source: str
    """Its name in the file."""
    name: str
    """Its name in the table."""
    null: frozenset[str]
    """The texts of a CSV field that mean NULL."""
    type: FileType | None

    def nulls(self, texts: Sequence[str]) -> list[str | None]:
        """CSV fields, with None for NULL."""
        if self.null == {""}:
            return [text or None for text in texts]
        return [None if text in self.null else text for text in texts]

    def typed(
        self, values: Sequence[Value], numbers: Sequence[int], origin: Origin
    ) -> Sequence[Value]:
        """Values whose texts became what the column's declared type says."""
        if self.type is None:
            return values
        parse = self.type.parse
        typed: list[Value] = []
        try:
            for value in values:
                typed.append(parse(value) if isinstance(value, str) else value)
        except (ValueError, TypeError, ArithmeticError, RecursionError):
            where = origin.at(numbers[len(typed)])
            raise UsageError(f"{where}, column {self.source}: is not {self.type.form}") from None
        return typed


@dataclass(frozen=True, slots=True)
class FileFormat:
    """The parameters of a file; the defaults are those of plain CSV in UTF-8.

    ``rename``, ``omit`` and ``types`` are for every file, the others for CSV alone.
    """

    delimiter: str = ","
    quote: str = '"'
    """What fields are quoted with; empty if quotes are characters like others."""
    encoding: str = "utf-8"
    """The encoding of a file without a byte order mark."""
    decimal: str = "."
    """The decimal point of columns of the types decimal and float."""
    columns: tuple[str, ...] = ()
    """The names of the columns, if the first line is a row."""
    null: tuple[str, ...] = ()
    """Words that mean NULL, as the empty field does."""
    keep_empty: tuple[str, ...] = ()
    """The columns in which an empty field is an empty text."""
    rename: tuple[tuple[str, str], ...] = ()
    """Names in the file, and what their columns are called."""
    omit: tuple[str, ...] = ()
    """Names in the file of columns that are not taken."""
    types: tuple[tuple[str, str], ...] = ()
    """Columns whose texts are read as values of a type."""

    @property
    def csv_parameters(self) -> list[str]:
        """The parameters given that only a CSV file has."""
        return [name for name in self._given if name not in ("rename", "omit", "types")]

    def __str__(self) -> str:
        """One text for what is given, however it is spelt."""
        return "".join(f" {name}={getattr(self, name)!r}" for name in self._given)

    @property
    def _given(self) -> list[str]:
        return [f.name for f in fields(self) if getattr(self, f.name) != f.default]

    def select(self, names: Sequence[str], where: str) -> list[FileColumn]:
        """The columns to take of a file that has these; `UsageError` for one that it lacks."""
        _check_known("rename", (source for source, _ in self.rename), names, where)
        _check_known("omit", self.omit, names, where)
        renamed, types = dict(self.rename), dict(self.types)
        taken = {name: renamed.get(name, name) for name in names if name not in self.omit}
        _check_known("keep_empty", self.keep_empty, taken.values(), where)
        _check_known("types", types, taken.values(), where)
        if len(set(taken.values())) < len(taken):
            raise UsageError(f"{where}: rename: gives two columns the same name")
        words = frozenset(self.null)
        return [
            FileColumn(
                source,
                name,
                words if name in self.keep_empty else words | {""},
                file_type(types[name], self.decimal) if name in types else None,
            )
            for source, name in taken.items()
        ]


def _check_known(parameter: str, used: Iterable[str], known: Iterable[str], where: str) -> None:
    names = [*known]
    for name in used:
        if name not in names:
            raise UsageError(f"{where}: {parameter}: unknown column {name}{_near(name, names)}")


def _near(word: str, known: Sequence[str]) -> str:
    close = get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def file_format(given: Mapping[str, Any], where: str, others: Sequence[str] = ()) -> FileFormat:
    """The format that keyword parameters say; `UsageError` for one that is not usable.

    ``others`` are further names that a misspelt parameter may have meant.
    """
    known = [field.name for field in fields(FileFormat)]
    for name in given:
        if name not in known:
            near = _near(name, [*known, *others]) or f"; a file has {', '.join(known)}"
            raise UsageError(f"{where}: unknown parameter {name}{near}")
    checked = {name: _CHECKS[name](value, f"{where}: {name}") for name, value in given.items()}
    made = FileFormat(**checked)
    _check_together(made, where)
    return made


def _check_together(made: FileFormat, where: str) -> None:
    if made.delimiter == made.quote:
        raise UsageError(f"{where}: delimiter and quote must differ")
    for name, kind in made.types:
        if kind not in FILE_TYPES:
            known = ", ".join(FILE_TYPES)
            raise UsageError(f"{where}: types: {name}: unknown type {kind}; one of {known}")
    if made.decimal != "." and not {"decimal", "float"} & {kind for _, kind in made.types}:
        raise UsageError(
            f"{where}: decimal: say which columns are numbers, as "
            'types={"price": "decimal"}; other texts stay as they are'
        )


def _character(value: Any, where: str) -> str:
    if not isinstance(value, str) or len(value) != 1 or value in "\r\n\0":
        raise UsageError(f"{where}: must be one character")
    return value


def _quote(value: Any, where: str) -> str:
    return "" if value in ("", None) else _character(value, where)


def _encoding(value: Any, where: str) -> str:
    try:
        "".encode(value)
        return codecs.lookup(value).name
    except (LookupError, TypeError, ValueError):
        raise UsageError(
            f'{where}: unknown encoding; Python\'s names are valid, as "cp1252" or "utf-16"'
        ) from None


def _decimal(value: Any, where: str) -> str:
    if value not in (".", ","):
        raise UsageError(f'{where}: must be "." or ","')
    return str(value)


def _names(value: Any, where: str) -> tuple[str, ...]:
    """Texts in their order; a single one needs no list."""
    texts = (value,) if isinstance(value, str) else value
    if not isinstance(texts, Iterable) or isinstance(texts, Mapping | bytes):
        raise UsageError(f"{where}: must be a list of texts")
    listed = tuple(texts)
    if not all(isinstance(text, str) for text in listed):
        raise UsageError(f"{where}: must be a list of texts")
    return listed


def _set(value: Any, where: str) -> tuple[str, ...]:
    return tuple(sorted(set(_names(value, where))))


def _pairs(value: Any, where: str) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not all(
        isinstance(text, str) for pair in value.items() for text in pair
    ):
        raise UsageError(f"{where}: must be a dict of texts")
    return tuple(sorted(value.items()))


_CHECKS: dict[str, Callable[[Any, str], Any]] = {
    "delimiter": _character,
    "quote": _quote,
    "encoding": _encoding,
    "decimal": _decimal,
    "columns": _names,
    "null": _set,
    "keep_empty": _set,
    "rename": _pairs,
    "omit": _set,
    "types": _pairs,
}
