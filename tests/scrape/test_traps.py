"""The rules for traps object to what no honest site does."""

from __future__ import annotations

import pytest

from scraper_cpn.scrape.policy.traps import objection
from scraper_cpn.scrape.settings import SECOND, TRAP_RULES

NOW_NS = 1_700_000_000 * SECOND  # 2023-11-14
H = "http://h.example"

GOOD = [
    f"{H}/",
    f"{H}/2011/11/11/11/",
    f"{H}/a/b/a/b/c",
    f"{H}//a//b",
    f"{H}//a//b/",
    f"{H}/a/?id=1&id=2&id=3&page=1",
    f"{H}/search?q=&from=&to=&kind=&sort=",
    f"{H}/login?next=%2Flogin%3Fnext%3D%252F",
    f"{H}/" + "/".join(f"s{n}" for n in range(20)),
    f"{H}/" + "a" * 2000,
    f"{H}/fr/fr/produits",
]

BAD = [
    (f"{H}/a/b/a/b/a/b", "repeat", "its path has a 3 times"),
    (f"{H}/a//b//c//d", "repeat", "its path has nothing between two slashes 3 times"),
    (f"{H}/?x=1&y=2&x=1&x=1", "query", "its query has x=1 3 times"),
    (f"{H}/?back=/?back=/?back=/", "query", "its query has back=/ 3 times"),
    (f"{H}/?n=%252525252F", "query", "its query was escaped three times over (%2525)"),
    (f"{H}/?" + "&".join(f"a{n}=1" for n in range(41)), "query", "its query has 41 pairs"),
    (f"{H}/" + "1/" * 21, "deep", "its path has 21 segments"),
    (f"{H}/" + "a" * 2083, "long", "it has more than 2,083 characters"),
]


@pytest.mark.parametrize("url", GOOD)
def test_honest_urls_pass(url: str) -> None:
    """Numbers repeat, names come with several values, and searches have empty ones."""
    assert objection(url, f"{H}/", NOW_NS, TRAP_RULES) == ""


@pytest.mark.parametrize(("url", "rule", "why"), BAD)
def test_traps_are_reported(url: str, rule: str, why: str) -> None:
    """Each by one rule, which says why."""
    assert objection(url, f"{H}/", NOW_NS, TRAP_RULES) == why
    others = tuple(each for each in TRAP_RULES if each != rule)
    assert objection(url, f"{H}/", NOW_NS, others) == ""


@pytest.mark.parametrize(
    ("parent", "url", "trapped"),
    [
        ("/2026/01/", "/2026/02/", True),
        ("/cal?year=2026&month=1", "/cal?month=2&year=2026", True),
        ("/day/20260131", "/day/20260201", True),
        ("/2026/02/", "/2026/01/", False),  # back towards today
        ("/2026/01/", "/2026/02/talk", False),  # another form
        ("/2025/10/", "/2025/11/", False),
        ("/1983/11/", "/1983/10/", True),
        ("/1983/12/", "/1983/11/", False),
        ("/cal?month=1970-01", "/cal?month=1969-12", True),
        ("/thread/1234/3", "/thread/1234/2", False),  # pages of a thread
        ("/thread/2050/2", "/thread/2050/3", False),
        ("/item?id=20410712", "/item?id=20411105", False),
        ("/", "/2099/01/", False),
        ("/p/1999x", "/p/2999x", False),
        ("/cal?week=52&year=2025", "/cal?week=1&year=2026", True),
        ("/cal?week=12&year=2025", "/cal?week=13&year=2025", False),
        ("/cal/2025-W50", "/cal/2026-W02", True),
        ("/cal/2025/week/50/", "/cal/2026/week/2/", True),
        ("/cal?month=12-2025", "/cal?month=01-2026", True),
        ("/events/december-2025", "/events/january-2026", True),
        ("/2025/dec/", "/2026/jan/", True),
        ("/2025/oct/", "/2025/nov/", False),
        ("/2025/may/", "/2026/mayor/", False),
        ("/cal?year=2025", "/cal?year=2026", True),
        ("/calendar/2025", "/calendar/2026", True),
        ("/calendar/2024", "/calendar/2025", False),
        ("/product/2025", "/product/2026", False),
        ("/cal?date=1765000000", "/cal?date=1767600000", True),
        ("/cal?start=1765000000000", "/cal?start=1767600000000", True),
        ("/cal?id=1765000000", "/cal?id=1767600000", False),
        ("/cal?month=25", "/cal?month=26", True),
        ("/cal?month=11", "/cal?month=12", False),
        ("/cal?week=107", "/cal?week=108", True),
        ("/cal?month_offset=-490", "/cal?month_offset=-491", True),
        ("/cal?month_offset=-3", "/cal?month_offset=-4", False),
        ("/cal?months=%2B40", "/cal?months=%2B41", True),
        ("/list?page=110", "/list?page=111", False),
    ],
)
def test_a_calendar_leads_away_from_today(parent: str, url: str, trapped: bool) -> None:
    """Its pages have the same form, and each date is farther away than the one before."""
    assert bool(objection(H + url, H + parent, NOW_NS, TRAP_RULES)) == trapped
    assert not objection(H + url, H + parent, 0, TRAP_RULES)
