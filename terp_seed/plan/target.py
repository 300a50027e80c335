"""Where a run's statements go: to a database, or into a script that is made without one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TextIO

from alembic.script import Script
from sqlalchemy.engine import Connection

from terp_seed.database.dialects import dialect_named
from terp_seed.database.session import Session, books_of
from terp_seed.database.statements import Printed, Stream
from terp_seed.ledger.ledger import Header, Ledger, Range, ledger_of
from terp_seed.ledger.selection import RetainedRows, find_retained_rows
from terp_seed.plan.plan import Plan
from terp_seed.settings.options import Settings

__all__ = ["LiveTarget", "ScriptTarget", "Target"]


class Target(Protocol):
    """Where a run's statements go, and what is known of the database there."""

    @property
    def settings(self) -> Settings:
        """What was asked for."""

    @property
    def stream(self) -> Stream:
        """Takes the statements."""

    @property
    def ledger(self) -> Ledger:
        """The chain's ledger."""

    @property
    def connection(self) -> Connection | None:
        """The database, if there is one to read."""

    @property
    def dialect_name(self) -> str:
        """SQLAlchemy's name of the engine."""

    def headers(self) -> Mapping[str, Header]:
        """The revisions that the ledger knows."""

    def retained(self) -> RetainedRows:
        """The rows that earlier rollbacks left in place."""

    def ranges_before(
        self, plan: Plan, lineage: Sequence[Script], revision: str
    ) -> Mapping[str, Range]:
        """The generated ranges of the revisions before one."""


@dataclass(frozen=True)
class LiveTarget:
    """A database.  Its ledger says what earlier revisions seeded."""

    session: Session

    @property
    def settings(self) -> Settings:
        return self.session.settings

    @property
    def stream(self) -> Stream:
        return self.session.stream

    @property
    def ledger(self) -> Ledger:
        return ledger_of(self.session)

    @property
    def connection(self) -> Connection:
        return self.session.connection

    @property
    def dialect_name(self) -> str:
        return self.session.connection.dialect.name

    def headers(self) -> Mapping[str, Header]:
        return self.ledger.headers(self.connection)

    def retained(self) -> RetainedRows:
        return find_retained_rows(self.session)

    def ranges_before(
        self, plan: Plan, lineage: Sequence[Script], revision: str
    ) -> dict[str, Range]:
        names = [script.revision for script in lineage]
        place = {name: number for number, name in enumerate(names[: names.index(revision)])}
        ranges = [
            seeded
            for seeded in self.ledger.ranges(self.connection)
            if seeded.revision in place and seeded.shape.provenance == "synthetic"
        ]
        ranges.sort(key=lambda seeded: (place[seeded.revision], seeded.number))
        return {seeded.table: seeded for seeded in ranges}


@dataclass(frozen=True)
class ScriptTarget:
    """A script, made without a database: the plan says what earlier revisions seeded."""

    out: TextIO
    settings: Settings

    @cached_property
    def stream(self) -> Stream:
        return Printed(self.out, self.ledger.dialect)

    @cached_property
    def ledger(self) -> Ledger:
        dialect = dialect_named(self.settings.url.get_backend_name())
        return Ledger(dialect, books_of(self.settings, dialect), self.settings.chain)

    @property
    def connection(self) -> None:
        return None

    @property
    def dialect_name(self) -> str:
        return str(self.settings.url.get_dialect()().name)

    def headers(self) -> Mapping[str, Header]:
        return {}

    def retained(self) -> RetainedRows:
        return {}

    def ranges_before(
        self, plan: Plan, lineage: Sequence[Script], revision: str
    ) -> Mapping[str, Range]:
        return plan.ranges_before(revision)
