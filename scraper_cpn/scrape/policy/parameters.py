"""Parameters of URLs that do not change the page: what is requested lacks them, so that no page is fetched twice.

Owns: the lists of parameters for tracking and for sessions, and taking them out of URLs.
Must not know: the net, where a URL comes from.
"""

from __future__ import annotations

import re
from functools import cached_property

from msgspec import Struct

TRACKING = (
    "utm_*", "pk_campaign", "pk_cid", "pk_content", "pk_keyword", "pk_kwd", "pk_medium", "pk_source", "mtm_*",
    "matomo_*", "piwik_*", "hsa_*", "gclid", "gclsrc", "dclid", "gbraid", "wbraid",
    "gad_source", "gad_campaignid", "srsltid", "_ga", "_gl", "fbclid", "msclkid", "yclid", "ysclid", "twclid", "ttclid",
    "li_fat_id", "igsh", "igshid", "epik", "rdt_cid", "mc_cid", "mc_eid", "_hsenc", "_hsmi", "__hssc", "__hstc",
    "__hsfp", "hsctatracking", "mkt_tok", "vero_id", "vero_conv", "oly_anon_id", "oly_enc_id", "_openstat",
    "ml_subscriber", "ml_subscriber_hash", "_branch_match_id",
)  # fmt: skip
"""They tell where a visitor came from: those that browsers and ad blockers remove."""
SESSION = ("phpsessid", "jsessionid", "aspsessionid*", "cftoken", "oscsid", "zenid")
"""They name a visit."""

_SESSION_VALUE = r"(?:sid|sess|session|sessid|sessionid|session_id)=[0-9a-z]{32,64}"
"""These names also mean other things (the id of a story), with short values. `s` is none of them: such a value of it may
be a signature, without which a server refuses the URL."""
_BEFORE_TOKEN = re.compile(r"(?<![^&])cfid=[^&]*&(?=cftoken=)", re.IGNORECASE)
"""ColdFusion names a visit by both; Heritrix removes them together, too. Alone, it may be the id of anything."""
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/?;]*|/\([sa]\([0-9a-z]{24}\)\)(?=/)", re.IGNORECASE)
"""Of Java (Servlet specification, URL rewriting) and of ASP.NET."""
LISTS = {"tracking": TRACKING, "session": SESSION}
"""The lists by name."""


class Parameters(Struct, frozen=True, dict=True):
    """Takes parameters out of URLs.

    Attributes:
        strip: names of lists and of parameters; a `*` at the end stands for anything. Case does not matter.
        sort: whether the others are sorted by name.
    """

    strip: tuple[str, ...] = ()
    sort: bool = False

    def of(self, url: str) -> str:
        """Return a URL (normalised) without these parameters. Doing it twice changes nothing."""
        if (";" in url or "/(" in url) and self._sessions:
            path, mark, rest = url.partition("?")
            url = f"{_SESSION_IN_PATH.sub('', path)}{mark}{rest}"
        if "?" not in url or not (self.sort or self._some.search(url)):
            return url
        path, _, query = url.partition("?")
        query = _BEFORE_TOKEN.sub("", query) if self._sessions else query
        before = query.split("&")
        after = [pair for pair in before if not self._pair.fullmatch(pair)]
        if self.sort:
            after.sort(key=_name)
        if after == before:
            return url
        return f"{path}?{'&'.join(after)}" if any(after) else path

    @cached_property
    def _sessions(self) -> bool:
        return "session" in self.strip

    @cached_property
    def _pair(self) -> re.Pattern[str]:
        """The pattern that removes a name and its value."""
        names = [one for each in self.strip for one in LISTS.get(each, (each,))]
        either = "|".join(re.escape(name).replace(r"\*", "[^=&]*") for name in names)
        session = f"|{_SESSION_VALUE}" if self._sessions else ""
        listed = f"(?:{either})(?:=[^&]*)?" if names else "(?!)"
        return re.compile(listed + session, re.IGNORECASE)

    @cached_property
    def _some(self) -> re.Pattern[str]:
        """Where anything is left out: most URLs have nothing of the kind."""
        return re.compile(rf"[?&](?:{self._pair.pattern})(?![^&])", re.IGNORECASE)


def _name(pair: str) -> str:
    return pair.partition("=")[0]
