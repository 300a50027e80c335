"""Files of rows: CSV, JSON and JSON Lines, packed with gzip or not."""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import re
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from hashlib import sha256
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from terp_seed.errors import UsageError
from terp_seed.rows.file_types import FILE_TYPES, FileType, file_type, parse_json
from terp_seed.rows.imported import BATCH_ROWS, Batch, Origin, row_batches
from terp_seed.rows.model import Json, Value

__all__ = [
    "FROZEN",
    "FileColumn",
    "FileFormat",
    "csv_batches",
    "file_digest",
    "file_format",
    "find_file",
    "frozen_name",
    "json_batches",
    "json_line_batches",
    "kind_of_file",
    "open_file",
    "open_lines",
    "read_batches",
    "refuse_other_content",
]

_PIECE = 1 << 20
_PACKED = ".gz"
_MARKS = {  # the longer ones first: the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def kind_of_file(name: str) -> str:
    """How a file's name ends, without a ``.gz``: ``.csv``."""
    return Path(name.removesuffix(_PACKED)).suffix


@contextmanager
def open_lines(path: Path, name: str, encoding: str) -> Iterator[Iterator[str]]:
    """The lines of a file with their ends, unpacked and decoded.

    A byte order mark outranks ``encoding``.  Whatever is wrong with the file is a `UsageError`.
    """
    try:
        with _open(path) as content:
            used = _marked(content) or encoding
            with TextIOWrapper(content, used, newline="") as text:
                yield _without_nul(text, name)
    except UnicodeDecodeError:
        raise UsageError(f"{name}{_undecodable(path, used)}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UsageError(f"{name}: is not a complete gzip file") from None
    except OSError as error:
        where = f"in {path.parent.name}/"
        raise UsageError(f"{name}: cannot be read: {error.strerror} ({where})") from None


def file_digest(folder: Path, name: str) -> str:
    """SHA-256 of a file's content, unpacked; line ends do not count, a checkout may change them.

    `UsageError` for anything but a file of the folder.
    """
    digest, held = sha256(), b""
    with open_file(folder, name) as content:
        while piece := content.read(_PIECE):
            piece = held + piece
            held = piece[-1:] if piece.endswith(b"\r") else b""
            digest.update(piece.removesuffix(held).replace(b"\r\n", b"\n"))
    digest.update(held)
    return digest.hexdigest()


FROZEN = "frozen"
"""The folder with files that are part of a revision; their names end with their digest."""

_NAME = re.compile(rf"{FROZEN}/.+\.([0-9a-f]{{12}})\.jsonl")


def frozen_name(stem: str, digest: str) -> str:
    """The name of a frozen file with this content."""
    return f"{FROZEN}/{stem}.{digest[:12]}.jsonl"


def refuse_other_content(folder: Path, name: str, digest: str | None) -> None:
    """Raise `UsageError` for a file whose content is not what its revision says.

    That is ``digest``; of a frozen file, what its name ends with.  A file that is missing is left
    to whoever reads it.
    """
    named = _NAME.fullmatch(name)
    if not (named or digest) or not find_file(folder, name).exists():
        return
    found = file_digest(folder, name)
    if named and named[1] != found[:12]:
        raise UsageError(
            f"{name}: was edited, and it is part of a revision, as it was reviewed; restore the "
            "file. To change rows, edit their dataset and write another revision"
        )
    if digest and digest.casefold() != found:
        raise UsageError(
            f"{name}: is not the file that the revision was written for, so databases would get "
            f"different rows; restore it, or, if no database has the revision yet, write "
            f'sha256="{found}" there'
        )


def find_file(folder: Path, name: str) -> Path:
    """The path with links resolved; `UsageError` unless it is below the folder."""
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):  # a NUL, or links that lead in a circle
        raise UsageError(f"{name!r}: is not a path of a file in {folder.name}/") from None
    if not path.is_relative_to(folder.resolve()):
        raise UsageError(f"{name}: leads out of {folder.name}/; put the file there")
    if path.exists() and not path.is_file():
        raise UsageError(f"{name}: is not a file (in {folder.name}/)")
    return path


def open_file(folder: Path, name: str) -> BinaryIO:
    """A file of the folder, unpacked; `UsageError` for anything but a file: a FIFO would wait."""
    return _open(find_file(folder, name))


def _open(path: Path) -> BinaryIO:
    if path.suffix == _PACKED:
        return cast("BinaryIO", gzip.open(path))
    return path.open("rb")


def _marked(content: BinaryIO) -> str | None:
    """The encoding that a byte order mark says, from the start of the file."""
    start = content.read(4)
    content.seek(0)
    return next((used for mark, used in _MARKS.items() if start.startswith(mark)), None)


def _without_nul(lines: Iterator[str], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise UsageError(
                f"{name}, line {number}: holds a NUL byte, so it is not a text file; for UTF-16 "
                'without a byte order mark pass encoding="utf-16-le"'
            )
        yield line


def _undecodable(path: Path, encoding: str) -> str:
    """Where a file is not of its encoding, and what to do about it."""
    with _open(path) as content:
        data = content.read()
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        name = encoding.removesuffix("-sig").upper()
        return (
            f", line {1 + before.count(chr(10))}: is not {name} (byte {error.start}); name the "
            'encoding it has, as encoding="cp1252"'
        )
    return ": changed while it was read"


_Lines = list[tuple[int, list[str]]]

_DELIMITERS = ";\t|,"

#: Characters of a field.  No server takes a larger value by default; Python's own limit, 128 KB, is
#: less than a text column holds.
_LARGEST_FIELD = 64 * 2**20


class _Reader(Protocol):
    """What `csv.reader` returns."""

    @property
    def line_num(self) -> int: ...
    def __iter__(self) -> Iterator[list[str]]: ...
    def __next__(self) -> list[str]: ...


def csv_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
    """The values of the columns that are taken, a few thousand rows at a time.

    `UsageError` names the line of what cannot be read.
    """
    reader = csv.reader(
        text,
        delimiter=form.delimiter,
        quotechar=form.quote or None,
        quoting=csv.QUOTE_MINIMAL if form.quote else csv.QUOTE_NONE,
        strict=True,
    )
    with _readable(reader, name):
        header = list(form.columns) or next(reader, [])
    _check_header(header, form, name)
    taken = form.select(header, name)
    places = [header.index(column.source) for column in taken]
    origin = Origin(name, "line")
    while rows := _next_rows(reader, len(header), name):
        fields = list(zip(*(row for _, row in rows), strict=True))
        lines = [line for line, _ in rows]
        yield {
            column.name: column.typed(column.nulls(fields[at]), lines, origin)
            for column, at in zip(taken, places, strict=True)
        }


@contextmanager
def _readable(reader: _Reader, name: str) -> Iterator[None]:
    usual = csv.field_size_limit(_LARGEST_FIELD)  # the process's, so it is put back
    try:
        yield
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num}: {error}") from None
    finally:
        csv.field_size_limit(usual)


def _next_rows(reader: _Reader, width: int, name: str) -> _Lines:
    """The next rows, each with the line on which it ends; blank lines are skipped."""
    rows: _Lines = []
    with _readable(reader, name):
        for fields in reader:
            if len(fields) != width and fields:
                raise UsageError(
                    f"{name}, line {reader.line_num}: has {len(fields)} fields where the header "
                    f"has {width}"
                )
            if fields:
                rows.append((reader.line_num, fields))
            if len(rows) == BATCH_ROWS:
                break
    return rows


def _check_header(header: Sequence[str], form: FileFormat, name: str) -> None:
    if not header:
        raise UsageError(f"{name}: is empty; its first line must name the columns")
    other = next((sign for sign in _DELIMITERS if sign in header[0]), None)
    if len(header) == 1 and other is not None and not form.columns:
        raise UsageError(
            f"{name}, line 1: the header is one column; is the delimiter {other!r}? If so, pass "
            f"delimiter={other!r}"
        )
    if len(set(header)) < len(header) or not all(header):
        raise UsageError(f"{name}, line 1: every column needs its own name")


_Rows = Iterator[tuple[int, dict[str, Any]]]


def json_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
    """The rows of a list of objects, column by column; it is read as a whole."""
    rows = _parsed("".join(text), name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{name}: must be a list of objects, one a row")
    yield from _batches(enumerate(rows, start=1), Origin(name), form)


def json_line_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
    """The rows of JSON Lines, some at a time; blank lines are skipped."""
    yield from _batches(_line_rows(text, name), Origin(name, "line"), form)


def _line_rows(text: Iterator[str], name: str) -> _Rows:
    for number, line in enumerate(text, start=1):
        if line.isspace():
            continue
        row = _parsed(line, name, number)
        if not isinstance(row, dict):
            raise UsageError(f"{name}, line {number}: must be an object, one a row")
        yield number, row


def _batches(rows: _Rows, origin: Origin, form: FileFormat) -> Iterator[Batch]:
    taken = None
    for numbers, batch in row_batches(rows, origin):
        taken = form.select(list(batch), origin.name) if taken is None else taken
        yield {
            column.name: column.typed(
                _untagged(batch[column.source], column.source, numbers, origin), numbers, origin
            )
            for column in taken
        }


def _parsed(text: str, name: str, line: int | None = None) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        raise UsageError(f"{name}, line {line or error.lineno}: {error.msg}") from None
    except (ValueError, RecursionError) as error:
        reason = "is nested too deeply" if isinstance(error, RecursionError) else str(error)
        where = name if line is None else f"{name}, line {line}"
        raise UsageError(f"{where}: {reason}") from None


_TAGS: dict[str, Callable[[Any], Value]] = {
    "$decimal": Decimal,
    "$bytes": lambda text: b64decode(text, validate=True),
    "$date": date.fromisoformat,
    "$time": time.fromisoformat,
    "$datetime": datetime.fromisoformat,
    "$json": Json,
}


def _untagged(
    values: Sequence[Any], column: str, numbers: Sequence[int], origin: Origin
) -> list[Value]:
    """Values with what ``{"$date": ...}`` and the like stand for."""
    untagged: list[Value] = []
    for value in values:
        tag, content = next(iter(value.items())) if _is_tagged(value) else (None, None)
        try:
            untagged.append(value if tag is None else _TAGS[tag](content))
        except (ValueError, TypeError, ArithmeticError):
            where = origin.at(numbers[len(untagged)])
            raise UsageError(f"{where}, column {column}: is not a valid {tag}") from None
    return untagged


def _is_tagged(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and not _TAGS.keys().isdisjoint(value)


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


_READERS = {".csv": csv_batches, ".json": json_batches, ".jsonl": json_line_batches}


def read_batches(folder: Path, name: str, form: FileFormat = FileFormat()) -> Iterator[Batch]:
    """The rows of a file below ``folder``, a few thousand at a time; `UsageError` names the line.

    A CSV field is text, of 64 Mi characters at most, and NULL if it is empty, unless ``form`` says
    otherwise.  In JSON ``{"$decimal": "1.50"}``, ``$bytes`` (base64), ``$date``, ``$time``,
    ``$datetime`` and ``$json`` tag values that JSON has no type for.
    """
    path, kind = find_file(folder, name), kind_of_file(name)
    if kind not in _READERS:
        raise UsageError(f"{name}: must end with {', '.join(_READERS)}, or one of these and .gz")
    if kind != ".csv" and form.csv_parameters:
        raise UsageError(f"{name}: {', '.join(form.csv_parameters)}: is for CSV files only")
    with open_lines(path, name, form.encoding) as lines:
        yield from _READERS[kind](lines, name, form)
