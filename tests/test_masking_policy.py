"""The policy file: every mistake is found, named and explained in one line."""

from __future__ import annotations

import sys

import pytest
from sqlalchemy import Column, Integer, MetaData, String, Table

from terp_seed.errors import MaskingError, UsageError
from terp_seed.masking import custom
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.policy import Policy
from terp_seed.masking.policy_file import load_policy, merge_models

KEY = Key(bytes.fromhex("9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"))


@pytest.fixture
def load(tmp_path):
    def load(text: str) -> Policy:
        file = tmp_path / "masking.toml"
        file.write_text(text, encoding="utf-8")
        return load_policy(file)

    return load


def column(text: str) -> str:
    return f"[tables.clients]\nsubject = 'id'\nemail = {{ {text} }}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (column('class = "email", stratagy = "hash"'), "'stratagy'; did you mean 'strategy'?"),
        (column('class = "emial"'), "unknown class 'emial'; did you mean 'email'?"),
        (column('class = "email", strategy = "psuedonymise"'), "did you mean 'pseudonymise'?"),
        (column('class = "email", strategy = "custom:nobody"'), "is not registered"),
        (column('class = "email", strategy = "keep"'), "keep: needs a reason"),
        (column('class = "email", staging = "keep"'), "staging: keep: needs a reason"),
        (column('class = "json", other = "keep", reason = "r"'), 'other = { strategy = "keep"'),
        (
            column('class = "date", strategy = "generalise", to = "band"'),
            "to = 'band' is for numbers and texts; a date has year or month",
        ),
        (
            column('class = "quasi", strategy = "generalise", to = "band", decimals = 1'),
            "decimals belongs to to = 'decimals', not to 'band'",
        ),
        (
            column('class = "quasi", strategy = "generalise", first = 1, decimals = 1'),
            "first belongs to to = 'prefix', not to 'decimals'",
        ),
        (
            column('class = "date", strategy = "generalise", decimals = 1'),
            "to = 'decimals' is for numbers and texts; a date has year or month",
        ),
        (column("pii = false"), "pii = false: needs a reason"),
        (column('pii = false, reason = " "'), "needs a reason"),
        (column('pii = false, reason = "x", class = "email"'), "contradicts 'class'"),
        (column("pii = true"), 'use class = "..." instead'),
        (column("unique = true"), 'needs class = "..."'),
        (column('class = "email", strategy = "partial"'), "allowed in staging only"),
        (column('class = "email", dev = "partial"'), "allowed in staging only"),
        (column('class = "email", test = { strategy = "partial" }'), "allowed in staging only"),
        (column('class = "email", strategy = "substitute"'), "substitute does not fit class email"),
        (column('class = "email", strategy = "date_shift"'), "does not fit class email"),
        (column('class = "date", strategy = "redact"'), "does not fit class date"),
        (column('class = "json", strategy = "tokenise"'), "does not fit class json"),
        (column('class = "email", days = 3'), "pseudonymise has no option 'days'"),
        (column('class = "date", days = 0'), "days must be a whole number from 1"),
        (column('class = "date", days = true'), "days must be a whole number from 1"),
        (column('class = "phone", layout = "###"'), "layout must be"),
        (column('class = "email", unique = "yes"'), "unique must be true or false"),
        (column('class = "phone", unique = true, domain = "x"'), "unique contradicts domain"),
        (column('class = "email", domain = ""'), "domain must be a name"),
        (column('class = "email", paths = { "$.a" = "email" }'), 'belong to class = "json"'),
        (column('class = "json", paths = { "a.b" = "email" }'), "not a path"),
        (column('class = "json", paths = { "$.a" = "emali" }'), "did you mean 'email'?"),
        (column('class = "json", paths = { "$.a" = "date" }'), "are for columns only"),
        (column('class = "json", paths = { "$.a" = 3 }'), "must be a class or a table"),
        (column('class = "json", paths = 3'), "paths must be a table"),
        (column('class = "json", other = "hash"'), "is one of redact, scrub_text, keep"),
        (column('class = "email", staging = 3'), "must be the name of a strategy"),
        (column('class = "email", staging = { why = "x" }'), "unknown key 'why'"),
        ('[tables.a]\nemail = "email"', 'write email = { class = "email" }'),
        ("[tables.a]\nsubjct = 'id'", "did you mean 'subject'?"),
        ("[tables.a]\nborn = { class = 'date' }", 'add subject = "<column>" to [tables.a]'),
        ("[tables.a]\nx = {class='email'}\nX = {class='email'}", "a.X: is classified twice"),
        (
            "[tables.a]\nx = {class='email'}\nnot_personal = [{columns=['x'], reason='r'}]",
            "a.x: is classified twice",
        ),
        ("[tables.a]\n[tables.A]\n", "[tables.A]: is classified twice"),
        ("[tables.a]\nnot_personal = [{columns=['x']}]", "needs a reason"),
        ("[tables.a]\nnot_personal = [{columns='x', reason='r'}]", "must be a list of names"),
        ("[tables.a]\nnot_personal = [{cols=['x'], reason='r'}]", "each entry is"),
        ("[tables]\na = 3", "[tables.a] must be a table"),
        ("[tabels.a]\n", "unknown key 'tabels'; did you mean 'tables'?"),
        ("tables = 3", "[tables] must be a table"),
        ("version = 2", "version must be 1"),
        ("[defaults]\nmail_domian = 'x'", "did you mean 'mail_domain'?"),
        ("[defaults]\nmail_domain = 'gmail.com'", "must be a reserved domain"),
        ("[environments.stagin]\n", "did you mean 'staging'?"),
        ("[environments]\ndev = 3", "[environments.dev] must be a table"),
        ("[environments.dev]\nphones = 'hash'", "did you mean 'phone'?"),
        ("[environments.dev]\nphone = 'partial'", "allowed in staging only"),
        ("[environments.dev]\nphone = 'keep'", "needs a reason"),
        ("key = 'x'", "a key never belongs in this file"),
        ("[defaults]\nsalt = 'x'", "a key never belongs in this file"),
        ("[tables.a]\nsecret = 'x'", "a key never belongs in this file"),
        (f"[tables.a]\nsubject = '{'ab12' * 16}'", "this looks like a key"),
        ("[tables.a]\nx = {class='email'}\nx = {class='email'}", "not valid TOML"),
        ("[[", "not valid TOML"),
    ],
)
def test_each_mistake_is_named_in_one_line(load, text, said):
    with pytest.raises(UsageError) as caught:
        load(text)
    line = next(line for line in str(caught.value).splitlines() if said in line)
    assert "masking.toml: " in line
    assert "ab12ab12" not in str(caught.value)


def test_all_mistakes_are_said_at_once(load):
    with pytest.raises(UsageError) as caught:
        load("[tables.a]\nx = {class='emial'}\ny = {pii=false}\n[tables.b]\nz = {}")
    lines = str(caught.value).splitlines()
    assert len(lines) == 3
    assert [word in line for word, line in zip(("a.x", "a.y", "b.z"), lines, strict=True)] == [
        True
    ] * 3


def test_a_mistake_hides_none_that_comes_after_it(load):
    with pytest.raises(UsageError) as caught:
        load(
            "[environments.dev]\nphones = 'hash'\nemials = 'hash'\n"
            "[tables.a]\nnot_personal = [3, {columns=['x'], why='y'}, {columns=3, reason='r'}, "
            "{columns=['z']}]"
        )
    lines = str(caught.value).splitlines()
    assert "[environments.dev] phones: unknown class" in lines[0]
    assert "[environments.dev] emials: unknown class" in lines[1]
    assert ["a.not_personal: " in line for line in lines] == [False] * 2 + [True] * 4
    assert "needs a reason" in lines[5]


def test_a_missing_file_is_a_usage_error(tmp_path):
    with pytest.raises(UsageError, match="cannot be read"):
        load_policy(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b"# \xff")
    with pytest.raises(UsageError, match="not valid TOML"):
        load_policy(tmp_path / "latin.toml")


def test_the_digest_ignores_layout_and_follows_content(load):
    first = load("[tables.a]\nx = {class='email'}\ny = {class='phone'}")
    laid_out = load(
        "# a comment\n[tables.a.y]\nclass = 'phone'\n[tables.a.x]\nunique = false\nclass = 'email'"
    )
    other = load("[tables.a]\nx = {class='email'}\ny = {class='account'}")
    assert first.digest == laid_out.digest
    assert first.digest != other.digest
    assert len(first.digest) == 64


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("dev", "hash"),
        ("development", "hash"),
        ("test", "pseudonymise"),
        ("staging", "partial"),
        ("production", None),
        ("prod", None),
    ],
)
def test_the_strategy_depends_on_the_environment(load, environment, expected):
    policy = load(
        "[environments.dev]\nemail = 'hash'\n"
        "[tables.a]\nx = {class='email', staging='partial'}\ny = {class='email', strategy='redact'}"
    )
    choice = policy.strategy("a", "x", environment)
    assert (choice and choice.strategy) == expected
    assert policy.strategy("A", "Y", "dev").strategy == "redact"


def test_an_unknown_environment_is_refused(load):
    policy = load("[tables.a]\nx = {class='email'}")
    with pytest.raises(UsageError, match="'qa' is not an environment"):
        Boundary(policy, "qa", KEY)


def table(**info: object) -> MetaData:
    metadata = MetaData()
    Table("a", metadata, Column("id", Integer), Column("x", String(99), info=info))
    return metadata


def test_a_models_info_adds_to_the_file(load):
    policy = merge_models(load("[tables.b]\nz = {class='phone'}"), table(pii={"class": "email"}))
    assert policy.rule("a", "x").kind == "email"
    assert policy.rule("b", "z").kind == "phone"
    assert merge_models(load(""), table(pii="email")).rule("a", "X").kind == "email"
    assert merge_models(load(""), table(pii=False, reason="a label")).rule("a", "x").kind is None


def test_the_file_decides_how_and_a_conflict_on_what_is_an_error(load):
    policy = load("[tables.a]\nx = {class='email', strategy='hash'}")
    merged = merge_models(policy, table(pii={"class": "email", "strategy": "redact"}))
    assert merged.strategy("a", "x", "dev").strategy == "hash"
    for info in ({"pii": "phone"}, {"pii": False, "reason": "a label"}):
        with pytest.raises(UsageError, match=r"a\.x: the file has class email"):
            merge_models(policy, table(**info))


@pytest.mark.parametrize(
    ("info", "said"),
    [
        ({"pii": False}, "needs a reason"),
        ({"pii": 3}, "pii is false, or left out"),
        ({"pii": {"class": "emial"}}, "did you mean 'email'?"),
    ],
)
def test_a_faulty_info_is_an_error(load, info, said):
    with pytest.raises(UsageError, match=said):
        merge_models(load(""), table(**info))


def test_production_takes_no_personal_data_without_a_word_for_it(load):
    policy = load(
        "[tables.a]\nx = {class='email', strategy='redact'}\n"
        "y = {class='email', production={strategy='keep', reason='the support address'}}\n"
        "z = {pii=false, reason='a label'}"
    )
    production = Boundary(policy, "production", KEY)
    for made in (production.masker, production.prover):
        with pytest.raises(MaskingError, match="production"):
            made("a", ["x"])
    assert Boundary(policy, "prod", None).masker("a", ["z"]) is None
    assert Boundary(policy, "prod", None).prover("a", ["z"]) is not None  # whose texts are searched
    assert production.masker("a", ["y"]) is None


def test_a_keyed_strategy_needs_a_key_outside_dev_and_test(load):
    policy = load("[tables.a]\nx = {class='email'}\ny = {class='free_text'}")
    for environment in ("dev", "test"):
        assert Boundary(policy, environment, None).masker("a", ["x"])
    staging = Boundary(policy, "staging", None)
    with pytest.raises(MaskingError, match="TERP_SEED_MASK_KEY"):
        staging.masker("a", ["x"])
    assert staging.masker("a", ["y"])
    assert staging.prover("a", ["x"])


def test_nothing_to_do_is_no_masker(load):
    policy = load("[tables.a]\nx = {class='email', strategy='keep', reason='public'}")
    dev = Boundary(policy, "dev", KEY)
    for columns in ([], ["id"], ["x"]):
        assert dev.masker("a", columns) is None
    assert dev.masker("b", ["x"]) is None


def test_capacity_is_that_of_the_reserved_range(load):
    policy = load("[tables.a]\nx = {class='phone', unique=true}\ny = {class='phone'}")
    masker = Boundary(policy, "dev", KEY).masker("a", ["x", "y"])
    assert masker.capacity("x") == 45_100
    assert masker.capacity("y") is None


def test_columns_that_are_gone_are_named(load):
    policy = load("[tables.a]\nx = {class='phone'}\ny = {class='phone'}")
    assert policy.stale("a", ["X", "z"]) == ["y"]
    assert policy.stale("b", ["x"]) == []


def test_a_projects_strategy_is_known_by_its_name(load):
    @custom("shout", distinct=True, length=8)
    def shout(value, digest):
        return digest.hex()[:8].upper()

    policy = load("[tables.a]\nx = {class='code', strategy='custom:shout'}")
    assert policy.strategy("a", "x", "dev").strategy == "custom:shout"


# -- the models of a project


MODELS = """
import sqlalchemy as sa
metadata = sa.MetaData()
labels = sa.Table(
    "labels", metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("wording", sa.String(60), info={"pii": "person_name"}),
    sa.Column("code", sa.String(20), info={"pii": False, "reason": "a code"}),
)
"""


@pytest.fixture
def modelled(sqlite_toy):
    """A toy whose models say what is personal, and a revision that seeds a person."""
    (sqlite_toy.path / "seeds" / "masking.toml").write_text(
        'version = 1\ndefaults.unlisted = "detect"\n'
    )
    (sqlite_toy.path / "toy_models.py").write_text(MODELS)
    rows = '[{"code": "a", "wording": "Jane Canary"}]'
    sqlite_toy.only("0001", f'op.seed_rows("labels", {rows}, key=["code"])')
    yield sqlite_toy
    sys.modules.pop("toy_models", None)


def test_what_the_models_say_masks_a_seed(modelled):
    modelled.ini("models = toy_models:metadata")
    modelled.upgrade()
    ((code, wording),) = modelled.rows("SELECT code, wording FROM labels")
    assert code == "a"
    assert wording != "Jane Canary"


def test_models_that_are_not_there_or_contradict_the_file_are_refused(modelled):
    policy = modelled.path / "seeds" / "masking.toml"
    policy.write_text(
        'defaults.unlisted = "detect"\n[tables.labels]\nwording = { pii = false, reason = "x" }\n'
    )
    modelled.ini("models = toy_models:metadata")
    with pytest.raises(UsageError, match=r"labels\.wording: the file has pii = false"):
        modelled.upgrade()
    ini = modelled.path / "alembic.ini"
    ini.write_text(ini.read_text().replace("toy_models:metadata", "toy_models:nothing"))
    with pytest.raises(UsageError, match="models = toy_models:nothing: no such metadata exists"):
        modelled.upgrade()
