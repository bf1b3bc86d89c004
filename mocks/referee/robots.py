"""When a crawler could know which robots.txt of each origin (RFC 9309).

Owns: following robots.txt through its redirects in a log, and what its answer means.
Must not know: pacing.

The rules are those that were served, as the log shows them: 2xx has a text; other 4xx allow all
(section 2.3.1.3); 5xx and broken connections disallow all (2.3.1.4) until a later request succeeds;
after five redirects a crawler may assume that there are no rules (2.3.1.2).
"""

from collections import defaultdict
from collections.abc import Iterable
from urllib.parse import urljoin

from msgspec import Struct
from protego import Protego

from mocks.referee.expect import NEVER, SECOND, Seen

MAX_HOPS = 5


class Answered(Struct, frozen=True):
    """A robots.txt that was answered."""

    at_ns: int
    rules: Protego | None
    """None: everything is disallowed."""
    crawl_delay_ns: int
    """For the user agent that asked; 0 for none."""
    forgotten_ns: int = NEVER
    """When it was lost with a crawler's process."""

    def allows(self, url: str, user_agent: str) -> bool:
        """Whether the rules let *user_agent* fetch *url*."""
        return self.rules is not None and bool(self.rules.can_fetch(url, user_agent))


class RobotsBook:
    """The answers of all origins, by time."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        self.answers: dict[str, list[Answered]] = {}
        """By origin, in the order in which they were sent."""
        self._hops: defaultdict[str, dict[str, int]] = defaultdict(dict)
        """By URL: the origins whose robots.txt was redirected to it, with the hops so far."""
        for item in sorted(seen, key=lambda s: s.end_ns):
            self._note(item)

    def origins(self, item: Seen) -> tuple[str, ...]:
        """The origins whose robots.txt this request was for; empty for other requests."""
        own = {item.origin: 0} if item.target == "/robots.txt" else {}
        return tuple(own | self._hops.get(item.request.url, {}))

    def known(self, origin: str, at_ns: int) -> Answered | None:
        """The latest answer for an origin at a moment; None where there was none."""
        answers = self.answers.get(origin, ())
        before = [each for each in answers if each.at_ns <= at_ns < each.forgotten_ns]
        return before[-1] if before else None

    def _note(self, item: Seen) -> None:
        request = item.request
        for origin in self.origins(item):
            hops = self._hops[request.url].get(origin, 0)
            if request.location is not None and hops < MAX_HOPS:
                to = urljoin(request.url, request.location)
                self._hops[to].setdefault(origin, hops + 1)
            elif request.origin:
                self.answers.setdefault(origin, []).append(_answered(item))


def _answered(item: Seen) -> Answered:
    request = item.request
    if request.fate != "complete" or request.status >= 500:
        return Answered(item.end_ns, None, 0, item.forgotten_ns)
    rules = Protego.parse(request.robots or "")
    delay_s = rules.crawl_delay(request.user_agent)
    return Answered(item.end_ns, rules, int(delay_s * SECOND) if delay_s else 0, item.forgotten_ns)
