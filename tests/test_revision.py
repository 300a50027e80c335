"""`terp-seed revision`: ids, bodies, and no file where it fails."""

from __future__ import annotations

import json
import shlex
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from toys import Toy

from terp_seed.cli import main
from terp_seed.project.new_revision import revision_id


def revision(toy: Toy, *args: str, code: int = 0) -> Result:
    """Run the command in this process, on a toy project."""
    given = ("-c", str(toy.path / "alembic.ini"), "-x", f"url={toy.url}", "revision", *args)
    result = CliRunner().invoke(main, given, prog_name="terp-seed")
    assert result.exit_code == code, result.output + result.stderr
    return result


def files(toy: Toy) -> set[Path]:
    return set((toy.path / "seed_revisions").glob("*.py"))


def test_a_revision_comes_after_the_last_and_runs(sqlite_toy: Toy) -> None:
    said = revision(sqlite_toy, "-m", 'More "labels", please')
    assert Path(said.stdout.strip()).name == "0004_more_labels_please.py"
    sqlite_toy.upgrade("head")
    assert sqlite_toy.version() == "0004_more_labels_please"
    sqlite_toy.downgrade("base")


def test_a_seeder_or_a_file_fills_the_body(sqlite_toy: Toy) -> None:
    data = sqlite_toy.path / "seeds" / "data"
    (data / "more.csv").write_text("code,wording\nM-1,one\nM-2,two\n")
    revision(sqlite_toy, "-m", "more", "--file", "more.csv", "--table", "labels", "--key", "code")
    revision(sqlite_toy, "-m", "more depots", "--seeder", "crates")
    text = (sqlite_toy.path / "seed_revisions" / "0004_more.py").read_text()
    digest = sha256((data / "more.csv").read_bytes()).hexdigest()
    given = ('"labels"', '"more.csv"', 'key=["code"]', f'sha256="{digest}"')
    lines = "".join(f"        {one},\n" for one in given)
    assert f"    op.seed_file(\n{lines}    )\n" in text
    text = (sqlite_toy.path / "seed_revisions" / "0005_more_depots.py").read_text()
    assert '    op.seed("crates")\n' in text
    sqlite_toy.upgrade("0004_more")
    assert sqlite_toy.value("SELECT COUNT(*) FROM labels WHERE code LIKE 'M-%'") == 2


def test_the_line_of_alembic_that_does_the_same_can_be_typed(sqlite_toy: Toy) -> None:
    said = json.loads(revision(sqlite_toy, "-m", "it's new", "--json").stdout)
    (made,) = (path for path in files(sqlite_toy) if path.name == "0004_it_s_new.py")
    made.unlink()
    sqlite_toy.run("alembic", *shlex.split(said["alembic"])[1:])
    assert made.exists()


@pytest.mark.parametrize(
    ("args", "code", "complaint"),
    [
        (["-m", "a message of more words than an id can hold"], 2, "shorten the message"),
        (["-m", "!!!"], 2, "no letters for an id"),
        (["-m", "x", "--rev-id", "2026-01-01"], 2, "only a-z, 0-9 and _"),
        (["-m", "x", "--rev-id", "0001_labels"], 2, "is taken"),
        (["-m", "x", "--seeder", "depot"], 2, "depots"),
        (["-m", "x", "--file", "absent.csv", "--table", "labels"], 2, "cannot be read"),
        (["-m", "x", "--file", "labels.csv"], 2, "--file and --table go together"),
        (["-m", "x", "--table", "labels"], 2, "--file and --table go together"),
        (["-m", "x", "--seeder", "depots", "--file", "labels.csv"], 2, "not both"),
        (
            ["-m", "x", "--file", "labels.csv", "--table", "labels", "--key", "colour"],
            2,
            "no column colour",
        ),
        (["-m", "x", "--seder", "y"], 2, "Did you mean"),
    ],
)
def test_a_wrong_wish_leaves_no_file(
    sqlite_toy: Toy, args: list[str], code: int, complaint: str
) -> None:
    before = files(sqlite_toy)
    assert complaint in revision(sqlite_toy, *args, code=code).stderr
    assert files(sqlite_toy) == before


def test_a_template_that_makes_no_revision_leaves_no_file(sqlite_toy: Toy) -> None:
    """Alembic writes the file before it finds out."""
    before = files(sqlite_toy)
    template = sqlite_toy.path / "seeds" / "script.py.mako"
    template.write_text(template.read_text().replace("def upgrade()", "def upgrade("))
    assert "0004_x.py, line" in revision(sqlite_toy, "-m", "x", code=4).stderr
    assert files(sqlite_toy) == before


def test_two_heads_are_none(sqlite_toy: Toy) -> None:
    sqlite_toy.revision("0003_other", "pass", "pass", after="0002_depots")
    before = files(sqlite_toy)
    assert "0003_crates, 0003_other" in revision(sqlite_toy, "-m", "x", code=4).stderr
    assert files(sqlite_toy) == before


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        ([], "0001_a_b"),
        (["0001_x", "0010_y"], "0011_a_b"),
        (["9999_x"], "10000_a_b"),
        (["01_x"], "02_a_b"),
        (["labels"], "a_b"),
        (["labels", "0007_x"], "0008_a_b"),
    ],
)
def test_the_number_goes_on_as_the_chain_does(taken: list[str], expected: str) -> None:
    assert revision_id(taken, " A: b! ") == expected
