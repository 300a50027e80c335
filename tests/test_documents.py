"""Every command's JSON document follows its schema; a command without one fails here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from importlib.resources import files
from typing import Any

import click
import pytest
from click.testing import CliRunner
from exports import export, load
from jsonschema import Draft202012Validator, FormatChecker
from production import KEY
from toys import Toy

from terp_seed.cli import main

SCHEMAS = json.loads((files("terp_seed.cli") / "schemas.json").read_text(encoding="utf-8"))

#: How each command is run on a seeded toy project: its words, and the code that it ends with.
#: BACKUP stands for the folder of a backup that was made before, EXPORT for one of loaded files.
RUNS: dict[str, list[tuple[list[str], int]]] = {
    "agents": [(["agents"], 0)],
    "backup create": [(["backup", "create"], 0)],
    "backup list": [(["backup", "list"], 0)],
    "check": [(["check"], 0), (["-x", "url=sqlite:///absent.db", "check"], 0)],
    "env show": [(["env", "show"], 0)],
    "env stamp": [(["env", "stamp", "test", "--yes"], 0)],
    "export": [(["export", "--format=csv", "--to", "FOLDER", "--shard=1/2"], 0)],
    "init": [(["init", "--section", "other"], 0)],
    "history": [(["history"], 0), (["history", "--events"], 0)],
    "ledger adopt": [(["ledger", "adopt", "EXPORT"], 0)],
    "ledger rebuild": [
        (["ledger", "rebuild", "--dry-run"], 0),
        (["LOSE THE LEDGER", "ledger", "rebuild", "--yes"], 0),
    ],
    "ledger show": [(["ledger", "show"], 0)],
    "lock status": [(["lock", "status"], 0)],
    "mask": [
        (["mask", "--dry-run"], 0),
        (["mask", "--yes"], 0),
        (["mask", "--verify"], 0),
        (["mask", "--report"], 0),
        (["mask", "--forget"], 0),
    ],
    "plan": [
        (["plan"], 0),
        (["plan", "--rollback"], 0),
        (["plan", "--rollback", "base"], 6),
    ],
    "preview": [(["preview", "--prove"], 0)],
    "reseed": [(["reseed", "--yes", "--on-dependents=keep"], 0)],
    "reset": [(["reset", "--dry-run"], 0), (["reset", "--yes"], 0)],
    "restore": [(["restore", "BACKUP", "--yes"], 0)],
    "revision": [(["revision", "-m", "new"], 0)],
    "rollback": [(["rollback", "--yes", "--on-dependents=keep"], 0)],
    "seed": [(["seed"], 0)],
    "slice": [
        (["slice", "crates", "--dry-run"], 0),
        (["slice", "crates", "--to", "SCRIPT"], 0),
    ],
    "squash": [(["squash", "0002_b"], 0)],
    "status": [(["status"], 0), (["EDIT A ROW", "status", "--drift"], 8)],
    "verify": [(["verify", "--drift"], 0), (["verify", "--all"], 8)],
}

#: What is done to the database first, where a run begins with one of these.
BEFORE = {
    "LOSE THE LEDGER": "DELETE FROM terp_seed_ledger",
    "EDIT A ROW": "UPDATE labels SET wording = 'edited'",
}

#: Commands that have to find the chain at its base.
AT_BASE = {"ledger adopt", "preview", "seed", "squash"}


def leaves(group: click.Group, *before: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by its full name."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from leaves(command, *before, name)
        elif name != "mcp":  # its stdout is the protocol's
            yield " ".join([*before, name]), command


COMMANDS = dict(leaves(main))


def reference(name: str) -> dict[str, str]:
    """How the schema of a command's document is referred to."""
    return {"$ref": f"#/$defs/{name.replace(' ', '-')}"}


def validator(name: str) -> Draft202012Validator:
    """The schema of a command's document."""
    schema = {"$defs": SCHEMAS["$defs"], **reference(name)}
    return Draft202012Validator(schema, format_checker=FormatChecker())


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_a_schema_examples_and_a_run_here(name: str) -> None:
    command = COMMANDS[name]
    assert any("--json" in each.opts for each in command.params), "no --json"
    assert f"terp-seed {name}" in f"{command.help} {command.epilog}", "no example in its help"
    found = SCHEMAS["$defs"][name.replace(" ", "-")]
    assert found["properties"]["document"]["const"] == name
    assert (found["title"], bool(found["description"])) == (f"terp-seed {name}", True)
    assert RUNS.get(name), "nothing in RUNS"


def test_there_is_one_schema_for_each_command_and_they_are_schemas() -> None:
    Draft202012Validator.check_schema(SCHEMAS)
    assert SCHEMAS["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert SCHEMAS["oneOf"] == [reference(name) for name in [*sorted(COMMANDS), "error"]]


def test_no_object_takes_fields_that_its_schema_does_not_name() -> None:
    """A shared part is closed where it is used, so that what uses it may add fields."""
    shared = {name for name, part in SCHEMAS["$defs"].items() if "title" not in part}
    for name in SCHEMAS["$defs"].keys() - shared:
        for part in _objects(SCHEMAS["$defs"][name]):
            closed = {"additionalProperties", "unevaluatedProperties"} & part.keys()
            assert closed or part["required"] == ["size", "rows", "root_seed", "as_of"], part


def _objects(schema: Any) -> Iterator[dict[str, Any]]:
    """The objects with named fields in a schema, by their own properties or by reference."""
    if isinstance(schema, dict):
        if "properties" in schema or schema.get("$ref", "").endswith(("/backup", "/run", "/drift")):
            yield schema
        for part in schema.values():
            yield from _objects(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _objects(part)


def printed(toy: Toy, name: str, words: list[str], code: int = 0) -> Any:
    """Run a command in this process, and return its document; the URL is its own option."""
    if "BACKUP" in words:
        made = printed(toy, "backup create", ["backup", "create"])["folder"]
        words = [made if word == "BACKUP" else word for word in words]
    if "EXPORT" in words:
        export(toy, toy.path / "files")
        load(toy.url, toy.path / "files")
    places = {"SCRIPT": "slice.sql", "FOLDER": "files", "EXPORT": "files"}
    words = [str(toy.path / places[word]) if word in places else word for word in words]
    before, after = ["-x", f"url={toy.url}"], []
    if any("--url" in each.opts for each in COMMANDS[name].params):
        before, after = after, [f"--url={toy.url}"]
    if any(each.startswith("url=") for each in words):
        before, after = [], []
    given = ["-c", str(toy.path / "alembic.ini"), *before, *words, *after, "--json"]
    result = CliRunner().invoke(main, given, prog_name="terp-seed")
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_document_is_as_its_schema_says(
    name: str,
    new_database: Callable[[str], str],
    new_toy: Callable[..., Toy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if name == "slice":
        monkeypatch.setenv("TERP_SEED_MASK_KEY", KEY)
    for words, code in RUNS[name]:
        toy = new_toy(new_database("sqlite"))
        if name == "squash":
            toy.only("0001_a", "op.seed_rows('labels', [{'code': 'A'}], key=['code'])")
            toy.revision("0002_b", "pass", after="0001_a")
        if name not in AT_BASE:
            toy.upgrade("head")
            toy.execute("INSERT INTO crates (code, depot_id, weight) VALUES ('MINE', 1, 0)")
        if words[0] in BEFORE:
            statement, *words = words  # noqa: PLW2901
            toy.execute(BEFORE[statement])
        document = printed(toy, name, words, code)
        validator(name).validate(document)
        assert Draft202012Validator(SCHEMAS).is_valid(document)


def test_a_schema_can_be_broken() -> None:
    """They say what they say: another field, a missing one, another type."""
    schema = validator("env stamp")
    whole = {"document": "env stamp", "database": "sqlite:///x.db", "environment": "dev"}
    assert schema.is_valid(whole)
    assert not schema.is_valid({"document": "env stamp"})
    assert not schema.is_valid({**whole, "more": 1})
    assert not schema.is_valid({**whole, "database": 1})
    assert not schema.is_valid({**whole, "environment": "prod"})


def test_a_schema_that_refers_to_a_shared_part_can_be_broken() -> None:
    schema = validator("verify")
    names = ("inserted", "skipped", "deleted", "retained", "intact", "edited", "replaced")
    names += ("missing", "updated", "restored", "conflicts")
    counts = {**dict.fromkeys(names, 0), "ids": None}
    drift = {"revision": "0001_x", "table": "labels", **counts}
    whole = {"document": "verify", "passed": True, "checks": [], "drift": [drift]}
    whole["neutralised"] = None
    assert schema.is_valid(whole)
    for broken in ({**drift, "more": 1}, {**drift, "intact": -1}, {"revision": "0001_x"}, counts):
        assert not schema.is_valid({**whole, "drift": [broken]})
