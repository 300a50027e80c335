"""What an engine must answer; standard SQL answers the rest.

An engine is a module of this folder, an entry of ``ENGINES`` and a name in ``__all__`` of
``__init__``.  It implements four classes: `Dialect` (below), `Clients` for its command-line tools
(``clients``), `Templates` for databases of tests (``templates``), and `Lock` (``sessions``), which
`Dialect.lock` returns.  The parts of a `Dialect`, whose abstract methods it must write:

`Values`
    how it spells names, literals and expressions;
`Writes`
    how rows go in, change and get their keys;
`Scripts`
    how a script stops where a run would;
`Catalogue`
    what its tables are, and which promises it keeps by itself;
`Sessions`
    how it is connected to and locked, and what its errors mean.
"""

from __future__ import annotations

from typing import ClassVar

from terp_seed.database.dialects.catalogue import Catalogue
from terp_seed.database.dialects.clients import Clients
from terp_seed.database.dialects.kept import KeptRows
from terp_seed.database.dialects.scripts import Scripts
from terp_seed.database.dialects.sessions import Sessions
from terp_seed.database.dialects.templates import Templates

__all__ = ["Dialect"]


class Dialect(KeptRows, Scripts, Catalogue, Sessions):
    """One engine."""

    names: ClassVar[tuple[str, ...]]
    """The SQLAlchemy dialect names that this engine answers to."""
    clients: ClassVar[Clients]
    templates: ClassVar[type[Templates]]
