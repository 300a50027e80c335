"""Fail closed: what looks personal stops the run, what only sounds like it does not."""

from __future__ import annotations

import json
import tomllib
from importlib import import_module
from itertools import islice

import pytest

from terp_seed.masking.column_names import guess, words
from terp_seed.masking.gaps import ColumnProfile, find_gaps, lines_to_add
from terp_seed.masking.live_values import find_live, live_kinds, may_be_live, searchable
from terp_seed.masking.phone_numbers import share_of_phones
from terp_seed.masking.policy import Policy
from terp_seed.masking.policy_file import load_policy
from terp_seed.masking.propose import Proposal, propose


def seen(table: str, name: str, kind: str = "text", length: int | None = 100) -> str | None:
    return guess(table, name, kind, length)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cancelledBy", "cancelled by"),
        ("serviceInvoiceId", "service invoice id"),
        ("contact_email", "contact email"),
        ("SSNNumber", "ssn number"),
        ("openId", "open id"),
        ("phone2", "phone 2"),
        ("nameCanonical", "name canonical"),
        ("größe", "größe"),
    ],
)
def test_a_name_is_split_into_whole_words(name, expected):
    assert " ".join(words(name)) == expected


# terp-domain.md, section 4.1: what TERP's first masker took for personal, and is not
@pytest.mark.parametrize(
    ("table", "name", "kind", "length"),
    [
        ("brands", "name", "text", 255),
        ("strains", "name", "text", 255),
        ("tags", "name", "text", 255),
        ("categories", "name", "text", 255),
        ("grades", "name", "text", 100),
        ("roles", "name", "text", 100),
        ("user_roles", "name", "text", 100),
        ("unit_types", "name", "text", 100),
        ("sequences", "name", "text", 50),
        ("workflow_statuses", "name", "text", 100),
        ("storage_zones", "baseCapacity", "number", None),
        ("storage_zones", "maxCapacity", "number", None),
        ("credit_signals", "repaymentVelocity", "number", None),
        ("batches", "locationId", "number", None),
        ("sampleRequests", "location", "enum", None),
        ("calendar_events", "location", "text", 500),
        ("orders", "cancelledBy", "number", None),
        ("orders", "cancelledDate", "datetime", None),
        ("invoiceLineItems", "serviceInvoiceId", "number", None),
        ("integrations", "externalName", "text", 255),
        ("settings", "emailEnabled", "boolean", None),
        ("settings", "email_enabled", "number", None),
        ("invoices", "emailedAt", "datetime", None),
        ("calendar_event_participants", "notifyEmail", "boolean", None),
        ("clients", "preferredContact", "enum", None),
        ("clients", "contact_type", "text", 50),
        ("users", "loginMethod", "text", 64),
        ("payments", "bankAccountId", "number", None),
        ("products", "uomSellable", "text", 20),
        ("orders", "created_at", "datetime", None),
        ("notes", "emailFlag", "boolean", None),
        ("strains", "name", "text", None),
        ("books", "author_id", "text", 36),
        ("author_types", "name", "text", 100),
    ],
)
def test_what_only_sounds_personal_is_no_alarm(table, name, kind, length):
    assert seen(table, name, kind, length) is None


def test_a_reason_for_cancelling_is_free_text_and_no_cell_phone():
    assert seen("orders", "cancellationReason", "text", None) == "free_text"


# and what it did not see
@pytest.mark.parametrize(
    ("table", "name", "kind", "length", "expected"),
    [
        ("orders", "notes", "text", None, "free_text"),
        ("clients", "wishlist", "text", None, "free_text"),
        ("supplier_profiles", "supplier_notes", "text", 500, "free_text"),
        ("products", "description", "text", None, "free_text"),
        ("supplier_profiles", "license_number", "text", 100, "license"),
        ("bankAccounts", "accountNumber", "text", 50, "account"),
        ("payments", "referenceNumber", "text", 100, "account"),
        ("users", "openId", "text", 64, "external_id"),
        ("sessions", "userAgent", "text", 255, "device"),
        ("vip_portal_auth", "password_hash", "text", 255, "credential"),
        ("vip_portal_auth", "session_token", "text", 255, "credential"),
        ("vip_portal_auth", "reset_token", "text", 255, "credential"),
        ("vip_portal_auth", "google_id", "text", 255, "external_id"),
        ("vip_portal_auth", "microsoftId", "text", 255, "external_id"),
        ("client_meeting_history", "attendees", "json", None, "json"),
        ("auditLogs", "before", "json", None, "json"),
        ("auditLogs", "after", "text", None, "free_text"),
        ("orders", "items", "json", None, "json"),
        ("product_images", "caption", "text", 255, "free_text"),
        ("sessions", "ipAddress", "text", 45, "device"),
        ("clients", "name", "text", 255, "org_name"),
        ("vendors", "name", "text", 255, "org_name"),
        ("users", "name", "text", None, "person_name"),
        ("clients", "email", "text", 255, "email"),
        ("supplier_profiles", "contact_phone", "text", 50, "phone"),
        ("clients", "phone", "number", None, "phone"),
        ("supplier_profiles", "tax_id", "number", None, "tax_id"),
        ("sites", "address", "text", None, "postal_address"),
        ("users", "lastSignedIn", "datetime", None, "date"),
        ("employees", "date_of_birth", "date", None, "date"),
        ("users", "firstName", "text", 50, "first_name"),
        ("users", "password", "binary", 60, "credential"),
        ("batches", "metadata", "text", None, "free_text"),
        ("author", "name", "text", 80, "person_name"),
        ("bookAuthors", "name", "text", 80, "person_name"),
        ("children", "name", "text", 80, "person_name"),
        ("books", "author_name", "text", 80, "person_name"),
        ("books", "authorNames", "text", 80, "person_name"),
        ("films", "director", "text", 80, "person_name"),
        ("cards", "holderName", "text", 80, "person_name"),
    ],
)
def test_what_is_personal_is_an_alarm(table, name, kind, length, expected):
    assert seen(table, name, kind, length) == expected


LANGUAGES = {
    "en": "fname=first_name lname=last_name emp_ssn_num=tax_id dob=date mob_no=phone "
    "streetaddress=postal_address birthdate=date dri_lice_num=license hiv_status=special "
    "trade_union=special job_title=quasi apikey=credential remote_addr=device",
    "de": "kundenname=person_name Vorname=first_name nachname=last_name geburtsdatum=date "
    "strasse=postal_address Straße=postal_address plz=postal_address kontonr=account "
    "steuernr=tax_id diagnose=special religionszugehörigkeit=special familienstand=quasi "
    "handynummer=phone passwort=credential",
    "fr": "prénom=first_name nom_de_famille=last_name date_naissance=date courriel=email "
    "code_postal=postal_address numero_securite_sociale=tax_id mot_de_passe=credential "
    "etat_civil=quasi syndicat=special groupe_sanguin=special raison_sociale=org_name",
    "es": "apellidos=last_name fecha_nacimiento=date dirección=postal_address dni=tax_id "
    "teléfono=phone contraseña=credential estado_civil=quasi enfermedad=special etnia=special",
    "it": "cognome=last_name codice_fiscale=tax_id data_di_nascita=date indirizzo=postal_address "
    "cellulare=phone stato_civile=quasi malattia=special parola_chiave=credential",
    "nl": "voornaam=first_name achternaam=last_name geboortedatum=date bsn=tax_id "
    "woonplaats=postal_address rekeningnummer=account wachtwoord=credential geslacht=quasi "
    "ziekte=special",
    "pl": "imię=first_name nazwisko=last_name data_urodzenia=date pesel=tax_id "
    "ulica=postal_address hasło=credential płeć=quasi choroba=special",
    "pt": "sobrenome=last_name data_nascimento=date cpf=tax_id endereço=postal_address "
    "senha=credential estado_civil=quasi doença=special telemóvel=phone",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_its_names(language):
    expected = dict(pair.split("=") for pair in LANGUAGES[language].split())
    assert {name: seen("t", name) for name in expected} == expected


@pytest.mark.parametrize(
    ("table", "name", "kind", "expected"),
    [
        ("patient", "gender", "enum", "quasi"),
        ("patient", "smoker", "boolean", "special"),
        ("staff", "ethnicity", "number", "special"),
        ("staff", "ethnicity_id", "number", None),
        ("staff", "birth_year", "number", "quasi"),
        ("payroll", "amount", "number", "amount"),
        ("payments", "amount", "number", None),
        ("api_tokens", "hash", "text", "credential"),
        ("lab_results", "value", "text", "special"),
        ("role_types", "description", "text", None),
        ("emp_contacts", "ec_name", "text", "person_name"),
        ("rules", "max_age", "number", None),
        ("users", "phone_verified", "text", None),
        ("servers", "mac", "text", "device"),
        ("printers", "mac_template", "text", None),
    ],
)
def test_codes_and_tables_count_where_asked(table, name, kind, expected):
    assert guess(table, name, kind, 255, coded=True) == expected
    if kind in ("enum", "boolean"):
        assert guess(table, name, kind, 255) is None


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("canary-7f3a@real-corp.com", {"email"}),
        ("write to mailto:jane+tag@x.co.uk, please", {"email"}),
        ('"a b"@real-corp.com', {"email"}),
        ("пример@пример.рф", {"email"}),
        ("jane@\u200breal-corp.com", {"email"}),
        ("\uff4a\uff41ne\uff20real-corp.com", {"email"}),
        ("a@b@real-corp.com", {"email"}),
        ("+1 415-867-5309", {"phone"}),
        ("call (415) 867-5309 x12", {"phone"}),
        ("415.867.5309", {"phone"}),
        ("415-867-\n5309", {"phone"}),
        ("+44 20 7946 1234", {"phone"}),
        ("\uff14\uff11\uff15-867-5309", {"phone"}),
        ("800-555-0123", {"phone"}),
        ("078-05-1120", {"tax_id"}),
        ("EIN 12-3456789.", {"tax_id"}),
        ("card 4539 1488 0343 6467", {"card"}),
        ("4539148803436467", {"card"}),
        ({"a": [{"b": "x@real-corp.com"}]}, {"email"}),
        ({"x@real-corp.com": 1}, {"email"}),
        ('{"a": ["415-867-5309"]}', {"phone"}),
        ("x@real-corp.com 415-867-5309", {"email", "phone"}),
        ("DE89 3704 0044 0532 0130 00", {"account"}),
        ("please pay to GB82WEST12345698765432 by Friday", {"account"}),
        ("from 93.184.216.34 at noon", {"network"}),
        ("2a00:1450:4001:81b::200e", {"network"}),
        ("00:1A:2B:3C:4D:5E", {"device"}),
        ("ruf an: 030 1234567", {"phone"}),
        ("(0171) 1234567", {"phone"}),
        ("01 42 68 53 00", {"phone"}),
        ("amFuZUByZWFsLWNvcnAuY29t", {"email"}),
        ("to=jane%40real-corp.com", {"email"}),
        ("jane&#64;real-corp.com", {"email"}),
        ("@here jane@real-corp.com", {"email"}),
        ("\u00fcber 4539 1488 0343 6467", {"card"}),
        (
            json.dumps(["a", json.dumps({"c": "x@real-corp.com"}).replace("@", r"\u0040")]),
            {"email"},
        ),
    ],
)
def test_live_data_is_found_by_its_shape(text, kinds):
    assert live_kinds(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "jane@example.com",
        "jane@mail.example.org",
        "jane@shop.test",
        "x@y.invalid",
        "no-at-sign",
        "@x.com",
        "a @ b",
        "user@localhost",
        "(415) 555-0142",
        "+1-212-555-0100",
        "800-555-0199",
        "+44 7700 900123",
        "0491 570 006",
        "01 99 00 12 34",
        "030 23125 123",
        "GB82 WEST 1234 5698 7654 33",
        "DE36 0000 0000 0000 0000 00",
        "192.0.2.17",
        "10.11.12.13",
        "version 1.2.34.5",
        "2001:db8::1",
        "12:34:56",
        "12-34-56-78-90-12",
        "01/02/2024 10:11",
        "05 12 2024",
        "c2hvcnQgdGV4dCBvbmx5",
        "100%25",
        "000-12-3456",
        "666-12-3456",
        "912-12-3456",
        "123-00-4567",
        "00-1234567",
        "96-1234567",
        "4242 4242 4242 4242",
        "4539 1488 0343 6468",
        "0000 0000 0000 0050",
        "BATCH-001001",
        "SEED-C-000001",
        "4155552671",
        "2024-01-15 10:00:00",
        "192.168.100.200",
        "1A4060300000022000012345",
        "12345678901234567890",
        "order 1000000001",
        None,
        12,
        "{ not json 12345678",
        "[" * 5000,
    ],
)
def test_what_belongs_to_nobody_is_not_found(text):
    assert live_kinds(text) == set()


def test_a_value_that_is_nested_too_deep_is_no_error():
    value = "jane@real-corp.com"
    for _ in range(3000):
        value = [value]
    assert live_kinds(value) == set()


@pytest.mark.parametrize(
    ("text", "may_be"),
    [
        ("1234567", False),
        ("ab1234567", False),
        ("12345678", True),
        ("a1234567, 8", True),
        ("1234567     8", False),
        ("1 2 3 4 5 6 7 8", True),
        ("1234567 and 12345678", True),
        ("\u00fc 1234567", False),
        ("\u00fc 12345678", True),
        ("\u0661234567\u0668", True),
        ("\\", True),
        ("@", True),
    ],
)
def test_eight_digits_near_each_other_may_be_somebodys(text, may_be):
    assert may_be_live(text) is may_be


def test_ten_digits_in_a_row_are_a_number_only_where_asked():
    assert [hit.kind for hit in find_live("ring 4158675309 now", bare=True)] == ["phone"]
    assert find_live("ring 4158675309 now") == []


@pytest.mark.parametrize(
    "piece",
    [
        "a",
        "1",
        "@",
        "a@",
        "1-",
        "+1",
        "(",
        "1 ",
        "a.",
        ".",
        '"',
        '"@',
        "x1",
        "x1 ",
        "1-2-",
        "é",
        "\\",
    ],
)
def test_no_text_makes_the_search_wander(piece):
    """Twice the text may cost twice the steps, never four times as many."""

    def steps(size: int) -> int:
        count = 0
        text = (piece * size)[:size] + "@"

        class Counting(str):
            def __getitem__(self, at):
                nonlocal count
                count += 1
                return Counting(str.__getitem__(self, at))

        find_live(Counting(text), bare=True)
        return count

    assert steps(8000) <= 2 * steps(4000) + 400
    find_live(searchable(piece * 60_000), bare=True)


@pytest.fixture
def policy(tmp_path) -> Policy:
    file = tmp_path / "masking.toml"
    file.write_text(
        "[tables.clients]\nemail = {class='email'}\ngrade = {pii=false, reason='a product grade'}\n"
    )
    return load_policy(file)


def test_an_unclassified_column_is_found_with_the_line_to_add(policy, tmp_path):
    found = find_gaps(
        policy,
        "clients",
        [
            ColumnProfile("email", "text", 255),
            ColumnProfile("grade", "text", 10),
            ColumnProfile("id", "number"),
            ColumnProfile("Phone", "text", 50),
            ColumnProfile("odd name notes", "text", None),
        ],
    )
    assert [(gap.column, gap.declared) for gap in found] == [
        ("Phone", False),
        ("odd name notes", False),
    ]
    assert found[0].line == 'Phone = { class = "phone" }'
    assert "add Phone = " in str(found[0])
    assert "looks like phone by its name or type" in str(found[0])
    (document,) = find_gaps(policy, "clients", [ColumnProfile("extras", "json")])
    assert "is a document" in str(document)
    file = tmp_path / "masking.toml"
    lines = "\n".join(finding.line for finding in found)
    file.write_text(file.read_text() + lines + "\n")
    assert find_gaps(load_policy(file), "clients", [ColumnProfile("Phone", "text", 50)]) == []


def test_lines_to_add_for_new_tables_are_a_policy(policy, tmp_path):
    facts = [ColumnProfile("tags", "json"), ColumnProfile("notes", "text", None)]
    found = [*find_gaps(policy, "new", facts), *find_gaps(policy, "my table", facts)]
    text = lines_to_add(found)
    assert tomllib.loads(text)["tables"]["my table"]["tags"] == {"class": "json"}
    (tmp_path / "more.toml").write_text(text)
    assert set(load_policy(tmp_path / "more.toml").tables) == {"new", "my table"}


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        (["jane@real-corp.com", None, ""], "email"),
        (["jane@real-corp.com", "call jane@real-corp.com"], "free_text"),
        (["jane@real-corp.com", "415-867-5309"], "free_text"),
        ([4539148803436467], "card"),
    ],
)
def test_content_gives_an_innocent_name_away(policy, samples, expected):
    kind = "number" if isinstance(samples[0], int) else "text"
    (found,) = find_gaps(policy, "clients", [ColumnProfile("field7", kind, 100, samples)])
    assert found.kind == expected
    assert "jane" not in str(found) + found.line + repr(found)


def test_a_column_declared_not_personal_is_held_to_its_content(policy):
    clean = ColumnProfile("grade", "text", 10, ["A", "AA", None])
    (found,) = find_gaps(
        policy, "clients", [clean, ColumnProfile("grade", "text", 10, ["A", "x@real-corp.com"])]
    )
    assert (found.table, found.declared, found.kind) == ("clients", True, "email")
    assert "pii = false" in str(found)
    assert "real-corp" not in str(found) + repr(found)


def test_a_renamed_column_is_stale_and_unclassified(policy):
    assert policy.stale("clients", ["mail", "grade"]) == ["email"]
    assert find_gaps(policy, "clients", [ColumnProfile("e_mail", "text", 255)])


@pytest.mark.parametrize(
    ("column", "kind", "samples", "expected"),
    [
        ("contact_email", "text", [], "email"),
        ("extras", "json", [], "json"),
        ("col7", "text", ["jane@real-corp.com", None], "email"),
        ("col7", "text", ["blue", "green"], None),
        ("col7", "number", [12, 13], None),
    ],
)
def test_a_class_is_proposed_by_name_and_by_values(column, kind, samples, expected):
    proposal = propose("t", column, kind, 100, iter(samples))
    assert (proposal and proposal.kind) == expected
    assert proposal is None or "jane" not in proposal.because


def valid(check: str, count: int, digits: int, first: int = 1) -> list[str]:
    """Numbers that pass a check of python-stdnum."""
    is_valid = import_module(f"stdnum.{check}").is_valid
    numbers = (f"{number:0{digits}d}" for number in range(first, 10**digits, 9_973))
    return list(islice(filter(is_valid, numbers), count))


@pytest.mark.parametrize(
    ("check", "digits", "first"),
    [
        ("nl.bsn", 9, 112_000_000),
        ("pl.pesel", 11, 44_051_401_300),
        ("br.cpf", 11, 11_144_477_000),
        ("de.idnr", 11, 36_574_261_000),
        ("tr.tckimlik", 11, 17_291_716_000),
    ],
)
def test_a_column_of_national_numbers_is_seen_by_its_share(check, digits, first):
    numbers = valid(check, 30, digits, first)
    others = [str(first + 7 * at) for at in range(30)]
    assert propose("t", "col7", "text", 40, numbers).kind == "tax_id"
    assert propose("t", "col7", "number", None, map(int, numbers)).kind == "tax_id"
    assert propose("t", "col7", "text", 40, [*numbers[:9], *others]) is None
    assert propose("t", "col7", "text", 40, numbers[:5]) is None
    assert live_kinds(numbers[0]) <= {"card"}


NAMES = {
    "person_name": "Anna Schmidt, Klaus Wagner, Maria da Silva, John Smith, Łukasz Nowak, Blue Sky",
    "first_name": "Anna, Klaus, María, John, Łukasz, Zzyzx",
    "last_name": "Schmidt, Wagner, García, Smith, Nowak, Rossi, Zzyzx",
    None: "Anna Schmidt, Blue Dream, Sour Diesel, White Widow, Gold Leaf, Pine Tar, Green Crack",
}


@pytest.mark.parametrize("expected", NAMES)
def test_names_of_persons_in_a_neutral_column_are_seen_by_their_share(expected):
    proposal = propose("t", "value", "text", 100, NAMES[expected].split(", "))
    assert (proposal and proposal.kind) == expected


def test_two_names_of_persons_are_enough_where_all_are_such():
    for expected, values in (
        ("person_name", ["Hans Meier", "Petra Wolf"]),
        ("first_name", ["Jürgen", "Katarzyna", "Jeroen"]),
        ("last_name", ["Kowalski", "Jansen", "Meier", "Rossi", "Nowak"]),
    ):
        proposal = propose("t", "value", "text", 100, values)
        assert proposal is not None
        assert proposal.kind == expected


@pytest.mark.parametrize(
    "values",
    [
        ["Black", "White", "Green", "Brown", "Gray", "Red", "Violet"],
        ["Paris", "London", "Austin", "Berlin", "Houston", "Sydney"],
        ["Anna Schmidt"],
        ["Anna Schmidt", "Cold Store"],
        ["North", "South", "East"],
        ["Small", "Large"],
        ["Moss", "Rust"],
        [f"2015550{number}" for number in range(200, 240)],
    ],
)
def test_values_that_only_resemble_names_or_numbers_propose_nothing(values):
    assert propose("t", "col7", "text", 100, values) is None


_BANKS = ["DEUT", "COBA", "BNPA", "SOGE", "AGRI", "CRLY", "INGB", "RABO", "ABNA", "BARC", "LOYD"]


@pytest.mark.parametrize(
    ("values", "kind", "because"),
    [
        ([f"{bank}DEFF" for bank in _BANKS], "account", "its values are BIC"),
        ([f"{bank}FRPPXXX" for bank in _BANKS], "account", "its values are BIC"),
        ([f"10{n}AB" for n in range(10, 30)], "postal_address", "its values are postcodes of NL"),
        (
            [f"K{n}A 0B1" for n in range(10)] + ["K1A"],
            "postal_address",
            "its values are postcodes of CA",
        ),
        (
            [f"SW{n} {n}AA" for n in range(1, 10)] + ["M1 1AE"],
            "postal_address",
            "its values are postcodes of GB",
        ),
        (
            ["1010", "1020", "1030", "1040", "1050", "1060", "1070", "1080", "1090", "1100"],
            "postal_address",
            "its values are postcodes of AT",
        ),
    ],
)
def test_bank_codes_and_postcodes_are_seen_by_their_share(values, kind, because):
    assert propose("t", "col7", "text", 40, values) == Proposal(kind, because)


@pytest.mark.parametrize(
    "values",
    [
        [f"{n}" for n in range(10_000, 10_050)],
        [f"{n}" for n in range(1000, 1050)],
        [
            f"{word}LABEL"
            for word in ("ROT", "BLU", "GRN", "TAN", "PUR", "ORG", "PNK", "GRY", "WHT", "BLK")
        ],
    ],
)
def test_numbers_and_words_are_no_postcodes_and_no_bank_codes(values):
    assert propose("t", "col7", "text", 40, values) is None


def test_telephones_of_one_region_are_seen_by_their_share():
    assert share_of_phones(["912 345 678"]) == 1.0
    proposal = propose("t", "col7", "text", 40, [f"912 345 {number}" for number in range(600, 640)])
    assert proposal == Proposal("phone", "its values are telephone numbers of one region")


@pytest.mark.parametrize(
    ("column", "length", "expected"),
    [("scan", None, "file"), ("avatar", 100, "file"), ("body_hash", None, None), ("b", 16, None)],
)
def test_bytes_may_be_a_file(column, length, expected):
    proposal = propose("t", column, "binary", length)
    assert (proposal and proposal.kind) == expected


def test_what_fills_a_column_says_more_than_a_vague_name() -> None:
    mails = [f"ann{n}@mill.internal" for n in range(5)]
    for name in ("contact", "username"):
        found = propose("paints", name, "text", 80, mails)
        assert found is not None
        assert found.kind == "email"
    found = propose("paints", "contact", "text", 80, ["Ann Smith", "Bo Lee"])
    assert found is not None
    assert found.kind == "person_name"
