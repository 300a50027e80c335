"""Errors for programs: code, kind, what, where, and a next command that only reads."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator
from test_documents import COMMANDS, SCHEMAS
from toys import Toy

import terp_seed
from terp_seed import errors
from terp_seed.cli import main
from terp_seed.errors import Look, SeedError

PACKAGE = Path(terp_seed.__file__).parent

#: What no sentence proposes to a person or a program: to destroy, or to give consent.
PROPOSALS = re.compile(
    r"--yes\b|\byes=|-x yes\b|--forget\b|--again\b.*--yes|backup=none"
    r"|on-edited=delete|on-conflict=ours|(?<!plan --)\b(downgrade|rollback) (base|-1)\b"
    r"|alembic [^;,.]*\bdowngrade\b|terp-seed (-\S+ \S+ )*(rollback|restore|reseed|reset|squash)\b"
    r"|terp-seed (-\S+ \S+ )*mask(?! --(init|review|verify|dry-run|report))"
)
SQL = re.compile(r"\b(DROP (TABLE|DATABASE|SCHEMA|TRIGGER)|DELETE FROM|TRUNCATE) \w")


def trees() -> Iterator[tuple[str, ast.Module]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield str(path.relative_to(PACKAGE)), ast.parse(path.read_text(encoding="utf-8"))


def text(node: ast.AST) -> str:
    """A literal, with an ellipsis for what varies; else nothing."""
    if isinstance(node, ast.JoinedStr):
        return "".join(text(part) or "..." for part in node.values)
    value = getattr(node, "value", None) if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else ""


def sentences() -> Iterator[tuple[str, str]]:
    """Every text of several words that the package may print, with its place."""
    for name, tree in trees():
        described = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and isinstance(node.body[0], ast.Expr)
        }
        helped = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and ast.unparse(node.func).endswith((".command", ".option", ".group"))
            for part in ast.walk(node)
        }
        notes = {
            id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
        }  # of attributes
        for node in ast.walk(tree):
            if len(text(node).split()) >= 5 and id(node) not in described | helped | notes:
                yield f"{name}:{node.lineno}", text(node)


def raised() -> Iterator[tuple[str, str]]:
    """The literals of every ``raise``."""
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Raise) and node.exc is not None:
                yield f"{name}:{node.lineno}", " ".join(filter(None, map(text, ast.walk(node.exc))))


def test_no_message_proposes_what_destroys() -> None:
    found = [*sentences(), *raised()]
    assert len(found) > 1000
    bad = {place: said for place, said in found if PROPOSALS.search(said)}
    bad |= {place: said for place, said in raised() if SQL.search(said)}
    assert not bad, json.dumps(bad, indent=1)


@pytest.mark.parametrize(
    "said",
    [
        "say that you mean it with -x yes=shop",
        "roll it back (alembic -n seed downgrade base) first",
        "run terp-seed -n demo rollback",
        "then terp-seed mask again",
    ],
)
def test_a_proposal_is_recognised(said: str) -> None:
    assert PROPOSALS.search(said)
    assert not PROPOSALS.search("terp-seed plan --rollback base says what that removes")


# -- the error's parts


CLASSES = [SeedError, *SeedError.__subclasses__()]


@pytest.mark.parametrize("look", get_args(Look))
def test_what_an_error_proposes_only_reads(look: str, sqlite_toy: Toy) -> None:
    """Each is a command, and leaves the database as it was, in whatever state the chain is."""
    sqlite_toy.upgrade("0001_labels")
    before = sqlite_toy.everything()
    words = ["seed", "--help"] if look == "--help" else look.split()
    sqlite_toy.terp_seed(*words, code=None)
    assert sqlite_toy.everything() == before
    assert look == "--help" or look.split(" -")[0] in COMMANDS


@pytest.mark.parametrize("kind", CLASSES, ids=lambda kind: kind.__name__)
def test_each_class_has_a_kind_and_something_to_look_at(kind: type[SeedError]) -> None:
    schema = SCHEMAS["$defs"]["failure"]["properties"]["kind"]["enum"]
    assert kind.kind in schema
    assert {*kind.looks} <= {*get_args(Look)}
    assert kind("x").where == {}


def test_the_kinds_are_told_apart_by_their_codes() -> None:
    kinds = {kind.kind: kind.exit_code for kind in CLASSES}
    assert len({*kinds.values()}) == len(kinds)
    assert {*kinds} == {*SCHEMAS["$defs"]["failure"]["properties"]["kind"]["enum"]}


def test_the_inner_place_is_the_exact_one() -> None:
    with pytest.raises(SeedError) as caught, errors.located(revision="r", table="t"):
        raise SeedError("x", where={"table": "inner", "row": 3})
    assert caught.value.where == {"revision": "r", "table": "inner", "row": 3}


# -- what the commands print


def failure(toy: Toy, *words: str, code: int, x: tuple[str, ...] = ()) -> dict[str, Any]:
    """Run a command that fails, and return the error of its one document."""
    arguments = [part for each in (f"url={toy.url}", *x) for part in ("-x", each)]
    given = ["-c", str(toy.path / "alembic.ini"), *arguments, *words, "--json"]
    result = CliRunner().invoke(main, given, prog_name="terp-seed")
    assert result.exit_code == code, result.output
    document = json.loads(result.stdout)
    Draft202012Validator(SCHEMAS).validate(document)
    error: dict[str, Any] = document["error"]
    assert error["code"] == code
    assert not PROPOSALS.search(error["next"])
    assert not PROPOSALS.search(error["what"])
    if "Usage:" not in result.stderr:
        assert error["what"] in result.stderr
    return error


#: The arguments that a command needs before it looks at the database.
NEEDED = {
    "env stamp": ["dev"],
    "restore": ["absent"],
    "squash": ["0001_x"],
    "revision": ["-m", "x", "--table", "labels", "--from-database"],
    "init": ["--section", "seed"],
    "check": ["--size", "absent"],
    "preview": ["--prove"],
    "backup list": ["--limit"],
    "agents": ["--limit"],
}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_in_parts_why_it_failed(
    name: str, new_database: Callable[[str], str], new_toy: Callable[..., Toy]
) -> None:
    toy = new_toy(new_database("sqlite"))
    words = [*name.split(), *NEEDED.get(name, [])]
    arguments = ["-c", str(toy.path / "alembic.ini"), "-x", "url=sqlite:///absent.db"]
    result = CliRunner().invoke(main, [*arguments, *words, "--json"], prog_name="terp-seed")
    document = json.loads(result.stdout)
    Draft202012Validator(SCHEMAS).validate(document)
    error = document["error"]
    assert (error["code"], error["kind"]) == (result.exit_code, "usage")
    assert error["where"]["command"] == name
    assert error["where"]["section"] == "seed"
    assert error["next"].startswith("terp-seed ")


def test_a_plan_that_does_not_fit_says_where(sqlite_toy: Toy) -> None:
    sqlite_toy.execute("ALTER TABLE crates DROP COLUMN weight")
    for words, next_ in ((["seed"], "plan"), (["plan"], "check"), (["seed", "--dry-run"], "plan")):
        error = failure(sqlite_toy, *words, code=4)
        assert (error["kind"], error["where"]["table"]) == ("plan", "crates")
        assert error["where"]["revision"] == "0003_crates"
        assert error["next"].endswith(f" {next_}")


def test_a_row_of_a_file_is_named(sqlite_toy: Toy) -> None:
    sqlite_toy.only("0001_a", "op.seed_file('labels', 'labels.csv', key=['code'])")
    sqlite_toy.data("labels.csv", "code,wording\nA,x\nA,y\n")
    error = failure(sqlite_toy, "seed", code=2)
    place = {name: error["where"].get(name) for name in ("revision", "table", "file")}
    assert place == {"revision": "0001_a", "table": "labels", "file": "labels.csv"}


def test_a_failing_command_keeps_its_document(sqlite_toy: Toy) -> None:
    """What was found out is there, and the error with it: one document."""
    sqlite_toy.upgrade("head")
    sqlite_toy.execute("UPDATE labels SET wording = 'edited'")
    document = sqlite_toy.document("status", "--drift", code=8)
    assert document["document"] == "status"
    assert document["error"]["kind"] == "verification"
    assert document["error"]["next"].endswith(" verify")
    sqlite_toy.execute("INSERT INTO crates (code, depot_id, weight) VALUES ('MINE', 1, 0)")
    blocked = sqlite_toy.document("plan", "--rollback", "base", code=6)
    assert blocked["document"] == "plan"
    assert blocked["error"]["where"]["revision"] == "0002_depots"
    assert blocked["error"]["next"].endswith(" status --drift")


@pytest.mark.parametrize("stamp", ["staging", "production"])
def test_a_missing_consent_points_to_the_plan(
    sqlite_url: str, new_toy: Callable[..., Toy], stamp: str
) -> None:
    toy = new_toy(sqlite_url, stamp=stamp)
    error = failure(toy, "seed", code=5)
    assert (error["kind"], error["next"].split()[-1]) == ("guard", "plan")
    error = failure(toy, "seed", code=5, x=("yes=other",))
    assert "yes" not in error["next"]
    toy.upgrade("head", toy.consent)
    error = failure(toy, "rollback", "--yes", code=5)
    assert error["next"].endswith(" plan --rollback")


def test_options_that_click_refuses(sqlite_toy: Toy) -> None:
    error = failure(sqlite_toy, "status", "--drfit", code=2)
    assert error["next"].endswith(" status --help")
    error = failure(sqlite_toy, "env", "stamp", code=2)
    assert error["where"]["command"] == "env stamp"
    error = failure(sqlite_toy, "statsu", code=2)
    assert "did you mean 'status'" in error["what"]


def test_an_interrupt(sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("terp_seed.cli.status.read_status", interrupt)
    error = failure(sqlite_toy, "status", code=130)
    assert (error["kind"], error["next"].split()[-1]) == ("interrupted", "history")


def test_a_defect_shows_no_value(sqlite_toy: Toy, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("ada@example.org")

    monkeypatch.setattr("terp_seed.cli.status.read_status", fail)
    result = CliRunner().invoke(main, sqlite_toy.words("status", "--json"), prog_name="terp-seed")
    document = json.loads(result.stdout)
    Draft202012Validator(SCHEMAS).validate(document)
    assert document["error"]["what"].startswith("unexpected RuntimeError")
    assert "ada" not in result.stdout


def test_the_log_may_be_what_is_wrong(sqlite_toy: Toy) -> None:
    words = sqlite_toy.words("status", "--json")
    done = sqlite_toy.run("terp-seed", *words, check=False, env={"TERP_SEED_LOG": "xml"})
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["what"].startswith("TERP_SEED_LOG: 'xml'")


def test_no_password_is_printed(sqlite_toy: Toy) -> None:
    toy = sqlite_toy
    toy.url = "postgresql://app:hunter2@127.0.0.1:1/none"
    error = failure(toy, "status", code=2)
    assert "hunter2" not in json.dumps(error)


def test_what_a_revision_prints_is_not_in_the_document(sqlite_toy: Toy) -> None:
    path = sqlite_toy.path / "seed_revisions" / "0001_labels.py"
    path.write_text(path.read_text() + "\nprint('noise')\n")
    done = sqlite_toy.terp_seed("plan", "--json")
    assert json.loads(done.stdout)["document"] == "plan"
    assert "noise" in done.stderr
    assert "Usage:" in sqlite_toy.terp_seed("plan", "--json", "--help").stdout
