"""What a copy must not do any more: send, poll, share, log people in.

A step of ``[neutralise]`` in the policy deletes rows of a table, or gives columns a literal or
NULL.  ::

    [neutralise]
    webhooks = { set = { enabled = false } }
    api_tokens = { delete = true, where = "expires_at IS NULL" }
    users = [{ null = ["reset_token"] }, { set = { status = "locked" }, where = "role = 'bot'" }]
    shops = { set = { options = { send_mail = false, copies = [] } } }    # a document
    sms_queue = { delete = true, optional = true }  # not every database has the table
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any

__all__ = ["Neutralisation", "read_steps"]

_KEYS = ("set", "null", "delete", "where", "optional")
_KINDS = (bool, int, float, str)


@dataclass(frozen=True, slots=True)
class Neutralisation:
    """One step: rows of a table are deleted, or columns of them get these values."""

    table: str
    values: Mapping[str, Any] = field(default_factory=dict)
    """By column; None for NULL."""
    delete: bool = False
    where: str = ""
    """SQL that chooses the rows; empty: all of the table."""
    optional: bool = False
    """Whether a database may lack the table."""

    def __str__(self) -> str:
        said = ", ".join(
            f"{name} = {'NULL' if value is None else repr(value)}"
            for name, value in self.values.items()
        )
        where = f" where {self.where}" if self.where else ""
        return f"{self.table}: {'delete' if self.delete else f'set {said}'}{where}"


def read_steps(
    given: Mapping[str, Any], problem: Callable[[str, str], None]
) -> Iterator[Neutralisation]:
    """The steps of a policy, in its order; ``problem`` gets the place of each mistake, and what."""
    for table, entries in given.items():
        for entry in entries if isinstance(entries, list) else [entries]:
            where = f"[neutralise] {table}"
            fault = _fault(entry)
            if fault:
                problem(where, fault)
            else:
                yield _step(table, entry)


def _step(table: str, entry: Mapping[str, Any]) -> Neutralisation:
    values = {
        name: value.isoformat() if isinstance(value, date | time) else value
        for name, value in entry.get("set", {}).items()
    }
    values |= dict.fromkeys(entry.get("null", ()))
    return Neutralisation(
        table,
        values,
        entry.get("delete", False),
        entry.get("where", "").strip(),
        entry.get("optional", False),
    )


def _fault(entry: Any) -> str:
    """The first mistake of an entry; empty if there is none."""
    if not isinstance(entry, dict):
        return 'each step is { set = { column = value } }, { null = ["column"] }, { delete = true }'
    unknown = sorted(entry.keys() - set(_KEYS))
    if unknown:
        return f"unknown key {unknown[0]!r}; a step has {', '.join(_KEYS)}"
    values, nulls = entry.get("set", {}), entry.get("null", [])
    if not isinstance(values, dict) or not all(_is_literal(value) for value in values.values()):
        return (
            "set is a table of columns with literals: texts, numbers, true, false, dates, documents"
        )
    if not isinstance(nulls, list) or not all(isinstance(name, str) for name in nulls):
        return "null is a list of columns"
    if not all(type(entry.get(name, False)) is bool for name in ("delete", "optional")):
        return "delete and optional are true or false"
    if not isinstance(entry.get("where", ""), str):
        return "where is SQL in a text"
    if {name.casefold() for name in values} & {name.casefold() for name in nulls}:
        return "a column is in set and in null"
    if bool(entry.get("delete")) == bool(values or nulls):
        return "a step has either delete = true, or set and null"
    return ""


def _is_literal(value: Any) -> bool:
    if isinstance(value, dict | list):  # a document, which has no dates
        parts = value.values() if isinstance(value, dict) else value
        return all(isinstance(part, (*_KINDS, dict, list)) and _is_literal(part) for part in parts)
    return isinstance(value, (*_KINDS, date, time))
