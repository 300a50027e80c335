"""`tokenise`: another member of the same finite set.

Where a class has a reserved range (telephones, tax numbers, cards, networks),
the value becomes a number of that range: by a keyed digest, so that equal
values stay equal; or, where the column is unique, by a keyed permutation of
the row number, so that no two rows share one.  A range smaller than the rows
cannot do both.

Everything else (licences, accounts) keeps its length, its separators and the
kind and case of each character, and is moved by a keyed permutation of all
texts of that shape: unique by construction, and equal values stay equal.
"""

from __future__ import annotations

from collections.abc import Callable

from terp_seed.masking.normal import UnmaskableError, plain, token
from terp_seed.masking.permutation import Permutation, permutation
from terp_seed.masking.reserved import Range
from terp_seed.masking.site import Mask, Site, of_kind
from terp_seed.rows import Value

__all__ = ["tokenise"]

_LONGEST = 128
_SEPARATORS = frozenset(" ()-./+")
_NUMBER_SIGN = "#"


def tokenise(site: Site) -> Mask:
    """The mask of the reserved range of the site's class, or of the value's own shape."""
    if site.kind.reserved is None:
        return _by_shape(site)
    if site.unique:
        return _by_row_number(site, site.kind.reserved)
    return _by_digest(site, site.kind.reserved)


def _by_digest(site: Site, among: Range) -> Mask:
    digest, normal, size = site.digest(), site.kind.normal, among.size
    write = _writer(site, among)

    def mask(value: Value, text: bytes, own: bytes) -> Value:
        number = int.from_bytes(digest(text)[:8]) * size >> 64
        if among.digits(number).encode() == own:
            number = (number + 1) % size
        return write(among.digits(number), value)

    def by_value(value: Value) -> Value:
        text = token(value, normal)
        return mask(value, text, text)

    def by_row(value: Value, row: int) -> Value:
        return mask(value, b"row\0%d" % row, token(value, normal))

    length = _length(site, among)
    if site.key is None:
        return Mask(by_row=by_row, length=length)
    return Mask(by_value=by_value, length=length)


def _by_row_number(site: Site, among: Range) -> Mask:
    normal, write = site.kind.normal, _writer(site, among)
    pick = permutation(site.secret, among.size)

    def by_row(value: Value, row: int) -> Value:
        text = token(value, normal)

        def is_own(number: int) -> bool:
            return among.digits(number).encode() == text

        return write(among.digits(_for_row(pick, row, among.size, is_own)), value)

    return Mask(by_row=by_row, distinct=True, capacity=among.size, length=_length(site, among))


def _for_row(pick: Permutation, row: int, size: int, is_own: Callable[[int], bool]) -> int:
    """The row's number, or its mirror image's where it would be the value itself."""
    if row >= size:
        raise UnmaskableError(f"only {size:,} masked values of its shape exist")
    number = pick(row)
    if not is_own(number):
        return number
    if 2 * row + 1 >= size:
        raise UnmaskableError("its masked value would be the value itself")
    return pick(size - 1 - row)


def _length(site: Site, among: Range) -> int:
    return len(site.option("layout", among.layout)) or 15


def _writer(site: Site, among: Range) -> Callable[[str, Value], Value]:
    given = site.option("layout", None)

    def write(digits: str, value: Value) -> Value:
        if not among.digits_long:  # a network address has no layout
            return of_kind(digits, value)
        if not isinstance(value, str):
            return of_kind(digits, value, "digits")
        own = _own_layout(value, len(digits)) if given is None else None
        return _laid_out(digits, own or given or among.layout)

    return write


def _own_layout(value: str, digits: int) -> str | None:
    """The value's layout, if it has as many digits; a leading 1 of a telephone stays."""
    text = plain(value)
    found = sum(char.isdigit() for char in text)
    if not text.isascii() or any(not c.isdigit() and c not in _SEPARATORS for c in text):
        return None
    layout = "".join(_NUMBER_SIGN if char.isdigit() else char for char in text)
    if found == digits:
        return layout
    if digits == 10 and found == 11 and text.lstrip("+( ").startswith("1"):
        return layout.replace(_NUMBER_SIGN, "1", 1)
    return None


def _laid_out(digits: str, layout: str) -> str:
    coming = iter(digits)
    return "".join(next(coming) if char == _NUMBER_SIGN else char for char in layout)


def _by_shape(site: Site) -> Mask:
    picks: dict[int, Permutation] = {}
    secret, keyed, unique = site.secret, site.key is not None, site.unique

    def moved(number: int, size: int, row: int) -> int:
        pick = picks.get(size)
        if pick is None:
            pick = picks[size] = permutation(secret, size)
        if keyed:
            return pick(number)
        if unique:
            return _for_row(pick, row, size, number.__eq__)
        other = pick(row % size)
        return other if other != number else (other + 1) % size

    def by_row(value: Value, row: int) -> Value:
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            least = 10 ** (len(str(value)) - 1) if value > 9 else 0
            return least + moved(value - least, 10 * least - least or 10, row)
        text = plain(of_kind(value, value))
        number, size = _numbered(text)
        return _spelt(moved(number, size, row), text)

    if keyed:
        return Mask(by_value=lambda value: by_row(value, 0), distinct=True)
    return Mask(by_row=by_row, distinct=unique)


def _numbered(text: str) -> tuple[int, int]:
    """The number of a text among all texts of its shape, and how many those are."""
    if len(text) > _LONGEST:
        raise UnmaskableError(f"longer than the {_LONGEST} characters that tokenise permutes")
    number, size = 0, 1
    for char in text:
        if not char.isascii() or not char.isprintable():
            raise UnmaskableError("a character that tokenise cannot keep; use pseudonymise")
        if char.isdigit():
            number, size = number * 10 + ord(char) - 48, size * 10
        elif char.isalpha():
            number, size = number * 26 + (ord(char) | 32) - 97, size * 26
    if size < 2:
        raise UnmaskableError("neither a letter nor a digit to permute; use redact")
    return number, size


def _spelt(number: int, shape: str) -> str:
    out = []
    for char in reversed(shape):
        if char.isdigit():
            number, digit = divmod(number, 10)
            out.append(chr(48 + digit))
        elif char.isalpha():
            number, letter = divmod(number, 26)
            out.append(chr((65 if char.isupper() else 97) + letter))
        else:
            out.append(char)
    return "".join(reversed(out))
