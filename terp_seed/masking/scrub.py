"""`scrub_text` and `partial`: what is left of a text is the text's own.

`scrub_text` replaces what has a shape of its own (live e-mail, telephones, tax
and card numbers) and leaves the rest as it is.  A name has no shape: it stays.
That is why `redact` is the default for free text, and this is a choice.

`partial` leaves the first and last characters, for staging only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from terp_seed.masking.content import live, searchable
from terp_seed.masking.normal import UnmaskableError, plain
from terp_seed.masking.site import Mask, Site, of_kind
from terp_seed.rows.model import Value

__all__ = ["partial", "scrub_text", "scrubbed"]

_MARKERS = {"email": "[e-mail]", "phone": "[phone]", "tax_id": "[tax id]", "card": "[card]"}

Surrogates = Mapping[str, Callable[[Value], Value]]


def scrub_text(surrogates: Surrogates) -> Mask:
    """Replace each find by its surrogate, or by a marker where there is none.

    A surrogate is the masked value of the find's own class, so an address in
    a note becomes what it became in its column.
    """

    def by_value(value: Value) -> Value:
        return scrubbed(of_kind(value, value), surrogates)

    return Mask(by_value=by_value, ascii=False)


def scrubbed(text: str, surrogates: Surrogates) -> str:
    """The text with every find replaced."""
    seen = searchable(text)
    parts, end = [], 0
    for hit in live(seen, bare=True):
        parts.append(seen[end : hit.start])
        parts.append(_surrogate(seen[hit.start : hit.stop], hit.kind, surrogates))
        end = hit.stop
    if not parts:
        return text
    return "".join([*parts, seen[end:]])


def _surrogate(found: str, kind: str, surrogates: Surrogates) -> str:
    mask = surrogates.get(kind)
    return _MARKERS[kind] if mask is None else str(mask(found))


def partial(site: Site) -> Mask:
    """Keep the first and last characters; at least as many are hidden as shown, and four."""
    first, last = site.option("first", 1), site.option("last", 2)

    def by_value(value: Value) -> Value:
        text = plain(of_kind(value, value))
        shown = first + last
        begin, end = (first, last) if len(text) >= max(2 * shown, shown + 4) else (0, 0)
        stop = len(text) - end
        hidden = "".join("*" if char.isalnum() else char for char in text[begin:stop])
        if hidden == text[begin:stop]:
            raise UnmaskableError("partial finds nothing in it to hide")
        return text[:begin] + hidden + text[stop:]

    return Mask(by_value=by_value, ascii=False)
