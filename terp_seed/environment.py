"""The Alembic environment: what ``seeds/env.py`` calls, and all it calls.

This is the one module that touches ``alembic.context`` for seeds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from alembic import context
from alembic.operations.ops import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy.exc import DBAPIError

from terp_seed.database.failures import translated
from terp_seed.database.interrupts import interruptible
from terp_seed.database.session import Session, opened
from terp_seed.errors import PlanError, UsageError
from terp_seed.plan.chain import (
    ACT,
    Request,
    current_heads,
    load_revisions,
    refuse_gone,
    tells_of_the_past,
)
from terp_seed.settings.options import Settings, resolve

__all__ = ["run"]

_FAILED = 255  # what the alembic command exits with

Directives = Callable[[Any, Any, list[MigrationScript]], None]


def run(*, process_revision_directives: Directives | None = None) -> None:
    """Run what Alembic was asked for: online, or as a script.

    ``revision --autogenerate`` and ``check`` compare the datasets with the chain, and open no
    database.  ``process_revision_directives`` is Alembic's hook for the revisions that are made.

    A connection in ``Config.attributes["connection"]`` is used as it is; if it
    is in a transaction, nothing is committed and the caller decides.  With
    ``alembic ... --sql`` an error goes to stderr, because stdout is the script.
    """
    if not context.is_offline_mode():
        asked = _options()
        revision = asked.get("revision_context")
        if revision is not None and revision.command_args["autogenerate"]:
            _autogenerate(revision.command_args, asked["fn"], process_revision_directives)
        else:
            _online(asked)
        return
    try:
        _offline()
    except (BrokenPipeError, CommandError) as error:
        if not hasattr(context.config.cmd_opts, "cmd"):
            raise  # not the alembic command: the caller has a place for errors
        if isinstance(error, BrokenPipeError):
            sys.stdout = None  # the reader has seen enough: `... --sql | head`
        else:
            print(f"FAILED: {error}", file=sys.stderr)
        raise SystemExit(_FAILED) from None


def _settings() -> Settings:
    return resolve(context.config, Path(load_revisions(context.script).dir).resolve())


def _ready(settings: Settings) -> None:
    """Load what only a run needs: the log, the seeders and ``op.seed`` with its kin."""
    from terp_seed.plan import operations
    from terp_seed.rows.seeders import load_seeders
    from terp_seed.settings.log import configure_logging

    configure_logging()
    load_seeders(settings.seeders)
    _ = operations  # it registers them


def _offline() -> None:
    from terp_seed.run.script import write_script

    settings = _settings()
    _ready(settings)
    options = {
        "url": settings.url,
        "literal_binds": True,
        "dialect_opts": {"paramstyle": "named"},
    }
    out = context.config.output_buffer or sys.stdout
    start = context.get_starting_revision_argument()
    found = () if start in (None, "base") else context.script.get_revisions(start)
    heads = tuple(script.revision for script in found)  # in full, as the version table has it
    act = context.config.attributes.get(ACT, write_script)
    act(settings, _request(settings, _options(), options), heads, out)
    out.flush()  # at exit, nobody could answer for a reader that is gone


def _autogenerate(
    wanted: Mapping[str, Any], compare: Callable[..., Any], hook: Directives | None
) -> None:
    """Let Alembic compare, with what the chain adds up to in the place of a database."""
    from terp_seed.project.autogenerate import Generator
    from terp_seed.project.project import ALLOW_DELETE

    settings = _settings()
    _ready(settings)
    called = getattr(context.config.cmd_opts, "autogenerate", False)
    generator = Generator(
        settings,
        context.script,
        head=wanted["head"] or "head",
        named=wanted["rev_id"] is not None,
        writes=called or wanted["message"] is not None,  # `check` has neither
        allow_delete=context.config.attributes.get(ALLOW_DELETE, False),
        hook=hook,
    )
    dialect = context.get_context().dialect.name
    with generator.options(dialect) as options:
        context.configure(dialect_name=dialect, **options, **_version_table(settings))
        compare(tuple(context.script.get_heads()), context.get_context())


def _online(asked: dict[str, Any]) -> None:
    settings = _settings()
    if asked.get("purge"):
        raise UsageError(
            "stamp --purge empties the version table before anything else, and the ledger would "
            "not know; use stamp base, then stamp the revision"
        )
    moves = "destination_rev" in asked
    if moves:
        _ready(settings)
    try:
        with (
            interruptible(),
            opened(settings, context.config.attributes.get("connection")) as session,
        ):
            if moves:
                _run(settings, session, asked)
            else:
                _look(settings, session)
    except DBAPIError as error:
        raise translated(error, "") from None


def _run(settings: Settings, session: Session, asked: dict[str, Any]) -> None:
    from terp_seed.run.live import run_live

    if tells_of_the_past(context.script):
        from terp_seed.plan.renaming import with_names

        session = with_names(session, context.script)
    act = context.config.attributes.get(ACT, run_live)
    act(session, _request(settings, asked, {}))


def _look(settings: Settings, session: Session) -> None:
    """``current``, ``history -i`` and the like: they read, and must not write."""
    refuse_gone(context.script, current_heads(session))
    session.end_transaction()
    context.configure(connection=session.connection, dont_mutate=True, **_version_table(settings))
    with context.begin_transaction():
        context.run_migrations()


def _request(settings: Settings, asked: dict[str, Any], options: dict[str, Any]) -> Request:
    destination = asked["destination_rev"]
    return Request(
        directory=context.script,
        destination=" ".join(destination) if isinstance(destination, tuple) else str(destination),
        steps_from=asked["fn"],
        configure=partial(_configure, settings, options),
        migrate=_migrate,
    )


def _configure(settings: Settings, options: dict[str, Any], **more: Any) -> MigrationContext:
    """One transaction for each revision, on every engine, and in a script."""
    context.configure(
        transactional_ddl=True,
        transaction_per_migration=True,
        **_version_table(settings),
        **options,
        **more,
    )
    made = context.get_context()
    made.autocommit_block = _no_block  # type: ignore[method-assign]
    return made


def _no_block() -> NoReturn:
    raise PlanError(
        "autocommit_block() would commit half of the revision; a seed is kept as a whole or not "
        "at all, so take it out"
    )


def _migrate() -> None:
    from terp_seed.plan.recorder import remove_operations

    try:
        with context.begin_transaction():
            context.run_migrations()
    except BaseException:
        remove_operations(context.get_context())
        raise


def _version_table(settings: Settings) -> dict[str, Any]:
    return {
        "version_table": settings.version_table,
        "version_table_schema": settings.bookkeeping_schema,
    }


def _options() -> dict[str, Any]:
    """What the command gave to Alembic: its steps function and its destination."""
    context.configure(dialect_name="sqlite")  # the public way to the options
    return dict(context.get_context().opts)
