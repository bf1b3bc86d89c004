"""Where requests may go, and where the user's headers go with them.

Owns: which hosts are refused because they are not of the public Internet, by their spelling and after DNS,
and why; which origins get `Settings.headers`.
Must not know: HTTP, what an answer means, the net.

A page of the web must not steer the crawler into the network that it runs in: to a router, a database, or
the metadata of a cloud with its credentials. A host that the user named as a seed is exempt, and that host
alone.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from scraper_cpn.scrape.addresses import is_address, not_public
from scraper_cpn.scrape.colours import Address, Failed, HostName
from scraper_cpn.scrape.fetch.names import Names
from scraper_cpn.scrape.policy.addresses import found, in_order
from scraper_cpn.scrape.urls import domain_of, host_of, origin_of

if TYPE_CHECKING:
    from aiohttp.abc import AbstractResolver

LOOKUP_S = 2.0
"""The time limit of a lookup in seconds; after it, the connection's own lookup decides."""
REMEMBERED_S = 60.0
REMEMBERED_MAX = 16_384


class Destinations:
    """Decides which hosts requests may go to.

    Args:
        seeds: the URLs that the user named, normalised.
        allow_private: whether every address is permitted.
        resolver: looks names up instead of the system, and stays its owner's to close.
        monotonic_s: tells how old a lookup is.
    """

    def __init__(
        self,
        seeds: Iterable[str],
        *,
        allow_private: bool = False,
        resolver: "AbstractResolver | None" = None,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._origins = set[str]()
        self._hosts = set[str]()
        self.permit(seeds)
        self._allow_private = allow_private
        self._names = Names(resolver)
        self._monotonic_s = monotonic_s
        self._known: OrderedDict[str, tuple[float, Failed | None]] = OrderedDict()
        """What the lookups of hosts came to, and until when that holds; the latest is the last."""

    def permit(self, seeds: Iterable[str]) -> None:
        """Treat more URLs as seeds."""
        origins = set(map(origin_of, seeds))
        self._origins.update(alias for each in origins for alias in aliases(each))
        self._hosts.update(map(host_of, origins))

    def is_own(self, url: str) -> bool:
        """Return whether the user's headers go to a URL: its origin is that of a seed, or an alias of it.

        A header may hold a secret. Another port, another subdomain, another site that a seed redirects to and
        http instead of https are not given it.
        """
        return origin_of(url) in self._origins

    def is_exempt(self, host: str) -> bool:
        """Return whether a host may have any address."""
        return self._allow_private or host in self._hosts

    def refusal(self, host: str) -> Failed | None:
        """Return the failure of a request to a host that by its spelling alone is not public, or None."""
        return None if self.is_exempt(host) else not_public_failure(not_public(host))

    async def looked_up(self, host: str) -> Failed | None:
        """Return the failure of a request to a name that has an address that is not public, or None.

        This is for connections that are made elsewhere: by a proxy, or by a client whose own lookup can't be
        watched. They look the name up again, and its owner may give them another answer then. A name
        that is not found here, or not within `LOOKUP_S`, is left to them.
        """
        if self.is_exempt(host) or is_address(host):
            return None
        now_s = self._monotonic_s()
        until_s, failure = self._known.get(host, (now_s, None))
        if now_s < until_s:
            return failure
        kinds = [not_public(address) for address in await self._addresses(host)]
        failure = not_public_failure(next(filter(None, kinds), ""))
        self._remember(host, now_s + REMEMBERED_S, failure)
        return failure

    def _remember(self, host: str, until_s: float, failure: Failed | None) -> None:
        self._known[host] = (until_s, failure)
        self._known.move_to_end(host)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)

    async def _addresses(self, host: str) -> list[str]:
        try:
            async with asyncio.timeout(LOOKUP_S):
                return await self._names.by_system(host)
        except (OSError, UnicodeError):  # TimeoutError and gaierror are kinds of OSError
            return []

    async def address(self, name: HostName, timeout_s: float) -> Address:
        """Return the address by which a host counts and to which it is connected: a public one, if it has any.

        Raises nothing: a name that is not found within *timeout_s* has no address.
        """
        bare, lasts_ns = name.host.strip("[]"), None
        ips = [bare]
        if not is_address(bare):
            try:
                async with asyncio.timeout(timeout_s):
                    ips, lasts_ns = await self._names.addresses(bare)
            except (OSError, UnicodeError):
                ips = []
        known = in_order(ips)
        public = known if self.is_exempt(name.host) else [ip for ip in known if not not_public(ip)]
        return found(name, public or known, lasts_ns)

    async def close(self) -> None:
        """End the lookups that are under way."""
        await self._names.close()


def aliases(origin: str) -> set[str]:
    """Return the origins that are one site with an origin: with and without `www.`, and https instead of http.

    An origin with a port of its own has no alias, and neither have hosts without a registrable domain.
    """
    scheme, _, netloc = origin.partition("://")
    host, _, port = netloc.rpartition(":")
    if (scheme, port) not in (("http", "80"), ("https", "443")):
        return {origin}
    other = host.removeprefix("www.") if host.startswith("www.") else f"www.{host}"
    same = domain_of(origin, "domain") == domain_of(f"{scheme}://{other}", "domain")
    hosts = (host, other) if same else (host,)
    secure = {f"https://{name}:443" for name in hosts}
    return secure if scheme == "https" else secure | {f"http://{name}:80" for name in hosts}


def not_public_failure(kind: str) -> Failed | None:
    """Return the failure of a request to a kind of host that `not_public` names; None for a public one."""
    if not kind:
        return None
    reason = f"the address is not public ({kind}); --allow-private permits it"
    return Failed("address", reason, retry=False)
