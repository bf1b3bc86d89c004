"""Dates in URLs: the month that a URL names, in the forms that calendars use.

Owns: these forms: years with months, weeks or names of months, times in seconds, and steps from the present month.
Must not know: which date is too far away, what a trap is.
"""

from __future__ import annotations

import re

_WEEKS, _DAYS = 53, 366
"""Larger numbers of weeks and days count from today."""
_MONTHS = 12
_MONTH_S = 146_097 * 86_400 // (400 * 12)
"""A month has this length on average, in seconds."""
_EPOCH = 1970 * 12 + 1
_SECONDS_DIGITS = 10
"""Of a time in seconds since 1970, from 2001 to 2286; one in milliseconds has three more."""

_YEAR = r"(?<!\d)([12]\d{3})"
_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAME = (
    r"(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DATE = re.compile(_YEAR + r"(?:[-/_.](0?[1-9]|1[0-2])|(0[1-9]|1[0-2])(?:[0-2]\d|3[01]))(?!\d)")
"""A year and a month, such as 2031-05, 2031/5 and 20310517."""
_MONTH_FIRST = re.compile(r"(?<!\d)(0?[1-9]|1[0-2])[-/_.]([12]\d{3})(?!\d)")
"""Such as 05-2031."""
_WEEK = re.compile(_YEAR + r"[-/_.]?(?:week|wk|kw|w)[-/_.]?(\d\d?)(?!\d)", re.IGNORECASE)
"""Such as 2031-W05 and 2031/week/5."""
_YEAR_NAME = re.compile(_YEAR + r"[-/_.]" + _NAME + r"(?![a-z])", re.IGNORECASE)
_NAME_YEAR = re.compile(r"(?<![a-z])" + _NAME + r"[-/_.]([12]\d{3})(?!\d)", re.IGNORECASE)
_YEAR_PARAMETER = re.compile(r"[?&](?:year|yr|y)=([12]\d{3})(?!\d)", re.IGNORECASE)
_MONTH_PARAMETER = re.compile(r"[?&](?:month|mon|mo|m)=(0?[1-9]|1[0-2])(?!\d)", re.IGNORECASE)
_WEEK_PARAMETER = re.compile(r"[?&](?:week|wk|kw|w)=(\d\d?)(?!\d)", re.IGNORECASE)
_TIME = re.compile(
    r"[?&][^=&]*(?:date|day|time|start|from|cal)[^=&]*=(1\d{9}|2\d{9}|1\d{12})(?!\d)", re.IGNORECASE
)
"""Seconds or milliseconds since 1970, in a parameter that is named like a time."""
_STEPS = re.compile(
    r"[?&](month|week|day)s?(?:_?(?:offset|delta|off))?=([+-]?|%2B)(\d{1,5})(?!\d)", re.IGNORECASE
)
_CALENDAR_YEAR = re.compile(
    r"/(?:calendar|kalender|calendrier|calendario|agenda|events?|year)/(?:[^?]*/)?([12]\d{3})(?![\d])",
    re.IGNORECASE,
)
"""A year alone, below a folder that is named like a calendar."""
_NAMED = re.compile(r"[?&][^=&]*(?:date|day|week|month|year|cal)[^=&]*=", re.IGNORECASE)
"""A parameter that says that it is a date."""
_NUMBER = re.compile(r"\d+")
_ANY_NAME = re.compile(r"(?<![a-z])" + _NAME + r"(?![a-z])", re.IGNORECASE)


def month_of(url: str, today: int) -> int | None:
    """Return the month that a URL names, as months since the year 0; None if it names none.

    *today* is the present month: `?week=120` and `?month=-7` count from there. Cost: some microseconds.
    """
    for parse in (_month, _month_by_name, _month_by_parameters):
        found = parse(url)
        if found is not None:
            return found
    return _month_by_steps(url, today)


def is_named(url: str) -> bool:
    """Whether something in a URL says that it is a date."""
    return bool(_NAMED.search(url) or _CALENDAR_YEAR.search(url))


def form_of(url: str) -> str:
    """Return a URL without its numbers, its names of months and the order of its query."""
    plain = _NUMBER.sub("0", _ANY_NAME.sub("0", url)).replace("%2B", "").replace("%2b", "")
    path, _, query = plain.partition("?")
    return f"{path}?{'&'.join(sorted(query.split('&')))}"


def _month(url: str) -> int | None:
    if (found := _DATE.search(url)) is not None:
        return int(found[1]) * _MONTHS + int(found[2] or found[3])
    if (found := _WEEK.search(url)) is not None:
        return _of_week(int(found[1]), int(found[2]))
    found = _MONTH_FIRST.search(url)
    return None if found is None else int(found[2]) * _MONTHS + int(found[1])


def _month_by_name(url: str) -> int | None:
    if (found := _YEAR_NAME.search(url)) is not None:
        year, name = found[1], found[2]
    elif (found := _NAME_YEAR.search(url)) is not None:
        name, year = found[1], found[2]
    else:
        return None
    return int(year) * _MONTHS + 1 + _NAMES.index(name[:3].lower())


def _month_by_parameters(url: str) -> int | None:
    year = _YEAR_PARAMETER.search(url)
    if year is not None:
        if (month := _MONTH_PARAMETER.search(url)) is not None:
            return int(year[1]) * _MONTHS + int(month[1])
        week = _WEEK_PARAMETER.search(url)
        return _of_week(int(year[1]), 1 if week is None else int(week[1]))
    if (time := _TIME.search(url)) is not None:
        return _EPOCH + int(time[1][:_SECONDS_DIGITS]) // _MONTH_S
    alone = _CALENDAR_YEAR.search(url)
    return None if alone is None else int(alone[1]) * _MONTHS + 1


def _month_by_steps(url: str, today: int) -> int | None:
    """A number of months, weeks or days that is none of a year counts from today."""
    found = _STEPS.search(url)
    if found is None:
        return None
    unit, sign, number = found[1].lower(), found[2], int(found[3])
    most, days = {"month": (_MONTHS, 30), "week": (_WEEKS, 7), "day": (_DAYS, 1)}[unit]
    if number <= most and not sign:
        return None
    months = number if unit == "month" else number * days // 30
    return today - months if sign == "-" else today + months


def _of_week(year: int, week: int) -> int:
    return year * _MONTHS + 1 + min(week - 1, _WEEKS - 2) * _MONTHS // (_WEEKS - 1)
