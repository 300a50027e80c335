"""The rows that a slice begins with: those that match, are young enough, and that the key draws."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from difflib import get_close_matches
from itertools import islice

import sqlalchemy as sa

from terp_seed.database.schema import TableFacts
from terp_seed.errors import PlanError, SeedError, UsageError
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.keys import Digest, keyed_digest
from terp_seed.slice.request import Root
from terp_seed.slice.snapshot import BATCH_KEYS, Key, Snapshot

__all__ = ["root_keys"]

_SCALE = 2**64


def root_keys(
    source: Snapshot, border: Boundary, root: Root, names: Sequence[str]
) -> Iterator[list[Key]]:
    """The keys of the rows to begin with, in the order of the key.

    `UsageError` for a condition that the database does not take, and if no row meets it.  With
    ``sample`` a keyed digest of its key draws a row: the same rows in every slice with that key.
    """
    found = False
    with closing(_drawn(source, border, root, names)) as drawn:
        first = islice(drawn, root.limit)
        while batch := list(islice(first, BATCH_KEYS)):
            found = True
            yield batch
    if not found:
        raise UsageError(
            f"table {root.table}: no row is one to begin with; look at where, since and sample"
        )


def _drawn(
    source: Snapshot, border: Boundary, root: Root, names: Sequence[str]
) -> Generator[Key, None, None]:
    assert border.key is not None
    digest = keyed_digest(border.key.subkey(f"slice\0{root.table}"))
    most = _SCALE if root.sample is None else root.sample * _SCALE
    with closing(_read(source, root, names)) as read:
        for key in (source.key(row) for rows in read for row in rows):
            if root.sample is None or _number(digest, key) < most:
                yield key


def _number(digest: Digest, key: Key) -> int:
    """A number below `_SCALE` that follows from a key."""
    return int.from_bytes(digest("\0".join(map(str, key)).encode())[:8])


def _read(
    source: Snapshot, root: Root, names: Sequence[str]
) -> Generator[Sequence[Sequence[object]], None, None]:
    facts = source.schema.table(root.table)
    assert facts is not None
    dialect = source.session.dialect
    # On a line of its own, since it may end in a comment.
    parts = [f"({_condition(source, root)}\n)"] if root.where else []
    if root.since:
        parts.append(_since(source, facts, root.since))
    where = f" WHERE {' AND '.join(parts)}" if parts else ""
    limit = f" LIMIT {root.limit}" if root.limit and root.sample is None else ""
    sql = (
        f"SELECT {', '.join(source.exactly(root.table, names))} "
        f"FROM {dialect.quote_table(root.table)}{where} "
        f"ORDER BY {', '.join(map(dialect.quote, names))}{limit}"
    )
    yield from _checked(source, root, sql)


def _condition(source: Snapshot, root: Root) -> str:
    """The condition as it was given; `UsageError` if it is more than one."""
    given = root.where or ""
    bare = source.session.dialect.bare(given)
    if ";" in bare or not _is_balanced(bare):
        raise UsageError(
            f"table {root.table}: where must be one condition on the table's columns, without a "
            "semicolon, and close what it opens"
        )
    return given


def _is_balanced(bare: str) -> bool:
    """Whether each closing parenthesis has an opening one before it."""
    open_ = 0
    for sign in bare:
        open_ += (sign == "(") - (sign == ")")
        if open_ < 0:
            return False
    return open_ == 0


def _checked(source: Snapshot, root: Root, sql: str) -> Iterator[Sequence[Sequence[object]]]:
    """The rows of a SELECT with a condition that a person wrote."""
    what = f"table {root.table}{': where' if root.where else ''}"
    try:
        with closing(source.stream(sql, what, root.where or "")) as read:
            yield from read
    except SeedError as error:
        if not root.where or not isinstance(error, PlanError):
            raise
        raise UsageError(f"{error}; correct the condition") from None


def _since(source: Snapshot, facts: TableFacts, since: str) -> str:
    column, _, day = since.partition(":")
    dialect = source.session.dialect
    return f"{dialect.quote(_day_column(facts, column))} >= {dialect.text(day)}"


def _day_column(facts: TableFacts, named: str) -> str:
    """The column of days that is named, or the only one; `UsageError` if that says none."""
    days = [
        column.name
        for column in facts.columns.values()
        if isinstance(column.type, sa.Date | sa.DateTime)
    ]
    if named in days or (not named and len(days) == 1):
        return named or days[0]
    close = get_close_matches(named, days, n=1) if named else []
    hint = f"; did you mean {close[0]}?" if close else f"; it has {', '.join(days) or 'none'}"
    wanted = f"has no column of days {named}" if named else "has not exactly one column of days"
    raise UsageError(f"table {facts.name}: since: the table {wanted}{hint}; write it as column:day")
