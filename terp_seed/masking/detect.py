"""Fail closed: a column that looks personal and has no policy stops the run.

A column looks personal by its name, its type, and its content.

A name is first split into its words: ``cancelledBy`` holds no *cell* and
``serviceInvoiceId`` no *EIN*.  A rule also asks what kind of column it is: a
boolean ``emailEnabled`` or an enumerated ``location`` holds no address.

Content is *live* outside the reserved ranges: an address at example.com or a
number in 555-01XX belongs to no person, and is not found.  Every search runs in time
proportional to the text, whatever the text: no pattern repeats without a
bound, and every at-sign is looked at once from both sides.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from itertools import islice
from typing import Literal
from unicodedata import category, normalize

from terp_seed.masking.policy import Policy, Rule
from terp_seed.masking.reserved import (
    is_fictional_phone,
    is_issued_ein,
    is_issued_ssn,
    is_live_card,
    is_reserved_domain,
)
from terp_seed.rows.model import Json, Value

__all__ = [
    "LIVE_KINDS",
    "ColumnProfile",
    "PolicyGap",
    "TypeKind",
    "find_gaps",
    "find_live",
    "guess",
    "lines_to_add",
    "live_kinds",
    "may_be_live",
    "searchable",
    "texts_in",
    "toml_key",
    "words",
]

_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class ColumnProfile:
    """What masking must know of a column; ``samples`` are values in it, or on their way."""

    name: str
    type_kind: TypeKind
    length: int | None = None
    samples: Iterable[Value] | None = None
    nullable: bool = True
    unique: bool = False
    ascii: bool = False
    """Whether its character set holds nothing but ASCII."""


@dataclass(frozen=True, slots=True)
class PolicyGap:
    """A column that needs a decision; its text never holds a value."""

    table: str
    column: str
    kind: str
    """The class that it looks like."""
    because: str
    declared: bool = False
    """Whether the policy says that it is not personal."""
    found: tuple[str, ...] = ()
    """The kinds of data that its values hold."""

    @property
    def line(self) -> str:
        """The line that classifies the column, to go under ``[tables.<table>]``."""
        return f'{toml_key(self.column)} = {{ class = "{self.kind}" }}'

    def __str__(self) -> str:
        place = f"{self.table}.{self.column}"
        if self.declared:
            return (
                f"{place} is declared pii = false, but {self.because}; "
                f"replace its entry by: {self.line}, or, if they only look like it, "
                f"add false_alarms = {json.dumps(self.found)} to it"
            )
        return (
            f"{place} has no entry in the masking policy and {self.because}; "
            f"add {self.line} under [tables.{toml_key(self.table)}], or, if it is not personal, "
            f'{toml_key(self.column)} = {{ pii = false, reason = "..." }}'
        )


def find_gaps(policy: Policy, table: str, columns: Iterable[ColumnProfile]) -> list[PolicyGap]:
    """The columns that need a decision before a row of theirs is written.

    A classified column is fine.  One declared not personal is held to its
    content, one without an entry to its name, type and content.
    """
    found = (_gap(table, column, policy.rule(table, column.name)) for column in columns)
    return [gap for gap in found if gap is not None]


def _gap(table: str, column: ColumnProfile, rule: Rule | None) -> PolicyGap | None:
    if rule is not None and rule.kind is not None:
        return None
    if rule is None:
        kind = guess(table, column.name, column.type_kind, column.length)
        if kind is not None:
            looks = "is a document" if kind == "json" else f"looks like {kind} by its name or type"
            return PolicyGap(table, column.name, kind, looks)
    kinds = _content(column).difference(() if rule is None else rule.false_alarms)
    if not kinds:
        return None
    because = f"its values hold {' and '.join(sorted(kinds))} data"
    declared = rule is not None
    found = tuple(sorted(kinds))
    return PolicyGap(table, column.name, _class_of(column, kinds), because, declared, found)


def lines_to_add(gaps: Iterable[PolicyGap]) -> str:
    """All lines to add, table by table, ready to be pasted."""
    tables: dict[str, list[str]] = {}
    for gap in gaps:
        tables.setdefault(gap.table, []).append(gap.line)
    return "\n\n".join(
        "\n".join([f"[tables.{toml_key(table)}]", *lines]) for table, lines in tables.items()
    )


def _content(column: ColumnProfile) -> set[str]:
    if column.type_kind in ("boolean", "enum", "date", "datetime", "binary"):
        return set()
    values, kinds = iter(column.samples or ()), set[str]()
    while some := list(islice(values, _AT_ONCE)):
        kinds |= _kinds_of_texts({value for value in some if isinstance(value, str)})
        for value in some:
            if isinstance(value, dict | list | Json):
                kinds |= live_kinds(value)
            elif isinstance(value, int) and value >= _LEAST_CARD:
                kinds |= live_kinds(str(value)) & {"card"}
    return kinds


def _kinds_of_texts(texts: Set[str]) -> set[str]:
    together = _APART.join(texts)
    if together.isascii() and not may_be_live(together):
        return set()
    return set().union(*map(live_kinds, texts))


def _class_of(column: ColumnProfile, kinds: set[str]) -> str:
    """One kind that fills its values is that class; anything else is a text or document."""
    if column.type_kind == "json":
        return "json"
    fills = all(_fills(value) for value in column.samples or () if live_kinds(value))
    return min(kinds) if len(kinds) == 1 and fills else "free_text"


def _fills(value: Value) -> bool:
    text = searchable(str(value)).strip()
    hits = find_live(text)
    return len(hits) == 1 and (hits[0].start, hits[0].stop) == (0, len(text))


def toml_key(name: str) -> str:
    """A name as a key of TOML, in quotes if it needs them."""
    return name if _BARE.fullmatch(name) else json.dumps(name)


TypeKind = Literal["text", "json", "date", "datetime", "number", "boolean", "enum", "binary"]

_AT_ONCE = 2_000
_APART = "     "  # no number goes on behind it
_LEAST_CARD = 10**12  # a card number has 13 digits

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


_LOCAL = re.compile(r"[^\s@<>\"(),;:\[\]\\]")
_DOMAIN = re.compile(r"(?:[\w-]{1,63}\.){1,8}[^\W\d_][\w-]{1,62}")
_NANP = re.compile(
    r"(?<![\w+.@-])(?:\+?1[\s.-]{0,3})?(?P<open>\()?[2-9]\d{2}(?(open)\))"
    r"[\s./-]{0,3}[2-9]\d{2}[\s.-]{0,3}\d{4}(?![\w@]|[.-]\d)"
)
_INTERNATIONAL = re.compile(r"(?<![\w+])\+\d(?:[\s().-]{0,2}\d){7,14}(?![\w@])")
_SSN = re.compile(
    r"(?<![\w-])(?P<area>\d{3})(?P<mark>[- ])(?P<group>\d{2})(?P=mark)(?P<serial>\d{4})(?![\w-])"
)
_EIN = re.compile(r"(?<![\w-])(?P<prefix>\d{2})-\d{7}(?![\w-])")
_CARD = re.compile(r"(?<![\w-])\d(?:[ -]?\d){12,18}(?![\w-])")
_NOT_DIGIT = re.compile(r"\D")

# Most texts have no eight digits near each other, and few of the rest have any of these shapes.
_EIGHT_DIGITS = re.compile(r"\d(?:\D{0,4}\d){7}")
_SHAPE = {code: "0" if chr(code).isdigit() else " " for code in range(128)}
_NUMBERS = re.compile("|".join(p.pattern for p in (_CARD, _SSN, _EIN, _NANP, _INTERNATIONAL)))

_MOST_LOCAL = 64
_DEEPEST = 200


LIVE_KINDS = ("card", "email", "phone", "tax_id")
"""What a search of values finds."""


@dataclass(frozen=True, slots=True)
class Hit:
    """A find: its kind and its place, never its text."""

    kind: str
    """One of `LIVE_KINDS`."""
    start: int
    stop: int


def searchable(text: str) -> str:
    """The text as the searches see it: NFKC, without invisible characters."""
    if text.isascii():
        return text
    return "".join(char for char in normalize("NFKC", text) if category(char) != "Cf")


def may_be_live(text: str) -> bool:
    """False if nothing in the text can be live, whatever it is cut into or opened to."""
    return "@" in text or "\\" in text or _has_eight_digits(text)


def _has_eight_digits(text: str) -> bool:
    """What `_EIGHT_DIGITS` finds, sooner for a long text without them."""
    if not text.isascii():
        return _EIGHT_DIGITS.search(text) is not None
    parts = text.translate(_SHAPE).split(" " * 5)
    return any([len(part) > 7 and part.count("0") > 7 for part in parts])  # noqa: C419 - quicker


def find_live(text: str, *, bare: bool = False) -> list[Hit]:
    """All finds in a `searchable` text, in order, none overlapping.

    With ``bare`` ten digits in a row count as a telephone number too; without,
    a number needs the punctuation of one, since codes are long as well.
    """
    found = list(_emails(text)) if "@" in text else []
    if _EIGHT_DIGITS.search(text) and _NUMBERS.search(text):
        found += [hit for search in (_cards, _tax_numbers, _phones) for hit in search(text)]
    if not found:
        return found
    if not bare:
        found = [hit for hit in found if not _is_bare_phone(hit, text)]
    found.sort(key=lambda hit: (hit.start, -hit.stop))
    kept: list[Hit] = []
    for hit in found:
        if not kept or hit.start >= kept[-1].stop:
            kept.append(hit)
    return kept


def live_kinds(value: Value) -> set[str]:
    """The kinds that are found in a value: in a text, and in all texts of a document."""
    kinds: set[str] = set()
    for text in texts_in(value):
        kinds |= {hit.kind for hit in find_live(searchable(text))}
    return kinds


def texts_in(value: Value, depth: int = 0) -> Iterator[str]:
    """All texts in a value, keys included; a text that is a document is opened if need be."""
    if isinstance(value, Json):
        value = value.value
    if isinstance(value, str):
        yield value
        # A document without an escape shows all its texts as they are.
        if "\\" in value and depth < _DEEPEST and value.lstrip()[:1] in ("{", "["):
            yield from _texts_of_document(value, depth)
    elif isinstance(value, dict | list) and depth < _DEEPEST:
        parts = [*value.keys(), *value.values()] if isinstance(value, dict) else value
        for part in parts:
            yield from texts_in(part, depth + 1)


def _texts_of_document(text: str, depth: int) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return
    yield from texts_in(document, depth + 1)


def _emails(text: str) -> Iterator[Hit]:
    at = text.find("@")
    while at >= 0:
        domain = _DOMAIN.match(text, at + 1)
        start = at
        while start > max(0, at - _MOST_LOCAL) and _LOCAL.match(text[start - 1]):
            start -= 1
        if start == at and text[at - 1 : at] == '"':
            start = max(text.rfind('"', max(0, at - _MOST_LOCAL), at - 1), 0)
        if domain and start < at and not is_reserved_domain(domain[0]):
            yield Hit("email", start, domain.end())
        at = text.find("@", at + 1)


def _phones(text: str) -> Iterator[Hit]:
    for pattern in (_INTERNATIONAL, _NANP):
        for match in pattern.finditer(text):
            if not is_fictional_phone(_NOT_DIGIT.sub("", match[0])):
                yield Hit("phone", *match.span())


def _tax_numbers(text: str) -> Iterator[Hit]:
    for match in _SSN.finditer(text):
        if is_issued_ssn(match["area"], match["group"], match["serial"]):
            yield Hit("tax_id", *match.span())
    for match in _EIN.finditer(text):
        if is_issued_ein(match["prefix"]):
            yield Hit("tax_id", *match.span())


def _cards(text: str) -> Iterator[Hit]:
    for match in _CARD.finditer(text):
        if is_live_card(_NOT_DIGIT.sub("", match[0])):
            yield Hit("card", *match.span())


def _is_bare_phone(hit: Hit, text: str) -> bool:
    return hit.kind == "phone" and text[hit.start : hit.stop].isdigit()
