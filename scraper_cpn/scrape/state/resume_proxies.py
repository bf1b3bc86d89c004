"""Proxies when a crawl is resumed.

Owns: those given now, each with the requests that it has carried and its remaining wait.
Must not know: which requests go through them.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from scraper_cpn.net.marking import Standing
from scraper_cpn.scrape.colours import Proxy
from scraper_cpn.scrape.net import ScrapeNet
from scraper_cpn.scrape.opening import direct
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.proxies import copies_of
from scraper_cpn.scrape.state.resume_limits import waits_out
from scraper_cpn.store.edit import Edit

Others = Mapping[str, Standing]
"""The pacing tokens of other runs of the same state, by the name of the domain or proxy."""


def put_proxies(
    edit: Edit,
    tokens: list[Standing],
    before: Policy,
    net: ScrapeNet,
    last_ns: int,
    others: Others,
) -> None:
    """Put the proxies given now, each with the requests it has carried and its remaining wait."""
    settings = net.policy.settings
    known = {proxy.proxy: proxy for proxy in before.settings.proxies} if last_ns else {}
    there: dict[str, list[Standing]] = {}
    for token in tokens:
        there.setdefault(token.colour.proxy, []).append(token)
    edit.gone += [token.serial for token in tokens]
    for proxy in settings.proxies or (direct(settings),):
        old, was = there.get(proxy.proxy, []), known.get(proxy.proxy)
        if was is not None and not old and not _outlasts(proxy, was):
            continue  # its quota or its lease has ended
        other = others.get(proxy.proxy)
        proxy = _carried(proxy, old, was, other)
        end_ns = _less(proxy.not_after_ns, settings.timeout_ns)
        ready_ns = _ready_ns(proxy, old, last_ns, edit.now_ns, other)
        for copy in copies_of(proxy):
            edit.put(net.proxies.pool, copy, ready_ns, end_ns)


def given_proxies(edit: Edit) -> list[Proxy]:
    """The tokens of proxies that an edit puts."""
    return [colour for _, colour, *_ in edit.born if isinstance(colour, Proxy)]


def _outlasts(proxy: Proxy, was: Proxy) -> bool:
    """Whether a retired proxy is given again with a longer lease or a larger quota."""
    more = _is_more(proxy.quota, was.quota) and _is_more(proxy.bytes, was.bytes)
    later = proxy.not_after_ns is None or proxy.not_after_ns > (was.not_after_ns or 0)
    quota_ended = (was.quota is not None or was.bytes is not None) and more
    return quota_ended or (was.not_after_ns is not None and later)


def _is_more(now: int | None, before: int | None) -> bool:
    """Whether a quota is larger than it was, or has never been there."""
    return now is None or (before is not None and now > before)


def _carried(proxy: Proxy, old: list[Standing], was: Proxy | None, other: Standing | None) -> Proxy:
    """A proxy as given now, minus the requests that it has carried, with its previous faults.

    A retired proxy counts as having used up its quota.
    """
    quota, most = proxy.quota, proxy.bytes
    for token in old[:1]:
        proxy = replace(proxy, strikes=token.colour.strikes, calm=token.colour.calm)
    if most is not None and was is not None and was.bytes is not None:
        left = (old[0].colour.bytes or 0) if old else 0
        proxy = replace(proxy, bytes=max(0, most - (was.bytes - left)))
    if quota is not None and was is not None and was.quota is not None:
        left = old[0].colour.quota if old else 0
        quota = max(0, quota - (was.quota - left))
    if quota is not None and other is not None and other.colour.quota is not None:
        quota = min(quota, other.colour.quota)
    return replace(proxy, quota=quota)


def _ready_ns(
    proxy: Proxy, old: list[Standing], last_ns: int, now_ns: int, other: Standing | None
) -> int:
    """When a proxy may be used: all its tokens wait as long as the one that waits longest."""
    times_ns = [proxy.not_before_ns or 0]
    for token in old:
        delay_ns = token.colour.delay_ns
        ready_ns = token.ready_at_ns + (max(0, proxy.delay_ns - delay_ns) if delay_ns else 0)
        times_ns.append(waits_out(ready_ns, max(proxy.delay_ns, delay_ns), last_ns, now_ns))
    return max([*times_ns, *([other.ready_at_ns] if other is not None else [])])


def _less(time_ns: int | None, by_ns: int) -> int | None:
    return None if time_ns is None else time_ns - by_ns
