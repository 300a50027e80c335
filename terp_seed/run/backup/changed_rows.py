"""Restoring what a revision had updated or deleted: its kept tables, and the deletions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.dialects import KeptTable, split_table
from terp_seed.database.session import Session
from terp_seed.ledger.changes import CHANGE_STATES, kept_table
from terp_seed.ledger.ledger import Range, ledger_of
from terp_seed.run.backup.staging import Staged, rows_in_the_way

__all__ = ["ChangedRows"]


@dataclass(frozen=True)
class ChangedRows:
    """The kept tables of a backup."""

    session: Session
    kept: Sequence[KeptTable]

    @classmethod
    def of(cls, session: Session, entries: Sequence[Staged]) -> ChangedRows:
        """Those that the staged entries of the ledger tell of."""
        kept: list[KeptTable] = []
        states = ", ".join(map(session.dialect.text, CHANGE_STATES))
        for table in entries:
            sql = (
                "SELECT revision, range_no, table_name, row_count, detail, state "
                f"FROM {session.dialect.quote(table.name)} WHERE state IN ({states}) "
                "ORDER BY revision, range_no"
            )
            for revision, number, name, count, detail, state in session.rows(sql):
                said = json.loads(detail)
                range_ = Range(revision, number, name, count, said["id"])
                updates = state == "updated"
                ledger, columns = ledger_of(session), said["columns"]
                kept.append(kept_table(ledger, range_, said["key"], columns, updates=updates))
        return cls(session, kept)

    @property
    def tables(self) -> set[str]:
        """The tables whose rows were changed."""
        return {kept.table for kept in self.kept}

    @contextmanager
    def made(self) -> Iterator[None]:
        """Create the kept tables that are gone; they go again if the restore fails."""
        made, dialect = list[KeptTable](), self.session.dialect
        for kept in self.kept:
            schema, name = split_table(kept.name)
            if not sa.inspect(self.session.connection).has_table(name, schema=schema):
                for sql in dialect.create_kept(kept):
                    self.session.stream.run(sql, what="kept rows")
                made.append(kept)
        try:
            yield
        except BaseException:
            self.session.end_transaction()
            for kept in made:
                self.session.stream.run(dialect.drop_kept(kept), what="kept rows")
            self.session.commit()
            raise

    def order(self, rows: Sequence[Staged]) -> list[Staged]:
        """The staged tables, revision by revision: kept rows, then inserted, then updated ones."""
        places: dict[str | None, int] = {}
        for table in rows:
            places.setdefault(table.revision, len(places))

        def place(table: Staged) -> tuple[int, bool, bool]:
            kept = is_bookkeeping(split_table(table.stored.table)[1])
            return places[table.revision], table.stored.masked, not kept

        return sorted(rows, key=place)

    def delete_again(self, name: str, before: Sequence[Staged]) -> None:
        """Delete the rows of a kept table that the rollback had put back.

        ``before`` are the tables that are restored by now.  `VerificationError` if another row was
        edited since.
        """
        dialect = self.session.dialect
        for kept in (kept for kept in self.kept if kept.name == name and not kept.updates):
            restored = [table for table in before if table.stored.table == kept.table]
            edited = self.session.scalar(
                f"SELECT COUNT(*) FROM {dialect.quote_table(kept.name)} kept "
                f"JOIN {dialect.quote_table(kept.table)} live ON {dialect.match(kept)} "
                f"WHERE NOT ({self._same(kept)})"
                + "".join(f" AND NOT {table.holds('live')}" for table in restored)
            )
            if edited:
                raise rows_in_the_way(f"{edited} of {kept.table}")
            self.session.stream.run(dialect.delete_live(kept), what=f"restore, {kept.table}")

    def _same(self, kept: KeptTable) -> str:
        """A condition: a row is as it was kept."""
        dialect = self.session.dialect
        schema, name = split_table(kept.table)
        columns = sa.inspect(self.session.connection).get_columns(name, schema=schema)
        return " AND ".join(
            dialect.same(f"live.{dialect.quote(one)}", f"kept.{dialect.quote(one)}")
            for one in (column["name"] for column in columns)
        )
