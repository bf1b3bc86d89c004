"""Parameters that don't change a page are left out of its URL, and no others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.colours import Found, Link, Redirected
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.parameters import Parameters
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import normalise

H = "http://h.example/p"
SESSION = "0123456789abcdef0123456789ABCDEF"
DEFAULT = Parameters(("tracking", "session"))


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        (f"{H}?utm_source=a&id=1&utm_medium=b", f"{H}?id=1"),
        (f"{H}?UTM_Source=a", H),
        (f"{H}?id=1&fbclid=x&gclid=y", f"{H}?id=1"),
        (f"{H}?id=1&&b", f"{H}?id=1&&b"),
        (f"{H}?pk_id=7&pk_campaign=mail&cfid=3", f"{H}?pk_id=7&cfid=3"),
        (f"{H}?b=2&CFID=3&CFTOKEN=af9c", f"{H}?b=2"),
        (f"{H}?gclidx=1&utm=2&xutm_a=3", f"{H}?gclidx=1&utm=2&xutm_a=3"),
        (f"{H}?PHPSESSID=abc&b=2", f"{H}?b=2"),
        (f"{H}?sid={SESSION}&b=2", f"{H}?b=2"),
        (f"{H}?sid=77&s=shoes", f"{H}?sid=77&s=shoes"),
        (f"{H}.jpg?w=9&s={SESSION}", f"{H}.jpg?w=9&s={SESSION}"),
        (f"{H};jsessionid={SESSION}?b=2", f"{H}?b=2"),
        (f"{H};JSESSIONID=1.node2/q", f"{H}/q"),
        (f"{H};v=2?b=1", f"{H};v=2?b=1"),
        ("http://h.example/(S(jk2m5mqbsmhmqg45jbdmub55))/a.aspx", "http://h.example/a.aspx"),
        ("http://h.example/wiki/A_(S)/b", "http://h.example/wiki/A_(S)/b"),
        (f"{H}?b=2&a=1&b=1", f"{H}?b=2&a=1&b=1"),
    ],
)
def test_the_default_lists(url: str, asked: str) -> None:
    """They take what names a visit or where it came from; what is left keeps its order and its spelling."""
    assert DEFAULT.of(url) == asked
    assert Parameters().of(url) == url


def test_names_of_ones_own_and_a_sorted_query() -> None:
    """A star stands for any ending; pairs of one name keep their order."""
    url = f"{H}?ref=1&sort_by=x&b=2&a=1&b=1&sort=y"
    assert Parameters(("REF", "sort_*")).of(url) == f"{H}?b=2&a=1&b=1&sort=y"
    assert Parameters(("ref",), sort=True).of(url) == f"{H}?a=1&b=2&b=1&sort=y&sort_by=x"


PAIRS = st.sampled_from(["utm_a=1", "a=1", "sid=" + SESSION, "gclid", "", "b", "=", "a=%26"])
URLS = st.lists(PAIRS, max_size=5).map(lambda pairs: normalise(f"{H}?{'&'.join(pairs)}"))


@given(URLS, st.sampled_from([DEFAULT, Parameters(("a",), sort=True)]))
def test_a_second_time_changes_nothing(url: str, parameters: Parameters) -> None:
    """The result is a URL in normal form that stays as it is."""
    asked = parameters.of(url)
    assert normalise(asked) == asked
    assert parameters.of(asked) == asked


POLICY = Policy(Settings())


def test_seeds_links_and_redirects_lack_them_alike() -> None:
    """One page has one target, however it was found."""
    frontier = POLICY.frontier
    seed = frontier.seed(f"{H}?utm_source=mail")
    assert (seed.url, seed.requested_url) == (H, H)
    (link,) = frontier.discover(seed, [Link(f"{H}2?fbclid=1")])
    assert link.url == f"{H}2"
    found = POLICY.requests.hop(link, Redirected(302, f"{H}3?gclid=1"))
    assert isinstance(found, Found)
    assert found.targets[0].url == f"{H}3"


def test_a_server_that_insists_gets_its_session() -> None:
    """It redirects to the same page with a session; a second redirect is a circle."""
    target = POLICY.frontier.seed(H)
    to = Redirected(302, f"{H}?PHPSESSID=abc")
    found = POLICY.requests.hop(target, to)
    assert isinstance(found, Found)
    (hop,) = found.targets
    assert hop.url == to.url
    assert POLICY.requests.hop(hop, to) is None
    assert POLICY.requests.redirect(hop, to).kind == "redirect"
