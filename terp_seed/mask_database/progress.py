"""How far masking in place has come, in the database itself.

A *pass* masks some columns of one table, in the order of its primary key.  Its
row says how far it is, and commits with each block: after ``kill -9`` the next
run continues behind the last row that was masked, and never masks one twice.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.session import Session

__all__ = ["MaskedColumn", "Pass", "PassTable"]


@dataclass(frozen=True)
class MaskedColumn:
    """How a pass masks one column, or parts of it."""

    kind: str
    """Its class."""
    strategy: str
    parts: Mapping[str, str] = field(default_factory=dict)
    """The masked parts, each with a digest of the rule: paths of a document, and under ``""`` what
    no path names; of any other column ``""`` alone."""
    earlier: str = ""
    """The rules by which values were masked before that are masked once more."""


@dataclass(frozen=True)
class Pass:
    """Some columns of a table, how they are masked, and up to where."""

    table: str
    number: int
    environment: str
    key_id: str | None
    policy: str
    columns: Mapping[str, MaskedColumn] = field(default_factory=dict)
    state: str = "new"
    """``new``: not in the database yet; ``running``; ``parked``: masked, some values
    still carry the mark; ``done``."""
    last_key: tuple[str, ...] | None = None
    """The literals of the last masked row's key; None where the key is masked itself."""
    rows: int = 0
    blocks: int = 0


class PassTable:
    """The table ``terp_seed_masking``; writes in the caller's transaction."""

    def __init__(self, session: Session) -> None:
        self._session, self._table = session, session.books.masking

    def exists(self) -> bool:
        """Whether anything was ever masked in place here."""
        return table_exists(self._session.connection, self._table)

    def create(self) -> None:
        """Make the table; commits on MySQL."""
        self._table.create(self._session.connection, checkfirst=True)

    def passes(self) -> list[Pass]:
        """All passes, table by table, in the order in which they were begun."""
        if not self.exists():
            return []
        table, block = self._table, self._table.alias()
        blocks = sa.select(sa.func.max(block.c.block_no)).where(
            block.c.table_name == table.c.table_name, block.c.pass_no == table.c.pass_no
        )
        rows = self._run(
            sa.select(table, blocks.scalar_subquery().label("blocks"))
            .where(table.c.block_no == 0)
            .order_by(table.c.table_name, table.c.pass_no)
        )
        return [
            Pass(
                table=row.table_name,
                number=row.pass_no,
                environment=row.environment,
                key_id=row.key_id,
                policy=row.policy_digest,
                columns={n: MaskedColumn(**c) for n, c in json.loads(row.columns).items()},
                state=row.state,
                last_key=tuple(json.loads(row.last_key)) if row.last_key else None,
                rows=row.row_count,
                blocks=row.blocks,
            )
            for row in rows
        ]

    def begin(self, new: Pass) -> None:
        """Write a pass down, before its first block."""
        self._insert(new, 0, state="running", columns=_text(new.columns), row_count=0)

    def settle(self, made: Pass) -> None:
        """Write down what a pass masks from now on, where a policy was corrected."""
        self._run(sa.update(self._table).where(*self._is(made)).values(columns=_text(made.columns)))

    def advance(self, made: Pass, originals: bytes = b"") -> Pass:
        """Write down how far a pass is, and the digests of one block's originals."""
        self._run(
            sa.update(self._table)
            .where(*self._is(made))
            .values(
                state=made.state,
                last_key=None if made.last_key is None else json.dumps(made.last_key),
                row_count=made.rows,
                written_at=self._now,
            )
        )
        if not originals:
            return made
        made = replace(made, blocks=made.blocks + 1)
        self._insert(made, made.blocks, state="block", originals=originals)
        return made

    def keep_sample(self, made: Pass, cells: bytes) -> None:
        """Keep the digests of some masked cells, by which a restored copy is noticed.

        They are where other rows have digests of originals, and are not forgotten with those.
        """
        self._run(sa.update(self._table).where(*self._is(made)).values(originals=cells))

    def sample(self, made: Pass) -> set[int]:
        """The digests of some cells as masking left them; empty until a pass is done."""
        packed = self._run(sa.select(self._table.c.originals).where(*self._is(made))).scalar()
        numbers = array("Q")
        numbers.frombytes(bytes(packed or b""))
        return {*numbers}

    def forget(self, tables: Sequence[str]) -> None:
        """Forget all passes over these tables, as after restoring a fresh copy."""
        self._run(sa.delete(self._table).where(self._table.c.table_name.in_(tables)))

    def forget_originals(self) -> int:
        """Delete the digests of the originals; returns how many blocks held some."""
        return int(self._run(sa.delete(self._table).where(self._table.c.block_no > 0)).rowcount)

    def originals(self) -> Iterator[array[int]]:
        """The digests of the originals, block by block, as 64-bit numbers."""
        if not self.exists():
            return
        blocks = sa.select(self._table.c.originals).where(self._table.c.block_no > 0)
        for (packed,) in self._run(blocks.execution_options(stream_results=True)):
            numbers = array("Q")
            numbers.frombytes(bytes(packed))
            yield numbers

    def _is(self, made: Pass) -> list[sa.ColumnElement[bool]]:
        table = self._table.c
        return [
            table.table_name == made.table,
            table.pass_no == made.number,
            table.block_no == 0,
        ]

    def _insert(self, made: Pass, block: int, **values: object) -> None:
        self._run(
            sa.insert(self._table).values(
                table_name=made.table,
                pass_no=made.number,
                block_no=block,
                environment=made.environment,
                key_id=made.key_id,
                policy_digest=made.policy,
                written_at=self._now,
                **values,
            )
        )

    def _run(self, statement: sa.Executable) -> sa.CursorResult[Any]:
        return self._session.connection.execute(statement)

    @property
    def _now(self) -> sa.ColumnElement[str]:
        return sa.literal_column(self._session.dialect.now)


def _text(columns: Mapping[str, MaskedColumn]) -> str:
    return json.dumps({name: asdict(column) for name, column in columns.items()})
