"""Puts changed rows back as they were before a revision changed them.

A cell that is what the operation wrote gets its value from before; one that is neither that nor the
value from before was edited since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from terp_seed.database.dialects import KeptTable, split_table
from terp_seed.database.session import Session
from terp_seed.database.statements import Stream
from terp_seed.errors import RollbackError
from terp_seed.ledger.changes import find_loss, find_lost_columns, still_there
from terp_seed.ledger.later import changed_again, find_later_updates, find_updates_elsewhere
from terp_seed.ledger.ledger import Ledger
from terp_seed.ledger.selection import Selection
from terp_seed.plan.plan import Counts
from terp_seed.settings.log import logger

__all__ = ["Changed", "RestoreForecast", "Restorer"]

_SHOWN = 5


@dataclass(frozen=True)
class Changed:
    """A change that is to be undone."""

    kept: KeptTable
    number: int
    """Of the operation within its revision."""
    label: str
    count: int


@dataclass
class RestoreForecast:
    """What would be put back, by table, and why nothing would; empty if nothing is in the way."""

    tables: dict[str, Counts] = field(default_factory=dict)
    refusal: str = ""


@dataclass
class Restorer:
    """Puts back what an operation changed; commits nothing."""

    stream: Stream
    ledger: Ledger
    session: Session | None
    on_edited: str

    def forecast(
        self,
        changed: Iterable[Changed],
        gone: Sequence[Selection] = (),
        undone: Sequence[KeptTable] = (),
    ) -> RestoreForecast:
        """What `restore` would do with each, the last one first; reads.

        ``gone`` are rows that the same rollback deletes before, ``undone`` updates that it undoes.
        """
        forecast = RestoreForecast()
        for change in changed:
            kept, counts = self._present(change.kept), Counts(restored=change.count)
            if kept is None:
                if self.on_edited != "keep":
                    loss = self._find_loss(change.kept)
                    forecast.refusal = _loss_message(change.label, loss)
                continue
            edited = self.find_edited(kept, gone) if kept.updates else []
            if kept.updates:
                counts.restored = self._count_restored(kept, undone)
                undone = [*undone, kept]
            if edited and self.on_edited == "abort":
                forecast.refusal = _edited_message(change.label, edited)
            if not kept.updates and self.find_reappeared(kept, gone):
                forecast.refusal = _reappeared_message(change.label, kept)
            if kept.updates and (later := find_updates_elsewhere(self._open, kept)):
                forecast.refusal = _later_message(change.label, later)
            counts.edited = len(edited)
            forecast.tables.setdefault(kept.table, Counts()).add(counts)
        return forecast

    def _count_restored(self, kept: KeptTable, undone: Sequence[KeptTable]) -> int:
        """How many updated rows would get a value from before, once others are undone."""
        dialect = self.ledger.dialect
        now = self.restored_columns(undone).get(kept.table, {})
        return int(
            self._open.scalar(
                f"SELECT COUNT(*) FROM {dialect.quote_table(kept.name)} kept "
                f"JOIN {dialect.quote_table(kept.table)} live ON {dialect.match(kept)} "
                f"WHERE {self._differing(kept, now)}"
            )
        )

    def _differing(self, kept: KeptTable, now: Mapping[str, str] | None = None) -> str:
        """A condition: some cell of the row gets another value from before.

        ``now`` are expressions of what columns hold, if it is not what they hold.
        """
        held = {name: (now or {}).get(kept.live(name), "") for name in kept.columns}
        return " OR ".join(
            f"({self._returns(kept, name, held[name])} "
            f"AND NOT {self._is_before(kept, name, held[name])})"
            for name in kept.columns
        )

    def restore(self, changed: Changed) -> Counts:
        """Put the kept rows back; `RollbackError` for rows edited since, if that is not allowed."""
        kept, label = self._present(changed.kept), changed.label
        if kept is None:
            self._accept_loss(self._find_loss(changed.kept), label)
            return Counts()
        self.stream.note(f"\n{kept.table}: rows as they were before {label}")
        self._note_lost_columns(changed.kept, label)
        if not kept.updates:
            return self._insert(kept, label, changed.count)
        return self._update(kept, label, changed.count)

    @property
    def _open(self) -> Session:
        assert self.session is not None  # who looks ahead has a database
        return self.session

    def _present(self, kept: KeptTable) -> KeptTable | None:
        """The kept table with what can be put back; None if nothing can."""
        return kept if self.session is None else still_there(self.session.connection, kept)

    def _accept_loss(self, loss: str, label: str) -> None:
        """Say that values from before are gone; `RollbackError` unless that is accepted."""
        if self.on_edited != "keep":
            raise RollbackError(_loss_message(label, loss))
        logger.warning(f"{label}: {loss}, so its rows stay as they are now")

    def _find_loss(self, kept: KeptTable) -> str:
        return find_loss(self._open.connection, kept)

    def _note_lost_columns(self, kept: KeptTable, label: str) -> None:
        lost = [] if self.session is None else find_lost_columns(self.session.connection, kept)
        if lost:
            logger.warning(
                f"{label}: table {kept.table} has no {', '.join(lost)} any more; these values from "
                "before are left out"
            )

    def find_edited(self, kept: KeptTable, gone: Sequence[Selection] = ()) -> list[str]:
        """The updated cells that were edited since, by key and column; reads.

        Rows that a later revision changed again are its own to compare.
        """
        where = [f"NOT {condition}" for condition in changed_again(self._open, kept)]
        dialect = self.ledger.dialect
        flags = [
            f"CASE WHEN {self._is_edited(kept, name)} THEN 1 ELSE 0 END" for name in kept.columns
        ]
        keys = [f"kept.{dialect.quote(name)}" for name in kept.key]
        found = self._open.rows(
            f"SELECT {', '.join([*keys, *flags])} FROM {dialect.quote_table(kept.name)} kept "
            f"JOIN {dialect.quote_table(kept.table)} live ON {dialect.match(kept)} "
            f"WHERE {' AND '.join(['1 = 1', *where])}{self._without(kept, gone)}"
        )
        edited = []
        for row in found:
            names = [n for n, flag in zip(kept.columns, row[len(keys) :], strict=True) if flag]
            if names:
                key = ", ".join(map(str, row[: len(keys)]))
                said = ", ".join(map(kept.live, names))
                edited.append(f"{kept.table} {', '.join(kept.key)} = {key}: {said}")
        return edited

    def restored_columns(self, updates: Iterable[KeptTable]) -> dict[str, dict[str, str]]:
        """What columns of ``live`` will be once updates are undone: expressions, by table.

        The last of the updates is the first that was made.
        """
        dialect, tables = self.ledger.dialect, dict[str, dict[str, str]]()
        for kept in filter(None, map(self._present, updates)):
            columns = tables.setdefault(kept.table, {})
            source = f"FROM {dialect.quote_table(kept.name)} kept WHERE {dialect.match(kept)}"
            for name in kept.columns:
                live = kept.live(name)
                now = columns.get(live, f"live.{dialect.quote(live)}")
                returns = self._returns(kept, name, now)
                columns[live] = (
                    f"CASE WHEN EXISTS (SELECT 1 {source} AND {returns}) "
                    f"THEN (SELECT kept.{dialect.quote(name)} {source}) ELSE {now} END"
                )
        return tables

    def find_reappeared(self, kept: KeptTable, gone: Sequence[Selection] = ()) -> int:
        """How many rows there are at ids or natural keys of deleted ones; reads."""
        where = f" WHERE 1 = 1{self._without(kept, gone)}"
        return int(self._open.scalar(self._reappeared(kept) + where))

    def _without(self, kept: KeptTable, gone: Sequence[Selection]) -> str:
        """Conditions that leave out rows that are gone by then."""
        own = [rows for rows in gone if rows.range.table == kept.table]
        return "".join(rows.excluded(self.ledger.dialect, "live") for rows in own)

    def _update(self, kept: KeptTable, label: str, count: int) -> Counts:
        dialect = self.ledger.dialect
        self._refuse_later(kept, label)
        edited = [] if self.session is None else self.find_edited(kept)
        if edited and self.on_edited == "abort":
            raise RollbackError(_edited_message(label, edited))
        values = [
            (
                kept.live(name),
                f"CASE WHEN {self._returns(kept, name)} THEN kept.{dialect.quote(name)} "
                f"ELSE live.{dialect.quote(kept.live(name))} END",
            )
            for name in kept.columns
        ]
        update = dialect.update_live(kept, values, self._differing(kept))
        restored = self.stream.run(update, what=label)
        whole = " AND ".join(self._is_before(kept, name) for name in kept.columns)
        for sql in dialect.restore_moments(kept, whole):
            self.stream.run(sql)
        return Counts(restored=count if restored is None else restored, edited=len(edited))

    def _refuse_later(self, kept: KeptTable, label: str) -> None:
        """Refuse to go below an update of the same cells that came later, on another branch."""
        later = [] if self.session is None else find_later_updates(self.session, kept)
        if later:
            raise RollbackError(_later_message(label, later))

    def _insert(self, kept: KeptTable, label: str, count: int) -> Counts:
        what = f"no row of {kept.table} has taken the place of a deleted one"
        if self.stream.must_be_zero(self._reappeared(kept), what):
            raise RollbackError(_reappeared_message(label, kept))
        dialect = self.ledger.dialect
        if self.session is None:
            statements = dialect.restore_all_deleted(kept)
        else:
            statements = [dialect.restore_deleted(kept, self._fillable(self.session, kept))]
        for sql in statements:
            self.stream.run(sql, what=label)
        return Counts(restored=count)

    def _fillable(self, session: Session, kept: KeptTable) -> list[str]:
        """The kept columns that the table has still, and an INSERT may fill."""
        inspector = sa.inspect(session.connection)
        (schema, table), (own, name) = split_table(kept.table), split_table(kept.name)
        live = {column["name"]: column for column in inspector.get_columns(table, schema)}
        return [
            column["name"]
            for column in inspector.get_columns(name, own)
            if (there := live.get(kept.live(column["name"]))) and not there.get("computed")
        ]

    def _reappeared(self, kept: KeptTable) -> str:
        """A SELECT that counts rows at the ids or the natural keys of deleted ones."""
        dialect = self.ledger.dialect
        both = dict.fromkeys([kept.match, kept.key])
        same = " OR ".join(
            "("
            + " AND ".join(
                f"kept.{dialect.quote(n)} = live.{dialect.quote(kept.live(n))}" for n in names
            )
            + ")"
            for names in both
        )
        return (
            f"SELECT COUNT(*) FROM {dialect.quote_table(kept.table)} live "
            f"JOIN {dialect.quote_table(kept.name)} kept ON {same}"
        )

    def _returns(self, kept: KeptTable, name: str, now: str = "") -> str:
        """A condition: the cell gets its value from before; ``now`` is what it holds."""
        if self.on_edited in ("delete", "restore"):
            return "1 = 1"
        live = now or f"live.{self.ledger.dialect.quote(kept.live(name))}"
        return self.ledger.dialect.same(live, f"kept.{kept.ours(name)}")

    def _is_before(self, kept: KeptTable, name: str, now: str = "") -> str:
        live, before = map(self.ledger.dialect.quote, (kept.live(name), name))
        return self.ledger.dialect.same(now or f"live.{live}", f"kept.{before}")

    def _is_edited(self, kept: KeptTable, name: str) -> str:
        live = f"live.{self.ledger.dialect.quote(kept.live(name))}"
        written = self.ledger.dialect.same(live, f"kept.{kept.ours(name)}")
        return f"(NOT {written} AND NOT {self._is_before(kept, name)})"


def _loss_message(label: str, loss: str) -> str:
    """Why changed rows cannot be put back."""
    return (
        f"{label}: {loss}, so its changes cannot be taken back; restore it, or leave the rows as "
        "they are now with -x on-edited=keep"
    )


def _later_message(label: str, later: Sequence[str]) -> str:
    return (
        f"{label}: revision {', '.join(later)} was applied later and updated cells of the same "
        "rows, so nothing was changed; roll that one back first"
    )


def _reappeared_message(label: str, kept: KeptTable) -> str:
    """Why deleted rows cannot be put back."""
    return (
        f"{label}: rows of {kept.table} that were added since have the id or the key of deleted "
        "ones, so nothing was changed; remove or rename them, and run the command again"
    )


def _edited_message(label: str, edited: Sequence[str]) -> str:
    more = f" and {len(edited) - _SHOWN} more" if len(edited) > _SHOWN else ""
    return (
        f"{label}: cells were edited since the seed changed them ({'; '.join(edited[:_SHOWN])}"
        f"{more}), so nothing was changed; -x on-edited=keep leaves them (docs/troubleshooting.md "
        "says how to put the values from before there)"
    )
