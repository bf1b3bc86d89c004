"""The least depth of each URL, so that `--max-depth` counts the shortest path. Only crawls with that limit have it.

Owns: the least known depth of each URL, and the links of the pages that were fetched.
Must not know: where targets wait, how a page is fetched.

Which path is found first depends on time: a retry or a slow page lets a longer one win. When a shorter path
to a URL is found, its known links are found once more with smaller depths. Nothing is fetched again.
"""

from collections.abc import Iterator
from typing import Any

from scraper_cpn.net import Net, Part, Place, absent, put
from scraper_cpn.scrape.colours import Found, Path, Reached
from scraper_cpn.scrape.policy.depths import DepthPolicy
from scraper_cpn.scrape.settings import Settings


class Depths(Part):
    """Links come in as `links`, and leave with the least depth that is known.

    Args:
        net: of a crawl.
        p: the policy.
        most: the greatest depth.
    """

    def __init__(self, net: Net, p: DepthPolicy, most: int) -> None:
        super().__init__(net, "depths")
        self._p, self._most = p, most
        self.links = self.place("links", Found, key="page", work=True)
        self.paths = self.place("paths", Path, key="page", work=True)
        self.reached = self.place("reached", Reached, key="page")

    def shorten(self, found: Place[Found]) -> None:
        """Put links into *found* with the least depths, whenever one of these is known."""
        p, path, links, reached = self._p, self.paths, self.links, self.reached
        first = put(reached, p.reached_first, path)
        self.transition("reach", [path, absent(reached)], outputs=[first])
        lower = [put(reached, p.lower, path, reached), put(found, p.found_again, path, reached)]
        self.transition("shorten", [path, reached], outputs=lower)
        expanded = [put(reached, p.expanded, links, reached), put(found, p.found, links, reached)]
        self.transition("expand", [links, reached], outputs=expanded)

    def properties(self) -> Iterator[Any]:
        """No URL is deeper than the limit."""
        yield self.bounded(self.reached)

    def bounded(self, place: Place[Any]) -> Any:
        """The property that no URL in a place is deeper than the limit."""
        from scraper_cpn.analysis import each

        return each(
            place.name,
            lambda token: bool(token.depth <= self._most),
            claim=f"G7 no URL in {place.name} is deeper than --max-depth",
        )


def depths_of(net: Net, p: DepthPolicy, settings: Settings) -> Depths | None:
    """The least depths, if the crawl has a greatest one."""
    return None if settings.max_depth is None else Depths(net, p, settings.max_depth)
