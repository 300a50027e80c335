"""The toy project of `tests/toy/`, its database, and Alembic's commands run on it.

`alembic` runs the console script, as a person does; `upgrade`, `downgrade` and the like call
`alembic.command` in this process, which is ten times quicker.
"""

from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterator, Sequence
from hashlib import sha256
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from click.testing import CliRunner, Result
from projects import Project
from sqlalchemy.engine import Connection, Engine

from terp_seed.cli import main
from terp_seed.database import environment_stamp as guards
from terp_seed.database.compare import TableDigest, database_digests

TOY = Path(__file__).parent / "toy"
sys.path.insert(0, str(TOY))

from toy_schema import metadata  # noqa: E402 - a module of the toy project

HEAD = "0003_crates"

#: Sets the sequence of a key, its own or one that its default calls, behind what the table holds.
REWIND = """
    SELECT setval(seq, (SELECT COALESCE(MAX({key}), 0) + 1 FROM {table}), false)
    FROM (SELECT COALESCE(pg_get_serial_sequence('{table}', '{column}')::regclass::oid, (
        SELECT d.refobjid FROM pg_attrdef f JOIN pg_depend d ON d.objid = f.oid
        JOIN pg_sequence s ON s.seqrelid = d.refobjid WHERE f.adrelid = '{table}'::regclass
    ))::regclass AS seq) AS own
"""

#: A conftest.py of an application, with its own engine.
ENGINE_FIXTURE = """
import pytest, sqlalchemy

@pytest.fixture(scope="session")
def seed_engine():
    engine = sqlalchemy.create_engine({url!r})
    yield engine
    engine.dispose()
"""


def rewind(connection: Connection) -> None:
    """Set PostgreSQL's sequences to what the tables hold: a rollback leaves them, with gaps."""
    if connection.dialect.name != "postgresql":
        return
    quote = connection.dialect.identifier_preparer.quote_identifier
    inspector = sa.inspect(connection)
    for table in inspector.get_table_names():
        with warnings.catch_warnings(action="ignore"):  # of a type that SQLAlchemy does not know
            kinds = {each["name"]: each["type"] for each in inspector.get_columns(table)}
        for column in inspector.get_pk_constraint(table)["constrained_columns"]:
            if isinstance(kinds[column], sa.Integer):
                sql = REWIND.format(table=quote(table), key=quote(column), column=column)
                connection.exec_driver_sql(sql)


_REFERENCES = {"depot_id": "depots", "crate_id": "crates", "parent_id": "labels"}


def _numbered(
    table: str, row: dict[str, Any], numbers: dict[str, dict[int, int]]
) -> dict[str, Any]:
    """A row with the ids in it, its own and others', as row numbers."""
    return {
        column: numbers[_REFERENCES.get(column, table)].get(value, value)
        if column == "id" or column in _REFERENCES
        else value
        for column, value in row.items()
    }


class Toy(Project):
    """A copy of the toy project with a database of its own, which holds the toy tables."""

    def __init__(self, path: Path, url: str) -> None:
        super().__init__(path)
        self.url = url
        self.db: Engine = sa.create_engine(url, poolclass=sa.NullPool)
        #: What the last command in this process printed, on either stream.
        self.said = ""

    # -- the database

    @property
    def consent(self) -> str:
        """The argument that says we mean this database, where it is staging or production."""
        return f"yes={Path(str(self.db.url.database)).name}"

    @property
    def sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.db.dialect.name == "sqlite"

    @property
    def postgresql(self) -> bool:
        """Whether the database is PostgreSQL's."""
        return self.db.dialect.name == "postgresql"

    @property
    def mysql(self) -> bool:
        """Whether the database is MySQL's or MariaDB's."""
        return not self.sqlite and not self.postgresql

    @property
    def counted_key(self) -> str:
        """How the engine spells an integer key that it counts itself."""
        if self.postgresql:
            return "SERIAL PRIMARY KEY"
        return f"INTEGER PRIMARY KEY {'AUTOINCREMENT' if self.sqlite else 'AUTO_INCREMENT'}"

    def modify(self, table: str, column: str, kind: str, *, null: bool = True) -> None:
        """Give a column of a server's table another type."""
        if self.postgresql:
            need = "DROP" if null else "SET"
            self.execute(
                f"ALTER TABLE {table} ALTER {column} TYPE {kind} USING {column}::text::{kind}, "
                f"ALTER {column} {need} NOT NULL"
            )
        else:
            self.execute(f"ALTER TABLE {table} MODIFY {column} {kind}{'' if null else ' NOT NULL'}")

    def rewind(self) -> None:
        """Set PostgreSQL's sequences to what the tables hold; other engines need no help."""
        with self.connect() as connection:
            rewind(connection)
            connection.commit()

    def create(self, *, stamp: str | None = "dev") -> None:
        """Make the toy tables, and stamp the database."""
        with self.db.begin() as connection:
            metadata.create_all(connection)
            if stamp:
                guards.stamp(connection, stamp, origin="test")

    def execute(self, *statements: str) -> None:
        """Run statements, in a transaction."""
        with self.connect() as connection:
            for statement in statements:
                connection.exec_driver_sql(statement)
            connection.commit()

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a SELECT."""
        with self.connect() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql)]

    def value(self, sql: str) -> Any:
        """Return the one value of a SELECT."""
        ((value,),) = self.rows(sql)
        return value

    @contextlib.contextmanager
    def connect(self) -> Iterator[Connection]:
        """Open a connection that enforces foreign keys, on SQLite too."""
        with self.db.connect() as connection:
            if self.sqlite:
                connection.exec_driver_sql("PRAGMA foreign_keys = ON")
                connection.rollback()
            yield connection

    def digests(self) -> dict[str, TableDigest]:
        """Return the digest of every table that is not bookkeeping."""
        with self.db.connect() as connection:
            return database_digests(connection)

    def numbered_digests(self) -> dict[str, TableDigest]:
        """Digests for which an id is the number of its row, where an engine never gives one twice.

        On the other engines ids count as they are.
        """
        if not self.postgresql:
            return self.digests()
        with self.db.connect() as connection:
            tables = sa.MetaData()
            tables.reflect(connection)
            rows = {
                table.name: connection.execute(sa.select(table).order_by(*table.primary_key)).all()
                for table in tables.sorted_tables
                if not table.name.startswith("terp_seed_")
            }
        numbers = {
            name: {row.id: number for number, row in enumerate(found)}
            for name, found in rows.items()
            if "id" in tables.tables[name].columns
        }
        return {
            name: TableDigest(
                len(found),
                sha256(
                    repr([_numbered(name, row._asdict(), numbers) for row in found]).encode()
                ).hexdigest(),
            )
            for name, found in rows.items()
        }

    def everything(self) -> dict[str, TableDigest]:
        """Return the digest of every table there is but the lock row, which counts on."""
        with self.db.connect() as connection:
            return database_digests(connection, leave_out=("terp_seed_lock",))

    def counts(self) -> dict[str, int]:
        """Return the number of rows of each toy table that has any."""
        return {name: each.rows for name, each in self.digests().items() if each.rows}

    def version(self) -> str | None:
        """Return where the chain stands; None at its base."""
        with self.db.connect() as connection:
            if not sa.inspect(connection).has_table("terp_seed_version"):
                return None
            return connection.exec_driver_sql(
                "SELECT MAX(version_num) FROM terp_seed_version"
            ).scalar()

    def states(self) -> dict[str, str]:
        """Return the state of each revision that the ledger has a header for."""
        found = self.rows("SELECT revision, state FROM terp_seed_ledger WHERE range_no = 0")
        return dict(sorted(found))

    def audit(self) -> list[tuple[str, str | None]]:
        """Return the events of the audit with their revisions, in order."""
        found = self.rows("SELECT event, revision FROM terp_seed_audit ORDER BY id")
        return [(event, revision) for event, revision in found]

    # -- the files

    def revision(
        self,
        name: str,
        upgrade: str,
        downgrade: str = "op.unseed()",
        *,
        after: str | None = HEAD,
        head: str = "",
    ) -> Path:
        """Write a revision with these bodies, and return its file."""
        path = self.path / "seed_revisions" / f"{name}.py"
        path.write_text(
            f'"""{name}."""\n\nfrom alembic import op\n\n'
            f"revision = {name!r}\ndown_revision = {after!r}\n{dedent(head)}\n\n"
            f"def upgrade() -> None:\n{indent(dedent(upgrade).strip(), '    ')}\n\n\n"
            f"def downgrade() -> None:\n{indent(dedent(downgrade).strip(), '    ')}\n"
        )
        return path

    def only(self, name: str, upgrade: str, downgrade: str = "op.unseed()", **more: Any) -> Path:
        """Make this the only revision of the chain."""
        for path in (self.path / "seed_revisions").glob("*.py"):
            path.unlink()
        return self.revision(name, upgrade, downgrade, after=None, **more)

    def data(self, name: str, content: str | bytes) -> Path:
        """Write a file of reference data, and return its path."""
        path = self.path / "seeds" / "data" / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def publish(self, table: str, columns: Sequence[str], *false_alarms: str) -> None:
        """Say of columns that they are not personal, and what they only look like."""
        path = self.path / "seeds" / "masking.toml"
        alarms = f", false_alarms = {json.dumps(false_alarms)}" if false_alarms else ""
        said = f'columns = {json.dumps([*columns])}, reason = "published"{alarms}'
        entry = f"not_personal = [{{ {said} }}]"
        path.write_text(f"{path.read_text()}\n[tables.{table}]\n{entry}\n")

    def ini(self, *lines: str) -> None:
        """Add lines to the seed section."""
        path = self.path / "alembic.ini"
        path.write_text(path.read_text() + "".join(f"{line}\n" for line in lines))

    # -- the commands

    def alembic(
        self, *args: str, env: dict[str, str] | None = None, check: bool = True, **more: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run `alembic -n seed -x url=... ARGS` as a person types it."""
        return self.run(
            "alembic", "-n", "seed", "-x", f"url={self.url}", *args, env=env, check=check, **more
        )

    def start_alembic(self, *args: str) -> subprocess.Popen[str]:
        """Start `alembic -n seed -x url=... ARGS` and return it running."""
        return self.start("alembic", "-n", "seed", "-x", f"url={self.url}", *args)

    def config(self, *x: str, **attributes: object) -> Config:
        """Return Alembic's configuration of this project, as its command would make it."""
        given = [] if any(each.startswith("url=") for each in x) else [f"url={self.url}"]
        return Config(
            self.path / "alembic.ini",
            ini_section="seed",
            stdout=self._out,
            output_buffer=self._out,
            cmd_opts=Namespace(x=[*given, *x], quiet=False, verbose=False),
            attributes=attributes,
        )

    def call(self, name: str, *args: Any, x: tuple[str, ...] = (), **more: Any) -> str:
        """Call a function of `alembic.command` and return what it printed on stdout.

        `attributes` is handed to the configuration. What the run logged is in `said`.
        """
        self._out, said = io.StringIO(), io.StringIO()
        config = self.config(*x, **more.pop("attributes", {}))
        path = list(sys.path)
        try:
            with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
                getattr(command, name)(config, *args, **more)
        finally:
            sys.path[:] = path
            self.said = said.getvalue()
        return self._out.getvalue()

    def upgrade(self, target: str = "head", *x: str, **more: Any) -> str:
        """Upgrade in this process; what the run said is in `said`."""
        return self.call("upgrade", target, x=x, **more)

    def downgrade(self, target: str = "base", *x: str, **more: Any) -> str:
        """Downgrade in this process."""
        return self.call("downgrade", target, x=x, **more)

    def stamp(self, target: str, *x: str, **more: Any) -> str:
        """Stamp in this process."""
        return self.call("stamp", target, x=x, **more)

    def terp_seed(self, *args: str, x: tuple[str, ...] = (), code: int | None = 0) -> Result:
        """Run `terp-seed ARGS` in this process, and hold it to its exit code, if one is given."""
        path = list(sys.path)
        try:
            done = CliRunner().invoke(main, self.words(*args, x=x), prog_name="terp-seed")
        finally:
            sys.path[:] = path
        assert code in (None, done.exit_code), done.output
        return done

    def words(self, *args: str, x: tuple[str, ...] = ()) -> list[str]:
        """The arguments of `terp-seed ARGS` on this project and database."""
        given = [each for key in (f"url={self.url}", *x) for each in ("-x", key)]
        return ["-c", str(self.path / "alembic.ini"), *given, *args]

    def document(self, *args: str, code: int = 0, x: tuple[str, ...] = ()) -> dict[str, Any]:
        """Run `terp-seed ARGS --json` in this process and return what it printed."""
        done = self.terp_seed(*args, "--json", code=code, x=x)
        printed: dict[str, Any] = json.loads(done.stdout)
        return printed

    def current(self) -> str:
        """Return what `alembic -n seed current` prints."""
        return self.call("current").strip()
