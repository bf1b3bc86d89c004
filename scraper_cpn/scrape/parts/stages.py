"""A stage before requests: what waits is given what its request needs (a proxy, an address), and then waits for its turn there.

Owns: the places of what has been given something, the lanes that bound how much of a domain is there, and the way back.
Must not know: what is given, and by which rule.

A limit that counts by what a target does not have, such as its proxy, needs it first. It is given late, when nothing else
keeps the request, so that the choice is fresh and the queues stay where they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import Arc, Limit, Lost, Net, Output, Place, expired, put, read
from scraper_cpn.scrape.colours import (
    Failed,
    Fetched,
    Filed,
    Mapped,
    Redirected,
    Rules,
    StagedFile,
    StagedJob,
    StagedMap,
    StagedTarget,
    Throttled,
    Unchanged,
)
from scraper_cpn.scrape.policy.stages import plain_file, plain_job, plain_target

if TYPE_CHECKING:
    from scraper_cpn.scrape.parts.files import Files
    from scraper_cpn.scrape.parts.health import Health
    from scraper_cpn.scrape.parts.robots import Robots
    from scraper_cpn.scrape.parts.sitemaps import Sitemaps

OUTCOMES: tuple[type[Any], ...] = (
    Fetched, Unchanged, Rules, Mapped, Filed, Redirected, Throttled, Failed, Lost,
)  # fmt: skip
"""The outcomes of requests."""


@dataclass(frozen=True)
class Waiting:
    """What waits for a stage.

    Attributes:
        name: of what waits, in the names of transitions.
        waiting: where it waits.
        staged: where it goes.
        ready: the conditions under which nothing else keeps it.
        priority: of the transitions that take from it.
    """

    name: str
    waiting: Place[Any]
    staged: Place[Any]
    ready: Sequence[Arc]
    priority: int = 0


@dataclass(frozen=True)
class Staged:
    """The types of what a stage has given something, its field, and the word for it in the names of places."""

    word: str
    field: str
    target: type[StagedTarget]
    job: type[StagedJob]
    map: type[StagedMap]
    file: type[StagedFile]


@dataclass(frozen=True)
class Budgets:
    """What each kind of request takes beside the limits of all."""

    pages: Sequence[Limit]
    sitemaps: Sequence[Limit]
    files: Sequence[Limit]


class Stage(Limit):
    """A stage: what is in it waits for the limits that count by what it was given.

    Args:
        net: of a crawl.
        name: of the part.
        kinds: what is put into it.
        slots: how many requests to a domain may run at a time: at most so many of it are in the stage.
        keys: the fields by which the limits of requests count: of a robots.txt or a sitemap, and of a page.
        turn: the fields of a target by which waiting targets are ordered.
        mapped: whether the crawl reads sitemaps.
        filed: whether it fetches files that items name.
    """

    def __init__(
        self,
        net: Net,
        name: str,
        kinds: Staged,
        *,
        slots: Callable[[Any], int],
        keys: tuple[tuple[str, ...], tuple[str, ...]],
        turn: tuple[str, ...],
        mapped: bool,
        filed: bool,
    ) -> None:
        super().__init__(net, name)
        job_key, page_key = keys
        self.lanes = self.counter("lanes", key="domain", start=slots)
        self.targets: Place[Any] = self.place(
            f"{kinds.word}_targets",
            kinds.target,
            key=(*page_key, kinds.field),
            order=turn,
            work=True,
            expires=True,
        )
        self.jobs: Place[Any] = self.place(
            f"{kinds.word}_jobs", kinds.job, key=(*job_key, kinds.field), work=True, expires=True
        )
        self.ways_back: list[str] = []
        """The transitions that give back what was given something; nothing waits for them."""
        key = (*job_key, kinds.field)
        self.maps: list[Place[Any]] = []
        """Of sitemaps, if the crawl reads any."""
        if mapped:
            name = f"{kinds.word}_sitemaps"
            self.maps = [self.place(name, kinds.map, key=key, work=True, expires=True)]
        self.files: list[Place[Any]] = []
        """Of files, if items name any."""
        if filed:
            name = f"{kinds.word}_files"
            self.files = [self.place(name, kinds.file, key=key, work=True, expires=True)]
        self.puts = {outcome: [put(self.lanes)] for outcome in OUTCOMES}

    def signs(self, place: Place[Any], outcome: type[Any]) -> list[Output]:
        """What is put, at an outcome of a request from *place*, about what the stage gave it: that its proxy was refused, for example."""
        raise NotImplementedError

    def lost(self, staged: Place[Any]) -> list[Output]:
        """What is put when a request leaves the stage without having begun."""
        del staged
        return []

    def queues(
        self,
        targets: Place[Any],
        robots: Robots,
        sitemaps: Sitemaps | None,
        files: Sequence[Files],
        limits: Sequence[Limit],
        budgets: Budgets,
    ) -> Iterator[Waiting]:
        """What waits: for *limits*, and for the *budgets* of its kind as well."""
        ready = [there(arc) for limit in limits if limit is not self for arc in limit.takes]
        paid = [there(arc) for limit in budgets.pages for arc in limit.takes]
        yield Waiting("robots", robots.jobs, self.jobs, ready)
        yield Waiting("target", targets, self.targets, [*ready, *paid])
        for staged in self.maps:
            assert sitemaps is not None
            paid = [there(arc) for limit in budgets.sitemaps for arc in limit.takes]
            yield Waiting("sitemap", sitemaps.jobs, staged, [*ready, *paid])
            yield Waiting("later_sitemap", sitemaps.later, staged, [*ready, *paid], priority=1)
        for staged, each in zip(self.files, files, strict=True):
            paid = [there(arc) for limit in budgets.files for arc in limit.takes]
            yield Waiting("file", each.jobs, staged, [*ready, *paid])

    def give_back(
        self,
        targets: Place[Any],
        robots: Robots,
        sitemaps: Sitemaps | None,
        files: Sequence[Files],
        health: Health,
    ) -> list[tuple[str, Place[Any], list[Output]]]:
        """Give back what has waited long in the stage, and what is there for a domain that was given up.

        Returns each kind of what may be given back: its name, where it is, and the outputs that give it back.
        """
        found = []
        backs: list[tuple[str, Place[Any], list[Output]]] = [
            ("robots", self.jobs, [put(robots.jobs, plain_job, self.jobs)]),
            ("target", self.targets, [put(targets, plain_target, self.targets)]),
        ]
        for staged in self.maps:
            assert sitemaps is not None
            first = put(sitemaps.jobs, sitemaps.p.at_once, staged)
            later = put(sitemaps.later, sitemaps.p.later, staged)
            backs.append(("sitemap", staged, [first, later]))
        for staged, each in zip(self.files, files, strict=True):
            backs.append(("file", staged, [put(each.jobs, plain_file, staged)]))
        for name, staged, outputs in backs:
            back = [*outputs, put(self.lanes)]
            told = self.lost(staged)
            self.ways_back += [f"hurry_{name}", f"release_{name}"]
            self.transition(f"hurry_{name}", [expired(staged)], outputs=[*back, *told])
            self.transition(
                f"release_{name}",
                [staged, read(health.given_up)],
                outputs=[*back, *told],
                priority=-1,
            )
            found.append((name, staged, back))
        return found


def silent(outcome: type[Any]) -> list[Output]:
    """What outcomes say where there is no stage."""
    del outcome
    return []


def there(arc: Arc[Any]) -> Arc[Any]:
    """The condition that an arc would find what it needs."""
    place: Any = arc.place
    return read(place) if arc.when is None else read(place, when=arc.when)
