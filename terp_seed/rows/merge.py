"""JSON documents merged key by key: what the chain said, what it says now, and what is there.

A key that holds what the chain said, or is as absent as it said, becomes what it says now.  Any
other key is a person's, and so are keys that the chain never had.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terp_seed.rows.literals import json_text
from terp_seed.rows.model import Json, Value

__all__ = ["Merged", "changed_keys", "is_nameable", "merge_cells"]

_UNNAMEABLE = re.compile(r'["\\\x00-\x1f]')  # a path cannot name it on every engine

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Merged:
    """What becomes of a cell."""

    document: Document | None
    """The merged document; None if the cell holds none, which is left alone."""
    keys: list[str]
    """The changed keys that are left as a person made them."""

    moves: bool
    """Whether the document differs from the one that is there."""

    def edited(self, column: str) -> list[str]:
        """What is left alone of a column."""
        return [column] if self.document is None else [f"{column}.{key}" for key in self.keys]


def changed_keys(said: Value, given: Value) -> list[str]:
    """The keys to which the chain gives another value, or that it adds or removes.

    None unless both are JSON objects.
    """
    before, after = _document(said), _document(given)
    if before is None or after is None:
        return []
    return [key for key in {**before, **after} if _text(before, key) != _text(after, key)]


def is_nameable(key: str) -> bool:
    """Whether every engine has a path for a key."""
    return key != "" and _UNNAMEABLE.search(key) is None


def merge_cells(live: Value, said: Value, given: Value, *, insist: bool = False) -> Merged | None:
    """Merge what the chain changes into what is there; ``insist`` overrules edits.

    None if the chain changes no key.
    """
    keys, document = changed_keys(said, given), _document(live)
    if not keys:
        return None
    if document is None and not insist:
        return Merged(None, [], moves=False)
    if document is None:
        return Merged(_document(given), [], moves=True)
    before, after = _document(said) or {}, _document(given) or {}
    merged, edited = dict(document), list[str]()
    for key in keys:
        now = _text(document, key)
        if now == _text(after, key):
            continue
        if now != _text(before, key) and not insist:
            edited.append(key)
        elif key in after:
            merged[key] = after[key]
        else:
            merged.pop(key, None)
    return Merged(merged, edited, moves=merged != document)


def _document(value: Value) -> Document | None:
    """The JSON object that a value is, or whose text it is; None if it is none."""
    if isinstance(value, Json):
        value = value.value
    elif isinstance(value, str | bytes):
        try:
            value = json.loads(value)
        except ValueError:
            return None
    return value if isinstance(value, dict) else None


def _text(document: Document, key: str) -> str | None:
    return json_text(document[key]) if key in document else None
