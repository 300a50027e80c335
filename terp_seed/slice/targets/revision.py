"""A slice as a seed revision: frozen JSON Lines below ``seeds/data/frozen/``, up and down like any.

The rows are masked as they are frozen, and pass the boundary once more when they go in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import TextIO

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.errors import GuardError, PlanError, UsageError
from terp_seed.mask_database.blocks import opened_document
from terp_seed.project.new_revision import all_or_nothing, revision_id, write_revision
from terp_seed.project.operation_text import call, frozen_lines
from terp_seed.project.project import Project
from terp_seed.rows.files import FROZEN, file_digest, frozen_name
from terp_seed.rows.model import Value
from terp_seed.settings.options import Settings
from terp_seed.slice.order import TableOrder, order_tables
from terp_seed.slice.targets.files import begin_file
from terp_seed.slice.targets.natural_keys import RowNaming, name_rows
from terp_seed.slice.targets.target import Columns, Content, SliceTarget

__all__ = ["RevisionTarget"]

_UNSAFE = re.compile(r"[^a-z0-9_]+")


class RevisionTarget(SliceTarget):
    """A revision named after a folder below ``seeds/``."""

    def __init__(self, project: Project, settings: Settings, folder: Path) -> None:
        self._project, self._settings = project, settings
        self._name = _UNSAFE.sub("_", folder.name.lower()).strip("_")
        self._folder = folder
        self._files: dict[str, TextIO] = {}
        self._named: dict[str, RowNaming] = {}
        self.title = f"revision {self._name}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for table, file in self._files.items():
            file.close()
            self._partial(table).unlink(missing_ok=True)
        with suppress(OSError):  # it holds files of other revisions
            self._frozen.rmdir()

    @property
    def _frozen(self) -> Path:
        return self._settings.data / FROZEN

    def _partial(self, table: str) -> Path:
        return self._frozen / f"{self._name}.{table}.partial"

    def check(self) -> None:
        inside = self._folder.resolve().is_relative_to(self._settings.home.resolve())
        if not inside or not self._name:
            raise UsageError(
                f"--to: {self._folder}/ is not a folder below {self._settings.home.name}/; a "
                f"revision is named as {self._settings.home.name}/datasets/NAME/"
            )
        directory = self._project.directory()
        taken = [script.revision for script in directory.walk_revisions()]
        self._revision = revision_id(taken, self._name)
        self.title = f"revision {self._revision}"

    def begin(self, content: Content) -> TableOrder:
        self._order = order_tables(content.facts, content.references)
        if self._order.tied:
            raise PlanError(
                f"tables {', '.join(self._order.tied)} refer to each other in a circle of columns "
                "that may not be NULL, so no revision can write one first; use a database or a "
                "script as the target"
            )
        dialect = content.closure.source.session.dialect
        self._named = name_rows(content, self._order, dialect)
        self._left_out = {
            table: frozenset(_unwritable(named.facts)) for table, named in self._named.items()
        }
        try:
            self._frozen.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise GuardError(f"--to: {self._frozen} cannot be made: {error.strerror}") from None
        for table in self._order.tables:
            self._files[table] = begin_file(self._partial(table))
        return self._order

    def read_beside(self, table: str) -> Mapping[str, str]:
        return self._named[table].beside

    def write(self, table: str, columns: Columns) -> None:
        named = self._named[table]
        left_out = {*self._left_out[table]}
        if named.gives_id and named.facts.integer_key:
            left_out.add(named.facts.integer_key)
        cells = {
            name: _typed(named.facts, name, values)
            for name, values in columns.items()
            if name not in left_out
        }
        file = self._files[table]
        file.writelines(f"{line}\n" for line in frozen_lines(cells))

    def finish(self) -> None:
        directory = self._project.directory()
        with all_or_nothing(directory):
            calls = [self._freeze(table) for table in self._order.tables]
            body = "\n".join(calls).replace("\n", "\n    ")
            write_revision(directory, self._revision, self._name.replace("_", " "), body)
        self._files.clear()

    def _freeze(self, table: str) -> str:
        """Give a file its name, and return the operation that seeds it."""
        self._files[table].close()
        partial = self._partial(table)
        digest = file_digest(self._settings.data, f"{FROZEN}/{partial.name}")
        name = frozen_name(f"{self._revision}.{table}", digest)
        partial.rename(self._settings.data / name)
        return call("seed_file", table, None, {"path": name, **self._named[table].options})


def _unwritable(facts: TableFacts) -> list[str]:
    """Columns that no file can hold; `PlanError` for one that cannot be left out."""
    names = [name for name, column in facts.columns.items() if column.unwritable]
    for name in names:
        column = facts.columns[name]
        if not column.nullable and not column.filled:
            raise PlanError(
                f"{facts.name}.{name} is of type {column.unwritable}, which no file of rows can "
                "hold; use a database or a script as the target"
            )
    return names


def _typed(facts: TableFacts, name: str, values: Sequence[Value]) -> Sequence[Value]:
    """Values as a file of rows tells them apart: documents are opened."""
    if isinstance(facts.columns[name].type, sa.JSON):
        return [opened_document(value) for value in values]
    return values
