"""The depth of a URL: the number of links on the shortest path from a seed.

Owns: what a shorter path changes, and which links are too deep.
Must not know: the net, how links are found.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from msgspec.structs import replace

from scraper_cpn.scrape.colours import Found, Path, Reached, Target


@dataclass(frozen=True)
class DepthPolicy:
    """Which depth a URL has, of all the paths to it.

    Attributes:
        most: the greatest depth; None: any, and nothing is remembered.
    """

    most: int | None

    def links(
        self, page: Target, targets: tuple[Target, ...], requests: tuple[Target, ...] = ()
    ) -> Found:
        """The links of a page, or the next hop of its redirect."""
        if self.most is None:
            return Found(targets, requests)
        return Found(targets, requests, page.identity, page.depth)

    def near(self, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        """The targets that are not too deep."""
        most = self.most
        if most is None:
            return targets
        return tuple(target for target in targets if target.depth <= most)

    def paths(self, found: Found) -> tuple[Path, ...]:
        """The path to each target that is not too deep."""
        near = self.near(found.every)
        return tuple(Path(target.identity, target.depth) for target in near)

    def reached_first(self, path: Path) -> Reached:
        """What is remembered of a URL that was found for the first time."""
        return Reached(path.page, path.depth)

    def lower(self, path: Path, reached: Reached) -> Reached:
        """What is remembered of a URL after another path was found."""
        return replace(reached, depth=path.depth) if path.depth < reached.depth else reached

    def found_again(self, path: Path, reached: Reached) -> Found | None:
        """The links of a page to which a shorter path was found."""
        if path.depth >= reached.depth or reached.links is None:
            return None
        return _at_depth(reached.links, path.depth)

    def expanded(self, links: Found, reached: Reached) -> Reached:
        """What is remembered of a page with its links; no path is shorter than that of a seed."""
        return replace(reached, links=replace(links, trapped=())) if reached.depth else reached

    def found(self, links: Found, reached: Reached) -> Found:
        """The links of a page, by the shortest path to it that is known."""
        return _at_depth(links, reached.depth)


def _at_depth(links: Found, depth: int) -> Found:
    """The links of a page, as if the page were at *depth*."""
    by = depth - links.depth
    targets, requests = _deeper(links.targets, by), _deeper(links.requests, by)
    return Found(targets, requests, trapped=links.trapped)


def _deeper(targets: Iterable[Target], by: int) -> tuple[Target, ...]:
    return tuple(replace(target, depth=target.depth + by) if by else target for target in targets)
