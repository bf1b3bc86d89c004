"""Many workers, one run: the partitions of a net on PostgreSQL, each run by one worker at a time.

See docs/cluster.md. What programs need is here; the files say how it works.
"""

from scraper_cpn.cluster.crawl import PARTITIONS, Crawl, create, join, resume, stop
from scraper_cpn.cluster.port import Consumed, Port
from scraper_cpn.cluster.work import Work
from scraper_cpn.cluster.worker import Pace, run_worker

__all__ = [
    "PARTITIONS",
    "Consumed",
    "Crawl",
    "Pace",
    "Port",
    "Work",
    "create",
    "join",
    "resume",
    "run_worker",
    "stop",
]
