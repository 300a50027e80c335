"""Python values as fields of PostgreSQL's COPY, as exact as the literals of an INSERT.

The text format: fields are separated by tabs and rows by line ends, which are
escaped inside a value, as is the backslash; NULL is a backslash and an N.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from terp_seed.rows.literals import (
    JsonText,
    fill_nulls,
    json_pieces,
    literal,
    plain_cells,
    without_nul,
)
from terp_seed.rows.model import Cells, Lookup, Value
from terp_seed.rows.texts import Many, UnwritableError, column_texts

__all__ = ["copy_document", "copy_fields"]

_NULL = "\\N"
_SPECIAL = "\\\0\t\n\r"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_fields(cells: Cells) -> Sequence[str]:
    """The fields of a column of a block.

    References stay plain row numbers.  Raises as `literals` does.
    """
    texts = plain_cells(cells)
    if texts is not None:
        return fill_nulls(texts, _NULL)
    many: dict[type[Any], Many] = dict.fromkeys((str, JsonText), _copy_texts)
    return column_texts(cells.values, cells.kinds, _NULL, _copy_field, many)


def copy_document(value: Value, refs: Mapping[str, str], places: Mapping[str, int]) -> list[str]:
    """A JSON text as three fields: a template of SQL's ``format``, row numbers, their ranges.

    ``places`` numbers the tables that the row numbers refer to.
    """
    if value is None:
        return [_NULL] * 3
    template, numbers, tables = "", [], []
    for text, table, number in json_pieces(value, refs):
        template += text.replace("%", "%%")
        if table is not None:
            template += "%s"
            numbers.append(str(number))
            tables.append(str(places[table]))
    arrays = (f"{{{','.join(items)}}}" for items in (numbers, tables))
    return [_copy_text(template), *arrays]


def _copy_field(value: Value) -> str:
    if value is None:
        return _NULL
    return literal(value, _copy_text, _copy_bytes, _no_lookup)


def _copy_text(text: str) -> str:
    return without_nul(text).translate(_ESCAPES)


def _copy_texts(values: Sequence[str]) -> Sequence[str]:
    together = "".join(values)
    if any(map(together.__contains__, _SPECIAL)):
        return [*map(_copy_text, values)]
    together.encode()  # fails for half of a surrogate pair
    return values


def _copy_bytes(value: bytes) -> str:
    return f"\\\\x{value.hex()}"


def _no_lookup(value: Lookup) -> str:
    raise UnwritableError("a lookup is a sub-select, which COPY does not take")
