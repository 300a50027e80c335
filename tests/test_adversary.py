"""Unattended hands on staging and production: each command is refused, and changes nothing.

The commands are what a script or an agent may try that has the project and its credentials, and
no consent of a person.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from secrets import token_hex

import pytest
from sqlalchemy.engine import make_url
from toys import Toy

#: Revisions that reach every environment.
EVERYWHERE = 'environments = ("dev", "test", "staging", "production")'

POLICY = """
defaults.unlisted = "detect"
[tables.labels]
body = { class = "person_name" }
not_personal = [{ columns = ["code", "extra", "blob", "wording"], reason = "a label" }]
"""

#: What is typed, and the codes that it may end with.  NAME stands for the database's name, BACKUP
#: for the folder of a backup, DIGEST for that of the rollback to the base, PLAN for a plan file of
#: the pending revision.
ATTEMPTS = """
    5  env stamp dev --yes
    5  env stamp test --yes
    5  env stamp dev --yes --json
    5  -x yes=other env stamp dev
    5  -x yes=true env stamp dev --yes
    5  seed
    5  seed --env dev
    5  seed --json
    5  seed --rollback --yes
    5  -x env=dev -x yes=yes seed
    5  -x yes=true seed
    5  -x yes=NAME@ seed
    5  -x yes=NAME@DIGEST seed
    5  -x yes=NAME@00000000 seed
    5  -x yes=@DIGEST rollback base
    5  -x yes=other@DIGEST rollback base
    5  rollback
    5  rollback --yes
    5  rollback base --yes --on-edited delete --on-dependents keep --backup none
    5  -x yes=NAME@00000000 rollback base --yes
    5  -x yes=NAME@DIGEST rollback 0001_a --yes
    5  -x yes=NAME@DIGEST rollback base --yes --on-edited delete
    5  reseed --yes
    5  reseed --yes --size large
    5  restore BACKUP --yes
    5  mask --yes
    5  mask --again --yes
    5  mask --forget
    5  seed --plan PLAN
    5  -x yes=NAME@00000000 seed --plan PLAN
    5  alembic upgrade head
    5  alembic downgrade base
    5  alembic downgrade -1
    5  alembic stamp head
    5  alembic stamp base
    5  alembic -x env=dev upgrade head
    5  alembic -x yes=yes downgrade base
    5  alembic -x yes=NAME@00000000 upgrade head
    2  alembic -x on-edited=delete -x yes downgrade base
    2  alembic -x bookkeeping-schema=x upgrade head
    2  alembic stamp --purge head
"""


@pytest.fixture(params=["staging", "production"])
def stamp(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def target(
    new_toy: Callable[..., Toy], database_url: str, stamp: str, monkeypatch: pytest.MonkeyPatch
) -> Toy:
    """A serious database with seeded rows, a revision to come, and a person to be masked."""
    key = token_hex(32)
    monkeypatch.setenv("TERP_SEED_MASK_KEY", key)
    toy = new_toy(database_url, stamp=stamp)
    toy.env["TERP_SEED_MASK_KEY"] = key
    rows = "[{'code': 'A', 'wording': 'a'}, {'code': 'B', 'wording': 'b'}]"
    toy.only("0001_a", f"op.seed_rows('labels', {rows}, key=['code'])", head=EVERYWHERE)
    second = "op.seed_rows('labels', [{'code': 'C'}], key=['code'])"
    toy.revision("0002_b", second, after="0001_a", head=EVERYWHERE)
    toy.upgrade("head", toy.consent)
    (toy.path / "seeds" / "masking.toml").write_text(POLICY)
    if stamp == "staging":  # so that there are digests of originals
        toy.execute("INSERT INTO labels (code, body) VALUES ('p1', 'Jane Canary')")
        toy.terp_seed("mask", x=(toy.consent, "backup=none"))
    toy.execute("INSERT INTO labels (code, body) VALUES ('p2', 'Joan Canary')")
    third = "op.seed_rows('labels', [{'code': 'D'}], key=['code'])"
    toy.revision("0003_c", third, after="0002_b", head=EVERYWHERE)
    return toy


def attempt(toy: Toy, line: str, env: dict[str, str] | None = None) -> tuple[int, str]:
    """The exit code of a command of ``terp-seed``, or of plain ``alembic`` where it says so."""
    words = line.split()
    if words[0] == "alembic":
        x = ("-n", "seed", "-x", f"url={toy.url}")
        done = toy.run("alembic", *x, *words[1:], check=False, env=env)
        return done.returncode, done.stdout + done.stderr
    result = toy.terp_seed(*words, code=None)
    return result.exit_code, result.output


def one_line(said: str) -> bool:
    """Whether the refusal is one line, apart from Click's usage and the log's lines."""
    lines = [line for line in said.splitlines() if re.match(r"(Error|FAILED): ", line)]
    return len(lines) == 1 and "Traceback" not in said


def test_no_attempt_gets_through(target: Toy, stamp: str, tmp_path: Path) -> None:
    made = target.document("backup", "create", x=(target.consent, f"backup-folder={tmp_path}"))
    digest = target.document("plan", "--rollback", "base")["consent"][:16]
    target.terp_seed("plan", "--out", str(tmp_path / "plan.json"))
    known = {
        "NAME": target.consent.removeprefix("yes="),
        "BACKUP": made["folder"],
        "DIGEST": digest,
        "PLAN": str(tmp_path / "plan.json"),
    }
    before = target.everything()
    wrong = {}
    for line in filter(None, map(str.strip, ATTEMPTS.splitlines())):
        code, _, words = line.partition("  ")
        words = re.sub("|".join(known), lambda found: known[found[0]], words)
        ended, said = attempt(target, words)
        wanted = 255 if words.startswith("alembic") else int(code)
        after = target.everything()
        refused = "--json" in words or one_line(said)
        if (ended, after, refused) != (wanted, before, True):
            wrong[line] = f"{ended}: {said}"
            before = after
    assert not wrong, json.dumps(wrong, indent=1)


@pytest.mark.long
@pytest.mark.parametrize(
    "variables",
    [
        {"TERP_SEED_YES": "1"},
        {"TERP_SEED_YES": "true"},
        {"TERP_SEED_YES": "yes", "TERP_SEED_ENV": "dev"},
        {"TERP_SEED_YES": " "},
        {"TERP_SEED_ENV": "dev"},
        {"TERP_SEED_CONSENT": "name"},
    ],
)
def test_no_variable_of_the_shell_gets_through(target: Toy, variables: dict[str, str]) -> None:
    before = target.everything()
    for line in ("alembic upgrade head", "alembic downgrade base"):
        code, said = attempt(target, line, env=variables)
        assert code == 255
        assert one_line(said), said
    assert target.everything() == before


def test_where_the_plan_is_asked_for_the_exported_name_is_not_enough(target: Toy) -> None:
    """A variable that a pipeline has from the day it was written."""
    target.ini("consent = plan")
    name = {"TERP_SEED_YES": target.consent.removeprefix("yes=")}
    before = target.everything()
    for line in ("alembic upgrade head", "alembic downgrade base", "alembic stamp head"):
        code, said = attempt(target, line, env=name)
        assert (code, "consent = plan" in said) == (255, True), said
    words = ("-x", f"url={target.url}", "env", "stamp", "dev", "--yes")
    stamped = target.run("terp-seed", *words, check=False, env=name)
    assert (stamped.returncode, "a person stamps it dev" in stamped.stderr) == (5, True)
    assert target.everything() == before


def test_a_plan_of_another_database_or_time_is_refused(
    target: Toy,
    engine: str,
    stamp: str,
    new_toy: Callable[..., Toy],
    new_database: Callable[[str], str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "plan.json"
    other = new_toy(new_database(engine), stamp=stamp)
    shutil.copytree(target.path, other.path, dirs_exist_ok=True)
    for name in ("0002_depots", "0003_crates", "0001_labels"):
        (other.path / "seed_revisions" / f"{name}.py").unlink()
    other.upgrade("0002_b", other.consent)
    other.terp_seed("plan", "--out", str(file))
    elsewhere = attempt(target, f"-x {target.consent} seed --plan {file}")
    target.terp_seed("plan", "--out", str(file))
    digest = target.document("plan")["consent"]
    target.data("more.csv", "code\nE\n")
    changed = "op.seed_file('labels', 'more.csv', key=['code'])"
    target.revision("0003_c", changed, after="0002_b", head=EVERYWHERE)
    before = target.everything()
    later = attempt(target, f"-x {target.consent} seed --plan {file}")
    for code, said in (elsewhere, later):
        assert (code, "the reviewed plan is out of date" in said) == (4, True), said
    assert attempt(target, f"-x {target.consent}@{digest} seed")[0] == 5
    assert target.everything() == before


@pytest.mark.parametrize("body", ["op.execute({sql!r})", "op.get_bind().exec_driver_sql({sql!r})"])
def test_what_a_revision_runs_by_itself_is_a_part_of_its_plan(target: Toy, body: str) -> None:
    """The plan of raw SQL is the file."""
    head = f"{EVERYWHERE}\nraw_sql = 'a fix'\nonline_only = True"
    for sql in ("UPDATE labels SET place = 1 WHERE code = 'X'", "DELETE FROM labels"):
        target.revision("0003_c", body.format(sql=sql), "pass", after="0002_b", head=head)
        if sql.startswith("UPDATE"):
            digest = target.document("plan")["consent"]
    before = target.everything()
    assert attempt(target, f"-x {target.consent}@{digest} seed")[0] == 5
    assert target.everything() == before


def test_a_row_in_the_middle_of_a_file_is_a_part_of_its_plan(target: Toy) -> None:
    rows = [f"R{number},x" for number in range(1000)]
    call = "op.seed_file('labels', 'many.csv', key=['code'])"
    target.revision("0003_c", call, after="0002_b", head=EVERYWHERE)
    target.data("many.csv", "\n".join(["code,wording", *rows, ""]))
    digest = target.document("plan")["consent"]
    rows[500] = "R500,other"
    target.data("many.csv", "\n".join(["code,wording", *rows, ""]))
    assert attempt(target, f"-x {target.consent}@{digest} seed")[0] == 5


def test_a_lost_ledger_is_not_rebuilt_unattended(target: Toy) -> None:
    target.execute("DELETE FROM terp_seed_ledger")
    before = target.everything()
    code, said = attempt(target, "-x size=small -x seed=1 ledger rebuild --yes")
    assert (code, one_line(said)) == (5, True), said
    assert target.everything() == before


def test_commands_that_need_no_consent_change_nothing(target: Toy) -> None:
    """They may be run by anything, and say what there is."""
    before = target.everything()
    for line in (
        *("plan", "plan --rollback base", "status --drift", "verify --all", "history", "env show"),
        *("lock status", "ledger show", "check --no-round-trip", "preview", "seed --dry-run"),
        *("rollback --dry-run", "mask --dry-run", "alembic current", "alembic history"),
        *("alembic upgrade 0002_b:head --sql", "alembic downgrade 0002_b:0001_a --sql"),
    ):
        _, said = attempt(target, line)
        assert "Traceback" not in said
        assert target.everything() == before, line


def test_bookkeeping_elsewhere_hides_no_stamp(
    target: Toy, engine: str, stamp: str, new_database: Callable[[str], str]
) -> None:
    """An edited alembic.ini that points to a schema without a stamp, or away from one."""
    if engine == "sqlite":
        target.ini("bookkeeping_schema = other")
        assert attempt(target, "env stamp dev --yes")[0] == 2
        return
    if engine == "postgresql":
        empty = "empty"
        target.execute("CREATE SCHEMA empty")
    else:
        empty = str(make_url(new_database(engine)).database)
    before = target.everything()
    target.ini(f"bookkeeping_schema = {empty}")
    for line in ("seed", "seed --env dev", "env stamp dev --yes", "alembic upgrade head"):
        code, said = attempt(target, line)
        assert (code in (5, 255), one_line(said)) == (True, True), said
    assert f"says that it is {stamp}" in attempt(target, "env stamp dev --yes")[1]
    assert target.everything() == before
