from __future__ import annotations

import re

import pytest
from terp_harness import described, seeded


@pytest.fixture(scope="module")
def large():
    with seeded("large", names=["catalogue", "clients"]) as database:
        yield database


@pytest.fixture(scope="module")
def small():
    with seeded("small", names=["catalogue", "clients"]) as database:
        yield database


def test_counts(large):
    assert large.one("SELECT COUNT(*) FROM clients") == 200
    suppliers = large.one("SELECT SUM(is_seller) FROM clients")
    assert suppliers == 30
    assert large.one("SELECT COUNT(*) FROM vendors") == suppliers
    assert large.one("SELECT COUNT(*) FROM supplier_profiles") == suppliers


def test_mix_is_15_70_15(large):
    mix = large.counted("SELECT substr(teri_code, 6, 3), COUNT(*) FROM clients GROUP BY 1")
    assert mix == {"WHL": 30, "REG": 140, "SUP": 30}


@pytest.mark.parametrize("column", ["teri_code", "name", "email"])
def test_unique(large, column):
    assert large.one(f"SELECT COUNT(DISTINCT {column}) FROM clients") == 200


def test_ten_clients_show_every_type(small):
    assert small.one("SELECT COUNT(DISTINCT businessType) FROM clients") == 7
    assert small.one("SELECT COUNT(DISTINCT preferredContact) FROM clients") == 4
    assert small.one("SELECT COUNT(DISTINCT creditLimitSource) FROM clients") == 2
    assert small.one("SELECT SUM(is_brand) FROM clients") > 0


def test_addresses_belong_to_nobody(large):
    rows = large.all(
        "SELECT email, phone, address FROM clients UNION ALL"
        " SELECT contact_email, contact_phone, NULL FROM supplier_profiles UNION ALL"
        " SELECT contactEmail, contactPhone, NULL FROM vendors"
    )
    for email, phone, address in rows:
        assert email.endswith(".example")
        assert re.fullmatch(r"\([2-9]\d\d\) 555-01\d\d", phone)
        if address:
            assert int(address[-5:]) < 501


def test_tax_numbers_and_licences_are_not_given_out(large):
    for tax, licence in large.all("SELECT tax_id, license_number FROM supplier_profiles"):
        assert tax.startswith("00-")
        assert licence.startswith("SEED-")


def test_vendor_says_what_the_profile_says(large):
    assert (
        large.all(
            "SELECT p.id FROM supplier_profiles p JOIN vendors v ON v.id = p.legacy_vendor_id"
            " JOIN clients c ON c.id = p.client_id WHERE v.name <> c.name"
            " OR v.contactName <> p.contact_name OR v.contactEmail <> p.contact_email"
            " OR v.contactPhone <> p.contact_phone OR v.paymentTerms <> p.payment_terms"
        )
        == []
    )


def test_referrals_come_from_whales(large):
    rows = large.all(
        "SELECT r.teri_code FROM clients c JOIN clients r ON r.id = c.referred_by_client_id"
    )
    assert rows
    assert all(code.startswith("SEED-WHL-") for (code,) in rows)


def test_small_is_the_beginning_of_large():
    small, large = described("small")["clients"], described("large")["clients"]
    for few, many in zip(small, large, strict=True):
        for column in few.columns:
            assert list(few.values(column)) == list(many.values(column, 0, few.count)), column


def test_texts_keep_their_declared_bounds():
    for rows in described("large")["clients"]:
        for name, column in rows.columns.items():
            texts = [value for value in rows.values(name) if isinstance(value, str)]
            if column.bounds.length is not None:
                assert max(map(len, texts), default=0) <= column.bounds.length, name
            if column.bounds.plane == "ascii":
                assert all(map(str.isascii, texts)), name
            if column.bounds.choices is not None:
                assert set(texts) <= column.bounds.choices, name


def test_names_stay_unique_for_fifty_thousand_clients():
    names = described("load", names=["catalogue", "clients"])["clients"][0].values("name")
    assert len(set(names)) == len(names) == 50_000
