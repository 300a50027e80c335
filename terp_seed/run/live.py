"""A run against a database, from the guards to the last audit row.

The order is the safety: environment, heads, lock, heads again, plan,
preflight, and only then the first write.  Each revision commits as a whole.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from secrets import randbelow
from time import monotonic, sleep

from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import UNASKED, Confirm, RunPlan, require_consent
from terp_seed.database.environment_stamp import careful
from terp_seed.database.failures import OvertakenError, RetryableError, translated
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session
from terp_seed.errors import ConflictError, LockError, Look, PlanError, RollbackError, SeedError
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.ledger import ledger_of
from terp_seed.ledger.pinned_files import refuse_edited_files
from terp_seed.plan.chain import (
    Move,
    Request,
    current_heads,
    find_skipped_elsewhere,
    pending_move,
)
from terp_seed.plan.operations import OPTION
from terp_seed.plan.plan import StepResult, summary
from terp_seed.plan.preflight import preflight
from terp_seed.plan.run import Run, Target, build_run, find_move, refuse_other_settings
from terp_seed.run.backup.run import RunBackup, choose_backup_kind
from terp_seed.run.dry_run import consent_digest, forecast_steps
from terp_seed.run.executor import Executor, planned_steps
from terp_seed.run.rollback import Rollback
from terp_seed.settings.log import logger, progress_of_run

__all__ = ["RunOutcome", "run_live", "run_locked"]

Expect = Callable[[Session, Run], None]

_ATTEMPTS = 3
_PAUSES = (0.05, 2.0)  # seconds before a run that was overtaken plans again: at first, at most
_SHOWN = 100  # conflicts that the log names


@dataclass(frozen=True)
class RunOutcome:
    """What a run did."""

    environment: str
    heads: tuple[str, ...]
    """The heads of the chain afterwards."""
    results: Sequence[StepResult] = ()


@dataclass
class _Asked:
    """What a run was asked for beside its move, and what it has done so far."""

    confirm: Confirm
    expect: Expect
    done: list[StepResult] = field(default_factory=list)


def run_live(
    session: Session,
    request: Request,
    confirm: Confirm = UNASKED,
    expect: Expect = lambda session, run: None,
) -> RunOutcome:
    """Bring the database to where the request wants it, or raise `SeedError`.

    Nothing pending: says so, and takes no lock.  Whatever fails, revisions
    that were committed before stay, and nothing of the failed one does.
    ``expect`` is called with the lock held, before the person is asked.
    """
    environment, move = find_move(session, request)
    if not move:
        refuse_other_settings(Target.live(session), environment, move)
        refuse_edited_files(session, [script.revision for script in move.applied])
        _warn_of_skipped(session, environment, move)
        logger.info(f"nothing to do: the chain is at {_name_heads(move.heads)}")
        return RunOutcome(environment, move.heads)
    asked = _Asked(confirm, expect)
    with advisory_lock(session, in_turns=True) as lock:
        patience = _Patience(session, lock)
        while True:
            lock.turns.begin()
            move = _unless_moved(session, move)
            if not move:
                break
            try:
                with _translating("commit"):
                    return _run_move(session, environment, move, lock, asked)
            except (RetryableError, PlanError, RollbackError) as error:
                patience.wait_after(error)
    heads = _name_heads(move.heads)
    logger.info(f"nothing to do: another run already moved the chain to {heads}")
    return RunOutcome(environment, move.heads, asked.done)


class _Patience:
    """How long a run keeps planning again, where others are first on another node."""

    def __init__(self, session: Session, lock: Held) -> None:
        self._session, self._lock = session, lock
        self._seconds = session.settings.lock_timeout
        self._until = monotonic() + self._seconds
        self._pause = _PAUSES[0]

    def wait_after(self, error: SeedError) -> None:
        """Wait a little longer each time; raise the error where that cannot help, or no longer."""
        session = self._session
        if session.external or not self._helps(error):
            raise error
        session.end_transaction()
        if monotonic() + self._pause > self._until:
            raise LockError(
                f"other runs on this cluster were first for {self._seconds:g} s ({error}); try "
                "again when they are done, or wait longer with -x lock-timeout=SECONDS"
            )
        logger.warning(f"{error}; looking again where the chain is")
        sleep(self._pause * (1 + randbelow(100) / 100))  # two runs that met do not meet again
        self._pause = min(2 * self._pause, _PAUSES[1])

    def _helps(self, error: SeedError) -> bool:
        """Whether the error may come from what another run has written meanwhile."""
        if isinstance(error, RetryableError):
            return bool(self._lock.apart) or isinstance(error, OvertakenError)
        if not self._lock.apart:
            return False
        self._session.end_transaction()  # a plan that read while another run wrote fits neither
        return self._lock.turns.moved()


def run_locked(
    session: Session, request: Request, lock: Held, expect: Expect = lambda session, run: None
) -> RunOutcome:
    """The same under a lock that the caller holds, and with the caller's consent."""
    lock.turns.begin()
    environment, move = find_move(session, request)
    if not move:
        return RunOutcome(environment, move.heads)
    return _run_move(session, environment, move, lock, _Asked(Confirm(planned=True), expect))


def _run_move(
    session: Session, environment: str, move: Move, lock: Held, asked: _Asked
) -> RunOutcome:
    run = build_run(environment, Target.live(session), move)
    session.end_transaction()
    if lock.apart and run.plan.keeps_rows:
        raise LockError(
            f"this is {lock.apart}: its nodes do not share locks, and a revision that updates or "
            "deletes rows makes tables outside its transaction; run it on one of them while it is "
            "out of the cluster"
        )
    preflight(session, run)
    asked.expect(session, run)
    _warn_of_skipped(session, environment, move)
    return _LiveRun(session, run, lock, asked.done).execute(asked.confirm)


def _warn_of_skipped(session: Session, environment: str, move: Move) -> None:
    headers = ledger_of(session).headers(session.connection)
    seeding = not move or move.seeds
    message = find_skipped_elsewhere(
        move.applied if seeding else (), headers, environment, session.settings.chain
    )
    if message:
        logger.warning(message)


def _unless_moved(session: Session, move: Move) -> Move:
    """The move from where the chain is under the lock; `LockError` if it means another now."""
    heads, request = current_heads(session), move.request
    if heads != move.heads:
        if request.relative:
            before, now = _name_heads(move.heads), _name_heads(heads)
            raise LockError(
                f"another run moved the chain from {before} to {now} while this one waited, so "
                f"{request.destination} now means a different revision. Check `current` and run "
                "the command again"
            )
        move = pending_move(session, request, heads)
    session.end_transaction()
    return move


@dataclass
class _LiveRun:
    """A planned run under the lock: asks, backs up, executes, reports."""

    session: Session
    run: Run
    lock: Held
    done: list[StepResult]
    """What was committed before this attempt."""
    log: AuditLog = field(init=False)
    _kept: int = 0

    def __post_init__(self) -> None:
        session, run = self.session, self.run
        self.log = AuditLog(session, run.environment, run.move.direction, run.move.command)

    @cached_property
    def backup(self) -> RunBackup:
        """The backup of this run; made for the runs that want one, and for every rollback."""
        return RunBackup(self.session, self.run.environment, self._backup_kind)

    def execute(self, confirm: Confirm) -> RunOutcome:
        """Do all of it; what was committed stays if it fails."""
        session, run = self.session, self.run
        self._refuse_blocked()
        session.end_transaction()
        if confirm.always or careful(run.environment):
            require_consent(
                session.settings, run.environment, self._announcement, confirm, self._plan
            )
        session.end_transaction()
        executor = self._executor()
        session.end_transaction()
        try:
            if self._saves:
                self._back_up()
            self._write(executor)
        except BaseException:
            if self._saves and not executor.results:
                self.backup.discard()
            raise
        if self._saves:
            self.backup.end()
        results = [*self.done, *executor.results]
        report = summary(results, run.environment, run.generation.size)
        if report:
            print(report, file=sys.stderr)
        self._report_conflicts(executor.conflicts)
        return RunOutcome(run.environment, current_heads(session), results)

    def _back_up(self) -> None:
        move, steps = self.run.move, self.run.plan.steps
        revisions = [] if move.upwards else [step.revision for step in steps]
        self.backup.begin("rollback" if revisions else "asked", move.heads, revisions)

    def _write(self, executor: Executor) -> None:
        session, run = self.session, self.run
        for sql in session.dialect.set_clock(run.generation.clock):
            session.stream.run(sql)
        session.allow_writes()
        with self.log.run(
            plan_digest=run.plan.digest(),
            lock_wait=round(self.lock.waited, 2),
            key_id=run.key_id,
            backup=self.backup.folder if self._saves else None,
        ):
            self._migrate(executor)

    @property
    def _saves(self) -> bool:
        return self._backup_kind != "none"

    @property
    def _backup_kind(self) -> str:
        """What a rollback keeps first; on the way up, only a dump that was asked for."""
        settings = self.session.settings
        if not self.run.move.upwards:
            return choose_backup_kind(settings, self.run.environment)
        return "dump" if settings.backup in ("dump", "both") else "none"

    @cached_property
    def _expected(self) -> list[StepResult]:
        """What the run would do, found out when first asked for."""
        return forecast_steps(self.session, self.run)

    @property
    def _plan(self) -> RunPlan:
        """What consent to this run alone has to name."""
        run, settings = self.run, self.session.settings
        look: Look = "plan" if run.move.upwards else "plan --rollback"
        return RunPlan(lambda: consent_digest(run, settings, self._expected), look)

    def _refuse_blocked(self) -> None:
        """A rollback is refused before its first revision is touched, or anything backed up.

        A single revision is looked at when it is its turn, unless there is a backup to make.
        """
        single = len(self.run.plan.steps) == 1 and not self._saves
        if self.run.move.upwards or single:
            return
        blocked = {step.revision: step.refusal for step in self._expected if step.refusal}
        if blocked:
            raise RollbackError(
                "\n  ".join(blocked.values()), where={"revision": next(iter(blocked))}
            )

    def _announcement(self) -> list[str]:
        """What a person is asked to confirm, line by line."""
        lines = [*map(str, self._expected)]
        return lines if self.run.move.upwards else [*lines, str(self.backup)]

    def _executor(self) -> Executor:
        session = self.session
        return Executor(
            self.run,
            self.log.audit,
            self._rollback,
            self.lock.turns,
            progress_of_run(),
            session.dialect.statement_characters(session.connection),
        )

    def _rollback(self) -> Rollback:
        """What takes rows out, backed up first."""
        session, backup = self.session, self.backup
        return Rollback(
            session,
            self.run.environment,
            backup.rows,
            backup.changed,
            applied=self.run.move.applied,
        )

    def _migrate(self, executor: Executor) -> None:
        """Let Alembic run the steps; a revision that lost a deadlock is tried again."""
        session, request = self.session, self.run.move.request
        for attempt in range(1, _ATTEMPTS + 1):
            if session.connection.in_transaction() and not session.external:
                # Alembic would take it for the caller's, and leave every commit to the caller.
                raise SeedError(
                    "a transaction is still open on the connection, so nothing of this run would "
                    "be committed; this is a defect of terp_seed, report it"
                )
            request.configure(
                connection=session.connection,
                fn=planned_steps(executor, partial(self._committed, executor), self._settle),
                on_version_apply=self._confirm,
                **{OPTION: executor},
            )
            try:
                with executor.sql_guard.watch(session.connection), _translating("commit"):
                    request.migrate()
                return
            except RetryableError as error:
                executor.abandon()
                session.end_transaction()
                if attempt == _ATTEMPTS or session.external or self._is_overtaken(error):
                    self.done += executor.results[: self._kept]
                    raise
                logger.warning(f"{error}; attempt {attempt + 1} of {_ATTEMPTS}")
                self._forget_undone(executor)
                self.lock.confirm()
                session.end_transaction()
            except Exception:
                executor.abandon()
                raise
            finally:
                executor.progress.end()

    def _is_overtaken(self, error: RetryableError) -> bool:
        """Whether to plan again: what was planned may be done by now, on another node."""
        return bool(self.lock.apart) or isinstance(error, OvertakenError)

    def _confirm(self, **kw: object) -> None:
        self.lock.confirm()
        self.lock.turns.confirm()

    def _committed(self, executor: Executor) -> None:
        self._kept = len(executor.results)
        self.lock.turns.ended()
        self.log.log()

    def _report_conflicts(self, conflicts: Sequence[str]) -> None:
        """Name what was left alone; `ConflictError` unless that was asked for."""
        if not conflicts:
            return
        for line in conflicts[:_SHOWN]:
            logger.warning(line)
        if self.session.settings.on_conflict is None:
            raise ConflictError(
                f"done, and {len(conflicts)} edited rows were left as they are, at least in part "
                f"({'; '.join(conflicts[:3])}). -x on-conflict=theirs accepts that beforehand; "
                "docs/troubleshooting.md says how to give them the seed's values"
            )

    def _settle(self) -> None:
        if not self.session.external:
            self.session.end_transaction()

    def _forget_undone(self, executor: Executor) -> None:
        """Keep, of what was executed, what was committed."""
        lineage = self.run.move.request.lineage(current_heads(self.session))
        applied = {script.revision for script in lineage}
        executor.results[:] = [
            result for result in executor.results if (result.revision in applied) == result.upgrade
        ]


def _name_heads(heads: Sequence[str]) -> str:
    return ", ".join(heads) or "base"


@contextmanager
def _translating(what: str) -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise translated(error, what) from None
