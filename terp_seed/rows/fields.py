r"""Values as fields of a CSV file that every engine's loader reads alike.

NULL is the bare word NULL; texts are in quotes, so that the text NULL and an empty text are told
from it.  Numbers and moments are bare, booleans are 1 and 0, bytes are ``\x`` and their
hexadecimal digits.  A quotation mark is doubled; nothing else is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from terp_seed.rows.literals import (
    NULL,
    JsonText,
    UnwritableError,
    column_texts,
    encodable,
    fill_nulls,
    literal,
    plain_cells,
)
from terp_seed.rows.model import Cells, Lookup, Many

__all__ = ["csv_fields", "quoted_field"]

_LINE_OF_END = re.compile(r"[\r\n]\\\.[\r\n]")  # which ends the data, for some releases of psql


def csv_fields(cells: Cells, *, bare: bool = False) -> Sequence[str]:
    """The fields of a column.

    With ``bare`` for a loader that does not see the quotation marks, or takes no bytes.
    Raises `UnwritableError`, with its place, for a value that a loader would not read as it is.
    """
    texts = plain_cells(cells)
    if texts is not None:
        return fill_nulls(texts, NULL)
    quote = partial(quoted_field, bare=bare)
    one = partial(literal, text=quote, binary=_no_bytes if bare else _bytes, lookup=_no_lookup)

    def quoted(values: Sequence[Any]) -> Sequence[str]:
        return [*map(quote, values)]

    many: dict[type[Any], Many] = {str: quoted, JsonText: quoted}
    many[Decimal] = lambda values: [*map(one, values)]
    return column_texts(cells.values, cells.kinds, NULL, one, many)


def quoted_field(text: str, *, bare: bool = False) -> str:
    """A text as a field; `UnwritableError` if no loader reads it as it is."""
    if "\0" in encodable(text):
        raise UnwritableError("it holds a NUL, which loaders cut texts at")
    if "\\." in text and _LINE_OF_END.search(text):
        raise UnwritableError("a line of it is a backslash and a dot, which ends the data for psql")
    if bare and text == NULL:
        raise UnwritableError(
            "it is the text NULL, which this engine's loader cannot tell from one"
        )
    return '"' + text.replace('"', '""') + '"'


def _bytes(value: bytes) -> str:
    return f"\\x{value.hex()}"


def _no_bytes(value: bytes) -> str:
    raise UnwritableError("it is binary, which this engine's loader does not read from CSV")


def _no_lookup(value: Lookup) -> str:
    raise UnwritableError("a lookup is a sub-select, which no loader takes")
