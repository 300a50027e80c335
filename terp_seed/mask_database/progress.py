"""How far masking in place has come, in the database itself.

A *pass* masks some columns of one table, in the order of its primary key.  Its
row says how far it is, and commits with each block: after ``kill -9`` the next
run goes on behind the last row that was masked, and never masks one twice.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import sqlalchemy as sa

from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists

__all__ = ["Pass", "Progress"]


@dataclass(frozen=True)
class Pass:
    """Some columns of a table, how they are masked, and up to where."""

    table: str
    number: int
    environment: str
    key_id: str | None
    policy: str
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Column: its class and strategy."""
    state: str = "running"
    """``running``; ``parked``: masked, some values still carry the mark; ``done``."""
    last_key: tuple[str, ...] | None = None
    """The literals of the last masked row's key; None where the key is masked itself."""
    rows: int = 0
    blocks: int = 0
    begun: bool = False
    """Whether it is written down."""


@dataclass(frozen=True)
class Progress:
    """The table ``terp_seed_masking``; writes in the caller's transaction."""

    session: Session

    @property
    def _table(self) -> sa.Table:
        return self.session.books.masking

    def exists(self) -> bool:
        """Whether anything was ever masked in place here."""
        table = self._table
        return table_exists(self.session.connection, table)

    def create(self) -> None:
        """Make the table; commits on MySQL."""
        self._table.create(self.session.connection, checkfirst=True)

    def passes(self) -> list[Pass]:
        """All passes, table by table, in the order in which they were begun."""
        if not self.exists():
            return []
        table = self._table
        rows = self.session.connection.execute(
            sa.select(table)
            .where(table.c.block_no == 0)
            .order_by(table.c.table_name, table.c.pass_no)
        )
        return [_pass(row, self._blocks(row.table_name, row.pass_no)) for row in rows]

    def begin(self, new: Pass) -> None:
        """Write a pass down, before its first block."""
        self._insert(new, 0, state=new.state, columns=json.dumps(new.columns), row_count=0)

    def advance(self, of: Pass, originals: bytes) -> Pass:
        """Write down how far a pass is, and the digests of one block's originals."""
        table = self._table
        self.session.connection.execute(
            sa.update(table)
            .where(self._is(of), table.c.block_no == 0)
            .values(
                state=of.state,
                last_key=None if of.last_key is None else json.dumps(of.last_key),
                row_count=of.rows,
                written_at=self._now(),
            )
        )
        if originals:
            of = replace(of, blocks=of.blocks + 1)
            self._insert(of, of.blocks, state="block", originals=originals)
        return of

    def forget(self, tables: Sequence[str]) -> None:
        """Forget all passes over these tables, as after restoring a fresh copy."""
        self.session.connection.execute(
            sa.delete(self._table).where(self._table.c.table_name.in_(tables))
        )

    def forget_originals(self) -> int:
        """Delete the digests of what was there; returns how many blocks held some."""
        result = self.session.connection.execute(
            sa.delete(self._table).where(self._table.c.block_no > 0)
        )
        return result.rowcount

    def originals(self) -> Iterator[array[int]]:
        """The digests of what was there, block by block, as 64-bit numbers."""
        if not self.exists():
            return
        table = self._table
        rows = self.session.connection.execute(
            sa.select(table.c.originals).where(table.c.block_no > 0),
            execution_options={"stream_results": True},
        )
        for (packed,) in rows:
            numbers = array("Q")
            numbers.frombytes(bytes(packed))
            yield numbers

    def _blocks(self, name: str, number: int) -> int:
        table = self._table
        where = (table.c.table_name == name, table.c.pass_no == number)
        last = sa.select(sa.func.max(table.c.block_no)).where(*where)
        return int(self.session.connection.execute(last).scalar_one())

    def _insert(self, of: Pass, block: int, **values: object) -> None:
        self.session.connection.execute(
            sa.insert(self._table).values(
                table_name=of.table,
                pass_no=of.number,
                block_no=block,
                environment=of.environment,
                key_id=of.key_id,
                policy_digest=of.policy,
                written_at=self._now(),
                **values,
            )
        )

    def _is(self, of: Pass) -> sa.ColumnElement[bool]:
        table = self._table
        return sa.and_(table.c.table_name == of.table, table.c.pass_no == of.number)

    def _now(self) -> sa.ColumnElement[str]:
        return sa.literal_column(self.session.dialect.now)


def _pass(row: sa.Row[tuple[object, ...]], blocks: int) -> Pass:
    return Pass(
        row.table_name,
        row.pass_no,
        row.environment,
        row.key_id,
        row.policy_digest,
        json.loads(row.columns),
        row.state,
        tuple(json.loads(row.last_key)) if row.last_key else None,
        row.row_count,
        blocks,
        begun=True,
    )
