"""What a column's name and type say of its content.

A name is first split into its words: ``cancelledBy`` holds no *cell* and
``serviceInvoiceId`` no *EIN*.  A rule also asks what kind of column it is: a
boolean ``emailEnabled`` or an enumerated ``location`` holds no address.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["TypeKind", "guess", "words"]

TypeKind = Literal["text", "json", "date", "datetime", "number", "boolean", "enum", "binary"]

_WORD = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|\d+")

_TEXT = frozenset({"text"})
_TEXT_OR_NUMBER = frozenset({"text", "number"})
_DATES = frozenset({"text", "date", "datetime"})
_SECRET = frozenset({"text", "binary"})


@dataclass(frozen=True, slots=True)
class _Rule:
    kind: str
    phrases: tuple[str, ...]
    """A phrase is hit where its words are side by side in the name."""
    types: frozenset[str]
    shortest: int
    """A shorter column cannot hold a value of the class: a flag, a grade."""


def _rule(kind: str, phrases: str, types: frozenset[str] = _TEXT, *, shortest: int = 1) -> _Rule:
    return _Rule(kind, tuple(phrases.split(", ")), types, shortest)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AUTHORS = _set(
    "addressee applicant artist author candidate cardholder composer director doctor editor "
    "employee guardian instructor manager payee photographer physician reviewer spouse teacher "
    "translator writer"
)
"""A column called so holds a name of a person by itself."""
_PEOPLE = _AUTHORS | _set(
    "actor assistant attendee beneficiary buyer caregiver child children citizen coach contact "
    "courier donor driver guest holder learner lead member musician nurse officer owner parent "
    "participant party parties passenger patient payer people performer person player profile "
    "pupil receiver recipient resident rider seller sender speaker staff student subscriber "
    "technician tenant therapist trainer traveller tutor user visitor volunteer voter witness "
    "worker"
)

# The first rule that is hit decides: `ip address` comes before `address`.
_RULES = (
    _rule("email", "email, emails, e mail, mailbox", shortest=6),
    _rule("device", "ip, ipaddress, mac address, user agent, useragent, device id"),
    _rule("device", "latitude, longitude, gps, geolocation", _TEXT_OR_NUMBER),
    _rule(
        "phone",
        "phone, phones, phonenumber, telephone, tel, mobile, cell, cellphone, fax, whatsapp",
        _TEXT_OR_NUMBER,
        shortest=7,
    ),
    _rule(
        "tax_id",
        "ssn, ein, itin, tin, vat number, tax id, tax number, taxid, social security, "
        "national id, passport",
        _TEXT_OR_NUMBER,
    ),
    _rule("license", "license, licence, permit number"),
    _rule("card", "card number, credit card, cc number, pan, cvv", _TEXT_OR_NUMBER),
    _rule(
        "account",
        "iban, bic, swift, account number, account no, routing number, bank account, "
        "reference number, check number, cheque number",
        _TEXT_OR_NUMBER,
    ),
    _rule(
        "credential",
        "password, passwd, pwd, passphrase, secret, token, api key, otp, signature",
        _SECRET,
    ),
    _rule(
        "external_id",
        "open id, google id, microsoft id, apple id, facebook id, github id, linkedin id, "
        "twitter id, oauth id, sso id",
    ),
    _rule("username", "username, user name, login name, screen name"),
    _rule("date", "birth date, date of birth, birthdate, birthday, dob", _DATES),
    _rule("date", "last login, last signed in, last sign in, last seen, last active", _DATES),
    _rule("first_name", "first name, given name, middle name, firstname, forename"),
    _rule("last_name", "last name, family name, maiden name, lastname, surname"),
    _rule(
        "person_name",
        ", ".join(
            [
                "full name, fullname, contact, nickname, attendees, signatory",
                *(f"{person} name, {person} names" for person in sorted(_PEOPLE)),
            ]
        ),
    ),
    _rule("org_name", "client name, customer name, supplier name, vendor name, company name"),
    _rule("org_name", "legal name, business name, dba"),
    _rule(
        "postal_address",
        "address, addresses, street, zip, zipcode, zip code, postcode, postal code",
        shortest=3,
    ),
    _rule(
        "special",
        "gender, ethnicity, religion, nationality, marital status, diagnosis, medical, "
        "disability, health, patient",
    ),
    _rule(
        "free_text",
        "notes, note, comment, comments, remark, remarks, memo, message, description, bio, "
        "wishlist, feedback, reason, caption, instructions, details",
        shortest=20,
    ),
)


_ORGANISATIONS = _set("client customer supplier vendor company companies")
_OWN_NAME = frozenset({"name", "names", "display name", "title name"})
_LABELS = _set(
    "name title code slug sku color colour status type category subcategory kind unit uom grade "
    "prefix currency country language locale timezone brand strain product canonical standardized "
    "base version hash digest checksum module"
)

_ABOUT = _set("type status method kind category format template count preference")
"""`phone_type` and `loginMethod` are about a value, they do not hold one."""

_LONG_TEXT = 1000


def words(name: str) -> tuple[str, ...]:
    """The words of a snake_case or camelCase name, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


def guess(table: str, column: str, kind: TypeKind, length: int | None) -> str | None:
    """The class that the name and type suggest, or None if they suggest nothing.

    Documents always count as personal, and so does text without a limit,
    unless its name is that of a label.
    """
    if kind == "json":
        return "json"
    if kind in ("boolean", "enum"):
        return None
    name = words(column)
    if name[-1:] and name[-1] in _ABOUT:
        return _by_length(name, length) if kind == "text" else None
    text = f" {' '.join(name)} "
    is_key = kind == "number" and name[-1:] == ("id",)
    for rule in _RULES:
        if kind not in rule.types or (kind == "text" and length and length < rule.shortest):
            continue
        hit = next((phrase for phrase in rule.phrases if f" {phrase} " in text), None)
        if hit is not None and not (is_key and not hit.endswith("id")):
            return rule.kind
    if kind != "text":
        return None
    return _own_name(table, name) or _by_length(name, length)


def _own_name(table: str, name: tuple[str, ...]) -> str | None:
    """`name` alone is a party's name in a table of parties, else a label; `author` is one too."""
    if name[-1:] == name and _AUTHORS.issuperset(name):
        return "person_name"
    if " ".join(name) not in _OWN_NAME:
        return None
    head = words(table)[-1:]
    singular = {form for word in head for form in (word, word.removesuffix("s"))}
    if singular & _ORGANISATIONS:
        return "org_name"
    return "person_name" if singular & _PEOPLE else None


def _by_length(name: tuple[str, ...], length: int | None) -> str | None:
    if length is not None and length < _LONG_TEXT:
        return None
    return None if name and name[-1] in _LABELS else "free_text"
