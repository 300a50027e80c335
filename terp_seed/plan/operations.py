"""The operations of a seed revision: ``from alembic import op`` is all it needs.

They are registered with Alembic when this module is imported, and hand
themselves to whatever is running the revision: the recorder that makes the
plan, or the executor.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Protocol

from alembic.operations import MigrateOperation, Operations

from terp_seed.errors import UsageError
from terp_seed.rows.files import (
    FileFormat,
    file_digest,
    file_format,
    read_batches,
    refuse_other_content,
)
from terp_seed.rows.imported import Batch, Origin, row_batches
from terp_seed.rows.literals import canonical

__all__ = [
    "OPTION",
    "DeleteRowsOp",
    "GivenRows",
    "RenameOp",
    "SeedOp",
    "SeedRowsOp",
    "Taker",
    "UnseedOp",
    "UpdateRowsOp",
]

OPTION = "terp_seed"
"""The option of a migration context that holds its `Taker`."""

_ON_CONFLICT = ("stop", "skip", "update")
_STRICT = (None, "row")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class Taker(Protocol):
    """What runs a revision: takes its operations one by one."""

    def take(self, operation: MigrateOperation) -> None:
        """Record the operation, or perform it."""


def _check_merge(table: str, merge: object) -> None:
    if isinstance(merge, str):
        raise UsageError(f'table {table}: merge must be a list, as merge=["{merge}"]')


@Operations.register_operation("seed")
@dataclass
class SeedOp(MigrateOperation):
    """Insert the rows of a registered seeder."""

    seeder: str

    def declaration(self, data: Path) -> str:
        """What the operation says; the size of a run does not change it."""
        return f"seed {self.seeder}"

    @classmethod
    def seed(cls, operations: Operations, seeder: str) -> None:
        """Insert the rows of the seeder registered under this name.

        How many, and of which scenario, root seed and as-of day, the run's settings
        say.  The rows are synthetic to the masking boundary.
        """
        operations.invoke(cls(seeder))


@dataclass
class GivenRows(MigrateOperation):
    """Rows that the revision holds, or a file that it names."""

    called: ClassVar[str]
    """What the operation is called."""
    table: str
    rows: Sequence[Mapping[str, Any]] | None = None
    path: str | None = None
    key: Sequence[str] = ()
    id: str | None = "id"
    refs: Mapping[str, str] | None = None
    form: FileFormat = field(default_factory=FileFormat, kw_only=True)
    sha256: str | None = field(default=None, kw_only=True)
    """The digest of the file that the revision was written for."""

    def refuse_edited_file(self, data: Path) -> None:
        """Raise `UsageError` if the file below ``data`` is not the one that was reviewed."""
        if self.path is not None:
            refuse_other_content(data, self.path, self.sha256)

    def batches(self, data: Path) -> Iterator[Batch]:
        """The rows, some at a time, from the revision or from the file below ``data``."""
        if self.path is not None:
            yield from read_batches(data, self.path, self.form)
            return
        origin = Origin(f"table {self.table}")
        yield from (batch for _, batch in row_batches(enumerate(self.rows or (), 1), origin))

    def declaration(self, data: Path) -> str:
        """What the operation says, with a digest of its rows or of its file below ``data``."""
        raise NotImplementedError

    def content(self, data: Path) -> str:
        """A digest of the rows, or of the file below ``data``."""
        return _content(self.rows) if self.path is None else _file(data, self.path)


@Operations.register_operation("seed_rows")
@Operations.register_operation("seed_file")
@dataclass
class SeedRowsOp(GivenRows):
    """Insert rows that are given, in the revision or in a file."""

    called = "seed_rows"
    on_conflict: str = "stop"
    later: Sequence[str] = ()
    merge: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.on_conflict not in _ON_CONFLICT:
            raise UsageError(
                f"table {self.table}: on_conflict must be {' or '.join(_ON_CONFLICT)}, not "
                f"{self.on_conflict!r}"
            )
        _check_merge(self.table, self.merge)
        if self.merge and not self.updates_taken:
            raise UsageError(
                f'table {self.table}: merge is for rows that are there: add on_conflict="update"'
            )
        if self.sha256 is not None and not _SHA256.fullmatch(str(self.sha256)):
            raise UsageError(
                f"table {self.table}: sha256 must be the 64 characters of a digest, not "
                f"{self.sha256!r}"
            )

    @property
    def skip_taken(self) -> bool:
        """Whether rows are left out whose natural key is taken."""
        return self.on_conflict != "stop"

    @property
    def updates_taken(self) -> bool:
        """Whether rows whose natural key is taken are updated."""
        return self.on_conflict == "update"

    def declaration(self, data: Path) -> str:
        """What the operation says, with a digest of its rows or of its file below ``data``."""
        refs = sorted((self.refs or {}).items())
        said = (self.table, tuple(self.key), self.id, refs, self.skip_taken, self.form.keep_empty)
        later = f" later={sorted(self.later)}" if self.later else ""
        later += f" merge={sorted(self.merge)}" if self.merge else ""
        updates = " update" if self.updates_taken else ""
        content, form = self.content(data), replace(self.form, keep_empty=())
        return f"rows {said} {content}{later}{form}{updates}"

    @classmethod
    def seed_rows(
        cls,
        operations: Operations,
        table: str,
        rows: Iterable[Mapping[str, Any]],
        *,
        key: Sequence[str] = (),
        id: str | None = "id",  # noqa: A002 - the column is called so
        refs: Mapping[str, str] | None = None,
        on_conflict: str = "stop",
        later: Sequence[str] = (),
        merge: Sequence[str] = (),
    ) -> None:
        """Insert these rows, dicts with the same columns.

        ``table`` may be ``schema.table``, on MySQL ``database.table``.
        ``key`` names the natural key.  A row that already owns one stops the
        run before it writes; ``on_conflict="skip"`` leaves it alone instead, and ``"update"``
        changes it as `update_rows` does, JSON columns in ``merge`` key by key.
        ``id`` is the table's integer key, which the run fills; None for a
        table without one.  ``refs`` maps a column to ``"table.column"``,
        where its values are looked up; columns in ``later`` refer to rows
        that come later in the revision, and are NULL until then.
        """
        op = cls(table, list(rows), None, key, id, refs, on_conflict=on_conflict, later=later)
        operations.invoke(replace(op, merge=merge))

    @classmethod
    def seed_file(
        cls,
        operations: Operations,
        table: str,
        path: str,
        *,
        key: Sequence[str] = (),
        id: str | None = "id",  # noqa: A002 - the column is called so
        refs: Mapping[str, str] | None = None,
        on_conflict: str = "stop",
        later: Sequence[str] = (),
        merge: Sequence[str] = (),
        sha256: str | None = None,
        **form: Any,
    ) -> None:
        """Insert the rows of a file below ``seeds/data/``: CSV, JSON or JSON Lines.

        As ``seed_rows``.  ``sha256`` is the digest of the file that the revision was written for;
        with any other content the run stops before it writes.  Further parameters say how the file
        is to be read: ``delimiter``, ``quote``, ``encoding``, ``decimal``, ``columns``, ``null``,
        ``keep_empty``, ``rename``, ``omit``, ``types``.
        """
        others = ("key", "id", "refs", "on_conflict", "later", "merge", "sha256")
        read = file_format(form, path, others=others)
        op = cls(table, None, path, key, id, refs, on_conflict=on_conflict, later=later, form=read)
        operations.invoke(replace(op, sha256=sha256, merge=merge))


@Operations.register_operation("update_rows")
@dataclass
class UpdateRowsOp(GivenRows):
    """Change columns of rows that are there."""

    called = "update_rows"
    strict: str | None = None
    merge: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.strict not in _STRICT:
            raise UsageError(
                f'table {self.table}: strict must be "row" or left out, not {self.strict!r}'
            )
        _check_merge(self.table, self.merge)
        if self.strict and self.merge:
            raise UsageError(
                f'table {self.table}: strict="row" keeps the whole row, and merge parts of a cell; '
                "give one of them"
            )

    def declaration(self, data: Path) -> str:
        """What the operation says, with a digest of its rows or of its file below ``data``."""
        refs = sorted((self.refs or {}).items())
        said = (self.table, tuple(self.key), self.id, refs, self.strict)
        merged = f" merge={sorted(self.merge)}" if self.merge else ""
        return f"update {said} {self.content(data)}{merged}"

    @classmethod
    def update_rows(
        cls,
        operations: Operations,
        table: str,
        rows: Iterable[Mapping[str, Any]] = (),
        *,
        key: Sequence[str],
        id: str | None = "id",  # noqa: A002 - the column is called so
        refs: Mapping[str, str] | None = None,
        path: str | None = None,
        strict: str | None = None,
        merge: Sequence[str] = (),
        **form: Any,
    ) -> None:
        """Change the columns that each row gives, in the row that owns its ``key``.

        The row may be the chain's or not; the ledger keeps its values as they
        were, and ``op.unseed()`` puts them back.  A cell that differs from what
        the chain last wrote was edited: it is left alone and listed, the rest of
        the row moves.  With ``strict="row"`` one edited cell keeps the whole
        row.  ``merge`` lists JSON columns of which each top key is compared by
        itself.  ``path`` names a file below ``seeds/data/`` instead of ``rows``,
        read as `seed_file` reads one.  Columns that the masking policy
        classifies are refused, since their values would have to be kept.
        """
        others = ("key", "id", "refs", "strict", "merge")
        read = file_format(form, path, others=others) if path else None
        listed = None if path else list(rows)
        op = cls(table, listed, path, key, id, refs, strict, merge, form=read or FileFormat())
        operations.invoke(op)


@Operations.register_operation("delete_rows")
@dataclass
class DeleteRowsOp(GivenRows):
    """Delete rows that are there."""

    called = "delete_rows"
    foreign: bool = False
    allow_delete: bool = False

    def declaration(self, data: Path) -> str:
        """What the operation says, with a digest of its keys or of its file below ``data``."""
        said = (self.table, tuple(self.key), self.id, self.foreign, self.allow_delete)
        return f"delete {said} {self.content(data)}"

    @classmethod
    def delete_rows(
        cls,
        operations: Operations,
        table: str,
        keys: Iterable[Any] = (),
        *,
        key: Sequence[str],
        id: str | None = "id",  # noqa: A002 - the column is called so
        refs: Mapping[str, str] | None = None,
        path: str | None = None,
        foreign: bool = False,
        allow_delete: bool = False,
        **form: Any,
    ) -> None:
        """Delete the rows that own these natural keys; ``op.unseed()`` puts them back.

        ``keys`` are dicts of the ``key`` columns, or plain values if it is one
        column.  A row that was edited since the chain wrote it stays, and is
        listed.  Rows that the chain did not seed need ``foreign=True``.  More
        than one row in twenty of those that the chain has in the table needs
        ``allow_delete=True``.  Rows that something refers to stop the run.
        """
        read = file_format(form, path, others=("key", "id", "refs", "foreign")) if path else None
        rows = None if path else [k if isinstance(k, Mapping) else {key[0]: k} for k in keys]
        op = cls(table, rows, path, key, id, refs, foreign, allow_delete, form=read or FileFormat())
        operations.invoke(op)


@Operations.register_operation("unseed")
@dataclass
class UnseedOp(MigrateOperation):
    """Delete the rows that this revision inserted."""

    tables: tuple[str, ...]
    on_dependents: str | None = None
    on_edited: str | None = None

    @classmethod
    def unseed(
        cls,
        operations: Operations,
        *tables: str,
        on_dependents: str | None = None,
        on_edited: str | None = None,
    ) -> None:
        """Undo this revision, and nothing else: its rows go, changed ones are as they were.

        Children are deleted first.  With table names, only those tables' rows;
        it is an error if others stay behind.  ``on_dependents`` ("abort", "keep") and ``on_edited``
        ("abort", "delete", "keep") are this revision's defaults; the
        command's options outrank them.
        """
        operations.invoke(cls(tables, on_dependents, on_edited))


@Operations.register_operation("seed_moved")
@Operations.register_operation("seed_gone")
@dataclass
class RenameOp(MigrateOperation):
    """Say what became of a table or a column that this or an earlier revision fills."""

    old: str
    new: str | None = None
    """None: it is gone."""

    def __post_init__(self) -> None:
        if not self.old or self.new in ("", self.old):
            raise UsageError(f"op.seed_moved: {self.old!r} cannot become {self.new!r}")

    @classmethod
    def seed_moved(cls, operations: Operations, old: str, *, to: str) -> None:
        """Say that a table, or ``table.column``, has another name now.

        ``op.seed_moved("items.txt", to="items.text")``: this revision and those before it are about
        the new name wherever the schema has it, and about the old one elsewhere.  Renames nothing.
        """
        operations.invoke(cls(old, to))

    @classmethod
    def seed_gone(cls, operations: Operations, old: str) -> None:
        """Say that a table, or ``table.column``, is not there any more.

        Its values are left out wherever the schema has lost it, and the audit names them.
        """
        operations.invoke(cls(old))


def _content(rows: Sequence[Mapping[str, Any]] | None) -> str:
    digest = sha256()
    for row in rows or ():
        said = (
            sorted(row.items(), key=lambda item: str(item[0]))
            if isinstance(row, Mapping)
            else [("", row)]
        )
        for name, value in said:
            digest.update(f"{name!r}: {_text(value)!r}".encode("utf-8", "surrogatepass"))
        digest.update(b"\n")
    return digest.hexdigest()


def _text(value: Any) -> str:
    """One text for a value, however it is spelt; its type where it cannot be written anyway."""
    try:
        return canonical(value)
    except ValueError:
        return type(value).__name__


def _file(data: Path, path: str) -> str:
    try:
        return f"{path} {file_digest(data, path)}"
    except (OSError, EOFError, ValueError, UsageError, zlib.error):  # who reads it says why
        return f"{path} cannot be read"


def _take(operations: Operations, operation: MigrateOperation) -> None:
    taker: Taker | None = operations.migration_context.opts.get(OPTION)
    if taker is None:
        raise UsageError(
            "seed operations run in a seed environment only: alembic -n seed upgrade head"
        )
    taker.take(operation)


for _operation in (SeedOp, SeedRowsOp, UpdateRowsOp, DeleteRowsOp, UnseedOp, RenameOp):
    Operations.implementation_for(_operation)(_take)
