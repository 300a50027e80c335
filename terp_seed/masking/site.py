"""What a strategy is compiled for, and what comes out: a site and a mask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

from terp_seed.masking.classes import DataClass
from terp_seed.masking.keys import Digest, Key, keyed_digest
from terp_seed.masking.normal import UnmaskableError, token
from terp_seed.masking.policy import Choice
from terp_seed.rows.model import Value

__all__ = ["Mask", "Site", "drawn", "drawn_text", "of_kind"]

_TURNS = 16


@dataclass(frozen=True, slots=True)
class Site:
    """One column, or one path of a document, with all that decides its masked values."""

    place: str
    kind: DataClass
    choice: Choice
    key: Key | None
    domain: str
    unique: bool = False
    mail_domain: str = "example.com"

    @property
    def secret(self) -> bytes:
        """The sub-key of the linkage domain; without a key, public bytes of this place."""
        if self.key is not None:
            return self.key.subkey(self.domain)
        return f"terp_seed/mask/rows\0{self.place}".encode()

    def digest(self) -> Digest:
        """The keyed function of this site."""
        return keyed_digest(self.secret)

    def option(self, name: str, default: Any) -> Any:
        """An option of the strategy, or what holds without it."""
        return self.choice.options.get(name, default)


@dataclass(frozen=True, slots=True)
class Mask:
    """How one site is masked; one of the three functions is set.

    ``by_value`` sees the value alone, ``by_row`` also the number of the row,
    ``by_subject`` also the bytes of the row's subject.  Values that are NULL
    or blank never get here.  ``distinct``: different values stay different,
    if need be up to ``capacity`` rows.  ``length`` is the longest text that
    comes out, None if never longer than the value itself.
    """

    by_value: Callable[[Value], Value] | None = None
    by_row: Callable[[Value, int], Value] | None = None
    by_subject: Callable[[Value, bytes], Value] | None = None
    distinct: bool = False
    capacity: int | None = None
    length: int | None = None
    ascii: bool = True
    makes_null: bool = False


def drawn(
    site: Site,
    render: Callable[[bytes, Value], Value],
    *,
    distinct: bool = False,
    length: int | None = None,
) -> Mask:
    """A mask that renders a digest: of the value under a key, of the row number without.

    What comes out never equals the value: it is drawn again until it differs.
    """
    digest, normal = site.digest(), site.kind.normal

    def again(text: bytes, value: Value) -> Value:
        for turn in range(_TURNS):
            out = render(digest(b"%s\0%d" % (text, turn)), value)
            if out != value:
                return out
        raise UnmaskableError("the strategy gives nothing but the value itself")

    def by_value(value: Value) -> Value:
        text = token(value, normal)
        out = render(digest(text), value)
        return again(text, value) if out == value else out

    def by_row(value: Value, row: int) -> Value:
        token(value, normal)  # refuses the kinds of value that a key would refuse
        text = b"row\0%d" % row
        out = render(digest(text), value)
        return again(text, value) if out == value else out

    if site.key is None:
        return Mask(by_row=by_row, distinct=distinct, length=length)
    return Mask(by_value=by_value, distinct=distinct, length=length)


def drawn_text(
    site: Site, make: Callable[[bytes], str], *, distinct: bool = False, length: int
) -> Mask:
    """`drawn` for texts alone, with the usual case, ASCII under a key, on a short road."""
    mask = drawn(
        site,
        lambda digest, value: of_kind(make(digest), value),
        distinct=distinct,
        length=length,
    )
    digest, normal, slow = site.digest(), site.kind.normal, mask.by_value
    if slow is None:
        return mask

    def by_value(value: Value) -> Value:
        if value.__class__ is str and value.isascii():
            out = make(digest(normal(value).encode()))
            if out != value:
                return out
        return slow(value)

    return replace(mask, by_value=by_value)


def of_kind(text: str, value: Value, kind: Literal["text", "digits"] = "text") -> Value:
    """``text`` as the type of the value it replaces; refuses what it cannot become."""
    if isinstance(value, str):
        return text
    if kind == "digits" and isinstance(value, int):
        return int("".join(char for char in text if char.isdigit()))
    raise UnmaskableError(f"the strategy makes {kind}, which this kind of value cannot hold")
