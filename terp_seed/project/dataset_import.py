"""A dataset made of rows that a database has: masked, with natural keys in the place of ids."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from terp_seed.database.dialects import split_table
from terp_seed.database.environment_stamp import careful, stamped
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, UsageError
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.masking.gaps import toml_key
from terp_seed.plan.fold import FoldedTable, comparable
from terp_seed.project.datasets import FOLDER, REGISTER, Row, read_datasets
from terp_seed.project.operation_text import write_lines
from terp_seed.rows.imported import imported
from terp_seed.rows.model import Lookup, TableRows, Value

__all__ = ["ImportedDataset", "Source", "import_dataset", "natural_keys"]

_SHOWN = 10


@dataclass(frozen=True)
class Source:
    """The rows to take: of one table, those that match a condition."""

    table: str
    where: str | None = None
    """A condition in SQL on the table's own columns."""
    key: tuple[str, ...] = ()
    """The natural key; a unique key of the table if it is left out."""


@dataclass(frozen=True)
class ImportedDataset:
    """The files that were written, and what the rows need besides."""

    path: Path
    rows: int
    notes: list[str] = field(default_factory=list)


def import_dataset(
    session: Session, source: Source, chain: Mapping[str, FoldedTable]
) -> ImportedDataset:
    """Write a dataset of rows that exist, and its entry in ``datasets.toml``.

    Personal columns are masked as in dev; rows of a database that is stamped staging or production
    as in staging, which needs a key.  ``chain`` is what the revisions add up to: parents that
    it does not have are named in the notes.  `UsageError`, and nothing written, for a table without
    a natural key, or one that refers to such a table.
    """
    home = session.settings.home
    name = split_table(source.table)[1]
    known = {dataset.name: dataset for dataset in read_datasets(home)}
    if name in known:
        raise UsageError(
            f"{REGISTER}: has a dataset {name} already; add the rows to {known[name].place}"
        )
    schema = Schema(session)
    facts = _facts(schema, source.table)
    key = _key(facts, source.key)
    border = boundary(session.settings, _masks(session))
    refs = {
        column: f"{target}.{name}" for column, target, name in _references(schema, facts, border)
    }
    batch = _read(session, facts, refs, source.where)
    made = imported(source.table, [batch], key=key, id=facts.integer_key, refs=refs)
    rows = [*_masked(border, made, facts)]
    path = _write(home, name, rows)
    _append(home / REGISTER, _entry(name, facts, key, refs))
    return ImportedDataset(path, len(rows), [*_missing_parents(home, refs, rows, chain)])


def _masks(session: Session) -> str:
    """The environment whose masks the rows pass on their way to a file that everyone reads."""
    stamp = stamped(session.connection, session.books)
    return "staging" if stamp is not None and careful(stamp) else "dev"


def _facts(schema: Schema, table: str) -> TableFacts:
    facts = schema.table(table)
    if facts is None:
        close = get_close_matches(table, schema.beside(table), n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(f"table {table}: the database has no such table{hint}")
    return facts


def _key(facts: TableFacts, given: tuple[str, ...]) -> tuple[str, ...]:
    """The natural key; `UsageError` if there is none, or if the one given is not unique."""
    keys = natural_keys(facts)
    if not given:
        if not keys:
            raise UsageError(
                f"table {facts.name}: has no unique columns that could be its natural key; make "
                "some unique, in the schema"
            )
        return keys[0]
    if not any(set(key) <= set(given) for key in keys):
        raise UsageError(
            f"table {facts.name}: does not hold {', '.join(given)} unique"
            + (f"; unique are {' or '.join(', '.join(key) for key in keys)}" if keys else "")
        )
    return given


def natural_keys(facts: TableFacts) -> list[tuple[str, ...]]:
    """The unique columns that are never NULL and not a counter, fewest first."""
    own = [] if facts.integer_key else [facts.key] * bool(facts.key)
    uniques = [
        unique
        for unique in facts.uniques
        if facts.integer_key not in unique
        and not any(facts.columns[name].nullable for name in unique)
    ]
    return sorted(dict.fromkeys([*own, *uniques]), key=len)


def _references(
    schema: Schema, facts: TableFacts, border: Boundary
) -> Iterator[tuple[str, str, str]]:
    """Columns that hold ids of other tables, those tables, and the natural keys to use instead."""
    for reference in facts.references:
        parent = schema.table(reference.target_table)
        if parent is None or reference.targets != (parent.integer_key,):
            continue  # it holds a natural key already
        keys = [key for key in natural_keys(parent) if len(key) == 1]
        if not keys:
            raise UsageError(
                f"table {facts.name}: column {reference.column} refers to {parent.name}, which has "
                "no unique column but its id; a dataset cannot name those rows"
            )
        ((name,), *_) = keys
        rule = border.policy.rule(parent.name, name)
        if rule is not None and rule.kind is not None:
            raise MaskingError(
                f"table {facts.name}: column {reference.column} would name rows of {parent.name} "
                f"by {name}, which is personal; a dataset cannot name those rows"
            )
        yield reference.column, parent.name, name


def _read(
    session: Session, facts: TableFacts, refs: Mapping[str, str], where: str | None
) -> dict[str, list[Value]]:
    quote, quote_table = session.dialect.quote, session.dialect.quote_table
    columns = [
        column.name
        for column in facts.columns.values()
        if column.name != facts.integer_key and not column.computed and not column.unwritable
    ]
    cells, joins = [], []
    for number, name in enumerate(columns):
        cell = f"source.{quote(name)}"
        if name in refs:
            table, _, target = refs[name].rpartition(".")
            parent = f"parent_{number}"
            joins.append(
                f" LEFT JOIN {quote_table(table)} {parent} ON "
                f"{parent}.{quote(_parent_id(session, table))} = {cell}"
            )
            cell = f"{parent}.{quote(target)}"
        cells.append(cell)
    chosen = f" WHERE {where}" if where else ""
    rows = session.rows(
        f"SELECT {', '.join(cells)} FROM (SELECT * FROM {quote_table(facts.name)}{chosen}) source"
        f"{''.join(joins)}"
    )
    if not rows:
        raise UsageError(f"table {facts.name}: no row{' matches' if where else 's'}")
    return {
        name: [_plain(value) for value in values]
        for name, values in zip(columns, zip(*rows, strict=True), strict=True)
    }


def _parent_id(session: Session, table: str) -> str:
    facts = Schema(session).table(table)
    assert facts is not None
    return str(facts.integer_key)


def _plain(value: Any) -> Value:
    return bytes(value) if isinstance(value, memoryview | bytearray) else value


def _masked(border: Boundary, rows: TableRows, facts: TableFacts) -> Iterator[dict[str, Value]]:
    """The rows as the file has them, in the order of their keys."""
    findings = border.findings(rows, facts)
    if findings:
        raise MaskingError("\n  ".join(findings))
    masked = border.mask(rows)
    values = {name: list(masked.each(name)) for name in masked.columns}
    listed = [
        {name: _named(cell) for name, cell in zip(values, cells, strict=True)}
        for cells in zip(*values.values(), strict=True)
    ]
    yield from sorted(listed, key=lambda row: [str(comparable(row[name])) for name in rows.key])


def _named(value: Value) -> Value:
    return value.where[0][1] if isinstance(value, Lookup) else value


def _write(home: Path, name: str, rows: Sequence[Row]) -> Path:
    """Write the file: CSV, or JSON Lines for values that a CSV field cannot tell apart."""
    folder = home / FOLDER
    folder.mkdir(exist_ok=True)
    if all(_fits_csv(value) for row in rows for value in row.values()):
        path = folder / f"{name}.csv"
        with path.open("x", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(rows[0])
            writer.writerows([map(_field, row.values()) for row in rows])
        return path
    path = folder / f"{name}.jsonl"
    write_lines(path, rows)
    return path


def _fits_csv(value: Value) -> bool:
    if isinstance(value, str):
        return value != "" and "\0" not in value
    return value is None or isinstance(value, int | float | Decimal | date | time)


def _field(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(" ")
    return str(int(value) if isinstance(value, bool) else value)


def _entry(name: str, facts: TableFacts, key: Sequence[str], refs: Mapping[str, str]) -> str:
    lines = [f"[{toml_key(name)}]", f"table = {json.dumps(facts.name)}", f"key = {_array(key)}"]
    if facts.integer_key != "id":
        lines.append(f"id = {json.dumps(facts.integer_key) if facts.integer_key else 'false'}")
    if refs:
        pairs = (f"{toml_key(column)} = {json.dumps(target)}" for column, target in refs.items())
        lines.append(f"refs = {{ {', '.join(pairs)} }}")
    lines.append(
        'on_conflict = "update"  # the rows are there already, in the database they are of'
    )
    return "\n".join(lines) + "\n"


def _array(names: Iterable[str]) -> str:
    return f"[{', '.join(map(json.dumps, names))}]"


def _append(path: Path, text: str) -> None:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    gap = "" if not before else "\n" if before.endswith("\n") else "\n\n"
    path.write_text(before + gap + text, encoding="utf-8")


def _missing_parents(
    home: Path,
    refs: Mapping[str, str],
    rows: Sequence[Row],
    chain: Mapping[str, FoldedTable],
) -> Iterator[str]:
    """What the rows refer to that neither the chain nor a dataset has, table by table."""
    datasets = read_datasets(home)
    for column, target in refs.items():
        table, _, name = target.rpartition(".")
        folded = chain.get(table)
        there = {comparable(row.get(name)) for row in (folded.rows.values() if folded else ())}
        for dataset in datasets:
            if dataset.table == table:
                there |= {comparable(row.get(name)) for _, row in dataset.rows()}
        wanted = {comparable(row[column]) for row in rows if row[column] is not None}
        missing = sorted(map(str, wanted - there))
        if missing:
            shown = ", ".join(map(repr, missing[:_SHOWN])) + (", ..." if missing[_SHOWN:] else "")
            yield (
                f"{column} needs {len(missing)} rows of {table} that neither the chain nor a "
                f"dataset has ({name} {shown}); take them too: terp-seed revision --from-database "
                f"{table}"
            )
