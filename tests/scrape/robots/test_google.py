"""robots.txt is read as Google's parser reads it.

The cases are those of the public tests of Google's parser, rewritten: what each file allows and forbids. The only
places where RFC 9309 says something else are in `test_paths`.
"""

import pytest
from msgspec import Struct

from scraper_cpn.scrape.robots import allowed


class Case(Struct, frozen=True):
    """A robots.txt, and what it means for an agent."""

    claim: str
    text: str
    agent: str
    allowed: tuple[str, ...]
    forbidden: tuple[str, ...]


CASES = [
    Case("What is empty", "", "TheBot", ("",), ()),
    Case("What is empty", "user-agent: TheBot\ndisallow: /\n", "", ("",), ()),
    Case("What is empty", "user-agent: TheBot\ndisallow: /\n", "TheBot", (), ("",)),
    Case("What is empty", "", "", ("",), ()),
    Case(
        "A line is a name, a colon and a value; a missing colon is forgiven",
        "user-agent: TheBot\ndisallow: /\n",
        "TheBot",
        (),
        ("/x/y",),
    ),
    Case(
        "A line is a name, a colon and a value; a missing colon is forgiven",
        "foo: TheBot\nbar: /\n",
        "TheBot",
        ("/x/y",),
        (),
    ),
    Case(
        "A line is a name, a colon and a value; a missing colon is forgiven",
        "user-agent TheBot\ndisallow /\n",
        "TheBot",
        (),
        ("/x/y",),
    ),
    Case(
        "Blank lines do not end a group, and rules before the first group are for nobody",
        "allow: /foo/bar/\n\nuser-agent: TheBot\ndisallow: /\nallow: /x/\nuser-agent: BarBot\ndisallow: /\nallow: /y/\n\n\nallow: /w/\nuser-agent: BazBot\n\nuser-agent: TheBot\nallow: /z/\ndisallow: /\n",
        "TheBot",
        ("/x/b", "/z/d"),
        ("/y/c", "/foo/bar/"),
    ),
    Case(
        "Blank lines do not end a group, and rules before the first group are for nobody",
        "allow: /foo/bar/\n\nuser-agent: TheBot\ndisallow: /\nallow: /x/\nuser-agent: BarBot\ndisallow: /\nallow: /y/\n\n\nallow: /w/\nuser-agent: BazBot\n\nuser-agent: TheBot\nallow: /z/\ndisallow: /\n",
        "BarBot",
        ("/y/c", "/w/a"),
        ("/z/d", "/foo/bar/"),
    ),
    Case(
        "Blank lines do not end a group, and rules before the first group are for nobody",
        "allow: /foo/bar/\n\nuser-agent: TheBot\ndisallow: /\nallow: /x/\nuser-agent: BarBot\ndisallow: /\nallow: /y/\n\n\nallow: /w/\nuser-agent: BazBot\n\nuser-agent: TheBot\nallow: /z/\ndisallow: /\n",
        "BazBot",
        ("/z/d",),
        ("/foo/bar/",),
    ),
    Case(
        "Records of other kinds do not end a list of agents",
        "User-agent: BarBot\nSitemap: https://a.example/sitemap\nUser-agent: *\nDisallow: /\n",
        "TheBot",
        (),
        ("/",),
    ),
    Case(
        "Records of other kinds do not end a list of agents",
        "User-agent: BarBot\nSitemap: https://a.example/sitemap\nUser-agent: *\nDisallow: /\n",
        "BarBot",
        (),
        ("/",),
    ),
    Case(
        "Records of other kinds do not end a list of agents",
        "User-agent: TheBot\nInvalid-Unknown-Line: unknown\nUser-agent: *\nDisallow: /\n",
        "TheBot",
        (),
        ("/",),
    ),
    Case(
        "Records of other kinds do not end a list of agents",
        "User-agent: TheBot\nInvalid-Unknown-Line: unknown\nUser-agent: *\nDisallow: /\n",
        "BarBot",
        (),
        ("/",),
    ),
    Case(
        "Names of records have no case",
        "USER-AGENT: TheBot\nALLOW: /x/\nDISALLOW: /\n",
        "TheBot",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of records have no case",
        "user-agent: TheBot\nallow: /x/\ndisallow: /\n",
        "TheBot",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of records have no case",
        "uSeR-aGeNt: TheBot\nAlLoW: /x/\ndIsAlLoW: /\n",
        "TheBot",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of agents have no case, and end at a space",
        "User-Agent: FOO BAR\nAllow: /x/\nDisallow: /\n",
        "Foo",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of agents have no case, and end at a space",
        "User-Agent: foo bar\nAllow: /x/\nDisallow: /\n",
        "Foo",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of agents have no case, and end at a space",
        "User-Agent: FoO bAr\nAllow: /x/\nDisallow: /\n",
        "Foo",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of agents have no case, and end at a space",
        "User-Agent: FOO BAR\nAllow: /x/\nDisallow: /\n",
        "foo",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of agents have no case, and end at a space",
        "User-Agent: foo bar\nAllow: /x/\nDisallow: /\n",
        "foo",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "Names of agents have no case, and end at a space",
        "User-Agent: FoO bAr\nAllow: /x/\nDisallow: /\n",
        "foo",
        ("/x/y",),
        ("/a/b",),
    ),
    Case(
        "A crawler whose name has a space goes by the group of all",
        "User-Agent: *\nDisallow: /\nUser-Agent: Foo Bar\nAllow: /x/\nDisallow: /\n",
        "Foo",
        ("/x/y",),
        (),
    ),
    Case(
        "A crawler whose name has a space goes by the group of all",
        "User-Agent: *\nDisallow: /\nUser-Agent: Foo Bar\nAllow: /x/\nDisallow: /\n",
        "Foo Bar",
        (),
        ("/x/y",),
    ),
    Case("A group of its own comes before the group of all", "", "TheBot", ("/x/y",), ()),
    Case(
        "A group of its own comes before the group of all",
        "user-agent: *\nallow: /\nuser-agent: TheBot\ndisallow: /\n",
        "TheBot",
        (),
        ("/x/y",),
    ),
    Case(
        "A group of its own comes before the group of all",
        "user-agent: *\nallow: /\nuser-agent: TheBot\ndisallow: /\n",
        "BarBot",
        ("/x/y",),
        (),
    ),
    Case(
        "A group of its own comes before the group of all",
        "user-agent: TheBot\nallow: /\nuser-agent: BarBot\ndisallow: /\nuser-agent: BazBot\ndisallow: /\n",
        "QuxBot",
        ("/x/y",),
        (),
    ),
    Case("Paths have a case", "user-agent: TheBot\ndisallow: /x/\n", "TheBot", (), ("/x/y",)),
    Case("Paths have a case", "user-agent: TheBot\ndisallow: /X/\n", "TheBot", ("/x/y",), ()),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\ndisallow: /x/page.html\nallow: /x/\n",
        "TheBot",
        (),
        ("/x/page.html",),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\nallow: /x/page.html\ndisallow: /x/\n",
        "TheBot",
        ("/x/page.html",),
        ("/x/",),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\ndisallow: \nallow: \n",
        "TheBot",
        ("/x/page.html",),
        (),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\ndisallow: /\nallow: /\n",
        "TheBot",
        ("/x/page.html",),
        (),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\ndisallow: /x\nallow: /x/\n",
        "TheBot",
        ("/x/",),
        ("/x",),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\ndisallow: /x/page.html\nallow: /x/page.html\n",
        "TheBot",
        ("/x/page.html",),
        (),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\nallow: /page\ndisallow: /*.html\n",
        "TheBot",
        ("/page",),
        ("/page.html",),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "user-agent: TheBot\nallow: /x/page.\ndisallow: /*.html\n",
        "TheBot",
        ("/x/page.html",),
        ("/x/y.html",),
    ),
    Case(
        "The longest rule decides, and allow wins a tie",
        "User-agent: *\nDisallow: /x/\nUser-agent: TheBot\nDisallow: /y/\n",
        "TheBot",
        ("/x/page",),
        ("/y/page",),
    ),
    Case(
        "Percent codes",
        "User-agent: TheBot\nDisallow: /\nAllow: /foo/bar?qux=taz&baz=http://a.example?tar&par\n",
        "TheBot",
        ("/foo/bar?qux=taz&baz=http://a.example?tar&par",),
        (),
    ),
    Case(
        "Percent codes",
        "User-agent: TheBot\nDisallow: /\nAllow: /foo/bar/ツ\n",
        "TheBot",
        ("/foo/bar/%E3%83%84",),
        ("/foo/bar/ツ",),
    ),
    Case(
        "Percent codes",
        "User-agent: TheBot\nDisallow: /\nAllow: /foo/bar/%E3%83%84\n",
        "TheBot",
        ("/foo/bar/%E3%83%84",),
        ("/foo/bar/ツ",),
    ),
    Case(
        "Percent codes",
        "User-agent: TheBot\nDisallow: /\nAllow: /foo/bar/%62%61%7A\n",
        "TheBot",
        ("/foo/bar/%62%61%7A",),
        ("/foo/bar/baz",),
    ),
    Case(
        "Wildcards, ends and comments",
        "User-agent: TheBot\nDisallow: /foo/bar/quz\nAllow: /foo/*/qux\n",
        "TheBot",
        ("/foo/quz", "/foo//quz", "/foo/bax/quz"),
        ("/foo/bar/quz",),
    ),
    Case(
        "Wildcards, ends and comments",
        "User-agent: TheBot\nDisallow: /foo/bar$\nAllow: /foo/bar/qux\n",
        "TheBot",
        ("/foo/bar/qux", "/foo/bar/", "/foo/bar/baz"),
        ("/foo/bar",),
    ),
    Case(
        "Wildcards, ends and comments",
        "User-agent: TheBot\n# Disallow: /\nDisallow: /foo/quz#qux\nAllow: /\n",
        "TheBot",
        ("/foo/bar",),
        ("/foo/quz",),
    ),
    Case(
        "An index page is its folder",
        "User-Agent: *\nAllow: /allowed-slash/index.html\nDisallow: /\n",
        "foobot",
        ("/allowed-slash/", "/allowed-slash/index.html"),
        ("/allowed-slash/index.htm", "/anyother-url"),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\ndisallow: /\nallow: /fish\n",
        "TheBot",
        (
            "/fish",
            "/fish.html",
            "/fish/salmon.html",
            "/fishheads",
            "/fishheads/yummy.html",
            "/fish.html?id=anything",
        ),
        ("/bar", "/Fish.asp", "/catfish", "/?id=fish"),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\ndisallow: /\nallow: /fish*\n",
        "TheBot",
        (
            "/fish",
            "/fish.html",
            "/fish/salmon.html",
            "/fishheads",
            "/fishheads/yummy.html",
            "/fish.html?id=anything",
        ),
        ("/bar", "/Fish.bar", "/catfish", "/?id=fish"),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\ndisallow: /\nallow: /fish/\n",
        "TheBot",
        ("/fish/", "/fish/salmon", "/fish/?salmon", "/fish/salmon.html", "/fish/?id=anything"),
        ("/bar", "/fish", "/fish.html", "/Fish/Salmon.html"),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\ndisallow: /\nallow: /*.php\n",
        "TheBot",
        (
            "/filename.php",
            "/folder/filename.php",
            "/folder/filename.php?parameters",
            "//folder/any.php.file.html",
            "/filename.php/",
            "/index?f=filename.php/",
        ),
        ("/bar", "/php/", "/index?php", "/windows.PHP"),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\ndisallow: /\nallow: /*.php$\n",
        "TheBot",
        ("/filename.php", "/folder/filename.php"),
        (
            "/bar",
            "/filename.php?parameters",
            "/filename.php/",
            "/filename.php5",
            "/php/",
            "/filename?php",
            "/aaaphpaaa",
            "//windows.PHP",
        ),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\ndisallow: /\nallow: /fish*.php\n",
        "TheBot",
        ("/fish.php", "/fishheads/catfish.php?parameters"),
        ("/bar", "/Fish.PHP"),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\nallow: /p\ndisallow: /\n",
        "TheBot",
        ("/page",),
        (),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\nallow: /folder\ndisallow: /folder\n",
        "TheBot",
        ("/folder/page",),
        (),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\nallow: /page\ndisallow: /*.htm\n",
        "TheBot",
        (),
        ("/page.htm",),
    ),
    Case(
        "Examples of the documentation",
        "user-agent: TheBot\nallow: /$\ndisallow: /\n",
        "TheBot",
        ("/",),
        ("/page.html",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.claim)
def test_what_is_allowed(case: Case) -> None:
    """Each path is allowed or forbidden as in Google's parser."""
    assert [
        p for p in case.allowed if not allowed(case.text, case.agent, f"http://a.example{p}")
    ] == []
    assert [
        p for p in case.forbidden if allowed(case.text, case.agent, f"http://a.example{p}")
    ] == []


LINE_CHARS_MAX = 16_663


@pytest.mark.parametrize("name", ["disallow", "allow"])
def test_long_lines_are_cut(name: str) -> None:
    """Of a line with more than 16,663 characters the first ones count."""
    other = "allow" if name == "disallow" else "disallow"
    path = "/x/".ljust(LINE_CHARS_MAX - len(f"{name}: "), "a")
    text = f"user-agent: TheBot\n{other}: /\n{name}: {path}/more\n"
    assert allowed(text, "TheBot", f"http://a.example{path}b") is (name == "allow")
    assert allowed(text, "TheBot", "http://a.example/x/") is (name == "disallow")
