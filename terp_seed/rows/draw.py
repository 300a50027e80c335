"""A counter-based generator: the value at a row number, whatever came before.

The random words of a column are the output of SHAKE-128, an extendable
output function (FIPS 202), over the root seed, the seeder, the column and the
number of a page of rows.  The standard library has it on every platform, and
it never changes between releases, unlike the algorithms of ``random`` above
``random()``.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import shake_128

__all__ = ["WORD", "Span", "seed_key"]

WORD = 1 << 32
"""Words are whole numbers from 0 up to, not including, this."""

_PAGE = 1024
_UNPACK = struct.Struct(f"<{_PAGE}I").unpack


def seed_key(root_seed: int, seeder: str) -> bytes:
    """The part of a column's key that all columns of a seeder share."""
    return f"terp_seed\0{root_seed}\0{seeder}\0".encode()


@dataclass(frozen=True, slots=True)
class Span:
    """Row numbers ``start`` to ``stop`` (exclusive) of one column."""

    key: bytes
    start: int
    stop: int

    def __len__(self) -> int:
        return self.stop - self.start

    def rows(self) -> range:
        """The row numbers, counted from 0."""
        return range(self.start, self.stop)

    def words(self, label: str = "") -> list[int]:
        """One 32-bit word for each row; another ``label``, other words."""
        key = self.key + b"\0" + label.encode()
        words: list[int] = []
        first = self.start // _PAGE
        for page in range(first, -(-self.stop // _PAGE)):
            digest = shake_128(key + b"\0%d" % page).digest(4 * _PAGE)
            words += _UNPACK(digest)
        skip = self.start - first * _PAGE
        return words[skip : skip + len(self)]
