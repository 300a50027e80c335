"""`datasets.toml` and the files beside it: what is read, and one line for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from terp_seed.errors import UsageError
from terp_seed.project.datasets import Dataset, read_datasets

BRANDS = '[brands]\ntable = "brands"\nkey = ["name"]\n'


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An environment's folder with one dataset."""
    (tmp_path / "datasets").mkdir()
    write(tmp_path, BRANDS, "name,country\nAcme,DE\nZenith,\n")
    return tmp_path


def write(home: Path, entry: str, rows: str | None = None, name: str = "brands.csv") -> None:
    (home / "datasets.toml").write_text(entry)
    if rows is not None:
        (home / "datasets" / name).write_text(rows)


def refusal(home: Path) -> str:
    with pytest.raises(UsageError) as caught:
        [list(dataset.rows()) for dataset in read_datasets(home)]
    return str(caught.value)


def test_a_dataset_has_the_terms_of_a_file(home: Path) -> None:
    entry = (
        'table = "app.brands"\nkey = ["name"]\nid = false\nonce = ["country"]\nstrict = "row"\n'
        'refs = { country = "countries.code" }\nlater = ["country"]\nvanished = "delete"\n'
        'environments = ["prod", "dev"]\nallow_delete = true\non_conflict = "update"\n'
        'delimiter = ";"\nrename = { nr = "name" }\n'
    )
    write(home, f"[brands]\n{entry}", "nr;country\nAcme;DE\n")
    (dataset,) = read_datasets(home)
    assert [row for _, row in dataset.rows()] == [{"name": "Acme", "country": "DE"}]
    assert (dataset.table, dataset.id, dataset.strict) == ("app.brands", None, "row")
    assert dataset.environments == ("dev", "production")


def test_without_a_register_there_are_none(tmp_path: Path) -> None:
    assert read_datasets(tmp_path) == []


def test_by_default_nothing_vanishes_and_production_is_left_out(home: Path) -> None:
    (dataset,) = read_datasets(home)
    assert (dataset.vanished, dataset.id) == ("leave", "id")
    assert dataset.environments == ("dev", "test", "staging")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('[brands]\nkey = ["name"]', "datasets.toml, [brands]: has no table"),
        ('[brands]\ntable = "brands"', "datasets.toml, [brands]: has no key"),
        (f'{BRANDS}onec = ["x"]', "unknown setting onec; did you mean once?"),
        (f"{BRANDS}zzz = 1", "unknown setting zzz; known: table, key, id"),
        ('[brands]\ntable = "brands"\nkey = "name"', 'key: must be a list of columns, as ["name"]'),
        ('[brands]\ntable = "b"\nkey = []', "key: must name each column of the key once"),
        ('[brands]\ntable = "b"\nkey = ["a", "a"]', "key: must name each column of the key once"),
        (f'{BRANDS}vanished = "keep"', "vanished: must be 'delete' or 'leave'"),
        (f'{BRANDS}strict = "cell"', "strict: must be 'row'"),
        (f'{BRANDS}on_conflict = "keep"', "on_conflict: must be 'stop' or 'skip' or 'update'"),
        (f"{BRANDS}allow_delete = 1", "allow_delete: must be true or false"),
        (f'{BRANDS}refs = {{ country = "countries" }}', 'refs: must map columns to "table.column"'),
        (f"{BRANDS}environments = []", "environments: must name an environment"),
        (f'{BRANDS}environments = ["stagin"]', "did you mean 'staging'?"),
        (f'{BRANDS}once = ["name"]', "once: name is in the key, which never changes"),
        (f'{BRANDS}later = ["country"]', "later: country must be a column of refs"),
        (f'{BRANDS}delimiter = ";;"', "delimiter: must be one character"),
        (f"{BRANDS}id = 3", "id (false for a table without one): must be a text"),
        ("brands = 1", "'brands' must be a table, as [brands]"),
        ("[brands", "datasets.toml: cannot be read: "),
        (
            f'{BRANDS}[absent]\ntable = "x"\nkey = ["y"]',
            "[absent]: has no file; add datasets/absent.csv",
        ),
    ],
)
def test_a_mistake_in_the_register_is_one_line(home: Path, entry: str, said: str) -> None:
    write(home, entry)
    assert said in refusal(home)
    assert "\n" not in refusal(home)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("title,country\nA,DE\n", "datasets/brands.csv: has no column name, which key in"),
        ("nane,country\nA,DE\n", "datasets.toml names; did you mean nane?"),
        ("name,country\nA,DE\n,FR\n", "row 2: key column name is empty; every row needs a key"),
        ("name\nA\nB\nA\n", "row 3: has the same key (name) as row 1; keep one of them"),
        ("name,country\nA\n", "brands.csv, line 2: has 1 fields where the header has 2"),
    ],
)
def test_a_mistake_in_a_file_is_one_line(home: Path, rows: str, said: str) -> None:
    write(home, BRANDS, rows)
    assert said in refusal(home)


def test_a_file_without_an_entry_is_named(home: Path) -> None:
    (home / "datasets" / "units.jsonl").write_text('{"code": "kg"}\n')
    assert "datasets/units.jsonl: has no entry in datasets.toml; add one, as [units]" in refusal(
        home
    )


def test_two_files_of_one_name_are_one_too_many(home: Path) -> None:
    (home / "datasets" / "brands.json").write_text("[]")
    assert "[brands]: has 2 files: brands.csv, brands.json" in refusal(home)


def test_keys_of_other_types_are_the_same_key(home: Path) -> None:
    """A number in JSON is the number that a CSV field says; a text is a text."""
    (home / "datasets" / "brands.csv").unlink()
    write(home, BRANDS, '[{"name": 7}, {"name": "7"}]', "brands.json")
    assert "row 2: has the same key (name) as row 1" in refusal(home)
    write(home, BRANDS, '[{"name": "007"}, {"name": "7"}]', "brands.json")
    (dataset,) = read_datasets(home)
    assert len([*dataset.rows()]) == 2


def test_a_key_compares_by_the_values_of_references(home: Path) -> None:
    from terp_seed import ref

    dataset = Dataset("x", home, "x.csv", "x", ("brand",), refs={"brand": "brands.name"})
    assert dataset.key_of({"brand": ref("brands", name="Acme")}) == dataset.key_of(
        {"brand": "Acme"}
    )
    assert dataset.key_of({"brand": ref("other", name="Acme")}) != dataset.key_of({"brand": "Acme"})
