"""The longest rule that matches a path decides, whatever wildcards it has, and however many rules there are."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.robots.paths import PathRules, path_of


def rule_fits(pattern: str, path: str) -> bool:
    """The definition, by a regular expression: `*` is anything, `$` at the end is the end."""
    body, is_whole = pattern.removesuffix("$"), pattern.endswith("$")
    expression = ".*".join(map(re.escape, body.split("*"))) + (r"\Z" if is_whole else "")
    return re.match(expression, path, re.DOTALL) is not None


def by_definition(allow: list[str], disallow: list[str], path: str) -> bool:
    """What RFC 9309 says about a path of plain characters."""
    fits = [(len(each), is_allow) for rules, is_allow in ((allow, True), (disallow, False))
            for each in rules if rule_fits(each, path)]  # fmt: skip
    return max(fits)[1] if fits else True


PATTERNS = st.lists(
    st.text("/ab*$", min_size=1, max_size=7).filter(lambda text: "$" not in text[:-1]), max_size=5
)


@given(allow=PATTERNS, disallow=PATTERNS, path=st.text("ab/", max_size=9).map("/".__add__))
def test_rules_mean_what_the_definition_says(
    allow: list[str], disallow: list[str], path: str
) -> None:
    """Few rules are tried one after the other, many are looked up by their parts: both as defined."""
    expected = by_definition(allow, disallow, path)
    assert PathRules(allow, disallow).allow(path) is expected
    others = [f"/zz{number}*y" for number in range(200)]
    assert PathRules(allow, [*disallow, *others]).allow(path) is expected


@pytest.mark.parametrize(
    ("rule", "path"),
    [
        ("/~x", "/%7ex"),
        ("/%7Ex", "/~x"),
        ("/%70rivate", "/private"),
        ("/private", "/%70rivate"),
        ("/caf\u00e9", "/caf%C3%A9"),
        ("/caf%c3%a9", "/caf%C3%A9"),
        ("/caf\u00e9", "/caf\u00e9"),
        ("/a b", "/a%20b"),
        ("/x?to=https://a.example", "/x?to=https%3A%2F%2Fa.example"),
        ("/file-%2A.html", "/file-*.html"),
        ("/%24home", "/$home"),
        ("/a$b", "/a$b"),
        ("/%", "/%"),
        ("/%zz", "/%zz"),
    ],
)
def test_spellings_of_what_is_disallowed(rule: str, path: str) -> None:
    """A disallow rule is for all spellings of a path that RFC 9309 takes for the same."""
    assert not PathRules([], [rule]).allow(path)


@pytest.mark.parametrize(
    ("rule", "path"), [("/a%2Fb", "/a/b"), ("/file-%2A.html", "/file-x.html"), ("/a%24", "/a")]
)
def test_percent_codes_that_mean_something_else(rule: str, path: str) -> None:
    """A slash in percent code is no slash, and a star in percent code no wildcard."""
    assert PathRules([], [rule]).allow(path)


@pytest.mark.parametrize(
    ("rule", "path"), [("/~x", "/%7Ex"), ("/caf\u00e9", "/caf%C3%A9"), ("/%c3%a9", "/%C3%A9")]
)
def test_spellings_of_what_is_allowed(rule: str, path: str) -> None:
    """An allow rule is for the spellings that Google takes for the same."""
    assert PathRules([rule], ["/"]).allow(path)


def test_letters_in_percent_codes_allow_nothing_else() -> None:
    """RFC 9309 takes `%62` for `b`; Google does not, and keeping away is the safer one of the two."""
    assert not PathRules(["/%62%61%7A"], ["/"]).allow("/baz")
    assert not PathRules([], ["/%62%61%7A"]).allow("/baz")


MANY = [f"/*{number}*x$" for number in range(28_000)]
"""500 KiB of rules."""


def test_thousands_of_rules_with_wildcards() -> None:
    """They are as exact as a few."""
    rules = PathRules(["/*4711*yx"], MANY)
    assert not rules.allow("/27999x")
    assert rules.allow("/a/4711/yx")
    assert rules.allow("/28001")
    assert rules.allow("/y")


def test_rules_that_would_all_have_to_be_tried() -> None:
    """A file that makes each path expensive on purpose forbids such paths, and no others."""
    letters = "abcdefgh"
    hostile = [
        f"/*{'*'.join(f'{number:015b}'.translate({48: 'a', 49: 'b'}))}*z" for number in range(6_000)
    ]
    rules = PathRules([], hostile)
    assert not rules.allow("/" + letters * 10)
    assert rules.allow("/cd")


def test_stars_without_end() -> None:
    """A row of stars is one star; only its length counts more."""
    assert not PathRules(["/a"], ["/" + "*" * 16_000 + "b"]).allow("/aab")


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://a.example", "/"),
        ("https://a.example/", "/"),
        ("https://a.example/x?y#z", "/x?y"),
        ("https://a.example?y", "/?y"),
        ("https://a.example/x//y?https://b/", "/x//y?https://b/"),
        ("", "/"),
    ],
)
def test_path_of_a_url(url: str, path: str) -> None:
    """Rules are about the path with its query."""
    assert path_of(url) == path
