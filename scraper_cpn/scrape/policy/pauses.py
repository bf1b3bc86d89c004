"""Pauses and back-off, shared by domains, proxies and URLs.

Owns: how long a pause is, how it grows with refusals. All jitter is a hash of the seed.
Must not know: what is paused.
"""

from hashlib import blake2b

from scraper_cpn.scrape.colours import Domain, Proxy
from scraper_cpn.scrape.settings import SECOND, Settings

MARGIN_MAX_NS = 5_000_000
"""The most by which the pause between two starts exceeds the delay. A start is stamped when its request is
written, and the time from there to the server's clock varies a little."""
_LATE_NS = 2 * SECOND
"""So late a busy crawl may notice that a request has taken its whole time."""


def gap_after(delay_ns: int) -> int:
    """The pause from one start to the next for a delay (nanoseconds): 1 % longer, at most by the margin."""
    return delay_ns + min(delay_ns // 100, MARGIN_MAX_NS)


def settled_ns(settings: Settings) -> int:
    """How long after its start a request has ended for certain, and is known to have done so: a little over its timeout."""
    return settings.timeout_ns + _LATE_NS


def backoff_ns(settings: Settings, count: int, what: str) -> int:
    """The back-off of *what* after its failure number *count* (from 1), in nanoseconds.

    It doubles with each failure, up to `backoff_max_ns`; jitter in [1/2, 1] keeps crawls from moving in step.
    """
    full = min(settings.backoff_ns << min(count - 1, 40), settings.backoff_max_ns)
    digest = blake2b(f"{settings.seed} {what} {count}".encode(), digest_size=4).digest()
    return full // 2 + (full - full // 2) * int.from_bytes(digest, "big") // 0xFFFFFFFF


def strikes_after(token: Domain | Proxy, at_once: int) -> int:
    """The strikes of a token after one more refusal, if *at_once* requests may run at a time.

    Refusals of requests that ran together are one incident. The incident continues the series if at most
    *at_once* requests have started since the last strike; otherwise one of them was answered, and the
    series begins anew.
    """
    if token.strikes and token.calm == 0:
        return token.strikes
    return 1 if token.calm > at_once else token.strikes + 1
