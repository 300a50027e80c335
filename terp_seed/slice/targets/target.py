"""What every target of a slice does, and what it is told."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from terp_seed.database.dialects import Dialect
from terp_seed.database.schema import TableFacts
from terp_seed.rows.model import Value
from terp_seed.slice.closure import Closure
from terp_seed.slice.order import TableOrder
from terp_seed.slice.plan import SlicePlan
from terp_seed.slice.references import SliceReference

__all__ = ["Columns", "Content", "SliceTarget"]

Columns = Mapping[str, Sequence[Value]]


@dataclass(frozen=True)
class Content:
    """What a slice is going to write."""

    closure: Closure
    plan: SlicePlan
    columns: Mapping[str, Sequence[str]]
    """By table, the columns that are written."""

    @property
    def facts(self) -> Mapping[str, TableFacts]:
        """The tables as the source has them."""
        return {table.table: self.closure.facts(table.table) for table in self.plan.tables}

    @property
    def references(self) -> list[SliceReference]:
        """The references between tables that are written."""
        names = {table.table for table in self.plan.tables}
        return [
            each
            for each in self.closure.references
            if each.table in names and each.target in names and not self.closure.is_cut(each)
        ]

    def allowed_orphans(self, reference: SliceReference) -> int:
        """How many rows may refer to no row: those that the source has, and that were taken so."""
        taken = self.closure.request.orphans == "take"
        return self.closure.orphans.get(reference, 0) if taken else 0


class SliceTarget(AbstractContextManager["SliceTarget"], ABC):
    """A target; left by an error it keeps nothing."""

    title: str
    """What it is, in words."""

    def takes_exactly(self, dialect: Dialect) -> bool:
        """Whether values are read as this engine alone writes them again."""
        return False

    @abstractmethod
    def check(self) -> None:
        """Raise a `SeedError` if nothing can be written there; the source was not read yet."""

    @abstractmethod
    def begin(self, content: Content) -> TableOrder:
        """Prepare for these tables and tell their order; raise a `SeedError` if they do not fit."""

    def read_beside(self, table: str) -> Mapping[str, str]:
        """Expressions that are read in the place of columns, after masking."""
        return {}

    @abstractmethod
    def write(self, table: str, columns: Columns) -> None:
        """Write a block of masked rows of a table."""

    @abstractmethod
    def finish(self) -> None:
        """Prove what was written, and keep it."""
