"""What a strategy is compiled for, and what comes out: a site and a mask."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from operator import eq
from typing import Any, Literal

from terp_seed.masking.keys import Digest, Key, keyed_digest
from terp_seed.masking.normal import ANOTHER, UnmaskableError, token, tokens
from terp_seed.masking.policy import Choice, DataClass
from terp_seed.rows.model import Value

__all__ = ["Mask", "Site", "by_key", "drawn", "drawn_text", "of_kind"]

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
    """How one site is masked; one of four functions is set.

    ``by_value`` sees the value alone, ``by_row`` also the number of the row,
    ``by_subject`` also the bytes of the row's subject; ``by_block`` sees the column of
    a block, and the number of its first row.  Values that are NULL
    or blank never reach the others.  ``distinct``: different values stay different,
    if need be up to ``capacity`` rows.  ``room`` is how many results there are where different
    values share them.  ``length`` is the longest text that
    comes out, None if never longer than the value itself.
    """

    by_value: Callable[[Value], Value] | None = None
    by_texts: Callable[[Sequence[str]], Sequence[Value]] | None = None
    """What ``by_value`` makes of texts, sooner; only beside it."""
    by_row: Callable[[Value, int], Value] | None = None
    by_block: Callable[[Sequence[Value], int], Sequence[Value]] | None = None
    by_subject: Callable[[Value, bytes], Value] | None = None
    known_by: str = ""
    """The column that names the subject."""
    distinct: bool = False
    capacity: int | None = None
    room: int | None = None
    length: int | None = None
    ascii: bool = True
    makes_null: bool = False


def by_key(site: Site, render: Callable[[Value, bytes, bytes], Value], **facts: Any) -> Mask:
    """A mask whose result follows from the value under a key, from the row number without one.

    ``render`` gets the value, the bytes to follow, and the value's own bytes.
    ``facts`` are those of `Mask`.
    """
    normal = site.kind.normal

    def by_value(value: Value) -> Value:
        own = token(value, normal)
        return render(value, own, own)

    def by_texts(texts: Sequence[str]) -> Sequence[Value]:
        return [*map(render, texts, own := tokens(texts, normal), own)]

    def by_row(value: Value, row: int) -> Value:
        return render(value, b"row\0%d" % row, token(value, normal))

    if site.key is None:
        return Mask(by_row=by_row, **facts)
    return Mask(by_value=by_value, by_texts=by_texts, **facts)


def drawn(site: Site, make: Callable[[bytes, Value], Value], **facts: Any) -> Mask:
    """A mask made from the keyed digest of a value, or of its row.

    What comes out never equals the value: it is drawn again until it differs.
    """
    digest = site.digest()

    def render(value: Value, text: bytes, own: bytes) -> Value:
        out = make(digest(text), value)
        return out if out != value else again(value, text)

    def again(value: Value, text: bytes) -> Value:
        for turn in range(_TURNS):
            out = make(digest(b"%s\0%d" % (text, turn)), value)
            if out != value:
                return out
        raise UnmaskableError(f"the strategy gives nothing but the value itself; {ANOTHER}")

    return by_key(site, render, **facts)


def drawn_text(site: Site, make: Callable[[bytes], str], **facts: Any) -> Mask:
    """`drawn` for texts alone."""

    def render(digest: bytes, value: Value) -> Value:
        return make(digest) if value.__class__ is str else of_kind(make(digest), value)

    mask, draw, normal = drawn(site, render, **facts), site.digest(), site.kind.normal
    if (by_value := mask.by_value) is None:
        return mask

    def by_texts(texts: Sequence[str]) -> Sequence[Value]:
        made = [make(draw(own)) for own in tokens(texts, normal)]
        return [*map(by_value, texts)] if any(map(eq, made, texts)) else made

    return replace(mask, by_texts=by_texts)


def of_kind(text: str, value: Value, kind: Literal["text", "digits"] = "text") -> Value:
    """``text`` as the type of the value it replaces; refuses what it cannot become."""
    if isinstance(value, str):
        return text
    if kind == "digits" and isinstance(value, int):
        return int("".join(char for char in text if char.isdigit()))
    raise UnmaskableError(f"the strategy makes {kind}, which this kind of value cannot hold")
