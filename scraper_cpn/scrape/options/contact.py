"""The contact in the user agent, by which the operator of a site can reach the person who crawls.

Owns: reading and formatting the contact, and the message if it is missing.
Must not know: how a command line is parsed, HTTP.
"""

import re
from collections.abc import Iterable

from scraper_cpn.scrape.addresses import not_public
from scraper_cpn.scrape.colours import Link, url_of
from scraper_cpn.scrape.options.values import text
from scraper_cpn.scrape.redact import shown
from scraper_cpn.scrape.settings import Settings
from scraper_cpn.scrape.urls import host_of, normalise

_MAIL = re.compile(r"[!#$%&'*+/=?^_`{|}~0-9A-Za-z.-]+@(?:[0-9A-Za-z-]+\.)+[0-9A-Za-z-]+")
"""The pattern of HTML's input for mail, with a domain of at least two labels."""
_ANY_CONTACT = re.compile(r"https?://|mailto:|@[\w-]+\.", re.IGNORECASE)


def contact(value: object) -> str:
    """Read a URL or a mail address, and return a URL for the user agent (mailto: for mail)."""
    source = text(value)
    mail = source.removeprefix("mailto:")
    if _MAIL.fullmatch(mail):
        return f"mailto:{mail}"
    url = normalise(source) if source.startswith(("http://", "https://")) else None
    if url is None or "@" in source.partition("://")[2].partition("/")[0]:
        raise ValueError(
            f"{shown(value)} is neither a URL nor a mail address; give one such as https://example.org/bot"
        )
    return url


def missing_contact(settings: Settings, seeds: Iterable[str | Link]) -> str | None:
    """Return the message for a crawl that leaves this machine without a contact; None for all others."""
    if settings.contact is not None or _ANY_CONTACT.search(settings.user_agent):
        return None
    hosts = {host_of(url_of(seed)) for seed in seeds}
    if all(not_public(host) == "loopback" or host == "localhost" for host in hosts):
        return None
    return (
        f"the user agent {settings.user_agent} doesn't say who you are; name a web page or a mail address with "
        "--contact URL-or-mail, so that operators of sites can reach you"
    )
