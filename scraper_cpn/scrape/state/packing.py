"""How the scraper's colours are stored in a state.

Owns: the encoding of targets, pages and outcomes. Bodies and items in the pipeline are not stored: of
their pages only the targets are, and the pages count as lost. Passwords are not stored, either.
Must not know: files, the net.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import asdict, astuple, replace

from scraper_cpn.scrape.colours import (
    Awaiting,
    Bad,
    Checked,
    Extracted,
    Failure,
    Fetched,
    FileJob,
    Found,
    LocatedTarget,
    LoginStep,
    Mapped,
    Parsed,
    ParsedWithFiles,
    PooledSession,
    Proxy,
    Raw,
    Reached,
    RequestTarget,
    Response,
    RoutedTarget,
    Target,
    Valid,
    Wired,
)
from scraper_cpn.scrape.policy import Policy
from scraper_cpn.scrape.policy.frontier import split
from scraper_cpn.scrape.policy.stages import plain_target
from scraper_cpn.scrape.policy.visits import state_of
from scraper_cpn.scrape.request import Request, Visit
from scraper_cpn.store.codec import Packing

VERSION = "9"
"""Changes whenever the encoding of a colour changes."""
GONE = Response(
    url="", status=0, content_type="", charset=None, body=b"", fetched_at_ns=0, elapsed_ns=0
)
"""Stands in place of a response."""
_PARSED_PARTS = 4
"""Of an encoded page whose links are not all of it; plain links have five parts, or none."""
_HIDDEN = "***"
_PRIORITY, _RANK = 5, 9
"""The positions of these fields in an encoded target."""

_unpacked = msgspec.msgpack.Decoder(list[Any]).decode


def packings(policy: Policy) -> dict[type[Any], Packing]:
    """The types with an encoding of their own; all others are stored field by field."""
    writing = _Targets(policy)
    target, targets = Packing(writing.pack, writing.unpack), writing
    settings = policy.settings
    urls = {proxy.proxy: proxy.url for proxy in settings.proxies}
    charged = any(proxy.bytes is not None for proxy in settings.proxies)
    visits = policy.requests.visits.keeps or settings.dedupe != "off"
    limited = settings.max_bytes or settings.max_bytes_per_domain or settings.rate_bytes
    measured = settings.adaptive or limited or charged or visits
    return {
        Target: target,
        RequestTarget: target,
        RoutedTarget: Packing(writing.pack_routed, writing.unpack_routed),
        LocatedTarget: Packing(writing.pack_located, writing.unpack_located),
        Found: Packing(targets.pack_found, targets.unpack_found),
        Reached: Packing(targets.pack_reached, targets.unpack_reached),
        Raw: Packing(
            lambda page: [
                targets.pack(page.target),
                page.proxy,
                page.login,
                page.content,
                page.session and astuple(page.session),
            ],
            lambda packed: Raw(
                targets.unpack(packed[0]),
                GONE,
                packed[1],
                packed[2],
                packed[3],
                packed[4] and PooledSession(*packed[4]),
            ),
        ),
        Extracted: Packing(_page(targets), lambda packed: Extracted(targets.unpack(packed), ())),
        Checked: _counted_page(targets)
        if settings.max_items
        else Packing(_page(targets), lambda packed: Checked(targets.unpack(packed), ())),
        Awaiting: Packing(
            lambda page: [targets.pack(page.target), page.asked, page.rest],
            lambda packed: Awaiting(targets.unpack(packed[0]), packed[1], tuple(packed[2]), ()),
        ),
        Failure: Packing(targets.pack_failure, targets.unpack_failure),
        Fetched: _measured(visits)
        if measured
        else Packing(lambda _: None, lambda _: Fetched(GONE)),
        LoginStep: Packing(
            lambda step: targets.pack(step.target), lambda packed: LoginStep(targets.unpack(packed))
        ),
        Mapped: Packing(targets.pack_mapped, targets.unpack_mapped),
        Parsed: Packing(targets.pack_parsed, targets.unpack_parsed),
        ParsedWithFiles: Packing(targets.pack_with_files, targets.unpack_with_files),
        Valid: _counted()
        if settings.max_items
        else Packing(lambda valid: valid.errors, lambda packed: Valid((), tuple(packed))),
        Proxy: Packing(_pack_proxy, lambda packed: _with_password(Proxy(*packed), urls)),
    }


def _measured(visits: bool) -> Packing:
    """The encoding of a page whose size and times the net decides by, and with *visits* whether it has changed."""

    def pack(fetched: Fetched) -> list[Any]:
        response = fetched.response
        known = state_of(fetched) if visits else None
        return [fetched.size, response.elapsed_ns, response.wired.service_ns, known]

    def unpack(packed: list[Any]) -> Fetched:
        size, elapsed_ns, service_ns, known = packed
        gone = replace(GONE, elapsed_ns=elapsed_ns, wired=Wired(0, 0, service_ns))
        return Fetched(gone, size, None if known is None else msgspec.convert(known, Visit))

    return Packing(pack, unpack)


def _counted() -> Packing:
    """The encoding of the items that fit, whose number the net decides by."""
    return Packing(
        lambda valid: [valid.errors, valid.size],
        lambda packed: Valid((), tuple(packed[0]), number=packed[1]),
    )


def _counted_page(targets: _Targets) -> Packing:
    """The encoding of a page by whose number of items the net decides."""
    return Packing(
        lambda page: [targets.pack(page.target), page.size],
        lambda packed: Checked(targets.unpack(packed[0]), (), number=packed[1]),
    )


def without_password(proxy: Proxy) -> Proxy:
    """A proxy without its password or key, so that it may be stored."""
    return Proxy(*_pack_proxy(proxy))


def lacks_password(proxy: Proxy) -> bool:
    """Whether a proxy that was read back can't be used without its password or key."""
    return f"{_HIDDEN}@" in (proxy.url or "")


def priority_and_rank(colour: bytes) -> tuple[int, int]:
    """The priority and rank of an encoded target, for callers that scan all of them."""
    packed = _unpacked(colour)
    return packed[_PRIORITY], packed[_RANK]


class _Targets:
    """Encodes and decodes targets, with everything that was computed from their URLs when they were made.

    Nothing is computed again: tomorrow's suffix list may give a host another domain, and a target with
    another domain is not the one that waits in the state.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy

    def pack(self, target: Target) -> list[Any]:
        """Encode a target; its request only if it has one beside its URL."""
        packed = [
            target.url, target.site, None if target.requested_url == target.url else target.requested_url,
            target.parent, target.depth, target.priority, _pack_attempts(target), target.hops, target.handler,
            target.rank, _pack_names(target),
        ]  # fmt: skip
        return [*packed, *_pack_request(target)]

    def unpack(self, packed: list[Any]) -> Target:
        url, site, asked, parent, depth, priority, made, hops, handler, rank, names, *more = packed
        attempt, lost = (made, 0) if isinstance(made, int) else made
        domain, origin = _names(url, names)
        kind = partial(RequestTarget, request=msgspec.convert(more[0], Request)) if more else Target
        return kind(
            url=url,
            domain=domain,
            origin=origin,
            site=site,
            requested_url=asked or url,
            parent=parent,
            depth=depth,
            priority=priority,
            rank=rank,
            attempt=attempt,
            lost=lost,
            hops=hops,
            handler=handler,
        )

    def pack_routed(self, target: RoutedTarget) -> list[Any]:
        """Encode a target that was given a proxy."""
        return [target.proxy, target.watched, self.pack(plain_target(target))]

    def unpack_routed(self, packed: list[Any]) -> RoutedTarget:
        proxy, watched, inner = packed
        target = self.unpack(inner)
        common = {name: getattr(target, name) for name in Target.__struct_fields__}
        return RoutedTarget(**common, request=target.request, proxy=proxy, watched=watched)

    def pack_located(self, target: LocatedTarget) -> list[Any]:
        """Encode a target that was given its address."""
        return [target.address, target.ip, self.pack(plain_target(target))]

    def unpack_located(self, packed: list[Any]) -> LocatedTarget:
        address, ip, inner = packed
        target = self.unpack(inner)
        common = {name: getattr(target, name) for name in Target.__struct_fields__}
        return LocatedTarget(**common, request=target.request, address=address, ip=ip)

    def pack_failure(self, failure: Failure) -> list[Any]:
        """Encode a failure with its target."""
        target, *rest = astuple(failure)
        return [self.pack(target), *rest]

    def unpack_failure(self, packed: list[Any]) -> Failure:
        target, *rest = packed
        names = Failure.__struct_fields__[1:]
        return Failure(target=self.unpack(target), **dict(zip(names, rest, strict=True)))

    def pack_found(self, found: Found) -> list[Any]:
        """Encode links, behind the page that they are of, if that is known, and before a list of traps, if any."""
        page = (found.page, found.depth) if found.page else ()
        traps = [list(map(self.pack, found.trapped))] if found.trapped else ()
        return [*page, *map(self.pack, found.every), *traps]

    def unpack_found(self, packed: list[Any]) -> Found:
        if packed and isinstance(packed[-1], list) and isinstance(packed[-1][0], list):
            *packed, traps = packed
            return replace(self.unpack_found(packed), trapped=tuple(map(self.unpack, traps)))
        if not packed or not isinstance(packed[0], str):
            return split(map(self.unpack, packed))
        page, depth, *targets = packed
        return replace(split(map(self.unpack, targets)), page=page, depth=depth)

    def pack_reached(self, reached: Reached) -> list[Any]:
        """Encode what is remembered of a URL."""
        return [reached.page, reached.depth, reached.links and self.pack_found(reached.links)]

    def unpack_reached(self, packed: list[Any]) -> Reached:
        page, depth, links = packed
        return Reached(page, depth, links and self.unpack_found(links))

    def pack_parsed(self, parsed: Parsed) -> list[Any]:
        """Encode the links of one page."""
        links = self.pack_links(parsed.targets)
        has_more = parsed.requests or parsed.stop or parsed.trouble or parsed.refused
        if not has_more and parsed.again_ns is None:
            return links
        trouble = None if parsed.trouble is None else astuple(parsed.trouble)
        more = [trouble, parsed.again_ns, parsed.refused]
        return [links, self.pack_links(parsed.requests), parsed.stop, more]

    def unpack_parsed(self, packed: list[Any]) -> Parsed:
        if len(packed) != _PARSED_PARTS:
            return Parsed((), self.unpack_links(packed))
        links, requests, stop, (trouble, again_ns, refused) = packed
        return Parsed(
            (),
            self.unpack_links(links),
            requests=self.unpack_links(requests),
            stop=stop,
            trouble=None if trouble is None else Bad(*trouble),
            refused=tuple(refused),
            again_ns=again_ns,
        )

    def pack_with_files(self, parsed: ParsedWithFiles) -> list[Any]:
        """Encode the links and the files of one page."""
        return [self.pack_parsed(parsed), list(map(astuple, parsed.files))]

    def unpack_with_files(self, packed: list[Any]) -> ParsedWithFiles:
        plain, names = self.unpack_parsed(packed[0]), FileJob.__struct_fields__
        jobs = (FileJob(**dict(zip(names, each, strict=True))) for each in packed[1])
        return ParsedWithFiles(**asdict(plain), files=tuple(jobs))

    def pack_mapped(self, mapped: Mapped) -> list[Any]:
        """Encode what a sitemap says."""
        return [self.pack_links(mapped.targets), mapped.sitemaps, mapped.troubles]

    def unpack_mapped(self, packed: list[Any]) -> Mapped:
        links, sitemaps, troubles = packed
        return Mapped(self.unpack_links(links), tuple(sitemaps), tuple(troubles))

    def pack_links(self, targets: tuple[Target, ...]) -> list[Any]:
        """Encode links of one page, which share site, parent, depth and time."""
        if not targets:
            return []
        first = targets[0]
        since_ns = self._policy.frontier.since_ns(first.priority, first.rank)
        links = [
            (each.url, each.priority, each.handler, _pack_names(each), *_pack_request(each))
            for each in targets
        ]
        return [first.site, first.parent, first.depth, since_ns, links]

    def unpack_links(self, packed: list[Any]) -> tuple[Target, ...]:
        if not packed:
            return ()
        site, parent, depth, since_ns, links = packed
        rank = self._policy.frontier.rank
        return tuple(
            self.unpack(
                [
                    url, site, None, parent, depth, priority, 1, 0, handler,
                    rank(priority, since_ns), names, *request,
                ]
            )
            for url, priority, handler, names, *request in links
        )  # fmt: skip


def _pack_attempts(target: Target) -> int | tuple[int, int]:
    """Encode the number of an attempt, and how many of those before were lost, if any."""
    return (target.attempt, target.lost) if target.lost else target.attempt


def _pack_request(target: Target) -> tuple[Request, ...]:
    return (target.request,) if isinstance(target, RequestTarget) else ()


def _pack_names(target: Target) -> tuple[Any, ...]:
    """Encode a target's domain and origin, as parts of its URL if possible: targets may wait by the million.

    The domain is encoded as its start in the URL and its length, or in full; the origin as the suffix to the
    URL's own origin (the default port), or in full.
    """
    url, domain, origin = target.url, target.domain, target.origin
    own = _own_origin(url)
    start = own.find(domain)
    place = (start, len(domain)) if start >= 0 else (domain, 0)
    return (*place, origin.removeprefix(own)) if origin.startswith(own) else (*place, "", origin)


def _names(url: str, packed: list[Any]) -> tuple[str, str]:
    """Decode the domain and the origin."""
    start, length, more, *origin = packed
    domain = url[start : start + length] if isinstance(start, int) else start
    return domain, origin[0] if origin else _own_origin(url) + more


def _own_origin(url: str) -> str:
    """A URL up to its path. It uses no other module, so that stored data is always decoded in the same way."""
    return url[: url.find("/", 8)]


def _page(targets: _Targets) -> Callable[[Raw | Extracted | Checked], list[Any]]:
    """Encode a page in the pipeline as its target."""
    return lambda page: targets.pack(page.target)


def _with_password(proxy: Proxy, urls: Mapping[str, str | None]) -> Proxy:
    """A proxy that was read back, with the password that this process knows of it, if any."""
    known = urls.get(proxy.proxy) if lacks_password(proxy) else None
    return proxy if known is None else replace(proxy, url=known)


def _pack_proxy(proxy: Proxy) -> tuple[Any, ...]:
    before, _, host = (proxy.url or "").rpartition("@")
    scheme, mark, login = before.partition("://")
    user, _, password = login.partition(":")
    if login:  # a user without a password is a key
        kept = f"{user}:{_HIDDEN}" if password else _HIDDEN
        proxy = replace(proxy, url=f"{scheme}{mark}{kept}@{host}")
    return astuple(proxy)
