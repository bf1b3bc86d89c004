"""What a robots.txt allows, and how fast (RFC 9309).

Owns: whether rules allow a URL, Crawl-delay, the rules of an origin whose robots.txt can't be read.
Must not know: HTTP, sockets, clocks, the net.
"""

import re
from functools import lru_cache

from protego import Protego

from scraper_cpn.scrape.colours import Rules
from scraper_cpn.scrape.settings import SECOND

WAIT_MAX_NS = 86_400 * SECOND
"""A day. A longer Retry-After or Crawl-delay counts as this: it is a mistake, or a way to say no."""
_DISALLOW_ALL = "User-agent: *\nDisallow: /\n"
_AGENT_LINE = re.compile(r"\s*user(?:-|\s*)agent(?:\s*:|\s)([^#]*)", re.IGNORECASE)


def unreachable_rules(origin: str, why: str, home: str = "", kind: str = "") -> Rules:
    """Return the rules of an origin whose robots.txt can't be had: keep away from all of it.

    *kind* is that of the failure. A refused address is the reason for all URLs of its origin alike.
    """
    if kind == "address":
        return Rules(origin, _DISALLOW_ALL, reason=why, kind=kind, home=home)
    reason = f"robots.txt could not be fetched, which forbids all (RFC 9309): {why}"
    return Rules(origin, _DISALLOW_ALL, reason=reason, kind="unreachable", home=home)


def too_many_hops_rules(origin: str, home: str = "") -> Rules:
    """Return the rules of an origin whose robots.txt is behind too many redirects: none.

    RFC 9309 section 2.3.1.2 lets it count as unavailable.
    """
    return Rules(origin, "", home=home)


def allowed(rules_text: str, user_agent: str, url: str) -> bool:
    """Return whether a robots.txt lets *user_agent* fetch *url*; robots.txt itself always.

    Costs about 10 microseconds, and the parsing of the rules if they are not among those used last.
    """
    return not rules_text or _protego(rules_text, product_token(user_agent)).can_fetch(
        url, product_token(user_agent)
    )


def crawl_delay_ns(rules_text: str, user_agent: str) -> int | None:
    """Return the Crawl-delay for *user_agent*, at most `WAIT_MAX_NS`; None if there is none."""
    token = product_token(user_agent)
    seconds = _protego(rules_text, token).crawl_delay(token)
    return int(min(seconds * SECOND, WAIT_MAX_NS)) if seconds else None


@lru_cache(16)
def product_token(user_agent: str) -> str:
    """Return the name that robots.txt knows a crawler by: up to the first `/` or space."""
    return re.split(r"[/\s]", user_agent, maxsplit=1)[0]


@lru_cache(256)
def _protego(rules_text: str, token: str) -> Protego:
    return Protego.parse("\n".join(_for_agent(line, token) for line in rules_text.splitlines()))


def _for_agent(line: str, token: str) -> str:
    """Name the agents of a line `*`, *token* or another.

    An agent is meant when its product token is named in full (RFC 9309 section 2.2.1); to Protego a
    prefix is enough. And Protego keeps every rule once for each agent it is said to, so that 500
    KiB of agents and rules would take gigabytes.
    """
    found = _AGENT_LINE.match(line)
    name = found[1].strip() if found else ""
    if name in ("", "*"):
        return line
    ours = product_token(name.replace("*", "")).lower() == token.lower()
    return f"User-agent: {token if ours else '-other-'}"
