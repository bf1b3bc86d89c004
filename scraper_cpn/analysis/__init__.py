"""What a net can do, proved before it runs.

Owns: grounding, exploration, properties, verdicts. It imports `net` alone, and works on any net.

    >>> from scraper_cpn.nets.buildfarm import Build, Built, Broken, Machine, Uploaded, build_farm
    >>> report = verify(
    ...     build_farm(licences=1),
    ...     Instance(
    ...         tokens={"machines": [Machine("m1", "arm")], "builds": [Build("app", "arm", 1)]},
    ...         outcomes={
    ...             "build": lambda builds, machines: [Built(1000), Broken("no network")],
    ...             "upload": lambda packages: [Uploaded()],
    ...         },
    ...     ),
    ...     conserved("machines", by="name"), at_most(1, in_flight="build", by="platform"), ends(),
    ... )
    >>> report.ok
    True
"""

from scraper_cpn.analysis.instance import AnalysisError, Expiring, Instance
from scraper_cpn.analysis.properties import (
    Property,
    SeenEvent,
    StateView,
    alive,
    always,
    at_most,
    begin,
    conserved,
    costs,
    each,
    end,
    ends,
    every,
    fire,
    leads_to,
    min_gap,
    never,
    no_faults,
    paused,
    start,
)
from scraper_cpn.analysis.space import ExplorationLimits
from scraper_cpn.analysis.verdict import Report, Verdict
from scraper_cpn.analysis.verify import verify

__all__ = [
    "AnalysisError",
    "Expiring",
    "ExplorationLimits",
    "Instance",
    "Property",
    "Report",
    "SeenEvent",
    "StateView",
    "Verdict",
    "alive",
    "always",
    "at_most",
    "begin",
    "conserved",
    "costs",
    "each",
    "end",
    "ends",
    "every",
    "fire",
    "leads_to",
    "min_gap",
    "never",
    "no_faults",
    "paused",
    "start",
    "verify",
]  # fmt: skip
