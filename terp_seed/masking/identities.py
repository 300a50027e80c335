"""What a row's subject or person is known by: one spelling of it, masked or not.

Dates of one subject move alike, and one person gets one made-up name, in all tables.  The column
that names them may be masked itself: in the same run, before, or through a foreign key.  So an
identity is spelt as its pseudonym, and a value that is one already is recognised by its form.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from collections.abc import Callable

from terp_seed.errors import MaskingError
from terp_seed.masking.normal import plain, token
from terp_seed.masking.site import Site
from terp_seed.rows.model import Value

__all__ = ["IDENTIFYING", "PREFIXES", "Spelling", "as_letters", "spelling_of"]

Spelling = Callable[[Value], bytes]

IDENTIFYING = frozenset({"keep", "pseudonymise"})
"""The strategies of a column that can name a row's subject or person."""

PREFIXES = {"username": "u", "external_id": "x", "code": "c"}
"""How pseudonyms of a class begin; those of others begin with p."""

_PSEUDONYM_BYTES = 10


def as_letters(digest: bytes) -> str:
    """The first 80 bits of a digest, as 16 letters and digits."""
    return b32encode(digest[:_PSEUDONYM_BYTES]).decode().lower()


def spelling_of(site: Site | None) -> Spelling:
    """How the values of an identifying column are spelt; ``site`` is None if it is not masked.

    Raises `MaskingError` for a strategy whose results cannot be told from real values.
    """
    strategy = "keep" if site is None else site.choice.strategy
    if site is None or strategy == "keep":
        return lambda value: token(value, plain)
    if strategy not in IDENTIFYING:
        raise MaskingError(
            f"{site.place} names subjects or persons, and {strategy} leaves no value that does; "
            "use pseudonymise, or name another column"
        )
    return _pseudonymised(site)


def _pseudonymised(site: Site) -> Spelling:
    digest, normal = site.digest(), site.kind.normal
    form = _pseudonym_form(site)

    def spelt(value: Value) -> bytes:
        known = form.fullmatch(value) if isinstance(value, str) else None
        if known is None:
            return digest(token(value, normal))[:_PSEUDONYM_BYTES]
        short, letters = known["hex"], known["letters"]
        return bytes.fromhex(short) if short else b32decode(letters.upper())

    return spelt


def _pseudonym_form(site: Site) -> re.Pattern[str]:
    """What a pseudonym of this site looks like, with the mark of one whose pass is under way."""
    letters = r"(?P<letters>[a-z2-7]{16})"
    named = rf"[a-z]+\.[a-z]+\.{letters}"
    if site.kind.name == "email":
        return re.compile(rf"~?(?:u(?P<hex>[0-9a-f]{{20}})|{named})@{re.escape(site.mail_domain)}")
    prefix = re.escape(site.option("prefix", PREFIXES.get(site.kind.name, "p")))
    return re.compile(rf"~?(?:(?P<hex>(?!))|(?:{prefix}|[a-z]+\.[a-z]+\.){letters})")
