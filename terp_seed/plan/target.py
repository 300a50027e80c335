"""Where a run's statements go: to a database, or into a script that is made without one."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from alembic.script import Script
from sqlalchemy.engine import Connection

from terp_seed.database.dialects import dialect_named
from terp_seed.database.session import Session, books_of
from terp_seed.database.statements import Printed, Stream
from terp_seed.ledger.ledger import Header, Ledger, Place, Range, ledger_of
from terp_seed.ledger.selection import RetainedRows, find_retained_rows
from terp_seed.plan.plan import Plan
from terp_seed.settings.options import Settings

__all__ = ["Target"]


@dataclass(frozen=True)
class Target:
    """Where a run's statements go, and what is known of the database there."""

    settings: Settings
    stream: Stream
    ledger: Ledger
    dialect_name: str
    """SQLAlchemy's name of the engine."""
    session: Session | None = None
    """The database; None for a script, which goes by the plan alone."""

    @classmethod
    def live(cls, session: Session) -> Target:
        """A database.  Its ledger says what earlier revisions seeded."""
        name = session.connection.dialect.name
        return cls(session.settings, session.stream, ledger_of(session), name, session)

    @classmethod
    def script(cls, settings: Settings, out: TextIO) -> Target:
        """A script, made without a database: the plan says what earlier revisions seeded."""
        dialect = dialect_named(settings.url.get_backend_name())
        ledger = Ledger(dialect, books_of(settings, dialect), settings.chain)
        return cls(settings, Printed(out, dialect), ledger, settings.url.get_dialect()().name)

    @property
    def connection(self) -> Connection | None:
        return None if self.session is None else self.session.connection

    def headers(self) -> Mapping[str, Header]:
        return {} if self.connection is None else self.ledger.headers(self.connection)

    def retained(self, places: Collection[Place]) -> RetainedRows:
        """What earlier rollbacks left of some ranges."""
        if self.session is None or not places:
            return {}
        return find_retained_rows(self.session, places)

    def ranges_before(
        self, plan: Plan, lineage: Sequence[Script], revision: str
    ) -> Mapping[str, Range]:
        """The generated ranges of the revisions before one."""
        if self.connection is None:
            return plan.ranges_before(revision)
        names = [script.revision for script in lineage]
        place = {name: number for number, name in enumerate(names[: names.index(revision)])}
        ranges = [
            seeded
            for seeded in self.ledger.ranges(self.connection)
            if seeded.revision in place and seeded.shape.provenance == "synthetic"
        ]
        ranges.sort(key=lambda seeded: (place[seeded.revision], seeded.number))
        return {seeded.table: seeded for seeded in ranges}
