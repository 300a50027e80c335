"""What an engine must say for itself; standard SQL answers the rest.

An engine is a subclass of `Dialect` in a module of this folder and a line in
its ``__init__``.  What it must answer is abstract here:

`Values`
    how it spells names, literals and expressions;
`Writes`
    how rows go in, change and get their keys;
`Scripts`
    how a script stops where a run would;
`Catalogue`
    what its tables are, and which promises it keeps by itself;
`Sessions`
    how it is connected to and locked, and what its errors mean;
`Clients`
    its command-line tools, an object of their own.
"""

from __future__ import annotations

from typing import ClassVar

from terp_seed.database.dialects.catalogue import Catalogue
from terp_seed.database.dialects.clients import Clients
from terp_seed.database.dialects.scripts import Scripts
from terp_seed.database.dialects.sessions import Sessions

__all__ = ["Dialect"]


class Dialect(Scripts, Catalogue, Sessions):
    """One engine."""

    names: ClassVar[tuple[str, ...]]
    """The SQLAlchemy dialect names that this engine answers to."""
    clients: ClassVar[Clients]
