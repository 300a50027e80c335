"""What of an original is remembered, and in what texts it is recognised."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import pytest
from production import KEY, OTHER_KEY

from terp_seed.mask_database.originals import Known, Originals
from terp_seed.masking.keys import Key
from terp_seed.rows.model import Value


def key(text: str = KEY) -> Key:
    """The masking key of a text."""
    made = Key.from_environment({"TERP_SEED_MASK_KEY": text})
    assert made is not None
    return made


def remembered(kind: str, *before: Value, after: Sequence[Value] = ()) -> set[int]:
    return Originals(key()).digests(kind, before, after or [None] * len(before))


def recognised(kind: str, original: Value, text: str) -> bool:
    """Whether a text gives the original away."""
    known = Known([array("Q", sorted(remembered(kind, original)))])
    return any(number in known for number in Originals(key()).in_text(text))


@pytest.mark.parametrize(
    ("kind", "original", "there"),
    [
        ("person_name", "J Doe", False),  # of 5 characters
        ("person_name", "Jo Doe", True),
        ("person_name", "Canaryfamilynam", False),  # a single word, of 15 letters
        ("person_name", "Canaryfamilyname", True),
        ("code", "A-1234", True),
        ("code", "CANARY", False),
        ("code", 123456, True),
        ("code", 12345, False),
        ("code", True, False),
        ("email", "a@b.de", True),
        ("email", "jane@example.com", False),  # nobody's
        ("phone", "+1 415-555-0123", False),
        ("phone", "+1 415-867-5309", True),
        ("phone", "no number", True),
        ("org_name", "jane@example.com", True),  # no address of this column's kind
        ("date", "2001-02-03 04:05", False),
        ("amount", "12345.67", False),
        ("json", {"a": "Jane Canary"}, True),
        ("json", {"a": 7}, False),
        ("free_text", "half a pair: \ud800", True),
        ("code", None, False),
    ],
)
def test_what_is_remembered(kind: str, original: Value, there: bool) -> None:
    assert len(remembered(kind, original)) == there
    assert remembered(kind, original, after=[original]) == set()


@pytest.mark.parametrize(
    ("kind", "original", "text", "found"),
    [
        ("person_name", "Jane Canary", "JANE  Canary, called", True),
        ("person_name", "Jane Canary", "Jane M Canary", False),
        ("person_name", "one two three four", "or one two three four", True),
        ("person_name", "one two three four five", "one two three four, and more", True),
        ("person_name", "one two three four", "one two three", False),
        ("free_text", "she met him", "she met him", True),
        ("free_text", "she met him", "SHE  met him.", True),
        ("free_text", "she met him", "how she met him", False),  # only as a whole
        ("free_text", "one two three four five", "one two three four", False),
        ("json", {"a": "Jane Canary"}, "Jane Canary", True),
        ("email", "jane@real-corp.com", "write to <jane@real-corp.com>!", True),
    ],
)
def test_where_it_is_recognised(kind: str, original: Value, text: str, found: bool) -> None:
    assert recognised(kind, original, text) == found


def test_of_a_document_what_stayed_is_no_original() -> None:
    before, after = {"a": "Jane Canary", "b": "at the desk"}, {"a": "Mr Other", "b": "at the desk"}
    assert remembered("json", before, after=[after]) == remembered("json", "Jane Canary")


def test_each_value_is_remembered_once_and_under_its_key() -> None:
    one = Originals(key())
    first = one.digests("org_name", ["Canary Co", "CANARY  co", "Canary Co"], [None] * 3)
    assert len(first) == 1
    assert first == {0x1C1744083931564E}  # what older releases remembered is recognised
    assert one.digests("org_name", ["Canary Co"], ["x"]) == first  # from memory
    assert one.digests("org_name", [None, "same", "Canary Co"], [None, "same", "x"]) == first
    assert one.digests("code", ["12345"], ["x"]) == one.digests("code", ["12345"], ["x"]) == set()
    assert one.digests("free_text", ["Canary Co"], ["x"]).isdisjoint(first)
    assert Originals(key(OTHER_KEY)).digests("org_name", ["Canary Co"], ["x"]).isdisjoint(first)


def test_the_digests_of_all_blocks_are_known_once_each() -> None:
    top = 1 << 56
    known = Known([array("Q", [5, top + 1, 255 * top, 2**64 - 1]), array("Q", [3, 5])])
    assert len(known) == 5
    assert all(number in known for number in (3, 5, top + 1, 255 * top, 2**64 - 1))
    assert not any(number in known for number in (0, 4, 6, top, top + 2, 254 * top + 5))
