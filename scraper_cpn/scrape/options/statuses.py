"""The option for HTTP statuses: `404=page`, `5xx=fail`, `520-529=retry`.

Owns: its spelling, and which statuses can't be changed.
Must not know: what is done with an answer.
"""

import re

from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import StatusRule
from scraper_cpn.scrape.statuses import PAUSES

WHAT = ("page", "fail", "retry")
_RULE = re.compile(
    r"\s*([1-5])(\d\d|xx)(?:\s*-\s*(\d{3}))?\s*=\s*(\w+)\s*", re.ASCII | re.IGNORECASE
)
_ALLOWED = f"a rule is STATUS=WHAT, such as 404=page, 5xx=fail or 520-529=retry; what is one of {', '.join(WHAT)}"


def status_rule(value: object) -> StatusRule:
    """Read a rule about statuses. Raises `ValueError`."""
    found = _RULE.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[4].lower() not in WHAT or (found[3] and found[2].lower() == "xx"):
        raise ValueError(f"{shown(value)} is not allowed; {_ALLOWED}")
    hundred, rest, end, what = found.groups()
    is_class = rest.lower() == "xx"
    first = int(hundred) * 100 if is_class else int(hundred + rest)
    last = first + 99 if is_class else int(end or first)
    if not (200 <= first <= last <= 599) or (first < 400 and last >= 300):
        raise ValueError(
            f"{shown(value)} is not allowed; give statuses of 200 to 299 or 400 to 599"
        )
    if first == last and first in PAUSES:
        raise ValueError(f"{shown(value)} is not allowed; {first} asks for a pause, and is retried")
    return StatusRule(first, last, what.lower())


def status_text(rule: StatusRule) -> str:
    """Return a rule in a user's spelling."""
    last = "" if rule.first == rule.last else f"-{rule.last}"
    return f"{rule.first}{last}={rule.what}"
