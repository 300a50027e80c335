"""Documents are masked by path, and what no path names does not slip through."""

from __future__ import annotations

import json
from base64 import b64encode
from html import escape
from urllib.parse import quote

import pytest

from terp_seed.errors import MaskingError
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.live_values import live_kinds, may_be_live
from terp_seed.masking.policy import path_steps
from terp_seed.masking.policy_file import load_policy
from terp_seed.masking.reserved import is_reserved_email
from terp_seed.rows.model import Block, Cells, Json

KEY = Key(bytes.fromhex("9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"))

ORDER = [
    {
        "displayName": "Blue Dream for Jane",
        "buyer": {
            "name": "Jane Canary",
            "email": "jane@real-corp.com",
            "phones": [4158675309, None],
        },
        "quantity": 2,
        "isSample": False,
        "note": "ring 415-867-5309",
        "jane@real-corp.com": 1,
    }
]


@pytest.fixture
def mask(tmp_path):
    def mask(entry, value, key=KEY):
        file = tmp_path / "masking.toml"
        inner = ", ".join(filter(None, ["class = 'json'", entry]))
        file.write_text(f"[tables.t]\nx = {{ {inner} }}\n", encoding="utf-8")
        masker = Boundary(load_policy(file), "dev", key).masker("t", ["x"])
        block = Block("t", 3, 4, {"x": Cells((value,))})
        return masker.apply(block).columns["x"].values[0]

    return mask


@pytest.mark.parametrize(
    ("path", "count"),
    [("$.a", 1), ("$[*].a", 2), ("$..a", 1), ('$["a b"].c', 2), ("$[0]", 1), ("$.a[*].b[2]", 4)],
)
def test_a_path_is_read(path, count):
    assert len(path_steps(path)) == count


@pytest.mark.parametrize("path", ["", "$", "a", "$a", "$.", "$[x]", "$.a b", "$[", '$[""]', ".a"])
def test_what_is_no_path_is_refused(path):
    assert path_steps(path) is None


def test_without_paths_a_document_is_emptied(mask):
    assert mask("", ORDER) == []
    assert mask("", {"a": 1}) == {}
    assert mask("", Json("text")) == Json(None)
    assert mask("strategy = 'nullify'", ORDER) is None


@pytest.mark.parametrize("value", [None, {}, [], Json(None)])
def test_the_ways_to_say_nothing_stay(mask, value):
    assert mask("paths = { '$.a' = 'email' }", value) == value


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_only_named_paths_survive_by_default(mask, key):
    paths = "paths = { '$[*].buyer.name' = 'person_name', '$[*].buyer.phones' = 'phone' }"
    (out,) = mask(paths, ORDER, key=key)
    assert set(out) == {"buyer"}
    assert set(out["buyer"]) == {"name", "phones"}
    assert out["buyer"]["name"] != "Jane Canary"
    assert str(out["buyer"]["phones"][0])[3:8] == "55501"
    assert out["buyer"]["phones"][1] is None
    assert ORDER[0]["buyer"]["name"] == "Jane Canary"


def test_a_leaf_becomes_what_its_column_becomes(mask, tmp_path):
    (out,) = mask("paths = { '$..email' = 'email' }, other = 'scrub_text'", ORDER)
    file = tmp_path / "other.toml"
    file.write_text("[tables.c]\nemail = {class='email'}")
    masker = Boundary(load_policy(file), "dev", KEY).masker("c", ["email"])
    alone = masker.apply(Block("c", 0, 1, {"email": Cells(("Jane@Real-Corp.com",))}))
    assert out["buyer"]["email"] == alone.columns["email"].values[0]
    assert out["buyer"]["email"] in out  # the key that was an address
    assert out["quantity"] == 2
    assert out["isSample"] is False
    assert "5309" not in out["note"]
    assert out["buyer"]["phones"] == [None, None]


def test_what_no_path_names_can_be_kept_with_a_reason(mask):
    (out,) = mask(
        "other = { strategy = 'keep', reason = 'r' }, paths = { '$..name' = 'person_name' }", ORDER
    )
    assert out["note"] == ORDER[0]["note"]
    assert out["buyer"]["name"] != "Jane Canary"


def test_a_path_can_be_declared_not_personal(mask):
    paths = "paths = { '$[*].quantity' = { pii = false, reason = 'an amount' } }"
    assert mask(paths, ORDER) == [{"quantity": 2}]


def test_a_named_branch_is_masked_to_its_leaves_and_its_keys(mask):
    out = mask("paths = { '$.people' = 'person_name' }", {"people": {"Jane": ["Joe", True, 3]}})
    assert list(out["people"]) == ["key_1"]
    masked = out["people"]["key_1"]
    assert masked[0] not in ("Joe", None)
    assert masked[1:] == [True, None]


def test_a_document_that_is_marked_as_one_is_masked_and_stays_marked(mask):
    out = mask("paths = { '$.a' = 'email' }", Json({"a": "x@real-corp.com", "b": 1}))
    assert isinstance(out, Json)
    assert list(out.value) == ["a"]
    assert is_reserved_email(out.value["a"])


def test_leaves_of_one_document_are_numbered_apart(mask):
    """Without a key a masked value follows from its number."""
    out = mask("paths = { '$..mail' = 'email' }", [{"mail": f"{n}@x.com"} for n in range(5)], None)
    assert len({each["mail"] for each in out}) == 5


def test_a_document_in_a_text_stays_a_text(mask):
    text = json.dumps({"notes": "ask Jane", "potency": {"thc": 21.5}})
    out = mask("paths = { '$..notes' = 'free_text' }, other = 'scrub_text'", text)
    assert json.loads(out) == {"notes": "[redacted]", "potency": {"thc": 21.5}}


@pytest.mark.parametrize(
    "text",
    ["not json", "null", '"jane@real-corp.com"', "4158675309", "{", '{"a": NaN}', "[" * 9000],
)
def test_a_text_that_is_no_document_is_replaced(mask, text):
    assert mask("paths = { '$..notes' = 'free_text' }, other = 'scrub_text'", text) == "{}"


def test_a_key_given_twice_leaves_one_masked_value(mask):
    out = mask("paths = { '$.a' = 'email' }", '{"a": "x@real-corp.com", "a": "y@real-corp.com"}')
    assert "real-corp" not in out


def test_deep_documents_are_cut_not_followed(mask):
    deep: list[object] = ["jane@real-corp.com"]
    for _ in range(400):
        deep = [deep]
    for entry in ("other = 'scrub_text'", "paths = { '$[0]' = 'email' }"):
        assert "real-corp" not in str(mask(entry, deep))


def test_keys_that_become_alike_stay_apart(mask):
    mails = {f"{letter}@real-corp.com": number for number, letter in enumerate("abcd")}
    out = mask("other = 'scrub_text'", mails, key=None)
    assert sorted(out.values()) == [0, 1, 2, 3]
    assert "real-corp" not in str(out)


def test_removed_branches_leave_no_keys(mask):
    out = mask("paths = { '$..email' = 'email' }", {"Jane": {"email": "j@real-corp.com", "x": 1}})
    assert "Jane" not in str(out)
    assert "@example.com" in str(out)


def test_what_is_no_document_is_refused(mask):
    with pytest.raises(MaskingError, match=r"t\.x, row 4: neither a document nor a text"):
        mask("paths = { '$.a' = 'email' }", 3)


def test_elements_that_no_path_names_are_gone(mask):
    out = mask("paths = { '$[0]' = 'email' }", ["jane@real-corp.com", "Jane", {"a": 1}])
    assert len(out) == 1
    assert out[0].endswith("@example.com")


LEAK = {
    "ssn": 212456789,
    "iban": "DE89370400440532013000",
    "ip": "84.17.42.9",
    "lat": 52.520008,
    "dob": "1984-03-17",
    "name": "Ann Smith",
    "customer": {"firstName": "Ann", "last": "Smith", "phone": 4158675309, "email": "a@real.de"},
    "approvedBy": "Ann Smith",
    "cards": [{"holder": "Ann Smith", "card": "4539148803436467"}],
}


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_scrubbing_hides_what_a_key_names(mask, key):
    """Numbers, IBAN, IP, dates and names: by key, whatever their shape."""
    out = mask("strategy = 'scrub_text'", LEAK, key=key)
    text = json.dumps(out)
    for part in ("212456789", "DE89", "84.17", "52.52", "1984", "Ann", "Smith", "8675309", "real"):
        assert part not in text
    assert "4539148803436467" not in text
    assert out["ssn"] is out["lat"] is out["customer"]["phone"] is None
    assert out["dob"] == out["name"] == out["approvedBy"] == "[redacted]"
    assert mask("strategy = 'scrub_text'", out, key=key) == out


def test_scrubbing_leaves_the_business_of_a_document(mask):
    item = {
        "product": {"name": "Blue Dream 3.5g", "sku": "BD-35", "price": 25.5, "isSample": False},
        "status": "packed",
        "quantity": 2,
        "createdAt": "2026-05-06T07:08:09",
        "label": "to the back door",
    }
    assert mask("strategy = 'scrub_text'", [item]) == [item]


def test_what_a_person_wrote_in_a_document_is_hidden_unless_its_path_is_scrubbed(mask):
    value = {"note": "for Jane Canary", "message": "ask Jane", "label": "to the back door"}
    hidden = {"note": "[redacted]", "message": "[redacted]", "label": "to the back door"}
    assert mask("strategy = 'scrub_text'", value) == hidden
    path = "paths = { '$.note' = { class = 'free_text', strategy = 'scrub_text' } }"
    scrubbed = mask(f"other = 'scrub_text', {path}", value)
    assert scrubbed == {**hidden, "note": "for Jane Canary"}


def test_of_a_document_with_paths_the_rest_is_removed_unless_it_says_otherwise(mask):
    paths = "strategy = 'scrub_text', paths = { '$.email' = 'email' }"
    value = {"email": "a@real-corp.com", "label": "to the back door"}
    assert list(mask(paths, value)) == ["email"]
    assert mask(f"{paths}, other = 'scrub_text'", value)["label"] == "to the back door"


# -- texts in texts


def _base64(text):
    return b64encode(text.encode()).decode()


PERSON = json.dumps({"mail": "jane@real-corp.com", "n": [1]})
NESTED = {
    "base64 of URL-escaped JSON": _base64(quote(PERSON)),
    "URL-escaped base64": quote(_base64(PERSON)),
    "HTML-escaped JSON": escape(PERSON),
    "JSON in JSON": json.dumps({"inner": PERSON}),
    "escaped JSON in JSON": json.dumps({"inner": PERSON.replace("@", "\\u0040")}),
    "base64 in JSON": json.dumps({"inner": _base64(PERSON)}),
    "base64 of JSON with base64": _base64(json.dumps({"inner": _base64(PERSON)})),
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_is_nested_in_encodings_is_found_and_scrubbed(mask_text, text):
    assert live_kinds(text) == {"email"}
    assert may_be_live(text)
    assert live_kinds(mask_text(text)) == set()
    assert "jane" not in mask_text(text)


def test_encodings_are_opened_to_a_depth_and_no_deeper():
    text = PERSON
    for _ in range(4):
        text = _base64(text)
    assert live_kinds(text) == set()
    assert live_kinds(_base64("x" * 200_000) * 3) == set()


def test_a_document_in_a_text_of_a_document_is_masked_by_its_paths(mask):
    inner = json.dumps({"mail": "jane@real-corp.com", "note": "for Jane", "qty": 2})
    out = mask("paths = { '$.inner.mail' = 'email' }, other = 'scrub_text'", {"inner": inner})
    found = json.loads(out["inner"])
    assert is_reserved_email(found["mail"])
    assert found["note"] == "[redacted]"
    assert found["qty"] == 2
    whole = mask("other = 'scrub_text', strategy = 'scrub_text'", Json(inner)).value
    assert is_reserved_email(json.loads(whole)["mail"])


@pytest.fixture
def mask_text(tmp_path):
    def mask_text(text):
        file = tmp_path / "text.toml"
        file.write_text("[tables.t]\nx = { class = 'free_text', strategy = 'scrub_text' }\n")
        masker = Boundary(load_policy(file), "dev", KEY).masker("t", ["x"])
        return masker.apply(Block("t", 0, 1, {"x": Cells((text,))})).columns["x"].values[0]

    return mask_text
