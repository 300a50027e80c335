"""The words that names are made of.

Strain, brand and business names are invented compositions, so that no seeded name is a real
company's and none meets the strains that a TERP has imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from terp_seed.rows.pools import invented


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_TEXTURES = _words(
    "Amber Arctic Azure Basalt Bramble Brass Canyon Cedar Cinder Cobalt Copper Coral Crimson "
    "Delta Driftwood Dusk Ember Fable Feather Fern Flint Foxglove Garnet Gilded Granite Harbor "
    "Hazel Heather Hollow Indigo Ivory Juniper Lantern Laurel Linen Maple Marble Marigold Meadow "
    "Mesa Midnight Mosaic Nectar Ochre Onyx Opal Orchard Parchment Pebble Pewter Plum Quartz "
    "Ripple Saffron Sienna Slate Solstice Tidal Timber Topaz Velvet Walnut Willow Zephyr"
)

_THINGS = _words(
    "Almanac Anthem Arcade Atlas Avalanche Ballad Beacon Bonfire Boulevard Cascade Cathedral "
    "Chorus Compass Comet Confetti Custard Daydream Drift Eclipse Encore Fandango Festival Finch "
    "Fresco Galleon Gazette Geyser Heron Hymn Jamboree Kettle Labyrinth Lagoon Lullaby Magnolia "
    "Marmalade Marquee Mirage Monsoon Nocturne Oasis Opera Overture Parade Paradox Pavilion "
    "Phantom Polka Postcard Prelude Reverie Rhapsody Riddle Sonata Sorbet Spectrum Sundial "
    "Tango Tapestry Tempest Trellis Vagabond Waltz"
)

_PLACES = _words(
    "Alder Anchor Aspen Badger Bay Birch Bluff Boulder Bridge Brook Cape Cliff Cove Creek Crest "
    "Cypress Dale Elm Falcon Field Forest Gate Glen Grove Gulch Haven Heron Highland Hill Island "
    "Junction Lake Landing Ledge Lighthouse Market Marsh Mill Mission Oak Osprey Park Pass Peak "
    "Pier Pine Plaza Pond Quarry Ranch Raven Ridge River Sage Shore Spring Station Summit Terrace "
    "Trail Valley Village"
)

_STREETS = _words(
    "Ambermoss Ashwillow Bellquarry Brackenloft Briarhollow Candlefern Cinderbrook Coppergale "
    "Dewthistle Emberlark Fallowmere Fernhallow Gildenmoor Harrowfen Inkberry Juniperloft "
    "Kestrelmoor Larkhollow Mistlebrook Nettlewick Otterglen Pebblemoor Quillfern Rustlebay "
    "Sablewood Thistlegate Umberfield Velvetmarsh Wickerdale Yarrowmere"
)
_MAKERS = ("Family Farm", "Reserve", "Botanicals", "House", "Fields", "Craft", "Select")
_STREET_TYPES = ("Bend", "Row", "Run", "Terrace", "Trace", "Walk")

_WHALE_KINDS = (
    ("Distribution", "DISTRIBUTOR"), ("Wholesale Group", "WHOLESALE"), ("Trading", "DISTRIBUTOR"),
    ("Partners", "DISTRIBUTOR"), ("Supply Co.", "WHOLESALE"), ("Dispensaries", "DISPENSARY"),
    ("Holdings", "OTHER"),
)  # fmt: skip
_REGULAR_KINDS = (
    ("Dispensary", "DISPENSARY"), ("Retail", "RETAIL"), ("Delivery", "DELIVERY"),
    ("Collective", "DISPENSARY"), ("Goods", "OTHER"), ("Market", "RETAIL"),
    ("Wellness", "DISPENSARY"), ("Provisions", "RETAIL"), ("Apothecary", "DISPENSARY"),
)  # fmt: skip
_SUPPLIER_KINDS = (
    ("Farms", "MANUFACTURER"), ("Growers", "MANUFACTURER"), ("Gardens", "MANUFACTURER"),
    ("Extracts", "MANUFACTURER"), ("Greenhouses", "MANUFACTURER"), ("Harvest Co.", "OTHER"),
    ("Cultivation", "MANUFACTURER"),
)  # fmt: skip
KINDS = (_WHALE_KINDS, _REGULAR_KINDS, _SUPPLIER_KINDS)
"""How the businesses of each class are called, and TERP's type for one that is called so."""

CITIES = (
    "Oakland", "Sacramento", "Los Angeles", "Long Beach", "San Diego", "Fresno", "Santa Rosa",
    "San Francisco", "San Jose", "Eureka", "Ukiah", "Salinas", "Palm Springs", "Redding",
    "Santa Barbara", "Modesto",
)  # fmt: skip
AREA_CODES = (
    "510", "916", "213", "562", "619", "559", "707", "415", "408", "707", "707", "831", "760",
    "530", "805", "209",
)  # fmt: skip
"""The area code of each of `CITIES`."""

_KINDS = [kind for kinds in KINDS for kind, _ in kinds]
invented((*_TEXTURES, *_PLACES, *_STREETS, *_STREET_TYPES, *_KINDS, *CITIES, "CA"))


@dataclass(frozen=True)
class Names:
    """All combinations of two word lists, without repetition.

    The n-th name is the same for every count.  ``step`` must have no factor
    in common with the number of combinations.  When they are used up, they
    are used again with a number appended.
    """

    first: tuple[str, ...]
    second: tuple[str, ...]
    step: int
    start: int = 100

    def __len__(self) -> int:
        """How many names there are before one gets a number."""
        return len(self._combinations)

    @cached_property
    def _combinations(self) -> list[str]:
        texts = [f"{first} {second}" for second in self.second for first in self.first]
        size = len(texts)
        return [texts[(place * self.step + self.start) % size] for place in range(size)]

    def name(self, place: int) -> str:
        round_, place = divmod(place, len(self._combinations))
        text = self._combinations[place]
        return f"{text} {round_ + 1}" if round_ else text


strain_names: Names = Names(_TEXTURES, _THINGS, step=2407)
brand_names: Names = Names(_TEXTURES, _MAKERS, step=183)
street_names: Names = Names(_STREETS, _STREET_TYPES, step=37)
_business_names: Names = Names(_TEXTURES, _PLACES, step=2471, start=11)


def business_name(ordinal: int, kinds: tuple[tuple[str, str], ...], start: int) -> str:
    """The name of a business, such as "Copper Ridge Collective".

    Different for each ordinal: the number of kinds has no factor in common
    with that of the names before them.  ``start`` keeps the first names of
    some kinds apart from the first of others.
    """
    size = len(_business_names)
    apart = size * len(kinds)
    name = _business_names.name((ordinal + start) % size + ordinal // apart * apart)
    return f"{name} {kinds[ordinal % len(kinds)][0]}"


def domain(business: str) -> str:
    """A business's domain, below a top level that is reserved for examples."""
    return f"{business.lower().replace(' ', '-').replace('.', '')}.example"
