"""What the detector finds in five public schemas, by name and type alone.

Each file of tests/detector holds the columns of one schema with a label: *direct* (identifies or
reaches a person, or is a secret), *special* (a special category), *quasi* (a quasi-identifier),
*text* (prose and files, where either answer is right) or *none*.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest

from terp_seed.masking.propose import propose

SCHEMAS = sorted((Path(__file__).parent / "detector").glob("*.csv"))
BARS = {"direct": 0.95, "special": 0.95, "quasi": 0.8}
PROSE = {"free_text", "json", "file"}


def columns(schema: Path) -> Iterator[tuple[str, str, str | None]]:
    """Each column with its label and the class proposed for it."""
    with schema.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            length = int(row["length"]) if row["length"] else None
            proposal = propose(row["table"], row["column"], row["type"], length)
            yield f"{row['table']}.{row['column']}", row["label"], proposal and proposal.kind


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
@pytest.mark.parametrize("label", BARS)
def test_personal_columns_are_found(schema, label):
    found = {name: kind for name, given, kind in columns(schema) if given == label}
    missed = [name for name, kind in found.items() if kind is None]
    assert len(missed) <= (1 - BARS[label]) * len(found), missed


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.stem)
def test_other_columns_are_left_alone(schema):
    others = {name: kind for name, label, kind in columns(schema) if label == "none"}
    alarms = [name for name, kind in others.items() if kind is not None and kind not in PROSE]
    assert len(alarms) <= 0.02 * len(others), alarms


def test_the_schemas_have_enough_of_each():
    labels = [label for schema in SCHEMAS for _, label, _ in columns(schema)]
    assert len(SCHEMAS) >= 4
    assert all(labels.count(label) >= 25 for label in BARS)
