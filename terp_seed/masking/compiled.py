"""From a rule to a mask: the strategy that holds here, built for this place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from terp_seed.errors import MaskingError
from terp_seed.masking.classes import CLASSES
from terp_seed.masking.documents import Other, document
from terp_seed.masking.keys import Key
from terp_seed.masking.rules import Environment, Rule
from terp_seed.masking.scrub import scrub_text
from terp_seed.masking.site import Choice, Mask, Site
from terp_seed.masking.strategies import build, known

__all__ = ["Profile", "chosen", "compiled"]


@dataclass(frozen=True, slots=True)
class Profile:
    """What holds for all columns of a run: environment, key, and the file's defaults."""

    environment: Environment
    classes: dict[str, Choice]
    key: Key | None
    mail_domain: str


def chosen(rule: Rule, environment: Environment, classes: dict[str, Choice]) -> Choice | None:
    """The strategy of a personal column; None if production says nothing of its own.

    The column's own word for the environment comes first, then its word for
    all, then the environment's for the class, then the class's default.
    Production takes only what was written for production.
    """
    assert rule.kind is not None
    own = rule.choices.get(environment)
    if environment == "production":
        return own or classes.get(rule.kind)
    default = Choice(CLASSES[rule.kind].strategy)
    return own or rule.choices.get("") or classes.get(rule.kind) or default


def compiled(place: str, rule: Rule, profile: Profile, subject: str | None) -> Mask | None:
    """The mask of a personal column or path; None if its values are kept.

    Raises `MaskingError` if production has no word on it, if the strategy
    needs a key and there is none outside dev and test, or if it needs a
    subject.
    """
    assert rule.kind is not None
    choice = chosen(rule, profile.environment, profile.classes)
    if choice is None:
        raise MaskingError(
            f"{place} is personal ({rule.kind}) and is not written in production; leave the column "
            "out, or give it a strategy of its own under production"
        )
    site = _site(place, rule, choice, profile)
    if rule.kind == "json" and choice.strategy in ("redact", "scrub_text"):
        return _document(site, rule, profile)
    if choice.strategy == "date_shift":
        if subject is None:
            raise MaskingError(f"{place}: date_shift needs the column that names a row's subject")
        # All dates of a row move alike, so the place is the table.
        site = replace(site, place=place.rpartition(".")[0], domain=rule.domain or "subject")
    return build(site)


def _site(place: str, rule: Rule, choice: Choice, profile: Profile) -> Site:
    assert rule.kind is not None
    strategy = known()[choice.strategy]
    if strategy.keyed and profile.key is None and profile.environment not in ("dev", "test"):
        raise MaskingError(
            f"{place}: {choice.strategy} needs a key in {profile.environment}; "
            "set TERP_SEED_MASK_KEY or TERP_SEED_MASK_KEY_FILE"
        )
    kind = CLASSES[rule.kind]
    return Site(
        place=place,
        kind=kind,
        choice=choice,
        key=profile.key,
        domain=rule.domain or kind.name,
        unique=rule.unique,
        mail_domain=profile.mail_domain,
    )


def _document(site: Site, rule: Rule, profile: Profile) -> Mask | None:
    if site.choice.strategy == "redact" and not rule.paths and rule.other is None:
        return build(site)
    paths = [(path, _path(f"{site.place} {path}", inner, profile)) for path, inner in rule.paths]
    return document(paths, _other(site, rule))


def _path(place: str, rule: Rule, profile: Profile) -> Mask | None:
    return None if rule.kind is None else compiled(place, rule, profile, None)


def _other(site: Site, rule: Rule) -> Other:
    strategy = rule.other.strategy if rule.other else site.choice.strategy
    if strategy == "keep":
        return "keep"
    if strategy == "redact":
        return "remove"
    texts = build(replace(site, kind=CLASSES["free_text"], choice=Choice("scrub_text")))
    assert texts is not None
    return texts.by_value or scrub_text({}).by_value or "remove"
