"""Options: one table, three sources, one way to the settings."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.options.read import GivenValue, likely, read_options, settings_from
from scraper_cpn.scrape.options.table import BY_KEY, GROUPS, OPTIONS
from scraper_cpn.scrape.settings import FieldRule, Settings, Site, UsageError

MS, S = 10**6, 10**9


def mistake(options: dict[str, Any]) -> str:
    """Return what is wrong with *options*."""
    with pytest.raises(UsageError) as raised:
        settings_from(options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_no_options_are_the_defaults() -> None:
    """The defaults of the command are those of `Settings`; None is the default too."""
    assert settings_from({}) == Settings()
    assert settings_from({"max_pages": None, "delay": None}) == Settings()


def test_every_setting_has_an_option() -> None:
    """Nothing can be set from one source that cannot be set from another, but what only a program has."""
    fields = {field.name for field in msgspec.structs.fields(Settings)} - {"page_bans", "losses"}
    assert {option.field for option in OPTIONS if option.field} == fields


def test_names_are_unique_and_groups_are_known() -> None:
    """No two options share a long or a short name, and each is in a group of the help."""
    shorts = [option.short for option in OPTIONS if option.short]
    assert len(set(shorts)) == len(shorts)
    assert len(BY_KEY) == len(OPTIONS)
    assert {option.group for option in OPTIONS} == set(GROUPS)


@pytest.mark.parametrize(
    "option", [option for option in OPTIONS if option.default], ids=lambda option: option.name
)
def test_a_default_is_read_back_as_itself(option: Any) -> None:
    """What the help gives as a default means the default when it is written."""
    assert option.kind.read(option.default) == getattr(Settings(), option.field)


def test_options_of_the_command_line_are_text() -> None:
    """Text as on a command line becomes every kind of setting."""
    settings = settings_from(
        {
            "delay": "250ms",
            "per_domain": "2",
            "scope": "host",
            "domains": ["B.example", "c.example"],
            "allow": [r"/a/\d+"],
            "max_pages": "500",
            "max_time": "1h",
            "max_body": "1M",
            "header": ["X-A: 1", "X-B: 2"],
            "field": ["price=.price", "tags[]=.tag", "next=a.next::attr(href)"],
            "insecure": True,
            "seed": "7",
        }
    )
    assert settings == Settings(
        delay_ns=250 * MS,
        per_domain=2,
        scope="host",
        domains=("b.example", "c.example"),
        allow=(r"/a/\d+",),
        max_pages=500,
        max_time_ns=3600 * S,
        max_body_bytes=10**6,
        headers=(("X-A", "1"), ("X-B", "2")),
        fields=(
            FieldRule("price", ".price"),
            FieldRule("tags", ".tag", many=True),
            FieldRule("next", "a.next::attr(href)"),
        ),
        insecure=True,
        seed=7,
    )


def test_options_of_python_are_values() -> None:
    """Numbers, bools, single values and dicts stand for their text."""
    settings = settings_from(
        {
            "delay": 0.5,
            "max_pages": 10,
            "allow": "/x",
            "header": {"X-A": "1"},
            "field": {"title": "h1"},
            "robots": "ignore",
        }
    )
    assert settings.delay_ns == S // 2
    assert settings.max_pages == 10
    assert settings.allow == ("/x",)
    assert settings.headers == (("X-A", "1"),)
    assert settings.fields == (FieldRule("title", "h1"),)
    assert settings.robots == "ignore"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"delay": -1}, "delay: -1 is negative"),
        ({"delay": float("nan")}, "delay: nan is not finite"),
        ({"timeout": 0}, "timeout: 0 is not a positive duration"),
        ({"per_domain": 0}, "per_domain: 0 is out of range; give 1 to 10000"),
        ({"max_pages": 0}, "max_pages: 0 is out of range; give 1 or more"),
        ({"retries": "lots"}, "retries: 'lots' is not a whole number; give 0 to 100"),
        ({"scope": "page"}, "scope: 'page' is not allowed; choose host or domain or any"),
        ({"allow": ["ok", "("]}, "allow: '(' is not a regular expression"),
        ({"field": ["x=[["]}, "field: 'x=[[': bad CSS selector"),
        ({"field": ["a=b", "a=c"]}, "field: the field a is given twice"),
        ({"header": ["no"]}, "header: this is not a header"),
        ({"insecure": "yes"}, "insecure: 'yes' is not allowed; give true or false"),
        ({"max_body": "1KiB"}, "max_body: '1KiB' is not a size"),
        ({"domains": ["https://x"]}, "domains: 'https://x' is not just a name"),
        ({"proxy": ["nonsense"]}, "proxy: 'nonsense' is not a proxy"),
        ({"proxies": "/no/such/file"}, "proxies: can't read /no/such/file: No such file"),
        ({"schema": "/no/such/file"}, "schema: can't read /no/such/file"),
        ({"cacert": __file__}, "holds no certificates"),
        ({"backoff": "2m"}, "backoff (2m) is longer than backoff-max (1m)"),
        ({"domain": [{"delay": 1}]}, "domain: a domain has no name"),
        (
            {"domain": [{"name": "a.example", "dely": 1}]},
            "domain: unknown key 'dely'; did you mean",
        ),
        ({"domain": [{"name": "a.example", "delay": "x"}]}, "domain: delay: 'x' is not a duration"),
        ({"domain": "a.example"}, "domain: give a table for each"),
        ({"domain": [{"name": "a.example"}, {"name": "A.example"}]}, "domain: a.example has two"),
        (
            {"domain": [{"name": "www.a.example"}]},
            "limited with all of a.example; give name = a.example, or",
        ),
        ({"dely": 1}, "unknown option 'dely'; did you mean delay?"),
        ({"zzz": 1}, "unknown option 'zzz'"),
        ({"output": "x.csv"}, "output: this is not an option of Crawl"),
    ],
)
def test_a_mistake_is_one_line_that_names_it(options: dict[str, Any], message: str) -> None:
    """A mistake names the option, what was given, and what is allowed."""
    assert message in mistake(options)


def test_a_mistake_is_reported_with_its_place() -> None:
    """A value that came from a command line or a file is named as it was there."""
    assert mistake({"delay": GivenValue("x", "--delay")}).startswith(
        "--delay: 'x' is not a duration"
    )
    message = mistake({"proxy": GivenValue(["nonsense"], "crawl.toml:4: proxy")})
    assert message.startswith("crawl.toml:4: proxy: 'nonsense' is not a proxy")


def test_limits_of_one_domain() -> None:
    """A table limits one domain, its keys spelled as in TOML or in Python."""
    tables = [{"name": "A.example", "delay": "2s", "per-domain": 3}, {"name": "b.example"}]
    sites = settings_from({"domain": tables}).sites
    assert sites == (Site(name="a.example", delay_ns=2 * S, per_domain=3), Site(name="b.example"))
    assert (
        settings_from({"domain": {"name": "a.example", "per_domain": 2}}).sites[0].per_domain == 2
    )


def test_a_host_may_have_a_table_where_hosts_are_limited() -> None:
    """With limits by host, a host's name is a key that requests count by."""
    options = {"domain": [{"name": "www.a.example"}], "limit_by": "host"}
    assert settings_from(options).sites[0].name == "www.a.example"


def test_proxies_come_from_options_and_files(tmp_path: Path) -> None:
    """--proxy and --proxies add up, and --per-proxy is the default of both."""
    file = tmp_path / "proxies.txt"
    file.write_text("b:1\nc:1 slots=5\n")
    settings = settings_from({"proxies": file, "proxy": ["a:1 delay=1s"], "per_proxy": 2})
    assert settings.proxies == (
        Proxy(proxy="http://a:1", url="http://a:1", slots=2, delay_ns=S),
        Proxy(proxy="http://b:1", url="http://b:1", slots=2),
        Proxy(proxy="http://c:1", url="http://c:1", slots=5),
    )


def test_a_proxy_in_two_places_is_reported_with_both(tmp_path: Path) -> None:
    """The same proxy on the command line and in a file is a mistake that names both places."""
    file = tmp_path / "proxies.txt"
    file.write_text("# one\na:1\n")
    message = mistake({"proxies": str(file), "proxy": GivenValue(["a:1"], "-x")})
    assert message == f"{file}:2: http://a:1 is given twice, also in -x; remove one"


def test_options_of_the_command_are_read_too() -> None:
    """The command's own options go by the same table."""
    assert read_options({"json": True, "color": GivenValue("never", "--color")}) == {
        "json": True,
        "color": "never",
    }


def test_a_near_word_is_advised_and_a_far_one_is_not() -> None:
    """Advice is given where it is likely to be right."""
    assert likely("max_page", BY_KEY) == "; did you mean max_pages?"
    assert likely("qqqqqq", BY_KEY) == ""


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=4,
)


@given(st.dictionaries(st.sampled_from(sorted(BY_KEY)) | st.text(), VALUES, max_size=3))
def test_any_options_are_settings_or_a_usage_error(options: dict[str, Any]) -> None:
    """No value of any type, for any option, is anything but settings or one line of error."""
    try:
        message = repr(settings_from(options))
    except UsageError as error:
        message = str(error)
    assert len(message.splitlines()) == 1


P = "http://p:1"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"ban_status": "403,404", "status": ["4xx=page"], "proxy": P},
            "ban-status: answers with 403 are pages by status; leave it out of one of them",
        ),
        ({"ban_status": "403"}, "ban-status: there are no proxies; give --proxies or -x"),
        (
            {"ban_status": "200", "proxy": P},
            "give statuses of errors (400 to 599), such as 403,429",
        ),
        ({"proxy_for": "*.de", "proxy": P}, "give PATTERN=GROUP"),
        ({"proxy_for": "*=a", "proxy": P}, "no proxy is in the group a; there are none"),
        (
            {"proxy_for": "*=a", "proxy": [f"{P} group=b"]},
            "no proxy is in the group a; there are b",
        ),
        (
            {"proxy": [f"{P} group=b"]},
            "no domain uses the proxies of group b; give --proxy-for '*=b'",
        ),
        ({"proxy_for": "x.de=b", "proxy": [f"{P} group=b"]}, "add --proxy-for '*=GROUP'"),
        (
            {"proxy": P, "domain": [{"name": "x.example", "proxy-group": "c"}]},
            "domain x.example: no proxy is in the group c",
        ),
    ],
)
def test_routes_that_lead_nowhere(options: dict[str, Any], says: str) -> None:
    """Each mistake is reported in one line, with what to do."""
    assert says in mistake(options)


def test_statuses_and_groups() -> None:
    """Statuses are a text with commas or a list; groups of domains are pairs, or a dict."""
    given = settings_from({"ban_status": "403, 429", "proxy": P})
    assert given.ban_status == settings_from({"ban_status": [403, 429], "proxy": P}).ban_status
    lines = [f"{P} group=a bytes=2k"]
    pairs = settings_from({"proxy_for": {"*.DE": "a", "*": "a"}, "proxy": lines})
    assert pairs.proxy_for == (("*.de", "a"), ("*", "a"))
    assert (pairs.proxies[0].bytes, pairs.proxies[0].group) == (2000, "a")
