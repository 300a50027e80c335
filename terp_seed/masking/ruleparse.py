"""One column's entry in the policy file, checked against classes and strategies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from terp_seed.masking.classes import CLASSES
from terp_seed.masking.documents import steps
from terp_seed.masking.rules import ENVIRONMENTS, Rule
from terp_seed.masking.site import Choice
from terp_seed.masking.strategies import STRATEGIES, Strategy, known

__all__ = ["RuleParser", "near"]

_OPTIONS = frozenset(name for strategy in STRATEGIES.values() for name in strategy.options)
_KEYS = {"class", "pii", "reason", "strategy", "domain", "unique", "paths", "other"}
_COLUMN = _KEYS | _OPTIONS | set(ENVIRONMENTS)
_CHOICE = {"strategy", "reason"} | _OPTIONS
_OTHER = ("redact", "scrub_text", "keep")


def near(word: str, among: Iterable[str]) -> str:
    """``; did you mean ...?`` if one of ``among`` is close to the word."""
    found = get_close_matches(word, list(among), n=1)
    return f"; did you mean {found[0]!r}?" if found else ""


def _fits(option: str, value: Any, kind: str) -> bool:
    """Whether a layout has a place for each digit of its class."""
    among = CLASSES[kind].reserved
    return option != "layout" or (among is not None and value.count("#") == among.digits_long)


class RuleParser:
    """Turns entries into rules and collects what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def rule(self, given: Mapping[str, Any], where: str) -> Rule:
        """The rule of a column; a faulty entry leaves problems and a stand-in."""
        for name in given:
            if name not in _COLUMN:
                self.problems.append(f"{where}: unknown key {name!r}{near(name, _COLUMN)}")
        if "pii" in given:
            return self._not_personal(given, where)
        kind = given.get("class")
        if kind not in CLASSES:
            self._unknown_class(kind, where)
            return Rule("free_text")
        among = CLASSES[kind].reserved
        if given.get("unique") and given.get("domain") and among is not None:
            self.problems.append(
                f"{where}: unique contradicts domain: {among.name} are too few to be unique and "
                "alike across columns"
            )
        return Rule(
            kind,
            None,
            self._choices(given, kind, where),
            self._text(given, "domain", where),
            self._flag(given, "unique", where),
            self._paths(given, kind, where),
            self._other(given, kind, where),
        )

    def reason(self, given: Mapping[str, Any], where: str) -> str | None:
        """The reason of an entry that must have one."""
        found = given.get("reason")
        if isinstance(found, str) and found.strip():
            return found.strip()
        self.problems.append(f'{where}: needs a reason = "..." that an auditor can judge')
        return None

    def choice(self, given: Any, kind: str, environment: str, where: str) -> Choice | None:
        """The strategy of an entry, by name or as a table with its options."""
        if isinstance(given, str):
            given = {"strategy": given}
        if not isinstance(given, dict):
            self.problems.append(f"{where}: must be the name of a strategy or a table with one")
            return None
        for name in given:
            if name not in _CHOICE:
                self.problems.append(f"{where}: unknown key {name!r}{near(name, _CHOICE)}")
        return self._chosen(given, kind, environment, where)

    def _chosen(
        self, given: Mapping[str, Any], kind: str, environment: str, where: str
    ) -> Choice | None:
        name = given.get("strategy", CLASSES[kind].strategy)
        strategy = known().get(name) if isinstance(name, str) else None
        if strategy is None:
            self.problems.append(self._unknown_strategy(name, where))
            return None
        self._check_place(strategy, kind, environment, where)
        reason = self.reason(given, f"{where}: keep") if strategy.name == "keep" else None
        options = {option: given[option] for option in sorted(_OPTIONS & given.keys())}
        for option, value in options.items():
            known_option = strategy.options.get(option)
            if known_option is None:
                text = f"{where}: {strategy.name} has no option {option!r}"
                self.problems.append(text + near(option, strategy.options))
            elif not known_option.accepts(value) or not _fits(option, value, kind):
                self.problems.append(f"{where}: {option} must be {known_option.meaning}")
        return Choice(strategy.name, options, reason)

    def _unknown_strategy(self, name: Any, where: str) -> str:
        if isinstance(name, str) and name.startswith("custom:"):
            return (
                f"{where}: {name} is not registered; import the module that says "
                f'@custom("{name.removeprefix("custom:")}") before the policy is loaded'
            )
        shown = repr(name) if isinstance(name, str) and len(name) <= 40 else "of this kind"
        return f"{where}: unknown strategy {shown}{near(str(name), known())}"

    def _check_place(self, strategy: Strategy, kind: str, environment: str, where: str) -> None:
        if strategy.only_in is not None and environment not in strategy.only_in:
            only = ", ".join(sorted(strategy.only_in))
            self.problems.append(
                f"{where}: {strategy.name} is allowed in {only} only; "
                f'write {only} = {{ strategy = "{strategy.name}" }}'
            )
        if strategy.classes is not None and kind not in strategy.classes:
            self.problems.append(
                f"{where}: {strategy.name} has no made-up values for class {kind}; "
                f"it has them for {', '.join(sorted(strategy.classes))}"
            )
        allowed = CLASSES[kind].allows
        shifts = strategy.name == "date_shift" and kind != "date"
        if shifts or (allowed and strategy.name in STRATEGIES and strategy.name not in allowed):
            fit = sorted(allowed or STRATEGIES.keys() - {"date_shift"})
            self.problems.append(
                f"{where}: {strategy.name} does not fit class {kind}; use {', '.join(fit)}"
            )

    def _not_personal(self, given: Mapping[str, Any], where: str) -> Rule:
        if given["pii"] is not False:
            self.problems.append(f'{where}: pii is false, or left out; say class = "..." instead')
        elif more := sorted(given.keys() & _COLUMN - {"pii", "reason"}):
            self.problems.append(f"{where}: pii = false contradicts {more[0]!r}; remove one")
        return Rule(None, self.reason(given, f"{where}: pii = false") or "missing")

    def _unknown_class(self, kind: Any, where: str) -> None:
        if kind is None:
            self.problems.append(f'{where}: needs class = "...", or pii = false with a reason')
            return
        shown = repr(kind) if isinstance(kind, str) and len(kind) <= 40 else "of this kind"
        self.problems.append(f"{where}: unknown class {shown}{near(str(kind), CLASSES)}")

    def _choices(self, given: Mapping[str, Any], kind: str, where: str) -> dict[str, Choice]:
        choices = {}
        here = {name: given[name] for name in _CHOICE & given.keys()}
        if set(here) - {"reason"} and (choice := self.choice(here, kind, "", where)):
            choices[""] = choice
        for name in ENVIRONMENTS:
            if name in given:
                choice = self.choice(given[name], kind, name, f"{where}: {name}")
                if choice is not None:
                    choices[name] = choice
        return choices

    def _text(self, given: Mapping[str, Any], name: str, where: str) -> str | None:
        found = given.get(name)
        if found is None or (isinstance(found, str) and found.strip()):
            return found
        self.problems.append(f"{where}: {name} must be a name")
        return None

    def _flag(self, given: Mapping[str, Any], name: str, where: str) -> bool:
        found = given.get(name, False)
        if not isinstance(found, bool):
            self.problems.append(f"{where}: {name} must be true or false")
        return found is True

    def _paths(
        self, given: Mapping[str, Any], kind: str, where: str
    ) -> tuple[tuple[str, Rule], ...]:
        found = given.get("paths", {})
        if found and kind != "json":
            self.problems.append(f'{where}: paths belong to class = "json"')
        if not isinstance(found, dict):
            self.problems.append(f'{where}: paths must be a table, {{ "$.key" = "class" }}')
            return ()
        return tuple((path, self._path(path, rule, where)) for path, rule in found.items())

    def _path(self, path: str, given: Any, where: str) -> Rule:
        here = f"{where} {path}"
        if steps(path) is None:
            self.problems.append(f"{here}: not a path; write $.key, $..key, $[*] or $[0]")
        if isinstance(given, str):
            given = {"class": given}
        if not isinstance(given, dict):
            self.problems.append(f"{here}: must be a class or a table with one")
            return Rule("free_text")
        made = self.rule(given, here)
        used = {choice.strategy for choice in made.choices.values()} or {
            CLASSES[made.kind].strategy if made.kind else "keep"
        }
        if made.kind == "json" or made.paths or "date_shift" in used or made.unique:
            self.problems.append(f"{here}: class json, date_shift and unique are for columns only")
        return made

    def _other(self, given: Mapping[str, Any], kind: str, where: str) -> Choice | None:
        if "other" not in given:
            return None
        found = given["other"]
        entry = {"strategy": found} if isinstance(found, str) else found
        if kind != "json" or not isinstance(entry, dict) or entry.get("strategy") not in _OTHER:
            self.problems.append(
                f'{where}: other, for class = "json", is one of {", ".join(_OTHER)}'
            )
            return None
        return self.choice(entry, "free_text", "", f"{where}: other")
