"""How hours are written, and what is no hours."""

import pytest

from scraper_cpn.scrape.crawl import Crawl
from scraper_cpn.scrape.options.hours import hours, hours_text
from scraper_cpn.scrape.settings import Hours, UsageError


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("22:00-06:00", Hours(1320, 1800)),
        ("9:30 - 17:00", Hours(570, 1020)),
        ("0:00-24:00", Hours(0, 1440)),
        ("Mon-Fri 22:00-06:00@Europe/Berlin", Hours(1320, 1800, (0, 1, 2, 3, 4), "Europe/Berlin")),
        ("sat,SUN 1:00-2:00", Hours(60, 120, (5, 6))),
    ],
)
def test_hours_are_read_and_shown(text: str, read: Hours) -> None:
    """What is shown is read as the same."""
    assert hours(text) == read
    assert hours(hours_text(read)) == read


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("night", "is not understood"),
        ("22-6", "is not understood"),
        (22, "is not understood"),
        ("22:00-22:00", "has no length"),
        ("24:00-06:00", "has no length"),
        ("22:60-06:00", "is not a time of day"),
        ("22:00-25:00", "is not a time of day"),
        ("Mo-Fr 22:00-06:00", "is not a day"),
        ("Mon-Xyz 22:00-06:00", "is not a day"),
        ("22:00-06:00@Berlin", "is not a time zone"),
        ("22:00-06:00@../../etc/passwd", "is not a time zone"),
        ("22:00-06:00@Europe", "is not a time zone"),
    ],
)
def test_a_mistake_is_one_line(text: object, what: str) -> None:
    """It names the option, what was given and what is allowed."""
    with pytest.raises(UsageError, match=rf"^hours: .*{what}[^\n]*$"):
        Crawl(hours=text)
