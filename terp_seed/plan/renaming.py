"""What the chain says about a schema that has moved on: read before anything runs.

Only revisions whose files mention ``seed_moved`` or ``seed_gone`` are asked, so that a chain
without them costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import StringIO

from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation
from alembic.script import Script, ScriptDirectory
from sqlalchemy.engine import Connection

from terp_seed.database.names import LiveNames, Renaming
from terp_seed.database.session import Session
from terp_seed.plan.chain import ancestors, mentions_renaming
from terp_seed.plan.operations import OPTION, RenameOp
from terp_seed.plan.recorder import call_function, install_operations

__all__ = ["read_names", "with_names"]


def with_names(session: Session, directory: ScriptDirectory) -> Session:
    """The session, with the names that the chain's tables and columns have in its database."""
    names = read_names(directory, session.connection.dialect.name, session.connection)
    return replace(session, names=names)


def read_names(
    directory: ScriptDirectory, dialect_name: str, connection: Connection | None = None
) -> LiveNames:
    """The renamings of the whole chain; a script, made without a connection, takes the newest."""
    renamings = [
        Renaming(renamed.old, renamed.new, _lineage(directory, script))
        for script in ancestors(directory, directory.get_heads())
        if mentions_renaming(script)
        for renamed in _renamings(script, dialect_name)
    ]
    return LiveNames(renamings, connection)


def _lineage(directory: ScriptDirectory, script: Script) -> frozenset[str]:
    return frozenset(one.revision for one in ancestors(directory, [script.revision]))


@dataclass
class _Reader:
    """The taker that notes what was renamed, and nothing else."""

    found: list[RenameOp] = field(default_factory=list)

    def take(self, operation: MigrateOperation) -> None:
        if isinstance(operation, RenameOp):
            self.found.append(operation)


def _renamings(script: Script, dialect_name: str) -> Sequence[RenameOp]:
    reader = _Reader()
    opts = {OPTION: reader, "as_sql": True, "output_buffer": StringIO()}
    context = MigrationContext.configure(dialect_name=dialect_name, opts=opts)
    with install_operations(context):
        call_function(script.module.upgrade, script.revision)
    return reader.found
