"""What is sold: products by strain, growing method and grade.

A product's name, unit and cost follow from its row number alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from terp_seed.terp.simulation.arrays import RandomWords
from terp_seed.terp.simulation.names import strain_names

METHODS = (("Indoor", "Indoor", 1800), ("Greenhouse", "Deps", 1200), ("Outdoor", "Outdoor", 800))
"""Growing method, TERP's subcategory for it, and cost per pound in dollars:
TERP's generator config."""

GRADES = ("AAA", "AA", "A")
FLOWER = "Flower"

_STRAINS = 10  # strains in a row before their next combination
# Each block of ten strains first comes in one combination, then in the next.
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
_DEFAULT_MARGINS = {
    "Flower": 350, "Edibles": 400, "Concentrates": 450, "Vapes": 380, "Pre-Rolls": 350,
    "Topicals": 420, "Tinctures": 400, "Beverages": 350,
}  # fmt: skip


@dataclass(frozen=True)
class Products:
    """The products of a run; ``strains`` is how many strains there are."""

    count: int
    strains: int
    words: RandomWords

    def is_flower(self, product: int) -> bool:
        """Nine products in ten are flower."""
        return product % 10 != 9

    def strain(self, product: int) -> int:
        """The strain that a product is made of."""
        if self.is_flower(product):
            place = product - product // 10
            return (place // (9 * _STRAINS) * _STRAINS + place % _STRAINS) % self.strains
        place = product // 10
        return (place // (len(_OTHERS) * _STRAINS) * _STRAINS + place % _STRAINS) % self.strains

    def strain_name(self, product: int) -> str:
        """The name of that strain."""
        return strain_names.name(self.strain(product))

    def _combination(self, product: int) -> tuple[int, int]:
        return _COMBINATIONS[(product - product // 10) // _STRAINS % 9]

    def method(self, product: int) -> int:
        """The place of a flower's growing method in `METHODS`."""
        return self._combination(product)[0]

    def grade(self, product: int) -> str:
        """The grade of a product; what is not flower is not graded: ``A``."""
        return GRADES[self._combination(product)[1]] if self.is_flower(product) else "A"

    def _other(self, product: int) -> tuple[str, str, str]:
        # The shift lets ten strains go through all kinds, not each through one.
        place = product // 10
        return _OTHERS[(place + place // _STRAINS) % len(_OTHERS)]

    def category(self, product: int) -> str:
        """A category that ``pricing_defaults`` prices."""
        return FLOWER if self.is_flower(product) else self._other(product)[0]

    def subcategory(self, product: int) -> str:
        """TERP's subcategory, or the form that a product has."""
        if self.is_flower(product):
            return METHODS[self.method(product)][1]
        return self._other(product)[1]

    def unit(self, product: int) -> str:
        """The unit it is sold in."""
        return "LB" if self.is_flower(product) else self._other(product)[2]

    def name(self, product: int) -> str:
        """The canonical name: the strain and what was made of it."""
        strain = self.strain_name(product)
        if self.is_flower(product):
            return f"{strain} {METHODS[self.method(product)][0]} {self.grade(product)}"
        return f"{strain} {self._other(product)[1]}"

    @cached_property
    def names(self) -> list[str]:
        """All names, by product."""
        return [self.name(product) for product in range(self.count)]

    @cached_property
    def costs(self) -> list[int]:
        """Cost by product, in whole dollars a unit.

        Within ten percent of the growing method's cost and higher for a
        better grade; every batch of a product costs the same.
        """
        words = self.words.all("cost", self.count)
        return [self._cost(product, word) for product, word in enumerate(words)]

    def _cost(self, product: int, word: int) -> int:
        if not self.is_flower(product):
            return 40 + (word * 11 >> 32) * 2  # about $50, 20 percent up or down
        base = METHODS[self.method(product)][2]
        grade = GRADES.index(self.grade(product))
        percent = (4, -3, -10)[grade] + (word * 7 >> 32)
        return (base + base * percent // 100) // 10 * 10

    def cost_range(self, product: int) -> tuple[int, int] | None:
        """The price range, in dollars, that the suppliers of one product in six name.

        Its middle is the cost.
        """
        if product % 6 != 5:
            return None
        cost = self.costs[product]
        spread = max(2, cost // 200 * 10)
        return cost - spread, cost + spread

    def default_margin(self, product: int) -> int:
        """The category's default margin, in tenths of a percent."""
        return _DEFAULT_MARGINS[self.category(product)]
