"""For every revision of TERP's chain: whatever points at its rows stops it, or it leaves no trace.

TERP's schema decides: each reference to a seeded table, by foreign key or only declared, gets a row
of somebody's own that points at a seeded row.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from projects import CHAIN, Project
from sqlalchemy import Connection

from terp_seed.database.compare import TableDigest, database_digests, differing
from terp_seed.database.dialects import Reference
from terp_seed.database.session import opened
from terp_seed.errors import RollbackError
from terp_seed.ledger.ledger import ledger_of
from terp_seed.project.project import Project as Seeds
from terp_seed.run.dependents import inbound


class Terp:
    """A TERP database, and rows of somebody's own in it."""

    def __init__(self, project: Project, url: str) -> None:
        project.run("alembic", "-x", f"url={url}", "upgrade", "head")
        self.seeds = Seeds(project.path / "alembic.ini", x=(f"url={url}",))
        self._engine = sa.create_engine(url, poolclass=sa.NullPool)
        self._made: list[str] = []
        self._next = 900_000

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA foreign_keys = OFF")  # a row need not be whole
                connection.exec_driver_sql("PRAGMA ignore_check_constraints = ON")
            elif connection.dialect.name == "postgresql":
                for table in sa.inspect(connection).get_table_names():
                    for check in sa.inspect(connection).get_check_constraints(table):
                        connection.exec_driver_sql(
                            f'ALTER TABLE "{table}" DROP CONSTRAINT "{check["name"]}"'
                        )
                connection.exec_driver_sql("SET session_replication_role = replica")
            else:
                connection.exec_driver_sql("SET FOREIGN_KEY_CHECKS = 0, sql_mode = ''")
            yield connection

    def digests(self) -> dict[str, TableDigest]:
        with self.connected() as connection:
            return database_digests(connection)

    def references(self, revision: str) -> list[tuple[Reference, int]]:
        """All references to tables that a revision seeded, with the id of a seeded row."""
        with opened(self.seeds.settings()) as session:
            ranges = ledger_of(session).ranges(session.connection, revision)
            firsts = {of.table: of.first_key or 0 for of in ranges if of.id}
            found = inbound(session, list(firsts))
            return [(each, firsts[each.target_table]) for each in found if each.target == "id"]

    def point(self, reference: Reference, target: int) -> None:
        """Add a row of somebody's own to the referring table, which points at the target."""
        with self.connected() as connection:
            columns = sa.inspect(connection).get_columns(reference.table)
            self._next += 1
            row = {
                each["name"]: _value(each, self._next)
                for each in columns
                if not each["nullable"] and each.get("default") is None
            }
            row |= {"id": self._next, reference.column: target}
            quote = connection.dialect.identifier_preparer.quote
            names = ", ".join(map(quote, row))
            marks = ", ".join(f":p{at}" for at in range(len(row)))
            values = {f"p{at}": value for at, value in enumerate(row.values())}
            table = quote(reference.table)
            connection.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({marks})"), values)
            self._made.append(f"DELETE FROM {table} WHERE id = {self._next}")

    def leave(self) -> None:
        """Take all rows of somebody's own away again."""
        with self.connected() as connection:
            for statement in self._made:
                connection.exec_driver_sql(statement)
        self._made.clear()


def _value(column: Any, number: int) -> Any:
    kind = column["type"]
    if isinstance(kind, sa.Enum):
        return kind.enums[0]
    if isinstance(kind, sa.Integer):
        return number  # other rows that it refers to need not exist
    if isinstance(kind, sa.Numeric | sa.Boolean):
        return 1
    if isinstance(kind, sa.DateTime | sa.Date):
        return "2026-01-01"
    length = getattr(kind, "length", None)
    return f"own-{number}"[:length] if length else "[]"


@pytest.mark.long
@pytest.mark.parametrize("revision", CHAIN)
def test_whatever_points_at_its_rows_stops_it(
    project: Project, database_url: str, revision: str
) -> None:
    """All are listed, nothing is deleted; without them the rollback leaves no trace."""
    terp = Terp(project, database_url)
    place = CHAIN.index(revision)
    if place:
        terp.seeds.upgrade(CHAIN[place - 1])
    clean = terp.digests()
    terp.seeds.upgrade(revision)
    seeded = terp.digests()
    pointing = terp.references(revision)
    for reference, target in pointing:
        terp.point(reference, target)
    before = terp.digests()

    if pointing:
        with pytest.raises(RollbackError) as caught:
            terp.seeds.downgrade("-1")
        listed = set(re.findall(r"\d+ in (\S+) -> (\S+) \(first: id 90", str(caught.value)))
        assert listed == {(f"{r.table}.{r.column}", r.target_table) for r, _ in pointing}
    assert differing(before, terp.digests()) == []
    terp.leave()
    assert differing(seeded, terp.digests()) == []
    terp.seeds.downgrade("-1")
    assert differing(clean, terp.digests()) == []
