"""The cost of a page from its bytes to its item, compared with the DOM alone and with Scrapy's way.

Owns: the pages, which are like a shop's lists, and the measurement: processor time, every subject in turn, the
least of all rounds. The garbage collector is off, as it seldom runs in a crawl.
"""

from __future__ import annotations

import gc
import json
import random
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import turbohtml
from msgspec import Struct, to_builtins
from parsel import Selector

from scraper_cpn.scrape.colours import Raw, Response, Target
from scraper_cpn.scrape.pages.cut import Cut
from scraper_cpn.scrape.pages.extract import extract
from scraper_cpn.scrape.pages.jobs import ParseJob
from scraper_cpn.scrape.pages.page import Page
from scraper_cpn.scrape.pages.weight import SMALL_BYTES, is_quick
from scraper_cpn.scrape.pages.worker import within
from scraper_cpn.scrape.settings import PageLimits

GOALS_US = {8: 40, 50: 400, 120: None, 200: 1_500}
"""By kB of a page: what its item is to cost at most, in microseconds."""
ROUNDS, ROUNDS_QUICK = 60, 10
URL = "https://shop.example/list/1"

_WORDS = [
    "tea",
    "cup",
    "green",
    "black",
    "leaf",
    "pot",
    "water",
    "spoon",
    "sugar",
    "morning",
    "garden",
    "river",
    "stone",
    "paper",
    "light",
]
_LIMITS = PageLimits()


class Point(Struct, frozen=True):
    """The processor time of one page, in microseconds."""

    kilobytes: int
    links: int
    dom_us: float
    item_us: float
    """Of the item with its links, and of what keeps the page from doing harm."""
    guard_us: float
    """The latter alone: the bound of a small page, the limits for a process that parses a larger one."""
    scrapy_us: float
    """Title, text and links by parsel, as a Scrapy spider takes them."""
    goal_us: int | None


def page_of(kilobytes: int) -> bytes:
    """A page of the given size: a menu, cards with pictures and links, a script."""
    chance = random.Random(kilobytes)

    def some(count: int) -> str:
        return " ".join(chance.choices(_WORDS, k=count))

    parts = [
        f"<!doctype html><meta charset=utf-8><title>{some(3)}</title><script>{some(60)}</script>"
    ]
    size = number = 0
    while size < kilobytes * 1_000:
        number += 1
        card = (
            f'<div class="card c{number % 7}"><h2><a href="/item/{number}?p=1">{some(4)}</a></h2>'
            f'<img src="/i/{number}.png" alt=""><p>{some(25)} <b>{some(1)}</b> {some(9)}</p>'
            f'<ul><li>{some(2)}</li><li><a href="https://other.example/{number}">{some(1)}</a></li></ul></div>\n'
        )
        parts.append(card)
        size += len(card)
    return "".join(parts).encode()


def measured(kilobytes: int, rounds: int) -> Point:
    """Measure a page of the given size with all subjects."""
    body = page_of(kilobytes)
    raw = _raw(body)
    text = body.decode()
    subjects: tuple[Callable[[], Any], ...] = (
        lambda: turbohtml.parse(text, positions=False),
        lambda: _item(raw),
        lambda: _guarded(raw, lambda _: None),
        lambda: _scrapy(body),
    )
    least = [float("inf")] * len(subjects)
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            for at, subject in enumerate(subjects):
                least[at] = min(least[at], _cost_us(subject))
    finally:
        gc.enable()
    links = len(extract(Page.of(raw), 0, (), Cut(_LIMITS))[1])
    dom, item, guard, scrapy = least
    return Point(kilobytes, links, dom, item, guard, scrapy, GOALS_US[kilobytes])


def _cost_us(subject: Callable[[], Any]) -> float:
    """The cost of a call and of freeing its result."""
    begun = time.thread_time_ns()  # the clock of the process is coarse once its time was limited
    subject()
    return (time.thread_time_ns() - begun) / 1_000


def _scrapy(body: bytes) -> tuple[str | None, str, list[str]]:
    selector = Selector(body=body, encoding="utf-8", base_url=URL)
    texts = selector.xpath("//body//text()[not(parent::script or parent::style)]").getall()
    links = [urljoin(URL, href) for href in selector.css("a::attr(href)").getall()]
    return selector.css("title::text").get(), " ".join(" ".join(texts).split()), links


def _item(raw: Raw) -> Any:
    return _guarded(raw, lambda page: extract(page, 0, (), Cut(_LIMITS)))


def _guarded(raw: Raw, work: Callable[[Page], Any]) -> Any:
    """Do what a crawl does before it parses a page, and the work."""
    page = Page.of(raw)
    if len(page.body) <= SMALL_BYTES:
        assert is_quick(page)
        return work(page)
    job = ParseJob.of(raw, (), _LIMITS, at_once=True)
    with within(job.at_once_s, job.memory_bytes):
        return work(page)


def _raw(body: bytes) -> Raw:
    origin, domain = "https://shop.example:443", "shop.example"
    target = Target(url=URL, domain=domain, origin=origin, site=domain, requested_url=URL)
    return Raw(
        target,
        Response(
            url=URL,
            status=200,
            content_type="text/html",
            charset="utf-8",
            body=body,
            fetched_at_ns=0,
            elapsed_ns=0,
        ),
    )


def main(*, quick: bool, as_json: bool) -> None:
    """Measure and print."""
    rounds = ROUNDS_QUICK if quick else ROUNDS
    points = [measured(size, rounds) for size in GOALS_US]
    if as_json:
        print(json.dumps(to_builtins(points)))
        return
    print("processor time of a page in microseconds, the least of", rounds, "rounds")
    print("   kB  links   DOM alone  bytes to item  in DOMs   goal   the guard   Scrapy's way")
    for each in points:
        goal = f"{each.goal_us:,}" if each.goal_us else ""
        print(
            f"{each.kilobytes:5}{each.links:7,}{each.dom_us:12,.0f}{each.item_us:15,.0f}"
            f"{each.item_us / each.dom_us:9.1f}{goal:>7}{each.guard_us:12,.0f}{each.scrapy_us:15,.0f}"
        )
