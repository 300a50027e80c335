"""A slice of the whole of TERP: 233 tables, 407 foreign keys, a canary for each of its people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
import terp_full
import terp_people
from copies import Copy
from slices import Target, into, request, script

from terp_seed.masking.policy_file import load_policy

POLICY = Path(__file__).resolve().parent.parent / "seeds" / "masking.toml"


@pytest.fixture(autouse=True)
def no_seeders(monkeypatch: pytest.MonkeyPatch) -> None:
    """What seeders of other tests in this process have said of references is not this source's."""
    monkeypatch.setattr("terp_seed.rows.seeders._REFERENCES", {})


@pytest.mark.long
def test_a_slice_of_terp_is_whole_and_holds_no_one(
    new_copy: Callable[..., Copy], tmp_path: Path
) -> None:
    copy, policy = new_copy("production"), load_policy(POLICY)
    (copy.home / "masking.toml").write_bytes(POLICY.read_bytes())
    people = terp_people.People(policy, 100)
    off, on = terp_people.unchecked(copy.name)
    with copy.db.begin() as connection:
        made = terp_full.create(connection)
        connection.exec_driver_sql(off)
        people.fill(connection, made)
        connection.exec_driver_sql(on)
    assert terp_people.keys(made) == 407

    asked = request("clients", limit=5, depth=2, never=frozenset({"auditLogs"}))
    target = Target(copy, f"sqlite:///{tmp_path}/slice.db")
    report = into(copy, target, asked)
    taken = {table.table: table.rows for table in report.plan.tables}
    assert taken["clients"] >= 5
    assert len(taken) > 100
    with target.db.connect() as connection:
        assert list(terp_people.orphans(connection, made)) == []
        for name in made.tables:
            quoted = connection.dialect.identifier_preparer.quote_identifier(name)
            count = connection.exec_driver_sql(f"SELECT COUNT(*) FROM {quoted}").scalar()
            assert count == taken.get(name, 0), name

    text = script(copy, tmp_path / "slice.sql", asked)
    assert people.planted.survivors(text) == {}
    content = Path(str(target.db.url.database)).read_bytes()
    assert people.planted.survivors(content.decode("utf-8", "replace")) == {}
    assert script(copy, tmp_path / "again.sql", asked) == text
    assert isinstance(made, sa.MetaData)
