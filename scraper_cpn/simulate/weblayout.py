"""The hosts, pages, links and redirects of a synthetic web, and their failures.

Owns: names and every decision of the web. A decision is a hash of seed, host, page and a label. There is
no shared random state, so decisions do not depend on the order of requests, the process or its hash
seed.
Must not know: answers, markup, sockets, clocks.

Pages of a host form a tree with `links` children each: page 0 is `/`, page n is `/p/n`, and the
last fifth of a host with robots kind `disallow` is `/private/n`. Links to a page's own host are
relative, so that a host can also be served under another name.
"""

from collections.abc import Iterator
from hashlib import blake2b
from ipaddress import IPv4Address
from struct import unpack

from scraper_cpn.simulate.webspec import FailKind, RobotsKind, WebSpec

PRIVATE = (
    "http://169.254.169.254/latest/meta-data/",
    "http://10.0.0.7/",
    "http://127.0.0.1/",
    "http://[::1]/",
)
"""The targets of redirects of kind `private`: addresses that a crawler must not visit."""


_FIRST_ADDRESS = IPv4Address("100.64.0.0")
"""Addresses that are never public (RFC 6598): nothing is sent there."""


class WebLayout:
    """The hosts of a spec by number, their pages by number, and the decisions about them."""

    def __init__(self, spec: WebSpec) -> None:
        self.spec = spec
        self.hosts = tuple(self._name(i) for i in range(spec.hosts))
        self.index = {host: i for i, host in enumerate(self.hosts)}
        self._salt = f"{spec.seed}|".encode()

    def _name(self, index: int) -> str:
        group, member = divmod(index, self.spec.subdomains)
        return f"h{group}.example" if self.spec.subdomains == 1 else f"w{member}.h{group}.example"

    def address(self, host: str) -> str:
        """The IP address of a host; those of other webs share one."""
        number = self.index.get(host, -1) + 1
        if number and self.spec.addresses:
            number = 1 + (number - 1) % self.spec.addresses
        return str(_FIRST_ADDRESS + number)

    def path(self, index: int, page: int) -> str:
        """The path of a page."""
        if page == 0:
            return "/"
        hidden = page >= self.spec.pages - self.spec.pages // 5
        return f"/{'private' if hidden and self.robots(index) == 'disallow' else 'p'}/{page}"

    def page(self, index: int, path: str) -> int | None:
        """The number of the page at *path*; None if there is none."""
        page = number(path.rpartition("/")[2] or "0")
        if page is None or page >= self.spec.pages or self.path(index, page) != path:
            return None
        return page

    # Decisions.

    def draws(self, what: str, count: int) -> list[int]:
        """*count* numbers below 2^32 that depend on the seed and *what* alone."""
        draws: list[int] = []
        while len(draws) < count:
            data = blake2b(self._salt + f"{len(draws)}|{what}".encode()).digest()
            draws += unpack(">16I", data)
        return draws[:count]

    def chance(self, what: str, share: float) -> bool:
        """Whether *what* falls within *share* of all values; 0 is never, 1 is always."""
        return share > 0 and self.draws(what, 1)[0] < share * 2**32

    def robots(self, index: int) -> RobotsKind:
        """The kind of a host's robots.txt."""
        kinds = self.spec.robots
        return kinds[min(index, len(kinds) - 1)]

    def busy(self, index: int) -> bool:
        """Whether a host answers 429 to its first requests; its pages then have no other failures."""
        return index >= self.spec.hosts - self.spec.busy_hosts

    def failures(self, index: int, page: int) -> int:
        """How often a page fails before it succeeds."""
        what = f"{self.hosts[index]} {page} fails"
        if self.busy(index) or not self.chance(what, self.spec.fail):
            return 0
        return 1 + self.draws(what, 2)[1] % self.spec.fail_times

    def failure(self, index: int, page: int, visit: int) -> FailKind:
        """How a page fails at a visit."""
        kinds = self.spec.fail_kinds
        draw = self.draws(f"{self.hosts[index]} {page} failure {visit}", 1)[0]
        return kinds[draw % len(kinds)]

    def latency_ns(self, index: int, path: str, visit: int) -> int:
        """The time to the first byte."""
        spread_ns = self.spec.latency_spread_ns
        if spread_ns == 0:
            return self.spec.latency_ns
        high, low = self.draws(f"{self.hosts[index]}{path} latency {visit}", 2)
        return self.spec.latency_ns + (high << 32 | low) % (spread_ns + 1)

    def slow(self, index: int, page: int) -> bool:
        """Whether the page's body arrives slowly."""
        return self.chance(f"{self.hosts[index]} {page} slow", self.spec.slow)

    def media(self, index: int, page: int) -> bool:
        """Whether the page is not HTML; only pages without children in the tree may be."""
        leaf = self.spec.links == 0 or page * self.spec.links + 1 >= self.spec.pages
        return (
            page > 0
            and leaf
            and self.chance(f"{self.hosts[index]} {page} media", self.spec.non_html)
        )

    def detour(self, index: int, page: int) -> str | None:
        """The kind of the redirect that leads to a page or, as a trap, is linked beside it."""
        what = f"{self.hosts[index]} {page} detour"
        if not self.chance(what, self.spec.redirect):
            return None
        kinds = self.spec.redirect_kinds
        return kinds[self.draws(what, 2)[1] % len(kinds)]

    # Links.

    def hrefs(self, index: int, page: int) -> Iterator[str]:
        """The unresolved links of a page."""
        host, spec = self.hosts[index], self.spec
        draws = self.draws(f"{host} {page} links", spec.links + 2 * spec.links_out)
        plain = [*self._own(index, page, draws), *self._others(index, draws[spec.links :])]
        yield from plain
        if spec.duplicates:
            for k, href in enumerate(plain):
                if self.chance(f"{host} {page} again {k}", spec.duplicates):
                    yield respelled(href)

    def _own(self, index: int, page: int, draws: list[int]) -> Iterator[str]:
        """The page's children in the tree, filled up with other pages of the host."""
        links, pages = self.spec.links, self.spec.pages
        for k in range(links):
            child = page * links + k + 1
            if child < pages:
                yield from self._to_child(index, child)
            else:
                yield self.path(index, draws[k] % pages)

    def _to_child(self, index: int, child: int) -> Iterator[str]:
        kind = self.detour(index, child)
        if kind not in ("own", "chain"):
            yield self.path(index, child)
        if kind == "chain":
            yield f"/r/chain/{child}/{self.spec.chain_hops}"
        elif kind:
            yield f"/r/{kind}/{child}"

    def _others(self, index: int, draws: list[int]) -> Iterator[str]:
        if self.spec.hosts > 1:
            for k in range(self.spec.links_out):
                yield self._elsewhere(index, draws[2 * k], draws[2 * k + 1])

    def _elsewhere(self, index: int, draw: int, page: int) -> str:
        """A page of another host, or of the same one if there is no other."""
        hosts = self.spec.hosts
        other = (index + 1 + draw % max(1, hosts - 1)) % hosts
        return f"http://{self.hosts[other]}{self.path(other, page % self.spec.pages)}"

    # Redirects.

    def location(self, index: int, path: str) -> str | None:
        """The target of the redirect at *path*; None if there is none."""
        if not path.startswith("/r/"):
            return None
        kind, _, rest = path.removeprefix("/r/").partition("/")
        digits, _, tail = rest.partition("/")
        page = number(digits)
        if page is None or page >= self.spec.pages:
            return None
        if kind == "chain" and (number(tail) or 0) > 1:
            return f"/r/chain/{page}/{min(number(tail) or 0, self.spec.chain_hops + 1) - 1}"
        if kind in ("own", "chain"):
            return self.path(index, page)
        return self._trap(index, path, kind, page)

    def _trap(self, index: int, path: str, kind: str, page: int) -> str | None:
        draws = self.draws(f"{self.hosts[index]}{path}", 2)
        if kind == "loop":
            return f"/r/loop/{page}" if path.endswith("/back") else f"/r/loop/{page}/back"
        if kind == "private":
            return PRIVATE[draws[0] % len(PRIVATE)]
        return self._elsewhere(index, *draws) if kind == "other" else None


def number(text: str) -> int | None:
    """The number in *text*, of at most nine digits; None for anything else."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def split(url: str) -> tuple[str, str]:
    """Host and path of an `http://` URL as this web writes them."""
    host, _, path = url.removeprefix("http://").partition("/")
    return host, f"/{path}"


def join(host: str, href: str) -> str:
    """The absolute and normalised form of an href found on *host*, as this web writes them."""
    url = href if href.startswith("http://") else f"http://{host}{href}"
    return url.partition("#")[0].replace("/./", "/")


def respelled(href: str) -> str:
    """Another spelling of the same URL: a dot segment and a fragment (RFC 3986 section 6.2)."""
    scheme, slashes, rest = href.rpartition("//")
    host, _, path = rest.partition("/")
    return f"{scheme}{slashes}{host}/./{path}#again"
