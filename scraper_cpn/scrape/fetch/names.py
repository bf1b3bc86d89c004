"""Looking up the addresses of hosts, and how long they hold.

Owns: who is asked: aiodns where it is installed (the extra `dns`), which says how long an address holds, or else the system.
Must not know: which address is used, which are permitted.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

from scraper_cpn.scrape.fetch.choose import is_here
from scraper_cpn.scrape.settings import SECOND

if TYPE_CHECKING:
    import aiodns
    from aiohttp.abc import AbstractResolver


class Names:
    """Looks names up.

    Args:
        resolver: is asked instead, and stays its owner's to close.
    """

    def __init__(self, resolver: AbstractResolver | None = None) -> None:
        self._resolver = resolver
        self._server: aiodns.DNSResolver | None = None
        self._looked_for = False

    async def addresses(self, host: str) -> tuple[list[str], int | None]:
        """Return the addresses of a name, and for how many nanoseconds they hold; None if nobody says.

        Raises `OSError` or `UnicodeError` for a name that has none.
        """
        if self._server is None and self._resolver is None and not self._looked_for:
            self._looked_for = True
            self._server = _server()
        if self._server is not None:
            return await _asked(self._server, host)
        return await self.by_system(host), None

    async def by_system(self, host: str) -> list[str]:
        """Return the addresses of a name. Raises as `addresses`."""
        if self._resolver is not None:
            found = await self._resolver.resolve(host, 0, socket.AF_UNSPEC)
            return [each["host"] for each in found]
        loop = asyncio.get_running_loop()
        rows = await loop.getaddrinfo(host, None, type=socket.SOCK_STREAM)
        return [str(address[0]) for *_, address in rows]

    async def close(self) -> None:
        """End what is under way."""
        if self._server is not None:
            await self._server.close()


def _server() -> aiodns.DNSResolver | None:
    """What asks name servers itself, where it is installed."""
    if not is_here("aiodns"):
        return None
    import aiodns  # an extra

    return aiodns.DNSResolver()


async def _asked(server: aiodns.DNSResolver, host: str) -> tuple[list[str], int]:
    """The addresses of a name, and for how many nanoseconds they hold; 0 for a name of the file of hosts."""
    from aiodns.error import DNSError

    try:
        found = await server.getaddrinfo(host, type=socket.SOCK_STREAM)
    except DNSError as error:
        raise OSError(*error.args) from None
    least_s = min((node.ttl for node in found.nodes), default=0)
    return [node.addr[0].decode() for node in found.nodes], least_s * SECOND
