"""The user's rules for HTTP statuses.

Owns: the table of `Settings.statuses`, and which statuses ask for a pause.
Must not know: answers, pages, the spelling of options.
"""

from collections.abc import Iterable, Mapping

from scraper_cpn.scrape.settings import StatusRule

PAUSES = frozenset({420, 429, 503})
"""They ask for a pause, whatever the user says."""
NO_TABLE: Mapping[int, str] = {}
"""Statuses mean what they usually do."""


def table_of(rules: Iterable[StatusRule]) -> dict[int, str]:
    """Return for each status what the user says that it is; see `StatusRule`."""
    return {
        status: rule.what
        for rule in rules
        for status in range(rule.first, rule.last + 1)
        if status not in PAUSES
    }


def pages_of(rules: Iterable[StatusRule]) -> frozenset[int]:
    """Return the statuses that the user takes for pages."""
    return frozenset(status for status, what in table_of(rules).items() if what == "page")
