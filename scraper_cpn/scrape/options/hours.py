"""The hours in which requests may start, as a user writes them.

Owns: reading and showing them: days, times of day, and the time zone.
Must not know: when a window is open.
"""

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from scraper_cpn.scrape.options.values import text
from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import EVERY_DAY, Hours

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_DAY_MINUTES = 24 * 60
_HOURS = re.compile(
    r"(?:([A-Za-z,-]{3,40})\s+)?(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)(?:@(\S{1,80}))?", re.ASCII
)
_ALLOWED = (
    "hours are times of day such as 22:00-06:00; days may come before them (Mon-Fri 22:00-06:00), "
    "and a time zone after them (@Europe/Berlin)"
)


def hours(value: object) -> Hours:
    """Read hours such as `Mon-Fri 22:00-06:00@Europe/Berlin`.

    Days are those on which a window opens; by default all. A window that closes at its opening or earlier passes midnight.
    The zone is a name of the IANA database; by default UTC.
    """
    found = _HOURS.fullmatch(text(value))
    if found is None:
        raise ValueError(f"{shown(value)} is not understood; {_ALLOWED}")
    days, zone = found[1], found[6] or "UTC"
    opens, closes = _minutes(found[2], found[3]), _minutes(found[4], found[5])
    if opens in (closes, _DAY_MINUTES):
        raise ValueError(f"{shown(value)} has no length; {_ALLOWED}")
    _check_zone(zone)
    closes += _DAY_MINUTES if closes < opens else 0
    return Hours(opens, closes, EVERY_DAY if days is None else tuple(sorted(_days(days))), zone)


def hours_text(value: Hours) -> str:
    """Return the text that `hours` reads as *value*."""
    days = "" if value.days == EVERY_DAY else ",".join(_DAYS[day] for day in value.days) + " "
    closes = value.closes if value.closes <= _DAY_MINUTES else value.closes - _DAY_MINUTES
    return f"{days}{_clock(value.opens)}-{_clock(closes)}@{value.zone}"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def _minutes(hour: str, minute: str) -> int:
    """The minutes from midnight to a time of day; 24:00 is the end of a day."""
    minutes = int(hour) * 60 + int(minute)
    if int(minute) > 59 or minutes > _DAY_MINUTES:
        raise ValueError(f"{hour}:{minute} is not a time of day; {_ALLOWED}")
    return minutes


def _days(given: str) -> set[int]:
    """The numbers of days such as `Mon-Fri` and `Sat,Sun`; Monday is 0."""
    found: set[int] = set()
    for part in given.split(","):
        first, _, last = part.partition("-")
        begin, end = _day(first), _day(last if "-" in part else first)
        found |= {(begin + number) % 7 for number in range((end - begin) % 7 + 1)}
    return found


def _day(name: str) -> int:
    if name.capitalize() not in _DAYS:
        raise ValueError(f"{shown(name)} is not a day; days are {', '.join(_DAYS)}")
    return _DAYS.index(name.capitalize())


def _check_zone(name: str) -> None:
    """Refuse a time zone that this machine does not know."""
    try:
        ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError(
            f"{shown(name)} is not a time zone that is known here; use one such as Europe/Berlin (a system without "
            "time zones needs `pip install tzdata`), or UTC"
        ) from None
