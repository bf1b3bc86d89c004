"""URLs: one form for each, the names they are counted by, and advice for mistyped ones."""

from pathlib import Path
from typing import Any

import ada_url
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publicsuffixlist import PSLFILE, PublicSuffixList
from yarl import URL

from scraper_cpn.scrape.settings import UsageError
from scraper_cpn.scrape.urls import (
    URL_CHARS_MAX,
    domain_of,
    host_of,
    normalise,
    origin_of,
    pace_of,
    plainly_joined,
    root_of,
    seed_url,
    within,
)

BASE = "https://a.example/b/c?d=1#e"


@pytest.mark.parametrize(
    ("url", "base", "normal"),
    [
        ("HTTP://Example.COM", None, "http://example.com/"),
        ("https://example.com:443/a/../b", None, "https://example.com/b"),
        ("http://example.com:80/#top", None, "http://example.com/"),
        ("http://bücher.example/ü", None, "http://xn--bcher-kva.example/%C3%BC"),
        ("http://0x7f.1/", None, "http://127.0.0.1/"),
        ("http://[0:0:0:0:0:0:0:1]:8080/", None, "http://[::1]:8080/"),
        ("  http://exa\nmple.com/a b ", None, "http://example.com/a%20b"),
        ("http:\\\\example.com\\a", None, "http://example.com/a"),
        ("http://example.com.:80/", None, "http://example.com/"),
        ("http://example.com.:81/a", None, "http://example.com:81/a"),
        ("http://example.com./a", BASE, "http://example.com/a"),
        ("http://example.com/%7Ea%2d%2F%41%5b?%5F=%7e", None, "http://example.com/~a-%2FA%5b?_=~"),
        ("http://example.com/%%37E%7%45", None, "http://example.com/%%37E%7%45"),
        ("http://example.com/a #b", None, "http://example.com/a%20"),
        ("a #b", BASE, "https://a.example/b/a%20"),
        (" #b", BASE, "https://a.example/b/c?d=1"),
        ("../x", BASE, "https://a.example/x"),
        ("?q=2#f", BASE, "https://a.example/b/c?q=2"),
        ("//other.example", BASE, "https://other.example/"),
        ("#fragment", BASE, "https://a.example/b/c?d=1"),
        ("", BASE, "https://a.example/b/c?d=1"),
    ],
)
def test_normal_form(url: str, base: str | None, normal: str) -> None:
    """A URL gets the form that the WHATWG standard gives it, without its fragment."""
    assert normalise(url, base) == normal


@pytest.mark.parametrize(
    "url",
    [
        "",
        "page.html",
        "mailto:a@example.com",
        "javascript:void(0)",
        "data:text/html,hello",
        "ftp://example.com/",
        "http://",
        "http://example.com:99999/",
        "http://exa mple.com/",
        "http://256.1.1.1/",
        "http://a..b/",
        "http://.a/",
        "http://" + "a" * 64 + ".example/",
        "http://" + "a." * 130 + "example/",
        "http://example.com/\udcff",
        "http://example.com/" + "a" * URL_CHARS_MAX,
        "http://example.com/" + "ü" * (URL_CHARS_MAX // 5),
    ],
)
def test_nonsense(url: str) -> None:
    """What can't be fetched over HTTP is None: other schemes, bad hosts, monstrous lengths."""
    assert normalise(url) is None


def test_nonsense_base() -> None:
    """A base that is no URL makes every link nonsense."""
    assert normalise("a", "nonsense") is None
    assert normalise("http://example.com/", "nonsense") is None


def test_credentials_are_dropped() -> None:
    """No user name or password from the web is kept, whether of a link or of its base."""
    assert normalise("https://user:secret@example.com:444/a@b") == "https://example.com:444/a@b"
    assert normalise("/x", "https://user:secret@example.com/") == "https://example.com/x"


def test_an_empty_query_is_none() -> None:
    """`/a?` and `/a` are one request on the wire, so they are one URL; other queries stay."""
    assert normalise("http://example.com/a?") == "http://example.com/a"
    assert normalise("http://example.com/a?b?") == "http://example.com/a?b?"


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(["", "http://", "https://u:p@", "//", "http://a.example/", "?", "http://["]),
    st.text(max_size=40),
    st.sampled_from([None, BASE, "https://[::1]:8/", "nonsense"]),
)
def test_any_text(start: str, rest: str, base: str | None) -> None:
    """Any text is normalised or None; the form is stable, safe to send, and has all its names."""
    url = normalise(start + rest, base)
    if url is None:
        return
    assert normalise(url) == url
    assert url.isascii()
    assert "#" not in url
    assert str(URL(url, encoded=True)) == url, "the client would send another URL"
    assert URL(url, encoded=True).raw_user is None
    origin = origin_of(url)
    assert origin_of(origin) == origin
    for limit_by in ("domain", "host"):
        assert domain_of(origin, limit_by) == domain_of(url, limit_by)
    assert within(host_of(url), [domain_of(url, "domain")])


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(
        [
            "",
            "a",
            "?",
            "/",
            "//",
            "/\\",
            "///",
            "/../",
            "http://",
            "https://a",
            "http://B.example",
            "/long" * 500,
        ]
    ),
    st.text(alphabet=st.sampled_from("ab.:/\\?@% \t\u3000é~=&-_A"), max_size=30),
    st.sampled_from(
        ["http://a.example/", "https://a.example:8443/b/../c/d?e=/f", "http://[::1]/b/"]
    ),
)
def test_plain_links(start: str, rest: str, base: str) -> None:
    """A link that is joined without the parser of URLs means what the parser says."""
    page = normalise(base)
    assert page is not None
    try:
        joined = ada_url.join_url(page, start + rest)
    except ValueError:
        joined = "nonsense"
    assert normalise(start + rest, page) == normalise(joined)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://example.com/a:b", "https://example.com:443"),
        ("http://example.com/", "http://example.com:80"),
        ("http://example.com:8080/", "http://example.com:8080"),
        ("https://[::1]/", "https://[::1]:443"),
        ("https://[::1]:8443/", "https://[::1]:8443"),
    ],
)
def test_origin(url: str, origin: str) -> None:
    """The key of robots.txt names scheme, host and port, the default port too."""
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    ("url", "domain"),
    [
        ("https://www.example.com/", "example.com"),
        ("https://a.b.example.co.uk/", "example.co.uk"),
        ("https://www.example.com./", "example.com"),
        ("https://someone.github.io/", "someone.github.io"),
        ("https://co.uk/", "co.uk"),
        ("http://localhost:8000/", "localhost"),
        ("http://intranet/", "intranet"),
        ("http://192.168.1.10/", "192.168.1.10"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("https://a.b.unknown-tld/", "b.unknown-tld"),
    ],
)
def test_domain(url: str, domain: str) -> None:
    """Requests are counted by registrable domain; what has none counts for itself."""
    assert domain_of(url, "domain") == domain


def test_every_public_suffix() -> None:
    """Below each rule of the public suffix list, a domain is what the list's library says it is."""
    theirs = PublicSuffixList()
    lines = Path(PSLFILE).read_text("utf-8").splitlines()
    rules = [line.split()[0] for line in lines if line.strip() and not line.startswith("//")]
    assert len(rules) > 9_000
    for rule in rules:
        name = rule.lstrip("!*.").encode("idna").decode("ascii")
        for host in (name, f"a.{name}", f"a.b.{name}", f"a.b.c.{name}"):
            assert domain_of(f"https://{host}/", "domain") == (theirs.privatesuffix(host) or host)


@pytest.mark.parametrize("limit_by", ["domain", "host"])
def test_both_keys_of_pace(limit_by: Any) -> None:
    """The keys of pace and of robots.txt are had together as they are one by one."""
    for url in ("https://www.a.example/b", "http://127.0.0.1:8080/", "http://[::1]/"):
        assert pace_of(url, limit_by) == (domain_of(url, limit_by), origin_of(url))


def test_domain_by_host() -> None:
    """By host, every host counts for itself; the dot that may end it makes no difference."""
    assert domain_of("https://www.example.com:8443/a", "host") == "www.example.com"
    assert domain_of("https://www.example.com./", "host") == "www.example.com"


def test_within() -> None:
    """A host is within its own name and those above it, and not within one it merely ends with."""
    assert within("a.example.com", ["other.example", "example.com"])
    assert within("example.com", ["example.com"])
    assert not within("notexample.com", ["example.com"])
    assert not within("example.com", [])


def test_seed() -> None:
    """A URL that a user typed comes back in its normal form."""
    assert seed_url(" https://Example.com ") == "https://example.com/"
    assert seed_url("http:/example.com/a@b//c@d") == "http://example.com/a@b//c@d"


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("example.com", "did you mean https://example.com/?"),
        ("example.com:8080/a", "did you mean https://example.com:8080/a?"),
        ("//example.com/a", "did you mean https://example.com/a?"),
        ("localhost:8000", "did you mean http://localhost:8000/?"),
        ("example.com/@me", "did you mean https://example.com/@me?"),
        ("127.0.0.1/x", "did you mean http://127.0.0.1/x?"),
        ("hello", "give one that starts with https:// or http://"),
        ("ftp://example.com/", "give one that starts with https:// or http://"),
        ("mailto:a@example.com", "give one that starts with https:// or http://"),
        ("", "give one that starts with https:// or http://"),
    ],
)
def test_mistyped_seed(text: str, advice: str) -> None:
    """A mistyped URL gets one line that says where it is, and what may have been meant."""
    with pytest.raises(UsageError) as caught:
        seed_url(text, "urls.txt:3")
    assert str(caught.value) == f"urls.txt:3: {text!r} is not a URL; {advice}"


@pytest.mark.parametrize("wrong", [["http://a.example/"], 5, None])
def test_a_seed_that_is_no_text(wrong: Any) -> None:
    """A program may pass a list where it means several."""
    with pytest.raises(UsageError, match="is not a URL; give each URL as a text"):
        seed_url(wrong)


def test_long_mistyped_seed() -> None:
    """A mistake of any length is reported in a short line."""
    with pytest.raises(UsageError) as caught:
        seed_url("x" * 100_000)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    "text", ["https://me:secret@example.com/", "me:secret@example.com", "HTTP:me:secret@a.example"]
)
def test_seed_with_credentials(text: str) -> None:
    """A password in a URL is refused, with a way to send it, and not repeated."""
    with pytest.raises(UsageError, match="--header 'Authorization: Basic") as caught:
        seed_url(text)
    assert "secret" not in str(caught.value)


PIECES = (
    "/ // a b.c . .. http:// https:// HTTP:// shop.example Shop.Example xn--a. 1.2.3.4 0x7f.1 a-.com -b.co.uk"
    " a..b.com :80 :443 :8080/ @ é %20 %41 ? ?a=b & #f mailto: http: .example/ ab--cd.com/ com"
    " : ; , ( ) ! $ * + = ' | ^ \\ % %% %4 %2e %2E/ %2f %C3%a9 %7E %5f %2541 w/i x: a:b ?q=/:@"
)
URL_PIECES = st.sampled_from([*PIECES.split(), " ", "\n"])


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.lists(URL_PIECES, max_size=6).map("".join), max_size=5),
    st.sampled_from(
        ["https://shop.example/list/1", "http://h.example:8080/a/b?q=/x", "http://[::1]/a/b"]
    ),
)
def test_plain_links_of_a_page(urls: list[str], base: str) -> None:
    """Together and each alone they become what the parser of URLs makes of them; the others are left."""
    found = plainly_joined(urls, base, root_of(base))
    assert len(found) == len(urls)
    for url, one in zip(urls, found, strict=True):
        assert one is None or one == normalise(url, base)
        if url.strip() and url[0] != "#":
            # No URL with a space before it is plain, and the parser leaves that space out.
            assert normalise(url, base) == normalise(" " + url, base)
            assert normalise(url) == normalise(" " + url)


def test_most_links_are_plain() -> None:
    """Paths, relative URLs and whole URLs of ordinary hosts are joined together."""
    urls = ["/p/1?q=2", "x/y.html", "https://www.other.example/a", "#top", "/" + "a" * 2_000]
    urls += ["/wiki/Talk:A_(b)%2C_c", "a%20b?x=%C3%A9&y=1+2,3"]
    found = plainly_joined(urls, "https://shop.example/list/1", "https://shop.example")
    assert found == [
        "https://shop.example/p/1?q=2",
        "https://shop.example/list/x/y.html",
        "https://www.other.example/a",
        None,
        None,
        "https://shop.example/wiki/Talk:A_(b)%2C_c",
        "https://shop.example/list/a%20b?x=%C3%A9&y=1+2,3",
    ]


def test_a_plain_link_below_a_long_base_is_not_too_long() -> None:
    """The limit is that of the whole URL, also where the link itself is short."""
    base = "https://shop.example/" + "a" * (URL_CHARS_MAX - 100) + "/"
    assert normalise("b" * 100, base) is None
    assert plainly_joined(["b" * 100, "c"], base, root_of(base)) == [None, None]
    assert normalise("c", base) == base + "c"
