"""``terp-seed env``: the environment that a database is stamped with."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click

from terp_seed.cli.interface import as_json, document, examples, run_options
from terp_seed.errors import GuardError
from terp_seed.project.project import Project
from terp_seed.settings.options import ENVIRONMENTS, Settings, environment_name

__all__ = ["env"]

_HARMLESS = ("dev", "test")


@click.group()
def env() -> None:
    """The environment that a database is stamped with."""


@env.command("show", epilog=examples("terp-seed env show"))
@run_options("url")
@as_json
def show(project: Project, as_json: bool) -> None:
    """Print the environment that the database is stamped with."""
    from terp_seed.database.environment_stamp import origin, stamped
    from terp_seed.database.session import opened

    settings = project.settings()
    with opened(settings) as session:
        name = stamped(session.connection, session.books)
        made_by = origin(session.connection, session.books)
    if as_json:
        database = settings.url.render_as_string()
        document("env show", database=database, environment=name, origin=made_by)
    else:
        click.echo(name or "not stamped")


@env.command(
    "stamp", epilog=examples("terp-seed env stamp dev", "terp-seed env stamp staging --yes")
)
@click.argument("name", metavar=f"[{'|'.join(ENVIRONMENTS)}]")
@click.option("--yes", is_flag=True, help="Change an existing stamp without asking.")
@run_options("url")
@as_json
def stamp(project: Project, name: str, yes: bool, as_json: bool) -> None:
    """Stamp the database as an environment."""

    def ask(question: str) -> bool:
        return yes or (sys.stdin.isatty() and click.confirm(question, err=True))

    settings = project.settings()
    environment = environment_name(name)
    _restamp(settings, environment, ask)
    database = settings.url.render_as_string()
    if as_json:
        document("env stamp", database=database, environment=environment)
    else:
        click.echo(f"{database} is stamped {environment}")


def _restamp(settings: Settings, name: str, consent: Callable[[str], bool]) -> None:
    """Stamp the database; another stamp is only changed with consent.

    The stamp and its audit row commit together.  A sandbox stays known as one
    while it is ``dev`` or ``test``.
    """
    from terp_seed.database.environment_stamp import origin, refuse_protected, stamp, stamped
    from terp_seed.database.session import opened
    from terp_seed.ledger.audit import AuditLog

    refuse_protected(settings, name)
    with opened(settings) as session:
        before = stamped(session.connection, session.books)
        made_by = origin(session.connection, session.books)
        session.end_transaction()
        if before == name:
            return
        question = f"{settings.url.database!r} is stamped {before}; stamp it {name}?"
        if before is not None and not consent(question):
            raise GuardError(
                f"this database is stamped {before}; to make it {name}, say so with --yes"
            )
        session.allow_writes()
        for sql in session.books.create(session.connection.dialect):
            session.stream.run(sql, what="bookkeeping tables")
        session.commit()
        creator = made_by if made_by == "sandbox" and name in _HARMLESS else "person"
        stamp(session.connection, name, origin=creator, tables=session.books)
        AuditLog(session, name, "stamp", f"env stamp {name}").add("environment", before=before)
