"""The limit on items: how many are kept in all.

Owns: the number of items that may still be kept, and the stage where the items of a page are counted. A crawl has them
only with `--max-items`.
Must not know: how items are made, validated and written.
"""

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import Limit, Net, Place, Wording, put, read
from scraper_cpn.scrape.colours import Checked, ItemsLeft
from scraper_cpn.scrape.parts.promises import pages_of
from scraper_cpn.scrape.policy import Policy

ITEMS_LEFT = "items_left"
"""The name of the place."""


class ItemBudget(Limit):
    """Exactly so many items are kept: the page that reaches the number is cut, and no request starts then.

    Pages that have arrived by then are not kept: a crawl that is resumed with a larger number requests them again.
    """

    def __init__(self, net: Net, p: Policy) -> None:
        super().__init__(net, "items")
        self._p = p.volume
        self.left = self.place(ITEMS_LEFT, ItemsLeft, source=True, budget=True)
        self.takes = [read(self.left)]
        self.wording = {self.left: Wording("more items: --max-items is reached", outlasts=True)}

    def count(self, pages: Place[Checked], counted: Place[Checked]) -> None:
        """Pass pages on with as many of their items as may still be kept."""
        p = self._p
        self.transition(
            "count_items",
            [pages, self.left],
            outputs=[
                put(counted, p.portion, pages, self.left),
                put(self.left, p.items_left, self.left, pages),
            ],
        )

    def properties(self) -> Iterator[Any]:
        """No request begins once there are enough items."""
        from scraper_cpn.analysis import begin, each, never

        yield never(
            begin(*pages_of(self.net)),
            without=self.left.name,
            claim="G7 no request begins after so many items",
        )
        yield each(
            self.left.name,
            lambda left: left.items > 0,
            claim="G7 a number of items left is above 0",
        )


def items_of(net: Net, p: Policy) -> list[ItemBudget]:
    """The limit on items, if the user has given it."""
    return [] if p.settings.max_items is None else [ItemBudget(net, p)]
