"""The driver of Scrapy: one crawl of the loopback web, settings and results as JSON.

Owns: the settings of Scrapy for the limits of the task. It is set up for broad crawls as its documents say: the
scheduler's queue that looks at domains, no cookies, `INFO` logs. The delay is not randomised,
since the limit is a least delay. AutoThrottle stays off: it would replace the limit by its own.
Must not know: who runs it, what the results are compared with. Needs nothing of this repository.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import urlsplit

import scrapy
from scrapy.crawler import AsyncCrawlerProcess

TASK: dict[str, Any] = json.load(sys.stdin)
SETTINGS: dict[str, Any] = {
    "CLOSESPIDER_PAGECOUNT": TASK["max_pages"] or 0,
    "CONCURRENT_REQUESTS": TASK["at_once"],
    "CONCURRENT_REQUESTS_PER_DOMAIN": 1 if TASK["delay_s"] else TASK["at_once"],
    "COOKIES_ENABLED": False,
    "DOWNLOAD_DELAY": TASK["delay_s"],
    "DOWNLOAD_TIMEOUT": TASK["timeout_s"],
    "LOG_LEVEL": "INFO",
    "RANDOMIZE_DOWNLOAD_DELAY": False,
    "REACTOR_THREADPOOL_MAXSIZE": 20,
    "RETRY_TIMES": TASK["retries"],
    "ROBOTSTXT_OBEY": True,
    "SCHEDULER_PRIORITY_QUEUE": "scrapy.pqueues.DownloaderAwarePriorityQueue",
    "TELNETCONSOLE_ENABLED": False,
    "USER_AGENT": TASK["user_agent"],
}


class Consumer:
    """The item pipeline: takes one item at a time."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()

    async def process_item(self, item: Any) -> Any:
        """Take an item; another waits until this one is done."""
        async with self._one:
            if TASK["consume_s"]:
                await asyncio.sleep(TASK["consume_s"])
            PageSpider.received += 1
        return item


class Proxies:
    """The next proxy for each request that comes to the downloader, retries and robots.txt included."""

    def __init__(self) -> None:
        self._next = 0

    def process_request(self, request: scrapy.Request) -> None:
        """Give a request its proxy."""
        request.meta["proxy"] = TASK["proxies"][self._next % len(TASK["proxies"])]
        self._next += 1


class PageSpider(scrapy.Spider):
    """Follows the links of each page to its own host."""

    name = "pages"
    received = 0

    async def start(self) -> AsyncIterator[scrapy.Request]:
        """The seeds."""
        for seed in TASK["seeds"]:
            yield scrapy.Request(seed)

    def parse(self, response: Any) -> Iterator[Any]:
        """An item a page, and its links."""
        if not isinstance(response, scrapy.http.TextResponse):
            return
        host = urlsplit(response.url).netloc
        for link in response.css("a::attr(href)").getall():
            url = response.urljoin(link)
            if urlsplit(url).netloc == host:
                yield scrapy.Request(url)
        yield {"url": response.url, "title": response.css("title::text").get()}


def main() -> None:
    """Crawl, and print the settings and the results."""
    own = {"ITEM_PIPELINES": {Consumer: 1}, "DOWNLOADER_MIDDLEWARES": {Proxies: 740}}
    process = AsyncCrawlerProcess({**SETTINGS, **own})
    process.crawl(PageSpider)
    began = time.perf_counter()
    process.start()
    result = {
        "program": f"Scrapy {scrapy.__version__}",
        "settings": SETTINGS,
        "received": PageSpider.received,
        "wall_s": time.perf_counter() - began,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
