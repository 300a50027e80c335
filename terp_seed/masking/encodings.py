"""Texts that are written in another way: URL-escaped, HTML-escaped or in base64."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote_plus

__all__ = ["decoded_texts"]

_ESCAPED = re.compile(r"%[0-9A-Fa-f]{2}|&(?:#\w{2,6}|[a-zA-Z]{2,8});")
# Three letters of ASCII begin with one of 24 characters in base64, so that few hashes match.
_BASE64 = re.compile(r"(?:[I-Za-f][A-Za-z0-9+/_-]{3}){4}[A-Za-z0-9+/_-]*={0,2}")
_MOST = 1 << 16  # characters of one text in base64: what is longer is a file
_URL_SAFE = str.maketrans("-_", "+/")


def decoded_texts(text: str) -> Iterator[str]:
    """What the text says when it is decoded once: each way that changes it and gives a text."""
    if ("%" in text or "&" in text) and _ESCAPED.search(text):
        yield unescape(unquote_plus(text))
    if 16 <= len(text) <= _MOST and _BASE64.fullmatch(text):
        plain = _from_base64(text)
        if plain is not None:
            yield plain


def _from_base64(text: str) -> str | None:
    """The text behind base64; None where it is bytes, or a word that only looks like it."""
    try:
        plain = b64decode(text.translate(_URL_SAFE) + "=" * (-len(text) % 4)).decode()
    except (Error, ValueError):
        return None
    return plain if plain.isprintable() else None
