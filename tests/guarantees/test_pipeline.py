"""G6: no stage exceeds its bound, and a slow stage stops fetching instead of growing memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scraper_cpn.net import Place
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.parts.pipeline import PARSERS
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import SECOND, Settings
from scraper_cpn.scrape.virtual import EPOCH_NS, VirtualWeb
from scraper_cpn.simulate.driver import VirtualEffect
from scraper_cpn.simulate.web import SyntheticWeb, WebSpec
from tests.guarantees.crawls import MS, stored
from tests.guarantees.subjects import Subject

HOUR_NS = 3600 * SECOND
SETTINGS = Settings(delay_ns=0, per_domain=8, concurrency=8, robots="ignore")
WEB = SyntheticWeb(WebSpec(pages=1200, links=40, body_bytes=100, latency_ns=MS))
CAPACITIES = {
    place.name: place.capacity
    for place in ScrapeNet(Policy(SETTINGS)).places.values()
    if isinstance(place, Place) and place.capacity is not None
}


def slow(stage: str) -> Any:
    """Effects of which one takes an hour."""

    def bound(web: VirtualWeb) -> Mapping[str, VirtualEffect]:
        effects = web.effects()

        def dawdle(*given: Any) -> tuple[int, Any]:
            return HOUR_NS, effects[stage](*given)[1]

        return {**effects, stage: dawdle}

    return bound


@pytest.mark.parametrize(
    ("stage", "before"),
    [
        ("parse", ["raw_html"]),
        ("validate", ["raw_html", "parsed"]),
        ("keep", ["raw_html", "parsed", "validated"]),
    ],
)
def test_a_slow_stage_stops_fetching(subject: Subject, stage: str, before: list[str]) -> None:
    """Until the stage has room again, no more pages are fetched than fit before it; none is lost."""
    done = subject.crawl(SETTINGS, WEB, effects=slow(stage))
    first_hour = [request for request in done.log if request.start_ns < EPOCH_NS + HOUR_NS // 2]
    room = sum(CAPACITIES[place] for place in before)
    if stage == "parse":  # the seed alone has links, and its parsing takes the hour
        first_hour = [r for r in done.log if EPOCH_NS + HOUR_NS <= r.start_ns < EPOCH_NS + 2 * HOUR_NS]  # fmt: skip
    assert 1 < len(first_hour) <= room
    assert done.run.ended == "finished"
    assert len(stored(done.rows)) == 1200


def test_the_stages_of_the_pipeline_have_bounds() -> None:
    """Every place that holds bodies or items is bounded, the first by the requests at a time and the pages that are parsed."""
    assert CAPACITIES == {"raw_html": 16 + PARSERS, "parsed": 256, "validated": 256}
