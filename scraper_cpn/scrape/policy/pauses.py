"""Pauses and back-off, which domains, proxies and URLs have in the same way.

Owns: how long a pause is, how it grows with refusals. All jitter is a hash of the seed.
Must not know: what is paused.
"""

from hashlib import blake2b

from scraper_cpn.scrape.colours import Domain, Proxy
from scraper_cpn.scrape.settings import Settings

MARGIN_MAX_NS = 5_000_000
"""How much longer than asked the pause between two starts is, at most: a start is stamped when its request
is written, and the way from there to the server's clock takes a little less or more each time."""


def gap_after(delay_ns: int) -> int:
    """The pause from one start to the next, of a delay (nanoseconds): 1 % longer, within the margin."""
    return delay_ns + min(delay_ns // 100, MARGIN_MAX_NS)


def backoff_ns(settings: Settings, count: int, what: str) -> int:
    """How long *what* rests after its failure number *count* (from 1), in nanoseconds.

    It doubles with each failure, up to `backoff_max_ns`; jitter in [1/2, 1] keeps crawls from moving in step.
    """
    full = min(settings.backoff_ns << min(count - 1, 40), settings.backoff_max_ns)
    digest = blake2b(f"{settings.seed} {what} {count}".encode(), digest_size=4).digest()
    return full // 2 + (full - full // 2) * int.from_bytes(digest, "big") // 0xFFFFFFFF


def strikes_after(token: Domain | Proxy, at_once: int) -> int:
    """The strikes of a token after one more refusal; *at_once* requests may run at a time.

    Refusals of requests that ran together are one incident. It continues the series if no more requests
    have started since the last one than may run at a time; otherwise one of them was answered,
    and the series begins anew.
    """
    if token.strikes and token.calm == 0:
        return token.strikes
    return 1 if token.calm > at_once else token.strikes + 1
