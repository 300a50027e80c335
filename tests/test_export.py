"""Rows as files for the engine's loader, and the ledger of what was loaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from exports import export, load, load_all
from test_ledger_rebuild import LEDGER
from toys import HEAD, Toy

from terp_seed.rows.model import Block, TableRows
from terp_seed.run.export import adopt as adoption
from terp_seed.run.export import files
from terp_seed.settings.log import Progress

MANY = ("rows=depots:40,crates:500",)

#: Texts that a loader may read as something else.
NASTY = [
    "",
    "'quoted' \"twice\"",
    '"',
    '","',
    '"",',
    "comma, and more",
    "two\nlines",
    "dos\r\nlines",
    "a\rreturn",
    "back\\slash\\",
    "\\N",
    "\\n",
    "null",
    "  spaces  ",
    "tab\there",
    "100 % :name %s",
    "\U0001f9ea ☃ é",
    "\x1a",
    "\\.",
    "x\n\\.y\n",
    "0012",
    "1e5",
    "{}",
]


def adopt(toy: Toy, folder: Path, *args: str, code: int = 0, x: tuple[str, ...] = ()) -> str:
    """Run `terp-seed ledger adopt FOLDER`; what it said."""
    return toy.terp_seed("ledger", "adopt", str(folder), *args, code=code, x=x).output


def is_untouched(toy: Toy) -> bool:
    """Whether nothing is on record."""
    books = ("terp_seed_ledger", "terp_seed_version")
    with toy.db.connect() as connection:
        there = sa.inspect(connection).get_table_names()
    written = any(toy.value(f"SELECT COUNT(*) FROM {name}") for name in books if name in there)
    return not written and ("started", None) not in (toy.audit() if books[0] in there else [])


@pytest.mark.every_engine
def test_sixteen_shards_are_the_run(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str, tmp_path: Path
) -> None:
    """Loaded by the engine's client and adopted, they leave rows and ledger as a run does."""
    other = new_toy(second_database_url)
    empty = toy.digests()
    load_all(toy, tmp_path / "files", 16, x=MANY)
    other.upgrade("head", *MANY)
    assert differing_tables(toy, other) == {"depots"}  # its derived column is recomputed later
    adopt(toy, tmp_path / "files")
    assert toy.digests() == other.digests()
    assert by_row(toy) == by_row(other)
    assert toy.version() == HEAD
    assert toy.states() == other.states()
    assert [event for event, _ in toy.audit()] == ["started", *["applied"] * 3, "finished"]
    toy.terp_seed("verify", "--all")
    toy.document("status", "--drift")
    toy.downgrade("base", "on-edited=abort")
    assert toy.digests() == empty


def differing_tables(one: Toy, other: Toy) -> set[str]:
    mine, theirs = one.digests(), other.digests()
    return {name for name in mine if mine[name] != theirs[name]}


def by_row(toy: Toy) -> list[tuple[Any, ...]]:
    """The ledger without its cut into blocks: keys and settings, and the digests joined."""
    joined: dict[tuple[Any, ...], list[Any]] = {}
    for row in toy.rows(LEDGER):
        revision, number, block, state, table, first, _, count, digests, keys, row_keys, detail = (
            row
        )
        entry = joined.setdefault((revision, number), [b"", b"", []])
        if not block:
            entry += [state, table, first, count, detail, digests]
            continue
        entry[0] += digests or b""
        entry[1] += keys or b""
        entry[2] += json.loads(row_keys) if row_keys else []
    return [(place, *entry) for place, entry in sorted(joined.items())]


@pytest.mark.every_engine
def test_every_value_comes_through_the_loader(
    toy: Toy, new_toy: Callable[..., Toy], second_database_url: str, tmp_path: Path
) -> None:
    """NULL, empty texts, quotes, line ends, JSON, bytes, decimals, dates and moments."""
    blob = "None" if toy.sqlite else "bytes(range(n, 256))"
    more = "" if toy.sqlite else ', "NULL"'
    upgrade = f"""
        from datetime import date, datetime
        from decimal import Decimal
        nasty = {NASTY!r} + [None{more}]
        op.seed_rows("labels", [
            {{
                "code": f"C{{n}}", "body": text, "wording": None if n % 3 else "w",
                "place": n - 5,
                "extra": {{"a": text, "n": [1, 2.5, None, True]}} if n % 2 else None,
                "blob": {blob}, "amount": Decimal(n) / 4, "day": date(2026, 2, 1 + n % 28),
                "moment": datetime(2026, 2, 1, n % 24, 0, 59) if n % 4 else None,
            }}
            for n, text in enumerate(nasty)
        ], key=["code"])
    """
    other = new_toy(second_database_url)
    for place in (toy, other):
        place.only("0001_a", upgrade)
    other.upgrade()
    load_all(toy, tmp_path / "files", 3)
    assert toy.digests() == other.digests()
    adopt(toy, tmp_path / "files")
    assert by_row(toy) == by_row(other)
    toy.downgrade()
    assert toy.counts() == {}


@pytest.mark.parametrize("text", ["NUL \0 here", "one\n\\.\ntwo"])
def test_a_value_that_no_loader_reads_is_refused_and_nothing_stays(
    sqlite_toy: Toy, tmp_path: Path, text: str
) -> None:
    sqlite_toy.only("0001_a", f'op.seed_rows("labels", [{{"code": "A", "body": {text!r}}}])')
    said = export(sqlite_toy, tmp_path / "files", code=4)
    assert "column body, row 1: the value cannot be in a CSV file" in said
    assert text not in said
    assert not (tmp_path / "files").exists()


def test_sqlites_import_tells_no_null_and_takes_no_bytes(sqlite_toy: Toy, tmp_path: Path) -> None:
    for column, value in (("body", "'NULL'"), ("blob", "b'x'")):
        sqlite_toy.only("0001_a", f'op.seed_rows("labels", [{{"code": "A", "{column}": {value}}}])')
        said = export(sqlite_toy, tmp_path / "files", code=4)
        assert f"column {column}, row 1: the value cannot be in a CSV file" in said


def test_a_terminal_is_told_how_far_a_table_is(
    sqlite_toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[tuple[str, int, int]] = []

    class Told(Progress):
        def __call__(self, table: str, done: int, total: int) -> None:
            said.append((table, done, total))

    def shown(total: int) -> None:
        crates = [(done, of) for table, done, of in said if table == "crates"]
        assert crates[0] == (0, total)
        assert crates[-1] == (total, total)
        assert len(crates) > 2
        assert crates == sorted(crates)

    many = ("rows=depots:4,crates:12000",)
    monkeypatch.setattr(files, "progress_of_run", Told)
    export(sqlite_toy, tmp_path / "part", "--shard=2/2", x=many)
    shown(6000)
    folder = load_all(sqlite_toy, tmp_path / "whole", 1, x=many)
    monkeypatch.setattr(adoption, "progress_of_run", Told)
    said.clear()
    adopt(sqlite_toy, folder)
    shown(12000)


def test_a_shard_makes_no_rows_of_the_others(
    sqlite_toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[int] = []
    block = TableRows.block

    def counted(rows: TableRows, start: int, stop: int) -> Block:
        if rows.table == "crates":
            made.append(stop - start)
        return block(rows, start, stop)

    monkeypatch.setattr(TableRows, "block", counted)
    export(sqlite_toy, tmp_path / "files", "--shard=3/16", x=("rows=crates:32000",))
    assert sum(made) <= 2000 + 2 * 200  # its own, and what the plan's digest looks at


def test_files_are_private_and_described(sqlite_toy: Toy, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    found = sqlite_toy.document(
        "export", "0002_depots", "--format=csv", "--to", str(folder), "--shard=2/2"
    )
    manifest = json.loads((folder / "manifest.2-of-2.json").read_text())
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (manifest["revision"], manifest["shard"], manifest["shards"]) == ("0002_depots", 2, 2)
    assert manifest["settings"]["size"] == "small"
    depots = manifest["tables"][-1]
    assert (depots["table"], depots["rows"], depots["first_row"], depots["shard_rows"]) == (
        "depots",
        4,
        2,
        2,
    )
    assert (folder / depots["file"]).read_text().splitlines()[1].startswith("3,")
    assert found["manifest"]["tables"] == manifest["tables"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["--format=csv", "--shard=17/16"], 2, "--shard 17/16: that shard does not exist"),
        (["--format=csv", "--shard=0/16"], 2, "--shard 0/16: that shard does not exist"),
        (["--format=csv", "--shard=0/0"], 2, "--shard 0/0: there are no shards"),
        (["--format=csv", "--shard=three"], 2, "--shard three: write the number and how many"),
        (["--format=xml"], 2, "'xml' is not one of 'csv', 'parquet'"),
        (["--format=csv", "--first-id=crates"], 2, "--first-id crates: write the table and"),
        (["--format=csv", "--first-id=crates=0"], 2, "--first-id crates=0: write the table and"),
        (["--format=csv", "--first-id=none=5"], 2, "--first-id: none: no such table is exported"),
        (["--format=csv", f"--first-id=crates={2**63}"], 2, "out of range"),
        (["--format=csv", "nowhere"], 2, "nowhere"),
        (["--format=csv", "0001_labels:head"], 2, "an export begins at the base"),
        (["--format=csv", "--size=huge"], 2, "huge"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    sqlite_toy: Toy, tmp_path: Path, args: list[str], code: int, said: str
) -> None:
    done = sqlite_toy.terp_seed("export", *args, "--to", str(tmp_path / "files"), code=code)
    assert said in done.stderr
    assert not (tmp_path / "files").exists()


def test_a_folder_that_is_not_empty_is_left_alone(sqlite_toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "mine").write_text("mine")
    assert "is not an empty folder" in export(sqlite_toy, tmp_path / "files", code=2)
    assert "is not an empty folder" in export(sqlite_toy, tmp_path / "files" / "mine", code=2)
    assert [path.name for path in (tmp_path / "files").iterdir()] == ["mine"]


def test_without_pyarrow_parquet_is_one_line(
    sqlite_toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    said = export(sqlite_toy, tmp_path / "files", "--format=parquet", code=2)
    assert "install terp_seed[parquet], or take --format csv" in said
    assert not (tmp_path / "files").exists()


def test_parquet_has_the_same_rows_with_their_types(sqlite_toy: Toy, tmp_path: Path) -> None:
    from pyarrow.parquet import read_table

    for number in (1, 2, 3):
        export(sqlite_toy, tmp_path / str(number), "--format=parquet", f"--shard={number}/3")
    types: dict[str, set[str]] = {}
    for path in sorted(tmp_path.glob("[123]/*.parquet"), key=lambda path: path.name):
        read = read_table(path)
        name = path.name.split(".")[1]
        types.setdefault(name, set()).add(str(read.schema))
        rows = [{k: str(v) if k == "price" else v for k, v in r.items()} for r in read.to_pylist()]
        with sqlite_toy.db.begin() as connection:
            there = sa.Table(name, sa.MetaData(), autoload_with=connection)
            connection.execute(sa.insert(there), rows)
    assert all(len(each) == 1 for each in types.values())  # one schema in all shards
    (depots,) = types["depots"]
    assert "price: decimal128(38, 2)" in depots
    assert "opened: date32[day]" in depots
    adopt(sqlite_toy, tmp_path)
    sqlite_toy.downgrade()
    assert sqlite_toy.counts() == {}


def test_rows_beside_others_begin_at_another_id(toy: Toy, tmp_path: Path) -> None:
    """What refers to them follows; the next key of the server is free."""
    toy.execute(
        "INSERT INTO depots VALUES (40, 'OURS', 'main', 1, 1, 0, '2026-01-01')",
        "INSERT INTO crates VALUES (7, 'OURS', 40, 5)",
    )
    before = toy.digests()
    export(toy, tmp_path / "files", "--first-id=depots=41", "--first-id=crates=100")
    load(toy.url, tmp_path / "files")
    adopt(toy, tmp_path / "files")
    assert toy.value("SELECT MIN(depot_id) FROM crates WHERE id >= 100") > 40
    assert toy.value("SELECT MIN(crate_id) FROM scans") == 100
    toy.execute(
        "INSERT INTO depots (code, kind, capacity, price, opened) "
        "VALUES ('NEXT', 'main', 1, 1, '2026-01-01')"
    )
    assert toy.value("SELECT id FROM depots WHERE code = 'NEXT'") == 45
    toy.execute("DELETE FROM depots WHERE code = 'NEXT'")
    toy.downgrade()
    assert toy.digests() == before


def test_what_needs_the_database_is_left_to_the_adoption(toy: Toy, tmp_path: Path) -> None:
    """Rows that may be taken, rows that look others up, and what refers to them."""
    toy.revision(
        "0004_more",
        """
        op.seed_rows("labels", [{"code": "COLD"}, {"code": "NEW"}], key=["code"],
                     on_conflict="skip")
        from terp_seed import ref
        depot = ref("depots", code="SEED-D-000002")
        op.seed_rows("crates", [{"code": "MORE", "depot_id": depot, "weight": 3}], key=["code"])
        """,
    )
    said = export(toy, tmp_path / "files")
    assert "left to terp-seed ledger adopt: labels: on_conflict leaves out rows" in said
    assert "left to terp-seed ledger adopt: crates: its references are looked up" in said
    load(toy.url, tmp_path / "files")
    assert toy.counts()["crates"] == 12
    adopt(toy, tmp_path / "files")
    assert toy.counts()["crates"] == 13
    assert toy.value("SELECT COUNT(*) FROM labels WHERE code = 'NEW'") == 1
    assert toy.version() == "0004_more"
    toy.downgrade()
    assert toy.counts() == {}


def test_an_adoption_is_refused_when_rows_are_not_those(toy: Toy, tmp_path: Path) -> None:
    """One line each, and nothing is on record."""
    folder = tmp_path / "files"
    export(toy, folder)
    assert "crates: of 12 rows 12 are missing" in refused(toy, folder, until="crates")
    load(toy.url, folder)
    toy.execute("UPDATE crates SET weight = weight + 1 WHERE id = 3")
    assert "crates: of 12 rows 0 are missing and 1 are not as they were" in refused(toy, folder)
    toy.execute("UPDATE crates SET weight = weight - 1 WHERE id = 3")
    toy.execute("DELETE FROM scans WHERE id IN (1, 5)")
    assert "scans: of 12 rows 2 are missing and 0" in refused(toy, folder)
    toy.execute("INSERT INTO scans VALUES (1, 1), (5, 5)")
    toy.execute("DELETE FROM pairs WHERE left_code = 'COLD'")
    assert "pairs: of 2 rows 1 are missing" in refused(toy, folder)
    toy.execute("INSERT INTO pairs VALUES ('COLD', 'PLAIN', 0.25)")
    toy.execute("UPDATE labels SET wording = 'Warm' WHERE code = 'COLD'")
    assert "labels: of 3 rows 0 are missing and 1" in refused(toy, folder)
    toy.execute("UPDATE labels SET wording = 'Keep below 5 °C' WHERE code = 'COLD'")
    adopt(toy, folder)


def refused(toy: Toy, folder: Path, *, until: str = "") -> str:
    """What an adoption says that is refused because of rows; nothing is written."""
    if until:  # fill the tables before
        for path in sorted(folder.glob("*.sql")):
            if until in path.name:
                break
            part = folder.parent / "part"
            part.mkdir(exist_ok=True)
            for each in (path, path.with_suffix(".csv")):
                (part / each.name).write_bytes(each.read_bytes())
        load(toy.url, part)
    said = adopt(toy, folder, code=4)
    assert is_untouched(toy)
    if until:
        toy.execute(*(f"DELETE FROM {name}" for name in ("depots", "pairs", "labels")))
    return said


def test_an_adoption_is_refused_when_files_are_not_whole(sqlite_toy: Toy, tmp_path: Path) -> None:
    toy, folder = sqlite_toy, tmp_path / "files"
    load_all(toy, folder, 3)
    second = folder / "manifest.2-of-3.json"
    kept = second.read_text()
    second.unlink()
    assert "shard 2 of 3 is missing" in adopt(toy, folder, code=4)
    second.write_text(kept[: len(kept) // 2])
    assert "is not the manifest of an export" in adopt(toy, folder, code=2)
    second.write_text(kept.replace('"root_seed": 1', '"root_seed": 2'))
    assert "shards of different exports" in adopt(toy, folder, code=4)
    second.write_text(kept)
    (folder / "again").mkdir()
    (folder / "again" / second.name).write_text(kept)
    assert "has a shard twice" in adopt(toy, folder, code=4)
    (folder / "again" / second.name).unlink()
    file = next(folder.glob("*crates.2-of-3.csv"))
    rows = file.read_bytes()
    file.write_bytes(rows.replace(b"SEED", b"SEET"))
    assert "is not the file that was exported (SHA-256)" in adopt(toy, folder, code=4)
    assert is_untouched(toy)
    file.unlink()  # loaded and put away
    assert "no manifest" in adopt(toy, tmp_path / "toy_none", code=2)
    adopt(toy, folder)
    assert "nothing to do" in adopt(toy, folder)


def test_an_adoption_is_refused_when_the_plan_is_another(sqlite_toy: Toy, tmp_path: Path) -> None:
    toy, folder = sqlite_toy, tmp_path / "files"
    export(toy, folder)
    load(toy.url, folder)
    assert "digest of the plan" in adopt(toy, folder, code=4, x=("seed=7",))
    seeders = toy.path / "seeds" / "data" / "labels.csv"
    text = seeders.read_text()
    seeders.write_text(text.replace("5 °C", "6 °C"))
    assert "digest of the plan" in adopt(toy, folder, code=4)
    seeders.write_text(text)
    toy.terp_seed("env", "stamp", "test", "--yes")
    assert "this database is stamped test" in adopt(toy, folder, code=5)
    toy.terp_seed("env", "stamp", "dev", "--yes")
    toy.stamp("0001_labels")
    assert "adopted at its base" in adopt(toy, folder, code=4)
    toy.stamp("base")
    adopt(toy, folder)


def test_staging_wants_the_databases_name(sqlite_toy: Toy, tmp_path: Path) -> None:
    toy, folder = sqlite_toy, tmp_path / "files"
    toy.terp_seed("env", "stamp", "staging", "--yes")
    export(toy, folder, "--env=staging", "--size=small")
    load(toy.url, folder)
    assert "a person who has read the plan consents" in adopt(toy, folder, code=5)
    assert is_untouched(toy)
    adopt(toy, folder, x=(toy.consent,))
    assert toy.version() == HEAD


def test_what_this_server_cannot_take_back_is_refused_at_once(
    mariadb_toy: Toy, tmp_path: Path
) -> None:
    mariadb_toy.revision(
        "0004_more", 'op.update_rows("labels", [{"code": "COLD", "place": 7}], key=["code"])'
    )
    said = export(mariadb_toy, tmp_path / "files", code=4)
    assert "revision 0004_more: updates or deletes rows" in said
    assert "export the revision before it" in said


def test_changes_of_exported_rows_are_made_by_the_adoption(sqlite_toy: Toy, tmp_path: Path) -> None:
    toy = sqlite_toy
    toy.revision(
        "0004_more", 'op.update_rows("labels", [{"code": "COLD", "place": 7}], key=["code"])'
    )
    assert "labels: rows of it are updated" in export(toy, tmp_path / "files")
    load(toy.url, tmp_path / "files")
    adopt(toy, tmp_path / "files")
    assert toy.value("SELECT place FROM labels WHERE code = 'COLD'") == 7
    toy.downgrade()
    assert toy.counts() == {}
