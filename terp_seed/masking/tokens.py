"""`tokenise`: another member of the same finite set.

Where a class has a reserved range (telephones, tax numbers, cards, networks),
the value becomes a number of that range: by a keyed digest, so that equal
values stay equal; or, where the column is unique, by a keyed permutation of
the row number, so that no two rows share one.  A range smaller than the rows
cannot do both.  Telephones may also become numbers of a country code that no
country has, which are as many as there are numbers.  A value that already is
the number meant for its row takes the one of the row's mirror image instead;
where more than half of a range is in use that one may be taken, and then the
database's own key refuses it.

Everything else (licences, accounts) keeps its length, its separators and the
kind and case of each character, and is moved by a keyed permutation of all
texts of that shape: unique by construction, and equal values stay equal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b, shake_256
from math import isqrt
from operator import itemgetter
from string import ascii_lowercase, ascii_uppercase, digits

from terp_seed.masking.normal import ANOTHER, UnmaskableError, plain, token
from terp_seed.masking.reserved import UNDIALABLE, ReservedRange
from terp_seed.masking.site import Mask, Site, by_key, of_kind
from terp_seed.rows.model import Value

__all__ = ["permutation", "tokenise"]

_LONGEST = 128
_MOST_DIGITS, _ROW_DIGITS = 15, 9  # of a telephone number, anywhere in the world
_MOST_LAYOUTS = 4096  # remembered, per column

_NUMBER_SIGN = "#"
_SEPARATORS = frozenset(" ()-./+" + _NUMBER_SIGN)
_TO_SIGNS = str.maketrans("0123456789" + _NUMBER_SIGN, _NUMBER_SIGN * 10 + "\0")

_LETTERS = ascii_lowercase
_TO_OUTLINE = str.maketrans(
    digits + ascii_uppercase + ascii_lowercase, "0" * 10 + "A" * 26 + "a" * 26
)
_TO_BASE_26 = str.maketrans(ascii_uppercase + ascii_lowercase, (digits + ascii_lowercase)[:26] * 2)


def tokenise(site: Site) -> Mask:
    """The mask of the reserved range of the site's class, or of the value's own shape."""
    if site.kind.reserved is None:
        return _by_shape(site)
    if site.option("distinct", False):
        return _undialable(site)
    if site.unique:
        return _by_row_number(site, site.kind.reserved)
    return _by_digest(site, site.kind.reserved)


def _by_digest(site: Site, among: ReservedRange) -> Mask:
    digest, size = site.digest(), among.size
    write = _writer(site, among)

    def render(value: Value, text: bytes, own: bytes) -> Value:
        number = int.from_bytes(digest(text)[:8]) * size >> 64
        if among.digits(number).encode() == own:
            number = (number + 1) % size
        return write(among.digits(number), value)

    return by_key(site, render, length=_length(site, among), room=size)


def _undialable(site: Site) -> Mask:
    """Telephone numbers of country code 999, which no country has: as many as there are numbers.

    The digits behind it are a permutation of those of the value, so different ones stay different.
    """
    digest, normal, secret = site.digest(), site.kind.normal, site.secret
    picks: dict[int, Permutation] = {}

    def moved(number: int, digits: int) -> str:
        if digits not in picks:
            picks[digits] = permutation(secret, 10**digits)
        return f"{UNDIALABLE}{picks[digits](number):0{digits}d}"

    def by_value(value: Value) -> Value:
        text = token(value, normal)
        if text.isdigit() and len(text) <= _MOST_DIGITS:
            return of_kind(moved(int(text), len(text)), value, "digits")
        number = int.from_bytes(digest(text)[:8]) % 10 ** (_MOST_DIGITS + 1)
        return of_kind(f"{UNDIALABLE}{number:0{_MOST_DIGITS + 1}d}", value, "digits")

    def by_row(value: Value, row: int) -> Value:
        token(value, normal)  # refuses what is no number
        return of_kind(moved(row, _ROW_DIGITS), value, "digits")

    longest = len(UNDIALABLE) + _MOST_DIGITS + 1
    if site.key is None:
        return Mask(by_row=by_row, distinct=True, length=longest)
    return Mask(by_value=by_value, distinct=True, length=longest)


def _by_row_number(site: Site, among: ReservedRange) -> Mask:
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
        raise UnmaskableError(f"its masked value would be the value itself; {ANOTHER}")
    return pick(size - 1 - row)


def _length(site: Site, among: ReservedRange) -> int:
    return len(site.option("layout", among.layout)) or 15


def _writer(site: Site, among: ReservedRange) -> Callable[[str, Value], Value]:
    given = site.option("layout", None)
    filled = _laid_out(given or among.layout)
    own: dict[str, Callable[[str], str]] = {}

    def write(digits: str, value: Value) -> Value:
        if not among.digits_long:  # a network address has no layout
            return of_kind(digits, value)
        if not isinstance(value, str):
            return of_kind(digits, value, "digits")
        if given is not None:
            return filled(digits)
        layout = value.translate(_TO_SIGNS)
        fill = own.get(layout)
        if fill is None:
            kept = _own_layout(layout, among.digits_long)
            fill = filled if kept is None else _laid_out(kept)
            if len(own) < _MOST_LAYOUTS:
                own[layout] = fill
        return fill(digits)

    return write


def _own_layout(layout: str, digits: int) -> str | None:
    """The layout, if it has as many digits; 11 of a telephone begin with its country's 1."""
    layout = layout.strip()
    found = layout.count(_NUMBER_SIGN)
    if not set(layout) <= _SEPARATORS:
        return None
    if found == digits:
        return layout
    return layout.replace(_NUMBER_SIGN, "1", 1) if (digits, found) == (10, 11) else None


def _laid_out(layout: str) -> Callable[[str], str]:
    """A function that writes digits into the signs of a layout."""
    digits = layout.count(_NUMBER_SIGN)
    coming, places = iter(range(digits)), []
    for place, char in enumerate(layout):
        places.append(next(coming) if char == _NUMBER_SIGN else digits + place)
    return _picked(places, layout)


def _picked(places: list[int], shape: str) -> Callable[[str], str]:
    """A function that puts the characters at these places of ``text + shape`` together."""
    if len(places) < 2:
        return lambda text: "".join((text + shape)[place] for place in places)
    pick = itemgetter(*places)
    return lambda text: "".join(pick(text + shape))


def _by_shape(site: Site) -> Mask:
    shapes: dict[tuple[type, str], _Shape] = {}
    picks: dict[int, Permutation] = {}
    secret, keyed, unique = site.secret, site.key is not None, site.unique

    def shape_of(text: str, kind: type) -> _Shape:
        outline = text.translate(_TO_OUTLINE)
        shape = shapes.get((kind, outline))
        if shape is None:
            size = (_WholeShape if kind is int else _Shape).size_of(outline)
            if size not in picks:
                picks[size] = permutation(secret, size)
            shape = (_WholeShape if kind is int else _Shape)(outline, size, picks[size])
            if len(shapes) < _MOST_LAYOUTS:
                shapes[kind, outline] = shape
        return shape

    def moved(shape: _Shape, number: int, row: int) -> int:
        if unique:
            return _for_row(shape.pick, row, shape.size, number.__eq__)
        other = shape.pick(row % shape.size)
        return other if other != number else (other + 1) % shape.size

    def by_row(value: Value, row: int) -> Value:
        text = _text(value)
        shape = shape_of(text, type(value))
        out = shape.text(moved(shape, shape.number(text), row))
        return out if isinstance(value, str) else int(out)

    def by_value(value: Value) -> Value:
        text = _text(value)
        shape = shape_of(text, type(value))
        out = shape.text(shape.pick(shape.number(text)))
        return out if isinstance(value, str) else int(out)

    if keyed:
        return Mask(by_value=by_value, distinct=True)
    return Mask(by_row=by_row, distinct=unique)


def _text(value: Value) -> str:
    if isinstance(value, str):
        return plain(value)
    if type(value) is int and value >= 0:
        return str(value)
    raise UnmaskableError("neither a text nor a whole number")


class _Shape:
    """All texts of one outline, by number: a 0 for a digit, A and a for letters."""

    def __init__(self, outline: str, size: int, pick: Permutation) -> None:
        self.size, self.pick = size, pick
        digits = [place for place, char in enumerate(outline) if char == "0"]
        letters = [place for place, char in enumerate(outline) if char in "Aa"]
        self._digits, self._letters = _picked(digits, ""), _picked(letters, "")
        self._counts, self._share = (len(digits), len(letters)), 26 ** len(letters)
        # The place of each character of the result in digits + letters + LETTERS + outline.
        first, second = len(digits), len(digits) + len(letters)
        after = {"0": iter(range(first))}
        after["a"] = after["A"] = iter(range(first, second))
        places = []
        for place, char in enumerate(outline):
            if char in after:
                places.append(next(after[char]) + (len(letters) if char == "A" else 0))
            else:
                places.append(second + len(letters) + place)
        self._write = _picked(places, outline)

    @staticmethod
    def size_of(outline: str) -> int:
        """How many texts the outline has; refuses what cannot be permuted."""
        if len(outline) > _LONGEST:
            raise UnmaskableError(f"longer than the {_LONGEST} characters that tokenise permutes")
        if not outline.isascii() or not outline.isprintable():
            raise UnmaskableError("a character that tokenise cannot keep; use pseudonymise")
        letters = sum(char in "Aa" for char in outline)
        size = int(10 ** outline.count("0") * 26**letters)
        if size < 2:
            raise UnmaskableError("neither a letter nor a digit to permute; use redact")
        return size

    def number(self, text: str) -> int:
        """The number of a text of this outline; upper and lower case count alike."""
        digits, letters = self._counts
        number = int(self._digits(text)) * self._share if digits else 0
        return number + (int(self._letters(text).translate(_TO_BASE_26), 26) if letters else 0)

    def text(self, number: int) -> str:
        """The text of a number."""
        digits, letters = self._counts
        head, tail = divmod(number, self._share)
        word = ""
        for _ in range(letters):
            tail, letter = divmod(tail, 26)
            word += _LETTERS[letter]
        word = word[::-1]
        return self._write(
            f"{head:0{digits}d}{word}{word.upper()}" if digits else word + word.upper()
        )


class _WholeShape(_Shape):
    """All whole numbers of as many digits."""

    @staticmethod
    def size_of(outline: str) -> int:
        return 10 if len(outline) == 1 else int(9 * 10 ** (len(outline) - 1))

    def number(self, text: str) -> int:
        return int(text) - (10 ** (len(text) - 1) if len(text) > 1 else 0)

    def text(self, number: int) -> str:
        return str(number + (self.size // 9 if self.size > 10 else 0))


_TABLE = 1 << 16  # up to here a shuffled table is exact, quick and small
_ROUNDS = 4  # on the way in, and four more on the way out

Permutation = Callable[[int], int]
Turn = Callable[[], blake2b]


def permutation(key: bytes, size: int) -> Permutation:
    """A permutation of 0 to ``size`` - 1 without a fixed point.

    The same key and size give the same one on every machine.  Raises
    `ValueError` below 2: a single value can become no other.
    """
    if size < 2:
        raise ValueError("a domain of one value cannot be permuted")
    if size <= _TABLE:
        return _shuffled(key, size).__getitem__
    return _network(key, size)


def _shuffled(key: bytes, size: int) -> list[int]:
    """Sattolo's shuffle: one single cycle, hence no fixed point."""
    stream = shake_256(b"table\0%d\0" % size + key).digest(8 * size)
    places = list(range(size))
    for last in range(size - 1, 0, -1):
        word = int.from_bytes(stream[8 * last : 8 * last + 8])
        other = word * last >> 64
        places[last], places[other] = places[other], places[last]
    return places


def _network(key: bytes, size: int) -> Permutation:
    """A Feistel network, a step along the circle, and the network back.

    A step that is not zero moves every number, and so does the same step seen
    through any change of names; that is what the network and its reverse are.
    """
    left, right = _sides(size)
    wide = (left.bit_length() + 7) // 8
    own = blake2b(b"network\0%d\0" % size + key).digest()
    turns = [
        blake2b(b"%d" % number, key=own, digest_size=min(wide + 8, 64)).copy
        for number in range(_ROUNDS)
    ]
    there, back = _there(turns, left, right, wide), _back(turns, left, right, wide)
    step = 1 + int.from_bytes(blake2b(b"step", key=own).digest()) % (size - 1)

    def inside(walk: Permutation, value: int) -> int:
        # The grid is a little larger than the domain: walk on until inside.
        value = walk(value)
        while value >= size:
            value = walk(value)
        return value

    return lambda value: inside(back, (inside(there, value) + step) % size)


def _there(turns: Sequence[Turn], left: int, right: int, wide: int) -> Permutation:
    pairs = list(zip(turns[::2], turns[1::2], strict=True))
    number_of = int.from_bytes

    def there(value: int) -> int:
        first, second = divmod(value, right)
        for odd, even in pairs:
            mixed = odd()
            mixed.update(second.to_bytes(wide))
            first = (first + number_of(mixed.digest())) % left
            mixed = even()
            mixed.update(first.to_bytes(wide))
            second = (second + number_of(mixed.digest())) % right
        return first * right + second

    return there


def _back(turns: Sequence[Turn], left: int, right: int, wide: int) -> Permutation:
    pairs = list(zip(turns[::2], turns[1::2], strict=True))[::-1]
    number_of = int.from_bytes

    def back(value: int) -> int:
        first, second = divmod(value, right)
        for odd, even in pairs:
            mixed = even()
            mixed.update(first.to_bytes(wide))
            second = (second - number_of(mixed.digest())) % right
            mixed = odd()
            mixed.update(second.to_bytes(wide))
            first = (first - number_of(mixed.digest())) % left
        return first * right + second

    return back


def _sides(size: int) -> tuple[int, int]:
    """The sides of the smallest near-square grid that holds ``size`` numbers."""
    left = isqrt(size - 1) + 1
    return left, -(-size // left)
