"""A run before it happens: what was asked for, what the chain is, and where its statements go.

The same `Run` is executed, printed, or only looked at by the dry run; its
target says whether there is a database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from time import sleep
from typing import Any, TextIO

from alembic.script import Script, ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import Kind, dialect_named
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import problem_behind
from terp_seed.database.schema import TableFacts
from terp_seed.database.session import Session, books_of
from terp_seed.database.statements import Printed, Stream
from terp_seed.errors import LockError, MaskingError, PlanError
from terp_seed.ledger.ledger import Header, Ledger, Place, Range, SeededRange, ledger_of
from terp_seed.ledger.pinned_files import refuse_edited_files
from terp_seed.ledger.selection import RetainedRows, find_retained_rows
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.masking.proof import Prover
from terp_seed.plan.chain import (
    Generation,
    Move,
    Request,
    choose_generation,
    current_heads,
    pending_move,
    read_attributes,
    recorded_settings,
    refuse_other_key,
)
from terp_seed.plan.plan import Plan, PlannedRevision, PlannedTable
from terp_seed.plan.recorder import Recorder, make_plan
from terp_seed.plan.renaming import read_names
from terp_seed.rows.model import TableRows
from terp_seed.rows.seeders import Check
from terp_seed.settings.options import Settings

__all__ = [
    "Run",
    "Target",
    "build_run",
    "find_checks",
    "find_move",
    "make_recorder",
    "refuse_other_settings",
    "replan_applied",
]


@dataclass(frozen=True)
class Target:
    """Where a run's statements go, and what is known of the database there."""

    settings: Settings
    stream: Stream
    ledger: Ledger
    dialect_name: str
    """SQLAlchemy's name of the engine."""
    session: Session | None = None
    """The database; None for a script, which goes by the plan alone."""

    @classmethod
    def live(cls, session: Session) -> Target:
        """A database.  Its ledger says what earlier revisions seeded."""
        name = session.connection.dialect.name
        return cls(session.settings, session.stream, ledger_of(session), name, session)

    @classmethod
    def script(cls, settings: Settings, out: TextIO, directory: ScriptDirectory) -> Target:
        """A script, made without a database: the plan says what earlier revisions seeded."""
        dialect = dialect_named(settings.url.get_backend_name())
        names = read_names(directory, settings.url.get_dialect()().name)
        ledger = Ledger(dialect, books_of(settings, dialect), settings.chain, names)
        return cls(settings, Printed(out, dialect), ledger, settings.url.get_dialect()().name)

    @property
    def connection(self) -> Connection | None:
        return None if self.session is None else self.session.connection

    def headers(self) -> Mapping[str, Header]:
        return {} if self.connection is None else self.ledger.headers(self.connection)

    def retained(self, places: Collection[Place]) -> RetainedRows:
        """What earlier rollbacks left of some ranges."""
        if self.session is None or not places:
            return {}
        if not self.ledger.retained(self.session.connection):
            return {}
        return find_retained_rows(self.session, places)

    def ranges_before(
        self, plan: Plan, lineage: Sequence[Script], revision: str
    ) -> Mapping[str, Range]:
        """The generated range of each table, of the last revision before one that filled it."""
        if self.connection is None:
            return plan.ranges_before(revision)
        return {seeded.table: seeded for seeded in self.generated_before(plan, lineage, revision)}

    def generated_before(
        self, plan: Plan, lineage: Sequence[Script], revision: str
    ) -> Sequence[Range]:
        """All generated ranges of the revisions before one, in the order of the lineage."""
        if self.connection is None:
            return plan.generated_before(revision)
        names = [script.revision for script in lineage]
        place = {name: number for number, name in enumerate(names[: names.index(revision)])}
        owner = self.ledger.names.owner
        ranges = [
            seeded
            for seeded in self.ledger.ranges(self.connection)
            if owner(seeded.revision) in place and seeded.shape.provenance == "synthetic"
        ]
        ranges.sort(key=lambda seeded: (place[owner(seeded.revision)], seeded.number))
        return ranges


_LOOKS = 50


@dataclass(frozen=True)
class Run:
    """Everything that a run depends on, found out before the first write."""

    environment: str
    generation: Generation
    policy: Boundary | None
    """What masks; None for a rollback by the ledger, which writes no row."""
    plan: Plan
    target: Target
    move: Move
    retained: RetainedRows
    """The rows of the planned tables that earlier rollbacks left in place."""

    @property
    def settings(self) -> Settings:
        return self.target.settings

    @property
    def ledger(self) -> Ledger:
        return self.target.ledger

    @property
    def key_id(self) -> str | None:
        """The name of the masking key, if rows are masked."""
        return None if self.policy is None else self.policy.key_id

    @property
    def detail(self) -> dict[str, Any]:
        """The settings, as the ledger's header keeps them."""
        return self.generation.to_settings(self.key_id)

    @property
    def needed_schemas(self) -> dict[str, str]:
        """The schema revision that each revision needs which is to write rows."""
        writing = {step.revision for step in self.plan.steps if step.upgrade and not step.skipped}
        needed = {
            step.script.revision: read_attributes(step.script).requires_schema
            for step in self.move.steps
            if step.script.revision in writing
        }
        return {revision: schema for revision, schema in needed.items() if schema is not None}

    def prover_of(self, rows: TableRows) -> Prover | None:
        """What holds generated rows to the reserved ranges."""
        return None if self.policy is None else self.policy.prover_of(rows)

    def findings(self, rows: TableRows, facts: TableFacts | None) -> list[str]:
        """What the masking policy says against these rows."""
        return [] if self.policy is None else self.policy.findings(rows, facts)

    def refuse_unclassified(self) -> None:
        """Raise `MaskingError` for what the policy says against the plan, database or not."""
        found = [text for _, t in self.plan.insertions for text in self.findings(t.rows, None)]
        for change in (change for step in self.plan.steps for change in step.changes):
            rows = change.changes.rows
            found += self.findings(rows, None)
            policy = self.policy if change.changes.kind == "deleted" else None
            if policy is not None and policy.numbers_rows(rows.table):
                found.append(
                    f"table {rows.table}: its rows cannot be deleted by a seed, since a rollback "
                    "has to keep them, and the masking policy classifies columns of it"
                )
        if found:
            raise MaskingError("\n  ".join(dict.fromkeys(found)))

    def retained_numbers(self, planned: PlannedTable) -> frozenset[int]:
        """The numbers of a table's rows that an earlier rollback left in place."""
        _, numbers = self.retained.get(planned.range.place, (None, frozenset()))
        return numbers

    def ranges_before(self, revision: str) -> Mapping[str, Range]:
        """The generated ranges that earlier revisions seeded, by table."""
        return self.target.ranges_before(self.plan, self.move.lineage, revision)

    def generated_before(self, revision: str) -> Sequence[Range]:
        """All generated ranges of earlier revisions; several may be of one table."""
        return self.target.generated_before(self.plan, self.move.lineage, revision)


def find_move(session: Session, request: Request) -> tuple[str, Move]:
    """Environment and pending steps, without the lock; does not write.

    Another first run may be creating the very tables that are looked at.
    """
    for _ in range(_LOOKS):
        try:
            environment = environment_of(session.connection, session.settings, session.books)
            return environment, pending_move(session, request, current_heads(session))
        except DBAPIError as error:
            if problem_behind(error).kind is not Kind.BEING_CREATED:
                raise
            sleep(0.1)
        finally:
            session.end_transaction()
    raise LockError("another run is creating the bookkeeping tables, and is not done; try again")


def build_run(environment: str, target: Target, move: Move) -> Run:
    """Make the plan and hold it against what the chain was seeded with; does not write.

    `terp_seed.plan.preflight` holds it against the live schema.
    """
    settings, headers = target.settings, target.headers()
    applied, lineage = move.applied, move.lineage
    if target.connection is not None:
        _refuse_lost_ledger(target.ledger, applied, headers)
    recorded = recorded_settings(headers, applied)
    generation = choose_generation(settings, environment, lineage, recorded)
    by_ledger = target.connection is not None and not move.seeds
    policy = None if by_ledger else boundary(settings, environment)
    if policy is not None:
        refuse_other_key(recorded, policy.key_id)
    recorder = make_recorder(target, environment, generation, policy, headers)
    plan = make_plan(lineage, move.steps, recorder)
    _refuse_unsteady(recorder, plan, move)
    if target.session is not None and move.seeds:
        _refuse_changed(target.session, recorder, applied, headers)
    places = {planned.range.place for _, planned in plan.insertions}
    retained = target.retained(places)
    return Run(environment, generation, policy, plan, target, move, retained)


def refuse_other_settings(target: Target, environment: str, move: Move) -> None:
    """Refuse explicit settings that the chain was not seeded with, though nothing is pending."""
    applied = move.applied
    recorded = recorded_settings(target.headers(), applied)
    if recorded:
        choose_generation(target.settings, environment, applied, recorded)


def make_recorder(
    target: Target,
    environment: str,
    generation: Generation,
    policy: Boundary | None,
    headers: Mapping[str, Header],
) -> Recorder:
    """A recorder that knows which revisions the database skipped or was only told of.

    Without a policy it makes and reads no rows: such a rollback goes by the ledger.
    """
    masks: dict[str, Any] = {"build": False, "load_files": False}
    if policy is not None:
        masks = {
            "mask": policy.mask,
            "numbers_rows": policy.numbers_rows,
            "is_personal": policy.is_personal,
        }
    return Recorder(
        generation,
        environment,
        target.settings.data,
        target.dialect_name,
        connection=target.connection,
        names=target.ledger.names,
        states={name: header.state for name, header in headers.items()},
        **masks,
    )


def replan_applied(session: Session, applied: Sequence[Script]) -> Plan:
    """The plan of what was applied, made again from the recorded settings."""
    target, settings = Target.live(session), session.settings
    environment = environment_of(session.connection, settings, session.books)
    headers = target.headers()
    recorded = recorded_settings(headers, applied)
    generation = choose_generation(settings, environment, applied, recorded)
    policy = boundary(settings, environment)
    recorder = make_recorder(target, environment, generation, policy, headers)
    return make_plan(applied, [], recorder)


def find_checks(session: Session, applied: Sequence[Script]) -> list[Check]:
    """The invariants that revisions declare; makes and reads no rows, and needs no policy."""
    target, settings = Target.live(session), session.settings
    environment = environment_of(session.connection, settings, session.books)
    headers = target.headers()
    _refuse_lost_ledger(ledger_of(session), applied, headers)
    recorded = recorded_settings(headers, applied)
    generation = choose_generation(settings, environment, applied, recorded)
    recorder = make_recorder(target, environment, generation, None, headers)
    plan = make_plan(applied, [], recorder)
    return [check for step in plan.history.values() for check in step.checks]


def _refuse_lost_ledger(
    ledger: Ledger, applied: Sequence[Script], headers: Mapping[str, Header]
) -> None:
    lost = [script.revision for script in applied if script.revision not in headers]
    if not lost:
        return
    advice = "Rebuild it from the rows: terp-seed ledger rebuild"
    if ledger.dialect.schemas and not ledger.books.schema:
        advice += ", and keep the bookkeeping in a schema apart (bookkeeping_schema in alembic.ini)"
    raise PlanError(
        f"the version table lists {', '.join(lost)} as applied, but the ledger has no entry for "
        f"that. A schema tool may have dropped the ledger. {advice}"
    )


def _refuse_unsteady(recorder: Recorder, plan: Plan, move: Move) -> None:
    """Refuse a revision that declares different rows each time: its digest would never match."""
    reader = recorder.fresh(build=False, load_files=False)
    for step in move.steps:
        revision = step.script.revision
        if step.upgrade and plan.history[revision].digest != reader.upgrade(step.script).digest:
            raise PlanError(
                f"revision {revision}: upgrade() declares different rows each time it runs; "
                "replace values from the clock or a random generator with constants"
            )


def _refuse_changed(
    session: Session, recorder: Recorder, applied: Sequence[Script], headers: Mapping[str, Header]
) -> None:
    """Refuse an applied revision that declares other rows now than when it was applied.

    The ledger's digest says so without the rows.  Without a digest imported tables are compared
    by number; where the plan had to make the past again, all are, since later rows refer to them.
    """
    if not applied:
        return
    names = [s.revision for s in applied if headers[s.revision].state == "applied"]
    refuse_edited_files(session, names)
    reader = recorder.fresh(build=False, load_files=False)
    counter = recorder.fresh(build=False, mask=lambda rows: rows, numbers_rows=lambda table: False)
    ranges = ledger_of(session).ranges(session.connection)
    past = recorder.recalled.planned if recorder.recalled else {}
    for script in applied:
        revision, header = script.revision, headers[script.revision]
        if header.state != "applied" or {*read_attributes(script).replaces} & headers.keys():
            continue  # seeded before it was squashed, from files that are gone
        seeded = [range_ for range_ in ranges if range_.revision == revision]
        if header.digest is not None:
            now = past.get(revision) or reader.upgrade(script)
            changed = header.digest != now.digest
        else:
            imported = [range_ for range_ in seeded if range_.shape.provenance == "imported"]
            changed = not _as_seeded(counter.upgrade(script), imported)
        if changed or (revision in past and not _as_seeded(past[revision], seeded)):
            raise PlanError(
                f"revision {revision} was changed since it was applied: it would seed other rows "
                "now; restore its file and the data files that it names, or roll it back and seed "
                "again"
            )


def _as_seeded(planned: PlannedRevision, ranges: Sequence[SeededRange]) -> bool:
    return len(planned.tables) == len(ranges) and all(map(_is_same, planned.tables, ranges))


def _is_same(planned: PlannedTable, seeded: SeededRange) -> bool:
    """Whether rows are as many as went in; those that were left out may be the last ones."""
    rows = planned.rows
    fewer = rows.skip_taken and seeded.count < rows.count
    return rows.table == seeded.table and (seeded.count == rows.count or fewer)
