"""What a partition of a crawl begins with."""

from __future__ import annotations

from collections import Counter

from scraper_cpn.net.shares import Partition
from scraper_cpn.scrape.colours import DomainWindow
from scraper_cpn.scrape.many.takeover import first_edit
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.options.hours import hours
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.settings import Settings, Site

OF = 4


def test_the_hours_of_a_domain_are_in_its_partition_alone() -> None:
    """Each domain with hours has its windows once, where its pages are."""
    names = [f"h{number}.test" for number in range(9)]
    sites = tuple(Site(name=name, hours=hours("Mon 1:00-2:00")) for name in names)
    net = ScrapeNet(Policy(Settings(sites=sites)), partitions=OF)
    found = Counter[str]()
    for number in range(OF):
        partition = Partition(number, OF)
        edit = first_edit(net, 0, None, partition=partition, slots={}, bad=())
        windows = [each[1] for each in edit.born if isinstance(each[1], DomainWindow)]
        assert all(partition.owns(each.domain) for each in windows)
        found.update(each.domain for each in windows)
    assert dict(found) == dict.fromkeys(names, found[names[0]])
    assert found[names[0]] > 50
