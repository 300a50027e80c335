"""Literals and expressions of PostgreSQL.

A literal is always a quoted text, so its type is that of the column it goes
to: one text serves boolean, number, enum and JSON alike.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from terp_seed.database.dialects.model import Canonical
from terp_seed.database.dialects.values import Values
from terp_seed.rows.literals import without_nul
from terp_seed.rows.model import Cells, Value

if TYPE_CHECKING:
    from sqlalchemy.types import TypeEngine

__all__ = ["PostgreSQLValues"]

_SPECIAL = re.compile(r"[\n\r'\\]")
_ESCAPED = {"\n": "\\n", "\r": "\\r", "'": "''", "\\": "\\\\"}
_UNQUOTED = frozenset("0123456789-")


class PostgreSQLValues(Values):
    """How PostgreSQL spells values."""

    now = "to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.MS')"
    keeps_nul = False
    version = "current_setting('server_version')"
    address_types = frozenset({"INET", "CIDR"})
    digests_rows = True

    def text(self, value: str) -> str:
        if not value.isascii() or "\0" in value:
            without_nul(value)
        if "\n" in value or "\r" in value:  # a row is one line, whatever a text holds
            return "E'" + _SPECIAL.sub(lambda found: _ESCAPED[found[0]], value) + "'"
        return "'" + value.replace("'", "''") + "'"

    def binary(self, value: bytes) -> str:
        return f"'\\x{value.hex()}'"

    def literal(self, value: Value) -> str:
        return _typeless(super().literal(value))

    def literals(self, cells: Cells) -> Sequence[str]:
        found = super().literals(cells)
        return found if cells.ref is not None else [*map(_typeless, found)]

    def exactly(self, column: str, kind: TypeEngine[Any]) -> str:
        from sqlalchemy import types

        plain = types.Integer | types.Boolean | types.String | types.LargeBinary
        return column if isinstance(kind, plain) else f"{column}::text"

    def comparable(self, column: str, kind: TypeEngine[Any]) -> str:
        from sqlalchemy import types
        from sqlalchemy.dialects.postgresql import CIDR, INET, INTERVAL

        if isinstance(kind, INTERVAL):
            return _interval(column)
        moments = (types.Date, types.DateTime, types.Time)
        numbers = (types.Integer, types.Numeric, types.Float, types.Boolean)
        read = (
            *moments,
            *numbers,
            types.String,
            types.LargeBinary,
            types.JSON,
            types.Uuid,
            INET,
            CIDR,
        )
        # Of other types Python makes objects of its own; a CHAR is read with its padding, and a
        # time of day with its offset.
        is_read = isinstance(kind, read) and not isinstance(kind, types.CHAR)
        has_offset = isinstance(kind, types.Time) and kind.timezone
        return column if is_read and not has_offset else f"{column}::text"

    def read_values(self, table: str, column: str, literals: Sequence[str]) -> str:
        # A first row of no value gives the literals the type that the column has.
        typed = f"(SELECT {self.quote(column)} FROM {self.quote_table(table)} WHERE false)"
        listed = ", ".join(f"({literal})" for literal in literals)
        return f"SELECT COUNT(kept) FROM (VALUES ({typed}), {listed}) AS given (kept)"

    def size(self, column: str) -> str:
        return f"octet_length({column}::text)"

    def canonical(self, columns: Sequence[Canonical], separator: str) -> str:
        between = f" || '\\x{separator.encode().hex()}'::bytea || "
        texts = (_canonical(column, self.quote(column.column)) for column in columns)
        # A text holds no NUL, which is what stands for NULL: so these are bytes.
        return between.join(
            [f"COALESCE(convert_to({text}, 'UTF8'), '\\x00'::bytea)" for text in texts]
        )

    def row_digest(self, columns: Sequence[str]) -> str:
        parts = (
            f"COALESCE(octet_length({name}::text) || ':' || {name}::text, '-')" for name in columns
        )
        return f"substring(sha256(convert_to({' || '.join(parts)}, 'UTF8')) for 8)"

    def join_digests(self, digest: str, order: str) -> str:
        return f"string_agg({digest}, ''::bytea ORDER BY {order})"

    def same(self, one: str, other: str) -> str:
        return f"{one}::text IS NOT DISTINCT FROM {other}::text"


def _typeless(literal: str) -> str:
    """A number as a quoted text, whose type is that of the column it meets."""
    return f"'{literal}'" if literal[:1] in _UNQUOTED else literal


def _interval(name: str) -> str:
    """The text of an interval; one of hours with six digits behind the point, as a seed has it."""
    text = f"{name}::text"
    padded = f"rpad({text}, strpos({text}, '.') + 6, '0')"
    return f"CASE WHEN {text} ~ '^[-0-9:]+[.]' THEN {padded} ELSE {text} END"


def _canonical(column: Canonical, name: str) -> str:
    from sqlalchemy import types
    from sqlalchemy.dialects.postgresql import INTERVAL

    kind = column.kind
    if column.first is not None:
        return f"'#' || ({name} - {column.first})"
    if isinstance(kind, types.LargeBinary):
        return f"'x' || encode({name}, 'hex')"
    if isinstance(kind, types.Boolean):
        return f"{name}::int::text"
    if isinstance(kind, types.Numeric) and not isinstance(kind, types.Float):
        return f"trim_scale({name})::text"
    if isinstance(kind, INTERVAL):
        return _interval(name)
    if isinstance(kind, types.DateTime):
        moment = f"({name} AT TIME ZONE 'UTC')" if kind.timezone else name
        return f"replace({moment}::text, ' 00:00:00', '')"
    return f"{name}::text"
