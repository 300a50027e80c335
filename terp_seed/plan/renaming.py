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
from terp_seed.plan.chain import RENAMING, ancestors, mentions, read_attributes
from terp_seed.plan.operations import OPTION, RenameOp
from terp_seed.plan.recorder import call_function, install_operations

__all__ = ["read_names", "read_operations", "with_names"]


def with_names(session: Session, directory: ScriptDirectory) -> Session:
    """The session, with the names that the chain's tables and columns have in its database."""
    names = read_names(directory, session.connection.dialect.name, session.connection)
    return replace(session, names=names)


def read_names(
    directory: ScriptDirectory, dialect_name: str, connection: Connection | None = None
) -> LiveNames:
    """The renamings of the whole chain; a script, made without a connection, takes the newest."""
    scripts = ancestors(directory, directory.get_heads())
    renamings = [
        Renaming(renamed.old, renamed.new, _lineage(directory, script))
        for script in scripts
        if mentions(script, RENAMING)
        for renamed in read_operations(script, dialect_name)
        if isinstance(renamed, RenameOp)
    ]
    squashed = [script for script in scripts if mentions(script, ("replaces",))]
    replaced = {script.revision: read_attributes(script).replaces for script in squashed}
    return LiveNames(renamings, connection, {name: old for name, old in replaced.items() if old})


def _lineage(directory: ScriptDirectory, script: Script) -> frozenset[str]:
    """The revisions that may use old names; a squashed one has the new names itself."""
    replaces = read_attributes(script).replaces
    if replaces:
        return frozenset(replaces)
    lineage = ancestors(directory, [script.revision])
    before = (name for one in lineage for name in read_attributes(one).replaces)
    return frozenset([*(one.revision for one in lineage), *before])


@dataclass
class _Reader:
    """The taker that notes operations, and does nothing else."""

    found: list[MigrateOperation] = field(default_factory=list)

    def take(self, operation: MigrateOperation) -> None:
        self.found.append(operation)


def read_operations(
    script: Script, dialect_name: str, *, upgrade: bool = True
) -> Sequence[MigrateOperation]:
    """The operations of a revision's ``upgrade()`` or ``downgrade()``, in order."""
    reader = _Reader()
    opts = {OPTION: reader, "as_sql": True, "output_buffer": StringIO()}
    context = MigrationContext.configure(dialect_name=dialect_name, opts=opts)
    with install_operations(context):
        module = script.module
        call_function(module.upgrade if upgrade else module.downgrade, script.revision)
    return reader.found
