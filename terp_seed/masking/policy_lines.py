"""The text of entries for `seeds/masking.toml`, added to a file without changing what it holds."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from terp_seed.errors import UsageError
from terp_seed.masking.gaps import toml_key
from terp_seed.masking.neutralisation import Neutralisation
from terp_seed.masking.policy import PROPOSED

__all__ = ["Decision", "TableDecisions", "add_decisions", "add_steps"]

_GROUPS = re.compile(r"\A(?:(?!\[)[^\n]*\n)*?not_personal[ \t]*=[ \t]*\[")
"""The lines of a table up to its ``not_personal``: before the next header."""
_STEPS = re.compile(r"^[ \t]*\[[ \t]*neutralise[ \t]*\][ \t]*(?:#.*)?\n", re.MULTILINE)
_NEW_FILE = "# What is personal in the tables that seeds write, and what is not.\n\nversion = 1\n"


@dataclass(frozen=True, slots=True)
class Decision:
    """A proposed entry of one column: a class, or the reason why it is not personal."""

    column: str
    kind: str | None
    because: str
    strategy: str = ""
    """Empty: that of the class."""
    unique: bool = False
    options: Mapping[str, Any] = field(default_factory=dict)
    type_kind: str = ""
    """The type that the decision rests on, if it does."""
    proposed: bool = True
    """Whether a person has to confirm it."""

    @property
    def reason(self) -> str:
        """What the entry gives as its reason."""
        return f"{PROPOSED} {self.because}" if self.proposed else self.because

    def entry(self) -> dict[str, Any]:
        """What the file says of the column."""
        if self.kind is None:
            return {"pii": False, **self.harmless()}
        found: dict[str, Any] = {"class": self.kind}
        if self.strategy:
            found["strategy"] = self.strategy
        if self.unique:
            found["unique"] = True
        return {**found, **self.options, "reason": self.reason}

    def harmless(self) -> dict[str, Any]:
        """What a group of ``not_personal`` says beside its columns."""
        more = {"type": self.type_kind} if self.type_kind else {}
        return {"reason": self.reason, **more}


@dataclass(frozen=True, slots=True)
class TableDecisions:
    """The proposed entries of a table's columns, and those that name a row's subject and person."""

    table: str
    decisions: Sequence[Decision]
    subject: str | None = None
    person: str | None = None


def add_decisions(path: Path, tables: Sequence[TableDecisions]) -> int:
    """Add entries to a policy file, made if it does not exist; returns how many columns got one.

    What the file holds stays, byte for byte: a table that it has gets its new lines under its
    header, others follow at the end.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else _NEW_FILE
    known = tomllib.loads(text).get("tables", {})
    added = [found for found in tables if found.decisions]
    for found in added:
        text = _with_table(text, found, known)
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:  # a form of the file that this cannot extend
        lines = "".join(_with_table("", found, {}) for found in added)
        raise UsageError(f"{path}: cannot be extended; add these lines:\n\n{lines}") from None
    if added:
        path.write_text(text, encoding="utf-8")
    return sum(len(found.decisions) for found in added)


def add_steps(path: Path, steps: Sequence[Neutralisation]) -> None:
    """Add proposed steps to a policy file that exists, one for each table; the rest stays."""
    if not steps:
        return
    text = path.read_text(encoding="utf-8")
    lines = "".join(
        f"{toml_key(step.table)} = {_inline(_step(step))}  # {PROPOSED}\n" for step in steps
    )
    header = _STEPS.search(text)
    if header is None:
        longer = f"{text.rstrip()}\n\n[neutralise]\n{lines}"
    else:
        longer = text[: header.end()] + lines + text[header.end() :]
    try:
        tomllib.loads(longer)
    except tomllib.TOMLDecodeError:
        raise UsageError(
            f"{path}: cannot be extended; add these lines under [neutralise]:\n\n{lines}"
        ) from None
    path.write_text(longer, encoding="utf-8")


def _step(step: Neutralisation) -> dict[str, Any]:
    """What the file says of a step."""
    values = {name: value for name, value in step.values.items() if value is not None}
    nulls = [name for name, value in step.values.items() if value is None]
    found: dict[str, Any] = {"delete": True} if step.delete else {}
    if values:
        found["set"] = values
    if nulls:
        found["null"] = nulls
    return found


def _with_table(text: str, found: TableDecisions, known: Mapping[str, Any]) -> str:
    name = next((n for n in known if n.casefold() == found.table.casefold()), found.table)
    header = _header(text, name)
    if header is None:
        gap = "" if text.endswith("\n\n") or not text else "\n" if text.endswith("\n") else "\n\n"
        text = f"{text}{gap}[tables.{toml_key(name)}]\n"
        start = len(text)
    else:
        start = header.end()
    before, own = text[:start], text[start:]
    groups = _GROUPS.search(own) if "not_personal" in known.get(name, {}) else None
    if groups is not None:
        rest = own[groups.end() :]
        rest = rest[1:] if rest.startswith("\n") else f"  {rest.lstrip(' ')}"
        own = f"{own[: groups.end()]}\n{_harmless(found)}{rest}"
    return before + _lines(found, known.get(name, {}), grouped=groups is not None) + own


def _header(text: str, name: str) -> re.Match[str] | None:
    """The line ``[tables.<name>]``, in any of its spellings, with its end."""
    spelled = "|".join(re.escape(form) for form in (name, json.dumps(name), f"'{name}'"))
    pattern = rf"^[ \t]*\[[ \t]*tables[ \t]*\.[ \t]*(?:{spelled})[ \t]*\][ \t]*(?:#.*)?\n"
    return re.search(pattern, text if text.endswith("\n") else f"{text}\n", re.MULTILINE)


def _lines(found: TableDecisions, known: Mapping[str, Any], *, grouped: bool) -> str:
    identities = {"subject": found.subject, "person": found.person}
    lines = [
        f"{name} = {json.dumps(column)}"
        for name, column in identities.items()
        if column and name not in known
    ]
    lines += [_line(decision) for decision in found.decisions if decision.kind is not None]
    text = "".join(f"{line}\n" for line in lines)
    harmless = _harmless(found)
    return f"{text}not_personal = [\n{harmless}]\n" if harmless and not grouped else text


def _harmless(found: TableDecisions) -> str:
    """A line for each reason why columns are not personal."""
    groups: dict[tuple[tuple[str, Any], ...], list[str]] = {}
    for decision in found.decisions:
        if decision.kind is None:
            groups.setdefault(tuple(decision.harmless().items()), []).append(decision.column)
    entries = ({"columns": names, **dict(said)} for said, names in groups.items())
    return "".join(f"  {_inline(entry)},\n" for entry in entries)


def _line(decision: Decision) -> str:
    return f"{toml_key(decision.column)} = {_inline(decision.entry())}"


def _inline(entry: Mapping[str, Any]) -> str:
    pairs = (f"{toml_key(name)} = {_value(value)}" for name, value in entry.items())
    return f"{{ {', '.join(pairs)} }}"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return _inline(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)
