"""Stamping a database as another environment: what looks like production is named first.

Leaving production or staging, and stamping a database that shows signs of production, takes the
database's name, typed or as ``-x yes=NAME``.  Neither ``--yes`` nor the variable of the shell will
do: a script has them from the day it was written, whatever the URL points to today.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatch

from terp_seed.database.bookkeeping import table_exists
from terp_seed.database.compare import is_bookkeeping
from terp_seed.database.consent import database_name, require_stamp_consent
from terp_seed.database.environment_stamp import (
    careful,
    origin,
    refuse_protected,
    stamp,
    stamped,
    stamps_elsewhere,
)
from terp_seed.database.schema import Schema
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.ledger import ledger_of
from terp_seed.settings.options import Settings

__all__ = ["restamp"]

_HARMLESS = ("dev", "test")
_MANY = 10_000
"""So many rows that no seed inserted look like those of a company."""


def restamp(settings: Settings, name: str, consent: Callable[[str], bool], *, typed: bool) -> None:
    """Stamp the database; another stamp is only changed with consent.

    The stamp and its audit row commit together.  A sandbox stays known as one while it is ``dev``
    or ``test``.  `GuardError` without consent, or without the name where that is needed; ``typed``
    says that the settings have it from the command line.
    """
    refuse_protected(settings, name)
    with opened(settings) as session:
        before = stamped(session.connection, session.books)
        made_by = origin(session.connection, session.books)
        signs = list(_find_signs(session, before, name))
        session.end_transaction()
        if before == name:
            return
        question = f"{settings.url.database!r} is stamped {before}; stamp it {name}?"
        if signs:
            require_stamp_consent(settings, name, signs, typed=typed)
        elif before and settings.yes != database_name(settings) and not consent(question):
            raise GuardError(
                f"this database is stamped {before}, and to make it {name} was not confirmed; "
                "docs/troubleshooting.md says how to answer beforehand"
            )
        session.allow_writes()
        for sql in session.books.create(session.connection.dialect):
            session.stream.run(sql, what="bookkeeping tables")
        session.commit()
        creator = made_by if made_by == "sandbox" and name in _HARMLESS else "person"
        stamp(session.connection, name, origin=creator, tables=session.books)
        AuditLog(session, name, "stamp", f"env stamp {name}").add("environment", before=before)


def _find_signs(session: Session, before: str | None, name: str) -> Iterator[str]:
    """What speaks for a database that should not become ``name``; reads."""
    settings = session.settings
    if before is not None and careful(before) and name != before:
        yield f"it is stamped {before}"
    if name in ("production", before):
        return
    if before is None:
        for schema, found in stamps_elsewhere(session.connection, session.books):
            if careful(found):
                yield f"the bookkeeping in {schema} says that it is {found}"
    if before in _HARMLESS:
        return
    called = database_name(settings).casefold()
    patterns = settings.protected_databases
    pattern = next((one for one in patterns if fnmatch(called, one.casefold())), None)
    if pattern is not None:
        yield f"its name matches {pattern} of protected_databases"
    skipped = _find_skipped(session)
    if skipped:
        yield f"it skipped {', '.join(skipped)}, as production does"
    others = _count_others(session)
    if others > _MANY or (before is not None and others):
        yield f"{_spoken(others)} rows are there that no seed inserted"


def _find_skipped(session: Session) -> list[str]:
    if not table_exists(session.connection, session.books.ledger):
        return []
    headers = ledger_of(session).headers(session.connection)
    return sorted(name for name, header in headers.items() if header.state == "skipped")


def _count_others(session: Session) -> int:
    """How many rows no seed of the chain inserted, as far as it takes to see that it is many."""
    seeded = 0
    if table_exists(session.connection, session.books.ledger):
        ranges = ledger_of(session).ranges(session.connection)
        seeded = sum(range_.count for range_ in ranges)
    found, most = 0, _MANY + seeded + 1
    for table in Schema(session).tables:
        if found < most and not is_bookkeeping(table):
            place = session.dialect.quote_table(table)
            few = f"SELECT 1 AS one FROM {place} LIMIT {most - found}"
            found += int(session.scalar(f"SELECT COUNT(*) FROM ({few}) AS few"))
    return max(found - seeded, 0)


def _spoken(count: int) -> str:
    return f"more than {_MANY:,}" if count > _MANY else f"{count:,}"
