"""What the masking policy knows: the classes of personal data, and the strategies with options."""

from __future__ import annotations

from parts.markdown import rows_of
from terp_seed.masking.policy import DATA_CLASSES
from terp_seed.masking.policy_file import is_fit
from terp_seed.masking.strategies import STRATEGIES

_EVERYWHERE = ("keep", "nullify", "constant")
_EFFECTS = {
    "keep": "the value stays; needs a reason",
    "nullify": "NULL",
    "redact": "a marker instead of the text, `{}` or `[]` instead of a document",
    "substitute": "an invented name, business or address",
    "pseudonymise": "a token of the value; an e-mail address at `mail_domain`",
    "tokenise": "a value of the same form, from a range that is never issued where there is one",
    "generalise": "a coarser value",
    "noise": "a value near by",
    "date_shift": "all dates of one subject moved alike",
    "shuffle": "the value of another row",
    "constant": "one value of the policy",
    "hash": "hexadecimal digits",
    "partial": "the first or last characters, the rest hidden",
    "scrub_text": "the text without the names, addresses and numbers that are recognised",
}


def classes() -> str:
    """Each class with its meaning, the strategy that it has by itself, and the others that fit."""
    lines = []
    for kind in DATA_CLASSES.values():
        fit = [
            f"`{one.name}`"
            for one in STRATEGIES.values()
            if is_fit(one, kind.name) and one.name not in (kind.strategy, *_EVERYWHERE)
        ]
        lines.append([f"`{kind.name}`", kind.meaning, f"`{kind.strategy}`", ", ".join(fit)])
    return rows_of(["class", "holds", "default", "fits too"], *lines)


def strategies() -> str:
    """Each strategy with its options, as an error would name what they may be."""
    lines = [
        [
            f"`{one.name}`",
            _EFFECTS[one.name],
            "; ".join(f"`{name}`: {option.meaning}" for name, option in one.options.items()),
        ]
        for one in STRATEGIES.values()
    ]
    return rows_of(["strategy", "leaves", "options"], *lines)
