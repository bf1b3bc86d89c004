"""The keys that requests are judged by: pacing domain and origin.

Owns: what a pacing domain is, decided here and not by the code under judgement.
Must not know: what is judged.
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal
from urllib.parse import urlsplit

from publicsuffixlist import PublicSuffixList

from mocks.referee.expect import Seen
from mocks.wirelog import Request

_SUFFIXES = PublicSuffixList()


def in_order(log: Iterable[Request], limit_by: Literal["domain", "host"]) -> list[Seen]:
    """The requests by start, with their keys."""
    seen = [
        Seen(line, request, *_keys(*_split(request.url), limit_by))
        for line, request in enumerate(log)
    ]
    return sorted(seen, key=lambda s: (s.start_ns, s.line))


def _split(url: str) -> tuple[str, str]:
    """Authority and target of a URL; a CONNECT has an origin alone."""
    scheme, separator, rest = url.partition("://")
    if not separator:
        scheme, rest = "https", url
    end = next((k for k, char in enumerate(rest) if char in "/?#"), len(rest))
    return f"{scheme}://{rest[:end]}", rest[end:]


def _keys(origin: str, target: str, limit_by: Literal["domain", "host"]) -> tuple[str, str, str]:
    return pacing_domain(origin, limit_by), origin, target


@lru_cache(maxsize=65_536)
def pacing_domain(origin: str, limit_by: Literal["domain", "host"]) -> str:
    """The registrable domain or host of `scheme://host:port`; an address is its own domain."""
    host = urlsplit(origin).hostname or ""
    if limit_by == "host" or ":" in host or host.replace(".", "").isdigit():
        return host
    return _SUFFIXES.privatesuffix(host) or host
