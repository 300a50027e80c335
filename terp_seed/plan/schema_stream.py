"""The stream of revisions that makes the schema, and what seed revisions need of it.

``requires_schema`` in a seed revision names one of its revisions; ``schema_section`` in the seed
section says where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError, to_tuple
from sqlalchemy.engine import Connection

from terp_seed.errors import PlanError, UsageError
from terp_seed.plan.run import Run
from terp_seed.settings.options import Settings

__all__ = ["SchemaStream", "find_older_schema", "schema_stream"]


@dataclass(frozen=True)
class SchemaStream:
    """The schema's own revisions, and the table that says which of them a database has."""

    section: str
    version_table: str
    directory: ScriptDirectory

    def at_or_after(self, revision: str) -> list[str]:
        """The revisions that have this one behind them; `PlanError` if it does not exist."""
        after: set[str] = set()
        for script in reversed([*self.directory.walk_revisions()]):
            below = {*to_tuple(script.down_revision, ()), *to_tuple(script.dependencies, ())}
            if script.revision == revision or below & after:
                after.add(script.revision)
        if not after:
            raise PlanError(f"section [{self.section}] has no schema revision {revision}")
        return sorted(after)

    def heads(self, connection: Connection) -> tuple[str, ...]:
        """Where a database's schema is; empty at the base."""
        if not sa.inspect(connection).has_table(self.version_table):
            return ()
        opts = {"version_table": self.version_table}
        return MigrationContext.configure(connection, opts=opts).get_current_heads()

    def command(self, revision: str) -> str:
        """The command that brings a database there."""
        section = "" if self.section == "alembic" else f"-n {self.section} "
        return f"alembic {section}upgrade {revision}"


def schema_stream(settings: Settings) -> SchemaStream:
    """The stream that the section names; `UsageError` if it names none, or it cannot be loaded."""
    section = settings.schema_section
    if section is None or settings.ini is None:
        raise UsageError(
            f"a revision says requires_schema, and section [{settings.chain}] does not say where "
            "the schema's revisions are; add schema_section = alembic"
        )
    toml = settings.ini.parent / "pyproject.toml"
    config = Config(
        str(settings.ini),
        toml_file=str(toml) if toml.exists() else None,
        ini_section=section,
    )
    try:
        directory = ScriptDirectory.from_config(config)
        directory.get_heads()
    except CommandError as error:
        raise UsageError(f"schema_section = {section}: {error}") from None
    return SchemaStream(section, settings.schema_version_table, directory)


def find_older_schema(connection: Connection, run: Run) -> Iterator[str]:
    """A finding for each revision that needs a later schema than the database has."""
    stream = schema_stream(run.settings)
    heads = stream.heads(connection)
    for revision, schema in run.needed_schemas.items():
        if not {*heads} & {*stream.at_or_after(schema)}:
            yield (
                f"revision {revision} needs the schema at {schema}, and it is at "
                f"{', '.join(heads) or 'its base'}: {stream.command(schema)}"
            )
