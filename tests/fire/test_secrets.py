"""Secrets are searched for in everything that runs print, log, audit, dump or raise."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from children import Child
from servers import MariaDB
from toys import Toy

POLICY = """
version = 1
defaults.unlisted = "detect"
[tables.labels]
wording = { class = "email" }
not_personal = [{ columns = ["extra", "body", "blob"], reason = "printed on a label" }]
"""


class Watch:
    """What must not be seen, and everything that could show it."""

    def __init__(self, toy: Toy, start: Callable[..., Child]) -> None:
        self.toy = toy
        self.start = start
        self.hidden: dict[str, str] = {}
        self.seen: dict[str, str] = {}
        self.log = toy.path / "log.jsonl"

    def run(self, name: str, program: str, *args: str, env: dict[str, str] | None = None) -> None:
        """Run a command with the log turned up, and keep all that it printed."""
        loud = {"TERP_SEED_LOG_LEVEL": "TRACE", "TERP_SEED_LOG_FILE": str(self.log), **(env or {})}
        if program == "alembic":
            child = self.start(self.toy.path, *args, env=loud)
            child.wait()
            self.seen[name] = child.said
        else:
            done = self.toy.run(program, *args, env=loud, check=False)
            self.seen[name] = done.stdout + done.stderr

    def everything(self) -> dict[str, str]:
        """Add the log's file, and every row of the bookkeeping."""
        found = dict(self.seen)
        if self.log.exists():
            found["log file"] = self.log.read_text()
        with self.toy.db.connect() as connection:
            for table in sa.inspect(connection).get_table_names():
                if table.startswith("terp_seed"):
                    rows = connection.exec_driver_sql(f"SELECT * FROM {table}").fetchall()
                    found[table] = repr(rows)
        return found


@pytest.mark.slow
def test_no_secret_is_seen_anywhere(
    toy: Toy,
    start_alembic: Callable[..., Child],
    request: pytest.FixtureRequest,
    tally: Callable[..., None],
) -> None:
    """U-5: passwords of URLs, masking keys, people's addresses, in good runs and bad ones."""
    watch = Watch(toy, start_alembic)
    key = secrets.token_hex(32)
    person = f"ann.{secrets.token_hex(4)}@people.example.net"
    watch.hidden = {"the masking key": key, "a person's address": person}
    url = toy.url
    if not toy.sqlite:
        server: MariaDB = request.getfixturevalue("mariadb")
        watch.hidden["the password"] = server.password
        watch.hidden["the password, encoded"] = url.split("@127")[0].rsplit(":", 1)[1]
    (toy.path / "seeds" / "masking.toml").write_text(POLICY)
    (toy.path / "key").write_text(key)
    (toy.path / "key").chmod(0o600)
    row = f'[{{"code": "A", "wording": {person!r}}}]'
    toy.only("0001_a", f'op.seed_rows("labels", {row}, key=["code"])')
    x = ("alembic", "-n", "seed", "-x", f"url={url}")
    by_key = {"TERP_SEED_MASK_KEY_FILE": str(toy.path / "key")}
    bad = url.replace("127.0.0.1", "127.0.0.2").replace("test_", "no_such_")
    watch.run("without a key", *x, "upgrade", "head")
    watch.run("with a key", *x, "upgrade", "head", env=by_key)
    watch.run("a key in the shell", *x, "upgrade", "head", env={"TERP_SEED_MASK_KEY": key})
    watch.run("a script", *x, "upgrade", "head", "--sql", env=by_key)
    watch.run("another size", *x, "-x", "size=large", "upgrade", "head", env=by_key)
    watch.run("a typo", *x, "-x", "siez=1", "upgrade", "head", env=by_key)
    watch.run("a bad URL", "alembic", "-n", "seed", "-x", f"url={bad}", "upgrade", "head")
    watch.run("no URL", "alembic", "-n", "seed", "-x", f"url={url}?x=1&ssl=%", "upgrade", "head")
    watch.run("a check", "terp-seed", "-x", f"url={url}", "verify", env=by_key)
    watch.run("a preview", "terp-seed", "-x", f"url={url}", "preview", env=by_key)
    watch.run("downgrade", *x, "downgrade", "base", env=by_key)
    toy.execute(f"INSERT INTO labels (code, wording) VALUES ('A', '{person}')")
    watch.run("a key that is taken", *x, "upgrade", "head", env=by_key)
    toy.only("0001_a", f'op.seed_rows("labels", {row[:-2]}, "day": "x{person}"}}], key=["code"])')
    watch.run("a value that does not fit", *x, "upgrade", "head", env=by_key)
    toy.only("0001_a", f"raise ValueError({person!r})")
    watch.run("a revision that fails", *x, "upgrade", "head", env=by_key)
    toy.only("0001_a", f"op.execute(\"INSERT INTO labels (wording) VALUES ('{person}')\")")
    watch.run("raw SQL", *x, "upgrade", "head", env=by_key)
    seen = watch.everything()
    assert len(seen) >= 18
    found = {
        f"{what} in: {where}"
        for what, secret in watch.hidden.items()
        for where, text in seen.items()
        if secret in text
    }
    assert not found
    assert not [path for path in Path(toy.path).rglob("*.sql") if person in path.read_text()]
    tally(outputs=len(seen), secrets=len(watch.hidden))
