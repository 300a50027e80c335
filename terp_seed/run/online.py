"""A run against a database, from the guards to the last audit row.

The order is the safety: environment, heads, lock, heads again, plan,
preflight, and only then the first write.  Each revision commits as a whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial

from alembic.script import Script
from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import UNASKED, Confirm, require_consent
from terp_seed.database.failures import RetryableError, translated
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session
from terp_seed.errors import LockError, RollbackError, SeedError
from terp_seed.ledger.audit import Audit, AuditLog
from terp_seed.ledger.ledger import SeededRange, ledger_of
from terp_seed.plan.heads import current_heads
from terp_seed.plan.operations import OPTION
from terp_seed.plan.planner import clock_of, direction_of, settings_of
from terp_seed.plan.preflight import preflight
from terp_seed.plan.prepare import Prepared, look, prepare, refuse_other_settings, steps_from
from terp_seed.plan.request import Request
from terp_seed.run.backup import RunBackup, wanted
from terp_seed.run.dry_run import RevisionForecast, removals
from terp_seed.run.executor import Done, Performer
from terp_seed.run.report import show, summary
from terp_seed.run.rollback import Rollback
from terp_seed.run.steps import wrapped
from terp_seed.settings.log import logger
from terp_seed.settings.progress import progress_of_run

__all__ = ["Outcome", "run"]

_ATTEMPTS = 3

Found = Callable[[], Sequence[RevisionForecast]]
"""What a rollback would remove, surveyed when first asked for and then remembered."""


@dataclass(frozen=True)
class Outcome:
    """What a run did."""

    environment: str
    heads: tuple[str, ...]
    """Where the chain stands now."""
    done: Sequence[Done] = ()


def run(
    session: Session,
    request: Request,
    confirm: Confirm = UNASKED,
    expect: Callable[[Session, Request, Prepared], None] = lambda *what: None,
) -> Outcome:
    """Bring the database to where the request wants it, or raise `SeedError`.

    Nothing pending: says so, and takes no lock.  Whatever fails, revisions
    that were committed before stay, and nothing of the failed one does.
    ``expect`` is called with the lock held, before anybody is asked.
    """
    environment, heads, pending = look(session, request)
    if not pending:
        refuse_other_settings(session, request, environment, heads)
        logger.info(f"nothing to do: the chain stands at {_place(heads)}")
        return Outcome(environment, heads)
    with advisory_lock(session) as ours:
        if current_heads(session) != heads:
            heads = _moved(session, request, heads)
            pending = steps_from(session, request, heads)
        session.settle()
        if pending:
            prepared = prepare(session, request, environment, heads, pending)
            preflight(session, prepared.plan, prepared.kept, prepared.findings)
            expect(session, request, prepared)
            found = cache(lambda: list(removals(session, prepared)))
            _refuse_blocked(prepared, found)
            session.settle()
            backup = _backup(session, prepared)
            will = partial(_will, prepared, backup, found)
            require_consent(session.settings, environment, will, confirm)
            session.settle()
            done = _go(session, request, prepared, ours, backup)
            return Outcome(environment, current_heads(session), done)
    logger.info(f"nothing to do any more: another run went to {_place(heads)}")
    return Outcome(environment, heads)


def _refuse_blocked(prepared: Prepared, found: Found) -> None:
    """A rollback of several revisions is refused before the first of them is touched."""
    if prepared.upwards or len(prepared.plan.steps) == 1:
        return
    blocked = [each.refusal for each in found() if each.refusal]
    if blocked:
        raise RollbackError("\n  ".join(blocked))


def _will(prepared: Prepared, backup: RunBackup, found: Found) -> list[str]:
    """What a person is asked to confirm, line by line."""
    if prepared.upwards:
        return [str(step) for step in prepared.plan.steps]
    return [*map(str, found()), str(backup)]


def _backup(session: Session, prepared: Prepared) -> RunBackup:
    """What a rollback keeps first; nothing is destroyed on the way up, but a dump may be wanted."""
    kind = wanted(session.settings, prepared.environment)
    if prepared.upwards:
        asked = session.settings.backup
        kind = "dump" if asked in ("dump", "both") else "none"
    return RunBackup(session, prepared.environment, kind)


def _go(
    session: Session, request: Request, prepared: Prepared, ours: Held, backup: RunBackup
) -> Sequence[Done]:
    direction = direction_of(prepared.steps)
    command = f"{direction} {request.destination}"
    log = AuditLog(session, prepared.environment, direction, command)
    revisions = [] if prepared.upwards else [step.revision for step in prepared.plan.steps]
    backup.begin("rollback" if revisions else "asked", prepared.heads, revisions)
    for sql in session.dialect.set_clock(clock_of(prepared.generation)):
        session.stream.run(sql)
    session.may_write()
    with log.run(
        plan_digest=prepared.plan.digest(),
        lock_wait=round(ours.waited, 2),
        key_id=prepared.key_id,
        backup=backup.folder,
    ):
        performer = _performer(session, prepared, log.audit, backup)
        session.settle()
        _migrate(session, request, prepared, performer, ours, log.log)
    backup.end()
    show(summary(performer.done, prepared.environment, prepared.generation.size))
    return performer.done


def _migrate(
    session: Session,
    request: Request,
    prepared: Prepared,
    performer: Performer,
    ours: Held,
    committed: Callable[[], None],
) -> None:
    """Let Alembic run the steps; a revision that lost a deadlock is tried again."""
    for attempt in range(1, _ATTEMPTS + 1):
        if session.connection.in_transaction() and not session.external:
            # Alembic would take it for the caller's, and leave every commit to the caller.
            raise SeedError("a transaction was left open, so nothing of this run would be kept")
        request.configure(
            connection=session.connection,
            fn=wrapped(prepared.steps, performer, committed),
            on_version_apply=lambda **kw: ours.confirm(),
            **{OPTION: performer},
        )
        try:
            with performer.gate.watching(session.connection), _translated("commit"):
                request.migrate()
            return
        except RetryableError as error:
            session.settle()
            if attempt == _ATTEMPTS or session.external:
                raise
            logger.warning(f"{error}; attempt {attempt + 1} of {_ATTEMPTS}")
            _forget_undone(session, request, performer)
            ours.confirm()
            session.settle()
        finally:
            performer.progress.end()


def _forget_undone(session: Session, request: Request, performer: Performer) -> None:
    """Keep, of what was performed, what was committed."""
    applied = {script.revision for script in request.applied(current_heads(session))}
    performer.done[:] = [
        each for each in performer.done if (each.revision in applied) == each.upgrade
    ]


def _performer(session: Session, prepared: Prepared, audit: Audit, backup: RunBackup) -> Performer:
    return Performer(
        stream=session.stream,
        ledger=ledger_of(session),
        audit=audit,
        plan=prepared.plan,
        masks=prepared.prove,
        generation=prepared.generation,
        detail=settings_of(prepared.generation, prepared.key_id),
        remover=Rollback(session, prepared.environment, backup.rows),
        kept=prepared.kept,
        known_before=partial(_ledgered, session, prepared.lineage),
        progress=progress_of_run(),
        statement_characters=session.dialect.statement_characters(session.connection),
    )


def _ledgered(session: Session, lineage: Sequence[Script], revision: str) -> dict[str, SeededRange]:
    """The generated ranges that the ledger holds of the revisions before this one."""
    names = [script.revision for script in lineage]
    place = {name: number for number, name in enumerate(names[: names.index(revision)])}
    ranges = [
        of
        for of in ledger_of(session).ranges(session.connection)
        if of.revision in place and of.shape.provenance == "synthetic"
    ]
    return {of.table: of for of in sorted(ranges, key=lambda of: (place[of.revision], of.number))}


def _moved(session: Session, request: Request, before: tuple[str, ...]) -> tuple[str, ...]:
    now = current_heads(session)
    if request.relative:
        raise LockError(
            f"another run moved the chain from {_place(before)} to {_place(now)} while this one "
            f"waited, so {request.destination} now means a different revision. Check `current` and "
            "run the command again"
        )
    return now


def _place(heads: Sequence[str]) -> str:
    return ", ".join(heads) or "base"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise translated(error, what) from None
