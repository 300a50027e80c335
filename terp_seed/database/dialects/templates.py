"""Copies of a database for tests: a template that is seeded once, and what is made out of it.

A template is a copy of the origin with the origin's tables and rows, beside it on its server.  What
may be dropped carries a mark of terp_seed besides its name, or holds nothing at all.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from terp_seed.database.dialects.clients import Clients
from terp_seed.errors import UsageError

if TYPE_CHECKING:
    from sqlalchemy.engine import URL, Engine

__all__ = ["Templates", "digest_of_rows", "unmarked"]


@dataclass(frozen=True)
class Templates(ABC):
    """What an engine does to make copies of one database."""

    origin: Engine
    open: Callable[[URL], Engine]
    """Makes an engine without a pool."""
    clients: Clients
    folder: Path
    """Where templates are that are files; it outlives a test run."""
    scratch: Path
    """Where copies are that are files."""

    @abstractmethod
    def shape(self) -> str:
        """A digest of the origin's tables, and of all else that its schema has; reads no row."""

    @abstractmethod
    def lock(self, template: str) -> AbstractContextManager[None]:
        """Keep all other processes from making or dropping a template; waits."""

    @abstractmethod
    def has(self, template: str) -> bool:
        """Whether a template was finished."""

    @abstractmethod
    def begin(self, template: str) -> URL:
        """Copy the origin, to be seeded; what an earlier try has left is dropped.

        Raises `UsageError` if the copy cannot be made.
        """

    @abstractmethod
    def finish(self, template: str) -> None:
        """Declare a template ready: it does not change from here on."""

    @abstractmethod
    def abandon(self, template: str) -> None:
        """Drop a template that could not be seeded."""

    @abstractmethod
    def take(self, template: str) -> URL:
        """A database that equals a template, and that is in use here alone until it is given back.

        Raises `LookupError` if the template was dropped.
        """

    @abstractmethod
    def give_back(self, copy: URL) -> None:
        """End the use of a copy, to which nothing here is connected any more."""

    @abstractmethod
    def sweep(self, prefix: str, template: str) -> None:
        """Drop the other templates with this prefix, and copies that are not in use any more."""

    def close(self) -> None:  # noqa: B027 - some keep nothing open
        """Close what is kept open for the next copy."""


def digest_of_rows(rows: object) -> str:
    """A digest of what a query of the catalogue gave."""
    return sha256(repr(rows).encode()).hexdigest()


def unmarked(name: str) -> UsageError:
    """The error for a database that has the name of a template and may be anything."""
    return UsageError(
        f"database {name}: it has the name of a template for tests, and is not marked as one; a "
        f"test run may have been killed while it copied. Look at it, and drop it: DROP DATABASE "
        f"{name}"
    )
