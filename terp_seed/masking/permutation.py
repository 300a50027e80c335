"""Keyed permutations of a finite domain: other values, none of them twice.

Whoever lacks the key cannot tell which number became which.  No number stays
where it was, and no two become one: both follow from the construction.  This
makes test values, not ciphertext: it is not a NIST mode and offers no inverse.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b, shake_256
from math import isqrt

__all__ = ["Permutation", "permutation"]

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
