"""Which cookies a jar keeps, and which of them a request gets (RFC 6265bis)."""

from collections.abc import Sequence

import pytest

from scraper_cpn.scrape.fetch import jar as limits
from scraper_cpn.scrape.fetch.cookies import INVALID, TOO_LARGE, FileCookie
from scraper_cpn.scrape.fetch.jar import EXPIRED, FOREIGN, INSECURE, NO_ROOM, SUFFIX, Jar
from scraper_cpn.scrape.settings import SECOND

HERE = "https://www.shop.test/a/b?c=/d"


def sent(url: str, *cookies: str, set_by: str = HERE, now_ns: int = 0, **how: str) -> str:
    """Return what goes to a URL after another one has set cookies at time 0."""
    jar = Jar()
    jar.take(set_by, cookies, 0)
    return jar.header(url, now_ns, **how)


@pytest.mark.parametrize(
    ("cookie", "url", "goes"),
    [
        ("a=1", HERE, True),
        ("a=1", "https://www.shop.test/a", True),
        ("a=1", "https://www.shop.test/ab", False),
        ("a=1", "https://www.shop.test/", False),
        ("a=1; Path=/", "https://www.shop.test:8443/", True),
        ("a=1; Path=/", "https://shop.test/", False),
        ("a=1; Path=/", "https://x.www.shop.test/", False),
        ("a=1; Path=/; Domain=shop.test", "https://shop.test/", True),
        ("a=1; Path=/; Domain=.SHOP.test", "https://x.shop.test/", True),
        ("a=1; Path=/; Domain=shop.test", "https://noshop.test/", False),
        ("a=1; Path=/; Domain=", "https://www.shop.test/", True),
        ("a=1; Path=/; Secure", "http://www.shop.test/", False),
        ("a=1; Path=/", "http://www.shop.test/", True),
    ],
)
def test_where_a_cookie_goes(cookie: str, url: str, goes: bool) -> None:
    """To its host or the hosts below its domain, to its path, and by https only if it is secure."""
    assert sent(url, cookie) == ("a=1" if goes else "")


@pytest.mark.parametrize(
    ("set_by", "cookie", "why"),
    [
        (HERE, "a=1; Domain=other.test", FOREIGN),
        (HERE, "a=1; Domain=x.www.shop.test", FOREIGN),
        (HERE, "a=1; Domain=test", SUFFIX),
        ("https://a.co.uk/", "a=1; Domain=co.uk", SUFFIX),
        ("https://a.github.io/", "a=1; Domain=github.io", SUFFIX),
        ("http://127.0.0.1/", "a=1; Domain=0.0.1", FOREIGN),
        ("http://www.shop.test/", "a=1; Secure", INSECURE),
        (HERE, "a=1; SameSite=None", INSECURE),
        (HERE, "__Secure-a=1", INSECURE),
        (HERE, "__host-a=1; Secure; Path=/; Domain=www.shop.test", INSECURE),
        (HERE, "__Host-a=1; Secure", INSECURE),
        ("https://shop.test/", "__Host-a=1; Secure", INSECURE),
        (HERE, "__Host-a; Secure; Path=/", INVALID),
        (HERE, "a=" + "x" * 5000, TOO_LARGE),
    ],
)
def test_what_is_refused(set_by: str, cookie: str, why: str) -> None:
    """Cookies of other sites, of all sites below a suffix, and against the rules of prefixes; all are counted."""
    jar = Jar()
    jar.take(set_by, [cookie], 0)
    assert (len(jar), jar.dropped) == (0, {why: 1})


@pytest.mark.parametrize(
    ("set_by", "cookie"),
    [
        (HERE, "__Host-a=1; Secure; Path=/"),
        (HERE, "__Secure-a=1; Secure; Domain=shop.test"),
        ("http://localhost:8080/", "a=1; Secure; Domain=localhost"),
        ("http://127.0.0.1:8080/", "a=1; Domain=127.0.0.1"),
        ("https://github.io/", "a=1; Domain=github.io"),
        ("http://[::1]:80/", "a=1"),
    ],
)
def test_what_is_kept(set_by: str, cookie: str) -> None:
    """A suffix and an address have cookies of their own; this machine counts as secure."""
    assert sent(set_by, cookie, set_by=set_by).endswith("a=1")


def test_order_and_change() -> None:
    """Longer paths go first, then what was made first; a change keeps its place, and an age of 0 ends a cookie."""
    jar = Jar()
    jar.take(HERE, ["a=1; Path=/", "b=1; Path=/", "c=1; Path=/a", "d=1; Max-Age=9"], 0)
    jar.take(HERE, ["a=2; Path=/", "d=; Max-Age=0", "nameless; Path=/"], 0)
    assert jar.header(HERE, 0) == "c=1; a=2; b=1; nameless"
    assert len(jar) == 4


@pytest.mark.parametrize(
    ("age", "at_s", "goes"),
    [
        ("Max-Age=10", 9, True),
        ("Max-Age=10", 10, False),
        ("Max-Age=10; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 9, True),
        ("Expires=Thu, 01 Jan 1970 00:00:05 GMT", 4, True),
        ("Expires=Thu, 01 Jan 1970 00:00:05 GMT", 5, False),
        ("Max-Age=99999999999999999999", 399 * 86_400, True),
        ("Max-Age=99999999999999999999", 401 * 86_400, False),
        ("", 10**10, True),
    ],
)
def test_ages(age: str, at_s: int, goes: bool) -> None:
    """Max-Age counts before Expires; the longest age is 400 days; without one a cookie lasts as long as the crawl."""
    assert sent(HERE, f"a=1; {age}", now_ns=at_s * SECOND) == ("a=1" if goes else "")


def test_plain_http_does_not_hide_a_secure_cookie() -> None:
    """Who can write answers to plain HTTP can't replace what came by https."""
    jar = Jar()
    jar.take(HERE, ["a=1; Secure; Path=/; Domain=shop.test"], 0)
    jar.take("http://www.shop.test/", ["a=2; Path=/; Domain=shop.test", "a=3", "b=4"], 0)
    assert jar.header("https://www.shop.test/", 0) == "a=1; b=4"
    assert jar.dropped == {INSECURE: 2}


@pytest.mark.parametrize(
    ("initiator", "method", "names"),
    [
        (None, "POST", "n l s"),
        ("https://shop.test/", "POST", "n l s"),
        ("https://other.test/", "GET", "n l"),
        ("https://other.test/", "POST", "n"),
    ],
)
def test_links_of_other_sites(initiator: str | None, method: str, names: str) -> None:
    """Strict cookies do not go where another site leads; lax ones not with a form of another site."""
    jar = Jar()
    jar.take(HERE, ["n=1", "l=1; SameSite=Lax", "s=1; SameSite=Strict"], 0)
    header = jar.header(HERE, 0, method=method, initiator=initiator)
    assert [each[0] for each in header.split("; ")] == names.split()


def test_limits_of_a_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has expired goes first, then the cookie that was used longest ago, a secure one last."""
    monkeypatch.setattr(limits, "SITE_COOKIES_MAX", 3)
    jar = Jar()
    jar.take(HERE, ["old=1; Max-Age=1", "sure=1; Secure", "used=1; Path=/"], 0)
    jar.take(HERE, ["x=1; Path=/u"], 2 * SECOND)
    assert jar.dropped == {}
    jar.header("https://www.shop.test/", 3 * SECOND)
    jar.take(HERE, ["y=1"], 4 * SECOND)
    assert _names(jar) == {"sure", "used", "y"}
    assert jar.dropped == {NO_ROOM: 1}


def test_limits_of_a_jar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The site that was used longest ago is forgotten, by number and by size."""
    monkeypatch.setattr(limits, "JAR_COOKIES_MAX", 3)
    jar = Jar()
    for name in ("a", "b", "c"):
        jar.take(f"https://{name}.test/", [f"{name}=1"], 0)
    jar.header("https://a.test/", 0)
    jar.take("https://d.test/", ["d=1"], 0)
    assert [jar.header(f"https://{name}.test/", 0) for name in "abcd"] == ["a=1", "", "c=1", "d=1"]
    monkeypatch.setattr(limits, "JAR_CHARS_MAX", 15)
    jar.take("https://e.test/long/", ["e=123456"], 0)
    assert [jar.header(f"https://{name}.test/long/", 0) for name in "acde"] == [
        "",
        "",
        "d=1",
        "e=123456",
    ]
    assert jar.dropped == {NO_ROOM: 3}


def test_cookies_of_the_user() -> None:
    """Of a file those that have not expired, and none for all hosts below a suffix."""
    jar = Jar()
    lines: Sequence[FileCookie] = [
        FileCookie("shop.test", True, "/", True, None, "a", "1"),
        FileCookie("shop.test", True, "/", False, 1, "over", "1"),
        FileCookie("co.uk", True, "/", False, None, "b", "1"),
    ]
    for line in lines:
        jar.put(line, 2)
    assert jar.header(HERE, 2) == "a=1"
    assert jar.header("https://a.co.uk/", 2) == ""
    assert jar.dropped == {SUFFIX: 1, EXPIRED: 1}


def test_a_cookie_of_the_user_without_an_end() -> None:
    """The last second of the year 9999 is beyond the 64 bits in which a state keeps times: 400 days, as from a server."""
    jar = Jar()
    jar.put(FileCookie("shop.test", True, "/", True, 253402300799 * SECOND, "a", "1"), 0)
    assert [each[-1] for each in jar.kept()] == [400 * 86_400 * SECOND]


def _names(jar: Jar) -> set[str]:
    urls = (HERE, "https://www.shop.test/u")
    return {
        each.partition("=")[0] for url in urls for each in jar.header(url, 5 * SECOND).split("; ")
    }
