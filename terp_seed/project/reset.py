"""Reset: the database back to its seeds, as one transaction.

Rows of others go out of the tables that the seeds fill, and seeded rows are written again with
their ids, so that whoever looks from outside sees edited rows repaired, deleted ones back, and
nothing else.  Only for databases that are stamped dev or test.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from io import StringIO

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.environment_stamp import careful, environment_of, stamped
from terp_seed.database.lock import Held, advisory_lock
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, PlanError, UsageError, VerificationError
from terp_seed.ledger.audit import AuditLog
from terp_seed.ledger.changes import find_changes
from terp_seed.ledger.drift import Drift, find_drift
from terp_seed.ledger.ledger import Header, Place, ledger_of
from terp_seed.ledger.selection import Selection
from terp_seed.plan.chain import Request, ancestors, current_heads
from terp_seed.plan.renaming import with_names
from terp_seed.plan.run import Run
from terp_seed.project.project import Project
from terp_seed.project.reseed import Reseed, plan_reseed, without_generation
from terp_seed.run.live import RunOutcome, run_locked
from terp_seed.run.others import OtherRows, row_keys

__all__ = ["Reset", "reset"]

_GENERATION = {"size", "rows", "scenario", "seed", "as-of"}


@dataclass(frozen=True)
class Reset:
    """What a reset did, or would do."""

    environment: str
    heads: Sequence[str]
    removed: dict[str, int] = field(default_factory=dict)
    """Rows of others that go, by table."""
    seeded: dict[str, int] = field(default_factory=dict)
    """Seeded rows that are written again, by table."""
    edited: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    """Deleted ones, and such whose natural key is another now."""
    done: bool = False

    def lines(self) -> list[str]:
        """What a person is asked to confirm, line by line."""
        lines = [
            f"delete {count:,} rows of {table} that no seed inserted"
            for table, count in self.removed.items()
        ]
        for table, count in self.seeded.items():
            off = [
                f"{counts[table]:,} {what}"
                for what, counts in (("edited", self.edited), ("missing", self.missing))
                if table in counts
            ]
            line = f"write {count:,} seeded rows of {table} again"
            lines.append(f"{line} ({', '.join(off)})" if off else line)
        return lines


def reset(project: Project, confirm: Confirm, *, dry_run: bool = False) -> Reset:
    """Bring the tables that the seeds fill back to what the seeds say; all of it or nothing.

    Refuses databases that are not stamped dev or test, revisions that were changed since, and
    revisions that declare no rollback.  Other programs that write to these tables wait, or make
    the reset fail, which leaves everything as it was.
    """
    settings = project.settings()
    if settings.explicit & _GENERATION:
        raise UsageError(
            "a reset writes what was seeded; another size, scenario, root seed or date takes a "
            "reseed"
        )
    with opened(settings) as plain:
        session = with_names(plain, project.directory())
        environment = _require_harmless(session)
        session.end_transaction()
        if dry_run:
            return _Resetting(project, session, environment).look()
        with advisory_lock(session) as lock:
            return _Resetting(project, session, environment).run(lock, confirm)


def _require_harmless(session: Session) -> str:
    stamp = stamped(session.connection, session.books)
    environment = environment_of(session.connection, session.settings, session.books)
    if stamp is None or careful(environment):
        found = f"stamped {stamp}" if stamp else "not stamped"
        raise GuardError(
            f"database {session.settings.url.database!r} is {found}: a reset deletes rows of "
            "others, and is for databases stamped dev or test; stamp it with terp-seed env stamp "
            "if it is one"
        )
    return environment


@dataclass
class _Resetting:
    """A reset of one database, from the look at it to the commit."""

    project: Project
    session: Session
    environment: str

    def look(self) -> Reset:
        """What would be done; reads, and raises what is in the way."""
        session = self.session
        self._refuse()
        drifts = self._drifts()
        seeded, edited, missing = Counter[str](), Counter[str](), Counter[str]()
        for drift in drifts:
            table = drift.range.table
            seeded[table] += drift.range.count - len(drift.withdrawn)
            edited[table] += len(drift.edited)
            missing[table] += drift.missing + len(drift.replaced)
        heads, others = current_heads(session), self._others(drifts).count()
        session.end_transaction()
        counts = dict(+seeded), dict(+edited), dict(+missing)
        return Reset(self.environment, heads, others, *counts)

    def run(self, lock: Held, confirm: Confirm) -> Reset:
        """Ask, and do it in one transaction."""
        session = self.session
        plan = plan_reseed(self.project)
        found = self.look()
        require_consent(session.settings, self.environment, found.lines, confirm)
        session.end_transaction()
        session.allow_writes()
        log = AuditLog(session, self.environment, "reset", "reset")
        with log.run(lock_wait=round(lock.waited, 2), removed=found.removed):
            session.connection.begin()
            self._write(plan, found.heads, lock)
            lock.confirm()
        if session.dialect.ddl_commits:  # and a counter that is too high does no harm
            self._reset_counters()
        session.commit()
        return replace(found, done=True)

    def _write(self, plan: Reseed, heads: Sequence[str], lock: Held) -> None:
        session, ledger = self.session, ledger_of(self.session)
        headers = ledger.headers(session.connection)
        ranges = ledger.ranges(session.connection)
        keys = {one.place: one.first for one in ranges if one.first_key is not None}
        digests = self._digests()
        self._others(self._drifts()).delete()

        def take_out(session: Session, request: Request) -> None:
            settings = replace(
                without_generation(session.settings),
                on_edited="delete",
                on_dependents="abort",
                backup="none",
            )
            outcome = run_locked(replace(session, settings=settings), request, lock)
            _refuse_retained(outcome)

        def put_in(session: Session, request: Request) -> None:
            settings = replace(plan.settings_from(session.settings), backup="none")
            session = replace(session, settings=settings, first_keys=keys)
            run_locked(session, request, lock, partial(_refuse_changed, headers))

        with redirect_stderr(StringIO()):
            self.project.downgrade("base", connection=session.connection, act=take_out)
            for head in heads:
                self.project.upgrade(head, connection=session.connection, act=put_in)
        self._verify(keys)
        _refuse_other_rows(digests, self._digests())
        if not session.dialect.ddl_commits:
            self._reset_counters()

    def _reset_counters(self) -> None:
        """Let the next key of each table be the one above the highest."""
        session = self.session
        ranges = ledger_of(session).ranges(session.connection)
        for table, key in {one.table: one.id for one in ranges}.items():
            for sql in [] if key is None else session.dialect.reset_counter(table, key):
                session.stream.run(sql)

    def _digests(self) -> dict[Place, tuple[str, bytes]]:
        """For each range its table, and one digest of all its rows' digests."""
        connection, ledger = self.session.connection, ledger_of(self.session)
        found = {}
        for one in ledger.ranges(connection):
            made = sha256()
            for block in ledger.blocks(connection, one):
                made.update(block.rows or b"")
            found[one.place] = one.table, made.digest()
        return found

    def _verify(self, keys: Mapping[Place, int]) -> None:
        """Raise `VerificationError` unless all rows are there, with the ids that they had."""
        off = [
            drift.range.label
            for drift in self._drifts()
            if drift.edited
            or drift.replaced
            or drift.range.first_key != keys.get(drift.range.place)
        ]
        if off:
            raise VerificationError(f"{', '.join(off)}: not as before; nothing was changed")

    def _refuse(self) -> None:
        session, ledger = self.session, ledger_of(self.session)
        headers = ledger.headers(session.connection)
        if not headers:
            raise UsageError("nothing is seeded here, so there is nothing to reset to; seed first")
        stamped = sorted(name for name, one in headers.items() if one.state == "stamped")
        if stamped:
            raise UsageError(
                f"revision {', '.join(stamped)} was stamped, and its rows are not known, so they "
                "cannot be written again"
            )
        heads = current_heads(session)
        applied = ancestors(self.project.directory(), heads)
        known = {name for one in applied for name in session.names.owned(one.revision)}
        if unknown := sorted(headers.keys() - known):
            raise PlanError(
                f"the ledger has rows of {', '.join(unknown)}, and the version table, at "
                f"{', '.join(heads) or 'base'}, lists no such revision as applied; nothing was "
                "changed. Compare them with terp-seed status"
            )
        if ledger.retained(session.connection):
            raise UsageError(
                "a rollback has left rows in place; seed up to the head first: terp-seed seed"
            )
        changes = find_changes(ledger, session.connection)
        if changes and session.dialect.ddl_commits:
            raise UsageError(
                f"revision {changes[0].revision} updates or deletes rows, which this server cannot "
                "undo and do again in one transaction; that takes a reseed"
            )

    def _drifts(self) -> list[Drift]:
        session = self.session
        ranges = {one.place: one for one in ledger_of(session).ranges(session.connection)}
        return [find_drift(session, one, ranges) for one in ranges.values()]

    def _others(self, drifts: Sequence[Drift]) -> OtherRows:
        ledger = ledger_of(self.session)
        return OtherRows(
            self.session,
            [
                Selection(
                    drift.range,
                    frozenset(drift.replaced),
                    row_keys(self.session, ledger, drift.range),
                )
                for drift in drifts
            ],
        )


def _refuse_retained(outcome: RunOutcome) -> None:
    retained = [one.revision for one in outcome.results if one.state == "retained"]
    if retained:
        raise UsageError(
            f"revision {', '.join(retained)} declares no rollback, so its rows cannot be written "
            "again; nothing was changed"
        )


def _refuse_other_rows(
    before: Mapping[Place, tuple[str, bytes]], after: Mapping[Place, tuple[str, bytes]]
) -> None:
    """Raise `PlanError` if the seeders give other rows now: what they import may have changed."""
    other = sorted({before[place][0] for place in before if before[place] != after.get(place)})
    if other:
        raise PlanError(
            f"the seeders give other rows of {', '.join(other)} than were applied, so their code "
            "or what it imports has changed; nothing was changed. Restore it; seeding by the new "
            "one takes a reseed"
        )


def _refuse_changed(headers: Mapping[str, Header], session: Session, run: Run) -> None:
    changed = [
        step.revision
        for step in run.plan.steps
        if (header := headers.get(step.revision)) is None
        or (header.digest and header.digest != run.plan.history[step.revision].digest)
    ]
    if changed:
        raise PlanError(
            f"revision {', '.join(changed)} was changed since it was applied, so a reset would "
            "write other rows; nothing was changed. Restore its file; seeding by the new one takes "
            "a reseed"
        )
