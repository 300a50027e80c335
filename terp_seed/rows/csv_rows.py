"""The rows of a CSV file, some at a time, column by column."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from terp_seed.errors import UsageError
from terp_seed.rows.batches import BATCH_ROWS, Batch, Origin
from terp_seed.rows.file_format import FileFormat

__all__ = ["csv_batches"]

Numbered = list[tuple[int, list[str]]]

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


def _next_rows(reader: _Reader, width: int, name: str) -> Numbered:
    """The next rows, each with the line on which it ends; blank lines are skipped."""
    rows: Numbered = []
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
