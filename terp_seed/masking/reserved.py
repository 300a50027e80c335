"""Values that belong to no person: what a masked or made-up value must be.

E-mail on names that RFC 2606 and RFC 6761 set aside; telephone numbers set
aside for fiction; tax numbers that neither the IRS nor the SSA gives out; card
numbers whose issuer digit is not assigned and whose check digit is wrong;
addresses of documentation networks.

A `ReservedRange` is a finite set of such values, each of which has a number.  It says
how many there are, because a UNIQUE column cannot hold more.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address

__all__ = [
    "CARDS",
    "NANP_CODES",
    "NETWORKS",
    "NOT_GEOGRAPHIC",
    "PHONES",
    "TAX_NUMBERS",
    "UNDIALABLE",
    "ReservedRange",
    "is_fictional_phone",
    "is_issued_ein",
    "is_issued_ssn",
    "is_live_address",
    "is_live_card",
    "is_live_iban",
    "is_reserved_domain",
    "is_reserved_email",
    "luhn_sum",
]

_CODES = """
201 202 203 204 205 206 207 208 209 210 212 213 214 215 216 217 218 219 220 223 224 225 226
227 228 229 231 234 235 236 239 240 248 249 250 251 252 253 254 256 257 260 262 263 267 269
270 272 273 274 276 279 281 283 289 301 302 303 304 305 306 307 308 309 310 312 313 314 315
316 317 318 319 320 321 323 324 325 326 327 329 330 331 332 334 336 337 339 340 341 343 346
347 350 351 352 353 354 360 361 363 364 365 367 368 369 380 382 385 386 401 402 403 404 405
406 407 408 409 410 412 413 414 415 416 417 418 419 423 424 425 428 430 431 432 434 435 437
438 440 442 443 445 447 448 450 458 463 464 468 469 470 472 474 475 478 479 480 484 501 502
503 504 505 506 507 508 509 510 512 513 514 515 516 517 518 519 520 530 531 534 539 540 541
548 551 557 559 561 562 563 564 567 570 571 572 573 574 575 579 580 581 582 584 585 586 587
601 602 603 604 605 606 607 608 609 610 612 613 614 615 616 617 618 619 620 623 626 628 629
630 631 636 639 640 641 645 646 647 650 651 656 657 659 660 661 662 667 669 670 671 672 678
680 681 682 683 686 689 701 702 703 704 705 706 707 708 709 712 713 714 715 716 717 718 719
720 724 725 726 727 728 730 731 732 734 737 738 740 742 743 747 748 753 754 757 760 762 763
765 769 770 771 772 773 774 775 778 779 780 781 782 785 786 787 801 802 803 804 805 806 807
808 810 812 813 814 815 816 817 818 819 820 821 825 826 828 830 831 832 835 838 839 840 843
845 847 848 850 854 856 857 858 859 860 862 863 864 865 867 870 872 873 878 879 901 902 903
904 905 906 907 908 909 910 912 913 914 915 916 917 918 919 920 925 928 929 930 931 934 936
937 938 939 940 941 942 943 945 947 948 949 951 952 954 956 959 970 971 972 973 975 978 979
980 983 984 985 986 989

221 230 232 237 238 241 243 245 247 258 259 261 265 271 275 278 280 282 285 286 287 328 335
338 342 348 349 356 357 358 359
"""
NANP_CODES = _CODES.split()
"""The area codes of the United States and Canada under which 555-0100 to 555-0199 are fictional.

Only geographic codes set that block aside.  The last row of codes is not in
service at all.  451 codes of 100 numbers each: 45,100.
"""

_SERVICES = (
    "500 521 522 525 526 527 528 529 532 533 544 566 577 588 600 622 633 "
    "800 833 844 855 866 877 888 900"
)
NOT_GEOGRAPHIC = frozenset(_SERVICES.split())
"""Toll-free, premium-rate and personal codes: a 555 number there may be a person's."""

UNDIALABLE = "+999"
"""A country code that no country has; the ITU keeps it for later."""

_DOMAINS = ("example.com", "example.net", "example.org")
_TOP_LEVEL = ("test", "example", "invalid", "localhost")

_NO_EIN_PREFIXES = "00 07 08 09 17 18 19 28 29 49 69 70 78 79 89 96 97"
_NOT_EIN = frozenset(_NO_EIN_PREFIXES.split())

# What card issuers print in their own documentation for trial payments.
_TRIAL_NUMBERS = (
    "4242424242424242 4111111111111111 4012888888881881 5555555555554444 5105105105105100 "
    "2223003122003222 378282246310005 371449635398431 6011111111111117 6011000990139424 "
    "3530111333300000 3056930009020004"
)
_TRIAL_CARDS = frozenset(_TRIAL_NUMBERS.split())


@dataclass(frozen=True, slots=True)
class ReservedRange:
    """A finite set of reserved values, numbered from 0.

    ``digits(number)`` is the plain value, ``digits_long`` characters long;
    ``layout`` says how to write it where the input gives no layout to keep.
    """

    name: str
    size: int
    digits: Callable[[int], str]
    digits_long: int
    layout: str
    """``#`` is a place for a digit; everything else is written as it is."""


def is_reserved_domain(domain: str) -> bool:
    """Whether RFC 2606 or RFC 6761 sets the domain aside, so that mail to it reaches no person."""
    name = domain.rstrip(".").lower()
    if name.rsplit(".", 1)[-1] in _TOP_LEVEL:
        return True
    return name in _DOMAINS or name.endswith(tuple(f".{reserved}" for reserved in _DOMAINS))


def is_reserved_email(text: str) -> bool:
    """Whether the text is one address on a reserved domain."""
    local, at, domain = text.rpartition("@")
    return bool(local and at) and "@" not in local and is_reserved_domain(domain)


_FICTIONAL = re.compile(
    # Ofcom
    r"(?:44|0)(?:(?:7700900|2079460|1632960|1134960|1144960|1154960|1164960|1174960|1184960"
    r"|1214960|1314960|1414960|1514960|1614960|1914980|3069990|8081570|9098790)\d{3})"
    # ACMA: 5550 and 7010 in each geographic area, 0491 57x
    r"|(?:61|0)(?:[2378](?:5550|7010)\d{4}|49157\d{4})"
    # ARCEP: numbers for films
    r"|(?:33|0)(?:19900|26191|35301|46571|53649|63998)\d{4}"
    # Bundesnetzagentur: numbers for the media
    r"|(?:49|0)(?:3023125|6990009|4066969|2214710|8999998)\d{3}"
)


def is_fictional_phone(digits: str) -> bool:
    """Whether these digits are a number set aside for fiction.

    555-0100 to 555-0199 under a geographic area code of North America, with
    or without the country's 1; 800-555-0199; the numbers that Ofcom, ACMA, ARCEP and the
    Bundesnetzagentur set aside for films.
    """
    national = digits[1:] if len(digits) == 11 and digits[0] == "1" else digits
    if len(national) == 10 and national[3:8] == "55501":
        return national[:3] not in NOT_GEOGRAPHIC or national == "8005550199"
    return _FICTIONAL.fullmatch(digits) is not None


def is_issued_ssn(area: str, group: str, serial: str) -> bool:
    """Whether the Social Security Administration can have issued this number."""
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_issued_ein(prefix: str) -> bool:
    """Whether the IRS gives out employer numbers that begin with these two digits."""
    return prefix not in _NOT_EIN


def luhn_sum(digits: str) -> int:
    """The Luhn sum; a card number is well formed if it ends in 0."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        double = int(digit) * (1 + place % 2)
        total += double - 9 * (double > 9)
    return total


def is_live_card(digits: str) -> bool:
    """Whether a card with this number may exist: issuer, length and check digit fit."""
    fits = 13 <= len(digits) <= 19 and digits[0] in "23456" and digits not in _TRIAL_CARDS
    return fits and luhn_sum(digits) % 10 == 0


def is_live_iban(text: str) -> bool:
    """Whether an account may have this IBAN: country, length, layout and check digits fit.

    A bank code that begins with four zeros is none, except in Belgium.
    """
    from stdnum import iban

    plain = text.replace(" ", "").upper()
    no_bank = plain[4:8] == "0000" and plain[:2] != "BE"
    return not no_bank and bool(iban.is_valid(plain))


def is_live_address(text: str) -> bool:
    """Whether this is a public IP address: neither private nor set aside for documentation."""
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return address.is_global and not address.is_multicast


def _phone(number: int) -> str:
    return f"{NANP_CODES[number // 100]}55501{number % 100:02d}"


def _tax(number: int) -> str:
    # 96 and 97 are no EIN prefix; as an SSN the area is above 899 with a group
    # below 50, which no SSN, ITIN or ATIN has.
    head, tail = divmod(number, 100_000)
    prefix, head = divmod(head, 50)
    return f"9{6 + prefix}{head // 5}{head % 5}{tail:05d}"


def _card(number: int) -> str:
    body = f"0000{number:011d}"  # no issuer has the digit 0
    right = -luhn_sum(body + "0") % 10
    return f"{body}{(right + 1) % 10}"


def _network(number: int) -> str:
    network, host = divmod(number, 254)
    return f"{('192.0.2', '198.51.100', '203.0.113')[network]}.{host + 1}"


PHONES = ReservedRange("fictional telephone numbers", 45_100, _phone, 10, "+1-###-###-####")
TAX_NUMBERS = ReservedRange("tax numbers that are never issued", 10_000_000, _tax, 9, "##-#######")
CARDS = ReservedRange("card numbers without an issuer", 10**11, _card, 16, "#### #### #### ####")
NETWORKS = ReservedRange("addresses of documentation networks", 762, _network, 0, "")
