"""Hostile input: whatever comes in, it is taken as it is, or refused in one clear line."""

from __future__ import annotations

import json
import os
import tempfile
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.util import CommandError
from counts import count
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from servers import run_client
from toys import Toy

from terp_seed.database.dialects import MySQL, PostgreSQL, SQLite
from terp_seed.errors import SeedError
from terp_seed.masking.policy_file import load_policy
from terp_seed.plan.chain import read_attributes
from terp_seed.rows.files import read_batches
from terp_seed.rows.imported import imported
from terp_seed.rows.literals import UnwritableError, literals
from terp_seed.rows.model import Cells
from terp_seed.settings.options import preset, resolve

many = settings(
    max_examples=count("cases"),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    database=None,
)
NASTY = (
    "'; DROP TABLE labels; --",
    "\\'; DROP TABLE labels; #",
    '"); DROP TABLE labels; --',
    "` ; DROP TABLE labels; `",
    "'' OR ''=''",
    "\\",
    "\\\\'",
    "%s %(x)s %% :bind ?",
    "{0} {x} {{}} ${x}",
    "/*! DROP TABLE labels */",
    "-- \n; DELETE FROM labels;\n",
    "\x1a\r\n\t\x0b",
    "\u2028\u2029\ufeff\u200b\u202e",
    "\U0001f600\u0301",
    "NULL",
    "DELIMITER $$",
    ".system touch pwned",
    "\\! touch pwned",
    "source /etc/passwd",
)
HOSTILE = st.one_of(st.sampled_from(NASTY), st.text(max_size=20))


def clear(call: Callable[[], object]) -> object:
    """Return what a call returns, or its `SeedError`, which must be one line with an exit code."""
    try:
        return call()
    except SeedError as error:
        refused = error
    assert str(refused).strip()
    assert refused.exit_code in range(1, 9)
    assert "Traceback" not in str(refused)
    return refused


@pytest.fixture(autouse=True)
def fuzzed(request: pytest.FixtureRequest, record_property: Callable[..., None]) -> None:
    """Count the cases of a fuzzed test."""
    if hasattr(request.function, "hypothesis"):
        record_property("fire cases", count("cases"))


# -- options


X = st.sampled_from(
    ["url", "env", "size", "rows", "seed", "as-of", "lock-timeout", "yes", "backup", "on-edited"]
)
PIECES = st.one_of(
    HOSTILE,
    st.sampled_from(["clients:5", "clients:", ":5", "clients:-1", "depots:" + "9" * 5000, "²:³"]),
    st.sampled_from(["2026-02-30", "0000-01-01", "9999-12-31", "20260101", "2026-W01-1"]),
    st.sampled_from(["nan", "inf", "-inf", "1e999", "9" * 5000, "0x10", "1_0", "٣"]),
    st.sampled_from(["mysql://u:p@h:port/d", "sqlite:///\0", "://", "mysql://[::1/d", "a" * 9999]),
)


@many
@given(st.lists(st.tuples(st.one_of(X, HOSTILE), PIECES), max_size=4))
def test_options(given_: list[tuple[str, str]]) -> None:
    """U-2."""
    config = Config("alembic.ini", ini_section="seed")
    config.set_main_option("sqlalchemy.url", "sqlite:///x.db")
    config.cmd_opts = Namespace(x=[f"{key}={value}" for key, value in given_])
    clear(lambda: resolve(config, Path("seeds"), {}))


@many
@given(st.dictionaries(X, PIECES, max_size=3))
def test_the_shell(given_: dict[str, str]) -> None:
    """U-2."""
    config = Config("alembic.ini", ini_section="seed")
    environ = {f"TERP_SEED_{key.upper().replace('-', '_')}": each for key, each in given_.items()}
    clear(lambda: resolve(config, Path("seeds"), environ))


def test_options_on_a_database(toy: Toy) -> None:
    """U-2: each is refused before it reaches a statement."""
    before = toy.digests()
    for key in ("env", "size", "rows", "seed", "as-of", "lock-timeout", "backup", "on-edited"):
        for value in NASTY:
            refused = clear(partial(toy.upgrade, "head", f"{key}={value}"))
            assert isinstance(refused, SeedError), (key, value)
    assert toy.digests() == before


# -- files


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), HOSTILE, st.decimals()
)
JSONS = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), HOSTILE),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(HOSTILE, st.sampled_from(["$decimal", "$bytes", "$date", "$json"])),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
TEXTS = st.one_of(
    st.text(max_size=80),
    st.text(alphabet="\"',;\r\n\t\0 \\ab\ufeff", max_size=60),
    st.lists(JSONS, max_size=3).map(json.dumps),
    st.builds(lambda rows, cut: json.dumps(rows)[:cut], st.lists(JSONS), st.integers(0, 40)),
    st.sampled_from(
        [
            '[{"a": 1, "a": 2}]',
            "[" * 100_000,
            '[{"a": NaN}]',
            '[{"a": -Infinity}]',
            '[{"a": 1e999999999}]',
            '[{"a": 1e-999999999}]',
            '[{"a": ' + "9" * 5000 + "}]",
            '[{"a": {"$decimal": "1e999999"}}]',
            '[{"a": {"$decimal": "NaN"}}]',
            '[{"a": {"$datetime": "2026-01-01T00:00:00+99:00"}}]',
            '[{"a": "\\ud800"}]',
            '[{"": 1}]',
            "[{}]",
            "a\n" + "x" * 200_000 + "\n",
            'a,b\n"1\n2"\n',
            'a\n"unfinished',
            "a,a\n1,2\n",
            "a\n\n\n1\n\n",
        ]
    ),
)


def has_nul(cells: Cells) -> bool:
    """Whether a text holds what PostgreSQL refuses."""
    return any(isinstance(value, str) and "\0" in value for value in cells.values)


def through(folder: Path, name: str, content: bytes) -> object:
    """Read a file and render its rows, as a run does before it writes."""
    (folder / name).write_bytes(content)
    batches = list(read_batches(folder, name))
    first = batches[0] if batches else {}
    made = imported("labels", batches, key=list(first)[:1] if "id" in first else [])
    block = made.block(0, made.count)
    for dialect in (SQLite(), MySQL(), PostgreSQL()):
        for cells in block.columns.values():
            refused = has_nul(cells) and not dialect.keeps_nul
            with suppress(UnwritableError) if refused else nullcontext():
                for text in literals(cells, dialect.text, dialect.binary, dialect.lookup):
                    assert len(text) < 10_000_000
    return made


@many
@given(
    st.sampled_from(["rows.csv", "rows.json"]),
    st.one_of(
        TEXTS.map(lambda text: text.encode("utf-8", "surrogatepass")),
        TEXTS.map(lambda text: text.encode("utf-16", "surrogatepass")),
        st.binary(max_size=60),
    ),
)
def test_files_of_rows(name: str, content: bytes) -> None:
    """C-22."""
    with tempfile.TemporaryDirectory() as folder:
        clear(lambda: through(Path(folder), name, content))


def test_a_field_may_be_as_long_as_a_column_takes(sqlite_toy: Toy) -> None:
    """C-22: Python's own limit is 128 KB."""
    sqlite_toy.data("long.csv", f"code,body\nL,{'x' * 200_000}\n")
    sqlite_toy.only("0001_a", 'op.seed_file("labels", "long.csv", key=["code"])')
    sqlite_toy.upgrade()
    assert sqlite_toy.value("SELECT LENGTH(body) FROM labels") == 200_000


@pytest.mark.slow
def test_a_line_of_100_megabytes_is_refused(sqlite_toy: Toy) -> None:
    """C-22: one clear line, and no memory beyond a few times the file."""
    sqlite_toy.data("long.csv", f"code,body\nL,{'x' * 100_000_000}\n")
    sqlite_toy.only("0001_a", 'op.seed_file("labels", "long.csv", key=["code"])')
    with pytest.raises(SeedError, match=r"^.*long\.csv, line 2: field larger than field limit"):
        sqlite_toy.upgrade()


@many
@given(
    st.one_of(
        TEXTS,
        st.lists(
            st.one_of(
                st.sampled_from(["[small]", "[tables.labels]", "[defaults]", "version = 1"]),
                st.builds(lambda k, v: f"{json.dumps(k)} = {json.dumps(v)}", HOSTILE, JSONS),
                st.builds(
                    lambda k, v: f"{k} = {v}",
                    st.sampled_from(
                        ["not_personal", "subject", "email", "class", "depots", "version"]
                    ),
                    st.sampled_from(["1", "-1", "nan", "[]", "{}", '""', "1979-05-27", "true"]),
                ),
            ),
            max_size=6,
        ).map("\n".join),
    )
)
def test_files_of_settings(text: str) -> None:
    """U-2: masking.toml and sizes.toml."""
    with tempfile.TemporaryDirectory() as folder:
        for name in ("masking.toml", "sizes.toml"):
            (Path(folder) / name).write_bytes(text.encode("utf-8", "surrogatepass"))
        clear(lambda: load_policy(Path(folder) / "masking.toml"))
        clear(lambda: preset(Path(folder), "small", {}))


@many
@given(
    st.dictionaries(
        st.sampled_from(["environments", "online_only", "raw_sql", "as_of"]),
        st.one_of(SCALARS, st.lists(SCALARS), st.tuples(HOSTILE), st.dates(), st.binary()),
    ),
    HOSTILE,
)
def test_attributes_of_revisions(values: dict[str, Any], revision: str) -> None:
    """U-2."""
    module = SimpleNamespace(upgrade=print, downgrade=print, **values)
    clear(lambda: read_attributes(SimpleNamespace(revision=revision, module=module)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["fifo", "folder", "loop", "out", "above", "absolute", "nul"])
def test_paths_that_are_no_file_of_the_folder(toy: Toy, kind: str) -> None:
    """U-4: a FIFO would be waited for, and what lies elsewhere is nobody's reference data."""
    data = toy.path / "seeds" / "data"
    outside = toy.path / "outside.csv"
    outside.write_text("code\nA\n")
    name = "x.csv"
    if kind == "fifo":
        os.mkfifo(data / name)
    elif kind == "folder":
        (data / name).mkdir()
    elif kind == "loop":
        (data / name).symlink_to(data / name)
    elif kind == "out":
        (data / name).symlink_to(outside)
    else:
        name = {"above": "../../outside.csv", "absolute": str(outside), "nul": "x\0.csv"}[kind]
    toy.only("0001_a", f'op.seed_file("labels", {name!r}, key=["code"])')
    with pytest.raises(SeedError) as caught:
        toy.upgrade()
    assert "\n" not in str(caught.value).strip()
    assert toy.counts() == {}


# -- what reaches SQL


def test_texts_come_back_as_they_went_in(toy: Toy, tally: Callable[..., None]) -> None:
    """U-3: by a run, and by the client that applies a script."""
    rows = [{"code": f"N{n}", "body": each, "extra": {"k": [each]}} for n, each in enumerate(NASTY)]
    toy.data("nasty.json", json.dumps([{**r, "extra": {"$json": r["extra"]}} for r in rows]))
    toy.only("0001_a", 'op.seed_file("labels", "nasty.json", key=["code"])')
    script = toy.upgrade("head", sql=True)
    for apply in (toy.upgrade, lambda: run_client(toy.url, script)):
        apply()
        assert [row[0] for row in toy.rows("SELECT body FROM labels ORDER BY id")] == list(NASTY)
        stored = [row[0] for row in toy.rows("SELECT extra FROM labels ORDER BY id")]
        documents = [json.loads(text) if isinstance(text, str) else text for text in stored]
        assert [document["k"] for document in documents] == [[text] for text in NASTY]
        toy.downgrade()
        assert toy.counts() == {}
        toy.execute("DELETE FROM terp_seed_audit")
    assert not list(toy.path.rglob("pwned"))
    assert not Path("pwned").exists()
    tally(texts=2 * len(NASTY))


def test_names_that_are_sql(toy: Toy) -> None:
    """U-3: tables and columns with quotes, blanks, key words and statements for names."""
    names = ["select", "a b", "it's", 'say "x"', "x; DROP TABLE labels", "100%", "a\\b", "ünïcode"]
    quote = toy.db.dialect.identifier_preparer.quote_identifier
    metadata = sa.MetaData()
    for name in names:
        sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
            sa.Column("code", sa.String(20), unique=True),
            *(sa.Column(each, sa.String(40)) for each in names),
        )
    metadata.create_all(toy.db)
    wanted = dict.fromkeys(names, "it's; DROP TABLE labels --")
    (toy.path / "seeds" / "masking.toml").write_text(
        'version = 1\ndefaults.unlisted = "detect"\n'
        + "".join(
            f"[tables.{json.dumps(name, ensure_ascii=False)}]\nnot_personal = [{{ columns = "
            f"{json.dumps(['code', *names], ensure_ascii=False)}, reason = 'a name' }}]\n"
            for name in names
        )
    )
    calls = [f"op.seed_rows({n!r}, [{{'code': 'A', **ROW}}], key=['code'])" for n in names]
    toy.only("0001_a", "\n".join(calls), head=f"ROW = {wanted!r}")
    script = toy.upgrade("head", sql=True)
    for apply in (toy.upgrade, lambda: run_client(toy.url, script)):
        apply()
        for name in names:
            found = [row[2:] for row in toy.rows(f"SELECT * FROM {quote(name)}")]
            assert found == [tuple(wanted.values())]
        toy.downgrade()
        assert toy.counts() == {}


@pytest.mark.parametrize("revision", ["x'; DROP TABLE labels; --", "a\\", "%s", "a b", 'a"b', "ü"])
def test_revision_ids_that_are_sql(toy: Toy, revision: str) -> None:
    """U-3: Alembic writes a revision's id into its SQL as it is."""
    path = toy.only("placeholder", 'op.seed_rows("labels", [{"code": "A"}], key=["code"])')
    path.write_text(path.read_text().replace("'placeholder'", repr(revision)))
    try:
        made = clear(toy.upgrade)
    except CommandError as error:  # Alembic's own refusal, as clear
        made = error
    if isinstance(made, CommandError):
        assert toy.counts() == {}
        assert toy.version() is None
    else:
        assert toy.version() == revision
        toy.downgrade()
    assert toy.counts() == {}
