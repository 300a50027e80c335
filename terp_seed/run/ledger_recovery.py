"""``ledger rebuild``: a lost ledger, written again from the rows that it was about.

The version says which revisions are applied; their rows are generated again,
looked for in the database, and put on record where they are.  Rows that are
not where the seed put them belong to nobody: no later rollback takes them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from alembic.script import Script, ScriptDirectory
from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import Confirm, require_consent
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import translated
from terp_seed.database.lock import advisory_lock
from terp_seed.database.session import Session
from terp_seed.database.tables import table_exists
from terp_seed.errors import PlanError, UsageError
from terp_seed.ledger.audit import AuditLog, read
from terp_seed.ledger.ledger import Header, ledger_of
from terp_seed.masking.boundary import Boundary, boundary
from terp_seed.plan.chain import ancestors, current_heads
from terp_seed.plan.generation import Generation, choose_generation, recorded_settings
from terp_seed.plan.plan import Plan, PlannedRevision
from terp_seed.plan.run import recorder_for
from terp_seed.plan.target import Live
from terp_seed.run.locate import Located, Search
from terp_seed.settings.options import Settings
from terp_seed.settings.sizes import presets

__all__ = ["Rebuilt", "RebuiltRevision", "rebuild"]

_AT_LEAST = 0.25  # of a size's sample rows must be there, to go on with it
_ENOUGH = 40  # sample rows, to judge by them


@dataclass(frozen=True)
class RebuiltRevision:
    """What is put on record of one revision.

    ``state`` is ``stamped`` where no row of it was found: there is nothing to
    roll back.
    """

    revision: str
    state: str
    tables: Sequence[Located]
    digest: bytes | None = None
    """What the revision declares, if it counts as applied."""


@dataclass(frozen=True)
class Rebuilt:
    """A way of seeding that the rows in the database fit."""

    generation: Generation
    mask_key: str | None
    revisions: Sequence[RebuiltRevision]

    @property
    def intact(self) -> int:
        """Rows that are as they were seeded."""
        return sum(each.found.intact for each in self._tables())

    @property
    def missing(self) -> int:
        """Rows that are gone, or whose id is another row's now, of revisions that are not."""
        applied = (each for each in self.revisions if each.state == "applied")
        return sum(of.range.count - of.present for each in applied for of in each.tables)

    @property
    def fits(self) -> bool:
        """Whether most tables speak for it: where rows were changed, fewer were than were not.

        Generated rows count, because only they tell one root seed from another.
        """
        tables = list(self._tables())
        there = [each for each in tables if each.present]
        generated = [each for each in there if each.rows.provenance == "synthetic"]
        against = [e for e in generated or there if e.found.intact < len(e.found.edited)]
        if not there:
            return all(each.rows.skip_taken for each in tables)
        return self.intact > 0 and 2 * len(against) < len(generated or there)

    @property
    def rows(self) -> dict[str, int]:
        """Rows found, by table."""
        counts: dict[str, int] = {}
        for each in self._tables():
            counts[each.rows.table] = counts.get(each.rows.table, 0) + each.present
        return counts

    def _tables(self) -> Iterator[Located]:
        for revision in self.revisions:
            yield from revision.tables


def rebuild(
    session: Session,
    directory: ScriptDirectory,
    confirm: Confirm,
    *,
    claim: Sequence[str] = (),
    dry_run: bool = False,
) -> Rebuilt | None:
    """Write the ledger of the applied revisions that it does not know; None if it knows all.

    Rows that were only to go in where nobody had them (``on_conflict="skip"``)
    are taken for seeded if the audit counted them, or if ``claim`` names their
    table.  All of it is one transaction, under the lock and with consent; a dry
    run only looks.  Raises `PlanError` if the rows fit no size, or more than one.
    """
    environment = environment_of(session.connection, session.settings, session.books)
    applied = ancestors(directory, current_heads(session))
    nothing = not _lost(applied, ledger_of(session).headers(session.connection))
    session.settle()
    if nothing or dry_run:
        return None if nothing else _looked(session, directory, environment, claim)
    with advisory_lock(session) as ours:
        found = _looked(session, directory, environment, claim)
        session.settle()
        if found is not None:  # another rebuild may have been quicker
            require_consent(session.settings, environment, lambda: _will(found), confirm)
            session.may_write()
            _write(session, found)
            ours.confirm()
            audit = AuditLog(session, environment, "ledger", "ledger rebuild")
            waited = round(ours.waited, 2)
            audit.add("ledger", rows=found.rows, size=found.generation.size, lock_wait=waited)
    return found


def _will(found: Rebuilt) -> list[str]:
    return [
        f"put {each.revision} on record as {each.state}: "
        f"{sum(of.present for of in each.tables):,} rows found"
        for each in found.revisions
    ]


def _looked(
    session: Session, directory: ScriptDirectory, environment: str, claim: Sequence[str]
) -> Rebuilt | None:
    applied = ancestors(directory, current_heads(session))
    headers = ledger_of(session).headers(session.connection)
    lost = _lost(applied, headers)
    if not lost:
        return None
    known = {name: each for name, each in headers.items() if name not in lost}
    look = _Look(session, environment, applied, known, lost, claim)
    keep = recorded_settings(
        {name: header for name, header in known.items() if header.state == "applied"}, applied
    )
    ways = list(_generations(session.settings, environment, applied, keep))
    try:
        return _chosen(list(look.fitting(ways)), ways)
    except DBAPIError as error:
        raise translated(error, "ledger rebuild") from None


def _lost(applied: Sequence[Script], headers: Mapping[str, Header]) -> list[str]:
    """The revisions to rebuild: unknown ones, and ones that were stamped in an empty ledger."""
    stamped = all(header.state == "stamped" for header in headers.values())
    names = [script.revision for script in applied]
    return [name for name in names if name not in headers or stamped]


def _generations(
    settings: Settings, environment: str, applied: Sequence[Script], keep: Mapping[str, Any]
) -> Iterator[Generation]:
    """The ways in which the chain may have been seeded."""
    if keep or "size" in settings.explicit:
        yield choose_generation(settings, environment, applied, keep)
        return
    found: dict[tuple[tuple[str, int], ...], Generation] = {}
    for size in presets(settings.home):
        generation = choose_generation(replace(settings, size=size), environment, applied, {})
        found.setdefault(tuple(sorted(generation.rows.items())), generation)
    yield from found.values()


@dataclass
class _Look:
    """Holds ways of seeding against the rows in a database."""

    session: Session
    environment: str
    applied: Sequence[Script]
    known: Mapping[str, Header]
    lost: Sequence[str]
    claim: Sequence[str]

    def fitting(self, ways: Sequence[Generation]) -> Iterator[Rebuilt]:
        """The ways that the rows fit; `PlanError` if none does because of a doubt."""
        doubt: PlanError | None = None
        fits, choice = False, len(ways) > 1
        for generation in ways:
            border = boundary(self.session.settings, self.environment)
            try:
                found = self._tried(generation, border, in_a_hurry=choice)
            except PlanError as error:
                doubt = error  # which does not matter if another size fits
                continue
            rebuilt = Rebuilt(generation, border.key_id, found)
            likely = not choice or rebuilt.missing <= sum(rebuilt.rows.values())
            if found and rebuilt.fits and likely:
                fits = True
                yield rebuilt
        if doubt is not None and not fits:
            raise doubt

    def _tried(
        self, generation: Generation, border: Boundary, *, in_a_hurry: bool
    ) -> list[RebuiltRevision]:
        """The rows of one way of seeding, looked for; empty if hardly any is there.

        A large size takes long to make, so what is no good is dropped on the way.
        """
        search = self._search(border)
        recorder = recorder_for(
            Live(self.session), self.environment, generation, border, self.known
        )
        plan = Plan(recorder.planned)
        for script in self.applied:
            name = script.revision
            recorder.upgrade(script)
            if name in self.lost:
                search.look(plan, name)
            if in_a_hurry and search.asked > _ENOUGH and search.met < search.asked * _AT_LEAST:
                return []
        self._refuse_strangers(plan)
        if search.more():
            return []
        located = search.survey()
        return [
            _revision(
                plan.history[name],
                [each for each in located if each.range.revision == name],
            )
            for name in self.lost
        ]

    def _search(self, border: Boundary) -> Search:
        ledger, connection = ledger_of(self.session), self.session.connection
        ranges = ledger.ranges(connection) if self.known else []
        there = {(of.revision, of.number): of for of in ranges if of.revision in self.known}
        return Search(self.session, border.prove, there, self._written(), self.claim)

    def _written(self) -> dict[tuple[str, str], int]:
        """How many rows each revision wrote; a script counts also those that it left out."""
        audit = self.session.books.audit
        found: dict[tuple[str, str], int] = {}
        if table_exists(self.session.connection, audit):
            where = (audit.c.chain == self.session.settings.chain, audit.c.event == "applied")
            for event in read(self.session.connection, self.session.books, *where):
                if event["os_user"] is not None:
                    rows = event["table_rows"] or {}
                    found |= {(event["revision"], name): rows[name] for name in rows}
        return found

    def _refuse_strangers(self, plan: Plan) -> None:
        seeded = {each.rows.table for step in plan.history.values() for each in step.tables}
        strangers = sorted(set(self.claim) - seeded)
        if strangers:
            raise UsageError(f"{', '.join(strangers)}: no applied revision seeds this table")


def _revision(planned: PlannedRevision, tables: Sequence[Located]) -> RebuiltRevision:
    if planned.skipped:
        return RebuiltRevision(planned.revision, "skipped", ())
    if tables and not any(each.present for each in tables):
        return RebuiltRevision(planned.revision, "stamped", tables)
    return RebuiltRevision(planned.revision, "applied", tables, planned.digest)


def _chosen(fitting: Sequence[Rebuilt], ways: Sequence[Generation]) -> Rebuilt:
    """The one way of seeding that the rows fit."""
    if not fitting:
        seed, as_of = ways[0].root_seed, ways[0].as_of
        raise PlanError(
            f"the rows in the database are not those of size {_sizes(ways)} with root seed {seed} "
            f"as of {as_of}, and nothing was written; say how the chain was seeded, with -x size="
            "..., -x rows=..., -x seed=... or -x as-of=..., and TERP_SEED_MASK_KEY if it had one"
        )
    best = max((each.intact, -each.missing) for each in fitting)
    winners = [each for each in fitting if (each.intact, -each.missing) == best]
    if len(winners) > 1:
        sizes = _sizes([each.generation for each in winners])
        raise PlanError(
            f"the rows in the database are the same in size {sizes}, and later revisions need to "
            "know which it was; say so with -x size=..."
        )
    return winners[0]


def _sizes(ways: Sequence[Generation]) -> str:
    return ", ".join(each.size for each in ways)


def _write(session: Session, found: Rebuilt) -> None:
    ledger, stream = ledger_of(session), session.stream
    detail = found.generation.to_settings(found.mask_key)
    for revision in found.revisions:
        stream.run(ledger.erase(revision.revision), what="ledger")
        header = Header(revision.revision, revision.state, detail, revision.digest)
        stream.run(ledger.open(header), what="ledger")
        for each in revision.tables if revision.state == "applied" else ():
            stream.run(ledger.record(each.range), what="ledger")
            for number, digests in enumerate(each.digests, start=1):
                stream.run(ledger.block(each.range, number, digests), what="ledger")
            if each.range.shape.skip_taken:
                stream.run(ledger.end_at_last(each.range), what="ledger")
