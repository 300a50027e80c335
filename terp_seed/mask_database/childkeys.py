"""Indexes for the time of a pass: where a masked key cascades, each row looks for its children.

Without an index on the foreign key the child table is read once for each row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from sqlalchemy.exc import DBAPIError

from terp_seed.database.dialects import split_table
from terp_seed.database.session import Session
from terp_seed.mask_database.plan import PassPlan
from terp_seed.run.dependents import unindexed_keys

__all__ = ["child_keys_indexed"]

_FEW = 200
"""With fewer rows it does not pay to read each child table once for an index."""


@contextmanager
def child_keys_indexed(session: Session, plan: PassPlan) -> Iterator[None]:
    """While a pass is made, an index leads every foreign key whose target the pass changes.

    Creating and dropping them commits.  A run that was killed leaves its indexes to the one that
    continues it, which makes none twice and drops them at its end.
    """
    dialect = session.dialect
    made: dict[str, str] = {}
    if not dialect.indexes_foreign_keys and plan.rows >= _FEW:
        for key in unindexed_keys(session, plan.table):
            if {*key.targets} & {*plan.columns}:
                schema, _ = split_table(key.table)
                number = sha256("\0".join([key.table, *key.columns]).encode()).hexdigest()[:12]
                name = dialect.quote(f"terp_seed_mask_{number}")
                columns = ", ".join(map(dialect.quote, key.columns))
                made[f"{dialect.quote(schema)}.{name}" if schema else name] = (
                    f"CREATE INDEX IF NOT EXISTS {name} ON {dialect.quote_table(key.table)} "
                    f"({columns})"
                )
    for sql in made.values():
        session.stream.run(sql)
        session.commit()
    try:
        yield
    finally:
        for name in made:
            with suppress(DBAPIError):  # whatever went wrong before is what has to be said
                session.end_transaction()
                session.stream.run(f"DROP INDEX IF EXISTS {name}")
                session.commit()
