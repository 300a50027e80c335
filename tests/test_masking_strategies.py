"""What every strategy promises, for any value: shape, uniqueness, joins, never the input."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from terp_seed.errors import MaskingError
from terp_seed.masking import custom
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Key
from terp_seed.masking.policy import DATA_CLASSES, Choice, Policy
from terp_seed.masking.policy_file import load_policy
from terp_seed.masking.reserved import (
    CARDS,
    NANP_CODES,
    NETWORKS,
    NOT_GEOGRAPHIC,
    PHONES,
    TAX_NUMBERS,
    is_fictional_phone,
    is_issued_ein,
    is_issued_ssn,
    is_live_card,
    is_reserved_email,
    luhn_sum,
)
from terp_seed.masking.site import Site
from terp_seed.masking.strategies import STRATEGIES, build, list_strategies
from terp_seed.masking.substitutes import LONGEST, SUBSTITUTES, fingerprint
from terp_seed.masking.tokens import permutation
from terp_seed.rows.model import Block, Cells, Json, Lookup

KEY = Key(bytes.fromhex("9f3c1d7e5ab24806c1e7f2d93b6a80574ce91d2f7b3850a6e4c2198fd07b365a"))
OTHER = Key(bytes.fromhex("11f2a4dd0c3b9e8877665a4b3c2d1e0ff0e1d2c3b4a5968778695a4b3c2d1e0f"))

several = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="session")
def mask(tmp_path_factory):
    """Mask the values of one column of a policy entry."""
    folder = tmp_path_factory.mktemp("policies")
    policies: dict[str, Policy] = {}

    def mask(entry, values, *, key=KEY, environment="dev", start=0, subject=None, first_row=0):
        if entry not in policies:
            file = folder / f"{len(policies)}.toml"
            file.write_text(f"[tables.t]\nsubject = 'who'\nx = {{ {entry} }}\n", encoding="utf-8")
            policies[entry] = load_policy(file)
        masker = Boundary(policies[entry], environment, key).masker("t", ["x"], first_row)
        cells = {"x": Cells(tuple(values))}
        if subject is not None:
            cells["who"] = Cells(tuple(subject))
        block = Block("t", start, start + len(values), cells)
        return list(masker.apply(block).columns["x"].values)

    return mask


KNOWN = {
    'class = "email"': (
        "jane@real-corp.com",
        "u99904e4f262856b38af8@example.com",
        "uea33a5d3684a1fbd8d46@example.com",
    ),
    'class = "phone"': ("(415) 867-5309", "(989) 555-0159", "(978) 555-0159"),
    'class = "phone", unique = true': ("415-867-5309", "475-555-0151", "947-555-0168"),
    'class = "tax_id"': ("12-3456789", "96-6258486", "97-8148505"),
    'class = "license"': ("C11-0000123-LIC", "Y46-8877547-KHG", "A91-6606031-XFZ"),
    'class = "account"': (12345, 19039, 72394),
    'class = "card"': ("4539 1488 0343 6467", "0000 8038 3924 9321", "0000 9148 5058 2233"),
    'class = "network"': ("8.8.8.8", "192.0.2.19", "203.0.113.190"),
    'class = "username"': ("jane", "uyswf6tpqt2aui3iv", "u5iz2lu3ijip33dkg"),
    'class = "external_id"': (
        UUID("6c1bd5f2-2f5c-4f6e-8f0e-3a7d0c1b2a39"),
        UUID("7397593d-7f8b-4be1-a10e-58f7227ac81f"),
        UUID("ea33a5d3-684a-4fbd-8d46-41d5a1dd1d56"),
    ),
    'class = "code", strategy = "hash", length = 16': (
        "C-1",
        "e0240b9df02661f8",
        "ea33a5d3684a1fbd",
    ),
    'class = "date"': (date(2024, 5, 5), date(2024, 4, 6), date(2024, 5, 24)),
}
"""What is drawn from Faker's lists changes with them; `fingerprint` tells."""


@pytest.mark.parametrize("entry", KNOWN)
def test_a_key_gives_the_same_values_in_every_release(mask, entry):
    """Copies that are masked months apart still join; a change here is one that users must know."""
    value, keyed, by_row = KNOWN[entry]
    assert mask(entry, [value], subject=["s"]) == [keyed]
    assert mask(entry, [value], key=None, start=7, subject=["s"]) == [by_row]


# -- every class with its default strategy

TEXT_CLASSES = sorted(
    kind.name
    for kind in DATA_CLASSES.values()
    if kind.name not in ("date", "amount", "json") and kind.strategy != "nullify"
)
texts = st.text(min_size=1, max_size=60).filter(lambda text: text.strip())
awkward = st.one_of(
    texts,
    st.sampled_from(
        [
            "O'Brien",
            "Robert'); DROP TABLE clients;--",
            "ends in a backslash\\",
            "%s {name} :param",
            "a\x00b",
            "\ud800",
            "🧑\u200d🌾",
            "\u202ejane\u202c",
            "ﬁ",
            "NULL",
            "[redacted]",
            "[removed]",
            "x" * 5000,
            "line\r\nline\nline",
        ]
    ),
)


@pytest.mark.parametrize("kind", TEXT_CLASSES)
@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
@several
@given(value=awkward, start=st.integers(0, 40_000))
def test_a_masked_value_is_never_the_input(mask, kind, key, value, start):
    entry = f'class = "{kind}"'
    try:
        (out,) = mask(entry, [value], key=key, start=start)
    except MaskingError:
        assert DATA_CLASSES[kind].strategy == "tokenise"  # a character that it cannot keep
        return
    assert out != value
    assert isinstance(out, str)
    assert out.isascii()
    assert (out,) == tuple(mask(entry, [value], key=key, start=start))


@pytest.mark.parametrize("kind", [k for k in TEXT_CLASSES if DATA_CLASSES[k].strategy != "redact"])
@several
@given(value=texts)
def test_another_key_gives_another_value(mask, kind, value):
    if kind == "iban":
        value = "DE89370400440532013000"
    try:
        pairs = {
            tuple(mask(f'class = "{kind}"', [value, value + "7"], key=k)) for k in (KEY, OTHER)
        }
    except MaskingError:
        assume(False)
    room = 26 if DATA_CLASSES[kind].strategy == "tokenise" and len(value) < 6 else 10**6
    assert len(pairs) == 2 or room == 26 or kind in ("network", "first_name", "last_name")


@pytest.mark.parametrize("kind", sorted(DATA_CLASSES))
@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_null_and_blank_stay(mask, kind, key):
    values = [None, "", "   ", "\t"]
    subject = ["a"] * 4 if kind == "date" else None
    assert mask(f'class = "{kind}"', values, key=key, subject=subject) == values


def test_falsy_values_are_not_taken_for_missing(mask):
    assert mask('class = "account"', [0, "0"])[1] != "0"
    assert mask('class = "account"', [0])[0] in range(1, 10)
    for value in (False, 0.0, float("nan"), Decimal(0)):
        with pytest.raises(MaskingError, match=r"t\.x, row 1: "):
            mask('class = "account"', [value])


@pytest.mark.parametrize(
    "value", [b"x", bytearray(b"x"), True, 1.5, object(), [1], {"a": 1}, Lookup("t", ())]
)
@pytest.mark.parametrize("kind", ["email", "phone", "org_name", "tax_id"])
@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_a_kind_of_value_that_does_not_fit_is_refused(mask, kind, key, value):
    with pytest.raises(MaskingError, match=r"t\.x, row 2: "):
        mask(f'class = "{kind}"', [None, value], key=key)


# -- one spelling for one value


@pytest.mark.parametrize(
    ("kind", "spellings"),
    [
        (
            "email",
            [" Jane@X.com ", "jane@x.com", "JANE@X.COM", "\uff4aane@x.com"],
        ),
        ("email", ["jane@x.com", "ja\u200bne@x.com"]),
        ("email", ["\u00c9va@x.com", "E\u0301va@x.com", "éva@x.com"]),
        ("email", ["ﬁn@x.com", "fin@x.com"]),
        ("person_name", ["Jane  Doe", "jane doe", " JANE\tDOE "]),
        ("postal_address", ["1 Main St\r\nOakland", "1 main st oakland"]),
        ("tax_id", ["12-3456789", "123456789 ", "12 3456789"]),
    ],
)
def test_spellings_of_one_value_become_one_pseudonym(mask, kind, spellings):
    outs = mask(f'class = "{kind}"', spellings)
    digits = {re.sub(r"\D", "", out) if kind == "tax_id" else out for out in outs}
    assert len(digits) == 1


def test_spellings_of_one_telephone_number_become_one_number(mask):
    spellings = [
        "+1 (415) 867-5309",
        "4158675309",
        "415.867.5309",
        "+1-415-867-5309 x12",
        4158675309,
    ]
    spellings += ["\uff14\uff11\uff15-867-5309", "14158675309"]
    numbers = {re.sub(r"\D", "", str(out))[-10:] for out in mask('class = "phone"', spellings)}
    assert len(numbers) == 1


@pytest.mark.parametrize(
    "odd",
    [
        "jane+tag@x.com",
        '"a b"@x.com',
        "a@b@c.com",
        "no-at-sign",
        "@x.com",
        "x" * 308 + "@example.com",
        "пример@пример.рф",
        "x@xn--e1afmkfd.xn--p1ai",
        "u00112233445566778899@example.com",
    ],
)
def test_any_text_becomes_an_address_on_a_reserved_domain(mask, odd):
    for key in (KEY, None):
        (out,) = mask('class = "email"', [odd], key=key)
        assert is_reserved_email(out)
        assert len(out) <= 40
        assert out != odd


# -- reserved ranges


def test_there_are_45100_fictional_telephone_numbers():
    numbers = {PHONES.digits(number) for number in range(PHONES.size)}
    assert len(numbers) == PHONES.size == 45_100
    assert all(is_fictional_phone(number) for number in numbers)
    assert not set(NANP_CODES) & NOT_GEOGRAPHIC
    assert all(len(code) == 3 and code[0] > "1" and code[1:] != "11" for code in NANP_CODES)


@given(st.integers(0, TAX_NUMBERS.size - 1), st.integers(0, CARDS.size - 1), st.integers(0, 761))
@example(0, 0, 0)
@example(TAX_NUMBERS.size - 1, CARDS.size - 1, 761)
def test_reserved_numbers_are_nobodys(tax, card, network):
    digits = TAX_NUMBERS.digits(tax)
    assert not is_issued_ein(digits[:2])
    assert not is_issued_ssn(digits[:3], digits[3:5], digits[5:])
    assert not is_live_card(CARDS.digits(card))
    assert NETWORKS.digits(network).startswith(("192.0.2.", "198.51.100.", "203.0.113."))


def test_a_made_card_number_has_a_wrong_check_digit_whoever_its_issuer():
    """Nobody's issuer, and malformed as well: a shop's form refuses it."""
    for number in range(0, 1000, 7):
        digits = CARDS.digits(number)
        assert luhn_sum(digits) % 10 != 0
        assert int(digits[:-1]) == number
    assert luhn_sum("4539148803436467") == 80
    assert luhn_sum("79927398713") == 70


@pytest.mark.parametrize(
    ("digits", "live"),
    [
        ("4222222222222", True),
        ("422222222222", False),
        ("4000000000000000006", True),
        ("40000000000000000002", False),
        ("1000000000000008", False),
    ],
)
def test_a_card_has_13_to_19_digits_and_an_issuer(digits, live):
    assert (luhn_sum(digits) % 10 == 0) is True
    assert is_live_card(digits) is live


def test_tax_numbers_fill_their_prefixes():
    assert TAX_NUMBERS.digits(0) == "960000000"
    assert TAX_NUMBERS.digits(1_234_567) == "962234567"
    assert TAX_NUMBERS.digits(TAX_NUMBERS.size - 1) == "979499999"


def test_a_domain_may_end_in_its_dot():
    assert is_reserved_email("jane@example.com.")
    assert not is_reserved_email("jane@real-corp.com.")


def test_numbers_of_a_range_are_different():
    step = 997
    assert len({TAX_NUMBERS.digits(n) for n in range(0, TAX_NUMBERS.size, step)}) == -(
        -TAX_NUMBERS.size // step
    )
    assert len({NETWORKS.digits(n) for n in range(NETWORKS.size)}) == NETWORKS.size


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("(415) 867-5309", r"\(\d{3}\) 555-01\d\d"),
        ("415-867-5309", r"\d{3}-555-01\d\d"),
        ("4158675309", r"\d{3}55501\d\d"),
        ("+1 (415) 867-5309", r"\+1 \(\d{3}\) 555-01\d\d"),
        ("+1 (415) 555-2671 x12", r"\+1-\d{3}-555-01\d\d"),
        ("00 49 30 901820", r"\+1-\d{3}-555-01\d\d"),
        ("+44 7700 900123", r"\+1-\d{3}-555-01\d\d"),
        ("555-0123", r"\+1-\d{3}-555-01\d\d"),
        ("1-800-FLOWERS", r"\+1-\d{3}-555-01\d\d"),
        ("junk junk junk junk junk junk!", r"\+1-\d{3}-555-01\d\d"),
        ("#415#867#5309", r"\+1-\d{3}-555-01\d\d"),
        ("(212) 555-0142", r"\(\d{3}\) 555-01\d\d"),
    ],
)
@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_a_telephone_number_keeps_its_layout_where_it_has_one(mask, key, value, shape):
    (out,) = mask('class = "phone"', [value], key=key)
    assert re.fullmatch(shape, out)
    assert is_fictional_phone(re.sub(r"\D", "", out))


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
@pytest.mark.parametrize("unique", ["", ", unique = true"])
def test_a_number_that_is_already_fictional_still_changes(mask, key, unique):
    values = [f"{PHONES.digits(number)}" for number in range(0, 22_550)]
    outs = mask(f'class = "phone"{unique}', values, key=key)
    assert all(out != value for out, value in zip(outs, values, strict=True))


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        ("12-3456789", r"9[67]-\d{7}"),
        ("123-45-6789", r"9[67]\d-[0-4]\d-\d{4}"),
        ("123456789", r"9[67]\d[0-4]\d{5}"),
        ("000-12-3456", r"9[67]\d-[0-4]\d-\d{4}"),
        ("GB 999 9999 73", r"9[67]-\d{7}"),
        (12345678, r"9[67]\d{7}"),
    ],
)
def test_a_tax_number_is_never_an_issued_one(mask, value, shape):
    (out,) = mask('class = "tax_id"', [value])
    assert re.fullmatch(shape, str(out))
    assert type(out) is type(value)


def test_a_card_number_is_nobodys(mask):
    (out,) = mask('class = "card"', ["4539 1488 0343 6467"])
    assert re.fullmatch(r"0000 \d{4} \d{4} \d{4}", out)


def test_a_layout_may_be_given(mask):
    assert re.fullmatch(r"\d{3}55501\d\d", mask('class="phone", layout="##########"', ["+1 x"])[0])


# -- unique by construction


def test_every_fictional_number_is_used_once_and_then_no_more(mask):
    values = [f"415-867-{number}" for number in range(45_100)]
    for key in (KEY, None):
        outs = mask('class = "phone", unique = true', values, key=key)
        assert len(set(outs)) == 45_100
        with pytest.raises(MaskingError, match=r"t\.x, row 45101: only 45,100"):
            mask('class = "phone", unique = true', ["415-867-5309"], key=key, start=45_100)


def test_later_imports_go_on_where_earlier_ones_ended(mask):
    entry, values = 'class = "phone", unique = true', ["415-867-5309"] * 50
    first = mask(entry, values)
    again = mask(entry, values, first_row=50)
    assert len({*first, *again}) == 100


def test_a_hundred_thousand_addresses_stay_different(mask):
    values = [f"person{number}@real-corp.com" for number in range(100_000)]
    for key in (KEY, None):
        assert len(set(mask('class = "email"', values, key=key))) == 100_000


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_a_unique_name_stays_unique(mask, key):
    values = [f"Client {number}" for number in range(20_000)]
    outs = mask('class = "org_name", unique = true', values, key=key)
    assert len(set(outs)) == 20_000


shaped = st.text("0123456789ABCXYZabcxyz-/. ", min_size=1, max_size=20).filter(
    lambda text: any(char.isalnum() for char in text)
)


@several
@given(values=st.lists(shaped, min_size=1, max_size=30))
def test_tokenise_keeps_length_and_alphabet_and_is_one_to_one(mask, values):
    outs = mask('class = "license"', values)
    kinds = (str.isdigit, str.isupper, str.islower)
    for value, out in zip(values, outs, strict=True):
        stripped = value.strip()
        assert len(out) == len(stripped)
        assert out != stripped
        for before, after in zip(stripped, out, strict=True):
            assert [is_kind(before) for is_kind in kinds] == [is_kind(after) for is_kind in kinds]
            assert before.isalnum() or before == after
    distinct = {value.strip().lower() for value in values}
    assert len({out.lower() for out in outs}) == len(distinct)


@pytest.mark.parametrize("size", [10, 100, 1000, 10_000])
def test_tokenise_is_a_permutation_of_a_whole_domain(mask, size):
    values = [f"{number:0{len(str(size)) - 1}d}" for number in range(size)]
    outs = mask('class = "account"', values)
    assert set(outs) == set(values)
    assert all(out != value for out, value in zip(outs, values, strict=True))
    numbers = list(range(size // 10 if size > 10 else 0, size))
    assert set(mask('class = "account"', numbers)) == set(numbers)


def test_a_short_code_is_never_itself_however_many_rows_have_it(mask):
    """Where the drawn code would be the value, the next one is taken."""
    outs = mask('class = "license"', ["Z"] * 300, key=None)
    assert set(outs) == set("ABCDEFGHIJKLMNOPQRSTUVWXY")
    assert set(mask('class = "license"', [7] * 100, key=None)) == set(range(10)) - {7}


def test_101_rows_in_a_domain_of_100(mask):
    entry = 'class = "account", unique = true'
    outs = mask(entry, [f"{number:02d}" for number in range(50)], key=None)
    assert len(set(outs)) == 50
    with pytest.raises(MaskingError, match=r"row 101: only 100"):
        mask(entry, ["17"], key=None, start=100)


@pytest.mark.parametrize("value", ["Žižek-12", "a\x00b", "🧑", "---", "x" * 129, True, -5])
def test_tokenise_refuses_what_it_cannot_keep(mask, value):
    with pytest.raises(MaskingError, match=r"t\.x, row 1: ") as caught:
        mask('class = "license"', [value])
    assert str(value) not in str(caught.value)


@pytest.mark.parametrize("size", [2, 3, 17, 100, 762, 45_100, 65_536, 65_537, 70_001])
def test_a_permutation_is_one_to_one_without_a_fixed_point(size):
    move = permutation(b"k" * 32, size)
    moved = [move(number) for number in range(size)]
    assert set(moved) == set(range(size))
    assert all(after != before for before, after in enumerate(moved))
    other = permutation(b"l" * 32, size)
    assert size < 20 or moved != [other(number) for number in range(size)]


@given(st.integers(65_537, 10**40), st.data())
def test_a_large_permutation_stays_inside_and_moves_everything(size, data):
    move = permutation(b"k" * 32, size)
    numbers = data.draw(st.sets(st.integers(0, size - 1), min_size=2, max_size=20))
    moved = {move(number) for number in numbers}
    assert len(moved) == len(numbers)
    assert all(0 <= number < size for number in moved)
    assert all(move(number) != number for number in numbers)


def test_a_domain_of_one_cannot_be_permuted():
    with pytest.raises(ValueError, match="one value"):
        permutation(b"k", 1)


# -- the other strategies


def test_substitutes_look_like_what_they_stand_for(mask):
    assert re.fullmatch(r"\w+ \w+ [\w ]+", mask('class = "org_name"', ["Jane's Farm"])[0])
    assert re.fullmatch(r"\w+ \w+", mask('class = "person_name"', ["x"])[0])
    assert mask('class = "postal_address"', ["only 94607"])[0].split(", ")[2].startswith("ZZ 000")


@pytest.mark.parametrize("kind", sorted(SUBSTITUTES))
def test_substitutes_are_short_ascii_and_even(mask, kind):
    outs = mask(f'class = "{kind}"', [f"value {number}" for number in range(30_000)])
    assert max(map(len, outs)) <= LONGEST[kind]
    assert all(out.isascii() for out in outs)
    counts = Counter(outs if "_name" in kind and kind[0] in "fl" else [o.split()[0] for o in outs])
    if len(counts) == 512:
        mean = len(outs) / 512
        assert sum((count - mean) ** 2 / mean for count in counts.values()) < 700


def test_each_part_of_an_address_varies(mask):
    """As many towns as there are in the pool, and all codes of no post office."""
    outs = mask('class = "postal_address"', [f"value {number}" for number in range(4000)])
    numbers, towns, codes = zip(*[out.split(", ") for out in outs], strict=True)
    assert len(set(towns)) > 480
    assert set(codes) == {f"ZZ 000{number:02d}" for number in range(64)}
    assert len({number.split()[0] for number in numbers}) > 2000


def test_a_client_who_is_called_like_the_substitute_gets_another(mask):
    (name,) = mask('class = "org_name"', ["Jane's Farm"])
    names = [name]
    for _ in range(50):
        names.append(mask('class = "org_name"', [names[-1]])[0])
    assert all(after != before for before, after in pairwise(names))


@pytest.mark.parametrize("kind", ["first_name", "last_name"])
@pytest.mark.parametrize("key", [KEY, OTHER, None], ids=["one", "other", "by row"])
def test_a_whole_pool_is_masked_to_other_values(mask, kind, key):
    entry = f'class = "{kind}"'
    pool = sorted(set(mask(entry, [f"person {number}" for number in range(9000)])))
    outs = mask(entry, pool, key=key)
    assert len(pool) == 512
    assert all(out != value for out, value in zip(outs, pool, strict=True))


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_masking_the_masked_changes_them_again_and_keeps_them_apart(mask, key):
    entry = 'class = "phone", unique = true'
    once = mask(entry, [f"415-867-{number}" for number in range(22_550)], key=key)
    twice = mask(entry, once, key=key)
    assert all(after != before for before, after in zip(once, twice, strict=True))
    assert len(set(twice)) == 22_550
    (last,) = mask(entry, ["x"], key=key, start=45_099)
    with pytest.raises(MaskingError, match="would be the value itself"):
        mask(entry, [last], key=key, start=45_099)
    again = mask('class = "phone"', once, key=key)
    assert all(after != before for before, after in zip(once, again, strict=True))


@pytest.mark.parametrize(
    ("value", "shape"),
    [("10.1.2.3", r"(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+"), ("2001:db9::1", r"[\d.]+")],
)
def test_an_address_becomes_one_of_a_documentation_network(mask, value, shape):
    assert re.fullmatch(shape, mask('class = "network"', [value])[0])
    with pytest.raises(MaskingError, match="makes text"):
        mask('class = "network"', [3232235777])


def test_the_pools_have_a_fingerprint():
    assert re.fullmatch(r"[0-9a-f]{16}", fingerprint())
    assert fingerprint() == fingerprint()


@pytest.mark.parametrize(
    ("entry", "value", "shape"),
    [
        ('class="username"', "jane", "u[a-z2-7]{16}"),
        ('class="code", prefix="CUST-"', "WHL0001", "CUST-[a-z2-7]{16}"),
        ('class="email", strategy="hash"', "jane@x.com", "[0-9a-f]{64}"),
        ('class="email", strategy="hash", length=16', "jane@x.com", "[0-9a-f]{16}"),
        ('class="credential", strategy="redact", marker="!"', "hunter2", "!"),
    ],
)
def test_pseudonyms_have_a_fixed_shape(mask, entry, value, shape):
    assert re.fullmatch(shape, mask(entry, [value])[0])


def test_a_uuid_stays_a_uuid(mask):
    value = UUID(int=7)
    (out,) = mask('class = "external_id"', [value])
    assert isinstance(out, UUID)
    assert out != value


def test_nullify_and_redact_by_type(mask):
    assert mask('class = "credential"', ["hunter2", b"x", 3]) == [None] * 3
    values = ["x", {"a": 1}, [1], Json({"a": 1}), Json(None), b"x"]
    assert mask('class = "free_text"', values) == ["[redacted]", {}, [], {}, Json(None), b""]
    with pytest.raises(MaskingError, match="redact makes text"):
        mask('class = "free_text"', [3])


days = st.dates(date(2, 1, 1), date(9998, 1, 1)) | st.sampled_from(
    [date(1970, 1, 1), date(1970, 1, 5), date(1969, 12, 31), date(2038, 1, 19), date(2000, 2, 29)]
)


@several
@example(dates=[date(1970, 1, 5), date(2000, 1, 1)], span=30)
@given(dates=st.lists(days, min_size=2, max_size=5), span=st.integers(1, 400))
def test_date_shift_keeps_intervals_within_a_subject(mask, dates, span):
    entry = f'class = "date", days = {span}'
    outs = mask(entry, dates, subject=["one"] * len(dates))
    shifts = {out - day for out, day in zip(outs, dates, strict=True)}
    assert len(shifts) == 1
    assert 1 <= abs(min(shifts).days) <= span
    texts_out = mask(entry, [day.isoformat() for day in dates], subject=["one"] * len(dates))
    assert texts_out == [out.isoformat() for out in outs]


def test_date_shift_uses_all_of_its_days_and_no_other(mask):
    day = date(2024, 5, 5)
    outs = mask('class = "date", days = 3', [day] * 200, subject=range(200))
    assert {(out - day).days for out in outs} == {-3, -2, -1, 1, 2, 3}
    outs = mask('class = "date"', [day] * 2000, subject=range(2000))
    assert {abs((out - day).days) for out in outs} == set(range(1, 31))


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_all_date_columns_of_a_table_shift_alike_for_one_subject(tmp_path, key):
    """Or the time between two of them would not stay."""
    file = tmp_path / "masking.toml"
    file.write_text("[tables.t]\nsubject = 'who'\nx = { class = 'date' }\ny = { class = 'date' }\n")
    day, many = date(2024, 5, 5), range(40)
    cells = {name: Cells([day] * 40) for name in ("x", "y")} | {"who": Cells([*many])}
    masker = Boundary(load_policy(file), "dev", key).masker("t", ["x", "y"])
    masked = masker.apply(Block("t", 0, 40, cells)).columns
    assert list(masked["x"].values) == list(masked["y"].values)
    assert len(set(masked["x"].values)) > 10


def test_date_shift_by_kind_of_date(mask):
    moment = datetime(2024, 2, 29, 23, 59, 59, 123456)
    values = [
        moment,
        moment.replace(tzinfo=UTC),
        "2024-02-29 23:59:59.123456",
        "2024-02-29T23:59:59",
    ]
    outs = mask('class = "date"', values, subject=["s"] * 4)
    step = outs[0] - moment
    assert step % timedelta(days=1) == timedelta(0)
    assert outs[1] - values[1] == step
    assert outs[2] == outs[0].isoformat(sep=" ")
    assert outs[3] == outs[0].replace(microsecond=0).isoformat()


def test_subjects_are_shifted_apart_and_alike_for_every_kind_of_key(mask):
    day = date(2024, 5, 5)
    who = [1, "1", 2, "three", Lookup("clients", (("code", "x"),)), None]
    outs = mask('class = "date", days = 3000', [day] * 6, subject=who)
    assert outs[0] == outs[1]
    assert len(set(outs)) == 5
    assert outs == mask('class = "date", days = 3000', [day] * 6, subject=who)


@pytest.mark.parametrize("edge", [date.max, date.min, datetime.max, datetime.min])
def test_date_shift_stays_in_the_calendar(mask, edge):
    for who in range(40):
        (out,) = mask('class = "date", days = 30', [edge], subject=[who])
        assert out != edge


@pytest.mark.parametrize("value", ["yesterday", "2024-13-01", 20240101, "2024-01-01 25:00:00"])
def test_date_shift_refuses_what_is_no_date(mask, value):
    with pytest.raises(MaskingError, match=r"row 1: neither a date") as caught:
        mask('class = "date"', [value], subject=["s"])
    assert str(value) not in str(caught.value)
    assert caught.value.__context__ is None


def test_date_shift_without_its_subject(mask):
    with pytest.raises(MaskingError, match="without the column who that it needs"):
        mask('class = "date"', [date(2024, 1, 1)])
    (out,) = mask('class = "date"', [date(2024, 1, 1)], key=None)
    assert out != date(2024, 1, 1)


@pytest.mark.parametrize(
    ("entry", "value", "expected"),
    [
        ('class="date", strategy="generalise"', date(1984, 5, 6), date(1984, 1, 1)),
        ('class="date", strategy="generalise", to="month"', "1984-05-06", "1984-05-01"),
        (
            'class="date", strategy="generalise", to="month"',
            datetime(1984, 5, 6, 7, 8),
            datetime(1984, 5, 1),
        ),
        ('class="date", strategy="generalise"', datetime(1984, 5, 6, 7), datetime(1984, 1, 1)),
        ('class="date", strategy="generalise"', "1984-05-06 07:08:09", "1984-01-01 00:00:00"),
        ('class="amount"', Decimal("12345.67"), Decimal("12000.00")),
        ('class="amount", band=50', 149, 100),
        ('class="amount", band=50', 149.5, 100.0),
        ('class="postal_address", strategy="generalise", to="prefix"', "94607-12", "94600-00"),
        ('class="code", strategy="generalise", to="prefix", first=1', "AB1", "A*0"),
    ],
)
def test_generalise(mask, entry, value, expected):
    assert mask(entry, [value]) == [expected]


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ('class="amount"', Decimal("NaN")),
        ('class="amount"', float("inf")),
        ('class="amount"', "12.5"),
        ('class="amount"', True),
        ('class="date", strategy="generalise"', "soon"),
        ('class="date", strategy="generalise"', 7),
        ('class="code", strategy="generalise", to="prefix"', 7),
    ],
)
def test_generalise_refuses_what_it_cannot_place(mask, entry, value):
    with pytest.raises(MaskingError, match=r"row 1: "):
        mask(entry, [value])


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("C11-0000123", "C**-*****23"),
        ("jane@x.com", "j***@*.*om"),
        ("abcdefg", "a****fg"),
        ("abcdef", "******"),
        ("ab", "**"),
    ],
)
def test_partial_shows_the_ends_in_staging(mask, value, expected):
    entry = 'class = "account", staging = { strategy = "partial" }'
    assert mask(entry, [value], environment="staging") == [expected]


@pytest.mark.parametrize(
    ("ends", "value", "expected"),
    [
        ("first = 0, last = 1", "abcd", "****"),
        ("first = 0, last = 1", "abcde", "****e"),
        ("first = 4, last = 3", "abcdefghijklm", "*************"),
        ("first = 4, last = 3", "abcdefghijklmn", "abcd*******lmn"),
        ("first = 0, last = 0", "abc", "***"),
        ("first = 2, last = 0", "Özgürç", "Öz****"),
    ],
)
def test_partial_hides_at_least_as_much_as_it_shows_and_four(mask, ends, value, expected):
    entry = f'class = "account", staging = {{ strategy = "partial", {ends} }}'
    assert mask(entry, [value], environment="staging") == [expected]


def test_partial_refuses_what_it_cannot_hide(mask):
    entry = 'class = "account", staging = { strategy = "partial", first = 0, last = 0 }'
    with pytest.raises(MaskingError, match="nothing in it to hide"):
        mask(entry, ["---"], environment="staging")


def test_scrub_text_replaces_what_has_a_shape_and_keeps_the_rest(mask):
    text = (
        "Jane wrote from jane@real-corp.com (cc mailto:o@shop.test), rang 415-867-5309 or "
        "4158675309, paid 4539 1488 0343 6467, SSN 078-05-1120, EIN 12-3456789."
    )
    (by_row,) = mask('class = "free_text", strategy = "scrub_text"', [text], key=None)
    assert by_row == (
        "Jane wrote from [e-mail] (cc mailto:o@shop.test), rang [phone] or [phone], "
        "paid [card], SSN [tax id], EIN [tax id]."
    )
    (keyed,) = mask('class = "free_text", strategy = "scrub_text"', [text])
    (email,) = mask('class = "email"', ["jane@real-corp.com"])
    (phone,) = mask('class = "phone"', ["415-867-5309"])
    assert email in keyed
    assert phone in keyed
    for part in ("real-corp", "5309", "6467", "078-05", "3456789"):
        assert part not in keyed + by_row
    plain = "delivery on Tuesday, 12 lb at 1,200.00, BATCH-001001"
    assert mask('class = "free_text", strategy = "scrub_text"', [plain]) == [plain]


@pytest.mark.parametrize(
    ("text", "scrubbed"),
    [
        ('say "a b"@real-corp.com now', "say [e-mail] now"),
        ('"a"@real-corp.com', "[e-mail]"),
        ('the "x" y@real-corp.com', 'the "x" [e-mail]'),
        ("@all: y@real-corp.com", "@all: [e-mail]"),
    ],
)
def test_scrub_text_takes_an_address_as_a_whole(mask, text, scrubbed):
    assert mask('class = "free_text", strategy = "scrub_text"', [text], key=None) == [scrubbed]


@several
@given(st.text(max_size=200))
def test_scrubbing_twice_finds_nothing_more(mask, text):
    entry = 'class = "free_text", strategy = "scrub_text"'
    once = mask(entry, [text + " jane@real-corp.com 415-867-5309"])
    assert mask(entry, once) == once


# -- a project's own strategy


def test_a_projects_own_strategy(mask):
    @custom("initials", length=3)
    def initials(value, digest):
        return f"{value[0]}.{digest[0] % 10}"

    entry = 'class = "person_name", strategy = "custom:initials"'
    assert re.fullmatch(r"J\.\d", mask(entry, ["Jane"])[0])
    assert mask(entry, ["Jane"]) == mask(entry, [" jane", "Jane"])[1:]
    assert mask(entry, ["Jane"], key=None, start=5) == mask(entry, ["Jane"], key=None, start=5)


def test_a_projects_strategy_is_distinct_and_short_only_if_it_says_so():
    """What it declares decides which columns it may fill."""
    custom("same", length=4)(lambda value, digest: "same")
    custom("apart", distinct=True, length=9)(lambda value, digest: digest[:4].hex())
    custom("endless")(lambda value, digest: digest.hex())

    def made(name):
        return build(Site("t.x", DATA_CLASSES["code"], Choice(f"custom:{name}"), KEY, "code"))

    assert [made(name).distinct for name in ("same", "apart", "endless")] == [False, True, False]
    assert [made(name).length for name in ("same", "apart", "endless")] == [4, 9, None]
    assert list_strategies()["custom:same"].keyed


def test_a_hash_is_distinct_and_as_long_as_it_says(mask):
    for options, length in (("", 64), (", length = 16", 16)):
        (out,) = mask(f'class = "code", strategy = "hash"{options}', ["C-1"])
        assert re.fullmatch(rf"[0-9a-f]{{{length}}}", out)
    site = Site("t.x", DATA_CLASSES["code"], Choice("hash", {"length": 16}), KEY, "code")
    assert build(site).distinct
    assert build(site).length == 16
    assert build(replace(site, choice=Choice("hash"))).length == 64
    assert build(replace(site, key=None)).distinct


def test_what_keeps_a_part_of_a_value_may_be_more_than_ascii():
    """The preflight asks: a column of another character set must hold what is kept."""
    for strategy, ascii_only in (("partial", False), ("scrub_text", False), ("hash", True)):
        site = Site("t.x", DATA_CLASSES["free_text"], Choice(strategy), KEY, "x")
        assert build(site).ascii is ascii_only


@pytest.mark.parametrize("key", [KEY, None], ids=["keyed", "by row"])
def test_what_a_projects_strategy_raises_or_returns_never_shows(mask, key):
    @custom("broken")
    def broken(value, digest):
        raise ValueError(f"cannot mask {value}")

    @custom("lazy")
    def lazy(value, digest):
        return value

    for name in ("broken", "lazy"):
        with pytest.raises(MaskingError, match=r"t\.x, row 8: ") as caught:
            mask(f'class="code", strategy="custom:{name}"', [None, "JANE-CANARY"], key=key, start=6)
        error = caught.value
        assert error.__cause__ is None
        assert error.__context__ is None
        assert "CANARY" not in f"{error} {error!r}"


def test_every_strategy_has_the_fields_name():
    assert set(STRATEGIES) == {
        *("keep", "nullify", "redact", "substitute", "pseudonymise", "tokenise", "generalise"),
        *("date_shift", "hash", "partial", "scrub_text", "noise", "shuffle", "constant"),
    }
    assert Choice("keep").options == {}
