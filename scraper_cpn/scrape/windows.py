"""The windows in which requests may start (`--hours`), as absolute times.

Owns: which moments of a zone's days are in a window, also where a clock is put forward or back.
Must not know: the net, clocks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from scraper_cpn.scrape.colours import DomainWindow
from scraper_cpn.scrape.settings import SECOND, Hours

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo  # loaded only by a crawl with the option

DAYS_AHEAD = 366
"""The days whose windows a crawl is given when it begins or is resumed."""


def windows(hours: Hours | None, now_ns: int) -> Iterator[tuple[int, int]]:
    """Yield the windows that close after *now_ns*, in their order: opening and closing, UTC.

    A time that a clock shows twice opens a window the second time, and closes it the first time. One that a clock
    skips opens a window as late, and closes it as early, as it can be read. So no request starts at a time of
    day that is not meant.
    """
    if hours is None:
        return
    from zoneinfo import ZoneInfo

    zone = ZoneInfo(hours.zone)
    today = datetime.fromtimestamp(now_ns // SECOND, zone).date()
    for number in range(-1, DAYS_AHEAD):
        day = today + timedelta(days=number)
        if day.weekday() in hours.days:
            midnight = datetime.combine(day, time())
            opens_ns = max(_moments(midnight, hours.opens, zone))
            closes_ns = min(_moments(midnight, hours.closes, zone))
            if closes_ns > max(opens_ns, now_ns):
                yield opens_ns, closes_ns


def windows_of_domains(
    hours: Mapping[str, Hours], now_ns: int
) -> Iterator[tuple[DomainWindow, int, int]]:
    """Yield the windows of single domains, each with its opening and closing; see `windows`."""
    for domain, each in hours.items():
        found = list(windows(each, now_ns))
        for number, (opens_ns, closes_ns) in enumerate(found, start=1):
            yield DomainWindow(domain, last=number == len(found)), opens_ns, closes_ns


def opening_after(hours: Hours | None, now_ns: int) -> int | None:
    """When requests may start again, UTC; None if they may now."""
    opens_ns = next((opens_ns for opens_ns, _ in windows(hours, now_ns)), now_ns)
    return opens_ns if opens_ns > now_ns else None


def _moments(midnight: datetime, minutes: int, zone: ZoneInfo) -> list[int]:
    """The moments that a time of day may mean: two, where the clock is put forward or back."""
    local = midnight + timedelta(minutes=minutes)
    return [round(local.replace(tzinfo=zone, fold=fold).timestamp()) * SECOND for fold in (0, 1)]
