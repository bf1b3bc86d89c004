"""What waits for requests, and how it ends where none may begin any more.

Owns: the transitions that end it, before anything else starts there.
Must not know: why none may begin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scraper_cpn.net import Arc, KeySet, Output, Part, Place, Sink, put, read, take

if TYPE_CHECKING:
    from scraper_cpn.scrape.colours import Failure, Target
    from scraper_cpn.scrape.parts.robots import Robots


@dataclass(frozen=True)
class Waiting:
    """What waits for requests.

    Attributes:
        targets: what waits for its turn.
        robots: what is asked for first.
        log: of failures.
        also: is put for each target that ends.
    """

    targets: Place[Target]
    robots: Robots
    log: Sink[Failure]
    also: Sequence[Output]

    def end_targets(
        self, part: Part, name: str, over: Arc[Any], row: Output, known: Sequence[KeySet[Any]]
    ) -> None:
        """Declare in *part* the transition *name*, which ends targets.

        *over* says that none may begin, *row* is put into the log, *known* are the keys of targets beside that of *over*.
        """
        reads = [read(each) for each in known]  # targets are found by their whole key
        part.transition(name, [self.targets, over, *reads], outputs=[row, *self.also], priority=-1)

    def give_up(
        self,
        part: Part,
        name: str,
        verdicts: Place[Any],
        ending: Callable[..., Any],
        rules: Callable[..., Any],
        known: Sequence[KeySet[Any]],
    ) -> None:
        """Declare in *part* how what waits ends for a domain or host that was given up.

        Args:
            part: declares the transitions *name* and *name*_robots.
            name: of the first transition.
            verdicts: that it was given up.
            ending: the policy's function for the last row of a target.
            rules: that for the rules of an origin whose robots.txt is not asked for any more.
            known: the keys of targets beside those of the verdict.
        """
        row = put(self.log, ending, self.targets, verdicts)
        self.end_targets(part, name, read(verdicts), row, known)
        jobs = self.robots.jobs
        part.transition(
            f"{name}_robots",
            [take(jobs, include_waiting=True), read(verdicts)],
            outputs=self.robots.answer(rules, jobs, verdicts),
            priority=-1,
        )
