"""The live schema: what the database says of a table, read once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import ReflectedIndex

from terp_seed.database.compare import is_bookkeeping, other_schemas
from terp_seed.database.dialects import Dialect, Reference, join_table, split_table
from terp_seed.database.names import plain_type
from terp_seed.database.session import Session
from terp_seed.rows.seeders import logical_references

__all__ = [
    "ColumnFacts",
    "Schema",
    "TableFacts",
    "count_tables_elsewhere",
    "inbound",
    "outbound",
]


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
    members: frozenset[str] | None = None
    """Of what a SET is made, whose texts list some of them with commas between."""
    flags: int | None = None
    """How many bits a BIT column holds that is a number."""
    last: datetime | None = None
    """The last moment that it holds, if it ends before dates do."""
    unwritable: str = ""
    """The type that nothing of a seed can be written to."""

    @property
    def length(self) -> int | None:
        """The greatest number of characters, or bytes for binary columns."""
        if self.members is not None or self.flags is not None:
            return None
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
    unsafe_storage: str = ""
    """What stores the table, if a transaction that is undone leaves rows there."""
    partial_uniques: list[tuple[str, ...]] = field(default_factory=list)
    """Columns that are unique among some of the rows only, by an index with a WHERE."""

    @property
    def possible_uniques(self) -> list[tuple[str, ...]]:
        """Columns in which two rows may not have the same values, or not always."""
        return [*self.uniques, *self.partial_uniques]

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

    def is_view(self, name: str) -> bool:
        """Whether a name that no table has is that of a view or a foreign table."""
        schema, table = split_table(name)
        if schema and not self._inspector.has_schema(schema):
            return False
        return self._inspector.has_table(table, schema)

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
                sets = sorted(column.choices or ()), sorted(column.members or ())
                plain = replace(column, choices=None, members=None)
                told.update(f"{plain!r} {sets}\0".encode())
            if facts:
                uniques = f"{sorted(facts.uniques)} {sorted(facts.partial_uniques)}"
                told.update(f"{facts.key} {uniques} {facts.references}".encode())
        return told.hexdigest()

    def _facts(self, name: str) -> TableFacts:
        dialect, connection = self._session.dialect, self._session.connection
        charsets = dialect.charsets(connection, name)
        unwritable = dialect.unwritable(connection, name)
        checked = self._checked_choices(name)
        schema, table = split_table(name)
        key = tuple(self._inspector.get_pk_constraint(table, schema)["constrained_columns"])
        columns = {
            each["name"]: _column(dict(each), key, checked, charsets, dialect)
            for each in self._inspector.get_columns(table, schema)
        }
        for column, kind in unwritable.items():
            columns[column] = replace(columns[column], unwritable=kind)
        uniques = [
            tuple(each["column_names"])
            for each in self._inspector.get_unique_constraints(table, schema)
        ]
        partial: list[tuple[str, ...]] = []
        # SQLite makes an index for a UNIQUE behind its column.
        for index in self._inspector.get_indexes(table, schema, include_auto_indexes=True):
            if index["unique"] and None not in index["column_names"]:
                found = partial if _is_partial(index) else uniques
                found.append(tuple(filter(None, index["column_names"])))
        return TableFacts(
            name=name,
            columns=columns,
            key=key,
            uniques=list(dict.fromkeys(uniques)),
            references=outbound(self._session, name),
            partial_uniques=list(dict.fromkeys(partial)),
            unsafe_storage=dialect.unsafe_storage(connection, name),
        )

    def _checked_choices(self, name: str) -> dict[str, frozenset[str]]:
        """Enums that are written as a CHECK of the values that a column may have."""
        choices = self._session.dialect.choices
        schema, table = split_table(name)
        checks = self._inspector.get_check_constraints(table, schema)
        return dict(filter(None, (choices(check["sqltext"]) for check in checks)))


def _is_partial(index: ReflectedIndex) -> bool:
    """Whether the index has a WHERE; each engine has an option of its own for it."""
    return any(name.endswith("_where") for name in index.get("dialect_options", {}))


def _column(
    each: dict[str, Any],
    key: tuple[str, ...],
    checked: dict[str, frozenset[str]],
    charsets: dict[str, str],
    dialect: Dialect,
) -> ColumnFacts:
    name, kind = each["name"], plain_type(each["type"])
    spelling = type(kind).__name__
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
        or bool(each.get("identity"))
        or each.get("autoincrement") is True,
        computed=computed,
        choices=choices,
        charset=charsets.get(name),
        bits=dialect.integer_bits.get(type(kind).__name__, 63)
        if isinstance(kind, sa.Integer)
        else None,
        bytes=dialect.text_bytes.get(type(kind).__name__),
        members=frozenset(kind.values) if spelling == "SET" else None,
        flags=kind.length or 1 if spelling == "BIT" and dialect.bits_are_numbers else None,
        last=dialect.last_timestamp if spelling == "TIMESTAMP" else None,
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


def count_tables_elsewhere(session: Session) -> dict[str, int]:
    """How many tables of the application each other schema of the database holds, if any."""
    inspector, others = sa.inspect(session.connection), other_schemas(session.connection)
    counts = {
        name: sum(not is_bookkeeping(table) for table in _table_names(inspector, name))
        for name in others
    }
    return {name: count for name, count in counts.items() if count}


def _declared() -> list[Reference]:
    return [
        Reference(table, (column,), target_table, (target,))
        for table, column, target_table, target in logical_references()
    ]
