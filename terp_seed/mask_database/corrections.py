"""What a corrected policy means for a table that was masked before.

A column has one part, or several: a document has one for each path, and one for what no path
names.  A part stays with the pass that masked it as long as the policy says the same of it.
Whatever else the policy says now is masked by a new pass, from the values that are there: a part
that is new for the first time, a part that was masked by another rule a second time.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

from terp_seed.mask_database.progress import MaskedColumn, Pass
from terp_seed.masking.boundary import Boundary
from terp_seed.masking.persons import follows_person
from terp_seed.masking.policy import Choice, Policy, Rule, same_name
from terp_seed.masking.row_names import NAMES

__all__ = ["masked_column", "narrow", "owned", "settle"]

_KEPT = "keep"
_DOCUMENTS = ("redact", "scrub_text")  # the strategies that look into a document


def masked_column(border: Boundary, table: str, name: str) -> MaskedColumn | None:
    """How the policy masks a column by now, all parts of it; None if it does not."""
    rule, choice = border.policy.rule(table, name), border.strategy(table, name)
    if rule is None or rule.kind is None or choice is None or choice.strategy == "keep":
        return None
    rules = border.policy.table(table)
    subject = rules.subject if choice.strategy == "date_shift" else None
    if rules.person_of(rule) and follows_person(rule.kind, choice.strategy):
        subject = f"{rules.person_of(rule)}\0{rules.person_domain(rule)}"
    if rule.kind != "json" or choice.strategy not in _DOCUMENTS:
        parts = {"": _digest(border.policy, rule, choice, subject)}
    else:
        parts = {"": _digest(border.policy, Rule("json"), rule.rest(choice))}
        parts |= {path: _path_digest(border, inner) for path, inner in rule.paths}
    return MaskedColumn(rule.kind, choice.strategy, parts)


def _path_digest(border: Boundary, inner: Rule) -> str:
    choice = inner.choice(border.environment, border.policy.classes(border.environment))
    if inner.kind is None or choice is None or choice.strategy == "keep":
        return _KEPT
    return _digest(border.policy, inner, choice)


def _digest(policy: Policy, rule: Rule, choice: Choice, subject: str | None = None) -> str:
    """What decides about the masked values, in a few characters; reasons do not."""
    domain = policy.mail_domain if rule.kind == "email" else None
    said = [rule.kind, choice.strategy, choice.options, rule.domain, rule.unique, subject, domain]
    return blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=6).hexdigest()


def owned(passes: Sequence[Pass]) -> list[Pass]:
    """The passes over one table, each with the parts that it was the last to mask."""
    found = []
    for at, made in enumerate(passes):
        columns = {}
        for name, column in made.columns.items():
            owners = _owners(passes, name)
            if parts := {part: d for part, d in column.parts.items() if owners[part] == at}:
                columns[name] = replace(column, parts=parts)
        found.append(replace(made, columns=columns))
    return found


def settle(
    passes: Sequence[Pass], wanted: Mapping[str, MaskedColumn], texts: Collection[str] = ()
) -> tuple[list[Pass], dict[str, MaskedColumn]]:
    """The passes over one table with what still is theirs, and what is left for a new one.

    A part belongs to the last pass that masked it.  A column that the policy does not mask any
    more leaves its passes, and stays as it is.  ``texts`` lose the names of their rows: where a
    name is masked anew, so are they.
    """
    redo = {name: _parts_to_redo(passes, name, column) for name, column in wanted.items()}
    masked = {name for made in passes for name in made.columns}
    if any(wanted[n].kind in NAMES and (redo[n] or n not in masked) for n in wanted):
        redo |= {name: {*_owners(passes, name)} for name in masked & {*texts}}
    kept = []
    for made in owned(passes):
        columns = {}
        for name, column in made.columns.items():
            now = wanted[name].parts if name in wanted else {}
            valid = column.parts.keys() - redo.get(name, set())
            if parts := {part: digest for part, digest in now.items() if part in valid}:
                columns[name] = replace(wanted[name], parts=parts, earlier=column.earlier)
        kept.append(replace(made, columns=columns))
    fresh = {}
    for name, column in wanted.items():
        taken = {part for made in kept if name in made.columns for part in made.columns[name].parts}
        parts = {part: digest for part, digest in column.parts.items() if part not in taken}
        if taken and {*parts.values()} == {_KEPT}:  # nothing to mask, and to be noticed if it goes
            kept = _with_parts(kept, name, parts)
        elif parts:
            earlier = _rules_before(passes, name) if redo[name] else ""
            fresh[name] = replace(column, parts=parts, earlier=earlier)
    return kept, fresh


def _owners(passes: Sequence[Pass], name: str) -> dict[str, int]:
    """The place of the pass that masked each part of a column last."""
    made = [pass_.columns[name].parts if name in pass_.columns else {} for pass_ in passes]
    return {part: at for at, parts in enumerate(made) for part in parts}


def _parts_to_redo(passes: Sequence[Pass], name: str, column: MaskedColumn) -> set[str]:
    """The parts that were masked by another rule; what a path named before is now the rest."""
    owners, redo = _owners(passes, name), set()
    for part, at in owners.items():
        if part not in column.parts and owners.get("", -1) <= at:
            redo.add("")
        elif column.parts.get(part, _KEPT) not in (passes[at].columns[name].parts[part], _KEPT):
            redo.add(part)
    return redo


def _with_parts(passes: Sequence[Pass], name: str, parts: Mapping[str, str]) -> list[Pass]:
    """The passes, the first over a column with these parts of it as well."""
    found = list(passes)
    at = next(at for at, made in enumerate(found) if name in made.columns)
    column = found[at].columns[name]
    column = replace(column, parts={**column.parts, **parts})
    found[at] = replace(found[at], columns={**found[at].columns, name: column})
    return found


def _rules_before(passes: Sequence[Pass], name: str) -> str:
    """By which rules the values of a column were masked, oldest first."""
    last = [made.columns[name] for made in passes if name in made.columns][-1]
    return ", ".join(filter(None, (last.earlier, f"{last.kind} by {last.strategy}")))


def narrow(border: Boundary, made: Pass) -> Boundary:
    """The boundary as one pass applies it: what another pass masks of a document is kept."""
    rules = border.policy.table(made.table)
    columns = dict(rules.columns)
    for name, rule in rules.columns.items():
        column = same_name(made.columns, name)
        now = None if column is None else masked_column(border, made.table, name)
        if column is not None and now is not None and now.parts.keys() - column.parts.keys():
            columns[name] = _only(rule, column)
    tables = {**border.policy.tables, rules.name: replace(rules, columns=columns)}
    return Boundary(replace(border.policy, tables=tables), border.environment, border.key)


def _only(rule: Rule, column: MaskedColumn) -> Rule:
    """The rule of a document that masks these parts of it alone."""
    kept = Rule(None, reason="masked by another pass")
    paths = tuple((path, inner if path in column.parts else kept) for path, inner in rule.paths)
    other = rule.other if "" in column.parts else Choice("keep", reason="masked by another pass")
    return replace(rule, paths=paths, other=other)
