"""The windows of `--hours` as absolute times: over midnight, on some days, and where clocks are put forward or back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise, takewhile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scraper_cpn.scrape.options.hours import hours
from scraper_cpn.scrape.settings import SECOND
from scraper_cpn.scrape.windows import opening_after, windows


def at(text: str) -> int:
    """The nanoseconds of a time in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


def listed(text: str, begin: str, end: str) -> list[str]:
    """The windows that open between two times in UTC."""
    found = takewhile(lambda each: each[0] < at(end), windows(hours(text), at(begin)))
    return [" - ".join(_said(ns) for ns in each) for each in found]


def _said(ns: int) -> str:
    return datetime.fromtimestamp(ns // SECOND, UTC).strftime("%d %H:%M")


def test_a_window_that_is_open_comes_first() -> None:
    """At one o'clock the window of the night before is open."""
    assert listed("22:00-06:00", "2026-03-02 01:00", "2026-03-03 00:00") == [
        "01 22:00 - 02 06:00",
        "02 22:00 - 03 06:00",
    ]


def test_days_name_the_evening() -> None:
    """Friday's night ends on Saturday; days go round the end of the week."""
    assert listed("fri-sat 22:00-06:00", "2026-03-02 00:00", "2026-03-09 00:00") == [
        "06 22:00 - 07 06:00",
        "07 22:00 - 08 06:00",
    ]
    assert hours("Sat-Mon 1:00-2:00").days == (0, 5, 6)
    assert hours("Tue,Thu 1:00-2:00").days == (1, 3)


@pytest.mark.parametrize(
    ("text", "begin", "expected"),
    [
        # Clocks go from 02:00 to 03:00 on 2026-03-29, and from 03:00 to 02:00 on 2026-10-25.
        ("22:00-06:00", "2026-03-28", ["28 21:00 - 29 04:00", "29 20:00 - 30 04:00"]),
        ("22:00-06:00", "2026-10-24", ["24 20:00 - 25 05:00", "25 21:00 - 26 05:00"]),
        ("02:30-05:00", "2026-03-28", ["29 01:30 - 29 03:00"]),
        ("00:30-02:30", "2026-10-24", ["24 22:30 - 25 00:30"]),
        ("02:30-05:00", "2026-10-24", ["25 01:30 - 25 04:00"]),
    ],
)
def test_clocks_that_are_put_forward_or_back(text: str, begin: str, expected: list[str]) -> None:
    """The local times hold; a time that is there twice or never makes the window shorter, not longer."""
    end = datetime.fromisoformat(begin) + timedelta(days=1, hours=23, minutes=30)
    assert listed(f"{text}@Europe/Berlin", f"{begin} 05:30", str(end)) == expected


@given(
    st.integers(0, 1440 * 60 * 400),
    st.sampled_from(["22:00-06:00", "00:00-24:00", "Sat-Sun 9:15-9:16", "2:00-1:59"]),
    st.sampled_from(["UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/St_Johns"]),
)
def test_windows_are_in_order_and_apart(after_s: int, text: str, zone: str) -> None:
    """From any time on, in any zone; the first one that closes later is the one that `opening_after` means."""
    now_ns = at("2026-01-01 00:00") + after_s * SECOND
    hour = hours(f"{text}@{zone}")
    found = [each for each, _ in zip(windows(hour, now_ns), range(30), strict=False)]
    assert all(now_ns < closes for _, closes in found)
    assert all(opens < closes for opens, closes in found)
    assert all(one[1] <= other[0] for one, other in pairwise(found))
    opens_ns = opening_after(hour, now_ns)
    assert opens_ns == (found[0][0] if found[0][0] > now_ns else None)


def test_without_hours_requests_may_always_start() -> None:
    """There is nothing to wait for."""
    assert opening_after(None, 0) is None
