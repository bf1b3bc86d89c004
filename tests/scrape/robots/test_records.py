"""A robots.txt is read as RFC 9309 has it, and forgives what is often written wrong."""

import codecs

import pytest

from scraper_cpn.scrape.robots import allowed, crawl_delay_ns, text_of
from scraper_cpn.scrape.robots.records import group_of
from scraper_cpn.scrape.settings import SECOND

MAX = 100
PRIVATE = "http://a.example/private"


def is_private(text: str, agent: str = "thebot") -> bool:
    """Whether a robots.txt forbids `/private`, and nothing else."""
    assert allowed(text, agent, "http://a.example/public")
    return not allowed(text, agent, PRIVATE)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\n", "\n\r\n"])
def test_ends_of_lines(end: str) -> None:
    """A line ends with CR, LF or both."""
    assert is_private(f"User-agent: *{end}Disallow: /private{end}")


@pytest.mark.parametrize(
    "character", ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"]
)
def test_what_does_not_end_a_line(character: str) -> None:
    """What Python takes for the end of a line is part of the comment that it is in."""
    assert not is_private(f"User-agent: *\n# note{character}Disallow: /private\n")


@pytest.mark.parametrize(
    "line",
    [
        "disallow: /private",
        " Disallow :/private ",
        "\tDISALLOW\t:\t/private\t# not this",
        "disallow /private",
        "Dissallow: /private",
        "disallaw: /private",
    ],
)
def test_spellings_of_a_record(line: str) -> None:
    """Names have no case, space does not count, a colon may be missing, and misspellings are usual."""
    assert is_private(f"user-agent: *\n{line}\n")


@pytest.mark.parametrize(
    "line", ["Disallow", "Disallow:", "Disallow: #/private", ": /private", "Disallowed: /private"]
)
def test_what_is_no_record(line: str) -> None:
    """A rule without a path forbids nothing."""
    assert not is_private(f"User-agent: *\n{line}\n")


@pytest.mark.parametrize(
    "record",
    [
        "Content-Signal: ai-train=no",
        "Sitemap: http://a.example/s.xml",
        "Host: a.example",
        "Crawl-delay: 1",
        "x",
        "",
    ],
)
def test_other_records_neither_end_a_group_nor_begin_one(record: str) -> None:
    """They may be between the agents and their rules, and between the rules."""
    text = f"{record}\nUser-agent: thebot\n{record}\nUser-agent: other\n{record}\nDisallow: /private\n{record}\n"
    assert is_private(text)
    assert is_private(text, "other")
    assert not is_private(text, "third")


def test_groups_that_name_an_agent_twice_are_one() -> None:
    """All groups for an agent count, and then not those for all."""
    text = "User-agent: thebot\nDisallow: /private\n\nUser-agent: *\nDisallow: /\n\nUser-agent: thebot\nAllow: /x\n"
    assert is_private(text)


def test_the_same_agent_thousands_of_times() -> None:
    """Rules are kept once, however often a group names an agent."""
    text = "User-agent: *\nUser-agent: thebot\n" * 20_000 + "Disallow: /private\n" * 20_000
    assert is_private(text)


@pytest.mark.parametrize(
    ("value", "is_ours"),
    [
        ("thebot", True), ("TheBot", True), ("thebot/2.1", True), ("thebot 2", True), ("thebot*", True), ("thebot2", True),
        ("thebots", False), ("the", False), ("*thebot", False), ("", False), ("bot thebot", False), ("the-bot", False),
    ],
)  # fmt: skip
def test_names_of_agents(value: str, is_ours: bool) -> None:
    """An agent is named by the leading letters, dashes and underscores of the value."""
    text = f"User-agent: {value}\nDisallow: /private\n"
    assert is_private(text) is is_ours


def test_names_with_digits() -> None:
    """A name that is no product token is one all the same, as sites write it."""
    text = "User-agent: mj12bot\nDisallow: /private\n"
    assert is_private(text, "MJ12bot")
    assert not is_private(text, "MJ12")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    """UTF-8, with or without a byte order mark, and UTF-16 with one."""
    text = text_of("User-agent: *\nDisallow: /private\n".encode(encoding), 1_000, cut=False)
    assert is_private(text)


def test_utf_16_of_the_other_order() -> None:
    """The byte order mark says which order it is."""
    body = codecs.BOM_UTF16_BE + "User-agent: *\nDisallow: /private\n".encode("utf-16-be")
    assert is_private(text_of(body, 1_000, cut=False))


@pytest.mark.parametrize("end", [b"\n", b"\r"])
def test_half_a_line_is_left_out(end: bytes) -> None:
    """Where a file is cut, its last line may be half a rule."""
    body = b"User-agent: *" + end + b"Disallow: /private" + end + b"Disallow: /public-not"
    for cut in (text_of(body, len(body) - 4, cut=False), text_of(body[:-4], MAX, cut=True)):
        assert is_private(cut)
    assert text_of(b"\xff", MAX, cut=False) == "\ufffd"


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ("Crawl-delay: 2", 2),
        ("crawl-delay: .5", 0.5),
        ("Crawl-delay: 2\nCrawl-delay: 3", 3),
        ("Crawl-delay: \u0663", None),
        ("Crawl-delay: .", None),
    ],
)
def test_crawl_delay(lines: str, seconds: float | None) -> None:
    """It is a number in ASCII; of several the longest counts."""
    delay_ns = None if seconds is None else int(seconds * SECOND)
    assert crawl_delay_ns(f"User-agent: *\n{lines}\n", "thebot") == delay_ns


def test_crawl_delay_is_for_the_agents_before_it() -> None:
    """A group goes on behind a Crawl-delay, but the agents that it names then are not slowed."""
    text = "User-agent: slowbot\nCrawl-delay: 60\n\nUser-agent: *\nDisallow: /private\n"
    assert crawl_delay_ns(text, "slowbot") == 60 * SECOND
    assert crawl_delay_ns(text, "thebot") is None
    assert is_private(text)
    assert is_private(text, "slowbot")


def test_statements_beside_rules() -> None:
    """Content-Signal and its like count for those whom their group names, and before all groups for everyone."""
    text = (
        "Content-Usage: train=n\nSitemap: https://a.example/s.xml\nUser-agent: MyBot\nContent-Signal: ai-train=no # no\n"
        "Disallow: /a\nLicense : https://a.example/l\nUser-agent: *\nContent-Signal: ai-train=yes\nAllow: /\n: x\n"
    )
    assert tuple(group_of(text, "mybot").statements) == (
        "Content-Usage: train=n",
        "Content-Signal: ai-train=no",
        "License: https://a.example/l",
    )
    assert group_of(text, "other").statements == [
        "Content-Usage: train=n",
        "Content-Signal: ai-train=yes",
    ]
    many = "".join(f"X-{'a' * n}: y\n" for n in range(1, 40))
    assert len(group_of(many, "x").statements) == 20
