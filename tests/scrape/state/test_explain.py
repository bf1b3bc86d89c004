"""Where a URL is, and until when: what `explain` says is what the crawl then does."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from scraper_cpn.scrape.account.ledger import SKIPPED
from scraper_cpn.scrape.colours import Clearance, Rules, Target
from scraper_cpn.scrape.policy.robots import RobotsPolicy
from scraper_cpn.scrape.settings import MILLISECOND, SECOND, Settings
from scraper_cpn.scrape.state.explain import explain
from scraper_cpn.scrape.state.explanation import Explanation, Wait
from scraper_cpn.scrape.state.retry import retry_failed
from scraper_cpn.simulate.webspec import WebSpec
from scraper_cpn.store.port import StoreError
from tests.scrape.kept import KeptCrawl

pytestmark = pytest.mark.anyio

QUICK = Settings(delay_ns=0, retries=0, concurrency=4)
WEB = WebSpec(hosts=2, pages=6, latency_ns=20 * MILLISECOND)

Begin = Callable[..., KeptCrawl]


@pytest.fixture
async def begin(tmp_path: Path) -> AsyncIterator[Begin]:
    """Begins a crawl in a file of its own; it is closed at the end."""
    begun: list[KeptCrawl] = []

    def made(spec: WebSpec = WEB, settings: Settings = QUICK) -> KeptCrawl:
        begun.append(KeptCrawl(spec, settings, tmp_path / f"{len(begun)}.db"))
        return begun[-1]

    yield made
    for each in begun:
        await each.store.close()


def where(kept: KeptCrawl, url: str) -> Explanation:
    assert kept.path is not None
    return explain(kept.path, url)


def lacking(found: Explanation, place: str) -> Wait:
    """The one thing that is missing in a place."""
    (wait,) = {wait for wait in (*found.waits, *found.robots) if wait.place == place}
    return wait


@pytest.mark.slow
@given(
    lasts=st.lists(st.integers(0, 1_500), min_size=1, max_size=3),
    seed=st.integers(0, 3),
    again=st.booleans(),
)
@examples(max_examples=15, deadline=None)
def test_each_url_is_where_the_crawl_has_it(lasts: list[int], seed: int, again: bool) -> None:
    """Whenever a crawl is left: what waits is said to wait, what has ended has its end."""
    with TemporaryDirectory() as folder:
        anyio.run(_compared, Path(folder) / "c.db", lasts, seed, again)


async def _compared(path: Path, lasts: list[int], seed: int, again: bool) -> None:
    spec = WebSpec(
        seed=seed, hosts=4, pages=5, fail=0.5, redirect=0.3, latency_ns=60 * MILLISECOND,
        fail_kinds=("500", "dropped", "503 seconds"),
        robots=("absent", "delay", "error", "disallow"),
    )  # fmt: skip
    settings = Settings(delay_ns=200 * MILLISECOND, retries=1, backoff_ns=300 * MILLISECOND)
    kept = KeptCrawl(spec, settings, path)
    for last in lasts:
        await kept.crawl(last * MILLISECOND)
    if again:
        await retry_failed(kept.store)
    ends = {row.target.url: row for row in kept.ends()}
    assert Counter(kept.live()).total() == len(set(kept.live()))
    for url in kept.live():
        found = where(kept, url)
        assert found.stands not in {"stored", "failed", "skipped", "unknown", "set aside"}
        assert found.target is not None
        assert found.target.url == url
        assert found.waits or found.since_ns is not None
    for url in kept.stored():
        assert where(kept, url).stands == "stored"
    for url, row in ends.items():
        found = where(kept, url)
        assert found.stands == ("skipped" if row.kind in SKIPPED else "failed")
        assert found.attempts[-1]["reason"] == row.reason
    assert where(kept, "http://h0.example/nowhere").stands == "unknown"
    await kept.store.close()


async def test_the_end_of_a_pause_is_said(begin: Begin) -> None:
    """A URL whose domain pauses is asked for at the time that was said, if it is the next."""
    kept = begin(WebSpec(hosts=1, pages=6), Settings(delay_ns=10 * SECOND))
    await kept.crawl(25 * SECOND)
    waiting = [where(kept, url) for url in kept.live()]
    (found,) = [each for each in waiting if not each.ahead]
    assert found.stands == "waits"
    until_ns = lacking(found, "domains").until_ns
    assert until_ns is not None
    assert [wait.place for wait in found.waits] == ["domains"], "nobody waits for a verdict"
    assert sorted(each.ahead for each in waiting) == list(range(len(waiting)))
    await kept.crawl()
    assert until_ns <= kept.asked_ns[found.url] < until_ns + SECOND


async def test_a_back_off_is_said(begin: Begin) -> None:
    """A URL that failed waits for its next attempt until a time, with its attempts so far."""
    spec = WebSpec(hosts=1, pages=4, fail=1.0, fail_kinds=("500",))
    kept = begin(
        spec, Settings(delay_ns=0, backoff_ns=3_600 * SECOND, backoff_max_ns=3_600 * SECOND)
    )
    await kept.crawl(SECOND)
    found = where(kept, "http://h0.example/")
    assert found.stands == "cools down"
    assert found.target is not None
    assert found.target.attempt == 2
    assert [(row["kind"], row["status"], row["final"]) for row in found.attempts] == [
        ("http", 500, False)
    ]
    until_ns = lacking(found, "").until_ns
    assert until_ns is not None
    assert 1_700 * SECOND < until_ns - found.now_ns < 3_600 * SECOND


async def test_robots_txt_is_said(begin: Begin) -> None:
    """A URL that asks waits for the file, and the file for its own next attempt."""
    spec = WebSpec(hosts=1, pages=3, robots=("error",))
    kept = begin(spec, Settings(delay_ns=0, backoff_ns=600 * SECOND, backoff_max_ns=600 * SECOND))
    await kept.crawl(SECOND)
    found = where(kept, "http://h0.example/")
    assert found.stands == "asks"
    assert lacking(found, "robots").needs == "robots.txt of http://h0.example:80"
    until_ns = lacking(found, "").until_ns
    assert until_ns is not None
    assert found.now_ns + 200 * SECOND < until_ns < found.now_ns + 600 * SECOND


async def test_a_budget_that_is_spent_is_said(begin: Begin) -> None:
    """No pause ends that wait."""
    kept = begin(settings=Settings(delay_ns=0, max_pages=3))
    run = await kept.crawl()
    assert run.ended == "spent"
    found = where(kept, kept.live()[0])
    assert lacking(found, "budget").until_ns is None


async def test_what_is_in_flight_is_said(begin: Begin) -> None:
    """With the time since when."""
    kept = begin(WebSpec(hosts=1, pages=3, latency_ns=SECOND), QUICK)
    await kept.crawl(SECOND + SECOND // 2)
    found = where(kept, "http://h0.example/")
    assert found.stands == "in flight"
    assert found.since_ns is not None
    assert found.since_ns <= found.now_ns
    assert found.waits == ()


async def test_what_is_in_flight_comes_before_nobody(begin: Begin) -> None:
    """Each URL that waits has those of its domain ahead that wait, too."""
    kept = begin(
        WebSpec(hosts=2, pages=12, links=12, latency_ns=5 * SECOND),
        Settings(delay_ns=SECOND, per_domain=3),
    )
    await kept.crawl(14 * SECOND + SECOND // 2)
    found = [where(kept, url) for url in kept.live()]
    assert sum(each.stands == "in flight" for each in found) == 6
    for domain in ("h0.example", "h1.example"):
        ahead = [e.ahead for e in found if (e.stands, e.domain) == ("waits", domain)]
        assert sorted(ahead) == list(range(len(ahead)))
        assert len(ahead) > 2


async def test_with_shares_the_queue_is_that_of_a_level(begin: Begin) -> None:
    """The levels take turns, so that a URL has those of its own level before it."""
    settings = Settings(delay_ns=SECOND, shares=(2, 1), prefer=("[13579]$",))
    kept = begin(WebSpec(hosts=1, pages=12, links=12), settings)
    await kept.crawl(4 * SECOND)
    found = [where(kept, url) for url in kept.live()]
    for level in (-1, 0):
        ahead = [each.ahead for each in found if each.level == level]
        assert sorted(ahead) == list(range(len(ahead)))
        assert len(ahead) > 2


async def test_where_a_redirect_led_is_said(begin: Begin) -> None:
    """A URL that has moved was skipped, and its last row says where to."""
    kept = begin(WebSpec(hosts=1, pages=8, redirect=1.0, redirect_kinds=("own",)))
    await kept.crawl()
    moved = [row.target.url for row in kept.ends() if row.kind == "redirected"]
    found = where(kept, moved[0])
    assert found.stands == "skipped"
    assert not found.again
    assert found.attempts[-1]["reason"].startswith("redirects to http://h0.example/")


async def test_what_was_set_aside_is_said(begin: Begin, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the error, which is a bug of ours."""
    kept = begin(WebSpec(hosts=1, pages=3, latency_ns=MILLISECOND))

    def clearance(self: RobotsPolicy, target: Target, rules: Rules) -> Clearance:
        raise RuntimeError("a bug")

    monkeypatch.setattr(RobotsPolicy, "clearance", clearance)
    await kept.crawl(SECOND)
    found = where(kept, "http://h0.example/")
    assert (found.stands, found.error) == ("set aside", "asks: RuntimeError: a bug")


@pytest.mark.parametrize(
    ("url", "kept_out"),
    [
        ("http://h0.example/new", ()),
        ("http://h0.example/no", ("filters",)),
        ("http://other.example/new", ("scope",)),
        ("http://other.example/no", ("scope", "filters")),
        ("http://h0.example/a/a/a/", ("traps",)),
        ("http://h0.example/private/new", ("robots",)),
    ],
)
async def test_what_keeps_an_unknown_url_out(
    begin: Begin, url: str, kept_out: tuple[str, ...]
) -> None:
    """Scope, filters and robots.txt, each where it is the one; a link to it would say the same."""
    spec = WebSpec(hosts=1, pages=3, links_out=0, robots=("disallow",))
    kept = begin(spec, Settings(delay_ns=0, deny=("/no",), max_depth=1))
    await kept.crawl()
    found = where(kept, url)
    assert (found.stands, found.kept_out) == ("unknown", kept_out)


async def test_a_run_that_is_not_there(begin: Begin) -> None:
    """It is named, with those that are."""
    kept = begin()
    assert kept.path is not None
    with pytest.raises(StoreError, match="has no run nobody; it has main"):
        explain(kept.path, "http://h0.example/", "nobody")


async def test_a_url_with_parameters_that_are_left_out(begin: Begin) -> None:
    """It is the one that was requested in its place."""
    kept = begin(WebSpec(hosts=1, pages=3))
    await kept.crawl()
    found = where(kept, "http://h0.example/?utm_source=mail")
    assert (found.url, found.stands) == ("http://h0.example/", "stored")
