"""The driver of crawlee for Python: one crawl of the loopback web, settings and results as JSON.

Owns: the settings of crawlee for the limits of the task. It is set up as its documents say: the parsel crawler, the
storage in memory, its default client, and the throttling request manager, which knows each domain.
That has a pause for each domain, but only as Crawl-delay, and keeps the first one that it gets: the
task's delay is given to it, so that a longer Crawl-delay in a robots.txt is not. It fetches robots.txt
without a proxy; its client is set to use one, since hosts can be reached through proxies alone.
Must not know: who runs it, what the results are compared with. Needs nothing of this repository.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import time
from datetime import timedelta
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

from crawlee import ConcurrencySettings, service_locator
from crawlee.crawlers import ParselCrawler, ParselCrawlingContext
from crawlee.http_clients import ImpitHttpClient
from crawlee.proxy_configuration import ProxyConfiguration
from crawlee.request_loaders import ThrottlingRequestManager
from crawlee.storage_clients import MemoryStorageClient
from crawlee.storages import RequestQueue

TASK: dict[str, Any] = json.load(sys.stdin)
PROXIES = ProxyConfiguration(proxy_urls=TASK["proxies"])
SETTINGS: dict[str, Any] = {
    "crawler": "ParselCrawler",
    "storage_client": "MemoryStorageClient",
    "request_manager": "ThrottlingRequestManager with every host",
    "set_crawl_delay": TASK["delay_s"],
    "max_concurrency": TASK["at_once"],
    "desired_concurrency": TASK["at_once"],
    "max_request_retries": TASK["retries"],
    "max_requests_per_crawl": TASK["max_pages"],
    "respect_robots_txt_file": True,
    "retry_on_blocked": False,
    "use_session_pool": False,
    "navigation_timeout_s": TASK["timeout_s"],
}


class Client(ImpitHttpClient):
    """The default client, which asks for robots.txt through a proxy as well."""

    async def send_request(self, url: str, **how: Any) -> Any:
        """A request that has no proxy gets the next one."""
        how["proxy_info"] = how.get("proxy_info") or await PROXIES.new_proxy_info(None, None, None)
        return await super().send_request(url, **how)


async def crawl() -> int:
    """Crawl, and return how many pages were received."""
    service_locator.set_storage_client(MemoryStorageClient())
    one = asyncio.Lock()
    received = 0
    crawler = ParselCrawler(
        request_manager=await _manager(),
        http_client=Client(),
        proxy_configuration=PROXIES,
        concurrency_settings=ConcurrencySettings(
            max_concurrency=TASK["at_once"], desired_concurrency=TASK["at_once"]
        ),
        max_request_retries=TASK["retries"],
        max_requests_per_crawl=TASK["max_pages"],
        respect_robots_txt_file=True,
        retry_on_blocked=False,
        use_session_pool=False,
        navigation_timeout=timedelta(seconds=TASK["timeout_s"]),
        request_handler_timeout=timedelta(minutes=10),
        configure_logging=False,
    )

    @crawler.router.default_handler
    async def _page(context: ParselCrawlingContext) -> None:
        nonlocal received
        await context.enqueue_links(strategy="same-hostname")
        context.selector.css("title::text").get()
        async with one:
            if TASK["consume_s"]:
                await asyncio.sleep(TASK["consume_s"])
            received += 1

    await crawler.run(TASK["seeds"])
    return received


async def _manager() -> ThrottlingRequestManager[RequestQueue]:
    manager = ThrottlingRequestManager(
        await RequestQueue.open(),
        domains=[urlsplit(seed).hostname or "" for seed in TASK["seeds"]],
        request_manager_opener=RequestQueue.open,
    )
    if TASK["delay_s"]:
        for seed in TASK["seeds"]:
            manager.set_crawl_delay(seed, TASK["delay_s"])
    return manager


def main() -> None:
    """Crawl, and print the settings and the results."""
    logging.basicConfig(level=logging.WARNING)
    began = time.perf_counter()
    received = asyncio.run(crawl())
    result = {
        "program": f"crawlee {version('crawlee')}",
        "settings": SETTINGS,
        "received": received,
        "wall_s": time.perf_counter() - began,
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()
