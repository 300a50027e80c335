"""A file of rows as lines of text: where it may lie, how it is packed and encoded."""

from __future__ import annotations

import codecs
import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, cast

from terp_seed.errors import UsageError

__all__ = ["file_digest", "find_file", "kind_of_file", "open_lines"]

_PIECE = 1 << 20
_PACKED = ".gz"
_MARKS = {  # the longer ones first: the mark of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


def kind_of_file(name: str) -> str:
    """How a file's name ends, without a ``.gz``: ``.csv``."""
    return Path(name.removesuffix(_PACKED)).suffix


@contextmanager
def open_lines(path: Path, name: str, encoding: str) -> Iterator[Iterator[str]]:
    """The lines of a file with their ends, unpacked and decoded.

    A byte order mark outranks ``encoding``.  Whatever is wrong with the file is a `UsageError`.
    """
    try:
        with _open(path) as content:
            used = _marked(content) or encoding
            with TextIOWrapper(content, used, newline="") as text:
                yield _without_nul(text, name)
    except UnicodeDecodeError:
        raise UsageError(f"{name}{_undecodable(path, used)}") from None
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise UsageError(f"{name}: is not a complete gzip file") from None
    except OSError as error:
        where = f"in {path.parent.name}/"
        raise UsageError(f"{name}: cannot be read: {error.strerror} ({where})") from None


def file_digest(folder: Path, name: str) -> str:
    """SHA-256 of a file's content, unpacked; line ends do not count, a checkout may change them."""
    digest, held = sha256(), b""
    with _open(folder / name) as content:
        while piece := content.read(_PIECE):
            piece = held + piece
            held = piece[-1:] if piece.endswith(b"\r") else b""
            digest.update(piece.removesuffix(held).replace(b"\r\n", b"\n"))
    digest.update(held)
    return digest.hexdigest()


def find_file(folder: Path, name: str) -> Path:
    """The path with links resolved; `UsageError` unless it is below the folder."""
    try:
        path = (folder / name).resolve()
    except (OSError, ValueError, RuntimeError):  # a NUL, or links that lead in a circle
        raise UsageError(f"{name!r}: is not a path of a file in {folder.name}/") from None
    if not path.is_relative_to(folder.resolve()):
        raise UsageError(f"{name}: leads out of {folder.name}/; put the file there")
    if path.exists() and not path.is_file():
        raise UsageError(f"{name}: is not a file (in {folder.name}/)")
    return path


def _open(path: Path) -> BinaryIO:
    if path.suffix == _PACKED:
        return cast("BinaryIO", gzip.open(path))
    return path.open("rb")


def _marked(content: BinaryIO) -> str | None:
    """The encoding that a byte order mark says, from the start of the file."""
    start = content.read(4)
    content.seek(0)
    return next((used for mark, used in _MARKS.items() if start.startswith(mark)), None)


def _without_nul(lines: Iterator[str], name: str) -> Iterator[str]:
    for number, line in enumerate(lines, start=1):
        if "\0" in line:
            raise UsageError(
                f"{name}, line {number}: holds a NUL byte, so it is not a text file; for UTF-16 "
                'without a byte order mark pass encoding="utf-16-le"'
            )
        yield line


def _undecodable(path: Path, encoding: str) -> str:
    """Where a file is not of its encoding, and what to do about it."""
    with _open(path) as content:
        data = content.read()
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        before = data[: error.start].decode(encoding, "replace")
        name = encoding.removesuffix("-sig").upper()
        return (
            f", line {1 + before.count(chr(10))}: is not {name} (byte {error.start}); name the "
            'encoding it has, as encoding="cp1252"'
        )
    return ": changed while it was read"
