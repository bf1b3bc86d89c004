"""A jar of cookies: what is kept, and which of it goes to a URL.

Owns: RFC 6265bis sections 5.5, 5.7 and 5.8 with the public suffix list, and the limits on number and size.
Must not know: HTTP libraries, who asks, clocks.

Three libraries were measured, and none can be used: `aiohttp.CookieJar`, `http.cookiejar` and the store of reqwest (in Rust)
all take `Domain=co.uk` from a.co.uk and send it to b.co.uk, `__Host-` with a Domain, `Secure` by plain
HTTP, and any number of cookies. aiohttp rewrites values (`{"a":1}` gets quotes and escapes), http.cookiejar takes 38 ms
for a header among 5,000 hosts.
"""

from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from itertools import count
from typing import Any

from msgspec import Struct

from scraper_cpn.scrape.addresses import is_address, not_public
from scraper_cpn.scrape.fetch.cookies import INVALID, FileCookie, Offered, offered
from scraper_cpn.scrape.request import SAFE
from scraper_cpn.scrape.settings import SECOND
from scraper_cpn.scrape.urls import domain_of, host_of, is_suffix, root_of

SITE_COOKIES_MAX = 180
"""Of one site, as in Chromium; RFC 6265bis section 6.1 asks for 50 at least."""
JAR_COOKIES_MAX = 50_000
"""Of all sites; RFC 6265bis section 6.1 asks for 3,000 at least."""
JAR_CHARS_MAX = 16_000_000
"""Of all names, values and paths."""
_AGE_MAX_NS = 400 * 86_400 * SECOND
"""RFC 6265bis section 5.5: no cookie is kept longer."""

FOREIGN = "for another site"
SUFFIX = "for a public suffix"
INSECURE = "against the rules for secure cookies"
NO_ROOM = "no room"
EXPIRED = "expired"

_Key = tuple[str, str, bool, str]
"""Name, domain, whether for that host alone, path."""


class _Cookie(Struct, gc=False):
    value: str
    secure: bool
    same_site: str
    expires_ns: int | None
    number: int
    """Lower for those that were made before."""
    used_ns: int


class Jar:
    """The cookies of one session.

    Attributes:
        dropped: how many cookies were not kept, by reason.

    Times are UTC in nanoseconds since 1970. Cost: a microsecond for each cookie of the site.
    """

    def __init__(self) -> None:
        self._sites: OrderedDict[str, dict[_Key, _Cookie]] = OrderedDict()
        """By site, that was used last at the end."""
        self._cookies = self._chars = 0
        self._next = count().__next__
        self.dropped = Counter[str]()

    def __len__(self) -> int:
        return self._cookies

    def kept(self) -> list[tuple[Any, ...]]:
        """Return all cookies, to be written down; their texts are bytes, since they may have any."""
        return [
            (_bytes(name), domain, alone, _bytes(path), _bytes(each.value), *_other(each))
            for cookies in self._sites.values()
            for (name, domain, alone, path), each in sorted(
                cookies.items(), key=lambda pair: pair[1].number
            )
        ]

    def restore(self, kept: Iterable[Sequence[Any]], now_ns: int) -> None:
        """Put back what `kept` has returned in another process."""
        for name, domain, alone, path, value, secure, same_site, expires_ns in kept:
            if expires_ns is None or expires_ns > now_ns:
                key = (_text(name), domain, alone, _text(path))
                self._keep(key, _text(value), secure, same_site, expires_ns, now_ns)

    def take(self, url: str, headers: Iterable[str], now_ns: int) -> None:
        """Keep what the Set-Cookie headers of the answer to a URL (normalised) offer."""
        for header in headers:
            found = offered(header)
            why = found if isinstance(found, str) else self._take(url, found, now_ns)
            if why:
                self.dropped[why] += 1

    def put(self, line: FileCookie, now_ns: int) -> None:
        """Keep a cookie of the user."""
        if line.subdomains and is_suffix(line.host):
            self.dropped[SUFFIX] += 1
        elif line.expires_ns is not None and line.expires_ns <= now_ns:
            self.dropped[EXPIRED] += 1
        else:
            key = (line.name, line.host, not line.subdomains, line.path)
            end_ns = _at_most(line.expires_ns, now_ns)
            self._keep(key, line.value, line.secure, "", end_ns, now_ns)

    def header(
        self, url: str, now_ns: int, *, method: str = "GET", initiator: str | None = None
    ) -> str:
        """Return the Cookie header for a request; empty for none.

        *initiator* is the page that led to it. A cookie that is `SameSite=Strict` does not go where another site leads,
        and one that is `Lax` only with a safe method.
        """
        site = site_of(url)
        kept = self._sites.get(site)
        if not kept:
            return ""
        self._sites.move_to_end(site)
        crosses = initiator is not None and site_of(initiator) != site
        host, path, secure = host_of(url), _path_of(url), is_secure(url)
        found = list[tuple[int, int, str, _Cookie]]()
        for (name, domain, alone, where), cookie in list(kept.items()):
            if cookie.expires_ns is not None and cookie.expires_ns <= now_ns:
                self._drop(kept, (name, domain, alone, where))
            elif (
                (host == domain or not (alone or not host.endswith(f".{domain}")))
                and _path_matches(path, where)
                and (secure or not cookie.secure)
                and not (crosses and _is_withheld(cookie.same_site, method))
            ):
                found.append((-len(where), cookie.number, name, cookie))
        if not kept:
            del self._sites[site]
        found.sort(key=lambda each: each[:2])
        for *_, cookie in found:
            cookie.used_ns = now_ns
        return "; ".join(f"{name}={each.value}" if name else each.value for *_, name, each in found)

    def _take(self, url: str, found: Offered, now_ns: int) -> str:
        """Keep a cookie, or return why not (RFC 6265bis section 5.7)."""
        host, secure = host_of(url), is_secure(url)
        domain = found.domain
        if domain and is_suffix(domain):
            if domain != host:
                return SUFFIX
            domain = ""
        if domain and host != domain and (is_address(host) or not _is_below(host, domain)):
            return FOREIGN
        path = found.path or _folder_of(url)
        key = (found.name, domain or host, not domain, path)
        if why := self._objection(found, key, secure=secure):
            return why
        expires_ns = _end_ns(found, now_ns)
        if expires_ns is not None and expires_ns <= now_ns:
            kept = self._sites.get(site_of(url), {})
            if key in kept:
                self._drop(kept, key)
            return ""
        self._keep(key, found.value, found.secure, found.same_site, expires_ns, now_ns)
        return ""

    def _objection(self, found: Offered, key: _Key, *, secure: bool) -> str:
        if not found.name and found.value.lower().startswith(("__secure-", "__host-")):
            return INVALID
        if found.secure and not secure:
            return INSECURE
        if not found.secure and (found.same_site == "none" or _has_prefix(found.name, "__secure-")):
            return INSECURE
        if _has_prefix(found.name, "__host-") and not (
            found.secure and not found.domain and found.path == "/"
        ):
            return INSECURE
        return INSECURE if not secure and self._overlays(key) else ""

    def _overlays(self, new: _Key) -> bool:
        """Whether a cookie would hide a secure one, although it came by plain HTTP."""
        name, domain, _, path = new
        kept = self._sites.get(_site_of_host(domain), {})
        return any(
            cookie.secure
            and other == name
            and (_is_below(domain, place) or _is_below(place, domain))
            and _path_matches(path, where)
            for (other, place, _, where), cookie in kept.items()
        )

    def _keep(
        self,
        key: _Key,
        value: str,
        secure: bool,
        same_site: str,
        expires_ns: int | None,
        now_ns: int,
    ) -> None:
        site = _site_of_host(key[1])
        kept = self._sites.setdefault(site, {})
        self._sites.move_to_end(site)
        before = kept.get(key)
        if before is not None:
            self._drop(kept, key)
        elif len(kept) >= SITE_COOKIES_MAX:
            self._make_room(kept, now_ns)
        number = self._next() if before is None else before.number
        kept[key] = _Cookie(value, secure, same_site, expires_ns, number, now_ns)
        self._cookies += 1
        self._chars += _chars(key, value)
        while (self._cookies > JAR_COOKIES_MAX or self._chars > JAR_CHARS_MAX) and len(
            self._sites
        ) > 1:
            self._forget_a_site()

    def _make_room(self, kept: dict[_Key, _Cookie], now_ns: int) -> None:
        """Drop what has expired, or else one cookie: not a secure one if possible, used longest ago."""
        over = [
            key
            for key, each in kept.items()
            if each.expires_ns is not None and each.expires_ns <= now_ns
        ]
        for key in over:
            self._drop(kept, key)
        if not over:
            self._drop(kept, min(kept, key=lambda key: (kept[key].secure, kept[key].used_ns)))
            self.dropped[NO_ROOM] += 1

    def _forget_a_site(self) -> None:
        kept = self._sites.pop(next(iter(self._sites)))
        self.dropped[NO_ROOM] += len(kept)
        for key in list(kept):
            self._drop(kept, key)

    def _drop(self, kept: dict[_Key, _Cookie], key: _Key) -> None:
        self._cookies -= 1
        self._chars -= _chars(key, kept.pop(key).value)


def _chars(key: _Key, value: str) -> int:
    name, _, _, path = key
    return len(name) + len(value) + len(path)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _text(kept: bytes) -> str:
    return kept.decode("utf-8", "surrogateescape")


def _other(cookie: _Cookie) -> tuple[bool, str, int | None]:
    return cookie.secure, cookie.same_site, cookie.expires_ns


def site_of(url: str) -> str:
    """Return the site of a URL: its registrable domain, or its host where it has none."""
    return domain_of(url, "domain")


def is_secure(url: str) -> bool:
    """Return whether a request is protected from eavesdropping: https, or this machine, as in browsers."""
    if url.startswith("https:"):
        return True
    host = host_of(url)
    return host == "localhost" or host.endswith(".localhost") or not_public(host) == "loopback"


def _site_of_host(host: str) -> str:
    return domain_of(f"http://{host}/", "domain")


def _end_ns(found: Offered, now_ns: int) -> int | None:
    if found.max_age_s is not None:
        end_ns = now_ns + found.max_age_s * SECOND
    elif found.expires_s is not None:
        end_ns = found.expires_s * SECOND
    else:
        return None
    return _at_most(end_ns, now_ns)


def _at_most(end_ns: int | None, now_ns: int) -> int | None:
    return None if end_ns is None else min(end_ns, now_ns + _AGE_MAX_NS)


def _has_prefix(name: str, prefix: str) -> bool:
    return name.lower().startswith(prefix)


def _is_withheld(same_site: str, method: str) -> bool:
    return same_site == "strict" or (same_site == "lax" and method not in SAFE)


def _is_below(host: str, domain: str) -> bool:
    """Whether a host is a domain or inside of it (RFC 6265bis section 5.1.3)."""
    return host == domain or host.endswith(f".{domain}")


def _path_of(url: str) -> str:
    return url[len(root_of(url)) :].partition("?")[0]


def _folder_of(url: str) -> str:
    """Return the default path of a cookie (RFC 6265bis section 5.1.4)."""
    return _path_of(url).rpartition("/")[0] or "/"


def _path_matches(path: str, where: str) -> bool:
    """RFC 6265bis section 5.1.4."""
    return path.startswith(where) and (
        len(path) == len(where) or where.endswith("/") or path[len(where)] == "/"
    )
