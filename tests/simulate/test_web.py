"""The synthetic web is what its spec says, always the same, and knows what a crawl should find."""

import re
import subprocess
import sys
from collections.abc import Callable
from urllib.parse import urldefrag, urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protego import Protego

from scraper_cpn.simulate.web import CountedWeb, SyntheticWeb, WebAnswer, WebSpec
from scraper_cpn.simulate.weblayout import PRIVATE
from scraper_cpn.simulate.webspec import SECOND, FailKind, RobotsKind, Scope
from scraper_cpn.simulate.webtext import ITEMS

RICH = WebSpec(
    seed=5,
    hosts=12,
    subdomains=3,
    pages=30,
    links=3,
    links_out=2,
    duplicates=0.3,
    body_bytes=3000,
    non_html=0.3,
    latency_ns=1000,
    latency_spread_ns=500,
    slow=0.2,
    fail=0.4,
    fail_times=4,
    fail_kinds=("500", "503", "503 date", "429 seconds", "dropped", "cut", "stalled"),
    busy_hosts=2,
    robots=("disallow", "error", "delay", "redirected", "allow", "absent"),
    redirect=0.4,
)

DIGEST = """
import hashlib
from msgspec.json import decode, encode
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
web = SyntheticWeb(decode({spec!r}, type=WebSpec))
digest = hashlib.sha256()
for url in web.pages(reachable=False):
    host, path = url[7:].split("/", 1)
    for visit in range(4):
        digest.update(encode(web.respond(host, "/" + path, visit, visit)))
digest.update(encode(web.reach()))
print(digest.hexdigest())
"""


def fetch(web: SyntheticWeb, url: str, visit: int = 0) -> WebAnswer:
    parts = urlsplit(url)
    return web.respond(parts.netloc, parts.path, visit, 99)


KEYS: dict[Scope, Callable[[str], str]] = {
    "any": lambda _: "",
    "host": str,
    "domain": lambda host: host.split(".")[-2],
}


class NaiveCrawl:
    """What a naive crawl stores: one URL after the other, by text and standard tools."""

    def __init__(self, web: SyntheticWeb, scope: Scope, attempts: int, hops: int) -> None:
        self.live = CountedWeb(web)
        self.key, self.attempts, self.max_hops = KEYS[scope], attempts, hops
        self.stored: list[str] = []
        self.rules: dict[str, Protego | None] = {}
        self.ended: set[str] = set()
        self.waiting = [(seed, urlsplit(seed).netloc, 0) for seed in web.seeds()]

    def run(self) -> list[str]:
        while self.waiting:
            url, site, hops = self.waiting.pop(0)
            host = urlsplit(url).netloc
            inside = host in self.live.web.hosts and self.key(host) == self.key(site)
            if inside and url not in self.ended and self.allowed(url):
                self.ended.add(url)
                self.visit(url, site, hops)
        return self.stored

    def get(self, url: str) -> WebAnswer:
        return self.live.answer(urlsplit(url).netloc, urlsplit(url).path)

    def allowed(self, url: str) -> bool:
        host = urlsplit(url).netloc
        if host not in self.rules:
            answer = self.get(f"http://{host}/robots.txt")
            if answer.status == 301:
                answer = self.get(urljoin(url, dict(answer.headers)["Location"]))
            text = answer.body.decode() if answer.status == 200 else ""
            self.rules[host] = None if answer.status >= 500 else Protego.parse(text)
        rules = self.rules[host]
        return rules is not None and bool(rules.can_fetch(url, "naive"))

    def visit(self, url: str, site: str, hops: int) -> None:
        answers = (self.get(url) for _ in range(self.attempts))
        good = (a for a in answers if a.fate == "complete" and a.status < 400)
        answer = next(good, None)
        if answer is None:
            return
        moved = dict(answer.headers).get("Location")
        if moved is None:
            self.store(url, answer)
        elif hops < self.max_hops:
            self.waiting.append((urljoin(url, moved), site, hops + 1))

    def store(self, url: str, answer: WebAnswer) -> None:
        self.stored.append(url)
        if dict(answer.headers)["Content-Type"].startswith("text/html"):
            for href in re.findall(r'href="([^"]*)"', answer.body.decode()):
                link = urldefrag(urljoin(url, href)).url
                self.waiting.append((link, urlsplit(url).netloc, 0))


specs = st.builds(
    WebSpec,
    seed=st.integers(0, 1000),
    hosts=st.integers(1, 5),
    subdomains=st.integers(1, 3),
    pages=st.integers(1, 12),
    links=st.integers(0, 4),
    links_out=st.integers(0, 3),
    duplicates=st.sampled_from([0.0, 0.5]),
    body_bytes=st.just(0),
    non_html=st.sampled_from([0.0, 0.5]),
    fail=st.sampled_from([0.0, 0.5, 1.0]),
    fail_times=st.integers(1, 4),
    busy_hosts=st.integers(0, 2),
    busy_requests=st.integers(0, 2),
    robots=st.lists(
        st.sampled_from(["absent", "allow", "disallow", "delay", "error", "redirected"]), min_size=1
    ).map(tuple),
    redirect=st.sampled_from([0.0, 0.5, 1.0]),
    chain_hops=st.integers(1, 5),
)


@settings(deadline=None, max_examples=200)
@given(specs, st.sampled_from(["host", "domain", "any"]), st.integers(3, 4), st.integers(0, 5))
def test_the_truth_is_what_a_naive_crawl_stores(
    spec: WebSpec, scope: Scope, attempts: int, hops: int
) -> None:
    """`pages` names exactly the URLs that a crawl by text and standard tools ends with."""
    web = SyntheticWeb(spec)
    truth = web.pages(scope=scope, attempts=attempts, max_redirects=hops)
    assert sorted(truth) == sorted(NaiveCrawl(web, scope, attempts, hops).run())


def test_answers_do_not_depend_on_process_or_hash_seed() -> None:
    """Processes with different hash seeds give the same bytes for every page and visit."""
    from msgspec.json import encode

    program = DIGEST.format(spec=encode(RICH))
    digests = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2", "77")
    }
    assert len(digests) == 1


def test_answers_do_not_depend_on_the_order_of_requests() -> None:
    """The same visit gets the same answer in any order, from any instance."""
    urls = SyntheticWeb(RICH).pages(reachable=False)
    forward, backward = SyntheticWeb(RICH), SyntheticWeb(RICH)
    there = {url: fetch(forward, url) for url in urls}
    back = {url: fetch(backward, url) for url in reversed(urls)}
    assert there == back


def test_another_seed_is_another_web() -> None:
    """The seed decides which pages link to which."""
    one, two = (SyntheticWeb(WebSpec(seed=seed, hosts=3, pages=30)) for seed in (1, 2))
    assert [fetch(one, url) for url in one.pages()] != [fetch(two, url) for url in two.pages()]


def test_a_page_is_html_of_the_wanted_size() -> None:
    """A page has title, heading, links and items, and `body_bytes` bytes exactly."""
    web = SyntheticWeb(WebSpec(hosts=2, pages=20, links=4, links_out=2, body_bytes=8000))
    answer = web.respond("h1.example", "/p/2", 0)
    text = answer.body.decode()
    assert answer.status == 200
    assert len(answer.body) == 8000
    assert "<title>Page 2 of h1.example</title>" in text
    assert "<h1>Page 2 of h1.example</h1>" in text
    assert text.count('class="item"') == ITEMS
    assert text.count("<a href=") == 6
    assert text.endswith("</html>\n")


def test_a_page_is_never_cut_to_its_size() -> None:
    """Markup is the least size; a filler longer than the supply of words is made too."""
    small = SyntheticWeb(WebSpec(body_bytes=1)).respond("h0.example", "/", 0)
    large = SyntheticWeb(WebSpec(body_bytes=200_000)).respond("h0.example", "/", 0)
    assert small.body.endswith(b"</html>\n")
    assert len(large.body) == 200_000


def test_hosts_share_registrable_domains() -> None:
    """With `subdomains`, that many hosts are named under one domain."""
    assert SyntheticWeb(WebSpec(hosts=3, subdomains=2)).hosts == (
        "w0.h0.example",
        "w1.h0.example",
        "w0.h1.example",
    )


@pytest.mark.parametrize(
    "kind", ["500", "503", "503 seconds", "503 date", "429 seconds", "429 date"]
)
def test_a_page_fails_as_often_as_it_should_then_succeeds(kind: FailKind) -> None:
    """With every page failing, visits below 1 to `fail_times` fail and all later ones succeed."""
    web = SyntheticWeb(WebSpec(pages=40, fail=1.0, fail_times=3, fail_kinds=(kind,)))
    failures = []
    for url in web.pages(attempts=9):
        statuses = [fetch(web, url, visit).status for visit in range(6)]
        first = statuses.index(200)
        failures.append(first)
        assert statuses == [int(kind[:3])] * first + [200] * (6 - first)
        assert (fetch(web, url).retry_after_s is not None) == (" " in kind)
    assert set(failures) == {1, 2, 3}


@pytest.mark.parametrize(
    ("kind", "status", "fate"),
    [("dropped", 0, "dropped"), ("cut", 200, "dropped"), ("stalled", 200, "stalled")],
)
def test_connections_fail(kind: FailKind, status: int, fate: str) -> None:
    """A dropped, cut or stalled answer says so; the sender does the rest."""
    answer = fetch(SyntheticWeb(WebSpec(fail=1.0, fail_kinds=(kind,))), "http://h0.example/")
    assert (answer.status, answer.fate) == (status, fate)


def test_shares_are_kept() -> None:
    """About the wanted share of pages fail, are no HTML, or are slow."""
    spec = WebSpec(pages=2000, links=0, fail=0.1, non_html=0.2, slow=0.3, fail_kinds=("500",))
    web = SyntheticWeb(spec)
    urls = web.pages(reachable=False)
    first, later = ([fetch(web, url, visit) for url in urls] for visit in (0, 9))
    assert 150 < sum(a.status == 500 for a in first) < 250
    assert 300 < sum(dict(a.headers)["Content-Type"][:4] != "text" for a in later) < 500
    assert 500 < sum(a.spread_ns == spec.trickle_ns for a in later) < 700


def test_a_busy_host_refuses_its_first_requests() -> None:
    """The first n requests to a busy host get 429, whatever their URL; robots.txt does not count."""
    live = CountedWeb(SyntheticWeb(WebSpec(hosts=2, pages=9, busy_hosts=1, busy_requests=3)))
    paths = ["/", "/robots.txt", "/p/1", "/", "/", "/p/1"]
    assert [live.answer("h1.example", path).status for path in paths] == [
        *(429, 404, 429, 429),
        *(200, 200),
    ]
    assert live.answer("h0.example", "/").status == 200


def test_the_truth_about_a_too_busy_host_is_refused() -> None:
    """Where the order of requests decides what is stored, `reach` says so and gives no answer."""
    web = SyntheticWeb(WebSpec(busy_hosts=1, busy_requests=3))
    with pytest.raises(ValueError, match="busy_requests is 3"):
        web.reach(attempts=3)
    assert web.reach(attempts=4)


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("absent", 404, None),
        ("allow", 200, "User-agent: *\nDisallow:\n"),
        ("disallow", 200, "User-agent: *\nDisallow: /private/\n"),
        ("delay", 200, "User-agent: *\nCrawl-delay: 0.5\nDisallow:\n"),
        ("error", 503, None),
    ],
)
def test_robots_kinds(kind: RobotsKind, status: int, text: str | None) -> None:
    """What is served is what `rules` says."""
    web = SyntheticWeb(WebSpec(robots=(kind,), crawl_delay_ns=SECOND // 2))
    answer = web.respond("h0.example", "/robots.txt", 0)
    assert (answer.status, web.rules("h0.example").text) == (status, text)
    assert text is None or answer.body.decode() == text


def test_robots_behind_a_redirect() -> None:
    """A moved robots.txt is found one hop further, and only on a host that moved it."""
    web = SyntheticWeb(WebSpec(hosts=2, robots=("redirected", "allow")))
    first = web.respond("h0.example", "/robots.txt", 0)
    assert (first.status, first.headers) == (301, (("Location", "/rules/robots.txt"),))
    assert web.respond("h0.example", "/rules/robots.txt", 0).status == 200
    assert web.respond("h1.example", "/rules/robots.txt", 0).status == 404


def test_a_disallowed_tree_is_the_last_fifth() -> None:
    """Pages under /private/ exist, are linked, and are no part of the truth."""
    web = SyntheticWeb(WebSpec(pages=20, robots=("disallow",)))
    hidden = [url for url in web.pages(reachable=False) if "/private/" in url]
    assert len(hidden) == 4
    assert any("/private/" in href for n in range(5) for href in web.links("h0.example", f"/p/{n}"))
    assert set(web.pages(reachable=False)) - set(web.pages()) == set(hidden)


def test_redirects_lead_where_their_kind_says() -> None:
    """Own and chained ones end at the page, loops return, the others leave the host."""
    web = SyntheticWeb(WebSpec(hosts=3, chain_hops=2))

    def follow(path: str, hops: int) -> str:
        for _ in range(hops):
            answer = web.respond("h0.example", path, 0)
            assert 301 <= answer.status <= 308
            path = dict(answer.headers)["Location"]
        return path

    assert follow("/r/own/5", 1) == "/p/5"
    assert follow("/r/chain/5/2", 2) == "/p/5"
    assert follow("/r/loop/5", 2) == "/r/loop/5"
    assert follow("/r/private/5", 1) in PRIVATE
    assert re.match(r"http://h[12]\.example/", follow("/r/other/5", 1))


@settings(deadline=None, max_examples=300)
@given(st.text(), st.one_of(st.text(), st.from_regex(r"/(r/(chain|own|x)|p)/\d+(/\d*)?")))
def test_any_host_and_path_have_an_answer(host: str, path: str) -> None:
    """Nothing that a crawler may ask for raises."""
    web = SyntheticWeb(WebSpec(hosts=2, redirect=1.0))
    assert web.respond(host, path, 0).status == 502
    assert web.respond("h0.example", path, 0).status in (200, 301, 302, 303, 307, 308, 404)


def test_unknown_pages_are_missing() -> None:
    """A path that is no page gets 404, other spellings of a number included."""
    web = SyntheticWeb(WebSpec(pages=10))
    for path in ("/p/10", "/p/03", "/p/-1", "/private/9", "/x", "/p/3?q=1", "/r/own/99", "/r/x/1"):
        assert web.respond("h0.example", path, 0).status == 404


def test_latency_is_within_its_spread() -> None:
    """Latencies lie between the least and the spread above it, and differ."""
    web = SyntheticWeb(WebSpec(pages=50, latency_ns=1000, latency_spread_ns=100))
    latencies = {fetch(web, url).latency_ns for url in web.pages(reachable=False)}
    assert len(latencies) > 10
    assert min(latencies) >= 1000
    assert max(latencies) <= 1100


def test_retry_after_is_written_at_the_moment_of_sending() -> None:
    """A date asks for no less than the seconds would; other headers stay."""
    seconds = WebAnswer(status=503, headers=(("A", "b"),), retry_after_s=2)
    dated = WebAnswer(status=503, retry_after_s=2, retry_date=True)
    now_ns = 1_700_000_000 * SECOND + 1
    assert seconds.headers_at(now_ns) == (("A", "b"), ("Retry-After", "2"))
    assert dated.headers_at(now_ns) == (("Retry-After", "Tue, 14 Nov 2023 22:13:23 GMT"),)
    assert dated.hold_until_ns(now_ns) == 1_700_000_003 * SECOND
    assert seconds.hold_until_ns(now_ns) == now_ns + 2 * SECOND


@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (WebSpec(hosts=0), "hosts"),
        (WebSpec(fail=1.5), "fail"),
        (WebSpec(latency_ns=-1), "latency_ns"),
        (WebSpec(robots=()), "robots"),
        (WebSpec(fail_kinds=("404",)), "fail_kinds"),  # type: ignore[arg-type]
    ],
)
def test_knobs_out_of_range_are_named(spec: WebSpec, named: str) -> None:
    """A bad knob is a ValueError that names it."""
    with pytest.raises(ValueError, match=named):
        SyntheticWeb(spec)
