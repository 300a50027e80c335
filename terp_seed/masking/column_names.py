"""What a column's name and type say of its content.

A name is first split into its words: ``cancelledBy`` holds no *cell* and ``serviceInvoiceId`` no
*EIN*.  Joined words (``geburtsdatum``) are split by the words of the `vocabulary`, and accents do
not count.  A rule also asks what kind of column it is: a boolean ``emailEnabled`` or an enumerated
``location`` holds no address.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal
from unicodedata import combining, normalize

from terp_seed.masking import vocabulary

__all__ = ["TypeKind", "guess", "words"]

TypeKind = Literal["text", "json", "date", "datetime", "number", "boolean", "enum", "binary"]

_WORD = re.compile(r"[A-Z]+(?![^\W\d_A-Z])|[A-Z]?[^\W\d_A-Z]+|\d+")

_TEXT = frozenset({"text"})
_TEXT_OR_NUMBER = frozenset({"text", "number"})
_DATES = frozenset({"text", "date", "datetime"})
_SECRET = frozenset({"text", "binary"})
_CODED = frozenset({"number", "boolean", "enum"})
"""What holds a trait as a code: `gender` as M or F, `ethnicity` as a number."""


@dataclass(frozen=True, slots=True)
class _Rule:
    subject: str
    kind: str
    types: frozenset[str] = _TEXT
    shortest: int = 1
    """A shorter column cannot hold a value of the class: a flag, a grade."""
    coded: str | None = None
    """The class of a column that holds it as a code."""


# The first rule that is hit decides: `ip address` comes before `address`.
_RULES = (
    _Rule("email", "email", shortest=6),
    _Rule("network", "device"),
    _Rule("device", "device"),
    _Rule("place", "device", _TEXT_OR_NUMBER),
    _Rule("external_id", "external_id"),
    _Rule("credential", "credential", _SECRET, shortest=4),
    _Rule("phone", "phone", _TEXT_OR_NUMBER, shortest=7),
    _Rule("card", "card", _TEXT_OR_NUMBER),
    _Rule("account", "account", _TEXT_OR_NUMBER),
    _Rule("tax_id", "tax_id", _TEXT_OR_NUMBER),
    _Rule("code", "code"),
    _Rule("license", "license"),
    _Rule("username", "username"),
    _Rule("birth", "date", _DATES, coded="quasi"),
    _Rule("activity", "date", _DATES),
    _Rule("first_name", "first_name"),
    _Rule("last_name", "last_name"),
    _Rule("org_name", "org_name"),
    _Rule("special", "special", coded="special"),
    _Rule("quasi", "quasi", coded="quasi"),
    _Rule("person_name", "person_name"),
    _Rule("postal_address", "postal_address", shortest=3),
    _Rule("file", "file", _SECRET),
    _Rule("free_text", "free_text", shortest=20),
)


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_AUTHORS = _set(vocabulary.AUTHORS)
_PEOPLE = _set(vocabulary.PEOPLE)
_ORGANISATIONS = _set(vocabulary.ORGANISATIONS)
_LABELS = _set(vocabulary.LABELS)
_ABOUT = _set(vocabulary.ABOUT)
_WHOLE = _set(vocabulary.WHOLE)
_NEVER_FIRST = _set(vocabulary.NEVER_FIRST)
_OWN_NAME = frozenset(
    {"name", "names", "display name", "title name", "nom", "nombre", "nome", "naam", "nazwa"}
)
_NUMBERING = _set("id key ref fk")
_LOOKUP = _set(
    "type class category categories code map config template setting role status unit skill "
    "language currency module menu level grade department country translation"
)
_HEALTH = _set("obs observation vital lab patient encounter medication condition")
_HELD = _set("value result text coded title dose severity outcome numeric score")
"""What a table of health data calls the data themselves."""
_SECRETS = _set("token password session secret otp apikey credential")
_SECRET_PARTS = _set("code hash key value data")
_PAY = _set("salary salaries payroll payslip wage gehalt lohn salaire sueldo stipendio salario")
_SUMS = _set("amount sum value betrag montant importe importo kwota valor bedrag net gross")

_NUMBERS = ("number", "nummer", "code", "type")  # what `ordnumber` ends in
_LONG_TEXT = 1000
_LONGEST_JOINED = 40
_MOST_PARTS = 4
_SHORT_ENDS = frozenset({"nr", "no", "id", "nm"})


def words(name: str) -> tuple[str, ...]:
    """The words of a snake_case or camelCase name, in lower case."""
    return tuple(word.lower() for word in _WORD.findall(name))


def guess(
    table: str, column: str, kind: TypeKind, length: int | None, *, coded: bool = False
) -> str | None:
    """The class that the name and type suggest, or None if they suggest nothing.

    Documents always count as personal, and so does text without a limit, unless its name is that
    of a label.  With ``coded`` the table counts too: a trait that is held as a code (an enumerated
    gender, the number of a nationality) is found, and what describes a mere type is not.
    """
    if kind == "json":
        return "json"
    if kind in ("boolean", "enum") and not coded:
        return None
    name = _folded(column)
    found = _by_phrase(name, kind, length, coded=coded)
    if found is None and (kind == "text" or (coded and kind == "number")):
        found = _by_table(table, name, kind)
    if found is None and kind == "text":
        found = _by_length(name, length)
    if found == "free_text" and coded and _singular(_folded(table)[-1:]) & _LOOKUP:
        return None  # what describes a type or a role describes no person
    return found


@lru_cache(maxsize=4096)
def _folded(name: str) -> tuple[str, ...]:
    """The words of a name without accents; ``ß`` is ``ss``."""
    plain = "".join(char for char in normalize("NFKD", name) if not combining(char))
    return words(plain.replace("ß", "ss").replace("ł", "l").replace("Ł", "L"))


def _by_phrase(
    name: tuple[str, ...], kind: TypeKind, length: int | None, *, coded: bool
) -> str | None:
    if not name or name[0] in _NEVER_FIRST or name[0] == "meta":
        return None
    spellings = list(_spellings(name))
    for rule in _RULES:
        fits = kind in rule.types and not (kind == "text" and length and length < rule.shortest)
        as_code = coded and rule.coded is not None and kind in _CODED
        if (fits or as_code) and any(_hits(rule.subject, spelling) for spelling in spellings):
            return rule.kind if fits else rule.coded
    return None


def _hits(subject: str, name: tuple[str, ...]) -> bool:
    """Whether a phrase is in the name, and the name is not about it."""
    phrases = _phrases()[subject]
    for start, word in enumerate(name):
        for phrase in phrases.get(word, ()):
            stop = start + len(phrase)
            if name[start:stop] == phrase and _counts(name, start, stop, subject):
                return True
    return False


def _counts(name: tuple[str, ...], start: int, stop: int, subject: str) -> bool:
    phrase, rest = name[start:stop], [word for word in name[stop:] if not word.isdigit()]
    if len(phrase) == 1 and phrase[0] in _WHOLE:
        prefix = name[:start]
        return not rest and (not prefix or (len(prefix) == 1 and _is_prefix(prefix[0])))
    is_trait = subject in ("special", "quasi") and rest[-1:] == ["status"]  # as in `hiv_status`
    return not rest or is_trait or (rest[-1] not in _NUMBERING and rest[-1] not in _ABOUT)


def _is_prefix(word: str) -> bool:
    """Whether it is short for the table, as in `cp_name`."""
    return len(word) <= 4 and (word not in _known() or word in _WHOLE)


@cache
def _phrases() -> dict[str, dict[str, list[tuple[str, ...]]]]:
    """The phrases of each subject by their first word."""
    found: dict[str, dict[str, list[tuple[str, ...]]]] = {}
    for subject, languages in vocabulary.PHRASES.items():
        by_word = found.setdefault(subject, {})
        for phrase in ", ".join(languages.values()).split(", "):
            split = words(phrase)
            by_word.setdefault(split[0], []).append(split)
    for person in _PEOPLE:
        found["person_name"].setdefault(person, []).extend(((person, "name"), (person, "names")))
    return found


@cache
def _known() -> frozenset[str]:
    """The words that a joined name may be made of."""
    texts = [text for languages in vocabulary.PHRASES.values() for text in languages.values()]
    return frozenset(words(" ".join(texts))) | _PEOPLE | _set(vocabulary.FILLERS)


def _spellings(name: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The name, and the name with one joined word split, in every way that the words allow."""
    yield name
    for at, word in enumerate(name):
        if 5 < len(word) <= _LONGEST_JOINED and word not in _known():
            for parts in _splits(word):
                yield (*name[:at], *parts, *name[at + 1 :])


@lru_cache(maxsize=4096)
def _splits(word: str) -> tuple[tuple[str, ...], ...]:
    return tuple(_parts(word, _MOST_PARTS))


def _parts(word: str, most: int) -> Iterator[tuple[str, ...]]:
    if (word in _known() and len(word) > 2) or word in _SHORT_ENDS:
        yield (word,)
    if most == 1:
        return
    for stop in range(3, len(word) - 1):
        if word[:stop] in _known():
            for rest in _parts(word[stop:], most - 1):
                yield (word[:stop], *rest)


def _by_table(table: str, name: tuple[str, ...], kind: TypeKind) -> str | None:
    """`name` alone is a party's name in a table of parties, else a label; `author` is one too."""
    if not name:
        return None
    if kind == "text" and len(name) == 1 and name[0] in _AUTHORS:
        return "person_name"
    heads = _folded(table)
    if kind == "text" and _is_own_name(name):
        return _party(heads)
    if _singular(heads[-1:]) & _LOOKUP or name[-1] in _NUMBERING or name[-1] in _ABOUT:
        return None
    if kind == "text" and name == ("identifier",) and _singular(heads) & _PEOPLE:
        return "code"
    return _held_there(heads, name, kind)


def _party(table: tuple[str, ...]) -> str | None:
    """Whose names a table holds."""
    for parts in _spellings(table):
        last = _singular(parts[-1:])
        if last & _ORGANISATIONS:
            return "org_name"
        if last & _PEOPLE:
            return "person_name"
    return None


def _held_there(table: tuple[str, ...], name: tuple[str, ...], kind: TypeKind) -> str | None:
    """What a plain name holds in a table of health data, of secrets or of pay."""
    subjects = _singular(table)
    if kind == "text" and subjects & _SECRETS and _SECRET_PARTS.issuperset(name):
        return "credential"
    if subjects & _PAY and name[-1] in _SUMS:
        return "amount"
    if _HELD.isdisjoint(name):
        return None
    healthy = subjects & _HEALTH or any(_hits("special", (word,)) for word in subjects)
    return "special" if healthy else None


def _singular(some: tuple[str, ...]) -> set[str]:
    return {form for word in some for form in (word, word.removesuffix("s"))}


def _is_own_name(name: tuple[str, ...]) -> bool:
    """Whether it is `name`, perhaps behind a prefix such as that of its table: `eec_name`."""
    if len(name) > 1 and _is_prefix(name[0]):
        name = name[1:]
    return " ".join(name) in _OWN_NAME


def _by_length(name: tuple[str, ...], length: int | None) -> str | None:
    if length is not None and length < _LONG_TEXT:
        return None
    if not name or name[0] == "meta" or name[-1] in _LABELS:
        return None if name else "free_text"
    return None if name[-1].endswith(_NUMBERS) else "free_text"
