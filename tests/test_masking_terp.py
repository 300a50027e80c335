"""The policy of TERP's tables: complete, current, and the source of the inventory."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import terp_full
from sqlalchemy import types

from terp_seed.masking.boundary import Boundary
from terp_seed.masking.gaps import ColumnProfile, find_gaps
from terp_seed.masking.keys import Key
from terp_seed.masking.policy import Policy
from terp_seed.masking.policy_file import load_policy
from terp_seed.rows.model import Block, Cells
from terp_seed.terp.schema.tables import metadata

ROOT = Path(__file__).resolve().parent.parent
KEY = Key(bytes.fromhex("9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"))


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy(ROOT / "seeds" / "masking.toml")


def facts(column) -> ColumnProfile:
    kinds = {
        types.Enum: "enum",
        types.JSON: "json",
        types.String: "text",
        types.DateTime: "datetime",
        types.Date: "date",
        types.Boolean: "boolean",
    }
    kind = next((k for type_, k in kinds.items() if isinstance(column.type, type_)), "number")
    length = getattr(column.type, "length", None)
    unique = bool(column.unique)
    return ColumnProfile(column.name, kind, length, nullable=column.nullable, unique=unique)


def test_every_text_document_and_date_has_an_entry(policy):
    missing = [
        f"{table.name}.{column.name}"
        for table in metadata.tables.values()
        for column in table.columns
        if facts(column).type_kind not in ("number", "boolean", "enum")
        and policy.rule(table.name, column.name) is None
    ]
    assert missing == []


def test_no_entry_is_for_a_column_that_is_not_there(policy):
    for table in metadata.tables.values():
        assert policy.stale(table.name, [column.name for column in table.columns]) == []
    known = terp_full.columns()
    assert policy.tables.keys() <= known.keys()
    for table, columns in known.items():
        assert policy.stale(table, columns) == []


def test_nothing_that_looks_personal_is_left_over(policy):
    bare = Policy()
    for table in metadata.tables.values():
        columns = [facts(column) for column in table.columns]
        assert find_gaps(policy, table.name, columns) == []
        for finding in find_gaps(bare, table.name, columns):
            assert policy.rule(table.name, finding.column) is not None


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_masked_values_fit_the_tables(policy, key):
    for table in metadata.tables.values():
        columns = [column.name for column in table.columns]
        made = Boundary(policy, "dev", key).masker(table.name, columns)
        if made is not None:
            assert made.check([facts(column) for column in table.columns], 40_000) == []


def test_the_reference_data_passes_in_production(policy):
    for table in ("brands", "strains", "products", "pricing_defaults", "workflow_statuses"):
        columns = [column.name for column in metadata.tables[table].columns]
        production = Boundary(policy, "production", None)
        assert production.masker(table, columns) is None
        assert production.prover(table, columns) is not None  # texts are searched, and pass


def test_no_canary_of_a_client_survives(policy):
    row = {
        "teri_code": "WHL0001",
        "name": "Jane Canary Farms",
        "email": "canary-7f3a@real-corp.com",
        "phone": "+1 415-867-5309",
        "address": "7 Canary Row\r\nOakland, CA 94607",
        "tags": ["CANARY"],
        "custom_pricing_rules": {"contact": "canary-7f3a@real-corp.com"},
        "credit_limit_override_reason": "Jane CANARY asked",
        "wishlist": "more, says canary-7f3a@real-corp.com",
        "vip_portal_last_login": "2024-05-06 07:08:09",
    }
    came = Block("clients", 0, 1, {name: Cells((value,)) for name, value in row.items()})
    for environment, key in (("dev", None), ("test", KEY), ("staging", KEY)):
        made = Boundary(policy, environment, key).masker("clients", list(row))
        out = {name: cells.values[0] for name, cells in made.apply(came).columns.items()}
        assert out.pop("teri_code") == "WHL0001"
        shown = str(out).casefold()
        for part in ("canary", "real-corp", "867", "94607", "2024-05-06"):
            assert part not in shown


def test_the_inventory_is_the_one_of_the_policy():
    script = ROOT / "docs" / "pii_inventory.py"
    done = subprocess.run([sys.executable, script, "--check"], check=False)
    assert done.returncode == 0, "run python docs/pii_inventory.py"


def test_the_inventory_names_every_column_and_claims_nothing(policy):
    text = (ROOT / "docs" / "pii-inventory.md").read_text(encoding="utf-8")
    for table in policy.tables.values():
        for column in table.columns:
            assert re.search(rf"\b{table.name}(: .*| \([^)]*)`{column}`", text), column
    assert "anonym" not in re.sub("`[^`]*`", "", text).lower()


def test_the_boundary_stands_on_the_ground_layer_alone():
    allowed = {"errors", "settings", "rows", "masking"}
    for file in (ROOT / "terp_seed" / "masking").glob("*.py"):
        if file.name in ("boundary.py", "decisions.py", "gaps.py"):  # they meet settings and schema
            continue
        text = file.read_text(encoding="utf-8")
        assert "anonym" not in text.lower()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("terp_seed."):
                assert node.module.split(".")[1] in allowed
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.body[0].lineno < 40, node.name
