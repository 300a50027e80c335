"""The classes of personal data, and the strategy that masks each by default."""

from __future__ import annotations

from dataclasses import dataclass

from terp_seed.masking.normal import Normal, compact, digits_of, folded, plain, tidy
from terp_seed.masking.reserved import CARDS, NETWORKS, PHONES, TAX_NUMBERS, ReservedRange

__all__ = ["DATA_CLASSES", "DataClass"]


@dataclass(frozen=True, slots=True)
class DataClass:
    """What a class means, how its values are compared, and its default strategy.

    ``reserved`` is the finite range that its masked values come from.  The
    default holds in dev, test and staging alike; production has none.
    """

    name: str
    meaning: str
    strategy: str
    normal: Normal = folded
    reserved: ReservedRange | None = None
    allows: frozenset[str] | None = None
    """The only built-in strategies that fit its values; None for texts of any kind."""


_DOCUMENT = frozenset({"redact", "scrub_text", "nullify", "keep"})
_DATE = frozenset({"date_shift", "generalise", "nullify", "keep"})
_AMOUNT = frozenset({"generalise", "nullify", "keep"})
_TEXT = frozenset({"redact", "scrub_text", "nullify", "keep", "partial", "hash"})

DATA_CLASSES = {
    made.name: made
    for made in (
        DataClass("person_name", "a person's full name", "substitute", tidy),
        DataClass("first_name", "a given name", "substitute", tidy),
        DataClass("last_name", "a family name", "substitute", tidy),
        DataClass("org_name", "a business, perhaps a sole trader", "substitute", tidy),
        DataClass("email", "an e-mail address", "pseudonymise"),
        DataClass("phone", "a telephone or fax number", "tokenise", digits_of, PHONES),
        DataClass("postal_address", "a street or postal address", "substitute", tidy),
        DataClass("tax_id", "a tax or social security number", "tokenise", compact, TAX_NUMBERS),
        DataClass("license", "a licence or permit number", "tokenise"),
        DataClass("account", "a bank account, cheque or transfer number", "tokenise"),
        DataClass("card", "a payment card number", "tokenise", digits_of, CARDS),
        DataClass("network", "an IP address", "tokenise", folded, NETWORKS),
        DataClass("username", "a login name", "pseudonymise"),
        DataClass("external_id", "an identity at another service", "pseudonymise", plain),
        DataClass("code", "a code that people know a party by", "pseudonymise"),
        DataClass("credential", "a password, token or hash of one", "nullify", plain),
        DataClass("device", "a device, browser or place of use", "redact", plain),
        DataClass("special", "health, origin, belief or another special category", "redact", plain),
        DataClass("free_text", "text that a person wrote", "redact", plain, allows=_TEXT),
        DataClass("json", "a document", "redact", plain, allows=_DOCUMENT),
        DataClass("date", "a day in a person's life", "date_shift", plain, allows=_DATE),
        DataClass("amount", "a sum that tells of one party", "generalise", plain, allows=_AMOUNT),
    )
}
