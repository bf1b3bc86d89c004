"""Proxies: lines, their errors, and names that show no password."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.options.proxies import lines_of, moment, proxy_of, read_proxies
from scraper_cpn.scrape.settings import UsageError

S = 10**9


def answer(line: str) -> str:
    """Return the URL of the proxy of a line, or why it is none."""
    try:
        return str(proxy_of(line, slots=1).url)
    except ValueError as error:
        return str(error)


def test_a_line_says_everything_about_a_proxy() -> None:
    """Slots, delay, quota and lease stand behind the URL."""
    line = "http://p.example:3128 slots=4 delay=500ms quota=100 not_before=10 not_after=20.5"
    assert proxy_of(line, slots=1) == Proxy(
        proxy="http://p.example:3128",
        url="http://p.example:3128",
        slots=4,
        delay_ns=S // 2,
        quota=100,
        not_before_ns=10 * S,
        not_after_ns=41 * S // 2,
    )


def test_slots_are_those_of_per_proxy_where_the_line_has_none() -> None:
    """--per-proxy is the default for lines without slots=."""
    assert proxy_of("p:80", slots=7).slots == 7
    assert proxy_of("p:80 slots=2", slots=7).slots == 2


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("p.example:3128", "http://p.example:3128"),
        ("http://p.example", "http://p.example:80"),
        ("https://p.example/", "https://p.example:443"),
        ("HTTP://P.example:1", "http://p.example:1"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("http://user:pw@p:1", "http://user:pw@p:1"),
        ("user:p%40w@p:1", "http://user:p%40w@p:1"),
    ],
)
def test_an_address_becomes_a_url(written: str, url: str) -> None:
    """host:port means http, and a port that is left out is that of the scheme."""
    assert proxy_of(written, slots=1).url == url


def test_a_name_has_no_password() -> None:
    """The name that logs show keeps the user and drops the password."""
    assert proxy_of("http://ann:s3cret@p:1", slots=1).proxy == "http://ann@p:1"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("hello", "'hello' is not a proxy"),
        ("socks4://p:1080", "socks4 proxies are not supported"),
        ("ftp://p:21", "ftp proxies are not supported"),
        ("http://p:99999", "not a proxy"),
        ("p:0", "not a proxy"),
        ("http://u:p@u:p@p:1", "not a proxy"),
        ("http://p:1/path", "not a proxy"),
        ("http://p:1?q", "not a proxy"),
        ("http://[::1", "not a proxy"),
        ("http://<:1", "not a proxy"),
        (":80", "not a proxy"),
        ("p:1 slots=0", "slots: 0 is out of range; give 1 to 10000"),
        ("p:1 delay=-1s", "delay: -1s is negative"),
        ("p:1 delay=nan", "delay: 'nan' is not a duration"),
        ("p:1 quota=many", "quota: 'many' is not a whole number"),
        ("p:1 not_after=soon", "not_after: 'soon' is not a time"),
        ("p:1 slots=1 slots=2", "slots is given twice"),
        ("p:1 slot=1", "'slot' is unknown; allowed are slots=, delay="),
        ("p:1 x", "a word without = follows the URL"),
        ("p:1 not_before=2 not_after=2", "not_before must be earlier than not_after"),
    ],
)
def test_a_bad_line_names_file_and_line(line: str, reason: str, tmp_path: Path) -> None:
    """Every mistake in a file of proxies is one line with file, line number and reason."""
    file = tmp_path / "proxies.txt"
    file.write_text(f"# ours\n\nhttp://good:1\n{line}\n")
    with pytest.raises(UsageError) as raised:
        read_proxies(lines_of(str(file)), slots=1)
    assert str(raised.value).startswith(f"{file}:4: ")
    assert reason in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "line", ["p:1:ann:s3cret", "http://ann:s3cret@", "socks4://ann:s3cret@p:1", "p:1 ann s3cret"]
)
def test_an_error_shows_no_password(line: str) -> None:
    """Credentials in a line that is refused are not repeated, wherever they stand."""
    with pytest.raises(ValueError, match=r"allowed|write") as raised:
        proxy_of(line, slots=1)
    assert "s3cret" not in str(raised.value)


def test_comments_and_blank_lines_are_skipped(tmp_path: Path) -> None:
    """A # starts a comment at the start of a line or after a space, not inside a password."""
    file = tmp_path / "proxies.txt"
    file.write_text("# all\n\n a:1 slots=2 # fast\nhttp://u:p#w@b:1\r\n")
    assert lines_of(str(file)) == [(f"{file}:3", "a:1 slots=2"), (f"{file}:4", "http://u:p#w@b:1")]


def test_a_file_without_proxies_is_a_mistake(tmp_path: Path) -> None:
    """A crawl through no proxy at all is not what --proxies asks for."""
    file = tmp_path / "proxies.txt"
    file.write_text("# nothing yet\n")
    with pytest.raises(ValueError, match="has no proxy"):
        lines_of(str(file))


def test_the_same_proxy_twice_is_refused() -> None:
    """Two tokens for one proxy would break its limits, however it is spelled."""
    with pytest.raises(UsageError, match=r"f:2: http://p:80 is given twice, also in --proxy"):
        read_proxies([("--proxy", "p:80"), ("f:2", "http://P/")], slots=1)


def test_names_are_unique() -> None:
    """Gateways that are distinguished by the password alone still get names of their own."""
    lines = [("f:1", "u:a@p:1"), ("f:2", "u:b@p:1"), ("f:3", "v:b@p:1")]
    names = [proxy.proxy for proxy in read_proxies(lines, slots=1)]
    assert names == ["http://u@p:1", "http://u@p:1#2", "http://v@p:1"]


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("1700000000.25", 1_700_000_000 * S + S // 4),
        ("1970-01-02", 86_400 * S),
        ("1970-01-01T00:00:01Z", S),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1970-01-01T00:00:00.000001", 1000),
    ],
)
def test_a_moment_is_unix_time_or_iso_8601(text: str, ns: int) -> None:
    """Moments count from 1970 in UTC, which is also meant where no offset is given."""
    assert moment(text) == ns


@given(st.text())
def test_no_line_crashes(line: str) -> None:
    """Any text is a proxy or is refused in one line."""
    message = answer(line)
    assert len(message.splitlines()) == 1
    assert message.startswith(("http://", "https://")) or "write" in message or "=" in message


@given(
    st.text("abcABC123._~%-", min_size=1),
    st.text("abcABC123._~%-", min_size=8),
    st.integers(1, 65535),
)
def test_a_password_is_kept_in_the_url_alone(user: str, password: str, port: int) -> None:
    """Whatever the password is, the URL has it and the name does not."""
    proxy = proxy_of(f"http://{user}:{password}@host:{port}", slots=1)
    assert proxy.url == f"http://{user}:{password}@host:{port}"
    assert proxy.proxy == f"http://{user}@host:{port}"
