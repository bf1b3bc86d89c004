"""The properties that a net may have; each property becomes a monitor of the atoms of a grounded net.

Owns: the list of properties.
"""

from scraper_cpn.analysis.properties.base import By, Property, Watch
from scraper_cpn.analysis.properties.ends import alive, ends, no_faults
from scraper_cpn.analysis.properties.events import begin, end, fire, never, start
from scraper_cpn.analysis.properties.firings import SeenEvent, every, paused
from scraper_cpn.analysis.properties.pace import min_gap
from scraper_cpn.analysis.properties.response import leads_to
from scraper_cpn.analysis.properties.states import StateView, always, each
from scraper_cpn.analysis.properties.sums import at_most, conserved, costs

__all__ = [
    "By", "Property", "SeenEvent", "StateView", "Watch", "alive", "always", "at_most", "begin", "conserved", "costs", "each", "end", "ends",
    "every", "fire", "leads_to", "min_gap", "never", "no_faults", "paused", "start",
]  # fmt: skip
