"""Canaries in a seeded file: errors are provoked, and everything said is searched for them."""

from __future__ import annotations

import json
import os
import traceback
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.util import CommandError
from production import CANARY, KEY
from toys import Toy

POLICY = """
[tables.labels]
code = { class = "code" }
wording = { class = "free_text", strategy = "scrub_text" }
body = { class = "free_text" }
extra = { class = "json" }
blob = { pii = false, reason = "a picture" }
not_personal = [{ columns = ["place", "amount", "day", "moment"], reason = "of the label" }]
"""
HEAD = "code,wording,body,extra,place,amount,day"


def row(n: int, **other: str) -> str:
    """One line of the file; some of its fields in another way."""
    values = {
        "code": f"CANARY-{n}",
        "wording": f"ring +1 415-867-53{n:02d}",
        "body": f"Jane Canary{n}",
        "extra": '{"a": "canary@real-corp.com"}',
        "place": "1",
        "amount": "2.50",
        "day": "2026-01-02",
    }
    quoted = (text.replace('"', '""') for text in (values | other).values())
    return ",".join(f'"{text}"' for text in quoted)


ERRORS = {
    "duplicate key in the file": [row(1), row(1)],
    "too long": [row(1), row(2, wording="Jane Canary, ring +1 415-867-5309 " * 9)],
    "bad date": [row(1), row(2, day="canary@real-corp.com")],
    "bad number": [row(1), row(2, amount="Jane Canary")],
    "broken line": [row(1), "CANARY-2,canary@real-corp.com,too,many,fields,1,2,3,4,5"],
}


@pytest.fixture
def canaries(toy: Toy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """A toy that seeds a file full of canaries, with the noisiest log there is."""
    (toy.path / "seeds" / "masking.toml").write_text(POLICY)
    seed = 'op.seed_file("labels", "labels.csv", key=["code"])'
    toy.only("0001_file", seed, head='as_of = "2026-01-01"')
    monkeypatch.setenv("TERP_SEED_MASK_KEY", KEY)
    monkeypatch.setenv("TERP_SEED_LOG_LEVEL", "TRACE")
    monkeypatch.setenv("TERP_SEED_LOG_FILE", str(tmp_path / "log"))
    return toy


def said(toy: Toy, *args: Any, **more: Any) -> tuple[bool, str]:
    """Whether a run failed, and all that it leaves behind: output, log, error, audit, ledger."""
    printed, error = "", None
    try:
        printed = toy.call("upgrade", *args, **more)
    except CommandError as caught:
        error = caught
    log = Path(os.environ["TERP_SEED_LOG_FILE"])
    books = [
        str(toy.rows(f"SELECT * FROM {name}"))
        for name in ("terp_seed_audit", "terp_seed_ledger")
        if sa.inspect(toy.db).has_table(name)
    ]
    shown = f"{error!r} {''.join(traceback.format_exception(error))}" if error else ""
    chain = f"{error.__cause__!r} {error.__context__!r}" if error else ""
    texts = [printed, toy.said, log.read_text() if log.exists() else "", shown, chain, *books]
    return error is not None, "\n".join(texts)


@pytest.mark.parametrize("what", ERRORS)
def test_no_error_quotes_what_it_stumbled_over(canaries: Toy, what: str) -> None:
    canaries.data("labels.csv", "\n".join([HEAD, *ERRORS[what]]) + "\n")
    failed, text = said(canaries, "head")
    assert failed
    assert found(text) == []


@pytest.mark.parametrize("constraint", ["CHECK (LENGTH(wording) < 5)", "UNIQUE (place, amount)"])
def test_no_error_of_the_database_quotes_a_row(canaries: Toy, constraint: str) -> None:
    """What only the database finds: its own message would hold the row's values."""
    canaries.execute(
        "DROP TABLE labels",
        "CREATE TABLE labels (id INTEGER PRIMARY KEY, code VARCHAR(40), wording VARCHAR(60), "
        "place INTEGER, extra TEXT, body TEXT, amount NUMERIC(8, 2), day DATE, "
        f"{constraint})",
    )
    canaries.data("labels.csv", "\n".join([HEAD, row(1), row(2)]) + "\n")
    failed, text = said(canaries, "head")
    assert failed
    assert found(text) == []


def test_no_script_and_no_run_holds_a_canary(canaries: Toy) -> None:
    canaries.data("labels.csv", "\n".join([HEAD, row(1), row(2)]) + "\n")
    for more in ({"sql": True}, {}):
        failed, text = said(canaries, "head", **more)
        assert not failed, text
        assert found(text) == []
    rows = canaries.rows("SELECT * FROM labels")
    assert len(rows) == 2
    assert found(str(rows)) == []
    (detail,) = canaries.rows("SELECT detail FROM terp_seed_audit WHERE event = 'started'")
    assert len(json.loads(detail[0])["key_id"]) == 8


def found(text: str) -> list[str]:
    """The canaries in a text, in any case, but for the name of this file in a path."""
    return CANARY.findall(text.replace("canaries", ""))
