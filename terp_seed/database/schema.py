"""The live schema: what the database says of a table, read once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import sqlalchemy as sa

from terp_seed.database.dialects import Dialect, Reference, join_table, split_table
from terp_seed.database.session import Session
from terp_seed.rows.seeders import logical_references

__all__ = ["ColumnFacts", "Schema", "TableFacts", "inbound", "outbound"]


@dataclass(frozen=True)
class ColumnFacts:
    """One column as the database has it."""

    name: str
    type: sa.types.TypeEngine[Any]
    nullable: bool
    filled: bool
    """Whether the database fills it by itself: default, key counter, expression."""
    computed: bool
    choices: frozenset[str] | None
    charset: str | None
    bits: int | None
    """How many bits an integer column holds, beside its sign."""
    bytes: int | None = None
    """How many bytes a text column holds, where that is not a number of characters."""

    @property
    def length(self) -> int | None:
        """The greatest number of characters, or bytes for binary columns."""
        return getattr(self.type, "length", None)

    @property
    def second_digits(self) -> int | None:
        """How many digits it keeps after the second; None if it keeps what it is given."""
        if not isinstance(self.type, sa.DateTime | sa.Time):
            return None
        if hasattr(self.type, "fsp"):  # MySQL's, which keeps none unless it says so
            return self.type.fsp or 0
        return getattr(self.type, "precision", None)


@dataclass(frozen=True)
class TableFacts:
    """One table as the database has it."""

    name: str
    columns: dict[str, ColumnFacts]
    key: tuple[str, ...]
    uniques: list[tuple[str, ...]] = field(default_factory=list)
    references: list[Reference] = field(default_factory=list)

    @property
    def integer_key(self) -> str | None:
        """The name of the primary key if it is one integer column."""
        if len(self.key) != 1:
            return None
        return self.key[0] if isinstance(self.columns[self.key[0]].type, sa.Integer) else None


class Schema:
    """Reads tables on demand; does not write."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._inspector = sa.inspect(session.connection)
        self.tables: set[str] = _table_names(self._inspector, None)
        """The tables of the connection's own schema."""
        self._names: dict[str | None, set[str]] = {None: self.tables}
        self._read: dict[str, TableFacts] = {}
        self._folds = session.dialect.folds_names(session.connection)

    def table(self, name: str) -> TableFacts | None:
        """The facts of a table; None if it does not exist."""
        if (name.lower() if self._folds else name) not in self.beside(name):
            return None
        if name not in self._read:
            self._read[name] = self._facts(name)
        return self._read[name]

    def beside(self, name: str) -> set[str]:
        """The tables of the schema that a table's name says, named as it is."""
        schema, _ = split_table(name)
        if schema not in self._names:
            names = _table_names(self._inspector, schema)
            self._names[schema] = {join_table(schema, table) for table in names}
        return self._names[schema]

    def is_own(self, name: str) -> bool:
        """Whether a table's name says the connection's own schema, which is left out."""
        schema, _ = split_table(name)
        return schema is not None and schema == self._inspector.default_schema_name

    def fingerprint(self, tables: Iterable[str]) -> str:
        """SHA-256 of what these tables are: columns, types, keys, references."""
        told = sha256()
        for name in sorted(tables):
            facts = self.table(name)
            told.update(f"{name}\0".encode())
            for column in facts.columns.values() if facts else ():
                choices = sorted(column.choices or ())
                told.update(f"{replace(column, choices=None)!r} {choices}\0".encode())
            if facts:
                told.update(f"{facts.key} {sorted(facts.uniques)} {facts.references}".encode())
        return told.hexdigest()

    def _facts(self, name: str) -> TableFacts:
        dialect = self._session.dialect
        charsets = dialect.charsets(self._session.connection, name)
        checked = self._checked_choices(name)
        schema, table = split_table(name)
        key = tuple(self._inspector.get_pk_constraint(table, schema)["constrained_columns"])
        columns = {
            each["name"]: _column(dict(each), key, checked, charsets, dialect)
            for each in self._inspector.get_columns(table, schema)
        }
        uniques = [
            tuple(each["column_names"])
            for each in self._inspector.get_unique_constraints(table, schema)
        ]
        uniques += [
            tuple(filter(None, each["column_names"]))
            # SQLite keeps a UNIQUE that stands behind its column as an index of its own making.
            for each in self._inspector.get_indexes(table, schema, include_auto_indexes=True)
            if each["unique"] and None not in each["column_names"]
        ]
        return TableFacts(
            name, columns, key, list(dict.fromkeys(uniques)), outbound(self._session, name)
        )

    def _checked_choices(self, name: str) -> dict[str, frozenset[str]]:
        """Enums that are written as a CHECK of the values that a column may have."""
        choices = self._session.dialect.choices
        schema, table = split_table(name)
        checks = self._inspector.get_check_constraints(table, schema)
        return dict(filter(None, (choices(check["sqltext"]) for check in checks)))


def _column(
    each: dict[str, Any],
    key: tuple[str, ...],
    checked: dict[str, frozenset[str]],
    charsets: dict[str, str],
    dialect: Dialect,
) -> ColumnFacts:
    name, kind = each["name"], each["type"]
    numbered = key == (name,) and isinstance(kind, sa.Integer)
    computed = bool(each.get("computed"))
    choices = frozenset(kind.enums) if isinstance(kind, sa.Enum) else checked.get(name)
    return ColumnFacts(
        name=name,
        type=kind,
        nullable=each["nullable"],
        filled=each.get("default") is not None
        or numbered
        or computed
        or bool(each.get("identity")),
        computed=computed,
        choices=choices,
        charset=charsets.get(name),
        bits=dialect.integer_bits.get(type(kind).__name__, 63)
        if isinstance(kind, sa.Integer)
        else None,
        bytes=dialect.text_bytes.get(type(kind).__name__),
    )


def outbound(session: Session, table: str) -> list[Reference]:
    """The references that a table's rows make."""
    schema, name = split_table(table)
    found = [
        Reference(
            table,
            tuple(key["constrained_columns"]),
            join_table(key.get("referred_schema"), key["referred_table"]),
            tuple(key["referred_columns"]),
        )
        for key in sa.inspect(session.connection).get_foreign_keys(name, schema=schema)
        if key["referred_columns"]
    ]
    return list(dict.fromkeys([*found, *(each for each in _declared() if each.table == table)]))


def inbound(session: Session, tables: Sequence[str]) -> list[Reference]:
    """All references to these tables from anywhere, other databases of the server included."""
    wanted = {name.casefold(): name for name in tables}
    keys = [
        replace(key, target_table=wanted[key.target_table.casefold()])
        for key in session.dialect.foreign_keys(session.connection, tables)
        if key.target_table.casefold() in wanted and key.targets
    ]
    said = [reference for reference in _declared() if reference.target_table in tables]
    places = {split_table(reference.table)[0] for reference in said}
    existing = {
        join_table(place, name).casefold()
        for place in places
        for name in _table_names(sa.inspect(session.connection), place)
    }
    said = [reference for reference in said if reference.table.casefold() in existing]
    return list(dict.fromkeys([*keys, *said]))


def _table_names(inspector: sa.Inspector, schema: str | None) -> set[str]:
    """The tables of a schema; none if it does not exist."""
    if schema is not None and not inspector.has_schema(schema):
        return set()
    return set(inspector.get_table_names(schema=schema))


def _declared() -> list[Reference]:
    return [
        Reference(table, (column,), target_table, (target,))
        for table, column, target_table, target in logical_references()
    ]
