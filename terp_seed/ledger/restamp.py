"""Stamping a database with its environment."""

from __future__ import annotations

from collections.abc import Callable

from terp_seed.database.environment_stamp import origin, refuse_protected, stamp, stamped
from terp_seed.database.session import opened
from terp_seed.errors import GuardError
from terp_seed.ledger.audit import AuditLog
from terp_seed.settings.options import Settings

__all__ = ["restamp"]

_HARMLESS = ("dev", "test")


def restamp(settings: Settings, name: str, consent: Callable[[str], bool]) -> None:
    """Stamp the database; another stamp is only changed with consent.

    The stamp and its audit row commit together.  A sandbox stays known as one
    while it is ``dev`` or ``test``.
    """
    refuse_protected(settings, name)
    with opened(settings) as session:
        before = stamped(session.connection, session.books)
        made_by = origin(session.connection, session.books)
        session.settle()
        if before == name:
            return
        question = f"{settings.url.database!r} is stamped {before}; stamp it {name}?"
        if before is not None and not consent(question):
            raise GuardError(
                f"this database is stamped {before}; to make it {name}, say so with --yes"
            )
        session.may_write()
        for sql in session.books.create(session.connection.dialect):
            session.stream.run(sql, what="bookkeeping tables")
        session.commit()
        creator = made_by if made_by == "sandbox" and name in _HARMLESS else "person"
        stamp(session.connection, name, origin=creator, tables=session.books)
        AuditLog(session, name, "stamp", f"env stamp {name}").add("environment", before=before)
