"""The whole coordination of the scraper: its parts, and how they are connected.

A transition takes all its inputs in one step, or none. Every request takes something from each limit; the
limit (in `parts/`) defines what a request takes, and what each outcome returns. Decisions (how long to
wait, whether to try again) are in `policy/`; the types of the tokens are in `colours/`.

Read `__init__` for the parts, then the eight methods that it ends with for the arcs between them. A function `..._of`
returns a part that only some crawls have: None or an empty list in the others.
"""

from typing import Any

from scraper_cpn.net import KeySet, Limit, Net, Place, absent
from scraper_cpn.scrape.colours import FAILED_LOG, Failure
from scraper_cpn.scrape.parts.addresses import Addresses, addresses_of
from scraper_cpn.scrape.parts.crossing import crossing_of
from scraper_cpn.scrape.parts.depths import depths_of
from scraper_cpn.scrape.parts.domains import Domains
from scraper_cpn.scrape.parts.fetching import Fetching
from scraper_cpn.scrape.parts.files import files_of
from scraper_cpn.scrape.parts.frontier import Frontier
from scraper_cpn.scrape.parts.health import Health
from scraper_cpn.scrape.parts.hosts import hosts_of
from scraper_cpn.scrape.parts.hours import domain_hours_of, hours_of
from scraper_cpn.scrape.parts.items import items_of
from scraper_cpn.scrape.parts.logins import logins_of
from scraper_cpn.scrape.parts.permits import Budget, GateKeeper, Permits
from scraper_cpn.scrape.parts.pipeline import Pipeline
from scraper_cpn.scrape.parts.proxies import Proxies
from scraper_cpn.scrape.parts.requests import Requests
from scraper_cpn.scrape.parts.retries import Retries
from scraper_cpn.scrape.parts.revisits import revisits_of
from scraper_cpn.scrape.parts.robots import Robots
from scraper_cpn.scrape.parts.routes import Routes, routes_of
from scraper_cpn.scrape.parts.seeds import Seeds
from scraper_cpn.scrape.parts.sessions import sessions_of
from scraper_cpn.scrape.parts.shares import shares_of
from scraper_cpn.scrape.parts.silence import silences_of
from scraper_cpn.scrape.parts.sitemaps import sitemaps_of
from scraper_cpn.scrape.parts.stages import Budgets, Stage
from scraper_cpn.scrape.parts.sticky import sticky_of
from scraper_cpn.scrape.parts.traps import traps_of
from scraper_cpn.scrape.parts.volume import Bytes, DomainLimit, Rate, volume_limits
from scraper_cpn.scrape.parts.waiting import Waiting
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.partitions import PartitionPolicy


class ScrapeNet(Net):
    """The net of a crawl under a policy.

    Args:
        p: the policy.
        partitions: into how many the crawl is divided, by domain: 1 or more.

    Raises:
        UsageError: the crawl has options that can't be divided.
    """

    def __init__(self, p: Policy, partitions: int = 1) -> None:
        # The keys that tell the partition, if the crawl is divided among workers.
        tells = {} if partitions == 1 else PartitionPolicy(p.settings, partitions).tells()
        super().__init__("scrape", partition="domain" if tells else None, tells=tells)
        self.policy = p
        self.crossing = crossing_of(self, p.settings, partitions)

        # The limits, in the order in which a request takes from them. A new limit is one more element.
        self.permits = Permits(self, p.settings)
        self.health = Health(self, p.domains.health)
        self.domains = Domains(self, p.domains, self.health)
        self.hosts = hosts_of(self, p.settings)
        self.proxies = Proxies(self, p.proxies, self.domains.pacing)
        self.logins = logins_of(self, p.requests.logins)
        self.silences = silences_of(self, p.silence, self.domains)
        # The fields of a request by which limits count, so that a queue finds what may begin: of a robots.txt, a
        # sitemap or a file; and of a page, which has more limits. `turn` are the fields by which targets are ordered.
        by_address = Addresses.counts_by if p.settings.has_addresses else ()
        by_host = *fields_of(*self.hosts, *self.silences), *by_address
        key = fields_of(self.domains) + tuple(dict.fromkeys(by_host))
        self.sessions = sessions_of(self, p.sessions, self.logins)
        self.shares = shares_of(self, p.shares)
        page_key = key + fields_of(*self.logins, *self.sessions, *self.shares)
        keys, turn = (key, page_key), p.frontier.turn
        self.sticky = sticky_of(self, self.sessions, page_key, turn)
        self.routes = routes_of(self, p.routes, self.domains, keys, turn)
        self.addresses = addresses_of(self, p.addresses, self.domains, keys, turn)
        self.stages: list[Stage] = [*self.routes, *self.addresses]
        """Where a request is given its proxy or its address, before limits that count by them."""
        self.gate = GateKeeper(self)
        self.hours = hours_of(self, p.settings)
        self.domain_hours = domain_hours_of(self, p.hours, self.health)
        self.files = files_of(self, p, key)
        self.budget = Budget(self, p.settings, *(each.awaiting for each in self.files))
        self.volume = volume_limits(self, p.volume, self.domains.pacing, partitions)
        self.measures = [each for each in self.volume if isinstance(each, Bytes | Rate)]
        """The limits of bytes, which count those of files, too."""
        self.items = items_of(self, p)
        self.limits: list[Limit] = [
            self.permits, self.domains, *self.hosts, *self.silences, *self.stages, self.proxies, self.gate,
            *self.hours, *self.domain_hours,
        ]  # fmt: skip

        # The other parts, each with its own places.
        self.depths = depths_of(self, p.frontier.depths, p.settings)
        self.traps = traps_of(self, p.frontier)
        self.frontier = Frontier(self, p.frontier, page_key, self.depths)
        self.robots = Robots(self, p, key, self.crossing)
        self.sitemaps = sitemaps_of(self, p, key)
        self.seeds = Seeds(self)
        self.requests = Requests(self, p, self.crossing)
        self.retries = Retries(self, p.retries)
        self.pipeline = Pipeline(self, p, self.files)
        self.revisits = revisits_of(self, p.requests.visits, p.settings)
        self.failed_log = self.sink(FAILED_LOG, Failure)

        # How they are connected. Transitions are tried in the order of these lines.
        self._let_urls_in()
        self._fetch_rules_and_sitemaps()
        self._fetch_files()
        self._give_up()
        self._fetch_pages()
        self._read_pages()
        self._give_stages()
        self._visit_again()

    @property
    def _fetching(self) -> Fetching:
        """What requests of every kind are connected to."""
        return Fetching(self.limits, self.domains, self.proxies, self.stages, self.failed_log)

    @property
    def _page_budgets(self) -> list[Limit]:
        """What a page takes beside the limits of all requests."""
        return [*self.logins, self.budget, *self.volume, *self.items, *self.shares]

    @property
    def _page_limits(self) -> list[Limit]:
        """All limits of a page, in the order in which a request takes from them."""
        return [*self.sessions, *self.limits, *self._page_budgets]

    def _let_urls_in(self) -> None:
        """New URLs wait for their robots.txt, or go straight to the waiting targets; bad seeds to the log."""
        self.frontier.admit(
            self.robots, [*self.limits, *self.logins, *self.sessions, *self.volume, *self.shares],
            self.traps, self.sitemaps, self.failed_log, self.crossing,
        )  # fmt: skip
        self.seeds.refuse(self.failed_log)

    def _fetch_rules_and_sitemaps(self) -> None:
        """Each robots.txt is fetched before anything else of its origin; its sitemaps bring URLs."""
        self.robots.fetch_rules(self._fetching)
        self.robots.clear(self.frontier.targets, self.failed_log, self.logins)
        if self.sitemaps is not None:
            self.sitemaps.clear(self.robots, self.limits, self.failed_log, self.crossing)
            self.sitemaps.fetch(self.frontier.found, self._fetching, self.budget)
            self.sitemaps.give_up(self.health, self.failed_log)

    def _fetch_files(self) -> None:
        """Files that items name are fetched while their page waits."""
        for files in self.files:
            files.clear(self.robots, self.limits, self.failed_log)
            files.fetch(self._fetching, self.measures)
            files.give_up(self.health, self.failed_log)

    def _give_up(self) -> None:
        """What waits for a dead domain or host, or for one whose limit is used up, ends in the log."""
        targets = self.frontier.targets
        known: list[KeySet[Any]] = [each.known for each in self.hosts or self.silences]
        known += [each.known for each in ([] if known else self.addresses)]
        known += [each.known for each in self.logins]
        known += [each.known for each in self.sessions]
        known += [each.known for each in self.shares]
        ended = [each.at_skip(targets) for each in self.logins]
        waiting = Waiting(targets, self.robots, self.failed_log, ended)
        self.health.give_up(waiting, known)
        for each in self.silences:
            keys = [self.domains.known, *(other for other in known if other.keys != ("host",))]
            each.give_up(waiting, keys)
        for limit in self.volume:
            if isinstance(limit, DomainLimit):
                limit.skip(waiting, known)

    def _fetch_pages(self) -> None:
        """A request takes a target and all its limits, or nothing; its failures are judged: another try, or the log."""
        self.requests.scrape(
            self.frontier, self._fetching, self._page_limits, self.sticky,
            fetched=self.pipeline.fetched, failed=self.retries.failed,
            logins=self.logins, revisits=self.revisits, sessions=self.sessions,
        )  # fmt: skip
        for shares in self.shares:
            shares.connect(self.frontier.targets, self._page_limits, self.pipeline.fetched)
        self.retries.judge(
            self.frontier.targets, self.gate, self.budget, self.failed_log,
            self.logins, self.sessions, self.revisits,
        )  # fmt: skip
        for login in self.logins:
            login.log_in(self.frontier.found, self.gate)

    def _read_pages(self) -> None:
        """A page is parsed, validated and stored; its links are found URLs."""
        self.pipeline.run(
            links=self.frontier.links, found=self.frontier.found, lost=self.retries.failed, log=self.failed_log,
            gate=self.gate, proxies=self.proxies, items=self.items, logins=self.logins, sessions=self.sessions,
            routes=self.routes, revisits=self.revisits, crossing=self.crossing,
        )  # fmt: skip

    def _give_stages(self) -> None:
        """A request that lacks nothing else is given its proxy or its address, and waits in that stage for its turn."""
        budgets = Budgets(
            pages=[*self.sessions, *self._page_budgets],
            sitemaps=[self.budget],
            files=self.measures,
        )
        targets, robots, sitemaps = self.frontier.targets, self.robots, self.sitemaps
        for stage in self.stages:
            limits = [each for each in self.limits if each is not self.proxies or not self.routes]
            queues = stage.queues(targets, robots, sitemaps, self.files, limits, budgets)
            backs = stage.give_back(targets, robots, sitemaps, self.files, self.health)
            if isinstance(stage, Routes):
                stage.connect(queues, self.proxies)
                stage.reroute(backs, self.proxies)
            elif isinstance(stage, Addresses):
                stage.connect(queues)
        others = [limit for limit in self.limits if limit is not self.proxies]
        for sticky in self.sticky:
            sticky.connect(
                targets, [*others, *self._page_budgets], self.proxies, self.health, self.logins
            )

    def _visit_again(self) -> None:
        """At a stop, pages go on without the files that they still lack; a page that was stored is due again after its rest."""
        settings = self.policy.settings
        for files in self.files if not self.policy.resumable else ():
            spent = [absent(each.left) for each in self.volume if isinstance(each, Bytes)]
            files.leave(self.pipeline.parsed, [absent(self.gate.open), *spent])
        if self.revisits is not None:
            due = self.robots.asks if settings.robots == "obey" else self.frontier.targets
            self.revisits.begin(due, self.gate, self.budget)

    @property
    def known_urls(self) -> tuple[Place[Any], ...]:
        """The places whose tokens are URLs that are known but not fetched."""
        places = self.robots.asks, self.frontier.targets, *self.staged_targets
        return *places, self.retries.cool_down

    @property
    def staged_targets(self) -> tuple[Place[Any], ...]:
        """The places of targets that have been given something (a proxy, an address) and wait for their turn there."""
        staged = [each.targets for each in self.stages]
        return *staged, *(each.targets for each in self.sticky)


def fields_of(*limits: Limit) -> tuple[str, ...]:
    """The fields of a request by which limits count."""
    return tuple(field for limit in limits for field in limit.counts_by)
