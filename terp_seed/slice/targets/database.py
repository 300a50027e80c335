"""A slice into a database: empty, with the schema, of any engine; all rows in one transaction.

A SQLite file that does not exist is made, with the source's tables; it has its name when it is
whole.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from sqlalchemy.exc import DBAPIError

from terp_seed.database.consent import require_consent
from terp_seed.database.copy_structure import copy_structure
from terp_seed.database.dialects import Dialect, Trigger, dialect_named
from terp_seed.database.environment_stamp import environment_of
from terp_seed.database.failures import translated
from terp_seed.database.schema import Schema, TableFacts
from terp_seed.database.session import Session, opened
from terp_seed.errors import GuardError, PlanError, VerificationError
from terp_seed.masking.policy import same_name
from terp_seed.settings.options import Settings
from terp_seed.slice.order import TableOrder, order_tables, require_order
from terp_seed.slice.references import SliceReference, enforced_references
from terp_seed.slice.snapshot import table_names
from terp_seed.slice.targets.statements import RowStatements, orphan_count
from terp_seed.slice.targets.target import Columns, Content, SliceTarget

__all__ = ["DatabaseTarget"]

_PARTIAL = ".partial"


class DatabaseTarget(SliceTarget):
    """The database of ``settings``."""

    def __init__(self, settings: Settings) -> None:
        self.title = f"database {settings.url.database!r}"
        self._dialect = dialect_named(settings.url.get_backend_name())
        self._settings = settings
        missing = self._dialect.missing_file(settings.url)
        self._new = None if missing is None else Path(missing)
        self._open = ExitStack()
        self._facts: dict[str, TableFacts] = {}
        self._environment = "dev"
        self._triggers: Sequence[Trigger] = ()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()
        if self._new is not None:
            self._partial.unlink(missing_ok=True)

    @property
    def _partial(self) -> Path:
        assert self._new is not None
        return self._new.with_name(self._new.name + _PARTIAL)

    def takes_exactly(self, dialect: Dialect) -> bool:
        return isinstance(dialect, type(self._dialect))

    def check(self) -> None:
        if self._new is not None:
            if not self._new.parent.is_dir():
                raise PlanError(f"--to: folder {self._new.parent} does not exist; make it first")
            return
        self._session = self._open.enter_context(opened(self._settings))
        session = self._session
        try:
            environment = environment_of(session.connection, self._settings, session.books)
            if environment == "production":
                raise GuardError(
                    f"{self.title} is stamped production, and a slice is for other environments; "
                    "check --to"
                )
            self._refuse_rows(session)
            self._environment = environment
        except DBAPIError as error:
            raise translated(error, self.title) from None
        session.end_transaction()

    def _refuse_rows(self, session: Session) -> None:
        for table in table_names(session, Schema(session)):
            if session.rows(f"SELECT 1 FROM {session.dialect.quote_table(table)} LIMIT 1"):
                raise PlanError(
                    f"{self.title} is not empty: table {table} has rows; a slice goes into an "
                    "empty database with the schema"
                )

    def begin(self, content: Content) -> TableOrder:
        what = f"write {content.plan.rows:,} masked rows of {len(content.facts)} tables"
        require_consent(self._settings, self._environment, lambda: [what])
        if self._new is not None:
            self._make(content)
        session = self._session
        session.allow_writes()
        self._content = content
        schema = Schema(session)
        self._facts = dict(self._found(schema, content))
        self._own = self._enforced(schema)
        self._order = order_tables(self._facts, self._own)
        require_order(self._order, self._own, session.dialect, self.title)
        self._again: Sequence[str] = ()
        if self._order.tied:
            let, self._again = session.dialect.defer_references(
                session.connection, self._order.tied
            )
            for sql in let:
                session.stream.run(sql, what="foreign keys")
        characters = session.dialect.statement_characters(session.connection)
        self._rows = RowStatements(session.stream, session.dialect, self._order, characters)
        self._rows.copies = session.dialect.stages_rows
        self._open.callback(self._rows.close)
        return self._order

    def _make(self, content: Content) -> None:
        """Make the file, with the tables of the source."""
        url = self._settings.url.set(database=str(self._partial))
        self._partial.unlink(missing_ok=True)
        self._partial.touch(mode=0o600)
        self._session = self._open.enter_context(opened(replace(self._settings, url=url)))
        self._session.allow_writes()
        copied = copy_structure(content.closure.source.session.connection, self._session.connection)
        lost = sorted({*copied.left_out} & {*content.facts})
        if lost:
            raise PlanError(f"{self.title} cannot have table {', '.join(lost)} of the source")
        # Triggers wait, since their work is among the rows already.
        self._triggers = self._dialect.all_triggers(self._session.connection)
        for trigger in self._triggers:
            self._session.stream.run(f"DROP TRIGGER {self._dialect.quote(trigger.name)}")
        self._session.commit()

    def _found(self, schema: Schema, content: Content) -> Iterator[tuple[str, TableFacts]]:
        """The tables as the target has them; `PlanError` for what it lacks."""
        problems = []
        for table, columns in content.columns.items():
            facts = schema.table(table)
            if facts is None:
                problems.append(f"table {table}")
                continue
            known = {name.casefold() for name, each in facts.columns.items() if not each.computed}
            problems += [f"{table}.{name}" for name in columns if name.casefold() not in known]
            yield table, facts
        if problems:
            raise PlanError(
                f"{self.title} lacks {', '.join(problems)}; bring its schema to that of the source"
            )

    def _enforced(self, schema: Schema) -> Sequence[SliceReference]:
        session, names = self._session, list(self._facts)
        keys = session.dialect.foreign_keys(session.connection, names)
        known = {name.casefold(): name for name in names}
        return [*enforced_references(schema, keys, known)]

    def write(self, table: str, columns: Columns) -> None:
        facts = self._facts[table]
        names = {name.casefold(): name for name in facts.columns}
        try:
            self._rows.insert(facts, {names[n.casefold()]: values for n, values in columns.items()})
        except PlanError as error:
            raise PlanError(
                f"{error}; nothing was kept. Compare the table with the source's, and look for a "
                f"trigger or CHECK of {self.title} that refuses rows"
            ) from None

    def finish(self) -> None:
        session, dialect = self._session, self._session.dialect
        still = {
            table: dialect.moving_columns(session.connection, table) for table in self._order.later
        }
        self._rows.complete(self._facts, still)
        for sql in self._again:
            session.stream.run(sql, what="foreign keys")
        self._prove()
        if not dialect.reuses_keys:  # a sequence does not follow the rows
            for facts in self._facts.values():
                for sql in dialect.reset_counter(facts.name, facts.integer_key or ""):
                    if facts.integer_key:
                        session.stream.run(sql, what=f"table {facts.name}")
        for trigger in self._triggers:
            session.stream.run(trigger.text, what=f"trigger {trigger.name}")
        session.commit()
        self._open.close()
        if self._new is not None:
            self._partial.rename(self._new)

    def _prove(self) -> None:
        """Count rows and orphans in the target; `VerificationError` if one is too many."""
        session = self._session
        for table in table_names(session, Schema(session)):
            sql = f"SELECT COUNT(*) FROM {session.dialect.quote_table(table)}"
            there, written = int(session.scalar(sql)), self._rows.rows.get(table, 0)
            if there != written:
                raise VerificationError(
                    f"table {table}: {written:,} rows were written, and {there:,} are there; "
                    "nothing was kept; look for a trigger in the target"
                )
        for reference in dict.fromkeys([*self._content.references, *self._own]):
            if not is_countable(self._facts, reference):
                continue
            count = orphan_count(session.dialect, reference)
            found = session.stream.must_be_zero(count, str(reference))
            allowed = self._content.allowed_orphans(reference)
            if found > allowed:
                raise VerificationError(
                    f"{reference}: {found:,} rows refer to no row of the slice; nothing was kept"
                )


def is_countable(facts: Mapping[str, TableFacts], reference: SliceReference) -> bool:
    """Whether the database itself can compare the two sides of a reference."""
    if reference.path or reference.enforced:
        return not reference.path
    own, other = facts[reference.table], facts[reference.target]
    pairs = zip(reference.columns, reference.targets, strict=True)
    return all(_affinity(own, a) is _affinity(other, b) for a, b in pairs)


def _affinity(facts: TableFacts, column: str) -> object:
    found = same_name(facts.columns, column)
    return None if found is None else found.type._type_affinity
