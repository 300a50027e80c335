"""Every message of the troubleshooting page is brought about, and reads as its heading says."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.config import CommandLine
from click.testing import CliRunner
from docs_runner import REPOSITORY
from production import KEY
from projects import CHAIN, Project
from servers import run_client

from terp_seed import errors
from terp_seed.cli import main

PAGE = (REPOSITORY / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
HEADINGS = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)

Done = subprocess.CompletedProcess[str]


class Trouble:
    """A copy of the project with a sandbox, in which things go wrong."""

    def __init__(self, project: Project, databases: Path, request: pytest.FixtureRequest) -> None:
        self.project = project
        self.databases = databases
        self.request = request
        self.url = f"sqlite:///{project.path}/terp.db"

    def sandbox(self) -> None:
        """Make TERP's tables."""
        shutil.copy(self.databases / "sandbox.db", self.project.path / "terp.db")

    def seed(self, *args: str, check: bool = False) -> Done:
        """Run a command of `alembic -n seed`."""
        done = self.alembic("-n", "seed", *args)
        assert not (check and done.returncode), done.stderr
        return done

    def alembic(self, *args: str) -> Done:
        """Run `alembic` in this process, which is quicker."""
        out, said, path = io.StringIO(), io.StringIO(), list(sys.path)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
                CommandLine(prog="alembic").main(args)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.path[:] = path
        return Done(args, code, out.getvalue(), said.getvalue())

    def terp_seed(self, *args: str, **env: str) -> Done:
        """Run `terp-seed` in this process."""
        path = list(sys.path)
        done = CliRunner().invoke(main, args, prog_name="terp-seed", env=env)
        sys.path[:] = path
        return Done(args, done.exit_code, done.stdout, done.stderr)

    def backup(self, kind: str) -> str:
        """A backup of a seeded database, and where it is."""
        self.seeded()
        return self.terp_seed("backup", "create", "--kind", kind).stdout.strip()

    def mask(self, *args: str) -> Done:
        """Run `terp-seed mask`, with a key."""
        return self.terp_seed("mask", *args, TERP_SEED_MASK_KEY=KEY)

    def seeded(self) -> None:
        """Make the tables, and seed them."""
        shutil.copy(self.databases / "seeded.db", self.project.path / "terp.db")

    def sql(self, script: str) -> None:
        """Change the database as a person might."""
        run_client(self.url, script)

    def revision(self, body: str, head: str = "") -> None:
        """Add a revision of ours to the chain."""
        (self.project.path / "seed_revisions" / "9998_ours.py").write_text(
            f'from alembic import op\nrevision = "9998_ours"\ndown_revision = "{CHAIN[-1]}"\n'
            f"{head}\ndef upgrade():\n    {body}\ndef downgrade():\n    op.unseed()\n"
        )


@pytest.fixture(scope="session")
def databases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a sandbox and a seeded one, to be copied."""
    folder = tmp_path_factory.mktemp("databases")
    maker = Project(REPOSITORY)
    for name, more in (("sandbox", ()), ("seeded", ("-n", "seed"))):
        url = f"url=sqlite:///{folder}/{name}.db"
        if more:
            shutil.copy(folder / "sandbox.db", folder / f"{name}.db")
        maker.run("alembic", *more, "-x", url, "upgrade", "head")
    return folder


CASES: dict[str, Callable[[Trouble], Done]] = {}


def case(heading: str) -> Callable[[Callable[[Trouble], Done]], Callable[[Trouble], Done]]:
    """Name the heading whose message a function brings about."""

    def register(function: Callable[[Trouble], Done]) -> Callable[[Trouble], Done]:
        CASES[heading] = function
        return function

    return register


@case("database … does not say which environment it is; …")
def _unstamped(it: Trouble) -> Done:
    return it.seed("-x", f"url={it.request.getfixturevalue('mariadb_url')}", "upgrade", "head")


@case("you asked for environment …, but this database is stamped …; …")
def _other_environment(it: Trouble) -> Done:
    it.sandbox()
    return it.seed("-x", "env=staging", "upgrade", "head")


@case("database … is stamped …, and there is no terminal to ask on; …")
def _no_consent(it: Trouble) -> Done:
    it.sandbox()
    it.terp_seed("env", "stamp", "staging", "--yes")
    return it.seed("upgrade", "head")


@case("database … may be production: …")
def _looks_like_production(it: Trouble) -> Done:
    it.sandbox()
    it.terp_seed("env", "stamp", "production", "--yes")
    return it.terp_seed("env", "stamp", "dev", "--yes")


@case("this database is stamped …, and to make it … was not confirmed; …")
def _not_confirmed(it: Trouble) -> Done:
    it.sandbox()
    return it.terp_seed("env", "stamp", "test")


@case("database … cannot be reached …")
def _unreachable(it: Trouble) -> Done:
    return it.seed("-x", "url=mysql://terp@127.0.0.1:1/terp", "upgrade", "head")


@case("database …: there is no such file; …")
def _no_file(it: Trouble) -> Done:
    return it.terp_seed("status")


@case("alembic.ini: has no section […]; …")
def _other_section(it: Trouble) -> Done:
    return it.terp_seed("-n", "sed", "status")


@case("[…] …: unknown key; did you mean …")
def _misspelt(it: Trouble) -> Done:
    ini = it.project.path / "alembic.ini"
    ini.write_text(ini.read_text() + "protected_host = *.db.example\n")
    return it.seed("upgrade", "head")


@case("MySQL needs mysqlclient: …")
def _no_driver(it: Trouble) -> Done:
    (it.project.path / "MySQLdb.py").write_text("raise ModuleNotFoundError(__name__)\n")
    url = "url=mysql://terp@127.0.0.1:1/terp"
    fresh = {"PYTHONSAFEPATH": ""}  # an interpreter that has imported nothing yet
    return it.project.run(
        "alembic", "-n", "seed", "-x", url, "upgrade", "head", check=False, env=fresh
    )


@case("No 'script_location' key found in configuration.")
def _no_section(it: Trouble) -> Done:
    return it.alembic("-n", "seeds", "upgrade", "head")


@case("-x …: unknown key…")
def _unknown_key(it: Trouble) -> Done:
    return it.seed("-x", "sice=medium", "upgrade", "head")


@case("the plan does not fit this database, nothing was written: …")
def _no_tables(it: Trouble) -> Done:
    (it.project.path / "terp.db").touch()
    return it.seed("upgrade", "head")


@case(
    "…, table … has columns without an entry in the masking policy: …; "
    "this command writes proposed entries: …"
)
def _personal(it: Trouble) -> Done:
    it.sandbox()
    it.sql("CREATE TABLE members (id INTEGER PRIMARY KEY, email VARCHAR(80))")
    it.revision('op.seed_rows("members", [{"email": "a.person@example.com"}])')
    return it.seed("upgrade", "head")


@case("revision …: generates data, which never enters production; …")
def _production(it: Trouble) -> Done:
    it.sandbox()
    it.terp_seed("env", "stamp", "production", "--yes")
    it.revision('op.seed("clients")', 'environments = ("production",)')
    return it.seed("upgrade", "head")


@case("revision …: INSERT bypasses masking and the ledger. …")
def _raw(it: Trouble) -> Done:
    it.sandbox()
    it.revision("op.execute(\"INSERT INTO brands (name) VALUES ('x')\")")
    return it.seed("upgrade", "head")


@case("size: this chain was seeded with …, and you ask for …; …")
def _other_size(it: Trouble) -> Done:
    it.sandbox()
    it.seed("upgrade", "+1", check=True)
    return it.seed("-x", "size=medium", "upgrade", "head")


@case("revision … was changed since it was applied: …")
def _changed(it: Trouble) -> Done:
    it.sandbox()
    it.revision('op.seed_rows("brands", [{"name": "Tin Roof"}])')
    it.seed("upgrade", "head", check=True)
    it.revision('op.seed_rows("brands", [{"name": "Tin Roof"}, {"name": "Marlow"}])')
    later = (it.project.path / "seed_revisions" / "9998_ours.py").read_text()
    later = later.replace("9998_ours", "9999_later").replace(CHAIN[-1], "9998_ours")
    (it.project.path / "seed_revisions" / "9999_later.py").write_text(later)
    return it.seed("upgrade", "head")


@case("… was edited since revision … seeded … from it: …")
def _edited_file(it: Trouble) -> Done:
    it.sandbox()
    file = it.project.path / "seeds" / "data" / "ours.csv"
    file.write_text("name\nTin Roof\n")
    it.revision('op.seed_file("brands", "ours.csv", key=["name"])')
    it.seed("upgrade", "head", check=True)
    file.write_text("name\nTin Roof\nMarlow\n")
    return it.seed("upgrade", "head")


@case("revision … is applied in this database, and the chain has no file for it: …")
def _other_branch(it: Trouble) -> Done:
    it.sandbox()
    it.revision('op.seed_rows("brands", [{"name": "Tin Roof"}])')
    it.seed("upgrade", "head", check=True)
    (it.project.path / "seed_revisions" / "9998_ours.py").unlink()
    return it.seed("upgrade", "head")


@case("another run (…) held the lock for … s; …")
def _locked(it: Trouble) -> Done:
    return _beside(it, "pass")


@case("another run held an exclusive lock on the database file for … s; …")
def _unreadable(it: Trouble) -> Done:
    return _beside(it, "c = sqlite3.connect('terp.db'); c.execute('BEGIN EXCLUSIVE')")


def _beside(it: Trouble, holds: str) -> Done:
    """Seed beside a process that has the lock, and does something more with it."""
    it.sandbox()
    lock, ready = it.project.path / "terp.db.terp_seed.lock", it.project.path / "ready"
    holder = it.project.start(
        "python",
        "-c",
        "import filelock, pathlib, sqlite3, time\n"
        f"with filelock.FileLock({str(lock)!r}):\n"
        f"    {holds}\n    pathlib.Path({str(ready)!r}).touch()\n    time.sleep(60)",
    )
    while not ready.exists():
        time.sleep(0.05)
    try:
        return it.seed("-x", "lock-timeout=0.2", "upgrade", "head")
    finally:
        holder.send_signal(signal.SIGKILL)


@case("interrupted by …: …")
def _stopped(it: Trouble) -> Done:
    it.sandbox()
    it.revision("os.kill(os.getpid(), signal.SIGTERM)", "import os, signal")
    return it.terp_seed("seed")


@case("… seeded rows have drifted (edited, deleted or replaced)")
def _drifted(it: Trouble) -> Done:
    it.seeded()
    it.sql("UPDATE orders SET notes = 'called back' WHERE id = (SELECT MIN(id) FROM orders)")
    return it.terp_seed("status", "--drift")


@case("… rows break … invariants")
def _broken(it: Trouble) -> Done:
    it.seeded()
    it.sql("UPDATE batches SET onHandQty = onHandQty + 1 WHERE id = (SELECT MIN(id) FROM batches)")
    return it.terp_seed("verify")


@case("revision …: rows that were not seeded depend on its rows, so nothing was deleted: …")
def _dependents(it: Trouble) -> Done:
    it.seeded()
    it.sql(
        "INSERT INTO products (brandId, nameCanonical, category)"
        " SELECT MIN(id), 'Ours', 'Flower' FROM brands"
    )
    return it.seed("downgrade", "base")


@case("revision …: rows were edited since they were seeded (…), so nothing was deleted; …")
def _edited(it: Trouble) -> Done:
    it.seeded()
    it.sql("UPDATE orders SET notes = 'called back' WHERE id = (SELECT MIN(id) FROM orders)")
    return it.seed("-x", "on-edited=abort", "downgrade", "0004_inventory")


def _changed(it: Trouble) -> Trouble:
    """A seeded row, and a revision that changes it."""
    it.seeded()
    it.sql("CREATE TABLE shades (id INTEGER PRIMARY KEY, code VARCHAR(9) UNIQUE, shade VARCHAR(9))")
    it.revision('op.seed_rows("shades", [{"code": "r", "shade": "red"}], key=["code"])')
    it.terp_seed("mask", "--init", "--table", "shades")
    it.seed("upgrade", "head", check=True)
    first = it.project.path / "seed_revisions" / "9998_ours.py"
    text = first.read_text().replace(CHAIN[-1], "9998_ours").replace("seed_rows", "update_rows")
    text = text.replace('revision = "9998_ours"', 'revision = "9999_ours"', 1).replace(
        "red", "rose"
    )
    (first.parent / "9999_ours.py").write_text(text)
    return it


@case("done, and … edited rows were left as they are, at least in part (…). …")
def _conflict(it: Trouble) -> Done:
    _changed(it).sql("UPDATE shades SET shade = 'mine'")
    return it.seed("upgrade", "head")


@case("…: cells were edited since the seed changed them (…), so nothing was changed; …")
def _edited_cell(it: Trouble) -> Done:
    _changed(it).seed("upgrade", "head", check=True)
    it.sql("UPDATE shades SET shade = 'mine'")
    return it.seed("-x", "on-edited=abort", "downgrade", "-1")


@case("a script cannot see which rows were edited since they were seeded; …")
def _scripted(it: Trouble) -> Done:
    return it.seed("-x", "env=staging", "downgrade", f"{CHAIN[-1]}:base", "--sql")


@case("this database cannot be masked yet, nothing was written: …")
def _unclassified(it: Trouble) -> Done:
    it.sandbox()
    it.sql("CREATE TABLE members (id INTEGER PRIMARY KEY, email VARCHAR(80))")
    return it.mask()


@case("database … is stamped production, and masking in place destroys its data; …")
def _production_in_place(it: Trouble) -> Done:
    it.sandbox()
    it.terp_seed("env", "stamp", "production", "--yes")
    return it.mask()


@case("personal data is left in … places; …")
def _left(it: Trouble) -> Done:
    it.sandbox()
    it.sql("INSERT INTO brands (name, description) VALUES ('x', 'ask a.person@mill.internal')")
    return it.mask("--verify")


@case("… was masked before, and holds the originals again: …")
def _restored(it: Trouble) -> Done:
    it.sandbox()
    it.sql("INSERT INTO clients (teri_code, name) VALUES ('A', 'Old Mill Farms')")
    it.mask("--yes")
    it.sql("UPDATE clients SET name = 'Old Mill Farms'")
    return it.mask("--yes")


@case("… needs a key in staging; …")
def _no_key(it: Trouble) -> Done:
    it.sandbox()
    it.terp_seed("env", "stamp", "staging", "--yes")
    it.sql("INSERT INTO clients (teri_code, name) VALUES ('A', 'Old Mill Farms')")
    return it.terp_seed("mask")


@case("the version table lists … as applied, but the ledger has no entry for that. …")
def _lost(it: Trouble) -> Done:
    it.seeded()
    it.sql("DROP TABLE terp_seed_ledger")
    return it.seed("downgrade", "base")


@case("the rows in the database are not those of size … with root seed … as of …, …")
def _not_those(it: Trouble) -> Done:
    it.seeded()
    it.sql("DROP TABLE terp_seed_ledger")
    rebuild = ("-x", "seed=5", "ledger", "rebuild", "--yes")
    return it.terp_seed(*rebuild)


@case("database …: this command asks before it goes on, and there is no terminal to ask on; …")
def _asks(it: Trouble) -> Done:
    it.seeded()
    return it.terp_seed("rollback")


@case("host … is protected (… in protected_hosts of alembic.ini): …")
def _protected(it: Trouble) -> Done:
    ini = it.project.path / "alembic.ini"
    ini.write_text(ini.read_text() + "protected_hosts = 127.*\n")
    return it.terp_seed("-x", f"url={it.request.getfixturevalue('mariadb_url')}", "plan")


@case("the reviewed plan is out of date: …")
def _moved(it: Trouble) -> Done:
    it.sandbox()
    it.terp_seed("plan", "--out", "plan.json")
    it.seed("upgrade", "+1", check=True)
    return it.terp_seed("seed", "--plan", "plan.json")


@case("backup: … cannot be made: …")
def _no_folder(it: Trouble) -> Done:
    it.seeded()
    return it.seed("-x", "backup=rows", "-x", "backup-folder=terp.db", "downgrade", "-1")


@case("rows were changed since the backup was made (…); nothing was restored. …")
def _changed_since(it: Trouble) -> Done:
    made = it.backup("rows")
    it.sql("UPDATE orders SET notes = 'called back' WHERE id = (SELECT MIN(id) FROM orders)")
    return it.terp_seed("restore", made, "--yes")


@case("backup …: holds a dump; put it back with: …")
def _dumped(it: Trouble) -> Done:
    return it.terp_seed("restore", it.backup("dump"), "--yes")


@case("backup …: … has changed since the backup was made (size or checksum); …")
def _cut(it: Trouble) -> Done:
    made = it.backup("rows")
    with (Path(made) / "ledger.sql").open("a") as file:
        file.write("-- a remark\n")
    return it.terp_seed("restore", made, "--yes")


@case("backup …: holds rows of a database stamped …, unmasked, and this one is stamped …; …")
def _wandering(it: Trouble) -> Done:
    made = it.backup("rows")
    it.terp_seed("env", "stamp", "test", "--yes")
    return it.terp_seed("restore", made, "--yes")


@case("….ini: has a section […] already, so nothing was written; …")
def _initialised(it: Trouble) -> Done:
    return it.terp_seed("init")


@case("revision id …: has … characters, the version table holds 32; …")
def _long_id(it: Trouble) -> Done:
    message = "everything that the new warehouse needs"
    return it.terp_seed("revision", "-m", message)


@case("…, line …: cannot be loaded: …")
def _no_python(it: Trouble) -> Done:
    it.sandbox()
    it.revision("pass", "x = = 1")
    return it.seed("upgrade", "head")


@case("Revision … is not present; …")
def _nothing_below(it: Trouble) -> Done:
    it.sandbox()
    it.revision("pass", 'down_revision = "0005_order"')
    return it.seed("current")


@case("Revision … is present more than once; …")
def _copied(it: Trouble) -> Done:
    it.revision("pass")
    folder = it.project.path / "seed_revisions"
    shutil.copy(folder / "9998_ours.py", folder / "9999_copy.py")
    return it.terp_seed("plan")


@case("the chain has … heads, …; …")
def _two_heads(it: Trouble) -> Done:
    it.revision("pass")
    path = it.project.path / "seed_revisions" / "9998_ours.py"
    path.with_name("9998_theirs.py").write_text(path.read_text().replace("ours", "theirs"))
    return it.terp_seed("revision", "-m", "more")


@case("… of … checks failed")
def _checked(it: Trouble) -> Done:
    it.revision("1 / 0")
    return it.terp_seed("check", "--no-round-trip")


@case("seeds are applied …; roll …")
def _sandbox_with_seeds(it: Trouble) -> Done:
    it.seeded()
    return it.alembic("downgrade", "base")


@case("this database has a table … that the sandbox did not create; …")
def _a_real_one(it: Trouble) -> Done:
    it.sql("CREATE TABLE clients (id INTEGER PRIMARY KEY)")
    return it.alembic("upgrade", "head")


@case("… CHECK constraint failed: ok IS 1…")
def _applied_twice(it: Trouble) -> Done:
    it.sandbox()
    script = it.seed("upgrade", "head", "--sql", check=True).stdout
    it.sql(script)
    return run_client(it.url, script, check=False)


def test_every_heading_has_a_case() -> None:
    assert set(HEADINGS) == set(CASES)
    assert len(HEADINGS) == len(set(HEADINGS))


def test_every_exit_code_leads_to_a_part_of_the_page() -> None:
    codes = {kind.exit_code for kind in errors.SeedError.__subclasses__()} - {1}
    reference = (REPOSITORY / "docs" / "reference.md").read_text(encoding="utf-8")
    linked = re.findall(r"^\| (\d+) \| .*\]\(troubleshooting\.md#", reference, re.MULTILINE)
    assert [int(code) for code in linked] == sorted(codes)


@pytest.mark.parametrize("heading", HEADINGS)
def test_the_message_is_what_the_page_says(
    heading: str,
    project: Project,
    databases: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(project.path)
    done = CASES[heading](Trouble(project, databases, request))
    printed = done.stdout + done.stderr
    said = re.sub(r"^(FAILED|Error): ", "", printed, flags=re.MULTILINE)
    pattern = "^" + ".*".join(map(re.escape, heading.split("…")))
    assert re.search(pattern, said.replace(":\n", ": "), re.MULTILINE), printed
    assert done.returncode != 0
    assert "Traceback" not in printed
