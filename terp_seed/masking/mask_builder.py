"""From a rule to a mask: the strategy that holds in an environment, built for one place."""

from __future__ import annotations

from dataclasses import dataclass, replace

from terp_seed.errors import MaskingError
from terp_seed.masking.classes import DATA_CLASSES
from terp_seed.masking.documents import Other, mask_document
from terp_seed.masking.keys import Key
from terp_seed.masking.policy import Choice, Policy, Rule
from terp_seed.masking.site import Mask, Site
from terp_seed.masking.strategies import build, known

__all__ = ["MaskBuilder"]


@dataclass(frozen=True, slots=True)
class MaskBuilder:
    """Builds masks for one environment, under its key."""

    policy: Policy
    environment: str
    key: Key | None

    def mask(self, place: str, rule: Rule, subject: str | None = None) -> Mask | None:
        """The mask of a personal column or path; None if its values are kept.

        Raises `MaskingError` if production has no strategy for it, if the
        strategy needs a key and there is none outside dev and test, or if it
        needs a subject.
        """
        choice = rule.choice(self.environment, self.policy.classes(self.environment))
        if choice is None:
            raise MaskingError(
                f"{place} is personal ({rule.kind}) and is not written in production; leave the "
                "column out, or give it a strategy of its own under production"
            )
        site = self._site(place, rule, choice)
        if rule.kind == "json" and choice.strategy in ("redact", "scrub_text"):
            return self._document(site, rule)
        if choice.strategy == "date_shift":
            if subject is None:
                raise MaskingError(
                    f"{place}: date_shift needs the column that names a row's subject"
                )
            # All dates of a row move alike, so the place is the table.
            table = place.rpartition(".")[0]
            site = replace(site, place=table, domain=rule.domain or "subject")
        return build(site)

    def _site(self, place: str, rule: Rule, choice: Choice) -> Site:
        assert rule.kind is not None
        keyed, optional = known()[choice.strategy].keyed, self.environment in ("dev", "test")
        if keyed and self.key is None and not optional:
            raise MaskingError(
                f"{place}: {choice.strategy} needs a key in {self.environment}; "
                "set TERP_SEED_MASK_KEY or TERP_SEED_MASK_KEY_FILE"
            )
        return Site(
            place=place,
            kind=DATA_CLASSES[rule.kind],
            choice=choice,
            key=self.key,
            domain=rule.domain or rule.kind,
            unique=rule.unique,
            mail_domain=self.policy.mail_domain,
        )

    def _document(self, site: Site, rule: Rule) -> Mask | None:
        if site.choice.strategy == "redact" and not rule.paths and rule.other is None:
            return build(site)
        paths = [
            (path, None if inner.kind is None else self.mask(f"{site.place} {path}", inner))
            for path, inner in rule.paths
        ]
        return mask_document(paths, _other(site, rule.other or site.choice))


def _other(site: Site, choice: Choice) -> Other:
    """What happens to the parts of a document that no path names."""
    if choice.strategy == "keep":
        return "keep"
    if choice.strategy == "redact":
        return "remove"
    texts = build(replace(site, kind=DATA_CLASSES["free_text"], choice=Choice("scrub_text")))
    assert texts is not None
    assert texts.by_value is not None
    return texts.by_value
