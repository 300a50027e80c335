"""What was asked for: roots and bounds, from the command line and from ``slice.toml``.

::

    depth = 2                      # references that are followed from a root to its children
    never = ["logs", "sessions"]   # tables of which no row is taken
    orphans = "report"             # or "leave", or "take": references to rows that are missing
    schema = "2c26..."             # the fingerprint that a dry run printed

    [roots.clients]
    where = "is_buyer = 1"
    limit = 40
    sample = "1%"
    since = "created_at:2026-01-01"

    [limits]                       # of rows that are taken because they refer to a taken one
    orders = 1000

    [references]                   # that the schema does not have
    "orders.client_code" = "clients.code"
    "orders.items$[*].batchId" = "batches.id"

Whatever is wrong is a `UsageError` of one line.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from terp_seed.errors import UsageError
from terp_seed.masking.policy import path_steps

__all__ = ["ORPHANS", "SLICE_FILE", "DeclaredReference", "Root", "SliceRequest", "read_slice_file"]

SLICE_FILE = "slice.toml"
"""The file below ``seeds/`` that is read if the command names no other."""

ORPHANS = ("report", "leave", "take")

_KEYS = ("depth", "never", "orphans", "schema", "roots", "limits", "references")
_ROOT_KEYS = ("where", "limit", "sample", "since")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_SCHEMA = re.compile(r"[0-9a-f]{64}")
_MOST_DEPTH = 100


@dataclass(frozen=True)
class Root:
    """The rows of one table that a slice begins with."""

    table: str
    where: str | None = None
    limit: int | None = None
    sample: Decimal | None = None
    """The share of the rows, from 0 to 1, that the masking key chooses."""
    since: str | None = None
    """The first day, or column and day, of the rows."""


@dataclass(frozen=True)
class DeclaredReference:
    """A reference that ``slice.toml`` declares; with ``path`` into a document."""

    table: str
    column: str
    path: str
    target_table: str
    target: str


@dataclass(frozen=True)
class SliceRequest:
    """All that was asked for but the target."""

    roots: tuple[Root, ...] = ()
    depth: int = 1
    never: frozenset[str] = frozenset()
    orphans: str = "report"
    limits: Mapping[str, int] = field(default_factory=dict)
    references: tuple[DeclaredReference, ...] = ()
    schema: str | None = None
    rate: int | None = None
    """The most rows that are read in a second."""

    def with_root(self, table: str, given: Mapping[str, Any]) -> SliceRequest:
        """The same with one root of the command line; `UsageError` if the file has some."""
        where = "the command line"
        if self.roots:
            names = ", ".join(root.table for root in self.roots)
            raise UsageError(
                f"TABLE and [roots] of the slice's file ({names}) both say what to begin with; "
                "leave TABLE out, or name a file without roots by --plan"
            )
        wanted = {name: given[name] for name in _ROOT_KEYS if given.get(name) is not None}
        return replace(self, roots=(_root(table, wanted, where),))

    def with_options(self, given: Mapping[str, Any]) -> SliceRequest:
        """The same with what the command line says of the whole slice."""
        named = {name: given[name] for name in ("depth", "orphans", "rate") if given.get(name)}
        named |= {"depth": 0} if given.get("depth") == 0 else {}
        found = replace(self, **named)
        _check_depth(found.depth, "--depth")
        return found


def read_slice_file(path: Path) -> SliceRequest:
    """Read ``slice.toml``; `UsageError` for the first mistake in it."""
    name = path.name
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        raise UsageError(f"{path}: cannot be read: {reason}") from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{name}: is not TOML: {error}") from None
    _known(content, _KEYS, name)
    depth, orphans = content.get("depth", 1), content.get("orphans", "report")
    _check_depth(depth, f"{name}: depth")
    if orphans not in ORPHANS:
        raise UsageError(f"{name}: orphans must be one of {', '.join(ORPHANS)}")
    schema = content.get("schema")
    if schema is not None and not _SCHEMA.fullmatch(str(schema)):
        raise UsageError(f"{name}: schema must be the fingerprint that --dry-run prints")
    return SliceRequest(
        roots=tuple(
            _root(table, given, f"{name}: [roots.{table}]")
            for table, given in _table(content, "roots", name).items()
        ),
        depth=depth,
        never=_never(content.get("never", []), name),
        orphans=orphans,
        limits=_limits(_table(content, "limits", name), name),
        references=tuple(
            _reference(column, target, name)
            for column, target in _table(content, "references", name).items()
        ),
        schema=schema,
    )


def _root(table: str, given: Any, where: str) -> Root:
    if not isinstance(given, Mapping):
        raise UsageError(f"{where}: must be a table, as [roots.{table}]")
    _known(given, _ROOT_KEYS, where)
    condition = given.get("where")
    if condition is not None and not (isinstance(condition, str) and condition.strip()):
        raise UsageError(f"{where}: where must be a condition in SQL")
    limit = given.get("limit")
    if limit is not None and (type(limit) is not int or limit < 1):
        raise UsageError(f"{where}: limit must be a whole number from 1")
    sample, since = given.get("sample"), given.get("since")
    return Root(
        table,
        condition,
        limit,
        None if sample is None else _share(str(sample), where),
        None if since is None else _since(since, where),
    )


def _share(text: str, where: str) -> Decimal:
    found = _PERCENT.fullmatch(text.strip())
    try:
        share = Decimal(found[1]) / 100 if found else Decimal(0)
    except InvalidOperation:  # digits of other scripts
        share = Decimal(0)
    if not 0 < share <= 1:
        raise UsageError(f"{where}: sample must be a share of the rows, as 1%")
    return share


def _since(given: Any, where: str) -> str:
    """The column, if one is named, and the day; `UsageError` unless there is a day."""
    text = given.isoformat() if isinstance(given, date | datetime) else str(given)
    column, _, day = ("", "", text) if text[:1].isdigit() else text.partition(":")
    try:
        datetime.fromisoformat(day)
    except ValueError:
        raise UsageError(
            f"{where}: since must be a day, as 2026-01-31, or a column and a day, as "
            "created_at:2026-01-31"
        ) from None
    return f"{column}:{day}"


def _check_depth(depth: Any, where: str) -> None:
    if type(depth) is not int or not 0 <= depth <= _MOST_DEPTH:
        raise UsageError(f"{where} must be a whole number from 0 to {_MOST_DEPTH}")


def _never(given: Any, name: str) -> frozenset[str]:
    if not isinstance(given, list) or not all(isinstance(table, str) for table in given):
        raise UsageError(f"{name}: never must be a list of tables")
    return frozenset(given)


def _limits(given: Mapping[str, Any], name: str) -> Mapping[str, int]:
    for table, limit in given.items():
        if type(limit) is not int or limit < 0:
            raise UsageError(f"{name}: [limits] {table} must be a whole number from 0")
    return given


def _reference(column: str, target: Any, name: str) -> DeclaredReference:
    place, dollar, path = column.partition("$")
    table, _, own = place.rpartition(".")
    target_table, _, key = str(target).rpartition(".")
    if not (table and own and target_table and key):
        raise UsageError(
            f'{name}: [references] "{column}": write both sides as table.column, a path into a '
            'document as "table.column$.key"'
        )
    if dollar and path_steps(f"${path}") is None:
        raise UsageError(
            f'{name}: [references] "{column}": the path is not one; write $.key, $..key, $[*] or '
            "$[0]"
        )
    return DeclaredReference(table, own, f"${path}" if dollar else "", target_table, key)


def _table(content: Mapping[str, Any], key: str, name: str) -> Mapping[str, Any]:
    found = content.get(key, {})
    if not isinstance(found, Mapping):
        raise UsageError(f"{name}: [{key}] must be a table")
    return found


def _known(given: Mapping[str, Any], among: Iterable[str], where: str) -> None:
    for key in given:
        if key not in among:
            close = get_close_matches(key, list(among), n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise UsageError(f"{where}: unknown key {key!r}{hint}")
