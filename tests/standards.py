"""ISO 3166-1 as a dataset has it: some of its entries, and what its releases changed.

Codes and short names in English, as the newsletters of the maintenance agency and its online
platform published them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

#: Entries of 2002, before the changes below.
COUNTRIES = {
    "AD": ("AND", "Andorra"),
    "AE": ("ARE", "United Arab Emirates"),
    "AF": ("AFG", "Afghanistan"),
    "AN": ("ANT", "Netherlands Antilles"),
    "AR": ("ARG", "Argentina"),
    "AT": ("AUT", "Austria"),
    "AU": ("AUS", "Australia"),
    "BE": ("BEL", "Belgium"),
    "BR": ("BRA", "Brazil"),
    "CA": ("CAN", "Canada"),
    "CH": ("CHE", "Switzerland"),
    "CI": ("CIV", "Côte d'Ivoire"),
    "CL": ("CHL", "Chile"),
    "CN": ("CHN", "China"),
    "CV": ("CPV", "Cape Verde"),
    "CZ": ("CZE", "Czech Republic"),
    "DE": ("DEU", "Germany"),
    "DK": ("DNK", "Denmark"),
    "EE": ("EST", "Estonia"),
    "EG": ("EGY", "Egypt"),
    "ES": ("ESP", "Spain"),
    "FI": ("FIN", "Finland"),
    "FR": ("FRA", "France"),
    "GB": ("GBR", "United Kingdom"),
    "GR": ("GRC", "Greece"),
    "HR": ("HRV", "Croatia"),
    "HU": ("HUN", "Hungary"),
    "IE": ("IRL", "Ireland"),
    "IN": ("IND", "India"),
    "IT": ("ITA", "Italy"),
    "JP": ("JPN", "Japan"),
    "KE": ("KEN", "Kenya"),
    "LY": ("LBY", "Libyan Arab Jamahiriya"),
    "MK": ("MKD", "Macedonia, the former Yugoslav Republic of"),
    "NL": ("NLD", "Netherlands"),
    "NO": ("NOR", "Norway"),
    "PL": ("POL", "Poland"),
    "PT": ("PRT", "Portugal"),
    "SD": ("SDN", "Sudan"),
    "SE": ("SWE", "Sweden"),
    "SZ": ("SWZ", "Swaziland"),
    "TL": ("TLS", "Timor-Leste"),
    "TR": ("TUR", "Turkey"),
    "US": ("USA", "United States"),
    "YU": ("YUG", "Yugoslavia"),
}


@dataclass(frozen=True)
class Release:
    """What one release changed."""

    name: str
    added: dict[str, tuple[str, str]] = field(default_factory=dict)
    renamed: dict[str, str] = field(default_factory=dict)
    removed: tuple[str, ...] = ()


RELEASES = (
    Release("2003", {"CS": ("SCG", "Serbia and Montenegro")}, removed=("YU",)),
    Release("2004", {"AX": ("ALA", "Åland Islands")}),
    Release(
        "2006",
        {
            "GG": ("GGY", "Guernsey"),
            "IM": ("IMN", "Isle of Man"),
            "JE": ("JEY", "Jersey"),
            "ME": ("MNE", "Montenegro"),
            "RS": ("SRB", "Serbia"),
        },
        removed=("CS",),
    ),
    Release("2007", {"BL": ("BLM", "Saint Barthélemy"), "MF": ("MAF", "Saint Martin")}),
    Release(
        "2010",
        {
            "BQ": ("BES", "Bonaire, Saint Eustatius and Saba"),
            "CW": ("CUW", "Curaçao"),
            "SX": ("SXM", "Sint Maarten (Dutch part)"),
        },
        removed=("AN",),
    ),
    Release(
        "2011",
        {"SS": ("SSD", "South Sudan")},
        {"BQ": "Bonaire, Sint Eustatius and Saba", "LY": "Libya"},
    ),
    Release("2013", renamed={"CV": "Cabo Verde"}),
    Release("2016", renamed={"CZ": "Czechia"}),
    Release("2018", renamed={"SZ": "Eswatini"}),
    Release("2019", renamed={"MK": "North Macedonia"}),
    Release("2022", renamed={"TR": "Türkiye"}),
)


def releases() -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """The list as each release has it, by code: the longer code and the name."""
    rows = dict(COUNTRIES)
    yield "2002", dict(rows)
    for release in RELEASES:
        rows |= release.added
        rows |= {code: (rows[code][0], name) for code, name in release.renamed.items()}
        for code in release.removed:
            del rows[code]
        yield release.name, dict(rows)
