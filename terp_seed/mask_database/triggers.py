"""What triggers write while rows are masked: which fire, and which tables grow.

An UPDATE of a row can copy what the row held before to another table.  Tables that the policy
lists are masked after those whose triggers name them, and again until no row is left.  Of the
others the rows are counted before and after: what appeared there may be originals.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.dialects import Trigger, join_table
from terp_seed.database.schema import Schema
from terp_seed.database.session import Session
from terp_seed.errors import MaskingError, VerificationError
from terp_seed.ledger.audit import read_events
from terp_seed.mask_database.plan import PassPlan

__all__ = [
    "count_rows",
    "earlier_counts",
    "fired",
    "grown",
    "order_by_triggers",
    "refuse_grown",
    "refuse_updating",
]

_UPDATE = re.compile(r"\bupdate\s+(?:only\s+)?(?:[\w\"`\[]+\.)?[\"`\[]?(\w+)", re.IGNORECASE)


def fired(plans: Iterable[PassPlan]) -> list[str]:
    """The triggers that these passes set off, each with its table."""
    return list(dict.fromkeys(name for plan in plans if plan.rows for name in plan.triggers))


def order_by_triggers(session: Session, plans: Sequence[PassPlan]) -> list[PassPlan]:
    """The passes, those over a table after those over the tables whose triggers name it.

    They also come after those whose texts lose its names.
    """
    triggers = session.dialect.all_triggers(session.connection)
    named = {plan.table.casefold(): _named_by(triggers, plan.table) for plan in plans}
    for plan in plans:
        named[plan.table.casefold()] |= {name.table.casefold() for name in plan.referred.values()}
    done: dict[str, None] = {}

    def visit(table: str, on_the_way: frozenset[str]) -> None:
        for other in sorted(named[table] & named.keys() - on_the_way, reverse=True):
            if other not in done:
                visit(other, on_the_way | {other})
        done.setdefault(table)

    for table in reversed(named):
        if table not in done:
            visit(table, frozenset([table]))
    places = {table: -place for place, table in enumerate(done)}
    return sorted(plans, key=lambda plan: places[plan.table.casefold()])


def _named_by(triggers: Sequence[Trigger], table: str) -> set[str]:
    """The words of all that the triggers of a table do."""
    texts = (trigger.text for trigger in triggers if trigger.table.casefold() == table.casefold())
    return {word.casefold() for text in texts for word in re.findall(r"\w+", text)}


def refuse_updating(session: Session, plans: Sequence[PassPlan]) -> None:
    """Raise `MaskingError` if a trigger that fires updates rows of another table that is masked.

    It leaves no new row: nothing would tell the originals that it copies from masked values.
    """
    masked = {plan.table.casefold(): plan.table for plan in plans}
    fires = {plan.table.casefold() for plan in plans if plan.rows}
    for trigger in session.dialect.all_triggers(session.connection):
        own = trigger.table.casefold()
        updated = {found.casefold() for found in _UPDATE.findall(trigger.text)}
        for name in sorted(updated & masked.keys() - {own}) if own in fires else ():
            raise MaskingError(
                f"trigger {trigger.name} of {trigger.table} updates rows of {masked[name]}, which "
                "is masked too, so originals that it copies could not be told from masked values; "
                "drop the trigger in this copy"
            )


def count_rows(session: Session) -> dict[str, int]:
    """How many rows each table of the application has, those of other schemas included."""
    dialect, connection = session.dialect, session.connection
    names = {name: dialect.quote(name) for name in sorted(Schema(session).tables)}
    for schema, table in dialect.readable_elsewhere(connection):
        full = join_table(schema, table)
        names[full] = dialect.quote_table(full)
    return {
        name: int(session.scalar(f"SELECT COUNT(*) FROM {quoted}"))
        for name, quoted in names.items()
        if not is_bookkeeping(name.rpartition(".")[2])
    }


def earlier_counts(session: Session) -> Mapping[str, int] | None:
    """What was counted at the start of runs of which none has come to its end; None without any."""
    books, found = session.books, None
    if not table_exists(session.connection, books.audit):
        return None
    for event in read_events(session.connection, books, books.audit.c.direction == "mask"):
        counts = event["detail"].get("counts")
        if event["event"] == "finished":
            found = None
        elif counts is not None and (found is None or event["detail"]["command"] != "mask"):
            found = counts
    return found


def grown(
    session: Session, before: Mapping[str, int] | None, masked: Collection[str]
) -> dict[str, int]:
    """The tables without a pass that have more rows than before, and how many more."""
    if before is None:
        return {}
    now = count_rows(session)
    more = {name: count - before.get(name, 0) for name, count in now.items() if name not in masked}
    return {name: count for name, count in more.items() if count > 0}


def refuse_grown(tables: Mapping[str, int], triggers: Sequence[str]) -> None:
    """Raise `VerificationError` if tables grew that this run did not mask."""
    if tables:
        listed = ", ".join(f"{name} ({count:,} rows)" for name, count in tables.items())
        named = ", ".join(triggers) or "none that this database user can see"
        raise VerificationError(
            f"the run is done, but tables that it does not mask grew meanwhile: {listed}; triggers "
            f"that fired: {named}. These rows may hold originals: delete them, or give their "
            "columns a class in masking.toml and mask again"
        )
