"""The masking key: where it comes from, what it may not be, what follows from it.

The key never prints, is never pickled and never leaves this module: others
get sub-keys, one for each linkage domain, and the short id that the audit and
the ledger keep.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NoReturn

from terp_seed.errors import UsageError

__all__ = ["FILE_VARIABLE", "KEY_VARIABLE", "Digest", "Key", "keyed_digest"]

KEY_VARIABLE = "TERP_SEED_MASK_KEY"
FILE_VARIABLE = "TERP_SEED_MASK_KEY_FILE"

_LEAST = 32
_MAKE_ONE = "make one with: python -c 'import secrets; print(secrets.token_hex(32))'"
_SAMPLE_WORDS = re.compile(
    rb"change|secret|password|example|sample|default|dummy|insecure|qwerty|test|abcdef|012345",
    re.IGNORECASE,
)

Digest = Callable[[bytes], bytes]


class Key:
    """A masking key of at least 32 bytes; ``id`` names it without telling it."""

    __slots__ = ("_master", "id")

    def __init__(self, master: bytes, *, source: str = KEY_VARIABLE) -> None:
        _refuse_weak(master, source)
        self._master = master
        self.id: str = hmac.digest(master, b"terp_seed/mask/id", "sha256").hex()[:8]

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Key | None:
        """The key that the shell names, or None if it names none.

        Raises `UsageError` for both variables at once, an empty, short or
        well-known key, and a file that cannot be read.  No message holds any
        part of the key.
        """
        given = [name for name in (KEY_VARIABLE, FILE_VARIABLE) if name in environ]
        if len(given) == 2:
            raise UsageError(f"{KEY_VARIABLE} and {FILE_VARIABLE} are both set; unset one of them")
        if not given:
            return None
        text = environ[given[0]]
        if given[0] == FILE_VARIABLE:
            text = _read(Path(text))
        return cls(_decode(text.strip(), given[0]), source=given[0])

    def subkey(self, domain: str) -> bytes:
        """The key of one linkage domain; those of two domains reveal nothing of each other."""
        return hmac.digest(self._master, b"terp_seed/mask/v1\0" + domain.encode(), "sha256")

    def __repr__(self) -> str:
        return f"Key(id={self.id!r})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a masking key is not pickled")


def keyed_digest(key: bytes) -> Digest:
    """HMAC-SHA-256 under ``key``, ready to be called a million times."""
    block = key.ljust(64, b"\0") if len(key) <= 64 else sha256(key).digest().ljust(64, b"\0")
    # Both hashes of RFC 2104 with the key already in them: `hmac` copies through Python code.
    inner = sha256(bytes(byte ^ 0x36 for byte in block)).copy
    outer = sha256(bytes(byte ^ 0x5C for byte in block)).copy

    def digest(message: bytes) -> bytes:
        state, last = inner(), outer()
        state.update(message)
        last.update(state.digest())
        return last.digest()

    return digest


def _read(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(
            f"{FILE_VARIABLE}: cannot read {path}: {error.strerror or 'no such file'}"
        ) from None
    if not content.isascii():
        raise UsageError(f"{FILE_VARIABLE}: {path} is not text; write the key as hex or base64")
    return content.decode()


def _decode(text: str, source: str) -> bytes:
    if not text:
        raise UsageError(f"{source} is set but empty; unset it, or {_MAKE_ONE}")
    padded = text.replace("-", "+").replace("_", "/").rstrip("=")
    padded += "=" * (-len(padded) % 4)
    with suppress(ValueError):
        if re.fullmatch(r"[0-9A-Fa-f]+", text):
            return bytes.fromhex(text)
        return base64.b64decode(padded, validate=True)
    raise UsageError(f"{source} is neither hex nor base64; {_MAKE_ONE}")


def _refuse_weak(master: bytes, source: str) -> None:
    if len(master) < _LEAST:
        raise UsageError(
            f"{source} holds {len(master)} bytes, a key needs at least {_LEAST}; {_MAKE_ONE}"
        )
    steps = {(after - before) % 256 for before, after in pairwise(master)}
    repeated = any(master == (master[:n] * len(master))[: len(master)] for n in range(1, 17))
    if len(steps) == 1 or repeated or len(set(master)) < 12 or _SAMPLE_WORDS.search(master):
        raise UsageError(
            f"{source} looks like a sample or is too regular to be secret; {_MAKE_ONE}"
        )
