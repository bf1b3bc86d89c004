"""A deterministic synthetic web: any number of hosts and pages from one seed.

Owns: the answer of every URL at its n-th visit, and the expected results that a crawl is compared with.
Must not know: sockets, clocks, the net, the crawler.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from scraper_cpn.simulate.weblayout import WebLayout, join, split
from scraper_cpn.simulate.webspec import Fate, HostRules, Scope, WebAnswer, WebSpec, check_spec
from scraper_cpn.simulate.webtext import html, media, robots_text

__all__ = ["CountedWeb", "HostRules", "SyntheticWeb", "WebAnswer", "WebSpec", "join", "split"]

ROBOTS_PATHS = ("/robots.txt", "/rules/robots.txt")
"""The paths of robots.txt; on a host with robots kind `redirects` the first redirects to the second."""

_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_TEXT = (("Content-Type", "text/plain; charset=utf-8"),)
_MOVES = (301, 302, 303, 307, 308)


class SyntheticWeb:
    """The web that a spec describes.

    Raises:
        ValueError: a parameter of *spec* is out of range.
    """

    def __init__(self, spec: WebSpec) -> None:
        check_spec(spec)
        self.spec = spec
        self._layout = WebLayout(spec)
        self.hosts = self._layout.hosts

    def address(self, host: str) -> str:
        """The IP address of a host."""
        return self._layout.address(host)

    def respond(self, host: str, path: str, visit: int, host_visit: int | None = None) -> WebAnswer:
        """The answer of `http://host/path`.

        Args:
            host: without port, in lower case; an unknown host gets 502, as from a proxy.
            path: from the first slash on, with its query.
            visit: the number of earlier requests for this URL, counted by the caller.
            host_visit: the number of earlier requests to this host, without robots.txt; by default
                *visit* is used instead.

        Cost: about 15 us for a page of 8 kB.
        """
        index = self._layout.index.get(host)
        if index is None:
            return WebAnswer(status=502, headers=_TEXT, body=b"no such host\n")
        latency_ns = self._layout.latency_ns(index, path, visit)
        if path in ROBOTS_PATHS:
            return self._robots(index, path, latency_ns)
        earlier = visit if host_visit is None else host_visit
        if self._layout.busy(index) and earlier < self.spec.busy_requests:
            return self._refusal(429, latency_ns, as_date=False)
        return self._resource(index, path, visit, latency_ns)

    def seeds(self) -> tuple[str, ...]:
        """The first page of every host."""
        return tuple(f"http://{host}/" for host in self.hosts)

    def rules(self, host: str) -> HostRules:
        """The robots.txt of *host*. Raises `KeyError` if the web has no such host."""
        kind = self._layout.robots(self._layout.index[host])
        text = robots_text(kind, self.spec.crawl_delay_ns)
        status = {"absent": 404, "error": 503}.get(kind, 200)
        delay_ns = self.spec.crawl_delay_ns if kind == "delay" else 0
        disallowed = {"disallow": ("/private/",), "error": ("/",)}.get(kind, ())
        return HostRules(kind, status, text, delay_ns, disallowed)

    def links(self, host: str, path: str) -> tuple[str, ...]:
        """The hrefs on a page, unresolved; empty if *path* is not an HTML page."""
        index = self._layout.index[host]
        page = self._layout.page(index, path)
        if page is None or self._layout.media(index, page):
            return ()
        return tuple(self._layout.hrefs(index, page))

    # The expected results.

    def pages(
        self,
        *,
        reachable: bool = True,
        scope: Scope = "any",
        attempts: int = 3,
        max_redirects: int = 10,
        seeds: Iterable[str] | None = None,
    ) -> tuple[str, ...]:
        """Every URL that a polite crawl stores, exactly once; if not *reachable*, all pages.

        Arguments and errors: see `reach`.
        """
        if reachable:
            return tuple(
                self.reach(scope=scope, attempts=attempts, max_redirects=max_redirects, seeds=seeds)
            )
        return tuple(
            f"http://{host}{self._layout.path(index, page)}"
            for index, host in enumerate(self.hosts)
            for page in range(self.spec.pages)
        )

    def reach(
        self,
        *,
        scope: Scope = "any",
        attempts: int = 3,
        max_redirects: int = 10,
        seeds: Iterable[str] | None = None,
    ) -> dict[str, int]:
        """The pages that a polite crawl stores, each with the least number of links from a seed.

        Args:
            scope: links are followed within the host, the registrable domain, or anywhere.
            attempts: how many requests the crawler makes for a URL before it gives up; at least 1.
            max_redirects: how many hops it follows.
            seeds: the URLs that it begins with; `seeds()` by default.

        Raises:
            ValueError: busy hosts refuse so often that the order of requests decides which page runs
                out of attempts.
        """
        if self.spec.busy_hosts and self.spec.busy_requests >= attempts:
            raise ValueError(
                f"web spec: busy_requests is {self.spec.busy_requests}; give less than the "
                f"{attempts} attempts of the crawl, or it is uncertain which pages are stored"
            )
        depths: dict[str, int] = {}
        waiting = deque((seed, 0) for seed in (self.seeds() if seeds is None else seeds))
        while waiting:
            url, depth = waiting.popleft()
            page = self._arrive(url, scope, max_redirects)
            if page is None or page in depths or not self._succeeds(page, attempts):
                continue
            depths[page] = depth
            waiting.extend((link, depth + 1) for link in self._followed(page, scope))
        return depths

    def _followed(self, url: str, scope: Scope) -> Iterator[str]:
        host, path = split(url)
        for href in self.links(host, path):
            link = join(host, href)
            if self._in_scope(host, split(link)[0], scope):
                yield link

    def _arrive(self, url: str, scope: Scope, max_redirects: int) -> str | None:
        """The final URL after redirects; None if robots.txt, scope or a limit prevents it."""
        first = split(url)[0]
        for _ in range(max_redirects + 1):
            host, path = split(url)
            in_scope = self._in_scope(first, host, scope)
            if not in_scope or path.startswith(self.rules(host).disallowed):
                return None
            location = self._layout.location(self._layout.index[host], path)
            if location is None:
                return url
            url = join(host, location)
        return None

    def _in_scope(self, first: str, host: str, scope: Scope) -> bool:
        index = self._layout.index
        if first not in index or host not in index:
            return False
        if scope == "domain":
            return index[first] // self.spec.subdomains == index[host] // self.spec.subdomains
        return scope == "any" or first == host

    def _succeeds(self, url: str, attempts: int) -> bool:
        host, path = split(url)
        index = self._layout.index[host]
        page = self._layout.page(index, path)
        return page is not None and self._layout.failures(index, page) < attempts

    # Answers.

    def _robots(self, index: int, path: str, latency_ns: int) -> WebAnswer:
        rules = self.rules(self.hosts[index])
        redirects = rules.kind == "redirected"
        if redirects and path == ROBOTS_PATHS[0]:
            to = (("Location", ROBOTS_PATHS[1]),)
            return WebAnswer(status=301, headers=to, latency_ns=latency_ns)
        if path != ROBOTS_PATHS[0] and not redirects:
            return WebAnswer(status=404, headers=_TEXT, body=b"none\n", latency_ns=latency_ns)
        body = (rules.text or "none\n").encode()
        return WebAnswer(status=rules.status, headers=_TEXT, body=body, latency_ns=latency_ns)

    def _resource(self, index: int, path: str, visit: int, latency_ns: int) -> WebAnswer:
        """The answer of a page or a redirect; 404 for anything else."""
        layout = self._layout
        location = layout.location(index, path)
        if location is not None:
            status = _MOVES[layout.draws(f"{self.hosts[index]}{path} status", 1)[0] % len(_MOVES)]
            to = (("Location", location),)
            return WebAnswer(status=status, headers=to, latency_ns=latency_ns)
        page = layout.page(index, path)
        if page is None:
            return WebAnswer(
                status=404, headers=_TEXT, body=b"no such page\n", latency_ns=latency_ns
            )
        if visit < layout.failures(index, page):
            return self._failure(index, page, visit, latency_ns)
        return self._success(index, page, latency_ns)

    def _success(
        self, index: int, page: int, latency_ns: int, fate: Fate = "complete"
    ) -> WebAnswer:
        kind, body = self._body(index, page)
        slow = fate == "complete" and self._layout.slow(index, page)
        return WebAnswer(
            status=200,
            headers=kind,
            body=body,
            latency_ns=latency_ns,
            spread_ns=self.spec.trickle_ns if slow else 0,
            fate=fate,
        )

    def _body(self, index: int, page: int) -> tuple[tuple[tuple[str, str], ...], bytes]:
        size = self.spec.body_bytes
        if self._layout.media(index, page):
            kind, body = media(page, size)
            return (("Content-Type", kind),), body
        return _HTML, html(self.hosts[index], page, self._layout.hrefs(index, page), size)

    def _failure(self, index: int, page: int, visit: int, latency_ns: int) -> WebAnswer:
        kind = self._layout.failure(index, page, visit)
        if kind == "dropped":
            return WebAnswer(status=0, fate="dropped", latency_ns=latency_ns)
        if kind == "cut":
            return self._success(index, page, latency_ns, "dropped")
        if kind == "stalled":
            return self._success(index, page, latency_ns, "stalled")
        status, _, form = kind.partition(" ")
        if form:
            return self._refusal(int(status), latency_ns, as_date=form == "date")
        body = b"out of order\n"
        return WebAnswer(status=int(status), headers=_TEXT, body=body, latency_ns=latency_ns)

    def _refusal(self, status: int, latency_ns: int, *, as_date: bool) -> WebAnswer:
        return WebAnswer(
            status=status,
            headers=_TEXT,
            body=b"not now\n",
            latency_ns=latency_ns,
            retry_after_s=self.spec.retry_after_s,
            retry_date=as_date,
        )


class CountedWeb:
    """A synthetic web that counts visits, for a server or a mocked fetcher."""

    def __init__(self, web: SyntheticWeb) -> None:
        self.web = web
        self._urls: dict[tuple[str, str], int] = {}
        self._hosts: dict[str, int] = {}

    def answer(self, host: str, path: str) -> WebAnswer:
        """The answer to the next request for `http://host/path`, which is counted."""
        visit = self._urls.get((host, path), 0)
        self._urls[host, path] = visit + 1
        if path in ROBOTS_PATHS:
            return self.web.respond(host, path, visit)
        host_visit = self._hosts.get(host, 0)
        self._hosts[host] = host_visit + 1
        return self.web.respond(host, path, visit, host_visit)
