"""For the application's own ``alembic revision --autogenerate``: our tables are none of its own.

Autogenerate proposes to drop each table that the application's metadata does
not know.  In the application's ``env.py``::

    from terp_seed import include_name

    context.configure(..., include_name=include_name)
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["include_name"]

_PREFIXES = ("terp_seed_", "terp_sandbox_version")


def include_name(name: str | None, type_: str, parent_names: Mapping[str, str | None]) -> bool:
    """Whether autogenerate may look at something: anything but the tables that seeding keeps.

    Alembic's ``include_name`` hook.  A project that has a hook already calls
    this one from it.  Knows the tables by their names, so a ``version_table``
    of one's own has to begin with ``terp_seed_``.
    """
    return not (type_ == "table" and (name or "").startswith(_PREFIXES))
