"""Files of rows: CSV, JSON and JSON Lines, packed with gzip or not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from terp_seed.errors import UsageError
from terp_seed.rows.batches import Batch
from terp_seed.rows.csv_rows import csv_batches
from terp_seed.rows.file_format import FileFormat
from terp_seed.rows.file_texts import find_file, kind_of_file, open_lines
from terp_seed.rows.json_rows import json_batches, json_line_batches

__all__ = ["read_batches"]

_READERS = {".csv": csv_batches, ".json": json_batches, ".jsonl": json_line_batches}


def read_batches(folder: Path, name: str, form: FileFormat = FileFormat()) -> Iterator[Batch]:  # noqa: B008 - frozen
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
