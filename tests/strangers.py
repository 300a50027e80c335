"""Somebody else's Alembic project, made by `alembic init`, with a model and a database."""

from __future__ import annotations

import re

from alembic.config import CommandLine
from click.testing import CliRunner, Result
from projects import Project

from terp_seed.cli import main
from terp_seed.project.project import Project as Seeds

MODEL = """\
import sqlalchemy as sa

metadata = sa.MetaData()
sa.Table(
    "customers",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40), nullable=False),
    sa.Column("email", sa.String(60), nullable=False, unique=True),
    sa.Column("grade", sa.Integer),
)
sa.Table(
    "visits",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("customer_id", sa.ForeignKey("customers.id"), nullable=False),
)
"""


class Stranger(Project):
    """A project that has never heard of terp_seed."""

    def init(self, template: str = "generic") -> None:
        """`alembic init`, in this process; the model is what its autogenerate compares with."""
        self.path.mkdir(exist_ok=True)
        (self.path / "model.py").write_text(MODEL)
        CommandLine().main(["init", "-t", template, "alembic"])
        theirs = "target_metadata = {}" if template == "multidb" else "target_metadata = None"
        self.edit("alembic/env.py", theirs, "from model import metadata as target_metadata")

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text in a file, which must be there."""
        path = self.path / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    def has_url(self, url: str) -> None:
        """Write the URL where a person writes it."""
        self.edit("alembic.ini", "driver://user:pass@localhost/dbname", url.replace("%", "%%"))

    def terp_seed(self, *args: str, code: int = 0) -> Result:
        """Run the command in this process, in the project's folder."""
        result = CliRunner().invoke(main, args, prog_name="terp-seed")
        assert result.exit_code == code, f"{result.output}{result.stderr}"
        return result

    def seed(self, target: str) -> None:
        """Upgrade, or to `base` downgrade, in this process."""
        ours = Seeds(self.path / "alembic.ini")
        (ours.downgrade if target == "base" else ours.upgrade)(target)

    def files(self) -> dict[str, str]:
        """Every file's text, by its place."""
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes().decode()
            for path in sorted(self.path.rglob("*"))
            if path.is_file() and path.suffix not in {".pyc", ".db"}
        }

    def proposed(self) -> list[str]:
        """The tables that the project's own autogenerate would drop."""
        self.run("alembic", "revision", "--autogenerate", "-m", "look")
        (path,) = (self.path / "alembic" / "versions").glob("*_look.py")
        text = path.read_text()
        path.unlink()
        return re.findall(r"op\.drop_table\('(\w+)'\)", text.partition("def downgrade")[0])
