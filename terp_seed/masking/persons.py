"""One made-up person for a row: names, e-mail, user name and gender from one digest.

The table's ``person`` names the column that says who the row's person is.  Equal values of such
columns are one person, in every table.  E-mail and user name end in a digest of their own value:
different ones stay different, and equal ones stay equal where the person is the same.
"""

from __future__ import annotations

from collections.abc import Callable

from terp_seed.masking.identities import as_letters, spelling_of
from terp_seed.masking.keys import Digest
from terp_seed.masking.normal import UnmaskableError, token
from terp_seed.masking.site import Mask, Site, of_kind
from terp_seed.masking.substitutes import LONGEST, Person, longest_name, person_of
from terp_seed.rows.model import Value

__all__ = ["FOLLOWING", "follows_person", "mask_of_person"]

FOLLOWING = {
    "person_name": "substitute",
    "first_name": "substitute",
    "last_name": "substitute",
    "gender": "substitute",
    "email": "pseudonymise",
    "username": "pseudonymise",
}
"""The classes that a made-up person has, and the strategy by which a column is one of theirs."""


def follows_person(kind: str | None, strategy: str) -> bool:
    """Whether a column of this class and strategy can be part of the row's made-up person."""
    return kind is not None and FOLLOWING.get(kind) == strategy


_Render = Callable[[Value, Person], Value]


def mask_of_person(site: Site, persona: Digest, known_by: str, *, by_itself: bool) -> Mask:
    """The mask of a column whose values are those of the row's made-up person.

    ``persona`` makes the person's digest from the identity in column ``known_by``; ``by_itself``
    says that it is this very column.
    """
    if site.kind.name in ("email", "username"):
        return _address_mask(site, persona, known_by, by_itself=by_itself)
    if site.kind.name == "gender":
        return _row_mask(_gender(site), persona, known_by)
    longest = LONGEST[site.kind.name]
    if site.unique:
        return _unique_name(site, persona, known_by, longest)
    return _row_mask(_name(site), persona, known_by, length=longest)


def _row_mask(render: _Render, persona: Digest, known_by: str, length: int | None = None) -> Mask:
    def by_subject(value: Value, identity: bytes) -> Value:
        return render(value, person_of(persona(identity)))

    return Mask(by_subject=by_subject, known_by=known_by, length=length)


def _unique_name(site: Site, persona: Digest, known_by: str, longest: int) -> Mask:
    """The person's name and 80 bits of the value's digest; of the row's, without a key."""
    digest, normal, render = site.digest(), site.kind.normal, _name(site)

    def by_subject(value: Value, identity: bytes) -> Value:
        own = digest(token(value, normal) if site.key else identity)
        return f"{render(value, person_of(persona(identity)))} {as_letters(own).upper()}"

    return Mask(by_subject=by_subject, known_by=known_by, distinct=True, length=longest + 17)


def _name(site: Site) -> _Render:
    kind = site.kind.name

    def render(value: Value, person: Person) -> Value:
        if kind == "person_name":
            return of_kind(person.name, value)
        return of_kind(person.first if kind == "first_name" else person.last, value)

    return render


def _address_mask(site: Site, persona: Digest, known_by: str, *, by_itself: bool) -> Mask:
    """`first.last.` and 80 bits of the value's digest; of the row's, without a key.

    A pseudonym keeps its bits, so that it becomes what its original would have become.
    """
    digest, spelt, keyed = site.digest(), spelling_of(site), site.key is not None
    end = f"@{site.mail_domain}" if site.kind.name == "email" else ""

    def render(value: Value, identity: bytes, own: bytes) -> Value:
        person = person_of(persona(identity))
        name = f"{person.first}.{person.last}.".lower()
        return of_kind(f"{name}{as_letters(own)}{end}", value)

    def by_value(value: Value) -> Value:
        own = spelt(value)
        return render(value, own, own)

    def by_subject(value: Value, identity: bytes) -> Value:
        return render(value, identity, spelt(value) if keyed else digest(identity))

    length = longest_name() + 18 + len(end)
    if by_itself and keyed:
        return Mask(by_value=by_value, distinct=True, length=length)
    return Mask(by_subject=by_subject, known_by=known_by, distinct=True, length=length)


def _gender(site: Site) -> _Render:
    """The made-up person's gender, in the policy's spelling: of a man, of a woman."""
    spellings = site.option("values", ("", ""))

    def render(value: Value, person: Person) -> Value:
        spelling: Value = spellings[person.female]
        if isinstance(value, bool) or not isinstance(value, type(spelling)):
            raise UnmaskableError("its type is not that of the values in the policy")
        return spelling

    return render
