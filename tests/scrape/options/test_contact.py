"""Who crawls is in the user agent, and a crawl that keeps quiet about it says so once."""

import pytest

from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.options.contact import missing_contact
from scraper_cpn.scrape.options.read import settings_from
from scraper_cpn.scrape.robots.agent import product_token
from scraper_cpn.scrape.settings import Settings, UsageError


@pytest.mark.parametrize(
    ("given", "agent"),
    [
        ("https://example.org/bot", "scraper_cpn/0.1 (+https://example.org/bot)"),
        ("http://Exämple.org", "scraper_cpn/0.1 (+http://xn--exmple-cua.org/)"),
        ("me@example.org", "scraper_cpn/0.1 (+mailto:me@example.org)"),
        ("mailto:me@example.org", "scraper_cpn/0.1 (+mailto:me@example.org)"),
    ],
)
def test_a_contact_goes_into_the_user_agent(given: str, agent: str) -> None:
    """As most crawlers write it; the name in robots.txt stays."""
    settings = Crawl(contact=given).settings
    assert settings.agent == agent
    assert product_token(settings.agent) == product_token(Settings().agent) == "scraper_cpn"
    assert settings_from({"contact": settings.contact}) == settings  # as a state keeps it


@pytest.mark.parametrize(
    "given", ["", "me", "example.org", "ftp://example.org/", "a@b", "https://u:p@h/", "x\ny@b.c"]
)
def test_what_is_no_contact_is_refused(given: str) -> None:
    """In one line that says what is allowed."""
    with pytest.raises(UsageError, match=r"^contact: "):
        Crawl(contact=given)


@pytest.mark.parametrize(
    ("settings", "seeds", "message"),
    [
        (Settings(), ["https://example.org/"], True),
        (Settings(user_agent="mybot/1"), ["http://127.0.0.1/", "http://10.0.0.1/"], True),
        (Settings(), ["http://127.0.0.1:8000/", "http://localhost/", "http://[::1]/"], False),
        (Settings(contact="mailto:me@example.org"), ["https://example.org/"], False),
        (
            Settings(user_agent="mybot/1 (+https://example.org/bot)"),
            ["https://example.org/"],
            False,
        ),
        (Settings(user_agent="mybot (me@example.org)"), ["https://example.org/"], False),
    ],
)
def test_a_crawl_that_leaves_this_machine_says_who_it_is(
    settings: Settings, seeds: list[str], message: bool
) -> None:
    """Without a contact one line says how to give one."""
    line = missing_contact(settings, seeds)
    assert (line is not None) is message
    if line is not None:
        assert "--contact" in line
