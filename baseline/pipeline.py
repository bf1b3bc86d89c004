"""What is made of pages: parsed, validated, kept; each stage bounded, so that a slow one stops fetching.

Owns: the three stations behind the fetch, and what becomes of their outcomes.
Must not know: requests, time.
"""

from __future__ import annotations

from typing import Any

from baseline.admission import Admission
from baseline.attempts import Attempts
from baseline.flights import Endings, Flights, Work
from baseline.stages import Stage
from scraper_cpn.net.marking import Firing, Row
from scraper_cpn.net.outputs import Lost
from scraper_cpn.scrape.colours import (
    FAILED_LOG,
    STORED,
    Bad,
    Checked,
    Deferred,
    Extracted,
    Kept,
    Parsed,
    Raw,
    Valid,
)
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import UsageError

PARSERS = 48
"""Pages that are parsed at a time."""
STAGE_MAX = 256
"""Pages in each stage behind the first."""
ANY_NUMBER = 1 << 62


class Station:
    """One kind of work on the pages of a stage, whose result may go into the next one.

    Attributes:
        name: of its effect.
        stage: where its pages wait.
        workers: pages that it may work on beside those that it does.
        start: nothing: work on pages is not paced.
    """

    start = None

    __slots__ = ("_flights", "_next", "endings", "name", "stage", "workers")

    def __init__(
        self,
        name: str,
        flights: Flights,
        stage: Stage[Any],
        following: Stage[Any] | None,
        endings: Endings,
        workers: int = ANY_NUMBER,
    ) -> None:
        self._flights = flights
        self._next = following
        self.name = name
        self.stage = stage
        self.endings = endings
        self.workers = workers

    def run(self, firings: list[Firing], limit: int) -> None:
        """Begin all work that there is room for in the next stage."""
        stage, following, name = self.stage, self._next, self.name
        while stage.line and self.workers and len(firings) < limit:
            if following is not None:
                if not following.room:
                    return
                following.room -= 1
            self.workers -= 1
            page = stage.pop()
            firings.append(self._flights.begin(name, name, (page,), Work(self, page), None))

    def undo(self, number: int, work: Work, _: int) -> None:
        """Work that was prepared does not start."""
        self.stage.restore(number, work.page)
        self.stage.room -= 1
        self.leave()

    def leave(self, page: Any = None) -> None:
        """Work has ended: *page* goes on, or none does."""
        self.workers += 1
        self.stage.room += 1
        if self._next is not None:
            if page is None:
                self._next.room += 1
            else:
                self._next.line.append(page)


class Pipeline:
    """The stations in the order of a page's way.

    Attributes:
        parse: from raw pages to items and links.
        validate: from items to those that fit.
        keep: the end of a page that went well.
    """

    def __init__(
        self,
        policy: Policy,
        flights: Flights,
        raw: Stage[Raw],
        admission: Admission,
        attempts: Attempts,
        log: list[Row],
    ) -> None:
        self._policy = policy
        self._admission = admission
        self._attempts = attempts
        self._log = log
        parsed: Stage[Extracted] = Stage(STAGE_MAX)
        validated: Stage[Checked] = Stage(STAGE_MAX)
        ends: Endings = {
            Parsed: self._parsed,
            Bad: self._bad,
            Deferred: self._deferred,
            Lost: self._lost,
        }
        self.parse = Station("parse", flights, raw, parsed, ends, PARSERS)
        ends = {Valid: self._valid, Bad: self._bad, Lost: self._lost}
        self.validate = Station("validate", flights, parsed, validated, ends)
        ends = {Kept: self._kept, Lost: self._lost}
        self.keep = Station("keep", flights, validated, None, ends)

    def run(self, firings: list[Firing], limit: int) -> None:
        """Begin all work that there is room for."""
        for station in (self.parse, self.validate, self.keep):
            if station.stage.line:
                station.run(firings, limit)

    def _deferred(self, work: Work, deferred: Deferred, _: int) -> None:
        if deferred.elsewhere:
            raise UsageError("the scheduler by hand has no Retry elsewhere; use scrape")
        work.kind.leave()
        self._attempts.failed.append(self._policy.pipeline.deferred(work.page, deferred))

    def _parsed(self, work: Work, parsed: Parsed, _: int) -> None:
        if parsed.stop or parsed.trouble or parsed.requests:
            raise UsageError(
                "the scheduler by hand has no Stop, no keep_partial and only GETs; use scrape"
            )
        work.kind.leave(self._policy.pipeline.extracted(work.page, parsed))
        links = self._policy.pipeline.links(work.page, parsed)
        if links is not None:
            self._admission.found.append(links)

    def _valid(self, work: Work, valid: Valid, _: int) -> None:
        work.kind.leave(self._policy.pipeline.checked(work.page, valid))
        for failure in self._policy.pipeline.invalid(work.page, valid):
            self._log.append(Row(FAILED_LOG, failure))

    def _kept(self, work: Work, kept: Kept, _: int) -> None:
        work.kind.leave()
        self._log.append(Row(STORED, self._policy.pipeline.stored(work.page, kept)))

    def _bad(self, work: Work, bad: Bad, _: int) -> None:
        work.kind.leave()
        self._log.append(Row(FAILED_LOG, self._policy.pipeline.bad(work.page, bad)))

    def _lost(self, work: Work, lost: Lost, _: int) -> None:
        work.kind.leave()
        self._attempts.failed.append(self._policy.pipeline.lost_page(work.page, lost))
