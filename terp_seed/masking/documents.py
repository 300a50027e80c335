"""Documents: JSON by path, and what happens to everything that no path names.

A path that leads to an object or an array covers everything in it.  A text that is a document
itself is looked into as if it stood there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from terp_seed.masking.document_keys import hide, personal_key
from terp_seed.masking.normal import UnmaskableError, is_blank
from terp_seed.masking.policy import PathStep, path_steps
from terp_seed.masking.site import Mask
from terp_seed.rows.model import Json, Value

__all__ = ["Other", "mask_document"]

_DEEPEST = 200
_MOST_KNOWN, _SHORT = 1 << 14, 100
_LEAVES = 1 << 20  # row numbers of leaves are apart by this much

_Leaf = Callable[[Value, int], Value]
_State = tuple[Sequence[PathStep], int, _Leaf | None]
Other = Callable[[str], str] | Literal["keep", "remove"]


def mask_document(paths: Sequence[tuple[str, Mask | None]], other: Other) -> Mask:
    """Mask a document by path; a path without a mask is kept.

    ``other`` decides on what no path names: "keep" keeps it, a function is
    applied to its texts and keys, "remove" removes it.  Where a function is
    applied, a value whose key is that of personal data is hidden whole.  Where several paths
    lead to one place, the first decides.  A text that is not JSON is replaced
    by ``{}``.
    """
    states = [(path_steps(path) or (), 0, _leaf(mask)) for path, mask in paths]
    if callable(other):
        other = _remembering(other)

    def by_row(value: Value, row: int) -> Value:
        walk = _Walk(row * _LEAVES, other)
        if isinstance(value, Json):
            return Json(walk.visit(value.value, states, 0))
        if isinstance(value, dict | list):
            return walk.visit(value, states, 0)
        if isinstance(value, str):
            return _in_text(value, lambda found: walk.visit(found, states, 0))
        raise UnmaskableError("neither a document nor a text")

    if any(mask is not None and mask.by_value is None for _, mask in paths):
        return Mask(by_row=by_row, ascii=False)
    return Mask(by_value=lambda value: by_row(value, 0), ascii=False)


def _remembering(change: Callable[[str], str]) -> Callable[[str], str]:
    """The same function; keys and short texts come again in every document."""
    remembered = lru_cache(_MOST_KNOWN)(change)
    return lambda text: remembered(text) if len(text) < _SHORT else change(text)


def _in_text(value: str, change: Callable[[Any], Any]) -> str:
    try:
        found = json.loads(value)
        if not isinstance(found, dict | list):
            return "{}"
        return json.dumps(change(found), ensure_ascii=False, allow_nan=False)
    except (ValueError, RecursionError):
        return "{}"


def _leaf(mask: Mask | None) -> _Leaf | None:
    if mask is None:
        return None
    by_value, by_row = mask.by_value, mask.by_row
    if by_value is not None:
        return lambda value, row: by_value(value)
    assert by_row is not None
    return by_row


@dataclass
class _Walk:
    """One pass through one document; ``row`` numbers its leaves."""

    row: int
    other: Other

    def visit(
        self, node: Any, states: Sequence[_State], depth: int, keys: tuple[str, str] = ("", "")
    ) -> Any:
        """The masked form of a node that ``states`` have led to; ``keys`` are the last two."""
        for path, at, leaf in states:
            if at == len(path):
                return node if leaf is None else self._covered(node, leaf, depth)
        if depth < _DEEPEST and isinstance(node, dict):
            return self._object(node, states, depth, keys)
        if depth < _DEEPEST and isinstance(node, list):
            return self._array(node, states, depth, keys)
        if depth < _DEEPEST and isinstance(node, str) and self.other != "keep":
            inner = _document_in(node)
            if inner is not None:
                return json.dumps(self.visit(inner, states, depth + 1, keys), ensure_ascii=False)
        return self._rest(node, keys)

    def _array(
        self, node: list[Any], states: Sequence[_State], depth: int, keys: tuple[str, str]
    ) -> list[Any]:
        ahead = [_after(states, number) for number in range(len(node))]
        return [
            self.visit(item, then, depth + 1, keys)
            for item, then in zip(node, ahead, strict=True)
            if then or self.other != "remove"
        ]

    def _object(
        self, node: dict[str, Any], states: Sequence[_State], depth: int, keys: tuple[str, str]
    ) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for key, value in node.items():
            ahead = _after(states, f".{key}")
            if self.other == "remove" and not ahead:
                continue
            shown = self._key(key, ahead)
            while shown in out:
                shown += "_"
            out[shown] = self.visit(value, ahead, depth + 1, (keys[1], key))
        return out

    def _key(self, key: str, ahead: Sequence[_State]) -> str:
        """A key that a path names stays; another is treated as a text is."""
        if self.other == "keep" or any(path[at - 1][1] == f".{key}" for path, at, _ in ahead if at):
            return key
        return "key" if self.other == "remove" else self.other(key)

    def _covered(self, node: Any, leaf: _Leaf, depth: int) -> Any:
        """Everything inside a named place; keys inside could be values as well."""
        if depth >= _DEEPEST:
            return None
        if isinstance(node, list):
            return [self._covered(item, leaf, depth + 1) for item in node]
        if isinstance(node, dict):
            values = enumerate(node.values(), start=1)
            return {f"key_{n}": self._covered(value, leaf, depth + 1) for n, value in values}
        if isinstance(node, bool) or is_blank(node):
            return node
        self.row += 1
        try:
            return leaf(node, self.row)
        except UnmaskableError:
            return None

    def _rest(self, node: Any, keys: tuple[str, str]) -> Any:
        """A node that no path names, or one too deep to look into."""
        if self.other == "keep":
            return node
        if self.other == "remove" or isinstance(node, dict | list):
            return None
        if isinstance(node, bool) or is_blank(node):
            return node
        kind = personal_key(*keys, isinstance(node, str))
        if kind is not None:
            return hide(kind, node, self.other)
        if isinstance(node, str):
            return self.other(node)
        if not isinstance(node, int):
            return node
        return node if self.other(str(node)) == str(node) else None


def _document_in(text: str) -> dict[str, Any] | list[Any] | None:
    """The document that a text in a document is; None if it is none."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict | list) else None


def _after(states: Sequence[_State], step: str | int) -> list[_State]:
    """The states one step further on; a step at any depth also stays where it is."""
    ahead: list[_State] = []
    for path, at, leaf in states:
        if at == len(path):
            continue
        deep, wanted = path[at]
        if deep:
            ahead.append((path, at, leaf))
        if wanted == step or (wanted == "*" and isinstance(step, int)):
            ahead.append((path, at + 1, leaf))
    return ahead
