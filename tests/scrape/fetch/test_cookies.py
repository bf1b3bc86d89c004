"""What a Set-Cookie header says, and a file of cookies."""

import pytest

from scraper_cpn.scrape.fetch.cookies import (
    INVALID,
    TOO_LARGE,
    FileCookie,
    Offered,
    cookies_in,
    date_s,
    offered,
)
from scraper_cpn.scrape.settings import SECOND, UsageError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", Offered(name="a", value="b")),
        (' a = "b c" ;secure ;HTTPONLY', Offered(name="a", value='"b c"', secure=True)),
        ('a={"x":1,"y":[2]}; Path=x', Offered(name="a", value='{"x":1,"y":[2]}')),
        ("a=b=c; Path=/x; path=/y", Offered(name="a", value="b=c", path="/y")),
        ("only", Offered(name="", value="only")),
        ("=only", Offered(name="", value="only")),
        ("a=; Domain=.Shop.TEST", Offered(name="a", value="", domain="shop.test")),
        ("a=b; Max-Age=-1; Max-Age=x", Offered(name="a", value="b", max_age_s=-1)),
        ("a=b; SameSite=LAX; SameSite=odd", Offered(name="a", value="b")),
        ("a=b; SameSite=Strict", Offered(name="a", value="b", same_site="strict")),
        ("a=b; Expires=never", Offered(name="a", value="b")),
        ("a=b; Path=/" + "x" * 2000, Offered(name="a", value="b")),
        ("", INVALID),
        ("=", INVALID),
        ("a=b\x00", INVALID),
        ("\ufffd", INVALID),
        ("a=" + "x" * 4095, Offered(name="a", value="x" * 4095)),
        ("a=" + "x" * 4096, TOO_LARGE),
    ],
)
def test_offers(text: str, found: Offered | str) -> None:
    """RFC 6265bis section 5.6: the last attribute of a name counts, nonsense does not."""
    assert offered(text) == found


def test_a_long_age() -> None:
    """Thousands of digits are a long time, and no error."""
    found = offered("a=b; Max-Age=" + "9" * 1000)
    assert isinstance(found, Offered)
    assert (found.max_age_s or 0) > 10**12


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("1994 6 november 8:49:37junk", 784111777),
        ("Thu, 01-Jan-1970 00:00:00 GMT", 0),
        ("01 Jan 69 00:00:00", 3124224000),
        ("30 Feb 2000 00:00:00", None),
        ("1 Jan 1600 00:00:00", None),
        ("1 Jan 2000 24:00:00", None),
        ("1 Jan 2000", None),
        ("", None),
    ],
)
def test_dates(text: str, seconds: int | None) -> None:
    """RFC 6265bis section 5.1.1, whatever the order of the parts."""
    assert date_s(text) == seconds


def test_a_file() -> None:
    """Comments are left out, HttpOnly is no comment, an empty value may be missing, and an expiry be empty or a fraction."""
    text = (
        "# Netscape HTTP Cookie File\n\n.Shop.test\tTRUE\t/a\tTRUE\t12\tsid\tx y\n"
        "#HttpOnly_www.shop.test\tFALSE\t/\tFALSE\t0\tempty\n"
        "  # a comment\nshop.test\tFALSE\t/\tFALSE\t\ta\tb\u2028c\nshop.test\tFALSE\t/\tFALSE\t12.5\ta\tb\n"
    )
    assert list(cookies_in("f", text.split("\n"))) == [
        FileCookie("shop.test", True, "/a", True, 12 * SECOND, "sid", "x y"),
        FileCookie("www.shop.test", False, "/", False, None, "empty", ""),
        FileCookie("shop.test", False, "/", False, None, "a", "b\u2028c"),
        FileCookie("shop.test", False, "/", False, 12 * SECOND, "a", "b"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "sid=secret",
        "shop.test\tTRUE\t/\tTRUE\t--5\tsid\tsecret",
        "shop.test\tTRUE\t/\tTRUE\t1e9\tsid\tsecret",
        "shop.test\tTRUE\t/\tTRUE\t\u00b2\tsid\tsecret",
        "shop.test\tTRUE\t/\tTRUE\t0\tsid\tsecret\x00",
    ],
)
def test_a_line_that_is_no_cookie(line: str) -> None:
    """The message names the line, and not what is in it: it may be a secret."""
    with pytest.raises(UsageError) as caught:
        list(cookies_in("f.txt", ["", line]))
    assert str(caught.value).startswith("f.txt:2: this is no cookie; ")
    assert "secret" not in str(caught.value)
