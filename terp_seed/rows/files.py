"""Files of rows: CSV, JSON and JSON Lines, packed with gzip or not.

A file lies below a folder, is unpacked and decoded to lines, and is read some rows at a time.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import zlib
from base64 import b64decode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from hashlib import sha256
from io import TextIOWrapper
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

from terp_seed.errors import UsageError
from terp_seed.rows.file_format import FileFormat, parse_json
from terp_seed.rows.imported import BATCH_ROWS, Batch, Origin, row_batches
from terp_seed.rows.model import Json, Value

__all__ = ["file_digest", "read_batches"]


def read_batches(folder: Path, name: str, form: FileFormat = FileFormat()) -> Iterator[Batch]:  # noqa: B008 - frozen
    """The rows of a file below ``folder``, a few thousand at a time; `UsageError` names the line.

    A CSV field is text, of 64 Mi characters at most, and NULL if it is empty, unless ``form`` says
    otherwise.  In JSON ``{"$decimal": "1.50"}``, ``$bytes`` (base64), ``$date``, ``$time``,
    ``$datetime`` and ``$json`` tag values that JSON has no type for.
    """
    path, kind = _find_file(folder, name), _kind_of_file(name)
    if kind not in _READERS:
        raise UsageError(f"{name}: must end with {', '.join(_READERS)}, or one of these and .gz")
    if kind != ".csv" and form.csv_parameters:
        raise UsageError(f"{name}: {', '.join(form.csv_parameters)}: is for CSV files only")
    with _open_lines(path, name, form.encoding) as lines:
        yield from _READERS[kind](lines, name, form)


_PIECE = 1 << 20
_PACKED = ".gz"
_MARKS = {  # the longer ones first: the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def _kind_of_file(name: str) -> str:
    """How a file's name ends, without a ``.gz``: ``.csv``."""
    return Path(name.removesuffix(_PACKED)).suffix


@contextmanager
def _open_lines(path: Path, name: str, encoding: str) -> Iterator[Iterator[str]]:
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
    """SHA-256 of a file's content, unpacked; line ends do not count, a checkout may change them."""
    digest, held = sha256(), b""
    with _open(folder / name) as content:
        while piece := content.read(_PIECE):
            piece = held + piece
            held = piece[-1:] if piece.endswith(b"\r") else b""
            digest.update(piece.removesuffix(held).replace(b"\r\n", b"\n"))
    digest.update(held)
    return digest.hexdigest()


def _find_file(folder: Path, name: str) -> Path:
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


Lines = list[tuple[int, list[str]]]

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


def _csv_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
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
    origin, found = Origin(name, "line"), False
    while rows := _next_rows(reader, len(header), name):
        found = True
        fields = list(zip(*(row for _, row in rows), strict=True))
        lines = [line for line, _ in rows]
        yield {
            column.name: column.typed(column.nulls(fields[at]), lines, origin)
            for column, at in zip(taken, places, strict=True)
        }
    if not found:
        raise UsageError(f"{name}: has {'no' if form.columns else 'a header and no'} rows")


@contextmanager
def _readable(reader: _Reader, name: str) -> Iterator[None]:
    usual = csv.field_size_limit(_LARGEST_FIELD)  # the process's, so it is put back
    try:
        yield
    except csv.Error as error:
        raise UsageError(f"{name}, line {reader.line_num}: {error}") from None
    finally:
        csv.field_size_limit(usual)


def _next_rows(reader: _Reader, width: int, name: str) -> Lines:
    """The next rows, each with the line on which it ends; blank lines are skipped."""
    rows: Lines = []
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


Numbered = Iterator[tuple[int, dict[str, Any]]]


def _json_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
    """The rows of a list of objects, column by column; it is read as a whole."""
    rows = _parsed("".join(text), name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UsageError(f"{name}: must be a list of objects, one a row")
    yield from _batches(enumerate(rows, start=1), Origin(name), form)


def _json_line_batches(text: Iterator[str], name: str, form: FileFormat) -> Iterator[Batch]:
    """The rows of JSON Lines, some at a time; blank lines are skipped."""
    yield from _batches(_line_rows(text, name), Origin(name, "line"), form)


def _line_rows(text: Iterator[str], name: str) -> Numbered:
    for number, line in enumerate(text, start=1):
        if line.isspace():
            continue
        row = _parsed(line, name, number)
        if not isinstance(row, dict):
            raise UsageError(f"{name}, line {number}: must be an object, one a row")
        yield number, row


def _batches(rows: Numbered, origin: Origin, form: FileFormat) -> Iterator[Batch]:
    taken = None
    for numbers, batch in row_batches(rows, origin):
        taken = form.select(list(batch), origin.name) if taken is None else taken
        yield {
            column.name: column.typed(
                _untagged(batch[column.source], column.source, numbers, origin), numbers, origin
            )
            for column in taken
        }
    if taken is None:
        raise UsageError(f"{origin.name}: has no rows")


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


_READERS = {".csv": _csv_batches, ".json": _json_batches, ".jsonl": _json_line_batches}
