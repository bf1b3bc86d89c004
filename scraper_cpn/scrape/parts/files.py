"""Files that items name: fetched under robots.txt and the limits of all requests. Only crawls with `--files` have this part.

Owns: the known files, those that must be fetched, how they have ended, and the pages whose items wait for them.
Must not know: what a file is saved as, what happens to a page whose files have all ended.

A page waits for one of its files at a time; those that have ended meanwhile don't delay it. Files are fetched before
pages, and only so many pages may wait: more are parsed when one of them is complete.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import (
    Arc,
    Counter,
    Limit,
    Lost,
    Net,
    On,
    Output,
    Part,
    Place,
    Sink,
    Wording,
    choose,
    consume,
    on,
    put,
    put_new,
    read,
    take,
)  # fmt: skip
from scraper_cpn.scrape.colours import (
    Allowed,
    Awaiting,
    Complete,
    Denied,
    Extracted,
    Failed,
    Failure,
    Filed,
    FileEnd,
    FileJob,
    FileOutcome,
    More,
    ParsedWithFiles,
    Raw,
    Redirected,
    Throttled,
)  # fmt: skip
from scraper_cpn.scrape.parts.robots import Robots
from scraper_cpn.scrape.parts.stages import silent
from scraper_cpn.scrape.policy import Policy

if TYPE_CHECKING:
    from scraper_cpn.scrape.parts.fetching import Fetching
    from scraper_cpn.scrape.parts.health import Health

AWAITING = "awaiting_files"
"""The stage of pages whose items wait for files. They have not failed: to be requested again is no attempt more."""
PAGES = 1_024
"""So many pages may wait for their files, or be parsed: their items are in memory."""


class Files(Part):
    """Files come in by `wanted`; the pages that name them wait in `awaiting`, and leave when all have ended.

    Args:
        net: of a crawl.
        p: its policy.
        key: the fields by which the limits of requests count.
    """

    def __init__(self, net: Net, p: Policy, key: tuple[str, ...]) -> None:
        super().__init__(net, "files")
        self._p, self._settings = p.files, p.settings
        self._longest_ns = 2 * p.settings.timeout_ns
        self.wanted = self.place("wanted_files", FileJob, work=True)
        self.asks = self.place("file_asks", FileJob, key="origin", work=True)
        self.jobs = self.place("file_jobs", FileJob, key=key, timed=True, work=True)
        self.ends = self.place("file_ends", FileEnd, key="asked")
        self.known = self.set("known_files", FileJob, key="asked")
        self._staged: tuple[Place[FileJob], ...] = ()
        self.awaiting = self.place(AWAITING, Awaiting, key="asked", work=True)
        self.room: Counter = self.counter("file_pages", start=PAGES)
        self.wording = {
            self.ends: Wording("the file {key}"),
            self.room: Wording("the files of other pages"),
        }

    def at_page(self, raw: Place[Raw]) -> list[Output]:
        """What a page puts whose items name files: it waits for them, and the new ones are fetched."""
        p = self._p
        return [
            consume(self.room),
            put(self.awaiting, p.awaiting, raw, ParsedWithFiles),
            put_new(self.known, self.wanted, p.jobs, ParsedWithFiles),
        ]

    def clear(self, robots: Robots, limits: Sequence[Limit], log: Sink[Failure]) -> None:
        """Check each new file, and each hop of a redirect, against its robots.txt."""
        p, wanted, asks, self._known_robots = self._p, self.wanted, self.asks, robots.known
        new = [put(asks), *(each for limit in limits for each in limit.brings(wanted))]
        if self._settings.robots == "ignore":
            self.transition("admit_file", [wanted], outputs=new)
            self.transition("clear_file", [asks], outputs=[put(self.jobs)])
            return
        self.transition("admit_file", [wanted], outputs=[*new, robots.new_job(wanted)])
        denied = [put(self.ends, p.denied, asks, Denied), put(log, p.denied_row, asks, Denied)]
        self.transition(
            "clear_file",
            [asks, read(robots.rules)],
            choice=choose(p.clearance, asks, robots.rules),
            outcomes=[on(Allowed, put(self.jobs)), on(Denied, *denied)],
        )

    def fetch(self, by: Fetching, measures: Sequence[Limit]) -> None:
        """Fetch and save the files; they count in the *measures*, too."""
        p, jobs, ends = self._p, self.jobs, self.ends
        domains, log, health = by.domains, by.log, by.domains.p.health
        signs = silent
        for stage in by.stages:
            (jobs,) = stage.files
            signs = partial(stage.signs, jobs)
            self._staged = (jobs,)
        get = self.effect("file", FileOutcome)
        answered = put(domains.penalties, health.answered, domains.pacing)
        penalty = put(domains.penalties, domains.p.robots_refusal_penalty, jobs, Throttled)
        no_answer = put(domains.penalties, health.failed, jobs, domains.pacing, Failed)
        strayed = put(ends, p.strayed, jobs, Redirected)
        self.transition(
            "get_file",
            [jobs],
            limits=[*by.limits, *measures],
            effect=get(jobs, by.proxies.pool, domains.pacing),
            outcomes=[
                on(
                    Filed,
                    put(ends, p.filed, jobs, Filed),
                    put(log, p.filed_row, jobs, Filed),
                    answered,
                    *signs(Filed),
                ),
                on(
                    Redirected,
                    put(self.wanted, p.hop, jobs, Redirected),
                    strayed,
                    put(log, p.strayed_row, jobs, Redirected),
                    answered,
                    *signs(Redirected),
                ),
                on(
                    Throttled,
                    *self._failed(jobs, Throttled, log),
                    penalty,
                    answered,
                    *signs(Throttled),
                ),
                on(Failed, *self._failed(jobs, Failed, log), no_answer, *signs(Failed)),
                on(Lost, *self._failed(jobs, Lost, log), *signs(Lost)),
            ],
            deadline_ns=self._longest_ns,
        )

    def _failed(self, jobs: Place[FileJob], outcome: type[Any], log: Sink[Failure]) -> list[Output]:
        """What a failed attempt puts: another one, or the end of the file after the last."""
        p = self._p
        return [
            put(self.jobs, p.again, jobs, outcome, after_ns=p.wait_ns),
            put(self.ends, p.failed, jobs, outcome),
            put(log, p.attempt_row, jobs, outcome),
        ]

    def give_up(self, health: Health, log: Sink[Failure]) -> None:
        """End the files of domains that were given up."""
        p, jobs, given_up = self._p, self.jobs, health.given_up
        self.transition(
            "give_up_file",
            [take(jobs, include_waiting=True), read(given_up)],
            outputs=[
                put(self.ends, p.given_up, jobs, given_up),
                put(log, p.given_up_row, jobs, given_up),
            ],
            priority=-1,
        )

    def collect(self, complete: Place[Extracted]) -> None:
        """Give each page the files that have ended; it goes to *complete* with the last one."""
        p, awaiting, ends = self._p, self.awaiting, self.ends
        outcomes: list[On] = [
            on(More, put(awaiting, p.next, awaiting, ends)),
            on(Complete, put(complete, p.complete, awaiting, ends), put(self.room)),
        ]
        self.transition(
            "collect",
            [awaiting, read(ends)],
            choice=choose(p.collected, awaiting, ends),
            outcomes=outcomes,
        )

    def leave(self, complete: Place[Extracted], over: Sequence[Arc[Any]]) -> None:
        """Let pages go to *complete* with the files that they have, if no more can come: one of *over* holds."""
        for number, condition in enumerate(over):
            self.transition(
                f"leave_files_{number}" if number else "leave_files",
                [self.awaiting, condition],
                outputs=[put(complete, self._p.incomplete, self.awaiting), put(self.room)],
            )

    def properties(self) -> Iterator[Any]:
        """Files obey robots.txt, too, and have one end."""
        from scraper_cpn.analysis import at_most, begin, conserved, never

        places: list[Place[Any]] = [self.wanted, self.asks, self.jobs, *self._staged, self.ends]
        yield conserved(
            *(place.name for place in places),
            minus=self.known.name,
            by="asked",
            claim="G5 a file that items name has one end",
        )

        yield at_most(
            1,
            in_flight="get_file",
            by="asked",
            claim="G4 a file is in flight once",
        )
        if self._settings.robots == "obey":
            yield never(
                begin("get_file"),
                without=self._known_robots.name,
                by="origin",
                claim="G8 no file before its robots.txt was asked for",
            )


def files_of(net: Net, p: Policy, key: tuple[str, ...]) -> list[Files]:
    """The files, if items name any."""
    return [Files(net, p, key)] if p.settings.files else []
