"""What is sold: products by strain, growing method and grade.

Everything about a product follows from its row number alone.  Nine in ten are flower.
"""

from __future__ import annotations

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.names import strain_names

METHODS = (("Indoor", "Indoor", 1800), ("Greenhouse", "Deps", 1200), ("Outdoor", "Outdoor", 800))
"""Growing method, TERP's subcategory for it, and cost per pound in dollars:
TERP's generator config."""

GRADES = ("AAA", "AA", "A")

_STRAINS = 10  # strains in a row before their next combination
# Each block of ten strains first comes in one combination of method and grade, then in the next.
_COMBINATIONS = tuple((step % 3, (step + step // 3) % 3) for step in range(9))

_OTHERS = (
    ("Concentrates", "Live Resin", "G"),
    ("Vapes", "1g Cartridge", "EA"),
    ("Pre-Rolls", "5-Pack", "PK5"),
    ("Edibles", "Gummies 100mg", "PKG"),
    ("Tinctures", "30ml Tincture", "EA"),
    ("Topicals", "Relief Balm", "EA"),
    ("Beverages", "Sparkling 10mg", "EA"),
    ("Concentrates", "Rosin", "G"),
    ("Pre-Rolls", "Infused Single", "EA"),
    ("Vapes", "Disposable Pen", "EA"),
)
DEFAULT_MARGINS = {
    "Flower": 350, "Edibles": 400, "Concentrates": 450, "Vapes": 380, "Pre-Rolls": 350,
    "Topicals": 420, "Tinctures": 400, "Beverages": 350,
}  # fmt: skip
"""By category, in tenths of a percent: those of ``pricing_defaults``."""


def is_flower(product: int) -> bool:
    """Whether a product is flower; the others are sold by the unit."""
    return product % 10 != 9


def is_ranged(product: int) -> bool:
    """Whether the suppliers name a price range: those of one product in six do."""
    return product % 6 == 5


class Products:
    """The products of a run: lists with one entry for each."""

    def __init__(self, count: int, strains: int, words: RandomWords) -> None:
        self.strain: list[int] = []
        self.method: list[int] = []  # a place in METHODS, or -1
        self.grade: list[str] = []
        self.name: list[str] = []
        self.category: list[str] = []
        self.subcategory: list[str] = []
        self.unit: list[str] = []
        self.cost: list[int] = []  # whole dollars a unit
        for product, word in enumerate(words.first("cost", count)):
            place = product // 10
            if is_flower(product):
                self._add_flower(product - place, strains, word)
            else:
                self._add_other(place, strains, word)
        spreads = [max(2, cost // 200 * 10) for cost in self.cost]
        # The limits of the price range, if there is one; its middle is the cost.
        self.least: list[int | None] = [None] * count
        self.greatest: list[int | None] = [None] * count
        for product in filter(is_ranged, range(count)):
            self.least[product] = self.cost[product] - spreads[product]
            self.greatest[product] = self.cost[product] + spreads[product]

    def _add_flower(self, place: int, strains: int, word: int) -> None:
        """Add a product that costs more for a better grade, within ten percent of its method."""
        method, grade = _COMBINATIONS[place // _STRAINS % 9]
        name, subcategory, base = METHODS[method]
        self.strain.append((place // (9 * _STRAINS) * _STRAINS + place % _STRAINS) % strains)
        self.method.append(method)
        self.grade.append(GRADES[grade])
        self.name.append(f"{strain_names.name(self.strain[-1])} {name} {GRADES[grade]}")
        self.category.append("Flower")
        self.subcategory.append(subcategory)
        self.unit.append("LB")
        percent = (4, -3, -10)[grade] + (word * 7 >> 32)
        self.cost.append((base + base * percent // 100) // 10 * 10)

    def _add_other(self, place: int, strains: int, word: int) -> None:
        """Add a product of about $50, 20 percent up or down, that is not graded: ``A``."""
        # The shift lets ten strains go through all forms, not each through one.
        category, form, unit = _OTHERS[(place + place // _STRAINS) % len(_OTHERS)]
        strain = place // (len(_OTHERS) * _STRAINS) * _STRAINS + place % _STRAINS
        self.strain.append(strain % strains)
        self.method.append(-1)
        self.grade.append("A")
        self.name.append(f"{strain_names.name(self.strain[-1])} {form}")
        self.category.append(category)
        self.subcategory.append(form)
        self.unit.append(unit)
        self.cost.append(40 + (word * 11 >> 32) * 2)
