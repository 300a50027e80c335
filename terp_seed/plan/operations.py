"""The operations of a seed revision: ``from alembic import op`` is all it needs.

They are registered with Alembic when this module is imported, and hand
themselves to whatever is running the revision: the recorder that makes the
plan, or the writer.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from alembic.operations import MigrateOperation, Operations

from terp_seed.errors import UsageError
from terp_seed.rows.file_format import FileFormat, file_format
from terp_seed.rows.files import file_digest, read_batches
from terp_seed.rows.imported import Batch, Origin, row_batches
from terp_seed.rows.literals import canonical

__all__ = ["OPTION", "SeedOp", "SeedRowsOp", "Taker", "UnseedOp"]

OPTION = "terp_seed"
"""The option of a migration context that holds its `Taker`."""

_ON_CONFLICT = ("stop", "skip")


class Taker(Protocol):
    """What runs a revision: takes its operations one by one."""

    def take(self, operation: MigrateOperation) -> None:
        """Record the operation, or perform it."""


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

        How many, and of which root seed and as-of day, the run's settings
        say.  The rows are synthetic to the masking boundary.
        """
        operations.invoke(cls(seeder))


@Operations.register_operation("seed_rows")
@Operations.register_operation("seed_file")
@dataclass
class SeedRowsOp(MigrateOperation):
    """Insert rows that are given, in the revision or in a file."""

    table: str
    rows: Sequence[Mapping[str, Any]] | None = None
    path: str | None = None
    key: Sequence[str] = ()
    id: str | None = "id"
    refs: Mapping[str, str] | None = None
    on_conflict: str = "stop"
    later: Sequence[str] = ()
    form: FileFormat = field(default_factory=FileFormat)

    def __post_init__(self) -> None:
        if self.on_conflict not in _ON_CONFLICT:
            raise UsageError(
                f"table {self.table}: on_conflict={self.on_conflict!r} is not possible; one of "
                f"{', '.join(_ON_CONFLICT)}"
            )

    @property
    def skip_taken(self) -> bool:
        """Whether rows are left out whose natural key is taken."""
        return self.on_conflict == "skip"

    def declaration(self, data: Path) -> str:
        """What the operation says, with a digest of its rows or of its file below ``data``."""
        refs = sorted((self.refs or {}).items())
        said = (self.table, tuple(self.key), self.id, refs, self.skip_taken, self.form.keep_empty)
        content = _content(self.rows) if self.path is None else _file(data, self.path)
        later = f" later={sorted(self.later)}" if self.later else ""
        return f"rows {said} {content}{later}{replace(self.form, keep_empty=())}"

    def batches(self, data: Path) -> Iterator[Batch]:
        """The rows, some at a time, from the revision or from the file below ``data``."""
        if self.path is not None:
            yield from read_batches(data, self.path, self.form)
            return
        origin = Origin(f"table {self.table}")
        yield from (batch for _, batch in row_batches(enumerate(self.rows or (), 1), origin))

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
    ) -> None:
        """Insert these rows, dicts with the same columns.

        ``table`` may be ``schema.table``, on MySQL ``database.table``.
        ``key`` names the natural key.  A row that already owns one stops the
        run before it writes; ``on_conflict="skip"`` leaves it alone instead.
        ``id`` is the table's integer key, which the run fills; None for a
        table without one.  ``refs`` maps a column to ``"table.column"``,
        where its values are looked up; columns in ``later`` refer to rows
        that come later in the revision, and are NULL until then.
        """
        listed = list(rows)
        operations.invoke(cls(table, listed, None, key, id, refs, on_conflict, later))

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
        **form: Any,
    ) -> None:
        """Insert the rows of a file below ``seeds/data/``: CSV, JSON or JSON Lines.

        As ``seed_rows``.  Further parameters say how the file is to be read: ``delimiter``,
        ``quote``, ``encoding``, ``decimal``, ``columns``, ``null``, ``keep_empty``, ``rename``,
        ``omit``, ``types``.
        """
        read = file_format(form, path, others=("key", "id", "refs", "on_conflict", "later"))
        operations.invoke(cls(table, None, path, key, id, refs, on_conflict, later, read))


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
        """Delete all rows of this revision, children first, and nothing else.

        With table names, only those tables' rows; it is an error if others
        stay behind.  ``on_dependents`` ("abort", "keep") and ``on_edited``
        ("abort", "delete", "keep") are this revision's defaults; the
        command's options outrank them.
        """
        operations.invoke(cls(tables, on_dependents, on_edited))


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
    except (OSError, EOFError, zlib.error):
        return f"{path} cannot be read"


def _take(operations: Operations, operation: MigrateOperation) -> None:
    taker: Taker | None = operations.migration_context.opts.get(OPTION)
    if taker is None:
        raise UsageError(
            "seed operations run in a seed environment only: alembic -n seed upgrade head"
        )
    taker.take(operation)


for _operation in (SeedOp, SeedRowsOp, UnseedOp):
    Operations.implementation_for(_operation)(_take)
