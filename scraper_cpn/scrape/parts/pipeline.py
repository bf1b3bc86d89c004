"""The stages of a page from the wire to the output: parsing, validation, writing.

Owns: the stages. They are bounded, and a firing reserves its slot in the next stage when it begins: a slow
stage stops fetching instead of filling memory.
Must not know: how a page is fetched.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from scraper_cpn.net import (
    Lost,
    Net,
    On,
    Output,
    Part,
    Place,
    Sink,
    Wording,
    hold,
    keyed,
    local,
    on,
    put,
)
from scraper_cpn.scrape.colours import (
    STORED,
    Bad,
    Checked,
    Deferred,
    Extracted,
    Failure,
    Found,
    KeepOutcome,
    Kept,
    LoggedIn,
    LoggedOut,
    LoginStep,
    PageOutcome,
    Parsed,
    ParsedWithFiles,
    ParseOutcome,
    Raw,
    Stored,
    Valid,
    ValidateOutcome,
)  # fmt: skip
from scraper_cpn.scrape.parts.crossing import Crossing
from scraper_cpn.scrape.parts.duplicates import ARRIVED, duplicates_of
from scraper_cpn.scrape.parts.files import AWAITING, Files
from scraper_cpn.scrape.parts.items import ItemBudget
from scraper_cpn.scrape.parts.logins import Logins
from scraper_cpn.scrape.parts.permits import GateKeeper
from scraper_cpn.scrape.parts.proxies import Proxies
from scraper_cpn.scrape.parts.revisits import Revisits
from scraper_cpn.scrape.parts.routes import Routes
from scraper_cpn.scrape.parts.sessions import Sessions
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.partitions import domain_of_page

UNCOUNTED = "uncounted"
"""The stage before the items are counted."""
PATIENT = (AWAITING, UNCOUNTED)
"""Pages that wait in these stages have not failed: to be requested again is no attempt more."""
STAGES = (ARRIVED, "raw_html", AWAITING, "parsed", UNCOUNTED, "validated")
"""The names of all stages that a crawl may have."""

STAGE = 256
"""The capacity for pages that wait for validation, and for writing."""

PARSERS = 48
"""Pages parsed at a time. Some may wait for a process that parses them; so many that others overtake them."""


class Pipeline(Part):
    """A page that is lost in the pipeline is fetched again; errors in its content are logged."""

    def __init__(self, net: Net, p: Policy, files: Sequence[Files] = ()) -> None:
        super().__init__(net, "pipeline")
        self._files = files
        self._p, self._concurrency = p.pipeline, p.settings.concurrency
        self._waiting = 2 * self._concurrency + PARSERS  # a page keeps its place while it is parsed
        self.duplicates = duplicates_of(net, p.requests.duplicates, self._waiting)
        key = "content" if self.duplicates else ()
        share = keyed(domain_of_page)
        self.raw_html = self.place(
            "raw_html", Raw, key=key, capacity=self._waiting, work=True, share=share
        )
        self.parsers = self.counter("parsers", start=PARSERS, share=local)
        self.parsed = self.place("parsed", Extracted, capacity=STAGE, work=True, share=share)
        self.validated = self.place("validated", Checked, capacity=STAGE, work=True, share=share)
        self.uncounted = (
            None
            if p.settings.max_items is None
            else self.place(UNCOUNTED, Checked, capacity=STAGE, work=True)
        )
        self.stored = self.sink(STORED, Stored)
        self.wording = {self.parsers: Wording("a page to be parsed")}

    @property
    def fetched(self) -> Place[Raw]:
        """Where pages come in."""
        return self.raw_html if self.duplicates is None else self.duplicates.arrived

    @property
    def stages(self) -> tuple[Place[Any], ...]:
        """The places of pages that were fetched and are not stored yet."""
        counting = () if self.uncounted is None else (self.uncounted,)
        comparing = () if self.duplicates is None else (self.duplicates.arrived,)
        awaiting = (files.awaiting for files in self._files)
        return *comparing, self.raw_html, *awaiting, self.parsed, *counting, self.validated

    def run(
        self,
        *,
        links: Place[Found],
        lost: Place[Failure],
        log: Sink[Failure],
        gate: GateKeeper,
        proxies: Proxies,
        items: Sequence[ItemBudget],
        logins: Sequence[Logins],
        sessions: Sequence[Sessions],
        found: Place[Found],
        routes: Sequence[Routes],
        revisits: Revisits | None,
        crossing: Crossing | None,
    ) -> None:
        """Route pages to `stored`, their links to *links*, lost pages to *lost*, and failures to *log*.

        A handler may have its page requested again, rest the proxy that brought it (where there are routes, for that
        domain), and close the gate, or with a *crossing* those of all partitions. The pages of a login lead on to *found*.
        """
        p = self._p
        refused = list[Output]()
        if self.duplicates is not None:
            self.duplicates.compare(self.raw_html, log)
            refused.append(self.duplicates.at_refused(self.raw_html))
        outcomes: Any = ParseOutcome if logins else PageOutcome
        parse = self.effect("parse", outcomes | ParsedWithFiles if self._files else outcomes)
        raw, parsed, validated = self.raw_html, self.parsed, self.validated
        unwanted = [pool.unwanted(raw) for pool in sessions]
        elsewhere = put(proxies.faults, proxies.p.elsewhere, raw, Deferred)
        for each in routes:
            elsewhere = put(each.news, each.p.elsewhere, raw, Deferred)
        led = self._led_to(Parsed, links, log, gate, crossing)
        with_files = [
            on(
                ParsedWithFiles,
                *each.at_page(raw),
                *self._led_to(ParsedWithFiles, links, log, gate, crossing),
            )
            for each in self._files
        ]
        self.transition(
            "parse",
            [raw, hold(self.parsers), *(hold(each.room) for each in self._files)],
            effect=parse(raw),
            outcomes=[
                on(Parsed, put(parsed, p.extracted, raw, Parsed), *led),
                *with_files,
                on(Deferred, put(lost, p.deferred, raw, Deferred), elsewhere, *unwanted, *refused),
                on(Bad, put(log, p.bad, raw, Bad), *(each.at_bad_page(raw) for each in logins)),
                on(Lost, put(lost, p.lost_page, raw, Lost), *refused),
                *(
                    end
                    for each in logins
                    for end in self._login_ends(each, found, lost, log, refused)
                ),
            ],
        )
        for files in self._files:
            files.collect(parsed)
        validate = self.effect("validate", ValidateOutcome)
        good = put(self.uncounted or validated, p.checked, parsed, Valid)
        self.transition(
            "validate",
            [parsed],
            effect=validate(parsed),
            outcomes=[
                on(Valid, good, put(log, p.invalid, parsed, Valid)),
                on(Bad, put(log, p.bad, parsed, Bad)),
                on(Lost, put(lost, p.lost_page, parsed, Lost)),
            ],
        )
        for limit in items:
            assert self.uncounted is not None
            limit.count(self.uncounted, validated)
        keep = self.effect("keep", KeepOutcome)
        self.transition(
            "keep",
            [validated],
            effect=keep(validated),
            outcomes=[
                on(
                    Kept,
                    put(self.stored, p.stored, validated, Kept),
                    *([] if revisits is None else [revisits.at_kept(validated)]),
                ),
                on(Lost, put(lost, p.lost_page, validated, Lost)),
            ],
        )

    def _led_to(
        self,
        outcome: type[Parsed],
        links: Place[Found],
        log: Sink[Failure],
        gate: GateKeeper,
        crossing: Crossing | None,
    ) -> list[Output]:
        """What a parsed page puts beside its items."""
        p, raw = self._p, self.raw_html
        stop = put(gate.stop, p.stop, outcome) if crossing is None else crossing.stop(gate.stop)
        return [
            put(links, p.links, raw, outcome),
            put(log, p.told, raw, outcome),
            stop,
        ]

    def _login_ends(
        self,
        login: Logins,
        found: Place[Found],
        lost: Place[Failure],
        log: Sink[Failure],
        refused: Sequence[Output],
    ) -> list[On]:
        """The outcomes for the pages of a login, and for pages that ask for one."""
        p, raw, news = login.p, self.raw_html, login.news
        return [
            on(LoginStep, put(found, p.step, LoginStep), put(log, p.page_of_login, raw, LoginStep)),
            on(
                LoggedIn,
                put(news, p.done, raw, LoggedIn),
                put(log, p.page_of_login, raw, LoggedIn),
            ),
            on(
                LoggedOut,
                put(news, p.logged_out, raw, LoggedOut),
                put(lost, p.again, raw, LoggedOut),
                *refused,
            ),
        ]

    def properties(self) -> Iterator[Any]:
        """The bounds of the stages."""
        from scraper_cpn.analysis import at_most

        for stage, most in (
            (self.raw_html.name, self._waiting),
            (self.parsed.name, STAGE),
            (self.validated.name, STAGE),
        ):
            yield at_most(most, stage, claim=f"G6 {stage} keeps its bound")
