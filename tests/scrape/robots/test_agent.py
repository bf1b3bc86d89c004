"""A crawler knows by which name a robots.txt means it."""

import pytest

from scraper_cpn.scrape.robots.agent import doubtful_name, is_token, product_token

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Safari/537.36"


@pytest.mark.parametrize(
    ("user_agent", "token"),
    [
        ("ExampleBot", "ExampleBot"),
        ("ExampleBot/0.1 (+https://www.example.com/bot.html)", "ExampleBot"),
        ("My Bot/1", "My"),
        ("My Bot", "My Bot"),
        (
            "Mozilla/5.0 (compatible; ExampleBot/0.1; https://www.example.com/bot.html)",
            "ExampleBot",
        ),
        ("Mozilla/5.0 (Linux; compatible; ExampleBot) Gecko/1", "ExampleBot"),
        (
            "Mozilla/5.0 (X11) Gecko/1 (ExampleBot/0.1; +http://www.example.com/bot.html)",
            "ExampleBot",
        ),
        ("Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)", "Mozilla"),
        (CHROME, "Mozilla"),
        ("", ""),
        ("/1", ""),
    ],
)
def test_product_token(user_agent: str, token: str) -> None:
    """It is the first name in the header; behind Mozilla, the one in the comment (RFC 9309 section 2.2.1)."""
    assert product_token(user_agent) == token


@pytest.mark.parametrize("user_agent", [CHROME, "My Bot", "/1", "007"])
def test_names_that_no_robots_can_mean(user_agent: str) -> None:
    """They are reported, with what to do about it."""
    assert "--robots-agent" in (doubtful_name(user_agent) or "")


def test_names_that_are_fine() -> None:
    """Nothing is reported."""
    assert doubtful_name("ExampleBot/0.1") is None


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("Foo-bar_", True),
        ("", False),
        ("Foo*", False),
        (" Foo", False),
        ("F/1", False),
        ("F G", False),
        ("\u30c4", False),
    ],
)
def test_is_token(name: str, is_one: bool) -> None:
    """Letters, dashes and underscores make a product token."""
    assert is_token(name) is is_one
